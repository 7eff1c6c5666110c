/**
 * News to the application: who connected, which channel is in use, what happened in modules such as chat. At least once,
 * in order per subject.
 */
import type { Component } from '../component.ts';
import type { DeadLetters } from './dead-letters.ts';

export type LifecycleEvent =
  | {
      readonly type: 'connected';
      readonly client: string;
      readonly user: string;
      readonly transport: string;
      readonly address: string;
    }
  | {
      readonly type: 'disconnected';
      readonly client: string;
      readonly user: string;
      readonly code: number;
      readonly reason: string;
    }
  | { readonly type: 'occupied'; readonly channel: string }
  | { readonly type: 'vacated'; readonly channel: string };

/** Something that happened in a module. */
export interface ModuleEvent {
  /** `chat.message.sent` */
  readonly type: string;
  /** What order holds within: `room:…`. */
  readonly subject: string;
  /** Text of a JSON object; it is passed on without being parsed. */
  readonly json: string;
  /** The same each time it is reported. */
  readonly id: string;
  /** Unix milliseconds. */
  readonly time: number;
}

/**
 * Law: `emit` never blocks and never throws. Every event is delivered at least once, also after a crash behind `emit`'s
 * write to disk; events of one subject (a client, a channel) in the order they were emitted. One that cannot be delivered
 * however often it is tried becomes a dead letter, and those behind it come next.
 */
export interface EventSink extends Component {
  emit(event: LifecycleEvent): void;
  /** Whether events of the type go anywhere; the others need not be reported. */
  wants(type: string): boolean;
  /**
   * Takes an event of a module that must not be lost: who reported it may forget it when this resolves, since it is on
   * disk or was handled. Events of one subject are delivered in the order of the calls.
   * @throws if it was not kept; then it is reported again, in its order.
   */
  report(event: ModuleEvent): Promise<void>;
  /** Events that were given up, on this node; undefined where none are kept. */
  readonly deadLetters?: DeadLetters | undefined;
}
