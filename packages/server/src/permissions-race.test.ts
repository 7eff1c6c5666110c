import { describe, expect, test } from 'vitest';
import { MemoryBroker } from './brokers/memory.ts';
import type { ConfigInput } from './config/schema.ts';
import { FakeClock, settle } from './lib/clock.ts';
import { createLogger } from './lib/logger.ts';
import { MemoryPresenceStore } from './presence/memory.ts';
import { codeOf, publications, pushes, subscribe, token, values, WatchedBroker } from './testing/engine-fixture.ts';
import { createRulesEngine, rulesConfig } from './testing/rules-fixture.ts';

const member = 'member(gid, auth.uid)';
const groups = {
  'group:{gid}': { allow: { subscribe: member, publish: member, history: member, presence: member } },
} satisfies ConfigInput['channels'];

describe('a change while a subscribe is under way', () => {
  test('before the result: 103, and nothing is left', async () => {
    const clock = new FakeClock();
    const logger = createLogger('silent');
    const broker = new WatchedBroker(new MemoryBroker({ clock, logger }));
    await using node = await createRulesEngine(
      { 'group:{gid}': { ...groups['group:{gid}'], history: { size: 10 }, recovery: 'always', presence: true } },
      { broker, clock },
    );
    await node.join('g1', 'u1');
    const u1 = await node.as('u1');
    broker.beforeRead = () => node.leave('g1', 'u1');
    expect(await codeOf(u1.request({ subscribe: { channel: 'group:g1' } }))).toBe(103);
    expect(await pushes(u1)).toEqual([]);
    expect((await node.engine.api.info()).nodes[0]?.subscriptions).toBe(0);
    expect(await node.engine.api.presence({ channel: 'group:g1' })).toEqual({ presence: {} });
    expect([...broker.wanted]).toEqual([]);
  });

  test('at any moment: the client is refused, or told that it lost the permission', async () => {
    const outcomes = new Set<string>();
    for (let steps = 0; steps < 60; steps++) {
      let allowed = true;
      await using node = await createRulesEngine(
        {
          'room:{id}': {
            allow: { subscribe: 'may(auth.uid)' },
            presence: true,
            history: { size: 5 },
            positioning: 'always',
          },
        },
        {
          rules: { relations: { may: { parameters: { uid: 'string' }, from: 'function' } } },
          relations: { may: () => allowed },
        },
      );
      const u1 = await node.as('u1');
      const reply = u1.request({ subscribe: { channel: 'room:1' } });
      for (let i = 0; i < steps; i++) await Promise.resolve();
      allowed = false;
      await node.engine.relations.invalidate('may', ['u1']);
      for (let turns = 0; turns < 5; turns++) await settle();
      await node.engine.publish('room:1', 'a secret');
      const { error } = await reply;
      const got = await pushes(u1);
      expect(got.some(({ pub }) => pub)).toBe(false);
      const outcome = error ? `${error.code}` : got.map(({ unsubscribe }) => unsubscribe?.code).join();
      outcomes.add(outcome);
      expect(['103', '2001'], `after ${steps} steps`).toContain(outcome);
      expect((await node.engine.api.info()).nodes[0]?.subscriptions).toBe(0);
      expect(await node.engine.api.presence({ channel: 'room:1' })).toEqual({ presence: {} });
    }
    expect([...outcomes].toSorted()).toEqual(['103', '2001']);
  });

  test('at any moment, by other claims: also when the result is on its way already', async () => {
    await using node = await createRulesEngine(
      { staff: { allow: { subscribe: 'auth.role == "staff"' } } },
      { rules: { auth: { role: 'string' } } },
    );
    const outcomes: string[] = [];
    for (let steps = 0; steps < 40; steps++) {
      const u1 = await node.as('u1', { role: 'staff' });
      const reply = u1.request({ subscribe: { channel: 'staff' } });
      for (let i = 0; i < steps; i++) await Promise.resolve();
      expect((await u1.request({ refresh: { token: token({ sub: 'u1', role: 'guest' }) } })).error).toBeUndefined();
      const { error } = await reply;
      await node.engine.publish('staff', 'a secret');
      const got = await pushes(u1);
      expect(got.some(({ pub }) => pub)).toBe(false);
      outcomes.push(error ? `${error.code}` : got.map(({ unsubscribe }) => unsubscribe?.code).join());
    }
    expect(
      outcomes.every((outcome) => outcome === '103' || outcome === '2001'),
      outcomes.join(),
    ).toBe(true);
    expect(new Set(outcomes).size).toBe(2);
    expect((await node.engine.api.info()).nodes[0]?.subscriptions).toBe(0);
  });

  test('while a function is asked for something else', async () => {
    const asked = Promise.withResolvers<void>();
    const answer = Promise.withResolvers<boolean>();
    await using node = await createRulesEngine(
      { 'group:{gid}': { allow: { subscribe: member, receive: 'may(auth.uid)' } } },
      {
        rules: { relations: { may: { parameters: { uid: 'string' }, from: 'function' } } },
        relations: {
          may: () => {
            asked.resolve();
            return answer.promise;
          },
        },
      },
    );
    await node.join('g1', 'u1');
    const u1 = await node.as('u1');
    const reply = u1.request({ subscribe: { channel: 'group:g1' } });
    await asked.promise;
    await node.leave('g1', 'u1');
    answer.resolve(true);
    expect(await codeOf(reply)).toBe(103);
    expect((await node.engine.api.info()).nodes[0]?.subscriptions).toBe(0);
  });

  test('who is hidden meanwhile is not shown, and who is shown meanwhile is', async () => {
    const clock = new FakeClock();
    const broker = new WatchedBroker(new MemoryBroker({ clock, logger: createLogger('silent') }));
    await using node = await createRulesEngine(
      {
        room: {
          allow: { subscribe: 'anyone', announce: '!member("hidden", auth.uid)' },
          presence: true,
          history: { size: 5 },
          positioning: 'always',
        },
      },
      { broker, clock },
    );
    const users = async () =>
      Object.values((await node.engine.api.presence({ channel: 'room' })).presence).map(({ user }) => user);
    const u1 = await node.as('u1');
    broker.beforeRead = () => node.join('hidden', 'u1');
    await subscribe(u1, 'room');
    expect(await users()).toEqual([]);
    const other = await node.as('u1');
    broker.beforeRead = () => node.leave('hidden', 'u1');
    await subscribe(other, 'room');
    expect(await users()).toEqual(['u1', 'u1']);
  });

  test('rules that come with a new configuration while somebody connects hold for what the server subscribes to', async () => {
    const clock = new FakeClock();
    const broker = new WatchedBroker(new MemoryBroker({ clock, logger: createLogger('silent') }));
    const room = { history: { size: 5 }, positioning: 'always' } as const;
    await using node = await createRulesEngine({ room }, { broker, clock });
    broker.beforeRead = async () => {
      broker.beforeRead = undefined;
      await node.engine.reload(rulesConfig({ room: { ...room, allow: { receive: 'data == auth.uid' } } }));
    };
    const u1 = await node.as('u1', { channels: ['room'] });
    await node.engine.publish('room', 'u2');
    await node.engine.publish('room', 'u1');
    expect(values(await publications(u1))).toEqual(['u1']);
  });
});

describe('a permission that goes while something is read', () => {
  /** A group whose members may see it, and a broker on which something can happen before it is read. */
  const group = {
    'group:{gid}': {
      allow: { subscribe: 'anyone', history: member, presence: member },
      history: { size: 5 },
      presence: true,
    },
    'inbox:{gid}': { allow: { history: 'anyone', receive: member }, history: { size: 5 } },
  } as const;
  async function watched(options: { presence?: MemoryPresenceStore; clock?: FakeClock } = {}) {
    const { clock = new FakeClock() } = options;
    const broker = new WatchedBroker(new MemoryBroker({ clock, logger: createLogger('silent') }));
    const node = await createRulesEngine(group, { ...options, broker, clock });
    await node.join('g1', 'u1');
    return { node, broker };
  }

  test.each([
    ['group:g1', 103],
    ['inbox:g1', undefined],
  ])('history of %s: what came after is not given', async (channel, code) => {
    const { node, broker } = await watched();
    await using _node = node;
    const u1 = await node.as('u1');
    await node.engine.publish(channel, 'before');
    const read = () => u1.request({ history: { channel, limit: 5 } });
    expect(values((await read()).history?.publications)).toEqual(['before']);
    broker.beforeRead = async () => {
      broker.beforeRead = undefined;
      await node.leave('g1', 'u1');
      await node.engine.publish(channel, 'secret');
    };
    const reply = await read();
    expect([reply.error?.code, values(reply.history?.publications)]).toEqual([code, []]);
  });

  test('presence: who came after is not shown', async () => {
    const clock = new FakeClock();
    let beforeRead = async (): Promise<void> => {};
    class SlowPresence extends MemoryPresenceStore {
      override async list(channel: string): ReturnType<MemoryPresenceStore['list']> {
        await beforeRead();
        return super.list(channel);
      }
      override async stats(channel: string): ReturnType<MemoryPresenceStore['stats']> {
        await beforeRead();
        return super.stats(channel);
      }
    }
    const { node } = await watched({ clock, presence: new SlowPresence({ clock }) });
    await using _node = node;
    const u1 = await node.as('u1');
    const u2 = await node.as('u2');
    for (const command of ['presence', 'presence_stats'] as const) {
      await node.join('g1', 'u1');
      beforeRead = async () => {
        await node.leave('g1', 'u1');
        if (command === 'presence') await subscribe(u2, 'group:g1');
      };
      expect(await codeOf(u1.request({ [command]: { channel: 'group:g1' } }))).toBe(103);
    }
  });

  test('who is hidden while a subscription fails stands in no presence', async () => {
    const clock = new FakeClock();
    const broker = new WatchedBroker(new MemoryBroker({ clock, logger: createLogger('silent') }));
    await using node = await createRulesEngine(
      {
        room: {
          allow: { subscribe: 'anyone', announce: '!member("hidden", auth.uid)' },
          presence: true,
          history: { size: 5 },
          recovery: 'on-request',
        },
      },
      { broker, clock },
    );
    const u1 = await node.as('u1');
    broker.beforeRead = () => node.join('hidden', 'u1');
    const lost = { channel: 'room', recoverable: true, recover: true, offset: 99, epoch: 'other', flag: 2 };
    expect(await codeOf(u1.request({ subscribe: lost }))).toBe(112);
    await settle();
    expect(await node.engine.api.presence({ channel: 'room' })).toEqual({ presence: {} });
  });
});
