/**
 * The golden frames, and random messages, through an independent Protobuf implementation that knows the messages from
 * `vectors/client.proto` and not from our table.
 */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describe, expect, test } from 'vitest';
import { jsonCodec } from './codec-json.ts';
import { protobufCodec } from './codec-protobuf.ts';
import { applyDelta, createDelta } from './delta.ts';
import { frame } from './frames.ts';
import { binaryPayload, commandOf, pushOf, replyOf } from './message.arbitrary.ts';
import type { Command, Push, Reply } from './messages.ts';
import { commandSchema, emulationSchema, pushSchema, replySchema, type MessageSchema } from './schema.ts';

type MessageName = 'Command' | 'Reply' | 'Push';
interface FrameVector {
  readonly name: string;
  readonly message: MessageName;
  readonly json: string;
  readonly protobufHex: string;
}
interface DeltaVector {
  readonly name: string;
  readonly source: string;
  readonly target: string;
  readonly delta: string;
}

const read = (file: string): string => readFileSync(new URL(`../vectors/${file}`, import.meta.url), 'utf8');
const vectorsOf = <T>(file: string): T[] => JSON.parse(read(file)) as T[];
const frames = ['commands.json', 'replies.json', 'pushes.json'].flatMap((file) => vectorsOf<FrameVector>(file));
const deltas = vectorsOf<DeltaVector>('deltas.json');

const oracle = protobuf.parse(read('client.proto'), { keepCase: true }).root;
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const unhex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));

/** Our codec for one bare message. */
const ours: Record<
  MessageName,
  {
    decodeJson(json: string): unknown;
    decode(bytes: Uint8Array): unknown;
    encodeJson(value: unknown): Uint8Array;
    encode(value: unknown): Uint8Array;
  }
> = {
  Command: {
    decodeJson: (json) => jsonCodec.decodeCommands(json)[0],
    decode: (bytes) => protobufCodec.decodeCommands(frame('delimited', [bytes]))[0],
    encodeJson: (value) => jsonCodec.encodeCommands([value as Command]),
    encode: (value) => withoutLength(protobufCodec.encodeCommands([value as Command])),
  },
  Reply: {
    decodeJson: (json) => jsonCodec.decodeReplies(json)[0],
    decode: (bytes) => protobufCodec.decodeReplies(frame('delimited', [bytes]))[0],
    encodeJson: (value) => jsonCodec.encodeReply(value as Reply),
    encode: (value) => protobufCodec.encodeReply(value as Reply),
  },
  Push: {
    decodeJson: (json) => jsonCodec.decodePushes(json)[0],
    decode: (bytes) => protobufCodec.decodePushes(frame('delimited', [bytes]))[0],
    encodeJson: (value) => jsonCodec.encodePush(value as Push),
    encode: (value) => protobufCodec.encodePush(value as Push),
  },
};

function withoutLength(delimited: Uint8Array): Uint8Array {
  const reader = protobuf.Reader.create(delimited);
  return new Uint8Array(reader.bytes());
}

/** What the oracle reads, as a plain value with payloads as bytes. */
function oracleDecode(message: MessageName, bytes: Uint8Array): unknown {
  const type = oracle.lookupType(message);
  return plain(type.toObject(type.decode(bytes), { longs: Number }));
}

function oracleEncode(message: MessageName, value: unknown): Uint8Array {
  const type = oracle.lookupType(message);
  const object = value as Record<string, unknown>;
  expect(type.verify(object)).toBeNull();
  return new Uint8Array(type.encode(object).finish());
}

/** Node's buffers made plain arrays, so that only what they hold is compared; empty lists and zeros are absent. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return new Uint8Array(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]));
}

/** Without the zeros that required fields have when they were absent on the wire. */
function withoutZeros(value: unknown): unknown {
  if (value instanceof Uint8Array || typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(withoutZeros);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== '' && member !== 0 && !isEmpty(member))
      .map(([name, member]) => [name, withoutZeros(member)]),
  );
}

/** An empty message is a value; an empty map, which has no prototype, is not. */
function isEmpty(value: unknown): boolean {
  if (value instanceof Uint8Array || Array.isArray(value)) return value.length === 0;
  return typeof value === 'object' && Object.getPrototypeOf(value) === null && Object.keys(value ?? {}).length === 0;
}

describe.each(frames)('$message: $name', ({ message, json, protobufHex }) => {
  const codec = ours[message];

  test('both forms are the same value', () => {
    expect(codec.decode(unhex(protobufHex))).toEqual(codec.decodeJson(json));
  });

  test('it is encoded to exactly these bytes', () => {
    const value = codec.decodeJson(json);
    expect(new TextDecoder().decode(codec.encodeJson(value))).toBe(json);
    expect(hex(codec.encode(value))).toBe(protobufHex);
  });

  test('the independent implementation reads and writes the same', () => {
    const value = codec.decode(unhex(protobufHex));
    expect(withoutZeros(oracleDecode(message, unhex(protobufHex)))).toEqual(withoutZeros(value));
    expect(codec.decode(oracleEncode(message, value))).toEqual(value);
  });
});

test('names of vectors are unique', () => {
  const names = frames.map(({ message, name }) => `${message} ${name}`);
  expect(new Set(names).size).toBe(names.length);
});

describe('random messages, against the independent implementation', () => {
  test.each([
    ['Command', commandOf(binaryPayload)],
    ['Reply', replyOf(binaryPayload)],
    ['Push', pushOf(binaryPayload)],
  ] as [MessageName, fc.Arbitrary<unknown>][])('%s', (message, values) => {
    fc.assert(
      // Its maps are plain objects, which lose the key __proto__: the codecs' own tests have that.
      fc.property(
        values.filter((value) => !hasProtoKey(value)),
        (value) => {
          const { encode, decode } = ours[message];
          expect(withoutZeros(oracleDecode(message, encode(value)))).toEqual(withoutZeros(value));
          expect(decode(oracleEncode(message, value))).toEqual(value);
        },
      ),
      { numRuns: 200 },
    );
  });

  function hasProtoKey(value: unknown): boolean {
    if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return false;
    return Object.entries(value).some(([key, member]) => key === '__proto__' || hasProtoKey(member));
  }

  test('fields we do not know are ignored', () => {
    const type = oracle.lookupType('SubscribeResult');
    const bytes = type.encode({ epoch: 'e', cursor: 'c', state: [{ key: 'k' }], publish_debounce: 5 }).finish();
    const reply = Uint8Array.from([0x32, bytes.length, ...bytes]);
    expect(ours.Reply.decode(reply)).toEqual({ subscribe: { epoch: 'e' } });
  });
});

describe('the table agrees with client.proto', () => {
  const seen = new Map<string, MessageSchema>();
  (function collect(schema: MessageSchema): void {
    if (seen.has(schema.name)) return;
    seen.set(schema.name, schema);
    for (const { type } of schema.fields) if (typeof type === 'object') collect(type);
  })({
    ...commandSchema,
    name: '',
    fields: [commandSchema, replySchema, pushSchema, emulationSchema].map((type) => ({
      name: '',
      number: 0,
      type,
      shape: 'single',
      required: false,
      always: false,
    })),
  });
  seen.delete('');

  test.each([...seen.values()].map((schema) => [schema.name, schema] as const))('%s', (name, schema) => {
    const type = oracle.lookupType(name);
    const numbers = schema.fields.map(({ number }) => number);
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    for (const field of schema.fields) {
      const other = type.fields[field.name];
      expect(other, field.name).toMatchObject({
        id: field.number,
        type: typeof field.type === 'object' ? field.type.name : field.type,
        repeated: field.shape === 'list',
        map: field.shape === 'map',
      });
    }
  });
});

describe.each(deltas)('delta: $name', ({ source, target, delta }) => {
  const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

  test('is created and applied', () => {
    expect(new TextDecoder().decode(createDelta(bytes(source), bytes(target)))).toBe(delta);
    expect(new TextDecoder().decode(applyDelta(bytes(source), bytes(delta)))).toBe(target);
  });
});
