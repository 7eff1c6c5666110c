/**
 * Who may do what on a channel: the seam for the rules engine. `options-authorizer.ts` decides by channel options.
 */
import type { ErrorDefinition } from '@tidings/protocol';
import type { ChannelOptions } from '../config/schema.ts';

export type Action = 'subscribe' | 'publish' | 'history' | 'presence';

export interface Actor {
  readonly client: string;
  /** Empty for an anonymous connection. */
  readonly user: string;
  readonly meta?: unknown;
  /** Whether the connection is subscribed to the resource's channel. */
  readonly subscribed: boolean;
}

export interface Resource {
  readonly channel: string;
  readonly options: ChannelOptions;
  /** Variables of the channel pattern: `room:{id}` on `room:7` → `{ id: '7' }`. */
  readonly variables: Readonly<Record<string, string>>;
}

export type Decision =
  | { readonly allow: true }
  | { readonly allow: false; readonly error: ErrorDefinition; readonly because: string };

/** Law: decides from its arguments and its own state alone; throwing is a denial. A synchronous answer is preferred. */
export interface Authorizer {
  decide(who: Actor, action: Action, on: Resource): Decision | Promise<Decision>;
}
