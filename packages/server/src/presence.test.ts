import { describe, expect, test } from 'vitest';
import type { ConfigInput } from './config/schema.ts';
import { FakeClock, settle } from './lib/clock.ts';
import { MemoryPresenceStore } from './presence/memory.ts';
import { codeOf, createTestNodes, json, jwt, open, pushes, subscribe, taken, token } from './testing/engine-fixture.ts';
import { createTestEngine } from './testing.ts';

const channels: NonNullable<ConfigInput['channels']> = {
  room: { ...open, presence: true },
  members: { allow: { subscribe: 'anyone', presence: 'subscribers' }, presence: true },
  closed: { presence: true },
  off: {},
  watched: { ...open, presence: true, joinLeave: 'always' },
};
const config = { mode: 'production', auth: { anonymous: true, jwt }, channels } satisfies ConfigInput;

describe('presence', () => {
  test('who is there, by client, with their info; users once', async () => {
    await using node = await createTestEngine({ config });
    const [phone, laptop, other] = await Promise.all([
      node.connect({ token: token({ sub: '42', info: { name: 'Ann' } }) }),
      node.connect({ token: token({ sub: '42' }) }),
      node.connect({ token: token({ sub: '43' }) }),
    ]);
    for (const client of [phone, laptop, other]) await subscribe(client, 'room');
    const { presence } = await other.request({ presence: { channel: 'room' } });
    expect(
      Object.values(presence?.presence ?? {})
        .map(({ user }) => user)
        .toSorted(),
    ).toEqual(['42', '42', '43']);
    for (const [id, info] of Object.entries(presence?.presence ?? {})) expect(info.client).toBe(id);
    expect(Object.values(presence?.presence ?? {}).find((info) => info.conn_info)?.conn_info).toEqual(
      json({ name: 'Ann' }),
    );
    const stats = await other.request({ presence_stats: { channel: 'room' } });
    expect(stats.presence_stats).toEqual({ num_clients: 3, num_users: 2 });
    phone.close();
    await other.request({ unsubscribe: { channel: 'room' } });
    expect(await node.engine.api.presenceStats({ channel: 'room' })).toEqual({ clients: 1, users: 1 });
  });

  test('is seen from every node', async () => {
    const nodes = await createTestNodes(2, { config });
    await subscribe(await (nodes[0] as (typeof nodes)[0]).connect(), 'room');
    expect(await nodes[1]?.engine.api.presenceStats({ channel: 'room' })).toEqual({ clients: 1, users: 1 });
    for (const node of nodes) await node.engine.stop();
  });

  test('entries are renewed as long as the client is there', async () => {
    await using node = await createTestEngine({ config });
    const client = await node.connect();
    await subscribe(client, 'room');
    for (let i = 0; i < 12; i++) {
      await node.clock.advance(19_000);
      expect(await node.engine.api.presenceStats({ channel: 'room' })).toEqual({ clients: 1, users: 1 });
    }
    expect(client.closeReason).toBeUndefined();
    client.close();
    await settle();
    expect(await node.engine.api.presenceStats({ channel: 'room' })).toEqual({ clients: 0, users: 0 });
  });

  test('those of a node that died are gone after their time', async () => {
    const clock = new FakeClock();
    const presence = new MemoryPresenceStore({ clock });
    await using node = await createTestEngine({ config, clock, presence });
    await subscribe(await node.connect(), 'room');
    // What another node wrote before it died: nobody renews it.
    await presence.touch('room', { user: '43', client: 'of the dead' }, 60_000);
    await node.clock.advance(59_000);
    expect(await node.engine.api.presenceStats({ channel: 'room' })).toEqual({ clients: 2, users: 2 });
    await node.clock.advance(2_000);
    expect(await node.engine.api.presenceStats({ channel: 'room' })).toEqual({ clients: 1, users: 1 });
  });

  test('a client that left while its entry was being renewed is not there', async () => {
    const clock = new FakeClock();
    const gate = Promise.withResolvers<void>();
    let slow = false;
    class SlowPresence extends MemoryPresenceStore {
      override async touch(...args: Parameters<MemoryPresenceStore['touch']>): Promise<void> {
        if (slow) await gate.promise;
        await super.touch(...args);
      }
    }
    await using node = await createTestEngine({ config, clock, presence: new SlowPresence({ clock }) });
    const client = await node.connect();
    await subscribe(client, 'room');
    slow = true;
    await node.clock.advance(21_000);
    client.close();
    gate.resolve();
    await settle();
    expect(await node.engine.api.presenceStats({ channel: 'room' })).toEqual({ clients: 0, users: 0 });
  });

  test('permission by the options of the channel; off is 108 whoever asks', async () => {
    await using node = await createTestEngine({ config });
    const client = await node.connect();
    for (const method of ['presence', 'presence_stats'] as const) {
      const ask = (channel: string) => codeOf(client.request({ [method]: { channel } }));
      expect(await ask('nowhere')).toBe(102);
      expect(await ask('off')).toBe(108);
      expect(await ask('closed')).toBe(103);
      expect(await ask('room')).toBeUndefined();
      expect(await ask('members')).toBe(103);
      await subscribe(client, 'members');
      expect(await ask('members')).toBeUndefined();
      await client.request({ unsubscribe: { channel: 'members' } });
    }
    await expect(node.engine.api.presence({ channel: 'off' })).rejects.toMatchObject({ code: 108 });
    await expect(node.engine.api.presenceStats({ channel: 'nowhere' })).rejects.toMatchObject({ code: 102 });
  });
});

describe('join and leave', () => {
  test('who comes, who unsubscribes, who is disconnected; each once', async () => {
    await using node = await createTestEngine({ config });
    const watcher = await node.connect();
    await subscribe(watcher, 'watched');
    await taken(watcher);
    const events = async () =>
      (await pushes(watcher)).map(({ join, leave }) => (join ? `join ${join.info.user}` : `leave ${leave?.info.user}`));
    const [a, b, c] = await Promise.all(['a', 'b', 'c'].map((sub) => node.connect({ token: token({ sub }) })));
    for (const client of [a, b, c]) await subscribe(client as NonNullable<typeof client>, 'watched');
    expect(await events()).toEqual(['join a', 'join b', 'join c']);
    await a?.request({ unsubscribe: { channel: 'watched' } });
    await a?.request({ unsubscribe: { channel: 'watched' } });
    expect(await events()).toEqual(['leave a']);
    b?.close();
    expect(await events()).toEqual(['leave b']);
    await node.engine.api.disconnect({ user: 'c' });
    expect(await events()).toEqual(['leave c']);
    a?.close();
    expect(await events()).toEqual([]);
  });

  test('a subscriber sees their own join behind the result', async () => {
    await using node = await createTestEngine({ config });
    const client = await node.connect({ token: token({ sub: '42' }) });
    client.send({ id: 9, subscribe: { channel: 'watched' } });
    expect(await client.next()).toMatchObject({ id: 9, subscribe: {} });
    expect(await client.next()).toMatchObject({ push: { channel: 'watched', join: { info: { user: '42' } } } });
  });
});
