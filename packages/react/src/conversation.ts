/**
 * What the parts of one conversation share: which room or thread they show, and what the composer is about to do.
 * `Room` and `Thread` put it around their children.
 */
import type { ChatRoom, ChatThread, MessageView, TidingsError, Timeline } from '@tidings/client';
import { createContext, useContext } from 'react';

/** What happens when the composer sends. */
export type Composing =
  | { readonly kind: 'new' }
  | { readonly kind: 'reply'; readonly message: MessageView }
  | { readonly kind: 'edit'; readonly message: MessageView };

/** One room or thread on the screen, and what the composer is about to do. */
export interface Conversation {
  /** What is shown and written to: the thread, or the room. */
  readonly timeline: Timeline;
  readonly room: ChatRoom;
  readonly thread: ChatThread | undefined;
  readonly composing: Composing;
  compose(composing: Composing): void;
  /** Undefined where threads are not shown. */
  readonly openThread: ((threadSeq: number) => void) | undefined;
  /** Does it, and tells the person if it failed. */
  attempt(work: Promise<unknown>): void;
  /** What failed last, until it is taken away. */
  readonly failure: TidingsError | undefined;
  dismissFailure(): void;
  /** Shows a message and highlights it. */
  jumpTo(seq: number): void;
  /** Put there by the list of messages, for `jumpTo`. */
  readonly list: { current: { jumpTo(seq: number): void; focus(): void } | undefined };
}

export const ConversationContext = createContext<Conversation | undefined>(undefined);

/**
 * The conversation that the component stands in.
 * @throws Error outside of `Room` and `Thread`.
 */
export function useConversation(): Conversation {
  const value = useContext(ConversationContext);
  if (value === undefined) throw new Error('@tidings/react: put a <Room> or <Thread> around this component');
  return value;
}
