/**
 * JSON of others that Tidings passes on: claims of a token, results of a hook. `JSON.parse` alone rounds numbers that
 * do not fit a double, such as 64-bit ids; here they come out of `JSON.stringify` as they went in.
 */

/** Source text of numbers (TC39 proposal "JSON.parse source text access"), which the type library does not know yet. */
interface SourceJson {
  parse(text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown): unknown;
  rawJSON(text: string): unknown;
}
const sourceJson = JSON as unknown as SourceJson;

/** A number that may not survive: many digits, or a large exponent. */
const suspect = /\d{16}|\d[eE][+-]?\d{3}/;

/**
 * Parses JSON without loss. A number that does not fit becomes an opaque object that `JSON.stringify` writes as it was.
 * @throws SyntaxError
 */
export function parseExactJson(text: string): unknown {
  // A reviver costs several times a plain parse, and hardly any text needs it.
  if (!suspect.test(text)) return JSON.parse(text);
  return sourceJson.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined && String(value) !== source && !sameNumber(value, source)
      ? sourceJson.rawJSON(source)
      : value,
  );
}

/** Whether the double writes out as the same digits: `1.50` and `1.5` do, 2^53+1 does not. */
function sameNumber(value: number, source: string): boolean {
  return Number.isFinite(value) && digits(String(value)) === digits(source);
}

/** Significant digits and their place, independent of notation. */
function digits(text: string): string {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
  if (!match) return text;
  const [, minus = '', whole = '', fraction = '', exponent = '0'] = match;
  const significant = (whole + fraction).replace(/^0+/, '');
  const trimmed = significant.replace(/0+$/, '');
  if (trimmed === '') return `${minus}0`;
  return `${minus}${trimmed}e${Number(exponent) - fraction.length + significant.length - trimmed.length}`;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** The JSON bytes of a value. */
export function toJsonBytes(value: unknown): Uint8Array {
  return encoder.encode(JSON.stringify(value));
}

/** The text of these bytes if they are one JSON value, else undefined. */
export function jsonText(bytes: Uint8Array): string | undefined {
  try {
    const text = decoder.decode(bytes);
    JSON.parse(text);
    return text;
  } catch {
    return undefined;
  }
}

/** @throws TypeError when the bytes are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}
