/**
 * Who is on a channel, over all nodes. Entries live while they are renewed, so that a killed node's clients vanish.
 */
import type { ClientInfo } from '@tidings/protocol';
import type { Component } from '../component.ts';

/**
 * Law: `touch` adds or renews; an entry not renewed for `ttlMs` is gone from `list` and `stats`. `remove` of what is
 * not there does nothing. `stats.users` counts a user once however many of their clients are there.
 */
export interface PresenceStore extends Component {
  touch(channel: string, info: ClientInfo, ttlMs: number): Promise<void>;
  remove(channel: string, clientId: string): Promise<void>;
  /** By client id. */
  list(channel: string): Promise<Map<string, ClientInfo>>;
  stats(channel: string): Promise<{ clients: number; users: number }>;
}
