/** Chat under attack, on SQLite; also with a disk that is full. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../packages/server/src/lib/clock.ts';
import { createLogger } from '../../packages/server/src/lib/logger.ts';
import { SqliteStore } from '../../packages/server/src/stores/sqlite.ts';
import type { Target } from '../bad-input/target.ts';
import { as, attackChat, furnish, http, nested, rpc, testBadInput, type Answer } from './bad-input-suite.ts';

let folder = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidings-chat-bad-'));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

let files = 0;

/** A database of its own for one attack. */
function newStore(): SqliteStore {
  const logger = createLogger('silent');
  const file = join(folder, `${files++}.sqlite`);
  return new SqliteStore({ file, synchronous: 'off', timeoutMs: 5_000, clock: systemClock, logger });
}

/** On a database of its own. */
async function attackOwn(act: (target: Target, store: SqliteStore) => Promise<void>): Promise<void> {
  const store = newStore();
  await attackChat(store, (target) => act(target, store));
}

testBadInput(newStore);

describe('somebody else', () => {
  test('nobody can send as another, and only a key may say for whom it asks', () =>
    attackOwn(async (target) => {
      await furnish(target);
      const ben = await as(target, 'ben');
      for (const forged of [{ as: 'anna' }, { sender: 'anna' }, { user: 'anna' }, { createdAt: 1 }, { seq: 1 }]) {
        const { error } = await rpc(ben, 'send', { room: 'lobby', text: 'forged', ...forged });
        expect(error).toMatchObject({ code: 605 });
        expect(error?.message).toContain(Object.keys(forged)[0]);
      }
      const body = JSON.stringify({ room: 'lobby', text: 'forged', as: 'anna' });
      const refused = await target.post('/api/chat/send', body, { 'x-api-key': 'wrong' });
      expect(refused.status).toBe(401);
      target.logs({ level: 'warn', msg: 'request refused: this key is not one of `api.keys`' });
      for (const user of [0, [], {}, 'x'.repeat(2_000), 'a:b', '*', '', 'mallory']) {
        const { error } = await http(target, 'send', { room: 'lobby', text: 'forged', as: user });
        expect([107, 600, 604, 605], JSON.stringify(user)).toContain(error?.code);
      }
      const { result } = await rpc(ben, 'messages', { room: 'lobby' });
      expect(JSON.stringify(result)).not.toContain('forged');
      // Another's own channel, and publishing past the commands.
      for (const channel of ['chat:user:anna', 'chat:room:lobby', 'chat:presence:anna']) {
        const { error } = await ben.request({ publish: { channel, data: { type: 'message' } } });
        expect(error, channel).toMatchObject({ code: 103 });
      }
      expect((await ben.request({ subscribe: { channel: 'chat:user:anna' } }))['error']).toMatchObject({ code: 103 });
    }));

  test('messages of others can be neither edited nor deleted, and their drafts and reactions not be touched', () =>
    attackOwn(async (target) => {
      await furnish(target);
      const ben = await as(target, 'ben');
      for (const [name, input] of [
        ['edit', { room: 'lobby', seq: 1, text: 'mine' }],
        ['delete', { room: 'lobby', seq: 1 }],
        ['pin', { room: 'lobby', seq: 1 }],
        ['versions', { room: 'lobby', seq: 1 }],
        ['kick', { room: 'lobby', user: 'anna' }],
        ['changeRole', { room: 'lobby', user: 'ben', role: 'admin' }],
        ['transfer', { room: 'lobby', user: 'ben' }],
        ['deleteRoom', { room: 'lobby' }],
        ['changeRoom', { room: 'lobby', name: 'mine' }],
        ['ban', { room: 'lobby', user: 'anna' }],
      ] as const) {
        expect((await rpc(ben, name, input)).error, name).toMatchObject({ code: 604 });
      }
      const { result } = await rpc(ben, 'message', { room: 'lobby', seq: 1 });
      expect(result.message).toMatchObject({ text: 'message 1', version: 1, sender: 'anna' });
    }));

  test('the original of a client id wins, and says whether the other one differs', () =>
    attackOwn(async (target) => {
      await furnish(target);
      const [anna, ben] = [await as(target, 'anna'), await as(target, 'ben')];
      const first = await rpc(anna, 'send', { room: 'lobby', clientId: 'c', text: 'one' });
      const same = await rpc(anna, 'send', { room: 'lobby', clientId: 'c', text: 'one' });
      expect(same.result).toEqual({ message: first.result.message, replayed: true });
      const other = await rpc(anna, 'send', { room: 'lobby', clientId: 'c', text: 'two' });
      expect(other.result).toEqual({ message: first.result.message, replayed: true, differs: true });
      // All at once: one is sent.
      const many = await Promise.all(
        Array.from({ length: 50 }, (_, at) => rpc(ben, 'send', { room: 'lobby', clientId: 'd', text: `${at}` })),
      );
      expect(new Set(many.map(({ result }) => result.message.seq)).size).toBe(1);
      // The same id of another user is another message.
      const bens = await rpc(ben, 'send', { room: 'lobby', clientId: 'c', text: 'three' });
      expect(bens.result.replayed).toBeUndefined();
    }));
});

describe('size', () => {
  test('what is too large is refused with its limit, and the connection stays', () =>
    attackOwn(async (target) => {
      await furnish(target);
      const anna = await as(target, 'anna');
      const long = await rpc(anna, 'send', { room: 'lobby', text: 'é'.repeat(40_000) });
      expect(long.error).toMatchObject({ code: 606 });
      expect(long.error?.message).toContain('65536');
      const data = await rpc(anna, 'send', { room: 'lobby', data: 'x'.repeat(70_000) });
      expect(data.error).toMatchObject({ code: 606 });
      const deep = await rpc(anna, 'send', { room: 'lobby', data: nested(200) });
      expect(deep.error).toMatchObject({ code: 605 });
      const mentions = { users: Array.from({ length: 51 }, (_, at) => `u${at}`) };
      expect((await rpc(anna, 'send', { room: 'lobby', text: 'x', mentions })).error).toMatchObject({ code: 607 });
      const users = Array.from({ length: 101 }, (_, at) => `u${at}`);
      expect((await rpc(anna, 'invite', { room: 'lobby', users })).error).toMatchObject({ code: 605 });
      expect((await rpc(anna, 'messages', { room: 'lobby', limit: 1_000_000 })).error).toMatchObject({ code: 607 });
      expect((await rpc(anna, 'room', { room: 'lobby' })).result.room.lastSeq).toBe(11);
    }));

  test('a body of 10 MB is refused without being read as a message', () =>
    attackOwn(async (target) => {
      await furnish(target);
      const body = JSON.stringify({ room: 'lobby', text: 'x'.repeat(10 * 1024 ** 2), as: 'anna' });
      const response = await target.post('/api/chat/send', body, { 'x-api-key': 'api-key-that-no-log-line-may-show' });
      expect([response.status, await response.text()]).toEqual([413, expect.stringContaining('large')]);
      const anna = await as(target, 'anna');
      anna.send(`{"id":7,"rpc":{"method":"chat.send","data":${body}}}`);
      expect((await anna.end()).code).toBe(1009);
      expect((await http(target, 'room', { room: 'lobby' })).result.room.lastSeq).toBe(11);
    }));

  test('numbers that JSON does not have are bad JSON', () =>
    attackOwn(async (target) => {
      await furnish(target);
      for (const number of ['NaN', 'Infinity', '-Infinity', '0x10', '1e', '01']) {
        const answer = (await target.api('chat/message', `{"room":"lobby","seq":${number}}`)) as Answer;
        expect(answer.error?.code, number).toSatisfy((code: number) => code === 107 || code === 605);
      }
      for (const number of ['1e400', '-1e400', '9'.repeat(400), '1.0000000000000001', '1e-400']) {
        const answer = (await target.api('chat/message', `{"room":"lobby","seq":${number}}`)) as Answer;
        expect(answer.error?.code ?? 0, number).not.toBe(100);
      }
    }));
});

describe('a disk that is full, a database that may not be written', () => {
  const pragma = (store: SqliteStore, text: string): Promise<unknown> =>
    store.transaction((tx) => sql.raw(`pragma ${text}`).execute(tx));

  test('sending fails with 620 and leaves nothing half-done, reading goes on, and it works again afterwards', () =>
    attackOwn(async (target, store) => {
      await furnish(target);
      target.ignoresLines(({ msg }) => /outbox|search|could not/.test(msg));
      const anna = await as(target, 'anna');
      const { rows } = (await pragma(store, 'page_count')) as { rows: { page_count: number }[] };
      await pragma(store, `max_page_count = ${(rows[0]?.page_count ?? 0) + 4}`);
      let refused: Answer['error'];
      const sent: number[] = [];
      for (let at = 0; at < 200 && !refused; at++) {
        const { result, error } = await rpc(anna, 'send', {
          room: 'lobby',
          clientId: `f${at}`,
          text: 'x'.repeat(2_000),
        });
        refused = error;
        if (result) sent.push(result.message.seq);
      }
      expect(refused).toMatchObject({ code: 620 });
      const { result } = await rpc(anna, 'room', { room: 'lobby' });
      expect(result.room.lastSeq).toBe(11 + sent.length);
      expect((await rpc(anna, 'messages', { room: 'lobby', limit: 5 })).error).toBeUndefined();
      await pragma(store, 'max_page_count = 1073741823');
      const again = await rpc(anna, 'send', { room: 'lobby', clientId: `f${sent.length}`, text: 'x'.repeat(2_000) });
      expect(again.result.message.seq).toBe(12 + sent.length);
    }));

  test('read-only: the same', () =>
    attackOwn(async (target, store) => {
      await furnish(target);
      target.ignoresLines(({ msg }) => /outbox|search|could not/.test(msg));
      const anna = await as(target, 'anna');
      await pragma(store, 'query_only = 1');
      expect((await rpc(anna, 'send', { room: 'lobby', text: 'x' })).error).toMatchObject({ code: 620 });
      expect((await rpc(anna, 'react', { room: 'lobby', seq: 1, emoji: '👍' })).error).toMatchObject({ code: 620 });
      expect((await rpc(anna, 'message', { room: 'lobby', seq: 1 })).result.message.text).toBe('message 1');
      await sql`pragma query_only = 0`.execute(store.database());
      expect((await rpc(anna, 'send', { room: 'lobby', text: 'x' })).result.message.seq).toBe(12);
    }));
});
