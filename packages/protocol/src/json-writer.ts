/**
 * Writes a message of the table as JSON. Payloads are raw JSON and go in as they are, but for line breaks, which
 * separate messages: in valid JSON these stand only between tokens and a space does as well.
 */
import { isZero, type Field, type MessageSchema, type MessageValue } from './schema.ts';

const encoder = new TextEncoder();

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;

/** @param payload valid JSON, which is not checked here. */
export function withoutLineBreaks(payload: Uint8Array): Uint8Array {
  if (!payload.includes(lineFeed) && !payload.includes(carriageReturn)) return payload;
  return Uint8Array.from(payload, (byte) => (byte === lineFeed || byte === carriageReturn ? space : byte));
}

export function concat(chunks: readonly Uint8Array[]): Uint8Array {
  let bytes = 0;
  for (const chunk of chunks) bytes += chunk.length;
  const out = new Uint8Array(bytes);
  let at = 0;
  for (const chunk of chunks) {
    out.set(chunk, at);
    at += chunk.length;
  }
  return out;
}

export function writeJson(schema: MessageSchema, value: MessageValue): Uint8Array {
  const writer = new JsonWriter();
  writer.message(schema, value);
  return writer.finish();
}

class JsonWriter {
  readonly #chunks: Uint8Array[] = [];
  /** What follows the last chunk. */
  #text = '';

  message(schema: MessageSchema, value: MessageValue): void {
    this.#text += '{';
    let separator = '"';
    for (const field of schema.fields) {
      const member = value[field.name];
      if (!field.always && isZero(field, member)) continue;
      this.#text += `${separator}${field.name}":`;
      separator = ',"';
      if (field.shape === 'list') this.#list(field, member as readonly unknown[]);
      else if (field.shape === 'map') this.#map(field, member as Readonly<Record<string, unknown>>);
      else this.#value(field, member);
    }
    this.#text += '}';
  }

  finish(): Uint8Array {
    if (this.#chunks.length === 0) return encoder.encode(this.#text);
    this.#chunks.push(encoder.encode(this.#text));
    return concat(this.#chunks);
  }

  #list(field: Field, values: readonly unknown[]): void {
    this.#text += '[';
    let separator = '';
    for (const value of values) {
      this.#text += separator;
      separator = ',';
      this.#value(field, value);
    }
    this.#text += ']';
  }

  #map(field: Field, values: Readonly<Record<string, unknown>>): void {
    this.#text += '{';
    let separator = '';
    for (const key of Object.keys(values)) {
      this.#text += `${separator}${JSON.stringify(key)}:`;
      separator = ',';
      this.#value(field, values[key]);
    }
    this.#text += '}';
  }

  #value(field: Field, value: unknown): void {
    switch (field.type) {
      case 'bytes':
        this.#chunks.push(encoder.encode(this.#text), withoutLineBreaks(value as Uint8Array));
        this.#text = '';
        break;
      case 'string':
        this.#text += JSON.stringify(value ?? '');
        break;
      case 'bool':
      case 'uint32':
      case 'int32':
      case 'uint64':
      case 'int64':
      case 'sint64':
        this.#text += String(value);
        break;
      default:
        this.message(field.type, value as MessageValue);
    }
  }
}
