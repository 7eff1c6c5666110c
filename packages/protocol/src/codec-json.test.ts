import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isJson, jsonCodec, quotePayload } from './codec-json.ts';
import { testCodec } from './codec.conformance.ts';
import { DecodeError } from './errors.ts';
import { maxPayloadDepth } from './json-reader.ts';
import { withoutLineBreaks, writeJson } from './json-writer.ts';
import { jsonPayload, pushOf, replyOf } from './message.arbitrary.ts';
import { pushSchema, replySchema, type MessageValue } from './schema.ts';

testCodec({ codec: jsonCodec, framing: 'lines', payload: jsonPayload, sentOn: withoutLineBreaks });

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const text = (bytes: Uint8Array | undefined): string => decoder.decode(bytes);
const decode = (frame: string) => jsonCodec.decodeCommands(frame);
const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);

describe('payloads', () => {
  test.each([
    '{"n":12345678901234567890,"f":1.0,"e":1e400}',
    '{"b":1,"a":2,"b":3}',
    '{ "spaced" : [ 1 , 2 ] }',
    '"esc \\u00e9 \\" \\\\ \\/"',
    '"\\ud83d"',
    '"👋 ü"',
    'null',
    'false',
    '-0',
    '""',
    '{}',
    '{"data":{"data":"]}"}}',
  ])('%s survives byte for byte', (payload) => {
    const [command] = decode(`{"publish":{"data":${payload},"channel":"c"},"id":1}`);
    expect(text(command?.publish?.data)).toBe(payload);
    const reply = jsonCodec.encodeReply({ id: 1, rpc: { data: encoder.encode(payload) } });
    expect(text(reply)).toBe(`{"id":1,"rpc":{"data":${payload}}}`);
  });

  test('line breaks between tokens become spaces', () => {
    const data = encoder.encode('{\r\n  "a": "x\\ny"\n}');
    const expected = '{"push":{"channel":"c","pub":{"data":{    "a": "x\\ny" }}}}';
    expect(text(jsonCodec.encodeReply({ push: { channel: 'c', pub: { data } } }))).toBe(expected);
    expect(text(jsonCodec.encodeReply({ rpc: { data } }))).toBe('{"rpc":{"data":{    "a": "x\\ny" }}}');
    expect(text(data)).toContain('\n');
  });

  test('no encoded message has a line break', () => {
    fc.assert(
      fc.property(replyOf(jsonPayload), (reply) => {
        const bytes = jsonCodec.encodeReply(reply);
        expect(bytes.includes(0x0a) || bytes.includes(0x0d)).toBe(false);
      }),
    );
  });

  test('the short way for publications gives the same bytes as the table', () => {
    fc.assert(
      fc.property(replyOf(jsonPayload), pushOf(jsonPayload), (reply, push) => {
        expect(jsonCodec.encodeReply(reply)).toEqual(writeJson(replySchema, reply as MessageValue));
        expect(jsonCodec.encodePush(push)).toEqual(writeJson(pushSchema, push as MessageValue));
      }),
      { numRuns: 300 },
    );
    for (const channel of ['c', 'ü', '"\n', undefined]) {
      for (const data of ['1', '"ü"', '']) {
        const push = {
          ...(channel && { channel }),
          pub: { data: encoder.encode(data), offset: 5, time: 3, delta: true },
        };
        expect(jsonCodec.encodePush(push)).toEqual(writeJson(pushSchema, push));
        expect(jsonCodec.encodeReply({ push })).toEqual(writeJson(replySchema, { push }));
      }
    }
  });
});

describe('messages', () => {
  test('zero values are omitted, user and client of an info are not', () => {
    const info = { user: '', client: '' };
    expect(text(jsonCodec.encodePush({ id: 0, channel: '', join: { info } }))).toBe(
      '{"join":{"info":{"user":"","client":""}}}',
    );
  });

  test('null is absent, unknown fields are ignored, the last of two counts', () => {
    expect(decode('{"id":null,"connect":null,"x":{"y":[1,{}]},"ping":{"z":0}}')).toEqual([{ ping: {} }]);
    expect(decode('{"id":1,"id":2,"rpc":{"method":"a","data":1},"rpc":{"method":"b"}}')).toEqual([
      { id: 2, rpc: { method: 'b' } },
    ]);
    expect(decode('{"id":1,"id":null}')).toEqual([{}]);
    expect(decode('{"connect":{"headers":{"a":null,"b":"c"},"subs":{"s":null}}}')).toEqual([
      { connect: { headers: { b: 'c' } } },
    ]);
  });

  test('space is allowed wherever JSON allows it', () => {
    expect(decode(' { "id" : 7 , "connect" : { "subs" : { "a" : { } } , "data" : [ ] } } \r\n{}')).toEqual([
      { id: 7, connect: { subs: { a: {} }, data: encoder.encode('[ ]') } },
      {},
    ]);
  });

  test('escaped names and values are read', () => {
    expect(decode('{"\\u0069d":1,"subscribe":{"channel":"\\u00e9\\n\\""}}')).toEqual([
      { id: 1, subscribe: { channel: 'é\n"' } },
    ]);
  });

  test('half a surrogate pair in a name is replaced', () => {
    expect(decode('{"subscribe":{"channel":"a\\ud800"}}')).toEqual([{ subscribe: { channel: 'a\ufffd' } }]);
    expect(decode('{"subscribe":{"channel":"a\ud800"}}')).toEqual([{ subscribe: { channel: 'a\ufffd' } }]);
  });

  test('whole numbers are read in any notation', () => {
    expect(decode('{"id":1.0}')).toEqual([{ id: 1 }]);
    expect(decode('{"id":1e3}')).toEqual([{ id: 1000 }]);
    expect(Object.is(decode('{"id":-0}')[0]?.id, undefined)).toBe(true);
    expect(decode('{"history":{"limit":-1}}')).toEqual([{ history: { limit: -1 } }]);
  });

  test.each([
    ['not JSON', '{"id":1'],
    ['two values', '{"id":1}{"id":2}'],
    ['not an object', '[]'],
    ['a number alone', '5'],
    ['null alone', 'null'],
    ['a blank line between', '{}\n\n{}'],
    ['two trailing line breaks', '{}\n\n'],
    ['a line break alone', '\n'],
    ['a line of spaces', '{}\n  '],
    ['a byte order mark', '\ufeff{}'],
    ['a string for a number', '{"id":"1"}'],
    ['a number for a string', '{"subscribe":{"channel":1}}'],
    ['a number for a boolean', '{"subscribe":{"recover":1}}'],
    ['a string for a boolean', '{"subscribe":{"recover":"true"}}'],
    ['a string for a message', '{"ping":"x"}'],
    ['an array for a message', '{"ping":[]}'],
    ['a boolean for a message', '{"ping":true}'],
    ['an array for a map', '{"connect":{"subs":[]}}'],
    ['an object for a list', '{"subscribe":{"tf":{"vals":{}}}}'],
    ['null in a list', '{"subscribe":{"tf":{"vals":[null]}}}'],
    ['a fraction', '{"id":1.5}'],
    ['a negative id', '{"id":-1}'],
    ['an id above 32 bits', '{"id":4294967296}'],
    ['an offset above 2^53-1', '{"subscribe":{"offset":9007199254740992}}'],
    ['an offset that is infinite', '{"subscribe":{"offset":1e999}}'],
    ['a limit below 32 bits', '{"history":{"limit":-2147483649}}'],
  ])('%s is an error', (_, frame) => {
    expect(() => decode(frame)).toThrow(DecodeError);
    expect(() => jsonCodec.decodeCommands(encoder.encode(frame))).toThrow(DecodeError);
  });

  test('bytes that are not UTF-8 are an error', () => {
    for (const bad of [[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0x80]]) {
      const bytes = Uint8Array.from([...encoder.encode('{"send":{"data":"'), ...bad, ...encoder.encode('"}}')]);
      expect(() => jsonCodec.decodeCommands(bytes)).toThrow(DecodeError);
    }
  });

  test('any text gives a value or a DecodeError', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.json().map((json) => `{"connect":${json}}`),
        ),
        (frame) => {
          try {
            decode(frame);
          } catch (error) {
            expect(error).toBeInstanceOf(DecodeError);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('nesting', () => {
  test('payloads and unknown fields nest as deep as the limit and no deeper', () => {
    const at = (depth: number): string[] => [`{"send":{"data":${nested(depth)}}}`, `{"unknown":${nested(depth)}}`];
    for (const frame of at(maxPayloadDepth)) expect(decode(frame)).toHaveLength(1);
    for (const frame of at(maxPayloadDepth + 1)) expect(() => decode(frame)).toThrow(DecodeError);
    expect(isJson(encoder.encode(nested(maxPayloadDepth)))).toBe(true);
    expect(isJson(encoder.encode(nested(maxPayloadDepth + 1)))).toBe(false);
  });

  test.each([
    ['arrays', nested(100_000)],
    ['open arrays', '['.repeat(100_000)],
    ['objects', '{"a":'.repeat(100_000) + '1' + '}'.repeat(100_000)],
    ['filters', '{"subscribe":{"tf":' + '{"nodes":['.repeat(100_000) + ']}'.repeat(100_000) + '}}'],
  ])('very deep %s are an error and nothing worse', (_, deep) => {
    for (const frame of [deep, `{"send":{"data":${deep}}}`]) expect(() => decode(frame)).toThrow(DecodeError);
    expect(isJson(encoder.encode(deep))).toBe(false);
  });
});

describe('cost', () => {
  // Sixteen times the input may take sixteen times as long; quadratic work would take 256 times.
  test.each([
    ['one long payload', (size: number) => `{"send":{"data":"${'\\"'.repeat(size)}"}}`],
    ['many commands', (size: number) => '{"id":1}\n'.repeat(size)],
    ['many unknown fields', (size: number) => `{${'"x":[{}],'.repeat(size)}"id":1}`],
    ['one field many times', (size: number) => `{${'"rpc":{"data":1},'.repeat(size)}"id":1}`],
    ['a large map', (size: number) => `{"connect":{"headers":{${keys(size)}}}}`],
  ])('%s: time grows no faster than the input', (_, make) => {
    const small = best(make(2_000));
    const large = best(make(32_000));
    expect(large / small).toBeLessThan(100);
  });

  function keys(size: number): string {
    return Array.from({ length: size }, (__, i) => `"k${i}":"v"`).join(',');
  }

  function best(frame: string): number {
    const times = Array.from({ length: 5 }, () => {
      const start = performance.now();
      decode(frame);
      return performance.now() - start;
    });
    return Math.min(...times);
  }
});

describe('emulation', () => {
  test('commands stand in a string, or one command as it is', () => {
    const data = '{"id":1,"ping":{}}\n{}';
    const body = JSON.stringify({ session: 's', node: 'n', data });
    const { data: decoded, ...rest } = jsonCodec.decodeEmulation(body);
    expect(rest).toEqual({ session: 's', node: 'n' });
    expect(text(decoded)).toBe(data);
    expect(jsonCodec.decodeCommands(decoded as Uint8Array)).toEqual([{ id: 1, ping: {} }, {}]);

    const one = jsonCodec.decodeEmulation('{"data":{\n"id":1,\n"ping":{}}}');
    expect(jsonCodec.decodeCommands(one.data as Uint8Array)).toEqual([{ id: 1, ping: {} }]);
    expect(jsonCodec.decodeEmulation('{"session":"s","data":""}')).toEqual({ session: 's' });
  });
});

describe('helpers', () => {
  test('isJson agrees with JSON.parse', () => {
    const samples = fc.oneof(
      fc.json(),
      fc.string(),
      fc.json().map((json) => json.slice(1)),
    );
    fc.assert(
      fc.property(samples, (sample) => {
        let valid = true;
        try {
          JSON.parse(sample);
        } catch {
          valid = false;
        }
        expect(isJson(encoder.encode(sample))).toBe(valid);
      }),
    );
    expect(isJson(new Uint8Array(0))).toBe(false);
    expect(isJson(encoder.encode('\ufeff1'))).toBe(false);
    expect(isJson(Uint8Array.of(0x22, 0xff, 0x22))).toBe(false);
  });

  test('quotePayload makes a JSON string of text', () => {
    expect(text(quotePayload(encoder.encode('{"a":"é\n"}')))).toBe('"{\\"a\\":\\"é\\n\\"}"');
    expect(() => quotePayload(Uint8Array.of(0xff))).toThrow(DecodeError);
  });
});
