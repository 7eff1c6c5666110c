/**
 * Reads messages of the table from Protobuf. Lengths are checked against the bytes that are there before anything is
 * done with them, so the cost of a frame follows its size and never what it claims.
 *
 * Source: Protocol Buffers, "Encoding".
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

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const wireVarint = 0;
const wireFixed64 = 1;
const wireBytes = 2;
const wireFixed32 = 5;
/** 2^29 - 1, the largest field number. */
const maxFieldNumber = 536_870_911;

/** Reads from one buffer, from front to back. All methods throw `DecodeError` on malformed bytes. */
export class ProtobufReader {
  readonly #bytes: Uint8Array;
  #at: number;
  #end: number;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#at = 0;
    this.#end = bytes.length;
  }

  get atEnd(): boolean {
    return this.#at >= this.#end;
  }

  /** Reads a message that is preceded by its length. */
  delimited(schema: MessageSchema): MessageValue {
    const value: MessageValue = {};
    this.#within(schema, value, 1);
    return value;
  }

  /** Reads a message that takes all the bytes. */
  whole(schema: MessageSchema): MessageValue {
    const value: MessageValue = {};
    this.#message(schema, value, 1);
    return value;
  }

  /** Reads a length and then a message of that length into `value`. */
  #within(schema: MessageSchema, value: MessageValue, depth: number): void {
    const end = this.#end;
    this.#end = this.#sliceEnd();
    this.#message(schema, value, depth);
    this.#end = end;
  }

  #message(schema: MessageSchema, value: MessageValue, depth: number): void {
    if (depth > maxFilterDepth) throw new DecodeError(`${schema.name}: nested too deeply`);
    while (!this.atEnd) {
      const { number, wireType } = this.#tag();
      const field = schema.byNumber[number];
      if (field === undefined) this.#skip(wireType);
      else this.#field(schema, field, wireType, value, depth);
    }
    fillRequired(schema, value);
  }

  #tag(): { number: number; wireType: number } {
    const tag = this.#unsigned();
    const number = Math.floor(tag / 8);
    if (number === 0 || number > maxFieldNumber) throw new DecodeError('field number out of range');
    return { number, wireType: tag % 8 };
  }

  #field(schema: MessageSchema, field: Field, wireType: number, into: MessageValue, depth: number): void {
    const expected = field.shape === 'map' ? wireBytes : wireTypeOf(field.type);
    if (wireType !== expected) throw new DecodeError(`${schema.name}.${field.name}: wrong wire type`);
    switch (field.shape) {
      case 'single': {
        const value = this.#value(schema, field, into[field.name], depth);
        if (isZeroScalar(value)) delete into[field.name];
        else into[field.name] = value;
        break;
      }
      case 'list':
        ((into[field.name] ??= []) as unknown[]).push(this.#value(schema, field, undefined, depth));
        break;
      case 'map':
        this.#entry(schema, field, (into[field.name] ??= emptyMap()) as Record<string, unknown>, depth);
        break;
    }
  }

  /** A map is a list of messages with key 1 and value 2. */
  #entry(schema: MessageSchema, field: Field, into: Record<string, unknown>, depth: number): void {
    const end = this.#end;
    this.#end = this.#sliceEnd();
    let key = '';
    let value: unknown;
    while (!this.atEnd) {
      const { number, wireType } = this.#tag();
      if (number > 2) this.#skip(wireType);
      else if (wireType !== wireBytes) throw new DecodeError(`${schema.name}.${field.name}: wrong wire type`);
      else if (number === 1) key = this.#string(schema, field);
      else value = this.#value(schema, field, value, depth);
    }
    this.#end = end;
    into[key] = value ?? zeroEntry(field);
  }

  /** @param before the value an earlier occurrence of the field gave; messages are merged into it. */
  #value(schema: MessageSchema, field: Field, before: unknown, depth: number): unknown {
    switch (field.type) {
      case 'bool':
        return this.#varint() !== 0;
      case 'string':
        return this.#string(schema, field);
      case 'bytes':
        // A copy: a small payload that is kept must not keep the whole network buffer.
        return new Uint8Array(this.#slice());
      case 'uint32':
      case 'int32':
      case 'uint64':
      case 'int64':
      case 'sint64':
        return this.#number(schema, field, field.type);
      default: {
        const value = (before ?? {}) as MessageValue;
        this.#within(field.type, value, field.type === schema ? depth + 1 : 1);
        return value;
      }
    }
  }

  #number(schema: MessageSchema, field: Field, type: NumberType): number {
    let value = this.#varint();
    if (type === 'sint64') {
      const zigzag = BigInt(value);
      value = (zigzag >> 1n) ^ -(zigzag & 1n);
    } else if (typeof value === 'bigint' && (type === 'int32' || type === 'int64')) {
      value = BigInt.asIntN(64, value);
    }
    const number = Number(value);
    if (!isInRange(type, number)) throw new DecodeError(`${schema.name}.${field.name}: not a ${type}`);
    return number;
  }

  #string(schema: MessageSchema, field: Field): string {
    try {
      return decoder.decode(this.#slice());
    } catch (error) {
      if (error instanceof DecodeError) throw error;
      throw new DecodeError(`${schema.name}.${field.name}: not UTF-8`);
    }
  }

  #skip(wireType: number): void {
    switch (wireType) {
      case wireVarint:
        this.#varint();
        break;
      case wireFixed64:
        this.#advance(8);
        break;
      case wireBytes:
        this.#at = this.#sliceEnd();
        break;
      case wireFixed32:
        this.#advance(4);
        break;
      default:
        throw new DecodeError('unknown wire type');
    }
  }

  #advance(bytes: number): void {
    if (bytes > this.#end - this.#at) throw new DecodeError('cut off');
    this.#at += bytes;
  }

  #slice(): Uint8Array {
    const end = this.#sliceEnd();
    const slice = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return slice;
  }

  /** Reads a length; where the bytes of that length end. */
  #sliceEnd(): number {
    const length = this.#unsigned();
    if (length > this.#end - this.#at) throw new DecodeError('a length goes beyond the end');
    return this.#at + length;
  }

  #unsigned(): number {
    const value = this.#varint();
    if (typeof value === 'bigint') throw new DecodeError('number out of range');
    return value;
  }

  /** An unsigned 64-bit varint; a bigint only if a number cannot hold it. */
  #varint(): number | bigint {
    let value = 0;
    let factor = 1;
    for (let i = 0; i < 7; i++) {
      const byte = this.#byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 0x80;
    }
    let big = BigInt(value);
    for (let shift = 49n; shift < 70n; shift += 7n) {
      const byte = this.#byte();
      big |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) {
        if (big >= 1n << 64n) break;
        return big <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(big) : big;
      }
    }
    throw new DecodeError('varint too long');
  }

  #byte(): number {
    if (this.#at >= this.#end) throw new DecodeError('cut off');
    return this.#bytes[this.#at++] as number;
  }
}

function wireTypeOf(type: Field['type']): number {
  return type === 'string' || type === 'bytes' || typeof type === 'object' ? wireBytes : wireVarint;
}

function isZeroScalar(value: unknown): boolean {
  return !value || (value instanceof Uint8Array && value.length === 0);
}

function zeroEntry(field: Field): unknown {
  if (typeof field.type !== 'object') return '';
  const value: MessageValue = {};
  fillRequired(field.type, value);
  return value;
}
