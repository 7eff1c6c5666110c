/**
 * Writes messages of the table as Protobuf, from back to front: the length that precedes a nested message is then
 * known when it is written, and every payload is copied once.
 *
 * Source: Protocol Buffers, "Encoding".
 */
import { uvarintBytes, writeUvarint } from './frames.ts';
import { isZero, type Field, type MessageSchema, type MessageValue } from './schema.ts';

const encoder = new TextEncoder();

const wireVarint = 0;
const wireBytes = 2;
const maxUnusedBytes = 128;

export class ProtobufWriter {
  #bytes: Uint8Array;
  /** What is written begins here. */
  #at: number;

  constructor(expectedBytes: number = 256) {
    this.#bytes = new Uint8Array(expectedBytes);
    this.#at = expectedBytes;
  }

  /** Puts a message in front, without its length. */
  message(schema: MessageSchema, value: MessageValue): void {
    for (let i = schema.fields.length - 1; i >= 0; i--) {
      const field = schema.fields[i] as Field;
      const member = value[field.name];
      if (isZero(field, member)) continue;
      if (field.shape === 'list') this.#list(field, member as readonly unknown[]);
      else if (field.shape === 'map') this.#map(field, member as Readonly<Record<string, unknown>>);
      else this.#value(field, field.number, member);
    }
  }

  /** Puts a message in front, preceded by its length. */
  delimited(schema: MessageSchema, value: MessageValue): void {
    const end = this.#written;
    this.message(schema, value);
    this.#uvarint(this.#written - end);
  }

  finish(): Uint8Array {
    // Not copied again unless much room is left that would be kept with the message.
    return this.#at <= maxUnusedBytes ? this.#bytes.subarray(this.#at) : this.#bytes.slice(this.#at);
  }

  get #written(): number {
    return this.#bytes.length - this.#at;
  }

  #list(field: Field, values: readonly unknown[]): void {
    for (let i = values.length - 1; i >= 0; i--) this.#value(field, field.number, values[i]);
  }

  #map(field: Field, values: Readonly<Record<string, unknown>>): void {
    for (const key of Object.keys(values).toReversed()) {
      const end = this.#written;
      this.#value(field, 2, values[key]);
      this.#blob(encoder.encode(key));
      this.#tag(1, wireBytes);
      this.#uvarint(this.#written - end);
      this.#tag(field.number, wireBytes);
    }
  }

  #value(field: Field, number: number, value: unknown): void {
    switch (field.type) {
      case 'bool':
        this.#uvarint(value ? 1 : 0);
        this.#tag(number, wireVarint);
        break;
      case 'uint32':
      case 'int32':
      case 'uint64':
      case 'int64':
        this.#integer(value as number);
        this.#tag(number, wireVarint);
        break;
      case 'sint64':
        this.#zigzag(value as number);
        this.#tag(number, wireVarint);
        break;
      case 'string':
        this.#blob(encoder.encode(value as string));
        this.#tag(number, wireBytes);
        break;
      case 'bytes':
        this.#blob(value as Uint8Array);
        this.#tag(number, wireBytes);
        break;
      default:
        this.delimited(field.type, value as MessageValue);
        this.#tag(number, wireBytes);
    }
  }

  #tag(number: number, wireType: number): void {
    this.#uvarint(number * 8 + wireType);
  }

  #blob(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#at -= bytes.length;
    this.#bytes.set(bytes, this.#at);
    this.#uvarint(bytes.length);
  }

  #integer(value: number): void {
    if (value >= 0) this.#uvarint(value);
    else this.#bigUvarint(BigInt.asUintN(64, BigInt(value)));
  }

  #zigzag(value: number): void {
    const big = BigInt(value);
    this.#bigUvarint(BigInt.asUintN(64, (big << 1n) ^ (big >> 63n)));
  }

  #uvarint(value: number): void {
    const bytes = uvarintBytes(value);
    this.#reserve(bytes);
    this.#at -= bytes;
    writeUvarint(this.#bytes, this.#at, value);
  }

  #bigUvarint(value: bigint): void {
    const bytes: number[] = [];
    for (; value >= 0x80n; value >>= 7n) bytes.push(Number(value & 0x7fn) | 0x80);
    bytes.push(Number(value));
    this.#reserve(bytes.length);
    this.#at -= bytes.length;
    this.#bytes.set(bytes, this.#at);
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#at) return;
    const written = this.#written;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, written + bytes));
    grown.set(this.#bytes.subarray(this.#at), grown.length - written);
    this.#bytes = grown;
    this.#at = grown.length - written;
  }
}
