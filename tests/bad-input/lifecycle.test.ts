/** Commands at the wrong time or of the wrong kind, and clients that go silent. */
import { describe, expect, test } from 'vitest';
import { within, type Json } from './peers.ts';
import { attack } from './target.ts';

const short = { config: { ping: { interval: '400ms', pongTimeout: '300ms' } } } as const;

describe('order', () => {
  test.each<[what: string, commands: string, detail: string]>([
    ['subscribe before connect', '{"id":1,"subscribe":{"channel":"open:a"}}', 'subscribe before connect'],
    ['publish before connect', '{"id":1,"publish":{"channel":"beside","data":1}}', 'publish before connect'],
    ['send before connect', '{"send":{"data":1}}', 'send before connect'],
    ['a pong before connect', '{}', 'empty command, and no ping was sent'],
    ['connect without id', '{"connect":{}}', 'connect without id'],
    ['connect with id 0', '{"id":0,"connect":{}}', 'connect without id'],
    ['two connects in a frame', '{"id":1,"connect":{}}\n{"id":2,"connect":{}}', 'second connect'],
  ])('%s', (_, commands, detail) =>
    attack({}, async (target) => {
      const peer = await target.dial();
      peer.send(commands);
      expect(await peer.end()).toEqual({ code: 3501, reason: 'bad request' });
      target.logs({ code: 3501, detail });
    }),
  );

  test.each<[what: string, commands: string, code: number, detail: string]>([
    ['a second connect', '{"id":2,"connect":{}}', 3501, 'second connect'],
    ['a command without id', '{"subscribe":{"channel":"open:a"}}', 3501, 'subscribe without id'],
    ['a command with id 0', '{"id":0,"rpc":{"method":"x"}}', 3501, 'rpc without id'],
    ['a pong nobody asked for', '{}', 3501, 'empty command, and no ping was sent'],
    [
      'send, which nothing handles',
      '{"send":{"data":1}}',
      3508,
      'a message was sent, but nothing handles messages; use rpc',
    ],
    ['an empty channel', '{"id":2,"subscribe":{}}', 3501, 'subscribe without channel'],
    ['publish on an empty channel', '{"id":2,"publish":{"channel":"","data":1}}', 3501, 'publish without channel'],
    [
      'an unknown delta',
      '{"id":2,"subscribe":{"channel":"open:a","delta":"xdelta"}}',
      3501,
      'unknown delta "xdelta"; valid: "fossil"',
    ],
  ])('%s', (_, commands, code, detail) =>
    attack({}, async (target) => {
      const peer = await target.connect();
      peer.send(commands);
      expect((await peer.end()).code).toBe(code);
      target.logs({ code, detail });
    }),
  );
});

describe('commands that are refused while the connection stays', () => {
  test.each<[what: string, command: Json, code: number, detail: string]>([
    [
      'an unknown namespace',
      { subscribe: { channel: 'none:a' } },
      102,
      'no pattern in the configuration matches channel "none:a"',
    ],
    [
      'a channel that is too long',
      { subscribe: { channel: `open:${'x'.repeat(251)}` } },
      107,
      'channel name is longer than 255',
    ],
    ['a control character', { subscribe: { channel: 'open:a\u0000b' } }, 107, 'channel name has a control character'],
    ['a line break', { publish: { channel: 'open:a\nb', data: 1 } }, 107, 'channel name has a control character'],
    ['a C1 control character', { history: { channel: 'open:\u0085' } }, 107, 'channel name has a control character'],
    ['no payload', { publish: { channel: 'open:a' } }, 107, 'data is missing'],
    [
      'rpc without a handler',
      { rpc: { method: 'x', data: {} } },
      108,
      'rpc needs hooks.rpc, or hooks of an embedded engine',
    ],
    [
      'a subscription type of a later capability',
      { subscribe: { channel: 'open:a', type: 1 } },
      108,
      'subscription type 1 is not available; valid: 0',
    ],
    ['refresh without a token', { refresh: {} }, 107, 'token is missing'],
    [
      'a name that is too long',
      { subscribe: { channel: `${'open:'.repeat(60)}` } },
      107,
      'channel name is longer than 255',
    ],
    ['a channel nobody may subscribe to', { subscribe: { channel: 'closed:a' } }, 103, expect.any(String) as string],
    ['presence of a channel without', { presence: { channel: 'open:a' } }, 108, expect.any(String) as string],
    ['history of a channel without', { history: { channel: 'open:a', limit: 1 } }, 108, expect.any(String) as string],
  ])('%s', (_, command, code, detail) =>
    attack({ config: { channels: { 'closed:{name}': {} } } }, async (target) => {
      const peer = await target.connect();
      expect(await peer.request(command)).toHaveProperty('error.code', code);
      expect(await peer.request({ subscribe: { channel: 'open:fine' } })).toHaveProperty('subscribe');
      target.logs({ level: 'info', code, detail, client: expect.any(String) });
    }),
  );

  test('the same channel twice in one frame', () =>
    attack({}, async (target) => {
      const peer = await target.connect();
      peer.send('{"id":2,"subscribe":{"channel":"open:a"}}\n{"id":3,"subscribe":{"channel":"open:a"}}');
      expect(await peer.next(({ id }) => id === 2, 'first reply')).toHaveProperty('subscribe');
      expect(await peer.next(({ id }) => id === 3, 'second reply')).toHaveProperty('error.code', 105);
      target.logs({ code: 105, detail: 'already subscribed to open:a' });
    }));

  test('thousands of subscriptions: 106 beyond the limit, and a log that does not grow with them', () =>
    attack({ config: { limits: { commandsPerSecondPerConnection: 0 } } }, async (target) => {
      const peer = await target.connect();
      for (let frame = 0; frame < 6; frame++) {
        const commands = Array.from({ length: 500 }, (_, index) => {
          const id = frame * 500 + index + 1;
          return `{"id":${id},"subscribe":{"channel":"open:${id}"}}`;
        });
        peer.send(commands.join('\n'));
        await peer.next(({ id }) => id === (frame + 1) * 500, 'last reply to the frame');
      }
      const codes = peer.received.map((reply) => (reply['error'] as { code: number } | undefined)?.code);
      expect(codes.filter((code) => code === undefined)).toHaveLength(1 + 128);
      expect(codes.filter((code) => code === 106)).toHaveLength(3_000 - 128);
      for (let line = 0; line < 10; line++)
        target.logs({ code: 106, detail: 'a connection may have 128 subscriptions' });
    }));
});

describe('silence', () => {
  test.each([
    ['never connects', ''],
    ['was refused and stays', '{"id":1,"connect":{"name":"a name that is much too long"}}'],
  ])('a client that %s is closed', (_, first) =>
    attack({ config: { timeouts: { connect: '300ms' } } }, async (target) => {
      const peer = await target.dial();
      if (first !== '') {
        peer.send(first);
        expect(await peer.next(({ id }) => id === 1, 'reply')).toHaveProperty('error.code', 107);
        target.logs({ code: 107, detail: 'name has more than 16 characters' });
      }
      expect(await peer.end()).toEqual({ code: 3502, reason: 'stale' });
      target.logs({ code: 3502, detail: 'not connected within 300 ms' });
    }),
  );

  test('a connection half open: no pong', () =>
    attack(short, async (target) => {
      const peer = await target.connect();
      peer.pongs = false;
      expect(await peer.end()).toEqual({ code: 3012, reason: 'no pong' });
      target.logs({ code: 3012, detail: 'no pong within 300 ms' });
    }));

  test('a peer that vanished without a word leaves nothing behind', () =>
    attack(short, async (target) => {
      const wire = await target.rawWebsocket();
      const connect = Buffer.from('{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"open:a"}}');
      wire.write(Buffer.concat([Buffer.from([0x81, 0x80 | connect.length, 0, 0, 0, 0]), connect]));
      await wire.until(/"id":2,"subscribe"/, 'subscribe reply');
      // Nothing is read and nothing is sent any more, as behind a cable that was pulled.
      wire.socket.pause();
      const gone = async () => {
        while (
          Object.keys(((await target.api('channels', { pattern: 'open:*' }))['result'] as { channels: Json }).channels)
            .length > 0
        ) {
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
      };
      await within(gone(), 'the subscription ends');
      target.logs({ code: 3012, detail: 'no pong within 300 ms' });
    }));

  test('ping frames of WebSocket: no pong', () =>
    attack(short, async (target) => {
      const peer = await target.dial('/connection/websocket?cf_ws_frame_ping_pong=true', { autoPong: false });
      expect(await peer.request({ connect: {} })).not.toHaveProperty('connect.ping');
      expect(await peer.end()).toEqual({ code: 3012, reason: 'no pong' });
      target.logs({ code: 3012, detail: 'no pong within 300 ms' });
    }));
});
