/**
 * Recovery with the npm package `centrifuge`: nothing lost, doubled or reordered for a client that comes back, whatever
 * took it away; and where that cannot be kept, one explicit reset. With and without deltas, over every transport.
 */
import { MemoryBroker, systemClock, type Engine } from '@tidings/server';
import type {
  Centrifuge,
  ConnectingContext,
  PublicationContext,
  ServerPublicationContext,
  ServerSubscribedContext,
  SubscribedContext,
  SubscribingContext,
  Subscription,
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
  portOf,
  startServer,
  subscribe,
  websocketJson,
  type Flavour,
} from './support.ts';

/** Loses publications on the way to this node when told to: they are in history, but nobody hears of them. */
class LossyBroker extends MemoryBroker {
  losing = false;

  override onEvent(sink: Parameters<MemoryBroker['onEvent']>[0]): void {
    super.onEvent({
      ...sink,
      publication: (...publication) => {
        if (!this.losing) sink.publication(...publication);
      },
    });
  }
}

const broker = new LossyBroker({ clock: systemClock });
let server: Engine;

beforeAll(async () => {
  server = await startServer({ broker });
});

afterAll(() => server.stop());

/** A user whose connections the server API can name. */
let users = 0;
function newUser(): string {
  return `user ${++users}`;
}

async function publishAll(channel: string, values: readonly unknown[]): Promise<void> {
  for (const value of values) await server.publish(channel, value);
}

/** Drops every connection of a user; resolves when they are gone and before the SDK comes back. */
async function drop(client: Centrifuge, user: string): Promise<ConnectingContext> {
  const connecting = collect<ConnectingContext>(client, 'connecting');
  await server.api.disconnect({ user, disconnect: { code: 3011, reason: 'force reconnect' } });
  return connecting.next();
}

const values = (flavour: Flavour, publications: readonly PublicationContext[]): unknown[] =>
  publications.map((publication) => fromData(flavour, publication.data));

describe.each(flavours)('$name', (flavour) => {
  test('what was missed comes in order and once, then the live goes on', async () => {
    const [user, channel] = [newUser(), newChannel('open')];
    const client = await connect(flavour, server, { token: jwt({ sub: user }), minReconnectDelay: 100 });
    const subscription = await subscribe(client, channel, { recoverable: true });
    const publications = collect<PublicationContext>(subscription, 'publication');
    const subscribed = collect<SubscribedContext>(subscription, 'subscribed');
    await publishAll(channel, [1, 2]);
    await publications.take(2);

    for (const round of [1, 2]) {
      expect(await drop(client, user)).toMatchObject({ code: 3011, reason: 'force reconnect' });
      await publishAll(channel, [`${round}a`, `${round}b`]);
      expect(await subscribed.next()).toMatchObject({
        wasRecovering: true,
        recovered: true,
        hasRecoveredPublications: true,
      });
      await publishAll(channel, [`${round}c`]);
      expect(values(flavour, await publications.take(3))).toEqual([`${round}a`, `${round}b`, `${round}c`]);
    }
    expect(publications.all.map(({ offset }) => offset)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test('a flood while it comes back: all of it, in order and once', async () => {
    const [user, channel] = [newUser(), newChannel('open')];
    const client = await connect(flavour, server, { token: jwt({ sub: user }) });
    const subscription = await subscribe(client, channel, { recoverable: true });
    const publications = collect<PublicationContext>(subscription, 'publication');
    const subscribed = collect<SubscribedContext>(subscription, 'subscribed');
    await drop(client, user);
    let published = 0;
    while (subscribed.all.length === 0 && published < 90) {
      await server.publish(channel, ++published);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await subscribed.next();
    await server.publish(channel, ++published);
    expect(values(flavour, await publications.take(published))).toEqual(
      Array.from({ length: published }, (_, n) => n + 1),
    );
    expect(subscribed.all).toMatchObject([{ wasRecovering: true, recovered: true }]);
  });

  test('more than history keeps: one reset, then the live goes on', async () => {
    const [user, channel] = [newUser(), newChannel('short')];
    const client = await connect(flavour, server, { token: jwt({ sub: user }), minReconnectDelay: 100 });
    const subscription = await subscribe(client, channel, { recoverable: true });
    const publications = collect<PublicationContext>(subscription, 'publication');
    const subscribed = collect<SubscribedContext>(subscription, 'subscribed');
    await drop(client, user);
    await publishAll(channel, [1, 2, 3]);
    expect(await subscribed.next()).toMatchObject({ wasRecovering: true, recovered: false });
    await publishAll(channel, [4]);
    expect(values(flavour, [await publications.next()])).toEqual([4]);
    // From here on it stands on solid ground again.
    await drop(client, user);
    expect(await subscribed.next()).toMatchObject({ wasRecovering: true, recovered: true });
  });

  test('a gap on the way to the node: 2500, recovered on the same connection', async () => {
    const channel = newChannel('open');
    const client = await connect(flavour, server);
    const subscription = await subscribe(client, channel, { recoverable: true, positioned: true });
    const publications = collect<PublicationContext>(subscription, 'publication');
    const subscribing = collect<SubscribingContext>(subscription, 'subscribing');
    const subscribed = collect<SubscribedContext>(subscription, 'subscribed');
    const connecting = collect(client, 'connecting');
    broker.losing = true;
    await publishAll(channel, [1, 2]);
    broker.losing = false;
    await publishAll(channel, [3]);
    expect(await subscribing.next()).toMatchObject({ code: 2500 });
    expect(await subscribed.next()).toMatchObject({ wasRecovering: true, recovered: true });
    expect(values(flavour, await publications.take(3))).toEqual([1, 2, 3]);
    expect(connecting.all).toEqual([]);
  });

  test('a gap in a server-side subscription: 3010, recovered on the next connection', async () => {
    const [user, channel] = [newUser(), newChannel('locked')];
    const client = newClient(flavour, server, { token: jwt({ sub: user, channels: [channel] }) });
    const connecting = collect<ConnectingContext>(client, 'connecting');
    const subscribed = collect<ServerSubscribedContext>(client, 'subscribed');
    const publications = collect<ServerPublicationContext>(client, 'publication');
    client.connect();
    await connecting.next();
    await client.ready(5_000);
    broker.losing = true;
    await publishAll(channel, [1]);
    broker.losing = false;
    await publishAll(channel, [2]);
    expect(await connecting.next()).toMatchObject({ code: 3010 });
    expect(values(flavour, await publications.take(2))).toEqual([1, 2]);
    const mine = subscribed.all.filter((context) => context.channel === channel);
    expect(mine).toMatchObject([{ wasRecovering: false }, { wasRecovering: true, recovered: true }]);
  });

  test('deltas: patches live, full behind a recovery, patches again', async () => {
    const [user, channel] = [newUser(), newChannel('open')];
    const client = await connect(flavour, server, { token: jwt({ sub: user }), minReconnectDelay: 100 });
    const subscription = await subscribe(client, channel, { recoverable: true, delta: 'fossil' });
    const publications = collect<PublicationContext>(subscription, 'publication');
    const subscribed = collect<SubscribedContext>(subscription, 'subscribed');
    const long = (n: number) => ({ n, text: 'the same in all of them ✓ '.repeat(20) });
    await publishAll(channel, [long(1), long(2), long(3)]);
    expect(values(flavour, await publications.take(3))).toEqual([long(1), long(2), long(3)]);
    expect(subscription.deltaStats()).toMatchObject({ numFullPayloads: 1, numDeltaPayloads: 2 });

    await drop(client, user);
    await publishAll(channel, [long(4), long(5)]);
    expect(await subscribed.next()).toMatchObject({ recovered: true });
    await publishAll(channel, [long(6), long(7)]);
    expect(values(flavour, await publications.take(4))).toEqual([4, 5, 6, 7].map(long));
    expect(subscription.deltaStats().numDeltaPayloads).toBeGreaterThanOrEqual(3);
  });

  test('deltas: payloads are taken as they are written, with line breaks and all', async () => {
    const channel = newChannel('open');
    const client = await connect(flavour, server);
    const publications = collect<PublicationContext>(
      await subscribe(client, channel, { delta: 'fossil' }),
      'publication',
    );
    const written = (n: number): string => JSON.stringify({ n, text: 'é\u2028\\"✓'.repeat(30) }, undefined, '\t \n\r');
    for (const n of [1, 2, 3]) await server.api.publish({ channel, data: new TextEncoder().encode(written(n)) });
    expect(values(flavour, await publications.take(3))).toEqual(
      [1, 2, 3].map((n) => JSON.parse(written(n)) as unknown),
    );
  });

  test('deltas: a signal that history does not keep is no base for who was not there', async () => {
    const [user, channel] = [newUser(), newChannel('open')];
    const kept = { n: 1, text: 'what everybody has '.repeat(20) };
    const [signal, next] = [2, 3].map((n) => ({ n, text: 'something else altogether '.repeat(30) }));
    const watching = await subscribe(await connect(flavour, server), channel, { delta: 'fossil' });
    const watched = collect<PublicationContext>(watching, 'publication');
    const client = await connect(flavour, server, { token: jwt({ sub: user }), minReconnectDelay: 100 });
    const subscription = await subscribe(client, channel, { recoverable: true, delta: 'fossil' });
    const publications = collect<PublicationContext>(subscription, 'publication');
    const subscribed = collect<SubscribedContext>(subscription, 'subscribed');
    await drop(client, user);
    await server.publish(channel, kept);
    await server.publish(channel, signal, { skipHistory: true });
    expect(await subscribed.next()).toMatchObject({ recovered: true });
    await server.publish(channel, next);
    expect(values(flavour, await publications.take(2))).toEqual([kept, next]);
    // Who was there gets a patch against the signal.
    expect(values(flavour, await watched.take(3))).toEqual([kept, signal, next]);
    expect(watching.deltaStats().numDeltaPayloads).toBeGreaterThanOrEqual(1);
    expect(subscription.deltaStats().numDeltaPayloads).toBe(0);
  });
});

describe('another server on the same address, without the history of the first', () => {
  /** What a subscription went through, from its start to the first live publication on the second server. */
  async function throughRestart(flavour: Flavour, end: (server: Engine) => Promise<void>): Promise<unknown> {
    const channel = newChannel('open');
    const first = await startServer();
    const port = portOf(first);
    const client = newClient(flavour, { port });
    const connecting = collect<ConnectingContext>(client, 'connecting');
    const subscription: Subscription = client.newSubscription(channel, { recoverable: true });
    const subscribed = collect<SubscribedContext>(subscription, 'subscribed');
    const publications = collect<PublicationContext>(subscription, 'publication');
    subscription.subscribe();
    client.connect();
    await subscribed.next();
    await first.publish(channel, 'before');
    await publications.next();
    await end(first);
    const second = await startServer({ port });
    try {
      await subscribed.next();
      await second.publish(channel, 'behind');
      await publications.next();
      return {
        why: connecting.all.slice(1, 2).map(({ code }) => code),
        subscribed: subscribed.all.map(({ wasRecovering, recovered }) => ({ wasRecovering, recovered })),
        publications: values(flavour, publications.all),
      };
    } finally {
      client.disconnect();
      await second.stop();
    }
  }

  const expected = {
    why: [3001],
    subscribed: [
      { wasRecovering: false, recovered: false },
      // One reset, said once.
      { wasRecovering: true, recovered: false },
    ],
    publications: ['before', 'behind'],
  };

  test.each(flavours)('$name: it is drained, and takes its clients away with 3001', async (flavour) => {
    const outcome = await throughRestart(flavour, async (first) => {
      await first.drain();
      await first.stop();
    });
    expect(outcome).toEqual(expected);
  });

  test.each(flavours)('$name: it is stopped at once', async (flavour) => {
    expect(await throughRestart(flavour, (first) => first.stop())).toEqual(expected);
  });
});

test('a position that is too old is refused with 112 to who would rather start over by itself', async () => {
  const channel = newChannel('short');
  await publishAll(channel, [1, 2, 3]);
  const { epoch } = await server.api.history({ channel });
  const client = await connect(websocketJson, server);
  let states = 0;
  const subscription = client.newSubscription(channel, {
    recoverable: true,
    minResubscribeDelay: 10,
    // First a position long gone, then the top.
    getState: async () => ({ offset: ++states === 1 ? 0 : 3, epoch }),
  });
  const subscribed = collect<SubscribedContext>(subscription, 'subscribed');
  subscription.subscribe();
  expect(await subscribed.next()).toMatchObject({ recovered: true });
  expect(states).toBe(2);
});
