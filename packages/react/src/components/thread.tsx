/** The replies under one message, beside the room or instead of it. Escape closes it. */
import type { ChatThread, ChatRoom, MessageView, ThreadView } from '@tidings/client';
import type { ReactNode } from 'react';
import { classNames } from '../class-names.ts';
import { useLabels } from '../context.ts';
import { ConversationContext } from '../conversation.ts';
import { useName } from '../hooks/use-chat.ts';
import { useNewConversation } from '../hooks/use-new-conversation.ts';
import { useOpenRoomView, useRoom, useThread, useThreadView } from '../hooks/use-room.ts';
import { Avatar } from './avatar.tsx';
import { Composer } from './composer.tsx';
import { Icon } from './icon.tsx';
import { MessageList, type MessagePlace } from './message-list.tsx';
import { MessageText } from './message-text.tsx';
import { TypingIndicator } from './typing-indicator.tsx';
import { Attachments } from './attachments.tsx';

export interface ThreadProps {
  /** Id of the room. */
  readonly room: string;
  /** Seq of the message that the thread stands under. */
  readonly seq: number;
  readonly onClose?: () => void;
  readonly renderMessage?: (message: MessageView, place: MessagePlace) => ReactNode;
  readonly className?: string;
}

/** The replies under one message, with a field to write. */
export function Thread({ room: roomId, seq, onClose, renderMessage, className }: ThreadProps): ReactNode {
  const labels = useLabels();
  const room = useRoom(roomId);
  const thread = useThread(room, seq);
  return (
    <section
      className={classNames('tidings-thread', className)}
      aria-label={labels.thread}
      onKeyDown={(event) => {
        if (event.key === 'Escape' && !event.defaultPrevented) onClose?.();
      }}
    >
      {room !== undefined && thread !== undefined && (
        <OpenThread
          key={`${roomId}:${seq}`}
          room={room}
          thread={thread}
          onClose={onClose}
          renderMessage={renderMessage}
        />
      )}
    </section>
  );
}

interface OpenThreadProps {
  readonly room: ChatRoom;
  readonly thread: ChatThread;
  readonly onClose: (() => void) | undefined;
  readonly renderMessage: ThreadProps['renderMessage'] | undefined;
}

function OpenThread({ room, thread, onClose, renderMessage }: OpenThreadProps): ReactNode {
  const labels = useLabels();
  const view = useThreadView(thread);
  const title = useOpenRoomView(room)?.title;
  const conversation = useNewConversation(room, thread, thread, undefined);
  const isFollowing = view?.isFollowing === true;
  return (
    <ConversationContext.Provider value={conversation}>
      <header className="tidings-room-header">
        <div className="tidings-room-header-text">
          <h2 className="tidings-room-title">{labels.thread}</h2>
          <p className="tidings-room-subtitle">
            <bdi>{title}</bdi>
          </p>
        </div>
        <div className="tidings-room-header-end">
          <button
            type="button"
            className="tidings-button"
            aria-pressed={isFollowing}
            onClick={() => conversation.attempt(thread.setFollowing(!isFollowing))}
          >
            {isFollowing ? labels.unfollow : labels.follow}
          </button>
          {onClose !== undefined && (
            <button type="button" className="tidings-icon-button" aria-label={labels.closeThread} onClick={onClose}>
              <Icon name="close" />
            </button>
          )}
        </div>
      </header>
      <Root view={view} />
      <MessageList label={labels.thread} renderMessage={renderMessage} renderEmpty={() => <p>{labels.noReplies}</p>} />
      <TypingIndicator />
      <Composer autoFocus />
    </ConversationContext.Provider>
  );
}

/** The message that the thread stands under. */
function Root({ view }: { readonly view: ThreadView | undefined }): ReactNode {
  const labels = useLabels();
  const root = view?.root;
  const name = useName(root?.sender ?? '');
  if (root === undefined) return null;
  return (
    <div className="tidings-thread-root">
      <Avatar user={root.sender} />
      <div className="tidings-thread-root-body">
        <div className="tidings-message-sender">
          <bdi>{name}</bdi>
        </div>
        {root.isDeleted ? (
          <p className="tidings-deleted">{labels.deleted}</p>
        ) : (
          <>
            {root.text !== '' && (
              <MessageText
                text={root.text}
                maxLength={600}
                {...(root.message?.mentions !== undefined && { mentions: root.message.mentions })}
              />
            )}
            <Attachments message={root} tabIndex={0} />
          </>
        )}
        {root.message?.thread !== undefined && (
          <p className="tidings-thread-count">{labels.replies(root.message.thread.count)}</p>
        )}
      </div>
    </div>
  );
}
