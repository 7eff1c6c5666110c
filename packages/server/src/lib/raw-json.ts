/**
 * The exact text of values inside a JSON document. `JSON.parse` would round big integers and forget how a number was
 * written; what an application publishes must arrive as it was sent. The callers have checked by `JSON.parse` that the
 * text is JSON, so this only has to find where values end.
 */

/**
 * @param text a valid JSON object.
 * @returns the text of each value by key; of a repeated key the last, as in `JSON.parse`.
 */
export function objectFields(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  let at = skipSpace(text, skipSpace(text, 0) + 1);
  while (text[at] === '"') {
    const keyEnd = valueEnd(text, at);
    const start = skipSpace(text, skipSpace(text, keyEnd) + 1);
    const end = valueEnd(text, start);
    fields.set(JSON.parse(text.slice(at, keyEnd)) as string, text.slice(start, end));
    at = skipSpace(text, skipSpace(text, end) + 1);
  }
  return fields;
}

/**
 * @param text a valid JSON array.
 * @returns the text of each element.
 */
export function arrayItems(text: string): string[] {
  const items: string[] = [];
  let at = skipSpace(text, skipSpace(text, 0) + 1);
  while (at < text.length && text[at] !== ']') {
    const end = valueEnd(text, at);
    items.push(text.slice(at, end));
    at = skipSpace(text, end);
    if (text[at] === ',') at = skipSpace(text, at + 1);
  }
  return items;
}

/**
 * The same value on one line. A line break cannot stand inside a JSON string, only between tokens, so that leaving
 * them out changes nothing but makes the text safe in framings that end at a line.
 * @param text valid JSON.
 */
export function oneLine(text: string): string {
  return text.replaceAll(/[\r\n]+/g, '');
}

function skipSpace(text: string, at: number): number {
  for (;;) {
    const code = text.charCodeAt(at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return at;
    at++;
  }
}

/** Offset behind the value that starts at `at`. */
function valueEnd(text: string, at: number): number {
  let depth = 0;
  for (;;) {
    const char = text[at];
    if (char === '"') at = stringEnd(text, at);
    else if (char === '{' || char === '[') {
      depth++;
      at++;
      continue;
    } else if (char === '}' || char === ']') {
      depth--;
      at++;
    } else if (depth === 0) return literalEnd(text, at);
    else {
      at++;
      continue;
    }
    if (depth === 0) return at;
  }
}

function stringEnd(text: string, at: number): number {
  let quote = text.indexOf('"', at + 1);
  while (isEscaped(text, quote)) quote = text.indexOf('"', quote + 1);
  return quote + 1;
}

function isEscaped(text: string, quote: number): boolean {
  let backslashes = 0;
  while (text[quote - 1 - backslashes] === '\\') backslashes++;
  return backslashes % 2 === 1;
}

/** End of a number, `true`, `false` or `null`. */
function literalEnd(text: string, at: number): number {
  while (at < text.length && !',]} \t\r\n'.includes(text[at] as string)) at++;
  return at;
}
