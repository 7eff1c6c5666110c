/** The messages of a conversation. */
import type { MessageView } from '@tidings/client';
import type { ReactNode, Ref } from 'react';

/** What can be done to the list from outside. */
export interface MessageListHandle {
  /** Shows this message and highlights it, loading what is needed. */
  jumpTo(seq: number): void;
  jumpToLatest(): void;
  /** Puts the keyboard on the message that had it, else on the last one. */
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
  readonly renderMessage?: (message: MessageView, place: MessagePlace) => ReactNode;
  readonly renderEmpty?: () => ReactNode;
  readonly handle?: Ref<MessageListHandle>;
  readonly className?: string;
}

export function MessageList(_: MessageListProps): ReactNode {
  return null;
}
