import { describe, expect, test } from 'vitest';
import { protobufCodec } from './codec-protobuf.ts';
import { testCodec } from './codec.conformance.ts';
import { DecodeError } from './errors.ts';
import { binaryPayload } from './message.arbitrary.ts';

testCodec({ codec: protobufCodec, framing: 'delimited', payload: binaryPayload, sentOn: (payload) => payload });

const bytes = (...parts: (number | string | readonly number[])[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => (typeof part === 'string' ? [...new TextEncoder().encode(part)] : part)));

/** A frame of one message. */
function one(...parts: (number | string | readonly number[])[]): Uint8Array {
  const body = bytes(...parts);
  expect(body.length).toBeLessThan(128);
  return bytes(body.length, [...body]);
}

const decode = (frame: Uint8Array) => protobufCodec.decodeCommands(frame);

// Tags by hand: field number * 8 + wire type.
const id = 0x08;
const connect = 0x22;
const subscribe = 0x2a;
const history = 0x52;
const send = 0x62;

describe('proto3', () => {
  test('an empty reply is no bytes, an empty command a pong', () => {
    expect(protobufCodec.encodeReply({})).toHaveLength(0);
    expect(decode(bytes(0))).toEqual([{}]);
    expect(decode(bytes(0, 2, id, 5, 0))).toEqual([{}, { id: 5 }, {}]);
  });

  test('text is refused', () => {
    expect(() => protobufCodec.decodeCommands('{}')).toThrow(DecodeError);
  });

  test('unknown fields are skipped', () => {
    // Fields 100 to 103 as varint, 64 bits, bytes and 32 bits.
    const unknown = [0xa0, 6, 0xff, 1, 0xa9, 6, 1, 2, 3, 4, 5, 6, 7, 8, 0xb2, 6, 2, 9, 9, 0xbd, 6, 1, 2, 3, 4];
    expect(decode(one(unknown, id, 7, unknown))).toEqual([{ id: 7 }]);
  });

  test.each([
    ['a group', [0xa3, 6, 0xa4, 6]],
    ['the end of a group', [0xa4, 6]],
    ['wire type 6', [0x0e, 1]],
    ['wire type 7', [0x0f, 1]],
    ['field number 0', [0x00, 1]],
    ['a field number above 2^29-1', [0x80, 0x80, 0x80, 0x80, 0x10, 1]],
    ['an id as bytes', [0x0a, 1, 1]],
    ['a message as a varint', [0x20, 1]],
    ['an id cut off', [id]],
    ['an id cut off within', [id, 0x80]],
    ['a tag cut off', [0x80]],
    ['a varint of eleven bytes', [id, ...Array<number>(10).fill(0x80), 1]],
    ['a varint above 64 bits', [id, ...Array<number>(9).fill(0xff), 2]],
    ['an id above 32 bits', [id, 0x80, 0x80, 0x80, 0x80, 0x10]],
    ['a length beyond the end', [send, 5, 0x0a, 1]],
    ['a huge length', [send, 0xff, 0xff, 0xff, 0xff, 0x0f]],
    ['a length above 2^53', [send, ...Array<number>(9).fill(0xff), 1]],
    ['a length beyond the message around it', [send, 2, 0x0a, 3, 1, 2, 3]],
    ['a name that is not UTF-8', [subscribe, 3, 0x0a, 1, 0xff]],
    ['64 bits cut off', [0xa9, 6, 1, 2, 3]],
    ['32 bits cut off', [0xbd, 6, 1, 2, 3]],
    ['unknown bytes cut off', [0xb2, 6, 9, 1]],
    ['an offset above 2^53-1', [subscribe, 9, 0x38, ...Array<number>(7).fill(0x80), 0x10]],
    ['a negative offset', [subscribe, 11, 0x38, ...Array<number>(9).fill(0xff), 1]],
    ['a limit above 32 bits', [history, 6, 0x38, 0x80, 0x80, 0x80, 0x80, 0x08]],
  ])('%s is an error', (_, body) => {
    expect(() => decode(one(body))).toThrow(DecodeError);
  });

  test('a frame that claims more than there is is an error', () => {
    expect(() => decode(bytes(3, id, 1))).toThrow(DecodeError);
    expect(() => decode(bytes([0xff, 0xff, 0xff, 0xff, 0x7f]))).toThrow(DecodeError);
    expect(() => decode(bytes(0x80))).toThrow(DecodeError);
  });

  test('numbers at the limits of their types', () => {
    expect(decode(one(id, 0xff, 0xff, 0xff, 0xff, 0x0f))).toEqual([{ id: 2 ** 32 - 1 }]);
    expect(decode(one(subscribe, 9, 0x38, ...[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f]))).toEqual([
      { subscribe: { offset: Number.MAX_SAFE_INTEGER } },
    ]);
    // -1 in ten bytes, for int32 as for int64.
    expect(decode(one(history, 11, 0x38, ...Array<number>(9).fill(0xff), 1))).toEqual([{ history: { limit: -1 } }]);
    expect(decode(one(connect, 11, 0x38, ...Array<number>(9).fill(0xff), 1))).toEqual([{ connect: { flag: -1 } }]);
    // A varint with needless bytes.
    expect(decode(one(id, 0x81, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00))).toEqual([{ id: 1 }]);
  });

  test('of scalars the last counts, also if it is zero', () => {
    expect(decode(one(id, 1, id, 2))).toEqual([{ id: 2 }]);
    expect(decode(one(id, 1, id, 0))).toEqual([{}]);
    expect(decode(one(subscribe, 6, 0x0a, 1, 'a', 0x0a, 1, 'b'))).toEqual([{ subscribe: { channel: 'b' } }]);
    expect(decode(one(subscribe, 4, 0x18, 2, 0x50, 0))).toEqual([{ subscribe: { recover: true } }]);
  });

  test('messages are merged, lists joined, map entries replaced', () => {
    expect(decode(one(subscribe, 3, 0x0a, 1, 'a', subscribe, 2, 0x18, 1))).toEqual([
      { subscribe: { channel: 'a', recover: true } },
    ]);
    const filter = (value: string): readonly number[] => [0x6a, 3, 0x2a, 1, value.charCodeAt(0)];
    expect(decode(one(subscribe, 10, filter('x'), filter('y')))).toEqual([{ subscribe: { tf: { vals: ['x', 'y'] } } }]);
    const header = (value: string) => bytes(0x32, 6, 0x0a, 1, 'k', 0x12, 1, value);
    expect(decode(one(connect, 16, [...header('1')], [...header('2')]))).toEqual([
      { connect: { headers: { k: '2' } } },
    ]);
  });

  test('a map entry may lack key or value, and have more fields', () => {
    expect(decode(one(connect, 2, 0x32, 0))).toEqual([{ connect: { headers: { '': '' } } }]);
    expect(decode(one(connect, 5, 0x1a, 3, 0x0a, 1, 'c'))).toEqual([{ connect: { subs: { c: {} } } }]);
    expect(decode(one(connect, 7, 0x32, 5, 0x18, 9, 0x0a, 1, 'k'))).toEqual([{ connect: { headers: { k: '' } } }]);
    expect(() => decode(one(connect, 4, 0x32, 2, 0x08, 1))).toThrow(DecodeError);
  });

  test('negative times and scores', () => {
    const push = { pub: { data: bytes(1), time: -5, score: -(2 ** 53) + 1 } };
    expect(
      protobufCodec.decodePushes(bytes(protobufCodec.encodePush(push).length, [...protobufCodec.encodePush(push)])),
    ).toEqual([push]);
  });

  test('a large payload passes, and the encoded bytes keep little more', () => {
    const data = new Uint8Array(100_000).fill(7);
    const encoded = protobufCodec.encodeReply({ push: { channel: 'c', pub: { data } } });
    expect(encoded.buffer.byteLength - encoded.length).toBeLessThanOrEqual(128);
    const command = protobufCodec.encodeCommands([{ publish: { channel: 'c'.repeat(1000), data } }]);
    expect(decode(command)[0]?.publish?.data).toEqual(data);
  });
});

describe('cost', () => {
  /** Counts how often a byte of the frame is looked at. */
  function reads(frame: Uint8Array): number {
    let count = 0;
    const counting = new Proxy(frame, {
      get(target, name): unknown {
        count++;
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
    decode(counting);
    return count;
  }

  test.each([
    ['pongs', (size: number) => new Uint8Array(size)],
    ['empty filters', (size: number) => nestedFrame(Array<readonly number[]>(size).fill([0x32, 0]).flat())],
    [
      'one message many times',
      (size: number) => delimited(Array<readonly number[]>(size).fill([send, 2, 0x0a, 0]).flat()),
    ],
    ['unknown fields', (size: number) => delimited(Array<readonly number[]>(size).fill([0xa0, 6, 1]).flat())],
  ])('%s: work grows no faster than the input', (_, make) => {
    expect(reads(make(16_000)) / reads(make(1_000))).toBeLessThan(20);
  });

  function delimited(body: readonly number[]): Uint8Array {
    return Uint8Array.from([...uvarint(body.length), ...body]);
  }

  function nestedFrame(filter: readonly number[]): Uint8Array {
    const request = [0x6a, ...uvarint(filter.length), ...filter];
    return delimited([subscribe, ...uvarint(request.length), ...request]);
  }

  function uvarint(value: number): number[] {
    return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...uvarint(value >>> 7)];
  }
});
