import { describe, expect, test } from 'vitest';
import { MemoryPresenceStore, PresenceTable } from '../../presence/memory.ts';
import { FakeClock } from '../../lib/clock.ts';
import { presencePattern, userPattern } from './channel-names.ts';
import { createChat, userActor, type ChatFixture } from './testing/chat-fixture.ts';

const presenceTtlMs = 60_000;

/** What the engine does when a device of the user is subscribed to the user's own channel, or no longer is. */
async function come(chat: ChatFixture, user: string, client = `${user}-1`): Promise<void> {
  await chat.context.presence.touch(`chat:user:${user}`, { user, client }, presenceTtlMs);
  tell(chat, user, client, true);
  await chat.module.idle();
}

async function go(chat: ChatFixture, user: string, client = `${user}-1`): Promise<void> {
  await chat.context.presence.remove(`chat:user:${user}`, client);
  tell(chat, user, client, false);
  await chat.module.idle();
}

function tell(chat: ChatFixture, user: string, client: string, subscribed: boolean): void {
  const channel = chat.module.channels.find(({ pattern }) => pattern === userPattern);
  channel?.onSubscription?.({ ...userActor(user), client }, { user }, subscribed);
}

function watch(chat: ChatFixture, user: string, watching = true): void {
  if (watching) chat.occupied.add(`chat:presence:${user}`);
  else chat.occupied.delete(`chat:presence:${user}`);
  const channel = chat.module.channels.find(({ pattern }) => pattern === presencePattern);
  channel?.onSubscription?.({ ...userActor('watcher'), client: 'w' }, { user }, watching);
}

async function advance(chat: ChatFixture, ms: number): Promise<void> {
  await chat.clock.advance(ms);
  await chat.module.idle();
}

const told = (chat: ChatFixture, user = 'anna') => chat.published(`chat:presence:${user}`);
const online = { user: 'anna', status: 'online' };
const stateOf = async (chat: ChatFixture, user = 'anna') => {
  const { users } = (await chat.as('ben')('presence', { users: [user] })) as { users: unknown[] };
  return users[0];
};

describe('a user', () => {
  test('is online with the first device, and offline after the grace behind the last', async () => {
    await using chat = await createChat();
    expect(await stateOf(chat)).toEqual({ user: 'anna', status: 'offline' });
    await come(chat, 'anna', 'phone');
    await come(chat, 'anna', 'laptop');
    expect(told(chat)).toEqual([online]);
    expect(await stateOf(chat)).toEqual(online);
    await advance(chat, 5_000);
    await go(chat, 'anna', 'phone');
    await advance(chat, 20_000);
    expect(told(chat)).toHaveLength(1);
    await go(chat, 'anna', 'laptop');
    const lastSeenAt = chat.clock.now();
    await advance(chat, 14_999);
    expect(told(chat)).toHaveLength(1);
    expect(await stateOf(chat)).toEqual(online);
    await advance(chat, 1);
    const offline = { user: 'anna', status: 'offline', lastSeenAt };
    expect(told(chat)).toEqual([online, offline]);
    expect(await stateOf(chat)).toEqual(offline);
    await advance(chat, 2_000);
    await chat.module.idle();
    expect(await stateOf(chat)).toEqual(offline);
  });

  test('who comes back within the grace was never away', async () => {
    await using chat = await createChat();
    await come(chat, 'anna', 'one');
    await go(chat, 'anna', 'one');
    await advance(chat, 14_000);
    await come(chat, 'anna', 'two');
    await advance(chat, 30_000);
    expect(told(chat)).toEqual([online]);
  });

  test('whose device the presence store still lists after it left is offline all the same', async () => {
    await using chat = await createChat();
    await come(chat, 'anna');
    tell(chat, 'anna', 'anna-1', false);
    await advance(chat, 15_000);
    expect(told(chat)).toHaveLength(2);
  });

  test('is seen by those who may', async () => {
    await using chat = await createChat({
      config: { permissions: { seePresence: 'target.user != "anna" || auth.uid == "ben"' } },
    });
    await come(chat, 'anna');
    expect(await chat.as('cleo')('presence', { users: ['anna', 'dora'] })).toEqual({
      users: [{ user: 'dora', status: 'offline' }],
    });
    expect(await stateOf(chat)).toEqual(online);
  });
});

describe('who is invisible', () => {
  test('is offline to all, without a time', async () => {
    await using chat = await createChat();
    await come(chat, 'anna');
    await chat.as('anna')('setProfile', { invisible: true });
    const hidden = { user: 'anna', status: 'offline' };
    expect(told(chat)).toEqual([online, hidden]);
    expect(await stateOf(chat)).toEqual(hidden);
    await go(chat, 'anna');
    await advance(chat, 60_000);
    await come(chat, 'anna');
    expect(told(chat)).toHaveLength(2);
    expect(await stateOf(chat)).toEqual(hidden);
    await chat.as('anna')('setProfile', { invisible: false });
    expect(told(chat)).toEqual([online, hidden, online]);
  });

  test('is not seen: the time written down stays', async () => {
    await using chat = await createChat();
    await come(chat, 'anna');
    const before = chat.clock.now();
    await advance(chat, 1_000);
    await chat.as('anna')('setProfile', { invisible: true });
    await advance(chat, 600_000);
    await go(chat, 'anna');
    await advance(chat, 60_000);
    const row = await chat.chat.db.selectFrom('chat_users').selectAll().executeTakeFirstOrThrow();
    expect(row).toMatchObject({ id: 'anna', last_seen_at: before });
  });
});

describe('last seen', () => {
  test('is written at most once a minute while the user is here, and when they go', async () => {
    await using chat = await createChat();
    const read = async () => {
      const row = await chat.chat.db.selectFrom('chat_users').select('last_seen_at').executeTakeFirst();
      return row?.last_seen_at;
    };
    const cameAt = chat.clock.now();
    await come(chat, 'anna');
    await advance(chat, 45_000);
    expect(await read()).toBe(cameAt);
    await advance(chat, 45_000);
    const laterAt = await read();
    expect(laterAt).toBeGreaterThanOrEqual(cameAt + 60_000);
    await go(chat, 'anna');
    const goneAt = chat.clock.now();
    await advance(chat, 17_000);
    expect(await read()).toBe(goneAt);
  });

  test('is written when the node stops', async () => {
    const clock = new FakeClock();
    await using other = await createChat({ clock });
    const chat = await createChat({ clock, store: other.store });
    await come(chat, 'anna');
    await advance(chat, 10_000);
    await chat[Symbol.asyncDispose]();
    const row = await other.chat.db.selectFrom('chat_users').selectAll().executeTakeFirstOrThrow();
    expect(row.last_seen_at).toBe(clock.now());
    expect(told(chat)).toEqual([online]);
  });
});

describe('with two nodes', () => {
  /** What it listed in the presence store expires. */
  const die = (chat: ChatFixture) => chat.module.stop();

  async function twoNodes() {
    const clock = new FakeClock();
    const table = new PresenceTable(clock);
    const presence = async () => {
      const store = new MemoryPresenceStore({ clock, table });
      await store.start();
      return store;
    };
    const one = await createChat({ clock, context: { presence: await presence() } });
    const two = await createChat({ clock, store: one.store, context: { presence: await presence() } });
    const all = () => [...told(one), ...told(two)];
    return {
      one,
      two,
      all,
      async [Symbol.asyncDispose]() {
        await two[Symbol.asyncDispose]();
        await one[Symbol.asyncDispose]();
      },
    };
  }

  test('a device on each counts once', async () => {
    await using nodes = await twoNodes();
    const { one, two, all } = nodes;
    await come(one, 'anna', 'a');
    await come(two, 'anna', 'b');
    await go(one, 'anna', 'a');
    await advance(one, 30_000);
    expect(all()).toEqual([online]);
    await go(two, 'anna', 'b');
    await advance(two, 30_000);
    expect(all()).toHaveLength(2);
  });

  test('coming back to the other one within the grace tells nothing', async () => {
    await using nodes = await twoNodes();
    const { one, two, all } = nodes;
    await come(one, 'anna', 'a');
    await go(one, 'anna', 'a');
    await advance(one, 10_000);
    await come(two, 'anna', 'b');
    await advance(one, 40_000);
    expect(all()).toEqual([online]);
  });

  test('when one dies, those who watch on the other find out, and are told once', async () => {
    await using nodes = await twoNodes();
    const { one, two, all } = nodes;
    await come(one, 'anna', 'a');
    watch(two, 'anna');
    await die(one);
    await advance(two, 300_000);
    expect(all()).toEqual([online, { user: 'anna', status: 'offline', lastSeenAt: expect.any(Number) }]);
  });

  test('asking for somebody whose node died without anybody watching makes it known', async () => {
    await using nodes = await twoNodes();
    const { one, two } = nodes;
    await come(one, 'anna', 'a');
    await die(one);
    await advance(two, 120_000);
    expect(await stateOf(two)).toEqual(online);
    await advance(two, 45_000);
    expect(await stateOf(two)).toMatchObject({ status: 'offline' });
  });

  test('who hides on one is hidden on the other', async () => {
    await using nodes = await twoNodes();
    const { one, two, all } = nodes;
    await come(one, 'anna', 'a');
    await two.as('anna')('setProfile', { invisible: true });
    expect(all().at(-1)).toEqual({ user: 'anna', status: 'offline' });
    expect(await stateOf(one)).toEqual({ user: 'anna', status: 'offline' });
  });
});

test('what cannot be told is told when it can', async () => {
  let broken = true;
  const seen: unknown[] = [];
  await using chat = await createChat({
    context: {
      async publish(_channel, json) {
        if (broken) throw new Error('no broker');
        seen.push(JSON.parse(json));
      },
    },
  });
  await come(chat, 'anna');
  broken = false;
  await advance(chat, 15_000);
  expect(seen).toEqual([online]);
});

test('who is watched and here is left alone', async () => {
  await using chat = await createChat();
  await come(chat, 'anna');
  watch(chat, 'anna');
  for (let at = 0; at < 20; at++) {
    await chat.context.presence.touch('chat:user:anna', { user: 'anna', client: 'anna-1' }, presenceTtlMs);
    await advance(chat, 15_000);
  }
  watch(chat, 'anna', false);
  await advance(chat, 60_000);
  expect(told(chat)).toEqual([online]);
});
