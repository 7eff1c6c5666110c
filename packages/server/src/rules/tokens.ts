/** Splits the text of a rule into tokens. First step on the way from text to verdict; `parse.ts` is the next. */
import { readString } from './string-literal.ts';
import { RuleSyntaxError, type Span } from './syntax.ts';

export type Token = { readonly span: Span } & (
  | /** Without its sign, so that the least int can be written. */ { readonly kind: 'int'; readonly value: bigint }
  | { readonly kind: 'double'; readonly value: number }
  | { readonly kind: 'string'; readonly value: string }
  | /** A name or a keyword. */ { readonly kind: 'word'; readonly text: string }
  | { readonly kind: 'symbol'; readonly text: string }
  | { readonly kind: 'end' }
);

const blank = /(?:[\t\n\f\r ]|\/\/[^\n]*)+/y;
const word = /[_a-zA-Z][_a-zA-Z0-9]*/y;
const double = /(?:[0-9]*\.[0-9]+(?:[eE][+-]?[0-9]+)?|[0-9]+[eE][+-]?[0-9]+)/y;
const int = /(?:0x[0-9a-fA-F]+|[0-9]+)/y;
const symbol = /&&|\|\||[=!<>]=|[-+*/%!<>?:.,()[\]{}]/y;

/** What people write who come from other languages. Longest first. */
const mistakes: readonly (readonly [text: string, valid: string])[] = [
  ['===', '=='],
  ['!==', '!='],
  ['<>', '!='],
  ['??', 'has(a.b) ? a.b : …'],
  ['**', '*'],
  ['=', '== to compare'],
  ['&', '&&'],
  ['|', '||'],
  ['`', 'an index for a field whose name is no identifier: a["b-c"]'],
  ['#', '// for a comment'],
  [';', 'a rule is one expression'],
];

function fail(start: number, end: number, found: string, valid: string): never {
  throw new RuleSyntaxError({ span: { start, end }, found, valid });
}

function match(pattern: RegExp, source: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(source)?.[0];
}

function readNumber(source: string, start: number): Token | undefined {
  const asDouble = match(double, source, start);
  const text = asDouble ?? match(int, source, start);
  if (text === undefined) return undefined;
  const span = { start, end: start + text.length };
  const suffix = match(word, source, span.end);
  if (suffix !== undefined) {
    const end = span.end + suffix.length;
    const found = `${text}${suffix}`;
    if (asDouble === undefined && /^[uU]$/.test(suffix)) {
      fail(start, end, `${found}, an unsigned int, which is outside the language`, `an int: ${text}`);
    }
    fail(start, end, `${found}, which is no number`, 'a number such as 10, 0x1f, 1.5 or 1e3');
  }
  if (asDouble === undefined) return { kind: 'int', span, value: BigInt(text) };
  const value = Number(text);
  if (!Number.isFinite(value)) fail(start, span.end, `${text}, which is too large for a double`, 'up to 1.7e308');
  return { kind: 'double', span, value };
}

function readQuoted(source: string, start: number): Token | undefined {
  const prefix = /^([bB]?)([rR]?)["']/.exec(source.slice(start, start + 3));
  if (!prefix) return undefined;
  if (prefix[1]) {
    const end = start + prefix[0].length;
    fail(start, end, 'a bytes literal, which is outside the language', 'a string without b before it');
  }
  const { value, end } = readString(source, start, start + prefix[0].length - 1, prefix[2] !== '');
  return { kind: 'string', span: { start, end }, value };
}

function readSymbol(source: string, start: number): Token {
  const mistake = mistakes.find(([text]) => source.startsWith(text, start));
  const text = match(symbol, source, start);
  // `=` begins `==`, and `&` begins `&&`: a mistake counts only if it is as long as what is valid, or longer.
  if (mistake && (text === undefined || mistake[0].length > text.length)) {
    fail(start, start + mistake[0].length, `"${mistake[0]}"`, mistake[1]);
  }
  if (text !== undefined) return { kind: 'symbol', span: { start, end: start + text.length }, text };
  const char = String.fromCodePoint(source.codePointAt(start) as number);
  const shown = char.isWellFormed() && !/[\p{C}\p{Z}]/u.test(char) ? `"${char}"` : codePointName(char);
  return fail(start, start + char.length, `the character ${shown}`, 'text in quotes: "…" or \'…\'');
}

function codePointName(char: string): string {
  return `U+${(char.codePointAt(0) as number).toString(16).toUpperCase().padStart(4, '0')}`;
}

/**
 * All tokens of a rule, the last of kind `end`.
 *
 * Source: lexis of the Common Expression Language, https://github.com/google/cel-spec/blob/master/doc/langdef.md#syntax
 * @throws {RuleSyntaxError} at the first character that begins no token, and for literals outside the language.
 */
export function tokenize(source: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  for (;;) {
    at += match(blank, source, at)?.length ?? 0;
    if (at >= source.length) break;
    const token = readQuoted(source, at) ?? readNumber(source, at) ?? readWord(source, at) ?? readSymbol(source, at);
    tokens.push(token);
    at = token.span.end;
  }
  tokens.push({ kind: 'end', span: { start: source.length, end: source.length } });
  return tokens;
}

function readWord(source: string, start: number): Token | undefined {
  const text = match(word, source, start);
  return text === undefined ? undefined : { kind: 'word', span: { start, end: start + text.length }, text };
}
