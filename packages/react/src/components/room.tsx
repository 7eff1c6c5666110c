/** One room on the screen: opens it, and is the frame for the list of messages, the composer and what else stands there. */
import type { ChatRoom } from '@tidings/client';
import { useCallback, useMemo, useRef, useState, type ReactNode } from 'react';
import { classNames } from '../class-names.ts';
import { useLabels } from '../context.ts';
import { ConversationContext, type Composing, type Conversation } from '../conversation.ts';
import { useGone, useOpenRoomView, useRoom } from '../hooks/use-room.ts';
import { Composer } from './composer.tsx';
import { MessageList } from './message-list.tsx';
import { RoomHeader } from './room-header.tsx';
import { TypingIndicator } from './typing-indicator.tsx';

export interface RoomProps {
  /** Id of the room. */
  readonly id: string;
  /** Opens the thread under a message. Without it threads are not offered. */
  readonly onOpenThread?: (threadSeq: number) => void;
  /** Instead of header, messages, typing and composer. */
  readonly children?: ReactNode;
  /** Shown when the room is gone for the user. */
  readonly renderGone?: (reason: { readonly code: number; readonly message: string }) => ReactNode;
  readonly className?: string;
}

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
  const conversation = useNewConversation(room, room, undefined, onOpenThread);
  const title = useOpenRoomView(room)?.title;
  if (gone !== undefined) {
    return renderGone?.(gone) ?? <p className="tidings-notice">{labels.gone}</p>;
  }
  return (
    <ConversationContext.Provider value={conversation}>
      {children ?? (
        <>
          <RoomHeader />
          <MessageList {...(title !== undefined && title !== '' && { label: labels.messagesOf(title) })} />
          <TypingIndicator />
          <Composer />
        </>
      )}
    </ConversationContext.Provider>
  );
}

/** The state that the parts of one conversation share. */
export function useNewConversation(
  room: ChatRoom,
  timeline: Conversation['timeline'],
  thread: Conversation['thread'],
  onOpenThread: ((threadSeq: number) => void) | undefined,
): Conversation {
  const [composing, compose] = useState<Composing>({ kind: 'new' });
  const list = useRef<Conversation['list']['current']>(undefined);
  const jumpTo = useCallback((seq: number) => list.current?.jumpTo(seq), []);
  // A new function with every render of the application would render every message anew.
  const latest = useRef(onOpenThread);
  latest.current = onOpenThread;
  const hasThreads = onOpenThread !== undefined;
  const openThread = useMemo(() => (hasThreads ? (seq: number) => latest.current?.(seq) : undefined), [hasThreads]);
  return useMemo(
    () => ({ room, timeline, thread, composing, compose, openThread, jumpTo, list }),
    [room, timeline, thread, composing, openThread, jumpTo],
  );
}
