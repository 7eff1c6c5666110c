/**
 * Where in a file a character of a text stands: for problems inside of rules, which may be quoted, escaped, folded over
 * lines or indented as a block. Part of `source-file.ts`.
 */
import type { Scalar } from 'yaml';

/** A place in a text that was read from the file. */
export interface Within {
  /** The text as it was read, perhaps without the white space around it. */
  readonly text: string;
  /** In UTF-16 units. */
  readonly offset: number;
}

/**
 * @param source the whole file.
 * @param scalar the text's node in it.
 * @returns the offset in the file; undefined if the text there is another one, as behind a reference `${NAME}`.
 */
export function sourceOffset(source: string, scalar: Scalar, { text, offset }: Within): number | undefined {
  const { value, range } = scalar;
  if (typeof value !== 'string' || !range || value.trim() !== text.trim()) return undefined;
  const before = value.slice(0, value.indexOf(text) + offset);
  // Line breaks and indentation differ between text and file; all other characters come in the same order.
  let left = withoutSpace(before).length;
  let last = range[0];
  for (const { at, text: character } of characters(source, scalar, range[0], range[1])) {
    if (withoutSpace(character) === '') continue;
    if (left <= 0) return at;
    left -= character.length;
    last = at + 1;
  }
  // The end of the text.
  return last;
}

function withoutSpace(text: string): string {
  return text.replaceAll(/\s/g, '');
}

interface Character {
  readonly at: number;
  /** What it stands for: nothing, one UTF-16 unit or two. */
  readonly text: string;
}

function* characters(source: string, { type }: Scalar, start: number, end: number): Generator<Character> {
  let at = start;
  if (type === 'BLOCK_LITERAL' || type === 'BLOCK_FOLDED') at = source.indexOf('\n', start) + 1;
  const quoted = type === 'QUOTE_DOUBLE' || type === 'QUOTE_SINGLE';
  if (quoted) {
    at++;
    end--;
  }
  while (at < end) {
    const length = quoted ? lengthOf(source, at, type) : 1;
    yield { at, text: length === 1 ? source.charAt(at) : meaning(source.slice(at, at + length)) };
    at += length;
  }
}

/** Source: YAML 1.2.2, sections 5.7 and 7.3, https://yaml.org/spec/1.2.2/#57-escaped-characters */
const escapeDigits: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

function lengthOf(source: string, at: number, type: Scalar['type']): number {
  const character = source.charAt(at);
  if (type === 'QUOTE_SINGLE') return character === "'" ? 2 : 1;
  if (character !== '\\') return 1;
  return 2 + (escapeDigits[source.charAt(at + 1)] ?? 0);
}

/** Of an escape, whatever has the same length and is white space or not as that is. */
function meaning(escape: string): string {
  const letter = escape.charAt(1);
  if (letter in escapeDigits) return String.fromCodePoint(Math.min(Number.parseInt(escape.slice(2), 16), 0x10ffff));
  // NEL, which is \N, is no white space to JavaScript.
  return /[\snrtvfLP_]/.test(letter) ? ' ' : letter;
}
