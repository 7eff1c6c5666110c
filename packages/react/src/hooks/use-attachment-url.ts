/** Links to attachments hold a signature that expires, so they are asked for when something is shown. */
import type { Attachment } from '@tidings/client';
import { useEffect, useState } from 'react';
import { useChat } from './use-chat.ts';

/**
 * A link that works without a token, for `<img>` and `<a>`; undefined until it is there.
 * @param attachment undefined asks for nothing.
 */
export function useAttachmentUrl(attachment: Attachment | undefined): string | undefined {
  const chat = useChat();
  const [found, setFound] = useState<{ readonly id: string; readonly url: string }>();
  useEffect(() => {
    if (attachment === undefined) return undefined;
    let isWanted = true;
    chat.attachmentUrl(attachment).then(
      (url) => isWanted && setFound({ id: attachment.id, url }),
      // Without a link the place stays as it is; the next mount asks again.
      () => {},
    );
    return () => void (isWanted = false);
  }, [chat, attachment?.id]);
  return found !== undefined && found.id === attachment?.id ? found.url : undefined;
}
