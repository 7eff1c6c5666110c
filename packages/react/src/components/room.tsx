/** One room on the screen: opens it, and is the frame for the list of messages, the composer and what else stands there. */
import type { ChatRoom } from '@tidings/client';
import { useRef, useState, type ReactNode } from 'react';
import { classNames } from '../class-names.ts';
import { useLabels } from '../context.ts';
import { ConversationContext } from '../conversation.ts';
import { useNewConversation } from '../hooks/use-new-conversation.ts';
import { useBrowserLayoutEffect } from '../hooks/use-layout-effect.ts';
import { useGone, useOpenRoomView, useRoom } from '../hooks/use-room.ts';
import { Composer } from './composer.tsx';
import { MessageList } from './message-list.tsx';
import { RoomHeader } from './room-header.tsx';
import { Thread } from './thread.tsx';
import { TypingIndicator } from './typing-indicator.tsx';

export interface RoomProps {
  /** Id of the room. */
  readonly id: string;
  /** Opens the thread under a message. Without it, a room without `children` shows the thread above itself. */
  readonly onOpenThread?: (threadSeq: number) => void;
  /** Instead of header, messages, typing and composer. */
  readonly children?: ReactNode;
  /** Shown when the room is gone for the user. */
  readonly renderGone?: (reason: { readonly code: number; readonly message: string }) => ReactNode;
  readonly className?: string;
}

/** One room: opens it, and is the frame for its header, messages and composer. */
export function Room({ id, onOpenThread, children, renderGone, className }: RoomProps): ReactNode {
  const room = useRoom(id);
  return (
    <section className={classNames('tidings-room', className)} data-room={id}>
      {room !== undefined && (
        <OpenRoom key={id} room={room} onOpenThread={onOpenThread} renderGone={renderGone}>
          {children}
        </OpenRoom>
      )}
    </section>
  );
}

interface OpenRoomProps {
  readonly room: ChatRoom;
  readonly onOpenThread: ((threadSeq: number) => void) | undefined;
  readonly renderGone: RoomProps['renderGone'] | undefined;
  readonly children: ReactNode;
}

function OpenRoom({ room, onOpenThread, renderGone, children }: OpenRoomProps): ReactNode {
  const labels = useLabels();
  const gone = useGone(room);
  const [threadSeq, setThreadSeq] = useState<number>();
  const conversation = useNewConversation(
    room,
    room,
    undefined,
    onOpenThread ?? (children === undefined ? setThreadSeq : undefined),
  );
  const body = useRef<HTMLDivElement>(null);
  const isCovered = threadSeq !== undefined;
  const wasCovered = useRef(false);
  useBrowserLayoutEffect(() => {
    // As a property: React 18 does not know the attribute.
    if (body.current !== null) body.current.inert = isCovered;
    if (wasCovered.current && !isCovered) conversation.list.current?.focus();
    wasCovered.current = isCovered;
  });
  const title = useOpenRoomView(room)?.title;
  if (gone !== undefined) {
    return renderGone?.(gone) ?? <p className="tidings-notice">{labels.gone}</p>;
  }
  return (
    <ConversationContext.Provider value={conversation}>
      {children ?? (
        <>
          <div className="tidings-room-body" ref={body}>
            <RoomHeader />
            <MessageList {...(title !== undefined && title !== '' && { label: labels.messagesOf(title) })} />
            <TypingIndicator />
            <Composer />
          </div>
          {threadSeq !== undefined && (
            <Thread
              className="tidings-thread-above"
              room={room.id}
              seq={threadSeq}
              onClose={() => setThreadSeq(undefined)}
            />
          )}
        </>
      )}
    </ConversationContext.Provider>
  );
}
