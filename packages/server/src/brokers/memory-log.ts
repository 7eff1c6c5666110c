/**
 * The log of all channels in memory, within bounds. Beyond them the least recently used go first, and always so that
 * a reader notices: without its publications a channel keeps its position, and a forgotten position comes back under
 * another epoch. Either way a client that wanted more gets an explicit reset.
 */
import type { Publication } from '@tidings/protocol';
import type { Clock } from '../lib/clock.ts';
import { newEpoch } from '../lib/ids.ts';
import type { Logger } from '../lib/logger.ts';
import { Sweeper } from '../lib/sweeper.ts';
import type { Draft, HistoryPage, HistoryQuery, Position, PublishOptions, PublishResult } from './broker.ts';
import { MemoryKeys } from './memory-keys.ts';
import { MemoryStream, StreamList } from './memory-stream.ts';

/** Used when a draft has a key and no `idempotencyTtlMs`. */
const defaultIdempotencyTtlMs = 300_000;
const logIntervalMs = 60_000;

export interface MemoryLogOptions {
  readonly clock: Clock;
  /** Bound of all kept publications, by estimate. Idempotency keys may take half as much again. Default 256 MB. */
  readonly maxBytes?: number;
  /** Positions remembered, with or without publications (about 350 bytes each). Default 2 million. */
  readonly maxChannels?: number;
  /** Told once a minute at most when a bound costs something. */
  readonly logger?: Logger;
}

/** For metrics. */
export interface MemoryLogUsage {
  /** Channels whose position is remembered. */
  readonly channels: number;
  /** Kept publications and idempotency keys, by estimate. */
  readonly bytes: number;
  /** Publications let go because of `maxBytes`, since the start. */
  readonly droppedPublications: number;
  /** Positions forgotten because of `maxChannels`, since the start. */
  readonly droppedPositions: number;
  /** Idempotency keys forgotten before their time, since the start. */
  readonly droppedKeys: number;
}

/** What became of a draft: a result, and a publication to hand round unless it was skipped. */
export interface Appended {
  readonly result: PublishResult;
  readonly publication: Publication | undefined;
}

export class MemoryLog {
  readonly #clock: Clock;
  readonly #maxBytes: number;
  readonly #maxChannels: number;
  readonly #logger: Logger | undefined;
  readonly #keys: MemoryKeys;
  readonly #streams = new Map<string, MemoryStream>();
  readonly #sweeper: Sweeper<MemoryStream>;
  /** Streams with publications, and those that are only positions. */
  readonly #filled = new StreamList();
  readonly #bare = new StreamList();
  #bytes = 0;
  #droppedPublications = 0;
  #droppedPositions = 0;
  #droppedKeys = 0;
  #loggedAtMs = -Infinity;

  constructor(options: MemoryLogOptions) {
    this.#clock = options.clock;
    this.#maxBytes = options.maxBytes ?? 256 * 1024 * 1024;
    this.#maxChannels = options.maxChannels ?? 2_000_000;
    this.#logger = options.logger;
    this.#keys = new MemoryKeys(options.clock, this.#maxBytes / 2, () => {
      this.#droppedKeys++;
      this.#warn();
    });
    this.#sweeper = new Sweeper(options.clock, (stream, nowMs) => this.#expire(stream, nowMs));
  }

  get usage(): MemoryLogUsage {
    return {
      channels: this.#streams.size,
      bytes: this.#bytes + this.#keys.bytes,
      droppedPublications: this.#droppedPublications,
      droppedPositions: this.#droppedPositions,
      droppedKeys: this.#droppedKeys,
    };
  }

  /** Makes a publication of a draft and keeps it as the options say, unless its key or version was there before. */
  append(channel: string, draft: Draft, options: PublishOptions): Appended {
    const key = options.idempotencyKey;
    const isKept = options.historySize > 0 && !options.position;
    const nowMs = key || isKept ? this.#clock.now() : 0;
    if (key) {
      const first = this.#keys.find(channel, key, nowMs);
      if (first) return { result: { position: first.position, skipped: 'idempotency' }, publication: undefined };
    }
    let publication: Publication;
    let position: Position | undefined;
    if (options.position) {
      position = options.position;
      publication = toPublication(draft, position.offset);
    } else if (isKept) {
      const stream = this.#open(channel, nowMs);
      if (!isNewer(stream, options)) {
        this.#keepPosition(stream, nowMs + options.historyMetaTtlMs);
        return { result: { position: positionOf(stream), skipped: 'version' }, publication: undefined };
      }
      publication = toPublication(draft, stream.top + 1);
      this.#keep(stream, publication, options, nowMs);
      position = positionOf(stream);
    } else {
      publication = toPublication(draft);
    }
    if (key) {
      this.#keys.remember(channel, key, position, nowMs + (options.idempotencyTtlMs ?? defaultIdempotencyTtlMs));
    }
    return { result: { position }, publication };
  }

  /** See `HistoryReader.read`. */
  read(channel: string, query: HistoryQuery, metaTtlMs: number): HistoryPage {
    const nowMs = this.#clock.now();
    const stream = this.#open(channel, nowMs);
    this.#keepPosition(stream, nowMs + metaTtlMs);
    return { publications: stream.read(query), position: positionOf(stream) };
  }

  /** See `HistoryReader.remove`. */
  remove(channel: string): void {
    const stream = this.#streams.get(channel);
    if (stream) this.#clear(stream);
  }

  start(): void {
    this.#sweeper.start();
    this.#keys.start();
  }

  stop(): void {
    this.#sweeper.stop();
    this.#keys.stop();
  }

  /** The stream of a channel as of now: without what has expired, new if there is none. */
  #open(channel: string, nowMs: number): MemoryStream {
    let stream = this.#streams.get(channel);
    if (stream && stream.metaExpiresAtMs <= nowMs) {
      this.#forget(stream);
      stream = undefined;
    }
    if (!stream) {
      if (this.#streams.size >= this.#maxChannels) this.#dropPosition();
      stream = new MemoryStream(channel, newEpoch());
      this.#streams.set(channel, stream);
      this.#bare.touch(stream);
    } else if (stream.firstExpiresAtMs <= nowMs) {
      const before = stream.bytes;
      stream.trim(nowMs);
      this.#bytes += stream.bytes - before;
    }
    return stream;
  }

  #keep(stream: MemoryStream, publication: Publication, options: PublishOptions, nowMs: number): void {
    const before = stream.bytes;
    stream.append(publication, options.historySize, nowMs + options.historyTtlMs);
    if (options.version) {
      stream.version = options.version;
      stream.versionEpoch = options.versionEpoch ?? '';
    }
    this.#bytes += stream.bytes - before;
    this.#keepPosition(stream, nowMs + options.historyMetaTtlMs);
    if (this.#bytes > this.#maxBytes) this.#dropPublications(stream);
  }

  /** Marks a stream as used and sees to it that somebody looks when the first thing in it expires. */
  #keepPosition(stream: MemoryStream, expiresAtMs: number): void {
    (stream.length > 0 ? this.#filled : this.#bare).touch(stream);
    // A position outlives the publications it counts, whatever the options say.
    stream.metaExpiresAtMs = Math.max(expiresAtMs, stream.lastExpiresAtMs);
    const dueMs = Math.min(stream.firstExpiresAtMs, stream.metaExpiresAtMs);
    // When the due time only rises, as with every publication, the stream stays queued where it is.
    if (stream.heapIndex < 0 || dueMs < stream.heapDueMs) this.#sweeper.set(stream, dueMs);
  }

  #expire(stream: MemoryStream, nowMs: number): void {
    if (stream.metaExpiresAtMs <= nowMs) {
      this.#forget(stream);
      return;
    }
    const before = stream.bytes;
    stream.trim(nowMs);
    this.#bytes += stream.bytes - before;
    if (stream.length === 0 && stream.list === this.#filled) this.#bare.touch(stream);
    this.#sweeper.set(stream, Math.min(stream.firstExpiresAtMs, stream.metaExpiresAtMs));
  }

  #clear(stream: MemoryStream): void {
    this.#bytes -= stream.bytes;
    stream.clear();
    if (stream.list === this.#filled) this.#bare.touch(stream);
  }

  #forget(stream: MemoryStream): void {
    this.#bytes -= stream.bytes;
    stream.clear();
    stream.list?.delete(stream);
    this.#sweeper.delete(stream);
    this.#streams.delete(stream.channel);
  }

  /** Lets go of publications until the rest fits: other channels' first, then the oldest of the one just used. */
  #dropPublications(current: MemoryStream): void {
    for (let victim = this.#filled.oldest; victim && this.#bytes > this.#maxBytes; victim = this.#filled.oldest) {
      if (victim !== current) {
        this.#droppedPublications += victim.length;
        this.#clear(victim);
        continue;
      }
      const before = victim.bytes;
      victim.dropOldest();
      this.#bytes += victim.bytes - before;
      this.#droppedPublications++;
      if (victim.length === 0) this.#bare.touch(victim);
    }
    this.#warn();
  }

  #dropPosition(): void {
    const victim = this.#bare.oldest ?? this.#filled.oldest;
    if (!victim) return;
    this.#droppedPublications += victim.length;
    this.#droppedPositions++;
    this.#forget(victim);
    this.#warn();
  }

  #warn(): void {
    const nowMs = this.#clock.now();
    if (nowMs - this.#loggedAtMs < logIntervalMs) return;
    this.#loggedAtMs = nowMs;
    this.#logger?.warn(this.usage, 'the memory broker is full: the least recently used was let go');
  }
}

function isNewer(stream: MemoryStream, options: PublishOptions): boolean {
  if (!options.version || stream.version === 0) return true;
  return stream.versionEpoch !== (options.versionEpoch ?? '') || options.version > stream.version;
}

function positionOf(stream: MemoryStream): Position {
  return { offset: stream.top, epoch: stream.epoch };
}

/** Keeps the draft's payloads by reference: the codec that read them made them. */
function toPublication(draft: Draft, offset?: number): Publication {
  const publication: Publication = offset === undefined ? { data: draft.data } : { data: draft.data, offset };
  if (draft.info) publication.info = draft.info;
  if (draft.tags) publication.tags = draft.tags;
  if (draft.time !== undefined) publication.time = draft.time;
  return publication;
}
