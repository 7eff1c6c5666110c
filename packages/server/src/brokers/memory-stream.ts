/**
 * The log of one channel in memory: a ring of publications with contiguous offsets, and what outlives them (position,
 * epoch, version). Nothing here knows of nodes or limits; see `memory-log.ts`.
 */
import type { Publication } from '@tidings/protocol';
import type { Expiring } from '../lib/expiry-heap.ts';
import type { HistoryQuery } from './broker.ts';

const smallestRing = 4;

/** Estimate of what a kept publication costs: objects and their headers, as measured, and its bytes. */
export function publicationBytes(publication: Publication): number {
  let bytes = 320 + publication.data.byteLength;
  const { info, tags } = publication;
  if (info) {
    bytes += 100 + info.user.length + info.client.length;
    bytes += (info.conn_info?.byteLength ?? 0) + (info.chan_info?.byteLength ?? 0);
  }
  if (tags) {
    for (const name in tags) bytes += 60 + name.length + (tags[name] as string).length;
  }
  return bytes;
}

export class MemoryStream implements Expiring {
  readonly channel: string;
  readonly epoch: string;
  /** Offset of the latest publication; 0 before the first. */
  top = 0;
  /** Latest version, compared within `versionEpoch` only; 0 before the first. */
  version = 0;
  versionEpoch = '';
  /** What the kept publications cost, by estimate. */
  bytes = 0;
  /** When position and epoch are forgotten, if nobody asks before. */
  metaExpiresAtMs = 0;

  heapDueMs = 0;
  heapIndex = -1;

  /** Place in the list it is in, written by `StreamList`. */
  list: StreamList | undefined;
  older: MemoryStream | undefined;
  newer: MemoryStream | undefined;

  // A ring that grows and shrinks by halves and doubles: most channels hold far less than they may.
  #publications: (Publication | undefined)[] = [];
  #expiresAtMs: number[] = [];
  #head = 0;
  #length = 0;

  constructor(channel: string, epoch: string) {
    this.channel = channel;
    this.epoch = epoch;
  }

  /** Publications kept. */
  get length(): number {
    return this.#length;
  }

  /** When the oldest publication expires; infinity without publications. */
  get firstExpiresAtMs(): number {
    return this.#length === 0 ? Infinity : (this.#expiresAtMs[this.#head] as number);
  }

  /** When all publications have expired; 0 without publications. */
  get lastExpiresAtMs(): number {
    if (this.#length === 0) return 0;
    return this.#expiresAtMs[(this.#head + this.#length - 1) & (this.#expiresAtMs.length - 1)] as number;
  }

  /**
   * Appends a publication, whose offset must be `top + 1`, and lets go of what exceeds `size`.
   * Expiry never falls along the ring: an earlier one is lowered to that of the new publication, so that a shorter ttl
   * holds for the whole channel at once and the ring is only ever cut at its old end.
   */
  append(publication: Publication, size: number, expiresAtMs: number): void {
    while (this.#length >= size) this.dropOldest();
    const capacity = this.#publications.length;
    if (this.#length === capacity) this.#resize(Math.max(smallestRing, 2 * capacity));
    const mask = this.#publications.length - 1;
    const at = (this.#head + this.#length) & mask;
    this.#publications[at] = publication;
    this.#expiresAtMs[at] = expiresAtMs;
    for (let back = this.#length - 1; back >= 0; back--) {
      const earlier = (this.#head + back) & mask;
      if ((this.#expiresAtMs[earlier] as number) <= expiresAtMs) break;
      this.#expiresAtMs[earlier] = expiresAtMs;
    }
    this.#length++;
    this.bytes += publicationBytes(publication);
    this.top++;
  }

  /** Lets go of what has expired. */
  trim(nowMs: number): void {
    while (this.firstExpiresAtMs <= nowMs) this.dropOldest();
  }

  /** Lets go of the oldest publication, if there is one. */
  dropOldest(): void {
    if (this.#length === 0) return;
    if (this.#length === 1) {
      this.clear();
      return;
    }
    this.bytes -= publicationBytes(this.#publications[this.#head] as Publication);
    this.#publications[this.#head] = undefined;
    const capacity = this.#publications.length;
    this.#head = (this.#head + 1) & (capacity - 1);
    this.#length--;
    if (this.#length < capacity >> 2 && capacity > smallestRing) this.#resize(capacity >> 1);
  }

  /** Lets go of all publications; the position stays. */
  clear(): void {
    this.#publications = [];
    this.#expiresAtMs = [];
    this.#head = 0;
    this.#length = 0;
    this.bytes = 0;
  }

  /** The part of the kept publications that a query asks for. */
  read(query: HistoryQuery): Publication[] {
    const { since, limit } = query;
    if (limit === 0 || this.#length === 0 || (since && since.epoch !== this.epoch)) return [];
    const maxCount = limit < 0 ? Infinity : limit;
    const firstKept = this.top - this.#length + 1;
    let from = firstKept;
    let to = this.top;
    if (query.reverse) {
      if (since) to = Math.min(to, since.offset - 1);
      from = Math.max(from, to - maxCount + 1);
    } else {
      if (since) from = Math.max(from, since.offset + 1);
      to = Math.min(to, from + maxCount - 1);
    }
    const page: Publication[] = [];
    const mask = this.#publications.length - 1;
    for (let offset = from; offset <= to; offset++) {
      page.push(this.#publications[(this.#head + offset - firstKept) & mask] as Publication);
    }
    return query.reverse ? page.reverse() : page;
  }

  /** @param capacity a power of two not below `length`. */
  #resize(capacity: number): void {
    const publications = new Array<Publication | undefined>(capacity);
    const expiresAtMs = new Array<number>(capacity);
    const mask = this.#publications.length - 1;
    for (let i = 0; i < this.#length; i++) {
      publications[i] = this.#publications[(this.#head + i) & mask];
      expiresAtMs[i] = this.#expiresAtMs[(this.#head + i) & mask] as number;
    }
    this.#publications = publications;
    this.#expiresAtMs = expiresAtMs;
    this.#head = 0;
  }
}

/** Streams by last use, oldest first. A stream is in one list at most and carries its own links. */
export class StreamList {
  oldest: MemoryStream | undefined;
  #newest: MemoryStream | undefined;

  /** Makes a stream the newest of this list, taking it from where it was. */
  touch(stream: MemoryStream): void {
    if (this.#newest === stream) return;
    stream.list?.delete(stream);
    stream.list = this;
    stream.older = this.#newest;
    if (this.#newest) this.#newest.newer = stream;
    else this.oldest = stream;
    this.#newest = stream;
  }

  delete(stream: MemoryStream): void {
    if (stream.list !== this) return;
    if (stream.older) stream.older.newer = stream.newer;
    else this.oldest = stream.newer;
    if (stream.newer) stream.newer.older = stream.older;
    else this.#newest = stream.older;
    stream.list = undefined;
    stream.older = undefined;
    stream.newer = undefined;
  }
}
