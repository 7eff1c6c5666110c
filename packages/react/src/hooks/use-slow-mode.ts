/** How long a room makes one wait between two messages. */
import { useEffect, useState } from 'react';
import { useConversation } from '../conversation.ts';
import { isModerator } from '../permissions.ts';
import { useMessages, useOpenRoomView } from './use-room.ts';

/** Seconds until the user may write again; 0 if they may now. */
export function useSlowMode(): number {
  const { room, timeline } = useConversation();
  const view = useOpenRoomView(room);
  const { messages } = useMessages(timeline);
  const slowMs = isModerator(view) ? 0 : (view?.room.slowMs ?? 0);
  const lastAt =
    slowMs === 0 ? 0 : (messages.findLast(({ isOwn, state }) => isOwn && state !== 'failed')?.createdAt ?? 0);
  const until = slowMs === 0 ? 0 : lastAt + slowMs;
  const [now, setNow] = useState(() => Date.now());
  const isWaiting = until > now;
  useEffect(() => setNow(Date.now()), [until]);
  useEffect(() => {
    if (!isWaiting) return undefined;
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [isWaiting]);
  return Math.max(0, Math.ceil((until - now) / 1000));
}
