/** One message with everything around it: who, what it answers, the words, files, reactions, and what can be done. */
import type { MessageView } from '@tidings/client';
import { memo, useState, type ReactNode } from 'react';
import { classNames } from '../class-names.ts';
import { useFormats, useLabels } from '../context.ts';
import { useConversation } from '../conversation.ts';
import { useMe, useName } from '../hooks/use-chat.ts';
import { useMessageActions } from '../hooks/use-message-actions.ts';
import { viewSummary } from '../text/message-summary.ts';
import { quickReactions } from '../text/emoji.ts';
import { Attachments } from './attachments.tsx';
import { Avatar } from './avatar.tsx';
import { ConfirmDialog } from './confirm-dialog.tsx';
import { Icon } from './icon.tsx';
import { LinkPreviews } from './link-previews.tsx';
import { Menu } from './menu.tsx';
import { MessageState } from './message-state.tsx';
import { MessageText } from './message-text.tsx';
import { Poll } from './poll.tsx';
import { Quote } from './quote.tsx';
import { ReactButton, Reactions, useReact } from './reactions.tsx';
import type { MessagePlace } from './message-list.tsx';

export interface MessageProps extends Partial<MessagePlace> {
  readonly message: MessageView;
  /** Instead of `MessageText`. */
  readonly renderText?: ((message: MessageView) => ReactNode) | undefined;
  /** Behind the text and the attachments: for the application's own `data`. */
  readonly renderExtra?: ((message: MessageView) => ReactNode) | undefined;
  readonly className?: string;
}

/** Rendered anew only when the message or its place changes: lists are long. */
export const Message = memo(function Message(props: MessageProps): ReactNode {
  const { message, isFirstOfGroup = true, isLastOfGroup = true, isHighlighted = false, isActive = false } = props;
  const [isPointed, setPointed] = useState(false);
  const [openPopups, setOpenPopups] = useState(0);
  const [isAskingDelete, setAskingDelete] = useState(false);
  const labels = useLabels();
  const { timeline, attempt, list } = useConversation();
  const actions = useMessageActions(message, () => setAskingDelete(true));
  const tabIndex = isActive ? 0 : -1;
  const { message: stored, isOwn, isDeleted, state } = message;

  if (stored?.kind === 'system') {
    return (
      <div className={classNames('tidings-system-message', props.className)} dir="auto">
        {message.text}
      </div>
    );
  }
  const countOpen = (isOpen: boolean): void => setOpenPopups((count) => Math.max(0, count + (isOpen ? 1 : -1)));
  // Dozens of messages are on the screen: only the one that is used has its buttons.
  const hasToolbar = (isPointed || isActive || openPopups > 0) && message.seq !== undefined && !isDeleted;
  return (
    <div
      className={classNames('tidings-message', props.className)}
      data-own={isOwn || undefined}
      data-state={state}
      data-first={isFirstOfGroup || undefined}
      data-last={isLastOfGroup || undefined}
      data-highlighted={isHighlighted || undefined}
      data-deleted={isDeleted || undefined}
      onPointerEnter={() => setPointed(true)}
      onPointerLeave={() => setPointed(false)}
    >
      <div className="tidings-message-side">{isFirstOfGroup && !isOwn && <Avatar user={message.sender} />}</div>
      <div className="tidings-message-body">
        {isFirstOfGroup && !isOwn && <SenderName user={message.sender} />}
        <div className="tidings-bubble-line">
          <div className="tidings-bubble">
            {message.replySeq !== undefined && !isDeleted && <Quote seq={message.replySeq} tabIndex={tabIndex} />}
            <MessageContent {...props} message={message} tabIndex={tabIndex} />
            <MessageMeta message={message} />
          </div>
          {hasToolbar && <Toolbar message={message} actions={actions} tabIndex={tabIndex} onOpenChange={countOpen} />}
        </div>
        <Reactions message={message} canReact={actions.permissions.canReact} tabIndex={tabIndex} />
        <ThreadSummary message={message} onOpen={actions.openThread} tabIndex={tabIndex} />
        {state === 'failed' && <Failure message={message} tabIndex={tabIndex} />}
      </div>
      {isAskingDelete && (
        <ConfirmDialog
          question={labels.deleteQuestion}
          confirmLabel={labels.delete}
          onConfirm={() => message.seq !== undefined && attempt(timeline.delete(message.seq))}
          onClose={() => {
            setAskingDelete(false);
            list.current?.focus();
          }}
        >
          <p className="tidings-dialog-text" dir="auto">
            {viewSummary(message, labels)}
          </p>
        </ConfirmDialog>
      )}
    </div>
  );
});

function SenderName({ user }: { readonly user: string }): ReactNode {
  return (
    <div className="tidings-message-sender">
      <bdi>{useName(user)}</bdi>
    </div>
  );
}

function MessageContent({
  message,
  renderText,
  renderExtra,
  tabIndex,
}: MessageProps & { tabIndex: number }): ReactNode {
  const labels = useLabels();
  const { message: stored } = message;
  if (message.isDeleted) return <p className="tidings-deleted">{labels.deleted}</p>;
  const mentions = stored?.mentions;
  return (
    <>
      <Attachments message={message} tabIndex={tabIndex} />
      {message.text !== '' &&
        stored?.poll === undefined &&
        (renderText?.(message) ?? (
          <MessageText text={message.text} isReachable={tabIndex === 0} {...(mentions !== undefined && { mentions })} />
        ))}
      {stored?.poll !== undefined && <Poll message={message} tabIndex={tabIndex} />}
      {stored?.previews !== undefined && <LinkPreviews previews={stored.previews} tabIndex={tabIndex} />}
      {renderExtra?.(message)}
    </>
  );
}

/** Time, whether it was edited, and how far it has got; at the end of the last line. */
function MessageMeta({ message }: { readonly message: MessageView }): ReactNode {
  const labels = useLabels();
  const formats = useFormats();
  return (
    <span className="tidings-message-meta">
      {message.message?.pinnedAt !== undefined && (
        <span className="tidings-pinned-mark">
          <Icon name="pin" />
          <span className="tidings-sr-only">{labels.pinnedMessage}</span>
        </span>
      )}
      {message.isEdited && !message.isDeleted && <span>{labels.edited}</span>}
      <time dateTime={new Date(message.createdAt).toISOString()} title={formats.full(message.createdAt)}>
        {formats.time(message.createdAt)}
      </time>
      {message.isOwn && !message.isDeleted && <MessageState state={message.state} />}
    </span>
  );
}

interface ThreadSummaryProps {
  readonly message: MessageView;
  readonly onOpen: (() => void) | undefined;
  readonly tabIndex: number;
}

function ThreadSummary({ message, onOpen, tabIndex }: ThreadSummaryProps): ReactNode {
  const labels = useLabels();
  const formats = useFormats();
  const thread = message.message?.thread;
  if (thread === undefined || thread.count === 0 || onOpen === undefined) return null;
  return (
    <button type="button" className="tidings-thread-summary" tabIndex={tabIndex} onClick={onOpen}>
      <Icon name="thread" />
      <span className="tidings-thread-summary-count">{labels.replies(thread.count)}</span>
      <time dateTime={new Date(thread.lastAt).toISOString()}>{formats.short(thread.lastAt, Date.now())}</time>
    </button>
  );
}

function Failure({ message, tabIndex }: { readonly message: MessageView; readonly tabIndex: number }): ReactNode {
  const labels = useLabels();
  const { timeline } = useConversation();
  return (
    <div className="tidings-failure" role="alert">
      <span>
        {message.failure === undefined ? labels.failed : `${labels.failed}: ${labels.failure(message.failure)}`}
      </span>
      <button
        type="button"
        className="tidings-link-button"
        tabIndex={tabIndex}
        onClick={() => timeline.retry(message.key)}
      >
        {labels.retry}
      </button>
      <button
        type="button"
        className="tidings-link-button"
        tabIndex={tabIndex}
        onClick={() => timeline.discard(message.key)}
      >
        {labels.discard}
      </button>
    </div>
  );
}

interface ToolbarProps {
  readonly message: MessageView;
  readonly actions: ReturnType<typeof useMessageActions>;
  readonly tabIndex: number;
  readonly onOpenChange: (isOpen: boolean) => void;
}

function Toolbar({ message, actions, tabIndex, onOpenChange }: ToolbarProps): ReactNode {
  const labels = useLabels();
  const toggle = useReact(message);
  const { permissions, openThread, reply, items } = actions;
  if (items.length === 0) return null;
  return (
    <div className="tidings-toolbar">
      {permissions.canReact && (
        <ReactButton
          message={message}
          tabIndex={tabIndex}
          className="tidings-icon-button"
          onOpenChange={onOpenChange}
        />
      )}
      {permissions.canReply && (
        <button
          type="button"
          className="tidings-icon-button tidings-toolbar-extra"
          aria-label={labels.reply}
          title={labels.reply}
          tabIndex={tabIndex}
          onClick={reply}
        >
          <Icon name="reply" isDirectional />
        </button>
      )}
      {openThread !== undefined && (
        <button
          type="button"
          className="tidings-icon-button tidings-toolbar-extra"
          aria-label={labels.replyInThread}
          title={labels.replyInThread}
          tabIndex={tabIndex}
          onClick={openThread}
        >
          <Icon name="thread" />
        </button>
      )}
      <Menu
        label={labels.moreActions}
        items={items}
        tabIndex={tabIndex}
        onOpenChange={onOpenChange}
        start={(close) =>
          permissions.canReact && (
            <div className="tidings-quick-reactions">
              {quickReactions.map((emoji) => (
                <button
                  key={emoji}
                  type="button"
                  className="tidings-emoji-button"
                  aria-label={labels.reactWith(emoji)}
                  onClick={() => {
                    close();
                    toggle(emoji);
                  }}
                >
                  {emoji}
                </button>
              ))}
            </div>
          )
        }
      />
    </div>
  );
}

/** What a screen reader says when the keyboard comes to a message. */
export function useMessageLabel(message: MessageView): string {
  const labels = useLabels();
  const formats = useFormats();
  const me = useMe();
  const name = useName(message.sender);
  const who = message.sender === me ? labels.you : name;
  return labels.messageBy(who, formats.time(message.createdAt), viewSummary(message, labels));
}
