/**
 * How long a room makes one wait between two messages. The clock of a device may be wrong by minutes, so time is counted
 * here from the moment in which the server took the message. Of a message that was there already, after a reload, or came
 * from another device, only its `createdAt` is known: on a device whose clock is wrong the user then waits too long or too
 * short, though never longer than the room asks for. The server decides, and what comes too early is sent again.
 */
import { useEffect, useRef, useState } from 'react';
import { useConversation } from '../conversation.ts';
import { isModerator } from '../permissions.ts';
import { useBrowserLayoutEffect } from './use-layout-effect.ts';
import { useMessages, useOpenRoomView } from './use-room.ts';

/** Seconds until the user may write again; 0 if they may now. */
export function useSlowMode(): number {
  const { room, timeline } = useConversation();
  const view = useOpenRoomView(room);
  const { messages } = useMessages(timeline);
  const slowMs = isModerator(view) ? 0 : (view?.room.slowMs ?? 0);
  const last = slowMs === 0 ? undefined : messages.findLast(({ isOwn, state }) => isOwn && state !== 'failed');
  const key = last?.key;
  const isOnItsWay = last !== undefined && last.seq === undefined;
  const keyOnItsWay = useRef<string>(undefined);
  /** By the clock of `performance`, which nobody sets; as is `now`. */
  const [lastAt, setLastAt] = useState(-Infinity);
  const [now, setNow] = useState(0);

  useBrowserLayoutEffect(() => {
    const wasTakenNow = key !== undefined && key === keyOnItsWay.current && !isOnItsWay;
    keyOnItsWay.current = isOnItsWay ? key : undefined;
    const ageMs = wasTakenNow ? 0 : Math.max(0, Date.now() - (last?.createdAt ?? -Infinity));
    setLastAt(performance.now() - ageMs);
    setNow(performance.now());
    // When it was made becomes another time once the server has it.
  }, [key, isOnItsWay]);

  const waitMs = slowMs - (now - lastAt);
  const isWaiting = waitMs > 0;
  useEffect(() => {
    if (!isWaiting) return undefined;
    const timer = setInterval(() => setNow(performance.now()), 500);
    return () => clearInterval(timer);
  }, [isWaiting]);
  return Math.max(0, Math.ceil(waitMs / 1000));
}
