import { formats, type Publication } from '@tidings/protocol';
import { describe, expect, test } from 'vitest';
import type { ConfigInput } from './config/schema.ts';
import { settle } from './lib/clock.ts';
import { json, publications, pushes, subscribe, token, values } from './testing/engine-fixture.ts';
import { createRulesEngine, rulesConfig } from './testing/rules-fixture.ts';
import type { MemoryClient } from './transports/memory.ts';

/** Publications with `to` are for that user only. */
const receive = '!has(data.to) || data.to == auth.uid';
const inbox = {
  room: {
    allow: { subscribe: 'anyone', publish: 'anyone', history: 'anyone', receive },
    history: { size: 100 },
    recovery: 'on-request',
    delta: true,
  },
} satisfies ConfigInput['channels'];

const forUser = (to: string | undefined, n: number) => (to ? { to, n } : { n });
const numbers = (list: readonly (Publication | undefined)[]): unknown[] =>
  values(list).map((value) => (value as { n: number }).n);
const received = async (client: MemoryClient): Promise<unknown[]> => numbers(await publications(client));

describe('allow.receive', () => {
  test('filters what is delivered live, in history and at recovery, for clients of both codecs', async () => {
    await using node = await createRulesEngine(inbox);
    const u1 = await node.as('u1');
    const u2 = await node.as('u2', {}, 'protobuf');
    await subscribe(u1, 'room');
    await subscribe(u2, 'room');
    for (const [n, to] of [undefined, 'u1', 'u2', undefined].entries())
      await node.engine.publish('room', forUser(to, n));
    expect(await received(u1)).toEqual([0, 1, 3]);
    expect(await received(u2)).toEqual([0, 2, 3]);

    const history = await u1.request({ history: { channel: 'room', limit: 10 } });
    expect(numbers(history.history?.publications ?? [])).toEqual([0, 1, 3]);
    expect(history.history?.offset).toBe(4);

    const { epoch } = await node.engine.api.history({ channel: 'room' });
    const late = await node.as('u2');
    const result = await subscribe(late, 'room', { recoverable: true, recover: true, offset: 0, epoch });
    expect(result.recovered).toBe(true);
    expect(numbers(result.publications ?? [])).toEqual([0, 2, 3]);
    // The server sees everything.
    expect((await node.engine.api.history({ channel: 'room', limit: 10 })).publications).toHaveLength(4);
  });

  test('holds for subscriptions by token and by the server too', async () => {
    await using node = await createRulesEngine({ room: { allow: { receive: 'data.to == auth.uid' } } });
    const byToken = await node.as('u1');
    await subscribe(byToken, 'room', { token: token({ sub: 'u1', channel: 'room' }) });
    const byServer = await node.as('u2');
    await node.engine.api.subscribe({ user: 'u2', channel: 'room' });
    for (const to of ['u1', 'u2']) await node.engine.publish('room', { to, n: 1 });
    expect(await received(byToken)).toEqual([1]);
    expect(await received(byServer)).toEqual([1]);
  });

  test('a page of history is filled beyond what may not be seen', async () => {
    await using node = await createRulesEngine(inbox);
    const u1 = await node.as('u1');
    for (let n = 0; n < 40; n++) await node.engine.publish('room', forUser(n % 4 === 0 ? 'u1' : 'u2', n));
    const page = async (since?: Publication, reverse = false) => {
      const { history } = await u1.request({
        history: { channel: 'room', limit: 3, reverse, ...(since && { since: { offset: since.offset!, epoch: '' } }) },
      });
      return history?.publications ?? [];
    };
    const first = await page();
    expect(numbers(first)).toEqual([0, 4, 8]);
    expect(numbers(await page(first.at(-1)))).toEqual([12, 16, 20]);
    expect(numbers(await page(undefined, true))).toEqual([36, 32, 28]);
  });

  test('the cache mode gives the latest only to who may have it', async () => {
    await using node = await createRulesEngine({ room: { ...inbox.room, recoveryMode: 'cache' } });
    await node.engine.publish('room', { to: 'u2', n: 1 });
    const asked = { recoverable: true, recover: true };
    const ofUser = async (user: string) => (await subscribe(await node.as(user), 'room', asked)).publications ?? [];
    expect(numbers(await ofUser('u1'))).toEqual([]);
    expect(numbers(await ofUser('u2'))).toEqual([1]);
  });

  test('one for whom nothing is left of the rule is given everything, whatever it is; others what relations say of it', async () => {
    await using node = await createRulesEngine(
      { room: { allow: { subscribe: 'anyone', receive: 'auth.admin || sees(data.level)' } } },
      {
        rules: {
          auth: { admin: 'bool' },
          relations: { sees: { parameters: { level: 'string' }, facts: [['low']] } },
        },
      },
    );
    const admin = await node.as('a', { admin: true });
    const guests = [await node.as('u1', { admin: false }), await node.as('u2', { admin: false })];
    for (const client of [admin, ...guests]) await subscribe(client, 'room');
    await node.engine.publish('room', { level: 'high', n: 1 });
    await node.engine.publish('room', { level: 'low', n: 2 });
    await node.engine.publish('room', { n: 3 });
    await node.engine.publish('room', 'no object');
    expect(values(await publications(admin))).toHaveLength(4);
    for (const guest of guests) expect(await received(guest)).toEqual([2]);
  });

  test('an error is a deny for that subscriber alone', async () => {
    await using node = await createRulesEngine(
      { room: { allow: { subscribe: 'anyone', receive: 'auth.level >= data.level' } } },
      { rules: { auth: { level: 'int?' } } },
    );
    const knows = await node.as('u1', { level: 5 });
    const misses = await node.as('u2');
    await subscribe(knows, 'room');
    await subscribe(misses, 'room');
    for (const data of [{ level: 1, n: 1 }, { level: 'x', n: 2 }, { __proto__: { level: 1 }, n: 3 }, [], null]) {
      await node.engine.publish('room', data);
    }
    await node.engine.publish('room', { level: 5, n: 6 });
    expect(await received(knows)).toEqual([1, 6]);
    expect(await received(misses)).toEqual([]);
    expect(node.engine.metrics.ruleErrors.rows.get('room')?.get('receive')).toBeGreaterThan(0);
  });

  test('tags and publisher', async () => {
    await using node = await createRulesEngine({
      room: {
        allow: { subscribe: 'anyone', publish: 'anyone', receive: 'publisher == auth.uid || tags["to"] == auth.uid' },
      },
    });
    const u1 = await node.as('u1');
    const u2 = await node.as('u2');
    for (const client of [u1, u2]) await subscribe(client, 'room');
    await u1.request({ publish: { channel: 'room', data: json({ n: 1 }) } });
    await node.engine.publish('room', { n: 2 }, { tags: { to: 'u2' } });
    await node.engine.publish('room', { n: 3 });
    expect(await received(u1)).toEqual([1]);
    expect(await received(u2)).toEqual([2]);
  });

  test('a word: nobody receives, or only who has an account', async () => {
    await using node = await createRulesEngine({
      mute: { allow: { subscribe: 'anyone', receive: 'nobody' } },
      members: { allow: { subscribe: 'anyone', receive: 'authenticated' } },
    });
    const named = await node.as('u1');
    const anonymous = await node.as('');
    for (const client of [named, anonymous])
      for (const channel of ['mute', 'members']) await subscribe(client, channel);
    for (const channel of ['mute', 'members']) await node.engine.publish(channel, { n: 1 });
    expect(await received(named)).toEqual([1]);
    expect(await received(anonymous)).toEqual([]);
  });
});

describe('a filtered subscription', () => {
  test('gets no deltas; one that the rule gives everything does', async () => {
    await using node = await createRulesEngine(
      { room: { ...inbox.room, allow: { ...inbox.room.allow, receive: `auth.admin || (${receive})` } } },
      { rules: { auth: { admin: 'bool' } } },
    );
    const admin = await node.as('a', { admin: true });
    const guest = await node.as('u1', { admin: false });
    expect((await subscribe(admin, 'room', { delta: 'fossil' })).delta).toBe(true);
    expect((await subscribe(guest, 'room', { delta: 'fossil' })).delta).toBeUndefined();
  });

  test('that becomes one while deltas run: what follows a gap comes whole', async () => {
    await using node = await createRulesEngine(
      { room: { ...inbox.room, allow: { ...inbox.room.allow, receive: `auth.admin || (${receive})` } } },
      { rules: { auth: { admin: 'bool' } } },
    );
    const client = await node.connect({ format: formats.websocketProtobuf, token: token({ sub: 'u1', admin: true }) });
    await subscribe(client, 'room', { delta: 'fossil' });
    const filler = 'x'.repeat(200);
    const publish = (to: string | undefined, n: number) => node.engine.publish('room', { ...forUser(to, n), filler });
    await publish(undefined, 1);
    await publish(undefined, 2);
    await client.request({ refresh: { token: token({ sub: 'u1', admin: false }) } });
    await publish('u2', 3);
    await publish(undefined, 4);
    await publish(undefined, 5);
    const got = await publications(client);
    expect(got.map(({ delta = false }) => delta)).toEqual([false, true, false, true]);
    expect(numbers([got[0], got[2]])).toEqual([1, 4]);
  });

  test('is bound anew when claims, facts or rules change', async () => {
    const rules = { auth: { level: 'int' } } as const;
    const channels = (rule: string) => ({ room: { allow: { subscribe: 'anyone', receive: rule } } });
    await using node = await createRulesEngine(channels('data.level <= auth.level || member("vip", auth.uid)'), {
      rules,
    });
    const u1 = await node.as('u1', { level: 1 });
    await subscribe(u1, 'room');
    const publishAll = async (): Promise<unknown[]> => {
      for (const n of [1, 2, 3]) await node.engine.publish('room', { level: n, n });
      return received(u1);
    };
    expect(await publishAll()).toEqual([1]);
    await u1.request({ refresh: { token: token({ sub: 'u1', level: 2 }) } });
    await pushes(u1);
    expect(await publishAll()).toEqual([1, 2]);
    await node.join('vip', 'u1');
    expect(await publishAll()).toEqual([1, 2, 3]);
    await node.leave('vip', 'u1');
    expect(await publishAll()).toEqual([1, 2]);
    await node.engine.reload(rulesConfig(channels('data.level == 3'), rules));
    await settle();
    expect(await publishAll()).toEqual([3]);
    await node.engine.reload(rulesConfig(channels('anyone'), rules));
    await settle();
    expect(await publishAll()).toEqual([1, 2, 3]);
  });
});
