import { errors } from '@tidings/protocol';
import { describe, expect, test, vi } from 'vitest';
import { MemoryBroker, MemoryBus } from './brokers/memory.ts';
import type { ConfigInput } from './config/schema.ts';
import { FakeClock, settle } from './lib/clock.ts';
import { createLogger } from './lib/logger.ts';
import { MemoryPresenceStore } from './presence/memory.ts';
import { ReceiveFilters } from './rules/receive-filters.ts';
import {
  codeOf,
  json,
  publications,
  pushes,
  startSeconds,
  subscribe,
  token,
  values,
} from './testing/engine-fixture.ts';
import { createRulesEngine, rulesConfig } from './testing/rules-fixture.ts';
import type { MemoryClient } from './transports/memory.ts';

const member = 'member(gid, auth.uid)';
const groups = {
  'group:{gid}': { allow: { subscribe: member, publish: member, history: member, presence: member } },
  open: { allow: { subscribe: 'anyone' } },
} satisfies ConfigInput['channels'];

/** Codes of the unsubscribe pushes a client was sent. */
async function endings(client: MemoryClient): Promise<(number | undefined)[]> {
  return (await pushes(client)).flatMap(({ unsubscribe }) => (unsubscribe ? [unsubscribe.code] : []));
}

describe('a rule', () => {
  test('decides on every action, and the client learns nothing but 103', async () => {
    await using node = await createRulesEngine({
      'group:{gid}': {
        allow: { subscribe: member, publish: member, history: member, presence: member },
        history: { size: 10 },
        presence: true,
      },
    });
    await node.join('g1', 'u1');
    const u1 = await node.as('u1');
    const u2 = await node.as('u2', {}, 'protobuf');
    const channel = 'group:g1';
    const commands = [
      { subscribe: { channel } },
      { publish: { channel, data: json(1) } },
      { history: { channel } },
      { presence: { channel } },
      { presence_stats: { channel } },
    ];
    for (const command of commands) {
      expect((await u1.request(command)).error).toBeUndefined();
      expect((await u2.request(command)).error).toEqual({ code: 103, message: errors.permissionDenied.message });
    }
    expect(node.engine.metrics.channelDenials.rows.get('group:{gid}')).toEqual(
      new Map([
        ['subscribe', 1],
        ['publish', 1],
        ['history', 1],
        ['presence', 2],
      ]),
    );
  });

  test('a denial is a line that names the rule and what was false; too many are not explained', async () => {
    const lines: { detail?: string }[] = [];
    const logger = createLogger('info', { write: (line: string) => void lines.push(JSON.parse(line) as object) });
    await using node = await createRulesEngine(groups, { logger });
    for (let i = 0; i < 15; i++) {
      const client = await node.as(`u${i}`);
      expect(await codeOf(client.request({ subscribe: { channel: 'group:g1' } }))).toBe(103);
    }
    const details = lines.flatMap(({ detail }) => (detail?.startsWith('rule ') ? [detail] : []));
    expect(details).toHaveLength(15);
    expect(details[0]).toContain('allow.subscribe');
    expect(details[0]).toContain('member');
    expect(details[0]).toContain('u0');
    expect(details.slice(10).every((detail) => !detail.includes('member('))).toBe(true);
  });

  test('one that fails denies, is counted, and hinders nobody', async () => {
    await using node = await createRulesEngine(
      { 'room:{id}': { allow: { subscribe: 'auth.age > 17' } } },
      { rules: { auth: { age: 'int' } } },
    );
    const channel = 'room:1';
    for (const claims of [{}, { age: '18' }, { age: null }, { age: [18] }, { age: { valueOf: 18 } }, { age: 18.5 }]) {
      const client = await node.as('u1', claims);
      expect(await codeOf(client.request({ subscribe: { channel } })), JSON.stringify(claims)).toBe(103);
    }
    expect(await codeOf((await node.as('u1', { age: 18 })).request({ subscribe: { channel } }))).toBeUndefined();
    expect(await codeOf((await node.as('u1', { age: 17 })).request({ subscribe: { channel } }))).toBe(103);
    expect(
      await codeOf((await node.as('u1', { meta: { age: 18 } })).request({ subscribe: { channel } })),
    ).toBeUndefined();
    expect(node.engine.metrics.ruleErrors.rows.get('room:{id}')?.get('subscribe')).toBe(6);
  });

  test('claims of the wrong type are one line at connect, without their values', async () => {
    const lines: { msg?: string; problems?: string[] }[] = [];
    const logger = createLogger('info', { write: (line: string) => void lines.push(JSON.parse(line) as object) });
    await using node = await createRulesEngine(
      { 'room:{id}': { allow: { subscribe: 'auth.age > 17' } } },
      { logger, rules: { auth: { age: 'int' } } },
    );
    const client = await node.as('u1', { age: 'a secret' });
    await client.request({ subscribe: { channel: 'room:1' } });
    await client.request({ subscribe: { channel: 'room:2' } });
    const about = lines.filter(({ problems }) => problems);
    expect(about).toHaveLength(1);
    expect(about[0]?.problems?.[0]).toContain('age');
    expect(JSON.stringify(lines)).not.toContain('a secret');
  });

  test('a token, a hook and the server grant above it', async () => {
    await using node = await createRulesEngine(
      {
        'group:{gid}': { ...groups['group:{gid}'] },
        'ask:{gid}': { ...groups['group:{gid}'], hooks: { subscribe: true } },
      },
      { hooks: { subscribe: async () => ({}) } },
    );
    const u1 = await node.as('u1');
    await subscribe(u1, 'group:g1', { token: token({ sub: 'u1', channel: 'group:g1' }) });
    await subscribe(u1, 'ask:g1');
    await node.engine.api.subscribe({ user: 'u1', channel: 'group:g2' });
    await node.join('g1', 'u1');
    await node.leave('g1', 'u1');
    expect(await endings(u1)).toEqual([]);
    expect((await node.engine.api.info()).nodes[0]?.subscriptions).toBe(3);
  });
});

describe('when a fact changes', () => {
  test.each(['json', 'protobuf'] as const)(
    'subscriptions that rest on it end at once, and no others (%s)',
    async (codec) => {
      await using node = await createRulesEngine(groups);
      for (const fact of [
        ['g1', 'u1'],
        ['g1', 'u2'],
        ['g2', 'u1'],
      ])
        await node.join(...fact);
      const u1 = await node.as('u1', {}, codec);
      const u2 = await node.as('u2', {}, codec);
      for (const channel of ['group:g1', 'group:g2', 'open']) await subscribe(u1, channel);
      await subscribe(u2, 'group:g1');
      await node.leave('g1', 'u1');
      await node.engine.publish('group:g1', 1);
      await node.engine.publish('group:g2', 2);
      const got = await pushes(u1);
      expect(got[0]).toEqual({ channel: 'group:g1', unsubscribe: { code: 2001, reason: 'permission lost' } });
      expect(values(got.flatMap(({ pub }) => pub ?? []))).toEqual([2]);
      expect(values(await publications(u2))).toEqual([1]);
      expect(u1.closeReason).toBeUndefined();
      expect(node.engine.metrics.ruleEndings).toBe(1);
      expect(await codeOf(u1.request({ publish: { channel: 'group:g1', data: json(1) } }))).toBe(103);
      // And back in.
      await node.join('g1', 'u1');
      await subscribe(u1, 'group:g1');
      expect(await codeOf(u1.request({ publish: { channel: 'group:g1', data: json(1) } }))).toBeUndefined();
    },
  );

  test('a subscription that has ended is not asked about', async () => {
    await using node = await createRulesEngine(groups);
    await node.join('g1', 'u1');
    const u1 = await node.as('u1');
    await subscribe(u1, 'group:g1');
    await u1.request({ unsubscribe: { channel: 'group:g1' } });
    await node.leave('g1', 'u1');
    expect(node.engine.metrics.ruleReevaluations).toBe(0);
  });

  test('many are asked about in slices, and all of them end', async () => {
    await using node = await createRulesEngine({
      'group:{gid}': { allow: { subscribe: 'member(gid, "all")' } },
    });
    await node.join('g1', 'all');
    const clients = await Promise.all(Array.from({ length: 1_200 }, (_, i) => node.as(`u${i}`)));
    await Promise.all(clients.map((client) => subscribe(client, 'group:g1')));
    const left = new Promise<number>((resolve) => {
      const asked = node.leave('g1', 'all').then(() => node.engine.metrics.ruleReevaluations);
      void asked.then(resolve);
    });
    expect(await left).toBeLessThan(1_200);
    for (let turns = 0; turns < 5; turns++) await settle();
    expect(node.engine.metrics.ruleEndings).toBe(1_200);
    expect((await node.engine.api.info()).nodes[0]?.subscriptions).toBe(0);
  });
});

describe('relations from functions', () => {
  const rules = {
    relations: { friend: { parameters: { a: 'string', b: 'string' }, from: 'function', cacheTtl: '30s' } },
  } as const;
  const channels = { 'wall:{uid}': { allow: { subscribe: 'friend(uid, auth.uid)' } } };

  test('are waited for, then remembered', async () => {
    const asked: string[] = [];
    await using node = await createRulesEngine(channels, {
      rules,
      relations: {
        friend: async (a, b) => {
          asked.push(`${a} ${b}`);
          await settle();
          return b === 'u1';
        },
      },
    });
    const u1 = await node.as('u1');
    const u2 = await node.as('u2');
    await subscribe(u1, 'wall:ann');
    expect(await codeOf(u2.request({ subscribe: { channel: 'wall:ann' } }))).toBe(103);
    expect(await codeOf(u2.request({ subscribe: { channel: 'wall:ann' } }))).toBe(103);
    expect(asked).toEqual(['ann u1', 'ann u2']);
  });

  test('one that throws grants nothing, and is no denial', async () => {
    await using node = await createRulesEngine(channels, {
      rules,
      relations: {
        friend: () => {
          throw new Error('down');
        },
      },
    });
    expect(await codeOf((await node.as('u1')).request({ subscribe: { channel: 'wall:ann' } }))).toBe(100);
  });

  test('an answer that has become another ends subscriptions: when told, or when its time is over', async () => {
    const friends = new Set(['u1', 'u2']);
    await using node = await createRulesEngine(channels, {
      rules,
      relations: { friend: (_a, b) => friends.has(String(b)) },
    });
    const u1 = await node.as('u1');
    const u2 = await node.as('u2');
    await subscribe(u1, 'wall:ann');
    await subscribe(u2, 'wall:ann');
    friends.clear();
    await node.engine.relations.invalidate('friend', ['ann', 'u1']);
    await settle();
    expect(await endings(u1)).toEqual([2001]);
    expect(await endings(u2)).toEqual([]);
    await node.clock.advance(70_000);
    expect(await endings(u2)).toEqual([2001]);
  });
});

test('a message that names thousands of facts keeps nobody else from an answer', async () => {
  const waiting = Promise.withResolvers<boolean>();
  let asked = 0;
  await using node = await createRulesEngine(
    {
      room: { allow: { publish: 'data.all(id, friend(id, auth.uid))' } },
      'wall:{uid}': { allow: { subscribe: 'friend(uid, auth.uid)' } },
    },
    {
      rules: { relations: { friend: { parameters: { a: 'string', b: 'string' }, from: 'function' } } },
      relations: {
        friend: (a) => {
          asked++;
          return a === 'ann' ? true : waiting.promise;
        },
      },
    },
  );
  const ids = Array.from({ length: 5_000 }, (_, i) => `id${i}`);
  const mallory = await node.as('mallory');
  const published = codeOf(mallory.request({ publish: { channel: 'room', data: json(ids) } }));
  await settle();
  await subscribe(await node.as('u1'), 'wall:ann');
  waiting.resolve(true);
  // That was too much to ask for at once; nobody said that it is not allowed.
  expect(await published).toBe(100);
  expect(asked).toBeLessThan(1_000);
});

describe('what else changes', () => {
  test('time: a rule over now ends its subscriptions when it no longer holds', async () => {
    await using node = await createRulesEngine({
      sale: { allow: { subscribe: `now < timestamp("${new Date((startSeconds + 60) * 1000).toISOString()}")` } },
    });
    const u1 = await node.as('u1');
    await subscribe(u1, 'sale');
    await node.clock.advance(50_000);
    expect(await endings(u1)).toEqual([]);
    await node.clock.advance(15_000);
    expect(await endings(u1)).toEqual([2001]);
    expect(await codeOf(u1.request({ subscribe: { channel: 'sale' } }))).toBe(103);
  });

  test('claims, by a fresh token', async () => {
    await using node = await createRulesEngine(
      { staff: { allow: { subscribe: 'auth.role == "staff"' } }, open: groups.open },
      { rules: { auth: { role: 'string?' } } },
    );
    const u1 = await node.as('u1', { role: 'staff' });
    await subscribe(u1, 'staff');
    await subscribe(u1, 'open');
    await u1.request({ refresh: { token: token({ sub: 'u1', role: 'staff' }) } });
    expect(await endings(u1)).toEqual([]);
    await u1.request({ refresh: { token: token({ sub: 'u1' }) } });
    expect(await endings(u1)).toEqual([2001]);
    expect(await codeOf(u1.request({ subscribe: { channel: 'staff' } }))).toBe(103);
    await u1.request({ refresh: { token: token({ sub: 'u1', meta: { role: 'staff' } }) } });
    await subscribe(u1, 'staff');
  });

  test('claims, by the refresh hook', async () => {
    await using node = await createRulesEngine(
      { staff: { allow: { subscribe: 'auth.role == "staff"' } } },
      {
        rules: { auth: { role: 'string?' } },
        hooks: {
          connect: async () => ({ user: 'u1', meta: { role: 'staff' }, expireAt: startSeconds + 10 }),
          refresh: async () => ({ meta: { role: 'guest' }, expireAt: startSeconds + 1_000 }),
        },
      },
    );
    const u1 = await node.connect();
    await subscribe(u1, 'staff');
    await node.clock.advance(11_000);
    expect(await endings(u1)).toEqual([2001]);
  });

  test('the configuration: stricter rules end what they no longer allow', async () => {
    await using node = await createRulesEngine(groups);
    await node.join('g1', 'u1');
    const u1 = await node.as('u1');
    const u2 = await node.as('u2');
    await subscribe(u1, 'group:g1');
    await subscribe(u1, 'open');
    await subscribe(u2, 'open');
    const other = (subscribe: string) => ({ ...groups, open: { allow: { subscribe } } });
    await node.engine.reload(rulesConfig(other('auth.uid == "u2"')));
    await settle();
    expect(await endings(u1)).toEqual(['open'].map(() => 2001));
    expect(await endings(u2)).toEqual([]);
    // A word takes the place of the rule.
    await node.engine.reload(rulesConfig(other('nobody')));
    await settle();
    expect(await endings(u2)).toEqual([2001]);
    expect((await node.engine.api.info()).nodes[0]?.subscriptions).toBe(1);
  });

  test('the configuration: a channel that is gone ends for whom a rule had let in', async () => {
    await using node = await createRulesEngine(groups);
    await node.join('g1', 'u1');
    const u1 = await node.as('u1');
    await subscribe(u1, 'group:g1');
    await subscribe(u1, 'open');
    await node.engine.reload(rulesConfig({ other: {} }));
    await settle();
    expect(await endings(u1)).toEqual([2001]);
  });

  test('the configuration: claims that it newly declares are there, and remembered decisions are not', async () => {
    const rule = (publish: string) => ({ room: { allow: { publish } } });
    await using node = await createRulesEngine(rule('auth.uid == "u1"'));
    const u1 = await node.as('u1', { role: 'guest' });
    const publish = () => codeOf(u1.request({ publish: { channel: 'room', data: json(1) } }));
    expect(await publish()).toBeUndefined();
    await node.engine.reload(rulesConfig(rule('auth.role == "staff"'), { auth: { role: 'string' } }));
    expect(await publish()).toBe(103);
    await node.engine.reload(rulesConfig(rule('auth.role == "guest"'), { auth: { role: 'string' } }));
    expect(await publish()).toBeUndefined();
  });

  test('a configuration with a mistake changes nothing', async () => {
    await using node = await createRulesEngine(groups);
    await node.join('g1', 'u1');
    const u1 = await node.as('u1');
    await subscribe(u1, 'group:g1');
    const broken = { ...groups, open: { allow: { subscribe: 'membr(gid)' } } };
    await expect(node.engine.reload(rulesConfig(broken))).rejects.toThrow('membr');
    expect(await endings(u1)).toEqual([]);
    await node.leave('g1', 'u1');
    expect(await endings(u1)).toEqual([2001]);
  });
});

describe('who is shown to whom', () => {
  const channels = {
    'room:{gid}': {
      allow: { subscribe: 'anyone', presence: member, announce: '!member("hidden", auth.uid)' },
      presence: true,
      joinLeave: 'always',
    },
  } satisfies ConfigInput['channels'];
  const shown = async (node: Awaited<ReturnType<typeof createRulesEngine>>): Promise<string[]> =>
    Object.values((await node.engine.api.presence({ channel: 'room:g1' })).presence).map(({ user }) => user ?? '');

  test('only who may see presence is told who comes and goes, as soon as that changes', async () => {
    await using node = await createRulesEngine(channels);
    await node.join('g1', 'u1');
    const u1 = await node.as('u1');
    const u2 = await node.as('u2');
    await subscribe(u1, 'room:g1');
    await subscribe(u2, 'room:g1');
    await pushes(u1);
    await pushes(u2);
    const u3 = await node.as('u3');
    await subscribe(u3, 'room:g1');
    expect((await pushes(u1)).map(({ join }) => join?.info?.user)).toEqual(['u3']);
    expect(await pushes(u2)).toEqual([]);
    await node.leave('g1', 'u1');
    await node.join('g1', 'u2');
    u3.close();
    expect(await pushes(u1)).toEqual([]);
    expect((await pushes(u2)).map(({ leave }) => leave?.info?.user)).toEqual(['u3']);
  });

  test('a word keeps who comes and goes from others as a rule does', async () => {
    await using node = await createRulesEngine({
      room: { allow: { subscribe: 'anyone', presence: 'authenticated' }, joinLeave: 'on-request' },
      closed: { allow: { subscribe: 'anyone' }, joinLeave: 'always' },
    });
    const nobody = await node.connect();
    const u1 = await node.as('u1');
    for (const channel of ['room', 'closed']) {
      await subscribe(nobody, channel, { join_leave: true });
      await subscribe(u1, channel, { join_leave: true });
    }
    await pushes(u1);
    const u2 = await node.as('u2');
    for (const channel of ['room', 'closed']) await subscribe(u2, channel);
    u2.close();
    expect(await pushes(nobody)).toEqual([]);
    expect((await pushes(u1)).map(({ channel }) => channel)).toEqual(['room', 'room']);
  });

  test('who is hidden stands in no presence and is not announced; a change shows or hides at once', async () => {
    await using node = await createRulesEngine(channels);
    await node.join('g1', 'u1');
    await node.join('hidden', 'u2');
    const u1 = await node.as('u1');
    const u2 = await node.as('u2', {}, 'protobuf');
    await subscribe(u1, 'room:g1');
    await pushes(u1);
    await subscribe(u2, 'room:g1');
    expect(await pushes(u1)).toEqual([]);
    expect(await shown(node)).toEqual(['u1']);
    await node.leave('hidden', 'u2');
    expect((await pushes(u1)).map(({ join }) => join?.info?.user)).toEqual(['u2']);
    expect((await shown(node)).toSorted()).toEqual(['u1', 'u2']);
    await node.join('hidden', 'u2');
    expect((await pushes(u1)).map(({ leave }) => leave?.info?.user)).toEqual(['u2']);
    expect(await shown(node)).toEqual(['u1']);
    // Hidden, it leaves unnoticed, and presence is not renewed.
    await node.clock.advance(120_000);
    expect(await shown(node)).toEqual(['u1']);
    u2.close();
    expect(await pushes(u1)).toEqual([]);
  });
});

test('a renewal of presence that was on its way does not bring back who is hidden', async () => {
  const clock = new FakeClock();
  class SlowPresence extends MemoryPresenceStore {
    gate: Promise<void> | undefined;
    override async touch(...entry: Parameters<MemoryPresenceStore['touch']>): Promise<void> {
      await this.gate;
      return super.touch(...entry);
    }
  }
  const presence = new SlowPresence({ clock });
  await using node = await createRulesEngine(
    { room: { allow: { subscribe: 'anyone', announce: '!member("hidden", auth.uid)' }, presence: true } },
    { clock, presence },
  );
  const u1 = await node.as('u1');
  await subscribe(u1, 'room');
  const { promise, resolve } = Promise.withResolvers<void>();
  presence.gate = promise;
  await clock.advance(30_000);
  await node.join('hidden', 'u1');
  await settle();
  resolve();
  await settle();
  expect(await node.engine.api.presence({ channel: 'room' })).toEqual({ presence: {} });
  expect(u1.closeReason).toBeUndefined();
});

test('filters go with the subscriptions that use them', async () => {
  const acquired = vi.spyOn(ReceiveFilters.prototype, 'acquire');
  try {
    await using node = await createRulesEngine(
      {
        'room:{id}': {
          allow: { subscribe: member.replace('gid', 'id'), receive: 'data == auth.uid || auth.level == 1' },
        },
      },
      { rules: { auth: { level: 'int' } } },
    );
    const users = ['u1', 'u2', 'u3'];
    for (const user of users) await node.join('1', user);
    const clients = await Promise.all(users.map((user) => node.as(user, { level: 2 })));
    for (const client of clients) await subscribe(client, 'room:1');
    const filters = acquired.mock.contexts[0] as ReceiveFilters;
    expect(filters.size).toBe(3);
    await clients[0]!.request({ refresh: { token: token({ sub: 'u1', level: 3 }) } });
    await clients[1]!.request({ refresh: { token: token({ sub: 'u2', level: 1 }) } });
    expect(filters.size).toBe(2);
    await node.leave('1', 'u1');
    clients[2]!.close();
    await settle();
    expect(filters.size).toBe(0);
  } finally {
    acquired.mockRestore();
  }
});

test('on every node', async () => {
  const clock = new FakeClock();
  const logger = createLogger('silent');
  const bus = new MemoryBus({ clock, logger });
  let friends = true;
  const options = {
    clock,
    rules: { relations: { friend: { parameters: { uid: 'string' }, from: 'function' } } } as const,
    relations: { friend: () => friends },
  };
  const channels = { 'wall:{uid}': { allow: { subscribe: 'friend(auth.uid)' } } };
  const start = (nodeId: string) =>
    createRulesEngine(channels, {
      ...options,
      broker: new MemoryBroker({ clock, logger, bus, nodeId }),
      presence: new MemoryPresenceStore({ clock }),
    });
  await using one = await start('node-1');
  await using two = await start('node-2');
  await settle();
  const u1 = await one.as('u1');
  const u2 = await two.as('u2');
  await subscribe(u1, 'wall:a');
  await subscribe(u2, 'wall:a');
  friends = false;
  await one.engine.relations.invalidate('friend');
  await settle();
  expect(await endings(u1)).toEqual([2001]);
  expect(await endings(u2)).toEqual([2001]);
});
