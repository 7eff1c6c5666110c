/**
 * What every codec must do. Each codec runs this suite from its own test file and adds what is special to it.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Codec } from './codec.ts';
import { DecodeError } from './errors.ts';
import { frame, type Framing } from './frames.ts';
import { commandOf, pushOf, replyOf } from './message.arbitrary.ts';
import type { Command, FilterNode, Push, Reply } from './messages.ts';
import { maxFilterDepth } from './schema.ts';

export interface CodecSuite {
  readonly codec: Codec;
  /** How a stream of this codec's messages is framed without a header. */
  readonly framing: Framing;
  /** Any payload that the codec can carry. */
  readonly payload: fc.Arbitrary<Uint8Array>;
  /** A payload that the codec took, as it arrives where it is sent on to. */
  sentOn(payload: Uint8Array): Uint8Array;
}

const encoder = new TextEncoder();

/** The message with each payload as `change` makes it. */
function withPayloads(value: unknown, change: (payload: Uint8Array) => Uint8Array): unknown {
  if (value instanceof Uint8Array) return change(value);
  if (Array.isArray(value)) return value.map((each) => withPayloads(each, change));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, withPayloads(each, change)]));
}

/** The value, or undefined if a DecodeError was thrown; any other error goes on. */
function valueOrDecodeError<T>(decode: () => T): T | undefined {
  try {
    return decode();
  } catch (error) {
    expect(error).toBeInstanceOf(DecodeError);
    return undefined;
  }
}

export function nestedFilter(depth: number): FilterNode {
  let node: FilterNode = { key: 'k', cmp: 'ex' };
  for (let i = 1; i < depth; i++) node = { op: 'not', nodes: [node] };
  return node;
}

export function testCodec({ codec, framing, payload, sentOn }: CodecSuite): void {
  const decoders: Record<string, (bytes: Uint8Array) => unknown> = {
    commands: (bytes) => codec.decodeCommands(bytes),
    replies: (bytes) => codec.decodeReplies(bytes),
    pushes: (bytes) => codec.decodePushes(bytes),
    emulation: (bytes) => codec.decodeEmulation(bytes),
  };
  const commands = fc.array(commandOf(payload), { minLength: 1, maxLength: 4 });

  describe(`${codec.name}: what is encoded is decoded`, () => {
    test('commands', () => {
      fc.assert(
        fc.property(commands, (values) => {
          expect(codec.decodeCommands(codec.encodeCommands(values))).toEqual(values);
        }),
      );
    });

    test('replies, any number in a frame', () => {
      fc.assert(
        fc.property(fc.array(replyOf(payload), { minLength: 1, maxLength: 4 }), (values: Reply[]) => {
          const bytes = frame(
            framing,
            values.map((value) => codec.encodeReply(value)),
          );
          expect(codec.decodeReplies(bytes)).toEqual(values);
        }),
      );
    });

    test('pushes, any number in a frame', () => {
      fc.assert(
        fc.property(fc.array(pushOf(payload), { minLength: 1, maxLength: 4 }), (values: Push[]) => {
          const bytes = frame(
            framing,
            values.map((value) => codec.encodePush(value)),
          );
          expect(codec.decodePushes(bytes)).toEqual(values);
        }),
      );
    });

    test('emulation requests', () => {
      const request = { node: 'n', session: 's', data: encoder.encode('{"id":1,"ping":{}}\n{"note":"é👋"}') };
      expect(codec.decodeEmulation(codec.encodeEmulation(request))).toEqual(request);
      expect(codec.decodeEmulation(codec.encodeEmulation({ node: 'n' }))).toEqual({ node: 'n' });
    });

    test('explicit zeros are absent, required fields are there', () => {
      const reply: Reply = { id: 0, push: { channel: '', pub: { data: new Uint8Array(0), offset: 0, delta: false } } };
      const bytes = frame(framing, [codec.encodeReply(reply)]);
      expect(codec.decodeReplies(bytes)).toEqual([{ push: { pub: { data: new Uint8Array(0) } } }]);
      const join = { join: { info: { user: '', client: '' } } };
      expect(codec.decodePushes(frame(framing, [codec.encodePush(join)]))).toEqual([join]);
    });
  });

  describe(`${codec.name}: commands`, () => {
    test('the first method in the order of the table wins', () => {
      const both: Command = { id: 1, rpc: { method: 'm' }, subscribe: { channel: 'c' }, ping: {} };
      expect(codec.decodeCommands(codec.encodeCommands([both]))).toEqual([{ id: 1, subscribe: { channel: 'c' } }]);
    });

    test('maps take __proto__ as a key like any other', () => {
      const headers = JSON.parse('{"__proto__":"x","toString":"y"}') as Record<string, string>;
      const [command] = codec.decodeCommands(codec.encodeCommands([{ connect: { headers } }]));
      expect(Object.entries(command?.connect?.headers ?? {})).toEqual(Object.entries(headers));
      expect(({} as Record<string, unknown>)['x']).toBeUndefined();
    });

    test('an empty frame is an error', () => {
      expect(() => codec.decodeCommands(new Uint8Array(0))).toThrow(DecodeError);
      expect(() => codec.decodeCommands('')).toThrow(DecodeError);
      expect(() => codec.decodeReplies(new Uint8Array(0))).toThrow(DecodeError);
      expect(() => codec.decodePushes(new Uint8Array(0))).toThrow(DecodeError);
    });

    test('more commands than allowed are an error', () => {
      const bytes = codec.encodeCommands([{ id: 1 }, { id: 2 }, { id: 3 }]);
      expect(codec.decodeCommands(bytes, 3)).toHaveLength(3);
      expect(() => codec.decodeCommands(bytes, 2)).toThrow(DecodeError);
    });

    test('filters nest as deep as the limit and no deeper', () => {
      const command = (depth: number): Command => ({ subscribe: { channel: 'c', tf: nestedFilter(depth) } });
      const deepest = command(maxFilterDepth);
      expect(codec.decodeCommands(codec.encodeCommands([deepest]))).toEqual([deepest]);
      const deeper = codec.encodeCommands([command(maxFilterDepth + 1)]);
      expect(() => codec.decodeCommands(deeper)).toThrow(DecodeError);
    });

    test('a decoded payload does not hold on to the network buffer', () => {
      const bytes = codec.encodeCommands([{ send: { data: encoder.encode('"abc"') } }]);
      const received = new Uint8Array(65_536);
      received.set(bytes, 100);
      const [command] = codec.decodeCommands(received.subarray(100, 100 + bytes.length));
      const data = command?.send?.data as Uint8Array;
      expect(data.buffer.byteLength).toBe(5);
      received.fill(0);
      expect(data).toEqual(encoder.encode('"abc"'));
    });

    test('the input is left as it was', () => {
      fc.assert(
        fc.property(commands, (values) => {
          const bytes = codec.encodeCommands(values);
          const copy = bytes.slice();
          codec.decodeCommands(bytes);
          expect(bytes).toEqual(copy);
        }),
        { numRuns: 20 },
      );
    });
  });

  describe(`${codec.name}: any bytes give a value or a DecodeError`, () => {
    for (const [name, decode] of Object.entries(decoders)) {
      test(`${name}: random bytes`, () => {
        fc.assert(
          fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
            valueOrDecodeError(() => decode(bytes));
          }),
          { numRuns: 500 },
        );
      });
    }

    test('valid frames with a few bytes changed, left out or added', () => {
      const change = fc.record({
        at: fc.nat(),
        byte: fc.integer({ min: 0, max: 255 }),
        kind: fc.constantFrom('set', 'remove', 'insert', 'cut'),
      });
      let decoded = 0;
      fc.assert(
        fc.property(commands, fc.array(change, { minLength: 1, maxLength: 3 }), (values, changes) => {
          const bytes = [...codec.encodeCommands(values)];
          for (const { at, byte, kind } of changes) {
            const index = bytes.length === 0 ? 0 : at % bytes.length;
            if (kind === 'set') bytes[index] = byte;
            else if (kind === 'remove') bytes.splice(index, 1);
            else if (kind === 'insert') bytes.splice(index, 0, byte);
            else bytes.length = index;
          }
          const value = valueOrDecodeError(() => codec.decodeCommands(Uint8Array.from(bytes)));
          if (value === undefined) return;
          decoded++;
          // What was accepted can be sent on, and arrives the same.
          expect(codec.decodeCommands(codec.encodeCommands(value))).toEqual(withPayloads(value, sentOn));
        }),
        { numRuns: 1000 },
      );
      expect(decoded).toBeGreaterThan(0);
    });

    test('a frame cut anywhere', () => {
      const bytes = codec.encodeCommands([
        { id: 300, subscribe: { channel: 'chan', tf: nestedFilter(3), data: encoder.encode('{"a":[1,2]}') } },
      ]);
      for (let length = 0; length < bytes.length; length++) {
        expect(() => codec.decodeCommands(bytes.subarray(0, length))).toThrow(DecodeError);
      }
    });
  });
}
