/** Links to attachments hold a signature that expires, so they are asked for when something is shown. */
import type { Attachment } from '@tidings/client';
import { useEffect, useState } from 'react';
import { useChat } from './use-chat.ts';

/** How often a link that is shown is looked after; the client keeps those that still work. */
const renewMs = 4 * 60_000;

/**
 * A link that works without a token, for `<img>` and `<a>`; undefined until it is there.
 * @param attachment undefined asks for nothing.
 */
export function useAttachmentUrl(attachment: Attachment | undefined): string | undefined {
  const chat = useChat();
  const [found, setFound] = useState<{ readonly id: string; readonly url: string }>();
  useEffect(() => {
    if (attachment === undefined) return undefined;
    const { id } = attachment;
    let isWanted = true;
    const ask = (): void => {
      chat.attachmentUrl(attachment).then(
        (url) => isWanted && setFound((before) => (before?.id === id && before.url === url ? before : { id, url })),
        // Without a link the place stays as it is.
        () => {},
      );
    };
    ask();
    const timer = setInterval(ask, renewMs);
    return () => {
      isWanted = false;
      clearInterval(timer);
    };
  }, [chat, attachment?.id]);
  return found !== undefined && found.id === attachment?.id ? found.url : undefined;
}
