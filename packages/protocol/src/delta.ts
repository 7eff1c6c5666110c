/**
 * Deltas between two payloads in the Fossil format: on channels with deltas a subscriber receives the difference to the
 * publication before instead of the whole.
 *
 * A delta of UTF-8 text against UTF-8 text is UTF-8 text itself, because JSON subscriptions carry it in a string.
 *
 * Source: Fossil, "Fossil Delta Format".
 */
import { DecodeError } from './errors.ts';

const digits = new TextEncoder().encode('0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~');
const digitValues = new Int8Array(256).fill(-1);
digits.forEach((digit, value) => {
  digitValues[digit] = value;
});

const newline = 0x0a;
const copyMark = 0x40; // @
const copyEnd = 0x2c; // ,
const insertMark = 0x3a; // :
const endMark = 0x3b; // ;

const blockBytes = 16;
/** Blocks with one hash that are tried for one place: bounds the work on repetitive data. */
const maxChain = 32;
const hashFactor = 0x01000193;
const hashFactorOut = (() => {
  let factor = 1;
  for (let i = 0; i < blockBytes; i++) factor = Math.imul(factor, hashFactor);
  return factor;
})();

/** A stretch of the target that the source has too. */
interface Match {
  readonly source: number;
  readonly target: number;
  readonly length: number;
}

/**
 * Makes the delta that turns `source` into `target`. It may be longer than the target: then send the target.
 * Time and memory grow linearly with the sizes.
 */
export function createDelta(source: Uint8Array, target: Uint8Array): Uint8Array {
  const out = new DeltaWriter(target.length);
  out.integer(target.length);
  out.byte(newline);
  let written = 0;
  for (const match of matches(source, target)) {
    out.insert(target, written, match.target);
    out.integer(match.length);
    out.byte(copyMark);
    out.integer(match.source);
    out.byte(copyEnd);
    written = match.target + match.length;
  }
  out.insert(target, written, target.length);
  out.integer(checksum(target));
  out.byte(endMark);
  return out.finish();
}

function* matches(source: Uint8Array, target: Uint8Array): Generator<Match> {
  if (source.length < blockBytes || target.length < blockBytes) return;
  const index = new BlockIndex(source);
  let hash = hashOf(target, 0);
  let at = 0;
  /** Behind the last match. */
  let written = 0;
  while (at + blockBytes <= target.length) {
    const match = index.find(hash, target, at, written);
    if (match) {
      yield match;
      written = at = match.target + match.length;
      if (at + blockBytes <= target.length) hash = hashOf(target, at);
      continue;
    }
    hash =
      (Math.imul(hash, hashFactor) + byteAt(target, at + blockBytes) - Math.imul(byteAt(target, at), hashFactorOut)) |
      0;
    at++;
  }
}

/** Finds blocks of the source by hash: those side by side from the start, and the one that ends at the end. */
class BlockIndex {
  readonly #source: Uint8Array;
  readonly #shift: number;
  /** First block of a hash, plus one; 0 is none. */
  readonly #heads: Int32Array;
  /** Next block with the same hash, plus one. */
  readonly #next: Int32Array;

  constructor(source: Uint8Array) {
    this.#source = source;
    const blocks = Math.ceil(source.length / blockBytes);
    const bits = Math.max(4, 32 - Math.clz32(blocks));
    this.#shift = 32 - bits;
    this.#heads = new Int32Array(2 ** bits);
    this.#next = new Int32Array(blocks);
    for (let block = blocks - 1; block >= 0; block--) {
      const slot = this.#slot(hashOf(source, this.#start(block)));
      this.#next[block] = this.#heads[slot] as number;
      this.#heads[slot] = block + 1;
    }
  }

  /**
   * The longest match around a place of the target.
   * @param from the match may begin before `at`, but not before this.
   */
  find(hash: number, target: Uint8Array, at: number, from: number): Match | undefined {
    let best: Match | undefined;
    let block = this.#heads[this.#slot(hash)] as number;
    for (let tries = 0; block > 0 && tries < maxChain; tries++) {
      const match = this.#extend(this.#start(block - 1), target, at, from);
      if (match && (!best || match.length > best.length)) best = match;
      block = this.#next[block - 1] as number;
    }
    return best && withinCharacters(best, target);
  }

  #start(block: number): number {
    return Math.min(block * blockBytes, this.#source.length - blockBytes);
  }

  #slot(hash: number): number {
    return Math.imul(hash, 0x9e3779b1) >>> this.#shift;
  }

  #extend(start: number, target: Uint8Array, at: number, from: number): Match | undefined {
    const source = this.#source;
    const most = Math.min(source.length - start, target.length - at);
    let length = 0;
    while (length < most && source[start + length] === target[at + length]) length++;
    if (length < blockBytes) return undefined;
    let back = 0;
    while (back < start && at - back > from && source[start - back - 1] === target[at - back - 1]) back++;
    return { source: start - back, target: at - back, length: length + back };
  }
}

/**
 * Cuts a match so that it begins and ends between two characters of UTF-8 text: what lies between two matches is
 * inserted literally and must be text.
 */
function withinCharacters(match: Match, target: Uint8Array): Match {
  let head = 0;
  while (head < 3 && isInsideCharacter(target, match.target + head)) head++;
  const end = match.target + match.length;
  let tail = 0;
  while (tail < 3 && isInsideCharacter(target, end - tail)) tail++;
  return { source: match.source + head, target: match.target + head, length: match.length - head - tail };
}

function isInsideCharacter(text: Uint8Array, at: number): boolean {
  return at < text.length && (byteAt(text, at) & 0xc0) === 0x80;
}

function hashOf(bytes: Uint8Array, at: number): number {
  let hash = 0;
  for (let i = at; i < at + blockBytes; i++) hash = (Math.imul(hash, hashFactor) + byteAt(bytes, i)) | 0;
  return hash;
}

/** Behind the end there are zeros. */
function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}

/** Sum of the bytes as big-endian 32-bit words, the last one filled with zeros. */
function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 4) {
    const word =
      (byteAt(bytes, at) << 24) | (byteAt(bytes, at + 1) << 16) | (byteAt(bytes, at + 2) << 8) | byteAt(bytes, at + 3);
    sum = (sum + word) | 0;
  }
  return sum >>> 0;
}

class DeltaWriter {
  #bytes: Uint8Array;
  #at = 0;

  constructor(expectedBytes: number) {
    this.#bytes = new Uint8Array(expectedBytes + 32);
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = value;
  }

  /** Writes an unsigned 32-bit integer, most significant digit first. */
  integer(value: number): void {
    let shift = 30;
    while (shift > 0 && value >>> shift === 0) shift -= 6;
    for (; shift >= 0; shift -= 6) this.byte(digits[(value >>> shift) & 63] as number);
  }

  /** Writes a part of the target literally, if there is any. */
  insert(target: Uint8Array, start: number, end: number): void {
    if (start === end) return;
    this.integer(end - start);
    this.byte(insertMark);
    this.#reserve(end - start);
    this.#bytes.set(target.subarray(start, end), this.#at);
    this.#at += end - start;
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#at);
  }

  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#at + bytes));
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}

/**
 * Turns `source` into the target of the delta.
 * @param maxBytes a larger target is refused.
 * @throws DecodeError if the delta is malformed, does not fit the source, or the checksum differs.
 */
export function applyDelta(source: Uint8Array, delta: Uint8Array, maxBytes: number = 64 * 1024 * 1024): Uint8Array {
  const reader = new DeltaReader(delta);
  const size = reader.integer();
  reader.expect(newline);
  if (size > maxBytes) throw new DecodeError(`delta makes more than ${maxBytes} bytes`);
  const parts: Uint8Array[] = [];
  let total = 0;
  for (;;) {
    const count = reader.integer();
    const mark = reader.byte();
    if (mark === endMark) return finishTarget(reader, parts, total, size, count);
    if (mark !== copyMark && mark !== insertMark) throw new DecodeError('delta: unknown operator');
    const part = mark === copyMark ? reader.copy(source, count) : reader.take(count);
    total += part.length;
    if (total > size) throw new DecodeError('delta: makes more than it declares');
    parts.push(part);
  }
}

function finishTarget(
  reader: DeltaReader,
  parts: readonly Uint8Array[],
  total: number,
  size: number,
  sum: number,
): Uint8Array {
  if (!reader.atEnd) throw new DecodeError('delta: bytes behind the end');
  if (total !== size) throw new DecodeError('delta: makes less than it declares');
  const target = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    target.set(part, at);
    at += part.length;
  }
  if (checksum(target) !== sum) throw new DecodeError('delta: wrong checksum');
  return target;
}

class DeltaReader {
  readonly #delta: Uint8Array;
  #at = 0;

  constructor(delta: Uint8Array) {
    this.#delta = delta;
  }

  get atEnd(): boolean {
    return this.#at === this.#delta.length;
  }

  byte(): number {
    const byte = this.#delta[this.#at++];
    if (byte === undefined) throw new DecodeError('delta: cut off');
    return byte;
  }

  expect(mark: number): void {
    if (this.byte() !== mark) throw new DecodeError('delta: a number is not terminated');
  }

  integer(): number {
    const start = this.#at;
    let value = 0;
    for (;;) {
      const digit = digitValues[this.#delta[this.#at] ?? 0] as number;
      if (digit < 0) break;
      value = value * 64 + digit;
      this.#at++;
      if (value > 0xffffffff) throw new DecodeError('delta: number out of range');
    }
    if (this.#at === start) throw new DecodeError('delta: a number is missing');
    return value;
  }

  take(count: number): Uint8Array {
    if (count > this.#delta.length - this.#at) throw new DecodeError('delta: insert is cut off');
    const start = this.#at;
    this.#at += count;
    return this.#delta.subarray(start, this.#at);
  }

  copy(source: Uint8Array, count: number): Uint8Array {
    const offset = this.integer();
    this.expect(copyEnd);
    if (offset + count > source.length) throw new DecodeError('delta: copy beyond the source');
    return source.subarray(offset, offset + count);
  }
}
