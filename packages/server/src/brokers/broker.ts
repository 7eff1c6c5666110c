/**
 * The seam behind publish and subscribe: carries publications between nodes and, where a channel has history, keeps it.
 *
 * Path of a message: transport → connection → use case → **broker** → hub → outbox → transport.
 */
import type { ClientInfo, Payload, Publication } from '@tidings/protocol';
import type { Component } from '../component.ts';

/** A place in the stream of a channel. Another epoch means another stream: start over. */
export interface Position {
  readonly offset: number;
  readonly epoch: string;
}

/** What somebody wants to publish; the broker adds offset and epoch. */
export interface Draft {
  readonly data: Payload;
  readonly info?: ClientInfo;
  readonly tags?: Record<string, string>;
  /** Unix time in milliseconds. */
  readonly time?: number;
}

export interface PublishOptions {
  /** Publications kept; 0: no history, the publication gets no offset. */
  readonly historySize: number;
  readonly historyTtlMs: number;
  readonly historyMetaTtlMs: number;
  /** A second publication with this key on this channel within `idempotencyTtlMs` does nothing and returns the first's result. */
  readonly idempotencyKey?: string;
  readonly idempotencyTtlMs?: number;
  /** With `historySize`: a publication whose version is not above the channel's latest does nothing. */
  readonly version?: number;
  /** Versions are compared within one version epoch only. */
  readonly versionEpoch?: string;
  /**
   * The log of the channel is kept elsewhere, and this is the publication's place in it: it is carried with this offset,
   * and nothing is kept. `historySize` and `version` then mean nothing.
   */
  readonly position?: Position;
}

export interface PublishResult {
  /** Position of the publication, also one that was given; undefined without history. */
  readonly position: Position | undefined;
  /** Why nothing was published, if so. */
  readonly skipped?: 'idempotency' | 'version';
}

export interface HistoryQuery {
  /** Only what lies behind (forward) or before (reverse) this position. */
  readonly since?: { readonly offset: number; readonly epoch: string };
  /** Publications at most; 0: only the top position; -1: all. */
  readonly limit: number;
  readonly reverse?: boolean;
}

export interface HistoryPage {
  readonly publications: readonly Publication[];
  /** Top of the stream. A channel never published to has offset 0 and gets its epoch here. */
  readonly position: Position;
  /**
   * Set by a log that keeps only the latest state of each thing, whose offsets have holes: whether the publications bring
   * whoever stood at `since` up to `position`. Absent: the offsets tell.
   */
  readonly complete?: boolean;
}

/**
 * Reads the log of a channel. A module may own the history of its channels by implementing this.
 *
 * Law: `read` shows every publication whose `publish` resolved before, in offset order without a hole, less what size
 * and ttl let go. If `query.since.epoch` is not the stream's, `publications` is empty. The top position never goes back
 * within an epoch.
 */
export interface HistoryReader {
  read(channel: string, query: HistoryQuery, metaTtlMs: number): Promise<HistoryPage>;
  /** Forgets the publications; position and epoch stay. */
  remove(channel: string): Promise<void>;
}

/** Where a broker reports to. Calls are synchronous and never throw. */
export interface BrokerSink {
  /** `position` is set if the channel has history, or it was given; then `publication.offset` equals `position.offset`. */
  publication(channel: string, publication: Publication, position: Position | undefined): void;
  join(channel: string, info: ClientInfo): void;
  leave(channel: string, info: ClientInfo): void;
  /** A message of another node, or of this one. */
  control(message: Uint8Array): void;
  /** Publications of this channel may have been missed: subscribers must recover. */
  gap(channel: string): void;
}

/**
 * Law:
 * - Per channel, every subscribed node sees publications in the same order, and with history in offset order. Those with
 *   a given `position` come in the order in which one node published them; between nodes the offsets tell.
 * - `publish` appends and fans out atomically per channel: nobody sees offset n+1 live before n is in history.
 *   It resolves when the publication is in history and on its way; it rejects when that is not certain, and then
 *   repeating it with the same idempotency key is safe.
 * - `subscribe` resolves when every later publication will arrive. Both it and `unsubscribe` are idempotent.
 * - Publications of channels without subscription do not reach this node.
 * - A publication may arrive twice or late (at-least-once): receivers compare offsets.
 * - What was lost on the way is reported by `gap`, or shows as a hole in offsets; never silence.
 */
export interface Broker extends Component {
  /** Id of this node, as used by `sendControl`. */
  readonly nodeId: string;
  onEvent(sink: BrokerSink): void;
  /** First subscriber on this node. */
  subscribe(channel: string): Promise<void>;
  /** Last subscriber on this node. */
  unsubscribe(channel: string): Promise<void>;
  publish(channel: string, draft: Draft, options: PublishOptions): Promise<PublishResult>;
  /**
   * False if it is certain that no node is subscribed: then a publication at a given position would reach nobody. Absent
   * where nobody can say.
   */
  isSubscribed?(channel: string): boolean;
  publishJoin(channel: string, info: ClientInfo): Promise<void>;
  publishLeave(channel: string, info: ClientInfo): Promise<void>;
  /**
   * Sends a control message to one node, or with `undefined` to every node including this one.
   * @returns false if it is known that no such node exists.
   */
  sendControl(nodeId: string | undefined, message: Uint8Array): Promise<boolean>;
  readonly history: HistoryReader;
}
