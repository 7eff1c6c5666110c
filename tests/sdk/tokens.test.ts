/**
 * Tokens with the npm package `centrifuge`: asked for, refused, replaced when they expired, and refreshed while the
 * connection or subscription goes on. What has to wait for an expiry waits for all transports at once.
 */
import type { DisconnectedContext, PublicationContext, UnsubscribedContext } from 'centrifuge';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Engine } from '@tidings/server';
import {
  collect,
  connect,
  flavours,
  fromData,
  jwt,
  newChannel,
  newClient,
  secondsFromNow,
  startServer,
  subscribe,
  toData,
  type Flavour,
} from './support.ts';

/** Whole seconds until the first token of a test expires; tokens count in whole ones. */
const shortLifeSeconds = 2;
const patient = { timeout: 15_000 };

let server: Engine;

beforeAll(async () => {
  server = await startServer();
});

afterAll(() => server.stop());

describe.each(flavours)('$name', (flavour) => {
  test('an invalid token ends it for good', async () => {
    const client = newClient(flavour, server, { token: `${jwt({ sub: '42' })}x` });
    const disconnected = collect<DisconnectedContext>(client, 'disconnected');
    client.connect();
    expect(await disconnected.next()).toMatchObject({ code: 3500, reason: 'invalid token' });
  });

  test('without token, hook or anonymous access there is no way in', async () => {
    const closed = await startServer({ config: { auth: { jwt: { hmacSecret: 'x'.repeat(32) } } } });
    try {
      const client = newClient(flavour, closed);
      const disconnected = collect<DisconnectedContext>(client, 'disconnected');
      client.connect();
      expect(await disconnected.next()).toMatchObject({ code: 3501 });
    } finally {
      await closed.stop();
    }
  });

  test('a subscription token opens its channel and shows its info; none, and an invalid one, do not', async () => {
    const channel = newChannel('locked');
    const client = await connect(flavour, server, { token: jwt({ sub: '42' }) });
    const refused = client.newSubscription(channel);
    const unsubscribed = collect<UnsubscribedContext>(refused, 'unsubscribed');
    refused.subscribe();
    expect(await unsubscribed.next()).toMatchObject({ code: 103 });
    client.removeSubscription(refused);

    const invalid = client.newSubscription(channel, { token: `${jwt({ sub: '42', channel })}x` });
    const refusedToo = collect<UnsubscribedContext>(invalid, 'unsubscribed');
    invalid.subscribe();
    expect(await refusedToo.next()).toMatchObject({ code: 103 });
    client.removeSubscription(invalid);

    await subscribe(client, channel, { getToken: async () => jwt({ sub: '42', channel, info: 'guest' }) });
    const { presence } = await server.api.presence({ channel });
    expect(Object.values(presence).map(({ chan_info: info }) => new TextDecoder().decode(info))).toEqual(['"guest"']);
  });

  test.each([
    ['channel', (channel: string) => ({ sub: '42', channel: `${channel}0` })],
    ['user', (channel: string) => ({ sub: '43', channel })],
    ['client', (channel: string) => ({ sub: '42', channel, client: 'somebody else' })],
  ])('a subscription token of another %s closes the connection', async (_, claims) => {
    const channel = newChannel('locked');
    const client = await connect(flavour, server, { token: jwt({ sub: '42' }) });
    const disconnected = collect<DisconnectedContext>(client, 'disconnected');
    client.newSubscription(channel, { token: jwt(claims(channel)) }).subscribe();
    expect(await disconnected.next()).toMatchObject({ code: 3500 });
  });
});

/** Who published and through which permission, as others see it, once both tokens were refreshed. */
async function infosAfterRefresh(flavour: Flavour): Promise<unknown> {
  const channel = newChannel('open');
  let connectionTokens = 0;
  let subscriptionTokens = 0;
  const client = await connect(flavour, server, {
    // Expired: the server says so (109), and the SDK asks for another.
    token: jwt({ sub: '42', exp: secondsFromNow(-10) }),
    getToken: async () => {
      const life = ++connectionTokens === 1 ? shortLifeSeconds : 3_600;
      return jwt({ sub: '42', exp: secondsFromNow(life), info: connectionTokens });
    },
  });
  const interrupted = collect(client, 'connecting');
  const subscription = await subscribe(client, channel, {
    getToken: async () => {
      const life = ++subscriptionTokens === 1 ? shortLifeSeconds : 3_600;
      return jwt({ sub: '42', channel, exp: secondsFromNow(life), info: subscriptionTokens });
    },
  });
  const ended = collect(subscription, 'unsubscribed');
  const publications = collect<PublicationContext>(subscription, 'publication');
  let seen: unknown;
  await expect
    .poll(async () => {
      await subscription.publish(toData(flavour, 'who am I'));
      const { info } = await publications.next();
      seen = [fromData(flavour, info?.connInfo), fromData(flavour, info?.chanInfo)];
      return seen;
    }, patient)
    .toEqual([2, 2]);
  return { seen, connectionTokens, subscriptionTokens, interrupted: interrupted.all, ended: ended.all };
}

test('tokens are refreshed while connection and subscription go on, over every transport', async () => {
  const outcomes = await Promise.all(
    flavours.map(async (flavour) => ({ name: flavour.name, outcome: await infosAfterRefresh(flavour) })),
  );
  const expected = { seen: [2, 2], connectionTokens: 2, subscriptionTokens: 2, interrupted: [], ended: [] };
  expect(outcomes).toEqual(flavours.map(({ name }) => ({ name, outcome: expected })));
});
