import { formats } from '@tidings/protocol';
import { describe, expect, test } from 'vitest';
import type { ConfigInput } from './config/schema.ts';
import { settle } from './lib/clock.ts';
import {
  createTestNodes,
  json,
  jwt,
  open,
  publications,
  pushes,
  recoverable,
  startSeconds,
  subscribe,
  taken,
  text,
  token,
  values,
  type TestNode,
} from './testing/engine-fixture.ts';
import { createTestEngine } from './testing.ts';

const channels: NonNullable<ConfigInput['channels']> = {
  'room:{id}': { ...open, presence: true },
  'stream:{id}': recoverable,
  'joined:{id}': { ...open, joinLeave: 'on-request' },
};
const config = { mode: 'production', auth: { anonymous: true, jwt }, channels } satisfies ConfigInput;
const as = (sub: string) => ({ token: token({ sub }) });

async function stopAll(nodes: readonly TestNode[]): Promise<void> {
  for (const node of nodes) await node.engine.stop();
}

for (const count of [1, 2, 3]) {
  describe(`over ${count} node(s)`, () => {
    const start = async () => {
      const nodes = await createTestNodes(count, { config });
      const [here] = nodes as [TestNode];
      const there = nodes.at(-1) as TestNode;
      return { nodes, here, there };
    };

    test('publish and broadcast reach subscribers of every node', async () => {
      const { nodes, here } = await start();
      const clients = await Promise.all(nodes.map((node) => node.connect()));
      for (const client of clients) await subscribe(client, 'room:1');
      await here.engine.publish('room:1', 1);
      const { responses } = await here.engine.api.broadcast({
        channels: ['room:1', 'nowhere', 'stream:1'],
        data: json(2),
      });
      expect(responses).toEqual([
        { result: {} },
        { error: { code: 102, message: expect.stringContaining('nowhere') } },
        { result: { offset: 1, epoch: expect.any(String) } },
      ]);
      for (const client of clients) expect(values(await publications(client))).toEqual([1, 2]);
      await stopAll(nodes);
    });

    test('disconnect: all of a user, one client, but not those on the whitelist', async () => {
      const { nodes, here, there } = await start();
      const first = await here.connect(as('42'));
      const second = await there.connect(as('42'));
      const third = there.dial();
      const { connect } = await third.request({ connect: as('42') });
      const other = await there.connect(as('43'));
      await here.engine.api.disconnect({ user: '42', whitelist: [connect?.client ?? ''] });
      await settle();
      expect([first, second].map(({ closeReason }) => closeReason?.code)).toEqual([3503, 3503]);
      expect(third.closeReason).toBeUndefined();
      await here.engine.api.disconnect({ client: connect?.client, disconnect: { code: 4100, reason: 'moved' } });
      await settle();
      expect(third.closeReason).toEqual({ code: 4100, reason: 'moved' });
      expect(other.closeReason).toBeUndefined();
      // Who is not there is no error; a client of another user is not meant.
      await here.engine.api.disconnect({ user: 'nobody' });
      await here.engine.api.disconnect({ user: '43', client: 'unknown' });
      expect(other.closeReason).toBeUndefined();
      await stopAll(nodes);
    });

    test('subscribe: every connection of a user, with a push, then what is published', async () => {
      const { nodes, here, there } = await start();
      const clients = [await here.connect(as('42')), await there.connect(as('42'))];
      const other = await there.connect(as('43'));
      await here.engine.publish('stream:1', 'before');
      await here.engine.api.subscribe({
        user: '42',
        channel: 'stream:1',
        data: json({ a: 1 }),
        info: json({ seat: 1 }),
      });
      await here.engine.publish('stream:1', 'after');
      for (const client of clients) {
        const [first, second] = await pushes(client);
        expect(first).toEqual({
          channel: 'stream:1',
          subscribe: {
            recoverable: true,
            positioned: true,
            epoch: expect.any(String),
            offset: 1,
            data: json({ a: 1 }),
          },
        });
        expect(second?.pub).toEqual({ data: json('after'), offset: 2 });
      }
      expect(await pushes(other)).toEqual([]);
      // Once more changes nothing.
      await here.engine.api.subscribe({ user: '42', channel: 'stream:1' });
      for (const client of clients) expect(await pushes(client)).toEqual([]);
      await stopAll(nodes);
    });

    test('subscribe with a position gives what was missed', async () => {
      const { nodes, here, there } = await start();
      const client = await there.connect(as('42'));
      for (let i = 1; i <= 3; i++) await here.engine.publish('stream:1', i);
      const { epoch } = await here.engine.api.history({ channel: 'stream:1' });
      await here.engine.api.subscribe({ user: '42', channel: 'stream:1', recoverSince: { offset: 1, epoch } });
      const [first, ...rest] = await pushes(client);
      expect(first?.subscribe).toMatchObject({ epoch, offset: 1 });
      expect(values(rest.map(({ pub }) => pub))).toEqual([2, 3]);
      await stopAll(nodes);
    });

    test('unsubscribe: from every connection of a user', async () => {
      const { nodes, here, there } = await start();
      const clients = [await here.connect(as('42')), await there.connect(as('42'))];
      for (const client of clients) await subscribe(client, 'room:1');
      await here.engine.api.unsubscribe({ user: '42', channel: 'room:1' });
      await here.engine.publish('room:1', 1);
      for (const client of clients) {
        expect(await pushes(client)).toEqual([
          { channel: 'room:1', unsubscribe: { code: 2000, reason: 'server unsubscribe' } },
        ]);
      }
      expect(await here.engine.api.presenceStats({ channel: 'room:1' })).toEqual({ clients: 0, users: 0 });
      await stopAll(nodes);
    });

    test('refresh: every connection of a user', async () => {
      const { nodes, here, there } = await start();
      const clients = [await here.connect(as('42')), await there.connect(as('42'))];
      await here.engine.api.refresh({ user: '42', expireAt: startSeconds + 100, info: json({ v: 2 }) });
      for (const client of clients) {
        expect(await pushes(client)).toEqual([{ refresh: { expires: true, ttl: 100 } }]);
        await subscribe(client, 'room:1');
      }
      const { presence } = await here.engine.api.presence({ channel: 'room:1' });
      expect(Object.values(presence).map(({ conn_info }) => text(conn_info))).toEqual(['{"v":2}', '{"v":2}']);
      await here.engine.api.refresh({ user: '42', expired: true });
      await settle();
      expect(clients.map(({ closeReason }) => closeReason?.code)).toEqual([3005, 3005]);
      await stopAll(nodes);
    });

    test('channels and info are of all nodes', async () => {
      const { nodes, here } = await start();
      for (const [i, node] of nodes.entries()) {
        const client = await node.connect(as('42'));
        await subscribe(client, 'room:1');
        await subscribe(client, `stream:${i}`);
      }
      const all = await here.engine.api.channels({});
      expect(all.channels['room:1']).toEqual({ clients: count });
      expect(Object.keys(all.channels)).toHaveLength(count + 1);
      const matching = async (pattern: string) =>
        Object.keys((await here.engine.api.channels({ pattern })).channels).toSorted();
      expect(await matching('stream:*')).toEqual(nodes.map((_, i) => `stream:${i}`));
      expect(await matching('*:?')).toHaveLength(count + 1);
      expect(await matching('r*m:1')).toEqual(['room:1']);
      expect(await matching('room')).toEqual([]);
      await here.clock.advance(10_000);
      const info = await here.engine.api.info();
      expect(info.nodes.map(({ id }) => id).toSorted()).toEqual(nodes.map((_, i) => `node-${i}`));
      for (const node of info.nodes) {
        expect(node).toMatchObject({ clients: 1, users: 1, subscriptions: 2, channels: 2 });
        expect(node.uptimeSeconds).toBeGreaterThanOrEqual(6);
      }
      await stopAll(nodes);
    });

    test('errors of any node are the answer', async () => {
      const { nodes, here, there } = await start();
      await there.connect(as('42'));
      const { api } = here.engine;
      await expect(api.subscribe({ user: '42', channel: 'nowhere' })).rejects.toMatchObject({ code: 102 });
      await expect(api.subscribe({ user: '42', channel: 'room:1', expireAt: startSeconds })).rejects.toMatchObject({
        code: 110,
      });
      await expect(api.subscribe({ user: '42', channel: 'room:1', info: new Uint8Array([1]) })).rejects.toMatchObject({
        code: 107,
      });
      await stopAll(nodes);
    });
  });
}

describe('subscribe', () => {
  test('beyond the limit closes with 3505, and is error 106', async () => {
    await using node = await createTestEngine({ config: { ...config, limits: { subscriptionsPerConnection: 1 } } });
    const client = await node.connect(as('42'));
    await subscribe(client, 'room:1');
    await expect(node.engine.api.subscribe({ user: '42', channel: 'room:2' })).rejects.toMatchObject({ code: 106 });
    expect(client.closeReason?.code).toBe(3505);
  });

  test('what the client has asked for already stays its own', async () => {
    await using node = await createTestEngine({ config });
    const client = await node.connect(as('42'));
    await subscribe(client, 'room:1');
    await node.engine.api.subscribe({ user: '42', channel: 'room:1' });
    expect(await pushes(client)).toEqual([]);
  });

  test('override: join and leave by either name', async () => {
    await using node = await createTestEngine({ config });
    const client = await node.connect(as('42'));
    await node.engine.api.subscribe({ user: '42', channel: 'joined:1', override: { joinLeave: false } });
    await node.engine.api.subscribe({ user: '42', channel: 'joined:2', override: { pushJoinLeave: false } });
    await node.engine.api.subscribe({ user: '42', channel: 'joined:3' });
    const joins = (await taken(client)).flatMap(({ push }) => (push?.join ? [push.channel] : []));
    expect(joins).toEqual(['joined:3']);
  });

  test('a subscription that expires closes the connection with 3006, unless the hook says otherwise', async () => {
    await using node = await createTestEngine({ config });
    const client = await node.connect(as('42'));
    await node.engine.api.subscribe({ user: '42', channel: 'room:1', expireAt: startSeconds + 10 });
    await node.clock.advance(11_000);
    expect(client.closeReason?.code).toBe(3006);
  });

  test('a unidirectional client is subscribed, too', async () => {
    await using node = await createTestEngine({ config });
    const client = await node.connect({ ...as('42'), format: formats.uniSse });
    await node.engine.api.subscribe({ user: '42', channel: 'room:1' });
    await node.engine.publish('room:1', 1);
    const [first, second] = await pushes(client);
    expect(first).toEqual({ channel: 'room:1', subscribe: {} });
    expect(second?.pub?.data).toEqual(json(1));
  });
});

describe('rpc', () => {
  test('is answered by the application, or 104', async () => {
    await using without = await createTestEngine({ config });
    await expect(without.engine.api.rpc({ method: 'm' })).rejects.toMatchObject({ code: 104 });
    await using node = await createTestEngine({ config, onApiRpc: async ({ method }) => ({ data: json(method) }) });
    expect(await node.engine.api.rpc({ method: 'm' })).toEqual({ data: json('m') });
  });
});

test('a node that died holds a call up for five seconds; then it and its clients count no more', async () => {
  const [alive, dead] = (await createTestNodes(2, { config })) as [TestNode, TestNode];
  const client = await alive.connect(as('42'));
  await subscribe(await dead.connect(as('42')), 'room:1');
  // Nothing of it is heard any more, and nothing reaches it.
  await dead.broker.stop();
  let done = false;
  const outcome = alive.engine.api.disconnect({ user: '42' }).then(() => (done = true));
  await settle();
  // Those who can be reached are.
  expect(client.closeReason?.code).toBe(3503);
  await alive.clock.advance(4_900);
  expect(done).toBe(false);
  await alive.clock.advance(200);
  await outcome;
  expect((await alive.engine.api.info()).nodes.map(({ id }) => id)).toEqual(['node-0']);
  expect(await alive.engine.api.channels({})).toEqual({ channels: {} });
  await alive.engine.stop();
});
