/** String literals of the rule language: where one ends, and what its escapes mean. `tokens.ts` calls it. */
import { RuleSyntaxError } from './syntax.ts';

const simpleEscapes: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  '\\': '\\',
  '?': '?',
  '"': '"',
  "'": "'",
  '`': '`',
};

/** Digits after the letter of an escape that names a code point. */
const hexDigits: Readonly<Record<string, number>> = { x: 2, X: 2, u: 4, U: 8 };

const validEscapes = String.raw`\n \r \t \\ \" \' and the like, \x41, \u00e9, \U0001F600, \101, or a raw string r"…"`;

function fail(start: number, end: number, found: string, valid: string): never {
  throw new RuleSyntaxError({ span: { start, end }, found, valid });
}

/** @returns the text an escape stands for, and where it ends. */
function readEscape(source: string, at: number): { readonly text: string; readonly end: number } {
  const letter = source[at + 1] ?? '';
  if (Object.hasOwn(simpleEscapes, letter)) return { text: simpleEscapes[letter] as string, end: at + 2 };
  const octal = /^[0-3][0-7]{2}/.exec(source.slice(at + 1, at + 4));
  if (octal) return { text: String.fromCodePoint(Number.parseInt(octal[0], 8)), end: at + 4 };
  const count = Object.hasOwn(hexDigits, letter) ? (hexDigits[letter] as number) : 0;
  const digits = source.slice(at + 2, at + 2 + count);
  const end = at + 2 + count;
  if (count === 0 || digits.length < count || !/^[0-9a-fA-F]+$/.test(digits)) {
    const shown = source.slice(at, at + 2).trim();
    return fail(at, Math.min(at + 2, source.length), `an unknown escape ${shown}`, validEscapes);
  }
  const codePoint = Number.parseInt(digits, 16);
  if (codePoint > 0x10ffff || (codePoint >= 0xd800 && codePoint <= 0xdfff)) {
    const valid = String.raw`a code point up to \U0010FFFF that is no surrogate, such as \U0001F600`;
    return fail(at, end, `${source.slice(at, end)}, which is no character`, valid);
  }
  return { text: String.fromCodePoint(codePoint), end };
}

/**
 * Reads a literal.
 * @param start where it begins, with its prefix.
 * @param quoteAt where its first quote stands.
 * @param raw whether escapes are left as they are.
 * @throws {RuleSyntaxError} if it does not end, or has an escape that does not exist.
 */
export function readString(
  source: string,
  start: number,
  quoteAt: number,
  raw: boolean,
): { readonly value: string; readonly end: number } {
  const quote = source[quoteAt] as string;
  const triple = source.startsWith(quote.repeat(3), quoteAt);
  const delimiter = triple ? quote.repeat(3) : quote;
  let at = quoteAt + delimiter.length;
  let value = '';
  while (!source.startsWith(delimiter, at)) {
    const char = source[at];
    if (char === undefined || (!triple && (char === '\n' || char === '\r'))) {
      const found = `a string that does not end${char === undefined ? '' : ' on its line'}`;
      fail(start, at, found, triple ? `${delimiter} at its end` : `${delimiter} at its end, or ${quote.repeat(3)}…`);
    }
    if (char === '\\' && !raw) {
      const escape = readEscape(source, at);
      value += escape.text;
      at = escape.end;
    } else {
      value += char;
      at++;
    }
  }
  const end = at + delimiter.length;
  if (!value.isWellFormed()) fail(start, end, 'a string with half a surrogate pair', 'whole characters');
  return { value, end };
}
