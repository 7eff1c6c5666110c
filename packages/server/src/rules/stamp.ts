/**
 * The fields that the server sets in what a client publishes. The rest of the message stays as it was written, number
 * for number and in its order: it is cut as text, not parsed and written anew.
 */
import { objectFields } from '../lib/raw-json.ts';
import { functions } from './functions.ts';
import { Duration, Failure, Timestamp, type Value } from './value.ts';

/** How deep lists and maps may be nested in what an expression makes. */
const maxDepth = 64;

/**
 * @param text a valid JSON object.
 * @param fields JSON text by name. One that the message has is replaced in its place, also where it stands twice, so
 * that no reader can take the client's for the server's; others are added behind.
 */
export function stampFields(text: string, fields: ReadonlyMap<string, string>): string {
  const all = objectFields(text);
  for (const [name, value] of fields) all.set(name, value);
  return `{${Array.from(all, ([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`;
}

/**
 * A value as JSON. An int keeps all its digits; a timestamp is RFC 3339 and a duration seconds, such as `"1.5s"`.
 * @returns a failure for what JSON cannot hold: NaN and infinity.
 */
export function jsonTextOf(value: Value, depth = 0): string | Failure {
  if (depth > maxDepth) return new Failure(`a value is nested deeper than ${maxDepth}`);
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'number') {
    return Number.isFinite(value) ? JSON.stringify(value) : new Failure(`${value} is not a number of JSON`);
  }
  if (value instanceof Timestamp || value instanceof Duration) {
    const text = functions['string']?.(value) ?? new Failure('no text for a time');
    return text instanceof Failure ? text : JSON.stringify(text);
  }
  const parts: string[] = [];
  const isList = isArray(value);
  for (const [name, part] of Object.entries(value)) {
    const text = jsonTextOf(part as Value, depth + 1);
    if (text instanceof Failure) return text;
    parts.push(isList ? text : `${JSON.stringify(name)}:${text}`);
  }
  return isList ? `[${parts.join(',')}]` : `{${parts.join(',')}}`;
}

/** `Array.isArray` does not know read-only lists. */
function isArray(value: object): value is readonly unknown[] {
  return Array.isArray(value);
}
