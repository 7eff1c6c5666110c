/**
 * Reads a message of the table from JSON text. `JSON.parse` checks the grammar; then this walks the text once, guided
 * by the table, and cuts payloads out as they stand: a value that went through `JSON.parse` and back would lose digits
 * of large numbers and duplicate keys.
 */
import { DecodeError } from './errors.ts';
import {
  emptyMap,
  fillRequired,
  isInRange,
  maxFilterDepth,
  type Field,
  type MessageSchema,
  type MessageValue,
  type NumberType,
} from './schema.ts';

/** Arrays and objects in each other within one payload. JSON parsers of clients give up at 512 and more. */
export const maxPayloadDepth = 256;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const quote = 0x22;
const backslash = 0x5c;
const comma = 0x2c;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const openBracket = 0x5b;
const closeBracket = 0x5d;

/** @throws DecodeError if the bytes are not UTF-8. */
export function textOf(frame: Uint8Array | string): string {
  if (typeof frame === 'string') return frame;
  try {
    return decoder.decode(frame);
  } catch {
    throw new DecodeError('not UTF-8');
  }
}

/** @throws DecodeError if the text is not one JSON value. */
export function checkJson(text: string): void {
  try {
    JSON.parse(text);
  } catch {
    throw new DecodeError('not JSON');
  }
}

/**
 * Reads one message.
 * @throws DecodeError on text that is not JSON, a wrong type, a number out of range, or too deep a nesting.
 */
export function readJson(schema: MessageSchema, text: string): MessageValue {
  checkJson(text);
  const reader = new JsonReader(text);
  reader.skipSpace();
  return reader.message(schema, 1);
}

/** Walks text that is known to be valid JSON. */
export class JsonReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  message(schema: MessageSchema, depth: number): MessageValue {
    if (this.#peek() !== openBrace) throw new DecodeError(`${schema.name}: not an object`);
    if (depth > maxFilterDepth) throw new DecodeError(`${schema.name}: nested too deeply`);
    const value: MessageValue = {};
    for (let more = this.#first(closeBrace); more; more = this.#next()) {
      const field = schema.byName.get(this.#key());
      if (field === undefined) this.skip();
      else value[field.name] = this.#field(schema, field, depth);
    }
    fillRequired(schema, value);
    // An explicit zero is the same as an absent field, so that both codecs give the same value.
    for (const name in value) if (value[name] === undefined) delete value[name];
    return value;
  }

  /** Moves behind the value that stands here. */
  skip(): void {
    const text = this.#text;
    let depth = 0;
    do {
      const code = this.#peek();
      if (code === quote) {
        this.#at = this.#stringEnd();
      } else if (code === openBrace || code === openBracket) {
        if (++depth > maxPayloadDepth) throw new DecodeError('payload nested too deeply');
        this.#at++;
      } else if (code === closeBrace || code === closeBracket) {
        depth--;
        this.#at++;
      } else if (depth > 0) {
        this.#at++;
      } else {
        while (this.#at < text.length && !endsScalar(text.charCodeAt(this.#at))) this.#at++;
      }
    } while (depth > 0);
  }

  skipSpace(): void {
    while (isSpace(this.#peek())) this.#at++;
  }

  /** @returns undefined for null and zero. */
  #field(schema: MessageSchema, field: Field, depth: number): unknown {
    // A payload may be any JSON value, null too.
    if (field.type !== 'bytes' && this.#skipNull()) return undefined;
    switch (field.shape) {
      case 'single':
        return this.#value(schema, field, depth) || undefined;
      case 'list':
        return this.#list(schema, field, depth);
      case 'map':
        return this.#map(schema, field, depth);
    }
  }

  #list(schema: MessageSchema, field: Field, depth: number): unknown[] | undefined {
    if (this.#peek() !== openBracket) throw new DecodeError(`${schema.name}.${field.name}: not an array`);
    const values: unknown[] = [];
    for (let more = this.#first(closeBracket); more; more = this.#next()) {
      values.push(this.#value(schema, field, depth));
    }
    return values.length === 0 ? undefined : values;
  }

  #map(schema: MessageSchema, field: Field, depth: number): Record<string, unknown> | undefined {
    if (this.#peek() !== openBrace) throw new DecodeError(`${schema.name}.${field.name}: not an object`);
    const values = emptyMap();
    let any = false;
    for (let more = this.#first(closeBrace); more; more = this.#next()) {
      const key = this.#key();
      if (this.#skipNull()) {
        delete values[key];
      } else {
        values[key] = this.#value(schema, field, depth);
        any = true;
      }
    }
    return any && Object.keys(values).length > 0 ? values : undefined;
  }

  #value(schema: MessageSchema, field: Field, depth: number): unknown {
    switch (field.type) {
      case 'bytes': {
        const start = this.#at;
        this.skip();
        return encoder.encode(this.#text.slice(start, this.#at));
      }
      case 'string':
        if (this.#peek() !== quote) throw new DecodeError(`${schema.name}.${field.name}: not a string`);
        return this.#string();
      case 'bool':
        return this.#boolean(schema, field);
      case 'uint32':
      case 'int32':
      case 'uint64':
      case 'int64':
      case 'sint64':
        return this.#number(schema, field, field.type);
      default:
        return this.message(field.type, field.type === schema ? depth + 1 : 1);
    }
  }

  #boolean(schema: MessageSchema, field: Field): boolean {
    const start = this.#at;
    if (this.#text.startsWith('true', start)) this.#at += 4;
    else if (this.#text.startsWith('false', start)) this.#at += 5;
    else throw new DecodeError(`${schema.name}.${field.name}: not a boolean`);
    return this.#at === start + 4;
  }

  #number(schema: MessageSchema, field: Field, type: NumberType): number {
    const start = this.#at;
    const code = this.#peek();
    if (code !== 0x2d && !(code >= 0x30 && code <= 0x39)) {
      throw new DecodeError(`${schema.name}.${field.name}: not a number`);
    }
    this.skip();
    const value = Number(this.#text.slice(start, this.#at));
    if (!isInRange(type, value)) throw new DecodeError(`${schema.name}.${field.name}: not a ${type}`);
    return value;
  }

  #skipNull(): boolean {
    if (this.#peek() !== 0x6e) return false;
    this.#at += 4;
    return true;
  }

  #key(): string {
    const key = this.#string();
    this.skipSpace();
    this.#at++; // the colon
    this.skipSpace();
    return key;
  }

  #string(): string {
    const start = this.#at;
    this.#at = this.#stringEnd();
    const raw = this.#text.slice(start + 1, this.#at - 1);
    const value = raw.includes('\\') ? (JSON.parse(this.#text.slice(start, this.#at)) as string) : raw;
    // Half a surrogate pair has no UTF-8 form: two such names would differ here and be one name in a broker.
    return value.toWellFormed();
  }

  #stringEnd(): number {
    const text = this.#text;
    let at = this.#at + 1;
    for (;;) {
      const code = text.charCodeAt(at++);
      if (code === quote) return at;
      if (code === backslash) at++;
    }
  }

  /** Enters an array or object; whether it has a member. */
  #first(close: number): boolean {
    this.#at++;
    this.skipSpace();
    if (this.#peek() !== close) return true;
    this.#at++;
    return false;
  }

  /** Moves behind a comma or the closing bracket; whether another member follows. */
  #next(): boolean {
    this.skipSpace();
    const more = this.#peek() === comma;
    this.#at++;
    if (more) this.skipSpace();
    return more;
  }

  #peek(): number {
    return this.#text.charCodeAt(this.#at);
  }
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

function endsScalar(code: number): boolean {
  return code === comma || code === closeBrace || code === closeBracket || isSpace(code);
}
