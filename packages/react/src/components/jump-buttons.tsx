/** What floats above the list: the way to the latest message, and to the first unread one, with how many they are. */
import type { MessagesView } from '@tidings/client';
import { useRef, useState, type ReactNode } from 'react';
import { useFormats, useLabels } from '../context.ts';
import { Icon } from './icon.tsx';

export interface JumpButtonsProps {
  readonly view: MessagesView;
  readonly isAtEnd: boolean;
  /** Seq of the first message that is in sight. */
  readonly firstInSight: number | undefined;
  readonly onLatest: () => void;
  readonly onUnread: (seq: number) => void;
}

export function JumpButtons({ view, isAtEnd, firstInSight, onLatest, onUnread }: JumpButtonsProps): ReactNode {
  const labels = useLabels();
  const formats = useFormats();
  const below = useNewBelow(view, isAtEnd);
  const { firstUnreadSeq } = view;
  // Once it was in sight nobody needs to be led there.
  const [seenUnread, setSeenUnread] = useState<number>();
  const isUnreadAbove = firstUnreadSeq !== undefined && firstInSight !== undefined && firstUnreadSeq < firstInSight;
  if (firstUnreadSeq !== undefined && firstInSight !== undefined && !isUnreadAbove && seenUnread !== firstUnreadSeq) {
    setSeenUnread(firstUnreadSeq);
  }
  const unreadAbove = isUnreadAbove ? unreadSince(view, firstUnreadSeq) : 0;
  return (
    <>
      {isUnreadAbove && seenUnread !== firstUnreadSeq && (
        <button
          type="button"
          className="tidings-jump tidings-jump-unread"
          title={labels.jumpToUnread}
          onClick={() => {
            setSeenUnread(firstUnreadSeq);
            onUnread(firstUnreadSeq);
          }}
        >
          <Icon name="chevronUp" />
          {labels.unreadAbove(unreadAbove)}
          <span className="tidings-sr-only">, {labels.jumpToUnread}</span>
        </button>
      )}
      {!isAtEnd && (
        <button
          type="button"
          className="tidings-jump tidings-jump-latest"
          title={labels.jumpToLatest}
          onClick={onLatest}
        >
          {below > 0 && (
            <>
              <span className="tidings-jump-count" aria-hidden="true">
                {formats.number(below)}
              </span>
              <span className="tidings-sr-only">{labels.newBelow(below)}, </span>
            </>
          )}
          <span className="tidings-sr-only">{labels.jumpToLatest}</span>
          <Icon name="chevronDown" />
        </button>
      )}
    </>
  );
}

/** Those that are here are counted; of what is further up the numbers tell how many there may be. */
function unreadSince({ messages }: MessagesView, firstUnreadSeq: number): number {
  const here = messages.filter(({ seq, isOwn }) => !isOwn && seq !== undefined && seq >= firstUnreadSeq).length;
  return here + Math.max(0, (messages[0]?.seq ?? 0) - firstUnreadSeq);
}

/** How many messages of others have come since the end was last in sight. */
function useNewBelow(view: MessagesView, isAtEnd: boolean): number {
  const seenSeq = useRef<number>(undefined);
  const lastSeq = view.messages.findLast(({ seq }) => seq !== undefined)?.seq;
  if (isAtEnd || seenSeq.current === undefined) seenSeq.current = lastSeq;
  if (isAtEnd) return 0;
  const seen = seenSeq.current ?? 0;
  let count = 0;
  for (let i = view.messages.length - 1; i >= 0; i--) {
    const message = view.messages[i];
    if (message?.seq === undefined) continue;
    if (message.seq <= seen) break;
    if (!message.isOwn) count++;
  }
  return count;
}
