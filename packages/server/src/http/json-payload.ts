/** Payloads are bytes of JSON text on the inside; this is how they come from and go into JSON documents. */
import type { Payload } from '@tidings/protocol';
import { oneLine } from '../lib/raw-json.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * A payload for the server API out of a JavaScript value: `api.publish({ channel, data: jsonPayload({ text: 'hi' }) })`.
 * @throws TypeError for what JSON cannot hold: undefined, a function, a BigInt, a circle.
 */
export function jsonPayload(value: unknown): Payload {
  const text = JSON.stringify(value) as string | undefined;
  if (text === undefined) throw new TypeError(`${typeof value} is not a JSON value`);
  return encoder.encode(text);
}

/** @param text valid JSON; it is kept as written. */
export function rawPayload(text: string): Payload {
  return encoder.encode(text);
}

/** @returns the payload as JSON text on one line, or undefined if it is not JSON. */
export function payloadText(payload: Payload): string | undefined {
  try {
    const text = decoder.decode(payload);
    JSON.parse(text);
    return oneLine(text);
  } catch {
    return undefined;
  }
}

/**
 * `JSON.stringify` for values that hold payloads. A payload stands in the text as it is; one that is not JSON stands
 * as base64 under the name `b64<field>`; an empty one is left out.
 */
export function encodeJson(value: unknown): string {
  if (value instanceof Uint8Array) return payloadText(value) ?? JSON.stringify(base64(value));
  if (Array.isArray(value)) return `[${value.map(encodeJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const fields: string[] = [];
  for (const [name, field] of Object.entries(value)) {
    if (field === undefined) continue;
    if (!(field instanceof Uint8Array)) fields.push(`${JSON.stringify(name)}:${encodeJson(field)}`);
    else if (field.length > 0) {
      const text = payloadText(field);
      if (text === undefined) fields.push(`${JSON.stringify(`b64${name}`)}:"${base64(field)}"`);
      else fields.push(`${JSON.stringify(name)}:${text}`);
    }
  }
  return `{${fields.join(',')}}`;
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64');
}
