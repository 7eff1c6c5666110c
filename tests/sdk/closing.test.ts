/**
 * How connections end, seen by the npm package `centrifuge`: which codes bring a client back and which do not, a server
 * that drains, one that is killed, and what keeps a quiet connection alive. The last part talks to `tidings serve` in a
 * process of its own.
 */
import type { Engine } from '@tidings/server';
import type {
  ConnectedContext,
  ConnectingContext,
  DisconnectedContext,
  PublicationContext,
  SubscribedContext,
} from 'centrifuge';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket, type RawData } from 'ws';
import { TidingsProcess } from '../support/tidings-process.ts';
import {
  collect,
  Collected,
  config,
  connect,
  flavours,
  fromData,
  jwt,
  newChannel,
  newClient,
  portOf,
  startServer,
  subscribe,
  toData,
  websocketJson,
  type Flavour,
} from './support.ts';

let server: Engine;

beforeAll(async () => {
  server = await startServer();
});

afterAll(() => server.stop());

let users = 0;
function newUser(): string {
  return `user ${++users}`;
}

describe.each(flavours)('$name', (flavour) => {
  test.each([3000, 3001, 3004, 3012, 3499, 4000, 4499])('%i: reconnects', async (code) => {
    const user = newUser();
    const client = await connect(flavour, server, { token: jwt({ sub: user }) });
    const connecting = collect<ConnectingContext>(client, 'connecting');
    const connected = collect<ConnectedContext>(client, 'connected');
    await server.api.disconnect({ user, disconnect: { code, reason: 'the reason' } });
    expect(await connecting.next()).toMatchObject({ code, reason: 'the reason' });
    await connected.next();
  });

  test.each([3500, 3503, 3507, 3999, 4500, 4999])('%i: does not', async (code) => {
    const user = newUser();
    const client = await connect(flavour, server, { token: jwt({ sub: user }) });
    const disconnected = collect<DisconnectedContext>(client, 'disconnected');
    await server.api.disconnect({ user, disconnect: { code, reason: 'the reason' } });
    expect(await disconnected.next()).toMatchObject({ code, reason: 'the reason' });
  });

  test('what was published before the end arrives before the end', async () => {
    const [user, channel] = [newUser(), newChannel('open')];
    const client = await connect(flavour, server, { token: jwt({ sub: user }) });
    const publications = collect<PublicationContext>(await subscribe(client, channel), 'publication');
    const disconnected = collect<DisconnectedContext>(client, 'disconnected');
    for (let n = 0; n < 100; n++) void server.publish(channel, n);
    await server.publish(channel, 100);
    await server.api.disconnect({ user });
    expect(await disconnected.next()).toMatchObject({ code: 3503 });
    expect(publications.all.map(({ data }) => fromData(flavour, data))).toEqual(
      Array.from({ length: 101 }, (_, n) => n),
    );
  });

  test('a frame that is too large is the end of its own connection only', async () => {
    const channel = newChannel('open');
    const bystander = await connect(flavour, server);
    const publications = collect<PublicationContext>(await subscribe(bystander, channel), 'publication');
    const client = await connect(flavour, server, { timeout: 500 });
    const ended = new Collected<unknown>('end');
    client.on('connecting', (context) => ended.add(context));
    client.on('disconnected', (context) => ended.add(context));
    const published = client.publish(channel, toData(flavour, 'x'.repeat(300_000)));
    published.catch(() => {});
    // A request over HTTP is refused by itself (413), a frame on a socket ends the socket.
    if (flavour.transport === 'websocket') expect(await ended.next()).toMatchObject({ code: expect.any(Number) });
    await expect(published).rejects.toMatchObject({ code: expect.any(Number) });
    await bystander.publish(channel, toData(flavour, 'still here'));
    expect(fromData(flavour, (await publications.next()).data)).toBe('still here');
  });

  test('a drain sends everybody to the next server, spread over time, and nobody misses anything', async () => {
    const channel = newChannel('open');
    const first = await startServer();
    const port = portOf(first);
    const clients = await Promise.all(Array.from({ length: 8 }, () => connect(flavour, { port })));
    const connecting = clients.map((client) => collect<ConnectingContext>(client, 'connecting'));
    const subscriptions = await Promise.all(clients.map((client) => subscribe(client, channel)));
    const publications = subscriptions.map((one) => collect<PublicationContext>(one, 'publication'));
    await first.drain();
    for (const one of connecting) expect(await one.next()).toMatchObject({ code: 3001, reason: 'shutdown' });
    await first.stop();
    const second = await startServer({ port });
    onTestFinished(() => second.stop());
    await Promise.all(clients.map((client) => client.ready(10_000)));
    await Promise.all(subscriptions.map((subscription) => subscription.ready(10_000)));
    await second.publish(channel, 'news');
    for (const one of publications) expect(fromData(flavour, (await one.next()).data)).toBe('news');
    for (const client of clients) client.disconnect();
  });
});

test('pings keep a quiet connection open in both directions, over every transport', async () => {
  const quiet = await startServer({ config: { ...config, ping: { interval: '1s', pongTimeout: '900ms' } } });
  onTestFinished(() => quiet.stop());
  const clients = await Promise.all(flavours.map((flavour) => connect(flavour, quiet)));
  const ended = clients.map((client) => collect<ConnectingContext>(client, 'connecting'));
  const sent = quiet.metrics.framesSent;
  const received = quiet.metrics.framesReceived;
  await expect.poll(() => quiet.metrics.framesReceived - received, { timeout: 8_000 }).toBe(2 * clients.length);
  expect(quiet.metrics.framesSent - sent).toBeGreaterThanOrEqual(2 * clients.length);
  expect(ended.flatMap(({ all }) => all)).toEqual([]);
});

describe('WebSocket', () => {
  const endpoint = (): string => `ws://127.0.0.1:${portOf(server)}/connection/websocket`;

  test.each(flavours.filter(({ transport }) => transport === 'websocket'))(
    'compressed frames are read by the SDK: $name',
    async (flavour) => {
      const compressing = await startServer({
        config: { ...config, transports: { compression: { enabled: true, minBytes: 100 } } },
      });
      onTestFinished(() => compressing.stop());
      const channel = newChannel('open');
      const client = await connect(flavour, compressing);
      const publications = collect<PublicationContext>(await subscribe(client, channel), 'publication');
      const sizes = [1, 90, 1_000, 30_000, 200_000];
      for (const size of sizes) await compressing.publish(channel, 'ab'.repeat(size));
      const received = await publications.take(sizes.length);
      expect(received.map(({ data }) => (fromData(flavour, data) as string).length)).toEqual(sizes.map((n) => 2 * n));
    },
  );

  test('native pings instead of messages for who asks for them', async () => {
    const quiet = await startServer({ config: { ...config, ping: { interval: '300ms', pongTimeout: '250ms' } } });
    onTestFinished(() => quiet.stop());
    const socket = new WebSocket(`ws://127.0.0.1:${portOf(quiet)}/connection/websocket?cf_ws_frame_ping_pong=true`);
    onTestFinished(() => socket.terminate());
    const messages = collect<RawData>(socket, 'message');
    const pings = collect<Buffer>(socket, 'ping');
    const closed = collect<number>(socket, 'close');
    socket.on('open', () => socket.send('{"id":1,"connect":{}}'));
    expect(JSON.parse(((await messages.next()) as Buffer).toString())).not.toHaveProperty('connect.ping');
    await pings.take(3);
    expect(messages.all).toHaveLength(1);
    expect(closed.all).toEqual([]);
  });

  test('who does not answer pings is closed with 3012', async () => {
    const quiet = await startServer({ config: { ...config, ping: { interval: '200ms', pongTimeout: '100ms' } } });
    onTestFinished(() => quiet.stop());
    const socket = new WebSocket(`ws://127.0.0.1:${portOf(quiet)}/connection/websocket`);
    const closed = collect<number>(socket, 'close');
    socket.on('open', () => socket.send('{"id":1,"connect":{}}'));
    expect(await closed.next()).toBe(3012);
  });

  test.each([
    ['a command before connect', '{"id":1,"rpc":{"method":"x"}}', 3501],
    ['no JSON', '{"id":', 3501],
    ['an empty frame', '', 3501],
    ['a second connect', '{"id":1,"connect":{}}\n{"id":2,"connect":{}}', 3501],
    ['an answer to a ping that was not sent', '{"id":1,"connect":{}}\n{}', 3501],
    ['a command without id', '{"id":1,"connect":{}}\n{"rpc":{"method":"x"}}', 3501],
    ['a message for nobody', '{"id":1,"connect":{}}\n{"send":{"data":1}}', 3508],
  ])('%s', async (_, frame, code) => {
    const socket = new WebSocket(endpoint());
    const closed = collect<number>(socket, 'close');
    socket.on('open', () => socket.send(frame));
    expect(await closed.next()).toBe(code);
  });
});

describe('tidings serve in its own process', () => {
  const key = 'a key of the server API';

  async function publish(url: string, channel: string, data: unknown): Promise<void> {
    const answer = await fetch(`${url}/api/publish`, {
      method: 'POST',
      headers: { 'X-API-Key': key },
      body: JSON.stringify({ channel, data }),
    });
    expect(await answer.json()).toMatchObject({ result: {} });
  }

  async function survives(flavour: Flavour, process: TidingsProcess, codes: readonly number[]): Promise<void> {
    const client = newClient(flavour, process);
    const connecting = collect<ConnectingContext>(client, 'connecting');
    const subscription = client.newSubscription(newChannel('open'), { recoverable: true });
    const subscribed = collect<SubscribedContext>(subscription, 'subscribed');
    const publications = collect<PublicationContext>(subscription, 'publication');
    subscription.subscribe();
    client.connect();
    await subscribed.next();
    await publish(process.url, subscription.channel, 'before');
    await publications.next();

    await process.stop();
    await process.restart();
    expect(await subscribed.next()).toMatchObject({ wasRecovering: true, recovered: false });
    await publish(process.url, subscription.channel, 'between');
    await publications.next();

    await process.kill9();
    await process.restart();
    expect(await subscribed.next()).toMatchObject({ wasRecovering: true, recovered: false });
    await publish(process.url, subscription.channel, 'behind');
    await publications.next();
    client.disconnect();
    expect(publications.all.map(({ data }) => fromData(flavour, data))).toEqual(['before', 'between', 'behind']);
    expect(subscribed.all).toHaveLength(3);
    expect([...new Set(connecting.all.map(({ code }) => code))]).toEqual(codes);
  }

  test('its end by SIGTERM is 3001, its end by kill -9 a lost connection; the SDK comes back from both', async () => {
    const process = await TidingsProcess.start({ config: { ...config, api: { keys: [key] } } });
    // 0 is the SDK's own call of `connect`, 1 its transport that closed without a word.
    await survives(websocketJson, process, [0, 3001, 1]);
    await survives(flavours[3] as Flavour, process, [0, 3001, 1]);
  });
});
