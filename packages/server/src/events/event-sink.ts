/**
 * News to the application: who connected, which channel is in use. At least once, in order per subject.
 */
import type { Component } from '../component.ts';

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

/**
 * Law: `emit` never blocks and never throws. Every event is delivered at least once, also after a crash behind `emit`'s
 * write to disk; events of one subject (a client, a channel) in the order they were emitted.
 */
export interface EventSink extends Component {
  emit(event: LifecycleEvent): void;
}
