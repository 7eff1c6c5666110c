/** The message that another one answers: from what is shown, else asked for once. */
import type { Message, MessageView } from '@tidings/client';
import { useEffect, useState, useSyncExternalStore } from 'react';
import { useConversation } from '../conversation.ts';
import { useChat } from './use-chat.ts';

export interface Quoted {
  readonly sender: string;
  readonly message?: Message | undefined;
  readonly view?: MessageView | undefined;
}

export function useQuoted(seq: number | undefined): Quoted | undefined {
  const chat = useChat();
  const { timeline, room } = useConversation();
  const find = (): MessageView | undefined => {
    if (seq === undefined) return undefined;
    const { messages } = timeline.messages.get();
    return messages[indexOfSeq(messages, seq)];
  };
  const view = useSyncExternalStore(timeline.messages.subscribe, find, find);
  const [asked, setAsked] = useState<Message>();
  const isMissing = view === undefined && seq !== undefined;

  useEffect(() => {
    if (!isMissing) return undefined;
    let isWanted = true;
    chat.call('message', { room: room.id, seq }).then(
      ({ message }) => isWanted && setAsked(message),
      // It may be gone for good, or there is no network: the quote says that there was one.
      () => {},
    );
    return () => void (isWanted = false);
  }, [chat, room.id, seq, isMissing]);

  if (view !== undefined) return { sender: view.sender, view };
  return asked !== undefined && asked.seq === seq ? { sender: asked.sender, message: asked } : undefined;
}

/** Where the message stands; -1 if it is not among them. They are ordered by seq, and those without stand at the end. */
export function indexOfSeq(messages: readonly MessageView[], seq: number): number {
  let low = 0;
  let high = messages.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const at = messages[middle]?.seq ?? Infinity;
    if (at === seq) return middle;
    if (at < seq) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}
