/**
 * Two nodes behind a load balancer that knows nothing of connections: the stream of a client is opened on one node, what
 * it sends arrives at the other. The nodes share an in-memory bus, as processes share Redis.
 */
import { MemoryBroker, MemoryBus, jsonPayload, systemClock, type Engine } from '@tidings/server';
import type {
  ConnectedContext,
  ConnectingContext,
  DisconnectedContext,
  JoinContext,
  PublicationContext,
  ServerPublicationContext,
  ServerSubscribedContext,
} from 'centrifuge';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import {
  collect,
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
} from './support.ts';

const bus = new MemoryBus({ clock: systemClock });
let near: Engine;
let far: Engine;

function startNode(): Promise<Engine> {
  return startServer({
    config: { ...config, api: { keys: ['a key of the server API'] } },
    broker: new MemoryBroker({ clock: systemClock, bus }),
    hooks: { rpc: async ({ method }) => ({ data: jsonPayload(method) }) },
  });
}

beforeAll(async () => {
  [near, far] = await Promise.all([startNode(), startNode()]);
});

afterAll(() => Promise.all([near.stop(), far.stop()]));

test('nodes know each other as soon as they have started', async () => {
  for (const node of [near, far]) expect((await node.api.info()).nodes).toHaveLength(2);
  const late = await startNode();
  onTestFinished(() => late.stop());
  for (const node of [near, far, late]) expect((await node.api.info()).nodes).toHaveLength(3);
});

describe.each(flavours.filter(({ transport }) => transport !== 'websocket'))(
  '$name, sent to the other node',
  (flavour) => {
    test('every command finds its connection, in order', async () => {
      const channel = newChannel('open');
      const client = await connect(flavour, { port: portOf(near), emulationPort: portOf(far) });
      const subscription = await subscribe(client, channel);
      const publications = collect<PublicationContext>(subscription, 'publication');
      const data = (value: unknown): unknown => toData(flavour, value);
      for (let n = 0; n < 20; n++) await subscription.publish(data(n));
      expect((await publications.take(20)).map((one) => fromData(flavour, one.data))).toEqual(
        Array.from({ length: 20 }, (_, n) => n),
      );
      expect(fromData(flavour, (await client.rpc('echo', data(1))).data)).toBe('echo');
      expect((await subscription.presenceStats()).numClients).toBe(1);
      expect(near.metrics.commands.counts.get('publish')).toBeGreaterThanOrEqual(20);
      expect(far.metrics.commands.counts.get('publish')).toBeUndefined();
      subscription.unsubscribe();
      await expect.poll(async () => (await client.presenceStats(channel)).numClients).toBe(0);
    });

    test('a node that nobody knows is 404; the SDK does not hang on it', async () => {
      const answer = await fetch(`http://127.0.0.1:${portOf(near)}/emulation`, {
        method: 'POST',
        body: JSON.stringify({ node: 'nobody', session: 'none', data: '{"id":1,"rpc":{"method":"x"}}' }),
      });
      expect(answer.status).toBe(404);
      const stranger = await startServer();
      onTestFinished(() => stranger.stop());
      const client = await connect(flavour, { port: portOf(near), emulationPort: portOf(stranger) }, { timeout: 500 });
      await expect(client.rpc('echo', toData(flavour, 1))).rejects.toMatchObject({ code: expect.any(Number) });
    });
  },
);

test.each(flavours)('$name: publications, joins and the server API reach the other node', async (flavour) => {
  const channel = newChannel('open');
  const user = `user of ${channel.replace(':', ' ')}`;
  const here = await connect(flavour, near, { token: jwt({ sub: user }) });
  const there = await connect(websocketJson, far, { token: jwt({ sub: user }) });
  const watching = await subscribe(here, channel, { joinLeave: true, delta: 'fossil', recoverable: true });
  const publications = collect<PublicationContext>(watching, 'publication');
  const joins = collect<JoinContext>(watching, 'join');
  const speaking = await subscribe(there, channel);
  await expect.poll(() => joins.all.length).toBeGreaterThanOrEqual(1);

  await speaking.publish('from a client of the other node');
  await far.publish(channel, 'from the other node');
  expect((await publications.take(2)).map(({ data }) => fromData(flavour, data))).toEqual([
    'from a client of the other node',
    'from the other node',
  ]);

  const subscribed = collect<ServerSubscribedContext>(here, 'subscribed');
  const pushed = collect<ServerPublicationContext>(here, 'publication');
  const added = newChannel('locked');
  await far.api.subscribe({ user, channel: added });
  expect(await subscribed.next()).toMatchObject({ channel: added });
  await far.publish(added, 1);
  expect(fromData(flavour, (await pushed.next()).data)).toBe(1);
  expect(await far.api.channels({ pattern: channel })).toEqual({ channels: { [channel]: { clients: 2 } } });

  const ends = [here, there].map((client) => collect<DisconnectedContext>(client, 'disconnected'));
  await far.api.disconnect({ user });
  for (const end of ends) expect(await end.next()).toMatchObject({ code: 3503 });
});

test.each(flavours)('$name: a client whose node goes recovers on the other', async (flavour) => {
  const channel = newChannel('open');
  const leaving = await startNode();
  const client = newClient(flavour, leaving, { minReconnectDelay: 50 });
  const connecting = collect<ConnectingContext>(client, 'connecting');
  const connected = collect<ConnectedContext>(client, 'connected');
  client.connect();
  await connected.next();
  const subscription = await subscribe(client, channel, { recoverable: true });
  const publications = collect<PublicationContext>(subscription, 'publication');
  await near.publish(channel, 1);
  await publications.next();
  const port = portOf(leaving);
  await leaving.drain();
  await leaving.stop();
  expect(await connecting.take(2)).toMatchObject([{ code: 0 }, { code: 3001 }]);
  await near.publish(channel, 2);
  // Another node takes over the address, as a load balancer would.
  const taking = await startServer({ broker: new MemoryBroker({ clock: systemClock, bus }), port });
  onTestFinished(async () => {
    client.disconnect();
    await taking.stop();
  });
  await connected.next();
  await near.publish(channel, 3);
  expect((await publications.take(2)).map(({ data }) => fromData(flavour, data))).toEqual([2, 3]);
});
