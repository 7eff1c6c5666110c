import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { jsonCodec, protobufCodec, type Codec, type Command, type Publication, type Reply } from '@tidings/protocol';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocketServer, type WebSocket } from 'ws';
import { faults, runScenario, type BenchOptions } from './run-scenario.ts';

/** How the server below breaks its word; by default it keeps it. */
interface Faults {
  /** Deliveries are numbered from 1 over all subscribers. */
  drop?: (delivery: number) => boolean;
  double?: (delivery: number) => boolean;
  /** Error code in reply to publish. */
  refusePublish?: number;
  refuseConnect?: boolean;
  /** Leaves out the last publication when a client recovers. */
  cutRecovery?: boolean;
  forgetHistory?: boolean;
  disconnectAfter?: number;
}

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

/** Speaks as much of the protocol as the scenarios use. What it does wrong is what the scenarios must find. */
async function faultyServer(wrong: Faults = {}): Promise<string> {
  const server = new WebSocketServer({
    host: '127.0.0.1',
    port: 0,
    handleProtocols: (offered) => [...offered][0] ?? false,
  });
  closers.push(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  const subscribers = new Map<string, Set<WebSocket>>();
  const history = new Map<string, Publication[]>();
  let deliveries = 0;
  const codecOf = (socket: WebSocket): Codec => (socket.protocol === 'centrifuge-protobuf' ? protobufCodec : jsonCodec);
  const send = (socket: WebSocket, reply: Reply) => {
    const codec = codecOf(socket);
    const bytes = codec.encodeReply(reply);
    // Messages here are shorter than 128 bytes to the length prefix, or take two bytes of it.
    const prefix = bytes.length < 128 ? [bytes.length] : [(bytes.length & 127) | 128, bytes.length >> 7];
    if (codec === protobufCodec) socket.send(Buffer.from([...prefix, ...bytes]));
    else socket.send(Buffer.from(bytes).toString());
  };
  const answer = (socket: WebSocket, { id = 0, connect, subscribe, publish }: Command) => {
    if (connect) {
      if (wrong.refuseConnect) return socket.close(3500, 'invalid token');
      return send(socket, { id, connect: { client: 'c', version: 'faulty' } });
    }
    if (subscribe) {
      const channel = subscribe.channel ?? '';
      const log = history.get(channel) ?? [];
      subscribers.set(channel, (subscribers.get(channel) ?? new Set()).add(socket));
      socket.on('close', () => subscribers.get(channel)?.delete(socket));
      const missed = log.slice(subscribe.offset ?? 0, wrong.cutRecovery ? -1 : undefined);
      const recovery = subscribe.recover ? { recovered: !wrong.forgetHistory, publications: missed } : {};
      return send(socket, { id, subscribe: { recoverable: true, epoch: 'e', offset: log.length, ...recovery } });
    }
    if (publish) {
      if (wrong.refusePublish) return send(socket, { id, error: { code: wrong.refusePublish, message: 'no' } });
      const channel = publish.channel ?? '';
      const log = history.get(channel) ?? [];
      history.set(channel, log);
      const pub = { data: publish.data ?? new Uint8Array(), offset: log.length + 1 };
      log.push(pub);
      send(socket, { id, publish: {} });
      for (const subscriber of subscribers.get(channel) ?? []) {
        deliveries++;
        if (deliveries === wrong.disconnectAfter) subscriber.close(3008, 'slow');
        if (!wrong.drop?.(deliveries)) send(subscriber, { push: { channel, pub } });
        if (wrong.double?.(deliveries)) send(subscriber, { push: { channel, pub } });
      }
    }
  };
  server.on('connection', (socket) => {
    socket.on('message', (data, isBinary) => {
      const frame = data as Buffer;
      for (const command of codecOf(socket).decodeCommands(isBinary ? frame : frame.toString()))
        answer(socket, command);
    });
  });
  await once(server, 'listening');
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

const small = (url: string, scenario: BenchOptions['scenario'], more: Partial<BenchOptions> = {}) =>
  runScenario(
    {
      scenario,
      url,
      protobuf: false,
      secret: 'secret',
      channel: 'bench',
      channels: 1,
      connections: 5,
      durationMs: 200,
      payloadBytes: 100,
      window: 2,
      missed: 3,
      timeoutMs: 5_000,
      patienceMs: 1_000,
      ...more,
    },
    () => {},
  );

describe.each([false, true])('a server that keeps its word (protobuf: %s)', (protobuf) => {
  test('fanout', async () => {
    const result = await small(await faultyServer(), 'fanout', { protobuf });
    if (result.scenario !== 'fanout') throw new Error('another scenario');
    expect(faults(result)).toEqual([]);
    expect(result.publications).toBeGreaterThan(2);
    expect(result.latency.count).toBeGreaterThan(0);
    expect(result.latency.p99Ms).toBeGreaterThanOrEqual(result.latency.p50Ms);
  });

  test('recover', async () => {
    const result = await small(await faultyServer(), 'recover', { protobuf, channels: 2 });
    expect(faults(result)).toEqual([]);
    expect(result).toMatchObject({ scenario: 'recover', live: { count: 5 }, lost: 0, doubled: 0, reset: 0, failed: 0 });
  });
});

test('fanout at a rate sends what is due, not more', async () => {
  const result = await small(await faultyServer(), 'fanout', { ratePerSecond: 100, durationMs: 400 });
  if (result.scenario !== 'fanout') throw new Error('another scenario');
  expect(faults(result)).toEqual([]);
  // Warm-up of 200 ms, then 400 ms: 60, and one at the start of each.
  expect(result.publications).toBeGreaterThan(2);
  expect(result.publications).toBeLessThanOrEqual(62);
});

test('idle and churn', async () => {
  const url = await faultyServer();
  const idle = await small(url, 'idle', { serverPid: process.pid });
  expect(faults(idle)).toEqual([]);
  expect(idle).toMatchObject({ connections: 5, dropped: 0 });
  if (process.platform === 'linux') expect(idle).toHaveProperty('memory');
  const churn = await small(url, 'churn');
  expect(faults(churn)).toEqual([]);
  expect(churn).toHaveProperty(
    'cycles',
    expect.toSatisfy((cycles: number) => cycles > 0),
  );
});

describe('a server that breaks its word', () => {
  test('loses a delivery', async () => {
    const result = await small(await faultyServer({ drop: (n) => n === 12 }), 'fanout');
    expect(faults(result)).toEqual(['1 deliveries lost']);
  });

  test('doubles a delivery', async () => {
    const result = await small(await faultyServer({ double: (n) => n === 12 }), 'fanout');
    expect(faults(result)).toEqual(['1 deliveries doubled or out of order']);
  });

  test('disconnects a subscriber', async () => {
    const result = await small(await faultyServer({ disconnectAfter: 12 }), 'fanout');
    expect(faults(result)).toContain('1 subscribers disconnected (closed by the server: 3008 slow)');
  });

  test('loses a missed publication', async () => {
    const result = await small(await faultyServer({ cutRecovery: true }), 'recover');
    // Each misses the last one, and then the live one is not in its place.
    expect(result).toMatchObject({ lost: 10, doubled: 5 });
    expect(faults(result)).toHaveLength(2);
  });

  test('resets instead of recovering', async () => {
    const result = await small(await faultyServer({ forgetHistory: true }), 'recover');
    expect(faults(result)).toEqual(['5 clients reset instead of recovered']);
  });

  test('refuses publications or connections', async () => {
    await expect(small(await faultyServer({ refusePublish: 103 }), 'fanout')).rejects.toThrow(
      'publish refused: 103 no',
    );
    const refusing = await faultyServer({ refuseConnect: true });
    await expect(small(refusing, 'fanout')).rejects.toThrow('closed by the server: 3500 invalid token');
    expect(faults(await small(refusing, 'churn'))).toContain('no client came and went');
  });
});
