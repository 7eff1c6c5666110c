/** Frames that are no commands: what cannot be decoded closes the connection that sent it with 3501, and no other. */
import { describe, expect, test } from 'vitest';
import type { Json } from './peers.ts';
import { attack } from './target.ts';

const badRequest = { code: 3501, reason: 'bad request' };
const connect = '{"id":1,"connect":{}}';
/** A command of Protobuf: its length, then its bytes. */
const delimited = (...bytes: number[]) => Uint8Array.of(bytes.length, ...bytes);

describe('JSON', () => {
  test.each<[what: string, frame: string, detail: string]>([
    ['cut off', '{"id":1,"connect":{', 'not JSON'],
    ['no JSON at all', 'hello', 'not JSON'],
    ['an empty frame', '', 'empty frame'],
    ['only a line break', '\n', 'empty frame'],
    ['an empty line between commands', `${connect}\n\n${connect}`, 'not JSON'],
    ['an array', '[]', 'Command: not an object'],
    ['null', 'null', 'Command: not an object'],
    ['a command that is a number', '{"id":1,"connect":5}', 'ConnectRequest: not an object'],
    ['an id that is a string', '{"id":"1","connect":{}}', 'Command.id: not a number'],
    ['a negative id', '{"id":-1,"connect":{}}', 'Command.id: not a uint32'],
    ['an id beyond 32 bits', '{"id":4294967296,"connect":{}}', 'Command.id: not a uint32'],
    ['a fraction as id', '{"id":1.5,"connect":{}}', 'Command.id: not a uint32'],
    ['a token that is an object', '{"id":1,"connect":{"token":{}}}', 'ConnectRequest.token: not a string'],
    ['a channel that is an array', '{"id":2,"subscribe":{"channel":["a"]}}', 'SubscribeRequest.channel: not a string'],
    [
      'a flag that is a string',
      '{"id":2,"subscribe":{"channel":"a","recover":"yes"}}',
      'SubscribeRequest.recover: not a boolean',
    ],
    ['subs that are an array', '{"id":1,"connect":{"subs":[]}}', 'ConnectRequest.subs: not an object'],
    [
      'a payload nested deeply',
      `{"id":1,"connect":{"data":${'['.repeat(20_000)}${']'.repeat(20_000)}}}`,
      'payload nested too deeply',
    ],
    [
      'a filter nested deeply',
      `{"id":2,"subscribe":{"channel":"a","tf":${'{"nodes":['.repeat(2_000)}${']}'.repeat(2_000)}}}`,
      'FilterNode: nested too deeply',
    ],
    [
      'more commands than one frame may hold',
      Array(2_000).fill('{"id":1,"ping":{}}').join('\n'),
      'more than 512 messages in one frame',
    ],
  ])('%s', (_, bad, detail) =>
    attack({}, async (target) => {
      const peer = await target.dial();
      peer.send(bad);
      expect(await peer.end()).toEqual(badRequest);
      target.logs({ level: 'info', code: 3501, detail, transport: 'websocket', address: '127.0.0.1' });
    }),
  );

  test('after a good command in the same frame: the good one is not carried out either', () =>
    attack({}, async (target) => {
      const peer = await target.connect();
      peer.send(`{"id":2,"publish":{"channel":"beside","data":1}}\n{"id":3,"publish":`);
      expect(await peer.end()).toEqual(badRequest);
      target.logs({ code: 3501, detail: 'not JSON' });
    }));

  test('invalid UTF-8 in a binary frame', () =>
    attack({}, async (target) => {
      const peer = await target.dial();
      peer.send(Uint8Array.from([...Buffer.from('{"id":1,"connect":{"name":"'), 0xff, ...Buffer.from('"}}')]));
      expect(await peer.end()).toEqual(badRequest);
      target.logs({ code: 3501, detail: 'not UTF-8' });
    }));
});

describe('Protobuf', () => {
  test.each<[what: string, frame: Uint8Array, detail: string]>([
    ['an empty frame', new Uint8Array(0), 'empty frame'],
    ['a length beyond the end', Uint8Array.of(0x7f, 0x08), 'a length goes beyond the end'],
    ['a length of 2^63', Uint8Array.of(...Array<number>(8).fill(0xff), 0x7f), 'number out of range'],
    ['a varint without end', Uint8Array.of(...Array<number>(20).fill(0xff)), 'varint too long'],
    ['a wrong wire type', delimited(0x0a, 0x01, 0x00), 'Command.id: wrong wire type'],
    ['a group, which nobody uses', delimited(0xfb, 0x01), 'unknown wire type'],
    ['field number 0', delimited(0x00, 0x00), 'field number out of range'],
    [
      'a string that is not UTF-8',
      delimited(0x08, 0x01, 0x22, 0x03, 0x0a, 0x01, 0xff),
      'ConnectRequest.token: not UTF-8',
    ],
    ['JSON', Buffer.from(connect), 'a length goes beyond the end'],
    ['more commands than one frame may hold', new Uint8Array(2_000), 'more than 512 messages in one frame'],
  ])('%s', (_, bad, detail) =>
    attack({}, async (target) => {
      const peer = await target.dial('/connection/websocket', {}, ['centrifuge-protobuf']);
      peer.send(bad);
      expect(await peer.end()).toEqual(badRequest);
      target.logs({ code: 3501, detail });
    }),
  );

  test('a text frame', () =>
    attack({}, async (target) => {
      const peer = await target.dial('/connection/websocket?cf_protocol=protobuf');
      peer.send(connect);
      expect(await peer.end()).toEqual(badRequest);
      target.logs({ code: 3501, detail: 'text where Protobuf is expected' });
    }));
});

describe('unknown', () => {
  test.each<[what: string, command: string, detail: string]>([
    ['a command without a method', '{"id":9}', 'command without a known method'],
    ['a command of a method nobody knows', '{"id":9,"explode":{"now":true}}', 'command without a known method'],
    ['only __proto__', '{"__proto__":{"connect":{}}}', 'empty command, and no ping was sent'],
    ['only constructor', '{"constructor":{"prototype":{"admin":true}}}', 'empty command, and no ping was sent'],
  ])('%s', (_, command, detail) =>
    attack({}, async (target) => {
      const peer = await target.connect();
      peer.send(command);
      expect(await peer.end()).toEqual(badRequest);
      target.logs({ code: 3501, detail });
    }),
  );

  test('fields nobody knows are ignored', () =>
    attack({}, async (target) => {
      const peer = await target.dial();
      expect(await peer.request({ connect: { name: 'test', future: [1, 2] }, later: null })).toHaveProperty('connect');
    }));
});

describe('names that mean something to JavaScript', () => {
  const names = ['__proto__', 'constructor', 'hasOwnProperty', 'toString'];

  test.each(names)('%s as channel, user, tag and payload is an ordinary name', (name) =>
    attack(
      {
        config: {
          channels: {
            [`{channel}`]: {
              allow: { subscribe: 'anyone', publish: 'anyone', presence: 'anyone', history: 'anyone' },
              history: { size: 10 },
              recovery: 'always',
              presence: true,
              joinLeave: 'always',
              tagsFilter: true,
            },
          },
          personalChannel: { enabled: true, prefix: 'own' },
        },
      },
      async (target) => {
        // The channel `own#name` belongs to the user; a literal JSON text, since an object here would lose the name.
        target.ignoresLines((line) => line['code'] === 102);
        const token = target.token({ sub: name, channels: [name] });
        const peer = await target.dial();
        peer.send(
          `{"id":1,"connect":{"token":"${token}","headers":{"${name}":"x"},"subs":{"${name}":{"recover":true}}}}`,
        );
        const connected = await peer.next((message) => message['id'] === 1, 'connect reply');
        expect(connected).toHaveProperty('connect');
        const subs = (connected['connect'] as { subs: Json }).subs;
        expect(Object.keys(subs)).toContain(name);

        peer.send(`{"id":2,"publish":{"channel":"${name}","data":{"${name}":{"polluted":true}}}}`);
        const { push } = (await peer.next((message) => hasPublication(message), 'publication')) as {
          push: { channel: string };
        };
        expect(push.channel).toBe(name);
        expect(JSON.stringify(push)).toContain(`"data":{"${name}":{"polluted":true}}`);

        const tagged = `{"channel":"${name}","data":1,"tags":{"${name}":"yes"}}`;
        if (name === '__proto__') {
          const error = { code: 107, message: 'bad request: tags: __proto__ cannot be a name here' };
          expect(await target.api('publish', tagged)).toEqual({ error });
          target.logs({ msg: 'server API call refused', method: 'publish', code: 107, detail: error.message });
        } else {
          expect(await target.api('publish', tagged)).toHaveProperty('result');
          const published = await peer.next(
            (message) => JSON.stringify(message).includes('"tags"'),
            'tagged publication',
          );
          expect(JSON.stringify(published)).toContain(`"tags":{"${name}":"yes"}`);
        }

        const presence = await target.api('presence', { channel: name });
        expect(JSON.stringify(presence)).toContain(`"user":"${name}"`);
        const { channels } = (await target.api('channels', {}))['result'] as { channels: Json };
        expect(Object.keys(channels)).toContain(name);
        expect(await target.api('history', { channel: name, limit: 10 })).toHaveProperty('result.epoch');
        expect(await target.api('disconnect', { user: name })).toHaveProperty('result');
        expect((await peer.end()).code).toBe(3503);
        target.logs({ code: 3503, detail: 'server API', user: name });
        expect(({} as Json)['polluted']).toBeUndefined();
      },
    ),
  );
});

function hasPublication(message: Json): boolean {
  return (message['push'] as Json | undefined)?.['pub'] !== undefined;
}

describe('text that is not well-formed', () => {
  test('half a surrogate pair becomes the replacement character, the same for everybody', () =>
    attack({}, async (target) => {
      const peer = await target.connect();
      peer.send(String.raw`{"id":2,"subscribe":{"channel":"open:\ud800"}}`);
      expect(await peer.next((message) => message['id'] === 2, 'reply')).toHaveProperty('subscribe');
      expect(await target.api('publish', { channel: 'open:\ufffd', data: 1 })).toHaveProperty('result');
      const { push } = (await peer.next(hasPublication, 'publication')) as { push: Json };
      expect(push['channel']).toBe('open:\ufffd');
    }));

  test('half a surrogate pair in a payload passes as it was written', () =>
    attack({}, async (target) => {
      const peer = await target.connect();
      await peer.request({ subscribe: { channel: 'open:a' } });
      peer.send(String.raw`{"id":2,"publish":{"channel":"open:a","data":"\ud800"}}`);
      const { push } = (await peer.next(hasPublication, 'publication')) as { push: { pub: Json } };
      expect(push.pub['data']).toBe('\ud800');
    }));
});
