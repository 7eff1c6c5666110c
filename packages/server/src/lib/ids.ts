/** Identifiers. Client and session ids are unguessable: whoever knows a session id may speak for its connection. */
import { randomBytes, randomUUID } from 'node:crypto';

/** Unique id of a connection or node: a version 4 UUID. */
export function newId(): string {
  return randomUUID();
}

/** 192 random bits for what works like a password. */
export function newSecret(): string {
  return randomBytes(24).toString('base64url');
}

/** Short id of a stream's life: a client that holds another one must start over. */
export function newEpoch(): string {
  return randomBytes(6).toString('base64url');
}

/**
 * Unique id that sorts by time: a version 7 UUID (RFC 9562 §5.7). Rows under it lie in the order of their creation,
 * which keeps an index's recent end in memory.
 * @param nowMs Unix milliseconds.
 */
export function newSortableId(nowMs: number): string {
  const time = Math.trunc(nowMs).toString(16).padStart(12, '0');
  const random = randomUUID();
  // The version 4 UUID has its variant bits where version 7 wants them.
  return `${time.slice(0, 8)}-${time.slice(8)}-7${random.slice(15)}`;
}

/**
 * Makes many such ids for less than one costs: those of one millisecond have the same random part, counted up (RFC 9562
 * §6.2, method 2). So they also sort in the order in which they were made. They can be guessed from each other.
 */
export class SortableIds {
  #ms = Number.NaN;
  #prefix = '';
  #next = 0;

  /** @param nowMs Unix milliseconds. */
  next(nowMs: number): string {
    if (nowMs !== this.#ms) {
      const first = newSortableId(nowMs);
      this.#ms = nowMs;
      this.#prefix = first.slice(0, 24);
      // A digit is left for counting.
      this.#next = Number.parseInt(first.slice(25), 16);
    }
    return this.#prefix + (this.#next++).toString(16).padStart(12, '0');
  }
}
