/** The messages of a conversation, however many: those in sight are in the page, and the reader keeps their place. */
import type { MessageView } from '@tidings/client';
import type { ReactNode, Ref } from 'react';
import { classNames } from '../class-names.ts';
import { useLabels } from '../context.ts';
import { useConversation } from '../conversation.ts';
import { useMessages } from '../hooks/use-room.ts';
import { Icon } from './icon.tsx';
import { LiveAnnouncer } from './live-announcer.tsx';
import { MessageFeed } from './message-feed.tsx';

/** What can be done to the list from outside. */
export interface MessageListHandle {
  /** Shows this message and highlights it, loading what is needed. */
  jumpTo(seq: number): void;
  jumpToLatest(): void;
  /** Puts the keyboard on the message that had it, else on the last one in sight. */
  focus(): void;
}

/** Where a message stands among the others. */
export interface MessagePlace {
  /** The first of several of one sender: name and picture are shown. */
  readonly isFirstOfGroup: boolean;
  readonly isLastOfGroup: boolean;
  readonly isHighlighted: boolean;
  /** Only the message that the keyboard is on has stops for the Tab key. */
  readonly isActive: boolean;
}

export interface MessageListProps {
  /** What screen readers call it. */
  readonly label?: string;
  /** Jumps there when it is set and when it changes. */
  readonly targetSeq?: number | undefined;
  /** Instead of `Message`. */
  readonly renderMessage?: ((message: MessageView, place: MessagePlace) => ReactNode) | undefined;
  readonly renderEmpty?: (() => ReactNode) | undefined;
  readonly handle?: Ref<MessageListHandle>;
  readonly className?: string;
}

/** The messages of a conversation: those in sight are mounted, and the reader keeps their place. */
export function MessageList(props: MessageListProps): ReactNode {
  const { renderEmpty, className } = props;
  const labels = useLabels();
  const { timeline, failure, dismissFailure, attempt } = useConversation();
  const view = useMessages(timeline);
  const isEmpty = view.messages.length === 0;
  return (
    <div className={classNames('tidings-message-list', className)} aria-busy={view.status === 'loading'}>
      {!isEmpty && <MessageFeed {...props} view={view} />}
      {isEmpty && view.status === 'loading' && <Skeleton />}
      {isEmpty && view.status === 'failed' && (
        <div className="tidings-notice" role="alert">
          <p>{view.failure === undefined ? labels.failedToLoad : labels.failure(view.failure)}</p>
          <button type="button" className="tidings-button" onClick={() => attempt(timeline.jumpToLatest())}>
            {labels.tryAgain}
          </button>
        </div>
      )}
      {isEmpty && (view.status === 'live' || view.status === 'cached') && (
        <div className="tidings-notice">{renderEmpty?.() ?? <p>{labels.noMessages}</p>}</div>
      )}
      {failure !== undefined && (
        <div className="tidings-toast" role="alert">
          <span>{labels.actionFailed(failure)}</span>
          <button type="button" className="tidings-icon-button" aria-label={labels.close} onClick={dismissFailure}>
            <Icon name="close" />
          </button>
        </div>
      )}
      <LiveAnnouncer view={view} />
    </div>
  );
}

/** Grey shapes where messages will be. */
function Skeleton(): ReactNode {
  const labels = useLabels();
  return (
    <div className="tidings-skeleton" role="status">
      <span className="tidings-sr-only">{labels.loading}</span>
      {[62, 38, 54, 70, 44].map((width, i) => (
        <i key={width} style={{ inlineSize: `${width}%` }} data-own={i % 3 === 1 || undefined} />
      ))}
    </div>
  );
}
