/**
 * The npm package `centrifuge`, unchanged, against a real server: every command of the protocol over every transport
 * and codec of the SDK. Recovery and deltas are in `recovery.test.ts`, ends of connections in `closing.test.ts`.
 */
import { ProtocolError } from '@tidings/protocol';
import { HookDisconnect, jsonPayload, type Engine } from '@tidings/server';
import type {
  ConnectedContext,
  DisconnectedContext,
  JoinContext,
  LeaveContext,
  PublicationContext,
  ServerPublicationContext,
  ServerSubscribedContext,
  ServerUnsubscribedContext,
  SubscribedContext,
  SubscriptionErrorContext,
  UnsubscribedContext,
} from 'centrifuge';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  collect,
  connect,
  flavours,
  fromData,
  jwt,
  newChannel,
  newClient,
  startServer,
  subscribe,
  toData,
  websocketJson,
} from './support.ts';

let server: Engine;

beforeAll(async () => {
  server = await startServer({
    hooks: {
      async rpc({ method, data, user }) {
        if (method === 'refuse') throw new ProtocolError({ code: 441, message: 'not today', temporary: false });
        if (method === 'leave') throw new HookDisconnect(4501, 'go');
        return { data: jsonPayload({ method, user, got: data && JSON.parse(new TextDecoder().decode(data)) }) };
      },
    },
  });
});

afterAll(() => server.stop());

describe.each(flavours)('$name', (flavour) => {
  const data = (value: unknown): unknown => toData(flavour, value);
  const value = (received: unknown): unknown => fromData(flavour, received);

  test('connects, and disconnects at its own will', async () => {
    const client = newClient(flavour, server);
    const connected = collect<ConnectedContext>(client, 'connected');
    const disconnected = collect<DisconnectedContext>(client, 'disconnected');
    client.connect();
    expect((await connected.next()).client).toMatch(/\S{8,}/);
    expect((await server.api.info()).nodes[0]?.clients).toBeGreaterThan(0);
    client.disconnect();
    expect(await disconnected.next()).toMatchObject({ code: 0 });
  });

  test('publishes and receives, with who published and the offset', async () => {
    const channel = newChannel('open');
    const client = await connect(flavour, server, { token: jwt({ sub: '42', info: { name: 'Ann' } }) });
    const subscription = await subscribe(client, channel);
    const publications = collect<PublicationContext>(subscription, 'publication');
    await subscription.publish(data({ text: 'from the client ✓' }));
    const own = await publications.next();
    expect(value(own.data)).toEqual({ text: 'from the client ✓' });
    expect(own).toMatchObject({ channel, offset: 1, info: { user: '42' } });
    expect(value(own.info?.connInfo)).toEqual({ name: 'Ann' });

    await server.publish(channel, { text: 'from the server' }, { tags: { kind: 'news' } });
    const other = await publications.next();
    expect(value(other.data)).toEqual({ text: 'from the server' });
    expect(other).toMatchObject({ offset: 2, tags: { kind: 'news' } });
    expect(other.info).toBeUndefined();
  });

  test('reads history: top, pages, backwards, from a position', async () => {
    const channel = newChannel('open');
    const client = await connect(flavour, server);
    const empty = await client.history(channel, { limit: 10 });
    expect(empty).toMatchObject({ publications: [], offset: 0 });
    for (let n = 1; n <= 4; n++) await server.publish(channel, n);

    const top = await client.history(channel);
    expect(top).toEqual({ publications: [], offset: 4, epoch: empty.epoch });
    const page = async (options: Parameters<typeof client.history>[1]): Promise<unknown[]> =>
      (await client.history(channel, options)).publications.map((publication) => value(publication.data));
    expect(await page({ limit: 100 })).toEqual([1, 2, 3, 4]);
    expect(await page({ limit: 2 })).toEqual([1, 2]);
    expect(await page({ limit: 2, since: { offset: 2, epoch: top.epoch } })).toEqual([3, 4]);
    expect(await page({ limit: 3, reverse: true })).toEqual([4, 3, 2]);
    expect(await page({ limit: 2, reverse: true, since: { offset: 3, epoch: top.epoch } })).toEqual([2, 1]);
    await expect(page({ limit: 1, since: { offset: 1, epoch: 'other' } })).rejects.toMatchObject({ code: 112 });
  });

  test('presence and its numbers, of several and of nobody', async () => {
    const channel = newChannel('open');
    const client = await connect(flavour, server, { token: jwt({ sub: '42', info: 1 }) });
    expect(await client.presence(channel)).toEqual({ clients: {} });
    expect(await client.presenceStats(channel)).toEqual({ numClients: 0, numUsers: 0 });

    const subscription = await subscribe(client, channel);
    const second = await connect(flavour, server, { token: jwt({ sub: '42' }) });
    await subscribe(second, channel);
    const third = await connect(flavour, server);
    await subscribe(third, channel);
    const { clients } = await subscription.presence();
    expect(
      Object.values(clients)
        .map(({ user }) => user)
        .sort(),
    ).toEqual(['', '42', '42']);
    expect(await subscription.presenceStats()).toEqual({ numClients: 3, numUsers: 2 });
  });

  test('is told who joins and leaves', async () => {
    const channel = newChannel('open');
    const watcher = await connect(flavour, server);
    const watching = await subscribe(watcher, channel, { joinLeave: true });
    const joins = collect<JoinContext>(watching, 'join');
    const leaves = collect<LeaveContext>(watching, 'leave');
    const guest = await connect(flavour, server, { token: jwt({ sub: '7' }) });
    const visit = await subscribe(guest, channel);
    await expect.poll(() => joins.all.map(({ info }) => info.user)).toContain('7');
    visit.unsubscribe();
    expect(await leaves.next()).toMatchObject({ channel, info: { user: '7' } });
    visit.subscribe();
    await visit.ready();
    guest.disconnect();
    expect(await leaves.next()).toMatchObject({ channel, info: { user: '7' } });
  });

  test('calls the application: an answer, an error, a disconnect', async () => {
    const client = await connect(flavour, server, { token: jwt({ sub: '42' }) });
    const answer = await client.rpc('sum', data([1, 2]));
    expect(value(answer.data)).toEqual({ method: 'sum', user: '42', got: [1, 2] });
    await expect(client.rpc('refuse', data(null))).rejects.toMatchObject({ code: 441, message: 'not today' });
    const disconnected = collect<DisconnectedContext>(client, 'disconnected');
    client.rpc('leave', data(null)).catch(() => {});
    expect(await disconnected.next()).toMatchObject({ code: 4501, reason: 'go' });
  });

  test('server-side subscriptions: from the token, the personal channel, the server API', async () => {
    const [claimed, added] = [newChannel('locked'), newChannel('locked')];
    const user = `of ${added.replace(':', '-')}`;
    const client = newClient(flavour, server, { token: jwt({ sub: user, channels: [claimed] }) });
    const subscribed = collect<ServerSubscribedContext>(client, 'subscribed');
    const unsubscribed = collect<ServerUnsubscribedContext>(client, 'unsubscribed');
    const publications = collect<ServerPublicationContext>(client, 'publication');
    client.connect();
    expect((await subscribed.take(2)).map(({ channel }) => channel).sort()).toEqual([claimed, `me:#${user}`].sort());

    await server.api.subscribe({ user, channel: added, data: jsonPayload('welcome') });
    const pushed = await subscribed.next();
    expect(pushed).toMatchObject({ channel: added, recoverable: true });
    expect(value(pushed.data)).toBe('welcome');
    for (const channel of [claimed, `me:#${user}`, added]) {
      await server.publish(channel, `to ${channel}`);
      const publication = await publications.next();
      expect([publication.channel, value(publication.data)]).toEqual([channel, `to ${channel}`]);
    }
    await server.api.unsubscribe({ user, channel: added });
    expect(await unsubscribed.next()).toMatchObject({ channel: added });
  });

  test('errors of commands have their codes', async () => {
    const client = await connect(flavour, server);
    const twice = client.newSubscription('nowhere');
    const unsubscribed = collect<UnsubscribedContext>(twice, 'unsubscribed');
    twice.subscribe();
    expect(await unsubscribed.next()).toMatchObject({ code: 102 });
    await expect(client.publish(newChannel('locked'), data(1))).rejects.toMatchObject({ code: 103 });
    await expect(client.presence(newChannel('short'))).rejects.toMatchObject({ code: 108 });
    await expect(client.history('nowhere')).rejects.toMatchObject({ code: 102 });
  });

  test('a filter by tags lets through what matches, also in recovery', async () => {
    const channel = newChannel('open');
    const client = await connect(flavour, server);
    const subscription = await subscribe(client, channel, {
      recoverable: true,
      tagsFilter: {
        op: 'and',
        nodes: [
          { key: 'kind', cmp: 'in', vals: ['a', 'b'] },
          { op: 'not', nodes: [{ key: 'old', cmp: 'ex' }] },
        ],
      },
    });
    const publications = collect<PublicationContext>(subscription, 'publication');
    await server.publish(channel, 1, { tags: { kind: 'a' } });
    await server.publish(channel, 2, { tags: { kind: 'c' } });
    await server.publish(channel, 3, { tags: { kind: 'b', old: '1' } });
    await server.publish(channel, 4, { tags: { kind: 'b' } });
    expect((await publications.take(2)).map((publication) => value(publication.data))).toEqual([1, 4]);

    subscription.unsubscribe();
    await server.publish(channel, 5, { tags: { kind: 'c' } });
    await server.publish(channel, 6, { tags: { kind: 'a' } });
    const subscribed = collect<SubscribedContext>(subscription, 'subscribed');
    subscription.subscribe();
    expect(await subscribed.next()).toMatchObject({ wasRecovering: true, recovered: true });
    expect(value((await publications.next()).data)).toBe(6);
  });

  test('a batch of commands goes and is answered as one frame', async () => {
    const channel = newChannel('open');
    const client = await connect(flavour, server);
    const before = server.metrics.framesReceived;
    client.startBatching();
    const answers = Promise.all(Array.from({ length: 50 }, (_, n) => client.publish(channel, data(n))));
    // The SDK hands commands over one turn later.
    await new Promise((resolve) => setImmediate(resolve));
    client.stopBatching();
    await answers;
    expect(server.metrics.framesReceived - before).toBe(1);
    const { publications } = await client.history(channel, { limit: 100 });
    expect(publications.map((publication) => value(publication.data))).toEqual(Array.from({ length: 50 }, (_, n) => n));
  });

  test('as many subscriptions as allowed in the first frame, in order; one more is refused', async () => {
    const client = newClient(flavour, server);
    const channels = Array.from({ length: 128 }, () => newChannel('open'));
    const subscriptions = channels.map((channel) => client.newSubscription(channel));
    for (const subscription of subscriptions) subscription.subscribe();
    const before = server.metrics.framesReceived;
    client.connect();
    await Promise.all(subscriptions.map((subscription) => subscription.ready(10_000)));
    if (flavour.transport === 'websocket') expect(server.metrics.framesReceived - before).toBe(1);

    const oneMore = client.newSubscription(newChannel('open'), { minResubscribeDelay: 20 });
    const unsubscribed = collect<UnsubscribedContext>(oneMore, 'unsubscribed');
    oneMore.subscribe();
    expect(await unsubscribed.next()).toMatchObject({ code: 106 });
    const publications = collect<PublicationContext>(subscriptions[127]!, 'publication');
    await server.publish(channels[127]!, 'last');
    expect(value((await publications.next()).data)).toBe('last');
  });

  test('subscribes and unsubscribes in quick turns, and ends as it was last told', async () => {
    const channel = newChannel('open');
    const client = await connect(flavour, server);
    const subscription = client.newSubscription(channel);
    for (let n = 0; n < 20; n++) {
      subscription.subscribe();
      subscription.unsubscribe();
    }
    subscription.subscribe();
    await subscription.ready(10_000);
    expect((await client.presenceStats(channel)).numClients).toBe(1);
    subscription.unsubscribe();
    await expect.poll(async () => (await client.presenceStats(channel)).numClients).toBe(0);
  });
});

test('a connect that is refused with an error ends with its code', async () => {
  const client = newClient(websocketJson, server, { name: 'a name that is too long' });
  const disconnected = collect<DisconnectedContext>(client, 'disconnected');
  client.connect();
  expect((await disconnected.next()).code).toBe(107);
});

test('a subscription that fails for a moment is tried again', async () => {
  let failures = 2;
  const broken = await startServer({
    config: { auth: { anonymous: true }, channels: { '{name}': { hooks: { subscribe: true } } } },
    hooks: {
      async subscribe() {
        if (failures-- > 0) throw new Error('the database is away');
        return {};
      },
    },
  });
  try {
    const client = await connect(websocketJson, broken);
    const subscription = client.newSubscription('news', { minResubscribeDelay: 10, maxResubscribeDelay: 20 });
    const reported = collect<SubscriptionErrorContext>(subscription, 'error');
    subscription.subscribe();
    await subscription.ready(10_000);
    expect(reported.all.map(({ error }) => error.code)).toEqual([100, 100]);
  } finally {
    await broken.stop();
  }
});
