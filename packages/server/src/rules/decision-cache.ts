/**
 * Remembers decisions of a connection, or what is left to decide when the message is there, so that for somebody who
 * publishes much the rest of the rule runs once. A decision that asked
 * relations is good as long as they answer the same: after a change anywhere the facts it asked are compared, which
 * costs a lookup each, and nothing must know who remembers what.
 */
import type { AuthRecord, ChannelAction, Decision } from '../auth/authorizer.ts';
import type { Evaluate, Failure, RelationReader, Value } from './value.ts';

/** Channels remembered for one connection at most. */
const maxChannels = 256;

/** A question to a relation, and its answer. */
export interface Asked {
  readonly relation: string;
  readonly args: readonly Value[];
  readonly answer: boolean | Failure;
}

/** Decided, or what remains of the rule. */
export type Kept = { readonly decision: Decision } | { readonly rest: Evaluate };

interface Entry {
  readonly kept: Kept;
  readonly asked: readonly Asked[];
  /** Number of changes when the facts were compared last. */
  changes: number;
}

export class DecisionCache {
  /** By the record of the user, which is another one as soon as claims change, and goes with its connection. */
  #byUser = new WeakMap<AuthRecord, Map<string, Map<ChannelAction, Entry>>>();
  #changes = 0;

  find(auth: AuthRecord, action: ChannelAction, channel: string, relations: RelationReader): Kept | undefined {
    const entry = this.#byUser.get(auth)?.get(channel)?.get(action);
    if (entry === undefined) return undefined;
    if (entry.changes !== this.#changes) {
      const holds = entry.asked.every(({ relation, args, answer }) => relations.related(relation, args) === answer);
      if (!holds) return undefined;
      entry.changes = this.#changes;
    }
    return entry.kept;
  }

  /** A failed answer is not kept: two failures are never the same. */
  keep(auth: AuthRecord, action: ChannelAction, channel: string, kept: Kept, asked: readonly Asked[]): void {
    let channels = this.#byUser.get(auth);
    if (channels === undefined) this.#byUser.set(auth, (channels = new Map()));
    let entries = channels.get(channel);
    if (entries === undefined) {
      if (channels.size >= maxChannels) channels.delete(channels.keys().next().value as string);
      channels.set(channel, (entries = new Map()));
    }
    entries.set(action, { kept, asked, changes: this.#changes });
  }

  /** A fact changed somewhere. */
  changed(): void {
    this.#changes++;
  }

  /** The rules changed. */
  clear(): void {
    this.#byUser = new WeakMap();
  }
}
