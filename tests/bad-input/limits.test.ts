/** Clients that want too much: too many commands, too many connections, and readers that do not read. */
import { describe, expect, test } from 'vitest';
import { Peer, until, within, type Json, type Wire } from './peers.ts';
import { attack, type Target } from './target.ts';

describe('a flood of commands', () => {
  test('is answered 111, and closed with 3013 if it goes on', () =>
    attack({}, async (target) => {
      const peer = await target.connect();
      const frame = Array(50).fill('{"id":7,"ping":{}}').join('\n');
      const flood = setInterval(() => peer.websocket.readyState === 1 && peer.send(frame), 5);
      try {
        expect(await peer.end()).toEqual({ code: 3013, reason: 'too many requests' });
      } finally {
        clearInterval(flood);
      }
      const codes = peer.received.flatMap((reply) => (reply['error'] as { code: number } | undefined)?.code ?? []);
      expect(new Set(codes)).toEqual(new Set([111]));
      expect(codes.length).toBeGreaterThanOrEqual(200);
      target.logs({ level: 'info', code: 111, method: 'ping', detail: 'more than 100 commands a second' });
      target.logs({ level: 'info', code: 3013, detail: 'more than 100 commands a second, and it went on' });
    }));

  test('that stops is only told so, and served again a moment later', () =>
    attack({}, async (target) => {
      const peer = await target.connect();
      peer.send(Array(300).fill('{"id":7,"ping":{}}').join('\n'));
      await peer.next((reply) => 'error' in reply, 'an error reply');
      const served = async () => {
        while ('error' in (await peer.request({ ping: {} }))) await new Promise((resolve) => setTimeout(resolve, 20));
      };
      await within(served(), 'pings are served again');
      target.logs({ code: 111 });
    }));

  test('of one user over many connections', () =>
    attack({ config: { limits: { commandsPerSecondPerUser: 10 } } }, async (target) => {
      const token = target.token({ sub: '42' });
      const peers = await Promise.all([1, 2, 3, 4].map(() => target.connect({ token })));
      const replies = await Promise.all(
        peers.flatMap((peer) => Array.from({ length: 10 }, () => peer.request({ ping: {} }))),
      );
      const refused = replies.filter((reply) => 'error' in reply);
      expect(refused.length).toBeGreaterThanOrEqual(15);
      expect(refused[0]).toHaveProperty('error.code', 111);
      const other = await target.connect({ token: target.token({ sub: '43' }) });
      expect(await other.request({ ping: {} })).toHaveProperty('ping');
      // One line for each connection.
      target.ignoresLines((line) => line['code'] === 111 && line['user'] === '42');
      expect(target.lines.filter((line) => line['code'] === 111).length).toBeLessThanOrEqual(4);
    }));

  test('behind a hook that does not answer: what waits is bounded', () =>
    attack(
      {
        config: { limits: { commandsPerSecondPerConnection: 0, pendingCommandsPerConnection: 100 } },
        hooks: { rpc: () => new Promise(() => {}) },
      },
      async (target) => {
        const peer = await target.connect();
        peer.send(Array.from({ length: 101 }, (_, index) => `{"id":${index + 1},"rpc":{"method":"x"}}`).join('\n'));
        expect((await peer.end()).code).toBe(3013);
        target.logs({ code: 3013, detail: '100 commands are waiting' });
      },
    ));

  test('of errors, where errors are limited: 3509', () =>
    attack({ config: { limits: { errorsPerConnection: 5 } } }, async (target) => {
      const peer = await target.connect();
      peer.send(Array.from({ length: 20 }, (_, index) => `{"id":${index + 1},"rpc":{}}`).join('\n'));
      expect(await peer.end()).toEqual({ code: 3509, reason: 'too many errors' });
      for (let i = 0; i < 6; i++) target.logs({ code: 108 });
      target.logs({ code: 3509, detail: '6 errors' });
    }));
});

describe('too many connections', () => {
  const refused = { code: 3504, reason: 'connection limit' };

  test.each(['connections', 'connectionsPerAddress'] as const)('%s', (limit) =>
    // The bystander has one.
    attack({ config: { limits: { [limit]: 3 } } }, async (target) => {
      const kept = [await target.connect(), await target.connect()];
      const peer = await target.dial();
      expect(await peer.end()).toEqual(refused);
      target.logs({ level: 'info', code: 3504, msg: 'too many connections', address: '127.0.0.1' });

      const stream = await target.post('/connection/http_stream', '{"id":1,"connect":{}}');
      expect(await stream.text()).toContain('"disconnect":{"code":3504');
      target.logs({ code: 3504 });

      const poll = await target.post('/connection/poll', '{"channels":["open:a"]}');
      expect(poll.status).toBe(429);
      target.logs({ code: 3504 });

      if (limit === 'connectionsPerAddress') {
        const other = await target.connect({}, { localAddress: '127.0.0.9' });
        expect(await other.request({ ping: {} })).toHaveProperty('ping');
      }
      kept[0]?.websocket.close();
      const again = async () => {
        for (;;) {
          const next = await Peer.dial(`ws://127.0.0.1:${target.port}/connection/websocket`);
          next.send('{"id":1,"connect":{}}');
          const first = await next.next(({ id }) => id === 1, 'reply').catch(() => undefined);
          next.websocket.terminate();
          if (first && 'connect' in first) return;
          target.logs({ code: 3504 });
        }
      };
      await within(again(), 'there is room again');
    }),
  );

  test('connectionsPerUser', () =>
    attack({ config: { limits: { connectionsPerUser: 2 } } }, async (target) => {
      const token = target.token({ sub: '42' });
      await target.connect({ token });
      await target.connect({ token });
      const peer = await target.dial();
      peer.send(JSON.stringify({ id: 1, connect: { token } }));
      expect(await peer.end()).toEqual(refused);
      target.logs({ code: 3504, detail: 'user has 2 connections already' });
      await target.connect({ token: target.token({ sub: '43' }) });
      // Those who are nobody in particular are not one user.
      await Promise.all([1, 2, 3].map(() => target.connect()));
    }));

  test('a storm of sockets that say nothing', () =>
    attack({ config: { limits: { connectionsPerAddress: 50 }, timeouts: { connect: '300ms' } } }, async (target) => {
      const peers = await Promise.all(Array.from({ length: 100 }, () => target.dial()));
      const codes = await Promise.all(peers.map(async (peer) => (await peer.end()).code));
      expect(codes.filter((code) => code === 3502)).toHaveLength(49);
      expect(codes.filter((code) => code === 3504)).toHaveLength(51);
      target.ignoresLines((line) => line['code'] === 3502 || line['code'] === 3504);
    }));
});

describe('a reader that does not read', () => {
  const payload = 'x'.repeat(20_000);

  /** Publishes until the condition holds; returns how many. */
  async function publishUntil(target: Target, done: () => boolean): Promise<number> {
    let count = 0;
    const run = async () => {
      while (!done()) {
        count++;
        await target.engine.publish('open:news', { number: count, payload });
        // Fast readers read: it is the slow one alone that falls behind.
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    await within(run(), 'the slow reader is closed');
    return count;
  }

  async function fastReader(target: Target): Promise<Peer> {
    const fast = await target.connect();
    expect(await fast.request({ subscribe: { channel: 'open:news' } })).toHaveProperty('subscribe');
    return fast;
  }

  const closedAsSlow = (target: Target) => (target.engine.metrics.connectionsClosed.counts.get('3008') ?? 0) > 0;
  const numbersOf = (peer: Peer) =>
    peer.received.flatMap(
      (message) => (message['push'] as { pub?: { data: { number: number } } } | undefined)?.pub?.data.number ?? [],
    );

  test.each<[string, (target: Target) => Promise<Wire>]>([
    [
      'WebSocket',
      async (target) => {
        const wire = await target.rawWebsocket();
        const commands = Buffer.from('{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"open:news"}}');
        wire.write(Buffer.concat([Buffer.from([0x81, 0x80 | commands.length, 0, 0, 0, 0]), commands]));
        return wire;
      },
    ],
    [
      'HTTP streaming',
      async (target) => {
        const wire = await target.wire();
        const body = '{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"open:news"}}';
        wire.write(`POST /connection/http_stream HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
        return wire;
      },
    ],
  ])('over %s is closed with 3008; a fast one beside loses nothing, and memory stays bounded', (_, subscribe) =>
    attack({ config: { limits: { bufferedBytesPerConnection: '256KB' } } }, async (target) => {
      const fast = await fastReader(target);
      const slow = await subscribe(target);
      await slow.until(/"id":2,"subscribe"/, 'subscribe reply');
      slow.socket.pause();
      const before = process.memoryUsage().arrayBuffers;
      const count = await publishUntil(target, () => closedAsSlow(target));
      expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 1024 * 1024);
      await until(() => numbersOf(fast).length >= count, 'the fast reader has everything');
      expect(numbersOf(fast)).toEqual(Array.from({ length: count }, (__, index) => index + 1));
      expect(fast.websocket.readyState).toBe(1);
      target.logs({ level: 'info', code: 3008, detail: 'more than 262144 bytes unread' });
      const channels = async () =>
        ((await target.api('channels', {}))['result'] as { channels: Record<string, Json> }).channels;
      expect((await channels())['open:news']).toEqual({ num_clients: 1 });
    }),
  );
});
