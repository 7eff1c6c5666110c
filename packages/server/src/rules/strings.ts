/**
 * String functions. Positions and sizes count code points, not UTF-16 code units.
 *
 * Sources: https://github.com/google/cel-spec/blob/master/doc/langdef.md#string-functions and the strings extension of
 * cel-go, https://github.com/google/cel-go/tree/master/ext
 */
import { tooLongList, tooLongString } from './arithmetic.ts';
import { maxListElements, maxStringUnits } from './evaluation-limits.ts';
import { Failure } from './value.ts';

const surrogates = /[\ud800-\udfff]/;
/** White_Space of Unicode. JavaScript's `trim` also takes U+FEFF and leaves U+0085. */
const space = '[\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]';
const leadingSpace = new RegExp(`^${space}+`);
const spaces = new RegExp(space);

/** The number of code points. A lone surrogate counts as one. */
export function countCodePoints(text: string): number {
  if (!surrogates.test(text)) return text.length;
  let pairs = 0;
  for (let i = 1; i < text.length; i++) {
    if ((text.charCodeAt(i) & 0xfc00) === 0xdc00 && (text.charCodeAt(i - 1) & 0xfc00) === 0xd800) {
      pairs++;
      // A pair is used up; what follows starts anew.
      i++;
    }
  }
  return text.length - pairs;
}

export function lowerAscii(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

export function upperAscii(text: string): string {
  return text.replace(/[a-z]+/g, (letters) => letters.toUpperCase());
}

export function trim(text: string): string {
  // A pattern anchored at the end would try every run of spaces in between: quadratic.
  let end = text.length;
  while (end > 0 && spaces.test(text.charAt(end - 1))) end--;
  return text.slice(0, end).replace(leadingSpace, '');
}

/** @param position in code points; the one behind the last gives ''. */
export function charAt(text: string, position: bigint): string | Failure {
  const unit = unitAt(text, position);
  if (unit === undefined) return outOfRange(position);
  return unit === text.length ? '' : String.fromCodePoint(text.codePointAt(unit) as number);
}

/** @param end in code points, exclusive. */
export function substring(text: string, start: bigint, end?: bigint): string | Failure {
  const from = unitAt(text, start);
  if (from === undefined) return outOfRange(start);
  if (end === undefined) return text.slice(from);
  if (start > end) return new Failure(`substring from ${start} to ${end}`);
  const to = unitAt(text, end);
  return to === undefined ? outOfRange(end) : text.slice(from, to);
}

/** @param offset where to start, in code points. @returns a position in code points; -1: not found. */
export function indexOf(text: string, part: string, offset = 0n): bigint | Failure {
  if (part === '') return offset;
  const from = unitAt(text, offset);
  // The default offset is inside of every text, the empty one too.
  if (from === undefined || (from === text.length && offset > 0n)) return outOfRange(offset);
  return positionAt(text, text.indexOf(part, from));
}

/** @param offset the last position that counts, in code points. @returns a position in code points; -1: not found. */
export function lastIndexOf(text: string, part: string, offset?: bigint): bigint | Failure {
  if (offset === undefined) return positionAt(text, text.lastIndexOf(part));
  if (part === '') return offset;
  const from = unitAt(text, offset);
  if (from === undefined || from === text.length) return outOfRange(offset);
  return positionAt(text, text.lastIndexOf(part, from));
}

/** @param limit how many are replaced; below 0: all. */
export function replace(text: string, part: string, replacement: string, limit = -1n): string | Failure {
  if (limit === 0n) return text;
  // Without a part the replacement stands before every code point and at the end.
  const count = part === '' ? countCodePoints(text) + 1 : countParts(text, part);
  const times = limit < 0n || limit > BigInt(count) ? count : Number(limit);
  if (text.length + times * (replacement.length - part.length) > maxStringUnits) return tooLongString;
  if (part === '') {
    const points = Array.from(text);
    const head = points.slice(0, times).map((point) => replacement + point);
    return head.join('') + (times > points.length ? replacement : points.slice(times).join(''));
  }
  if (times === count) return text.replaceAll(part, () => replacement);
  let result = '';
  let from = 0;
  for (let i = 0; i < times; i++) {
    const found = text.indexOf(part, from);
    result += text.slice(from, found) + replacement;
    from = found + part.length;
  }
  return result + text.slice(from);
}

/** @param limit of the elements, the last of which is the rest; below 0: none. */
export function split(text: string, separator: string, limit = -1n): readonly string[] | Failure {
  if (limit === 0n) return [];
  const max = limit < 0n || limit > BigInt(maxListElements) ? maxListElements : Number(limit);
  const result: string[] = [];
  let from = 0;
  while (separator !== '' || from < text.length) {
    if (result.length + 1 === max) break;
    const to = separator === '' ? nextPoint(text, from) : text.indexOf(separator, from);
    if (to < 0) break;
    if (separator === '' && to === text.length) break;
    result.push(text.slice(from, to));
    from = to + separator.length;
  }
  if (separator === '' && text === '') return [];
  // The rest may hold separators only where the caller set the limit.
  if (limit !== BigInt(max) && result.length + 1 === max) {
    const more = separator === '' ? nextPoint(text, from) < text.length : text.includes(separator, from);
    if (more) return tooLongList;
  }
  result.push(text.slice(from));
  return result;
}

/** @returns a failure where an element is no string. */
export function join(list: readonly unknown[], separator = ''): string | Failure {
  let units = separator.length * Math.max(0, list.length - 1);
  for (const element of list) {
    if (typeof element !== 'string') return new Failure('join takes a list of strings');
    units += element.length;
    if (units > maxStringUnits) return tooLongString;
  }
  return units > maxStringUnits ? tooLongString : list.join(separator);
}

function outOfRange(position: bigint): Failure {
  return new Failure(`position ${position} is outside of the string`);
}

/** From code points to code units. @returns undefined beyond the end. */
function unitAt(text: string, position: bigint): number | undefined {
  if (position < 0n || position > BigInt(text.length)) return undefined;
  const points = Number(position);
  if (!surrogates.test(text)) return points;
  let unit = 0;
  for (let i = 0; i < points; i++) {
    if (unit >= text.length) return undefined;
    unit = nextPoint(text, unit);
  }
  return unit;
}

/** From code units to code points; -1 stays -1. */
function positionAt(text: string, unit: number): bigint {
  return BigInt(unit <= 0 ? unit : countCodePoints(text.slice(0, unit)));
}

function nextPoint(text: string, unit: number): number {
  return unit + ((text.codePointAt(unit) as number) > 0xffff ? 2 : 1);
}

function countParts(text: string, part: string): number {
  let count = 0;
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length)) count++;
  return count;
}
