import { describe, expect, test } from 'vitest';
import { MemoryBroker } from './brokers/memory.ts';
import type { ConfigInput } from './config/schema.ts';
import { createEngine } from './engine.ts';
import { FakeClock, settle } from './lib/clock.ts';
import { createLogger } from './lib/logger.ts';
import {
  closeCodeOf,
  codeOf,
  createWatchedEngine,
  open,
  publications,
  recoverable,
  startSeconds,
  subscribe,
  token,
  values,
} from './testing/engine-fixture.ts';
import { createTestEngine } from './testing.ts';
import { MemoryTransport } from './transports/memory.ts';

const log = { level: 'silent' } as const;
const config = {
  mode: 'production',
  auth: { anonymous: true },
  log,
  channels: { 'room:{id}': open },
} satisfies ConfigInput;

describe('start and stop', () => {
  test('before start and after stop nobody is let in', async () => {
    const engine = createEngine({ config, listen: false, logger: createLogger('silent') });
    const transport = new MemoryTransport({ accept: engine.accept });
    expect(await closeCodeOf(transport.connect())).toBe(3001);
    await engine.start();
    const client = transport.connect();
    await client.request({ connect: {} });
    await engine.stop();
    expect(client.closeReason).toEqual({ code: 3001, reason: 'shutdown' });
    expect(await closeCodeOf(transport.connect())).toBe(3001);
    await engine.stop();
    await expect(engine.start()).rejects.toThrow(/stopped/);
  });

  test('a component that does not start stops those before it', async () => {
    const clock = new FakeClock();
    const broker = new MemoryBroker({ clock });
    const presence = {
      name: 'presence',
      start: () => Promise.reject(new Error('no presence')),
      stop: async () => {},
      touch: async () => {},
      remove: async () => {},
      list: async () => new Map(),
      stats: async () => ({ clients: 0, users: 0 }),
    };
    const engine = createEngine({ config, listen: false, logger: createLogger('silent'), clock, broker, presence });
    await expect(engine.start()).rejects.toThrow('no presence');
    await expect(
      broker.publish('a', { data: new Uint8Array([1]) }, { historySize: 0, historyTtlMs: 0, historyMetaTtlMs: 0 }),
    ).rejects.toThrow(/not running/);
    const client = new MemoryTransport({ accept: engine.accept }).connect();
    expect(await closeCodeOf(client)).toBe(3001);
  });

  test('a configuration that is wrong is refused with the place', () => {
    expect(() => createEngine({ config: { channels: { a: { recovery: 'always' } } } })).toThrow(
      /channels\.a\.recovery/,
    );
  });

  test('what was sent before stop still arrives', async () => {
    const node = await createTestEngine({ config });
    const client = await node.connect();
    await subscribe(client, 'room:1');
    await node.engine.publish('room:1', 'last');
    await node.engine.stop();
    expect(values(await publications(client))).toEqual(['last']);
  });
});

describe('drain', () => {
  test('clients are told to reconnect, a few at a time, within the spread', async () => {
    await using node = await createTestEngine({ config: { ...config, shutdown: { spread: '5s', timeout: '15s' } } });
    const clients = await Promise.all(Array.from({ length: 400 }, () => node.connect()));
    const startMs = node.clock.now();
    const leftAtMs: number[] = [];
    for (const client of clients) {
      void client.closed.then((reason) => {
        expect(reason.code).toBe(3001);
        leftAtMs.push(node.clock.now() - startMs);
      });
    }
    const drained = node.engine.drain();
    await settle();
    // Those who come now are sent on at once.
    expect(await closeCodeOf(node.dial())).toBe(3001);
    await node.clock.advance(2_500);
    expect(leftAtMs.length).toBeGreaterThan(150);
    expect(leftAtMs.length).toBeLessThan(250);
    await node.clock.advance(2_500);
    await drained;
    expect(leftAtMs).toHaveLength(400);
    // Never more than their share at one time.
    const atOnce = Math.max(...[...Map.groupBy(leftAtMs, (ms) => ms).values()].map((group) => group.length));
    expect(atOnce).toBeLessThanOrEqual(4);
  });

  test('goes on serving those whose turn has not come', async () => {
    await using node = await createTestEngine({ config });
    const clients = await Promise.all(Array.from({ length: 20 }, () => node.connect()));
    for (const client of clients) await subscribe(client, 'room:1');
    const drained = node.engine.drain();
    await node.clock.advance(100);
    const last = clients.filter(({ closeReason }) => !closeReason);
    expect(last.length).toBeGreaterThan(0);
    await node.engine.publish('room:1', 1);
    for (const client of last) expect(values(await publications(client))).toEqual([1]);
    await node.clock.advance(5_000);
    await drained;
  });

  test('ends in time, whatever the spread', async () => {
    await using node = await createTestEngine({ config: { ...config, shutdown: { spread: '60s', timeout: '2s' } } });
    const clients = await Promise.all(Array.from({ length: 2_400 }, () => node.connect()));
    const drained = node.engine.drain();
    await node.clock.advance(2_100);
    await drained;
    expect(clients.every(({ closeReason }) => closeReason?.code === 3001)).toBe(true);
  });

  test('twice, or of a node without clients, is over at once', async () => {
    await using node = await createTestEngine({ config });
    await node.engine.drain();
    await node.engine.drain();
  });
});

describe('reload', () => {
  test('options of channels hold at once, for those who are there too, and nobody is dropped', async () => {
    await using node = await createWatchedEngine({ config });
    const client = await node.connect();
    await subscribe(client, 'room:1');
    expect(await codeOf(client.request({ subscribe: { channel: 'stream:1' } }))).toBe(102);
    await node.engine.reload({
      ...config,
      channels: { 'room:{id}': { allow: { subscribe: 'nobody' } }, 'stream:{id}': recoverable },
    });
    await subscribe(client, 'stream:1', { recoverable: true });
    expect(await codeOf(client.request({ subscribe: { channel: 'room:2' } }))).toBe(103);
    await node.engine.publish('room:1', 1);
    expect(values(await publications(client))).toEqual([1]);
    expect(client.closeReason).toBeUndefined();
  });

  test('a channel whose pattern is gone is served to those who have it', async () => {
    await using node = await createTestEngine({ config });
    const client = await node.connect();
    await subscribe(client, 'room:1');
    await node.engine.reload({ ...config, channels: {} });
    expect(client.closeReason).toBeUndefined();
    expect((await node.engine.api.channels({})).channels).toEqual({ 'room:1': { clients: 1 } });
    await expect(node.engine.publish('room:1', 1)).rejects.toMatchObject({ code: 102 });
  });

  test('secrets: new tokens with the new, those connected stay', async () => {
    const withSecret = (hmacSecret: string) => ({ ...config, auth: { jwt: { hmacSecret } } });
    await using node = await createTestEngine({ config: withSecret('a secret of thirty-two bytes or more') });
    const claims = token({ sub: '42', exp: startSeconds + 600 });
    const client = await node.connect({ token: claims });
    await node.engine.reload(withSecret('another secret of thirty-two bytes'));
    const second = node.dial();
    second.send({ id: 1, connect: { token: claims } });
    expect(await closeCodeOf(second)).toBe(3500);
    await node.clock.advance(60_000);
    expect(client.closeReason).toBeUndefined();
    await node.engine.reload(withSecret('a secret of thirty-two bytes or more'));
    await node.connect({ token: claims });
  });

  test('limits: lower ones refuse new connections only', async () => {
    await using node = await createTestEngine({ config });
    const clients = [await node.connect(), await node.connect()];
    await node.engine.reload({
      ...config,
      limits: { connections: 1, subscriptionsPerConnection: 1, commandsPerSecondPerConnection: 1 },
    });
    expect(await closeCodeOf(node.dial())).toBe(3504);
    expect(clients.map(({ closeReason }) => closeReason)).toEqual([undefined, undefined]);
    const [client] = clients as [(typeof clients)[0]];
    await subscribe(client, 'room:1');
    expect(await codeOf(client.request({ subscribe: { channel: 'room:2' } }))).toBe(106);
    expect(await codeOf(client.request({ ping: {} }))).toBe(111);
  });

  test('one that is wrong is refused, and the old one goes on', async () => {
    await using node = await createTestEngine({ config });
    const client = await node.connect();
    await expect(node.engine.reload({ ...config, channels: { 'a{': {} } })).rejects.toThrow(/channels/);
    await subscribe(client, 'room:1');
  });

  test('hooks given as functions stay', async () => {
    const hooks = { rpc: async () => undefined };
    await using node = await createTestEngine({ config, hooks });
    await node.engine.reload(config);
    const client = await node.connect();
    expect(await codeOf(client.request({ rpc: {} }))).toBeUndefined();
  });
});
