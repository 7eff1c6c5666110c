/** When a relation cannot answer, nobody is told "no" for good, nothing is granted, and nothing is lost in silence. */
import type { ConfigInput } from './config/schema.ts';
import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { FakeClock, settle } from './lib/clock.ts';
import { createLogger } from './lib/logger.ts';
import { staleAfterMs } from './rules/relations/change-feed.ts';
import { SqliteStore } from './stores/sqlite.ts';
import { codeOf, json, publications, pushes, subscribe, taken, token, values } from './testing/engine-fixture.ts';
import { createRulesEngine, rulesConfig } from './testing/rules-fixture.ts';
import { createTestEngine } from './testing.ts';

const member = 'member(gid, auth.uid)';
const whole = { subscribe: member, publish: member, history: member, presence: member };
const groups = {
  'group:{gid}': { allow: whole, history: { size: 10 }, recovery: 'on-request', presence: true },
} satisfies ConfigInput['channels'];

/** An engine whose store can be taken away from its relations. */
async function createFragileEngine(channels: NonNullable<ConfigInput['channels']>, rules: ConfigInput['rules'] = {}) {
  const clock = new FakeClock();
  const logger = createLogger('silent');
  const store = new SqliteStore({ file: ':memory:', synchronous: 'off', timeoutMs: 5_000, clock, logger });
  const node = await createTestEngine({ clock, logger, store, config: rulesConfig(channels, rules) });
  const rename = async (from: string, to: string) =>
    void (await sql`alter table ${sql.table(from)} rename to ${sql.table(to)}`.execute(store.database<never>()));
  return {
    ...node,
    as: (user: string, claims: object = {}) => node.connect({ token: token({ ...claims, sub: user }) }),
    add: (...fact: string[]) => node.engine.relations.add('member', [fact]),
    /** For longer than relations vouch for what they know. */
    async goOut() {
      await rename('relation_changes', 'elsewhere');
      await clock.advance(staleAfterMs + 30_000);
      await settle();
    },
    async comeBack() {
      await rename('elsewhere', 'relation_changes');
      await clock.advance(30_000);
      await settle();
    },
    [Symbol.asyncDispose]: () => node[Symbol.asyncDispose](),
  };
}

const unknownEnding = { code: 2502, reason: 'permission unknown' };

describe('a store that is gone', () => {
  test('every action is answered with a temporary error, and is allowed again when it is back', async () => {
    await using node = await createFragileEngine(groups);
    await node.add('g1', 'u1');
    const channel = 'group:g1';
    const commands = [
      { subscribe: { channel } },
      { publish: { channel, data: json(1) } },
      { history: { channel } },
      { presence: { channel } },
    ];
    await node.goOut();
    const u1 = await node.as('u1');
    const u2 = await node.as('u2');
    for (const client of [u1, u2]) {
      for (const command of commands) {
        expect((await client.request(command)).error).toEqual({
          code: 100,
          message: 'internal server error',
          temporary: true,
        });
      }
    }
    expect(node.engine.metrics.denials.counts.size).toBe(0);
    expect(node.engine.metrics.ruleErrors.rows.get('group:{gid}')?.get('publish')).toBe(2);
    await node.comeBack();
    for (const command of commands) {
      expect(await codeOf(u1.request(command))).toBeUndefined();
      expect(await codeOf(u2.request(command))).toBe(103);
    }
  });

  test('subscriptions that rest on it end so that clients come back, and recover what they missed', async () => {
    await using node = await createFragileEngine({ ...groups, open: { allow: { subscribe: 'anyone' } } });
    await node.add('g1', 'u1');
    const u1 = await node.as('u1');
    const { epoch } = await subscribe(u1, 'group:g1', { recoverable: true });
    await subscribe(u1, 'open');
    await node.goOut();
    expect(await pushes(u1)).toEqual([{ channel: 'group:g1', unsubscribe: unknownEnding }]);
    await node.engine.publish('group:g1', 'missed');
    const again = { subscribe: { channel: 'group:g1', recover: true, recoverable: true, offset: 0, epoch: epoch! } };
    expect((await u1.request(again)).error).toMatchObject({ code: 100, temporary: true });
    await node.comeBack();
    const { subscribe: result } = await u1.request(again);
    expect(result?.recovered).toBe(true);
    expect(values(result?.publications)).toEqual(['missed']);
  });

  test('what does not depend on it is decided as ever', async () => {
    await using node = await createFragileEngine(
      {
        'group:{gid}': {
          allow: {
            subscribe: 'auth.uid == "ann" || (auth.uid != "eve" && member(gid, auth.uid))',
            publish: 'member(gid, auth.uid) && data.n > 0',
          },
        },
        'either:{gid}': { allow: { subscribe: 'auth.role == "admin" || !member(gid, auth.uid)' } },
        'both:{gid}': { allow: { subscribe: 'member(gid, auth.uid) && auth.role == "admin"' } },
      },
      { auth: { role: 'string' } },
    );
    const ann = await node.as('ann');
    await subscribe(ann, 'group:g1');
    await node.goOut();
    expect(await pushes(ann)).toEqual([]);
    const eve = await node.as('eve');
    const bob = await node.as('bob');
    const entering = async (client: typeof eve, channel: string) => codeOf(client.request({ subscribe: { channel } }));
    expect(await entering(await node.as('ann'), 'group:g1')).toBeUndefined();
    expect(await entering(eve, 'group:g1')).toBe(103);
    expect(await entering(bob, 'group:g1')).toBe(100);
    const publish = (n: unknown) => codeOf(bob.request({ publish: { channel: 'group:g1', data: json({ n }) } }));
    expect(await publish(0)).toBe(103);
    expect(await publish('x')).toBe(103);
    expect(await publish(1)).toBe(100);
    // Bob has no role: one side fails for good, and whether that is the end depends on the operator.
    expect(await entering(bob, 'either:g1')).toBe(100);
    expect(await entering(bob, 'both:g1')).toBe(103);
  });

  test('fields that the server sets: the message is not taken, for now', async () => {
    await using node = await createFragileEngine({
      'group:{gid}': { allow: { publish: 'anyone' }, publish: { set: { isMember: member } } },
    });
    const u1 = await node.as('u1');
    const publish = () => codeOf(u1.request({ publish: { channel: 'group:g1', data: json({}) } }));
    expect(await publish()).toBeUndefined();
    await node.goOut();
    expect(await publish()).toBe(100);
  });
});

describe('allow.receive', () => {
  const inbox = {
    room: {
      allow: {
        subscribe: 'anyone',
        history: 'anyone',
        receive: 'data.level == "all" || member("staff", auth.uid)',
      },
      history: { size: 10 },
      recovery: 'on-request',
    },
  } satisfies ConfigInput['channels'];

  test('what surely may be had goes on; what might be ends the subscription and is recovered', async () => {
    await using node = await createFragileEngine(inbox);
    await node.add('staff', 'u1');
    const clients = [await node.as('u1'), await node.as('u2')];
    const [u1, u2] = clients as [(typeof clients)[0], (typeof clients)[0]];
    let epoch = '';
    for (const client of clients) epoch = (await subscribe(client, 'room', { recoverable: true })).epoch!;
    await node.goOut();
    await node.engine.publish('room', { level: 'all' });
    for (const client of clients) expect(values(await publications(client))).toEqual([{ level: 'all' }]);
    await node.engine.publish('room', { level: 'staff' });
    for (const client of clients) {
      expect(await pushes(client)).toEqual([
        { channel: 'room', unsubscribe: { code: 2500, reason: 'insufficient state' } },
      ]);
    }
    const again = { subscribe: { channel: 'room', recover: true, recoverable: true, offset: 1, epoch } };
    for (const client of clients) expect((await client.request(again)).error).toMatchObject({ code: 100 });
    expect(await codeOf(u1.request({ history: { channel: 'room', limit: 10 } }))).toBe(100);
    await node.comeBack();
    expect(values((await u1.request(again)).subscribe?.publications)).toEqual([{ level: 'staff' }]);
    const { subscribe: others } = await u2.request(again);
    expect([others?.recovered, others?.publications ?? []]).toEqual([true, []]);
  });

  test('one that stays through it is filtered by what is known again', async () => {
    await using node = await createFragileEngine(inbox);
    await node.add('staff', 'u1');
    const u1 = await node.as('u1');
    await subscribe(u1, 'room', { recoverable: true });
    await node.goOut();
    await node.comeBack();
    await node.engine.publish('room', { level: 'staff' });
    expect(values(await publications(u1))).toEqual([{ level: 'staff' }]);
  });

  test('a connection that the server subscribed starts over', async () => {
    await using node = await createFragileEngine(inbox);
    const u1 = await node.as('u1');
    await node.goOut();
    await node.engine.api.subscribe({ user: 'u1', channel: 'room' });
    await node.engine.publish('room', { level: 'all' });
    expect(values(await publications(u1))).toEqual([{ level: 'all' }]);
    await node.engine.publish('room', { level: 'staff' });
    await expect(u1.closed).resolves.toMatchObject({ code: 3010 });
  });

  test('a fact that depends on the message', async () => {
    await using node = await createFragileEngine({
      room: { ...inbox.room, allow: { ...inbox.room.allow, receive: 'member(data.group, auth.uid)' } },
    });
    await node.add('g1', 'u1');
    const u1 = await node.as('u1');
    const { epoch } = await subscribe(u1, 'room', { recoverable: true });
    await node.goOut();
    await node.engine.publish('room', { group: 'g1' });
    expect(await taken(u1)).toMatchObject([{ push: { unsubscribe: { code: 2500 } } }]);
    await node.comeBack();
    const result = await subscribe(u1, 'room', { recover: true, recoverable: true, offset: 0, epoch: epoch! });
    expect(values(result.publications)).toEqual([{ group: 'g1' }]);
  });
});

describe('a function that fails', () => {
  test('is not a no', async () => {
    let answer: () => boolean = () => true;
    await using node = await createRulesEngine(
      { 'page:{of}': { allow: { subscribe: 'friend(auth.uid, of)' } } },
      {
        rules: { relations: { friend: { from: 'function', parameters: { a: 'string', b: 'string' } } } },
        relations: { friend: () => answer() },
      },
    );
    const u1 = await node.as('u1');
    await subscribe(u1, 'page:u2');
    answer = () => {
      throw new Error('the program is in trouble');
    };
    await node.engine.relations.invalidate('friend');
    await settle();
    expect(await pushes(u1)).toEqual([{ channel: 'page:u2', unsubscribe: unknownEnding }]);
    const entering = () => codeOf(u1.request({ subscribe: { channel: 'page:u2' } }));
    expect(await entering()).toBe(100);
    answer = () => false;
    await node.clock.advance(5_000);
    expect(await entering()).toBe(103);
    answer = () => true;
    await node.engine.relations.invalidate('friend');
    expect(await entering()).toBeUndefined();
  });
});
