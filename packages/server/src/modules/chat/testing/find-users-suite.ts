/** What finding users by their names keeps, on any store. */
import fc from 'fast-check';
import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import type { Store } from '../../../stores/store.ts';
import { chatMigrations } from '../migrations/chat-migrations.ts';
import { userWords } from '../migrations/0005-user-words.ts';
import { eraseSlice } from '../erase-user.ts';
import type { ChatTables } from '../tables.ts';
import { createChat, type ChatFixture } from './chat-fixture.ts';

export interface FindUsersOptions {
  /** Random histories. */
  readonly runs: number;
}

/** @param openStore a started store with an empty database. */
export function testFindUsers(openStore: () => Promise<Store & AsyncDisposable>, { runs }: FindUsersOptions): void {
  const config = { enabled: true, permissions: { findUsers: 'auth.uid != ""' } };

  describe('chat.findUsers', () => {
    test('finds by the beginnings of all words, without case and accents, in any script', async () => {
      await using store = await openStore();
      await using chat = await createChat({ store, config });
      const names = {
        a: 'Anna Müller',
        b: 'Hannah O’Neil',
        c: 'ΩΡΑΙΑ Παπαδοπούλου',
        d: '王小明',
        e: 'José  María-Anna',
        f: 'נועה לוי',
        g: 'Straße',
      };
      const users = Object.entries(names).map(([id, name]) => ({ id, name }));
      await chat.system('upsertUsers', {
        users: [...users, { id: 'nameless', avatar: 'x' }, { id: 'dots', name: '…' }],
      });
      const asked: Readonly<Record<string, readonly string[]>> = {
        anna: ['a', 'e'],
        'mul ann': ['a'],
        'mu anna': ['a'],
        nna: [],
        'o’ne': ['b'],
        'ne ha': ['b'],
        παπ: ['c'],
        ωραία: ['c'],
        王: ['d'],
        小: ['d'],
        小明: ['d'],
        王明: [],
        jose: ['e'],
        'maria-an': ['e'],
        לוי: ['f'],
        STRASSE: ['g'],
        nameless: [],
      };
      for (const [query, ids] of Object.entries(asked)) expect(await found(chat, 'z', query), query).toEqual(ids);
    });

    test('first come those whose whole name begins so, then by name, then by id', async () => {
      await using store = await openStore();
      await using chat = await createChat({ store, config });
      const names = {
        1: 'Zoë Ann',
        2: 'Annika',
        3: 'ann',
        4: 'Bea Ann',
        5: 'Ánn',
        6: 'Ann B',
        7: 'Cleo',
        8: 'Bea Ann',
      };
      await chat.system('upsertUsers', { users: Object.entries(names).map(([id, name]) => ({ id, name })) });
      expect(await found(chat, 'z', 'ann')).toEqual(['3', '5', '6', '2', '4', '8', '1']);
      expect(await found(chat, 'z', 'ann', 2)).toEqual(['3', '5']);
      expect(await found(chat, 'z', 'ann', 5)).toEqual(['3', '5', '6', '2', '4']);
    });

    test('who is renamed, brought in or erased is found by what holds now', async () => {
      await using store = await openStore();
      await using chat = await createChat({ store, config });
      await chat.as('ben')('setProfile', { name: 'Ben Old' });
      expect(await found(chat, 'z', 'old')).toEqual(['ben']);
      await chat.as('ben')('setProfile', { avatar: 'x' });
      expect(await found(chat, 'z', 'old')).toEqual(['ben']);
      await chat.as('ben')('setProfile', { name: 'Ben New' });
      expect(await found(chat, 'z', 'old')).toEqual([]);
      expect(await found(chat, 'z', 'new')).toEqual(['ben']);
      await chat.system('upsertUsers', { users: [{ id: 'ben', name: null }] });
      expect(await found(chat, 'z', 'ben')).toEqual([]);
      await chat.system('upsertUsers', { users: [{ id: 'ben', name: 'Ben' }] });
      await chat.system('eraseUser', { user: 'ben', mode: 'anonymise' });
      expect(await found(chat, 'z', 'ben')).toEqual([]);
      while (await eraseSlice(chat.chat));
      expect(await chat.chat.db.selectFrom('chat_user_words').selectAll().execute()).toEqual([]);
    });

    test('parts of profiles that are set at once leave the words of the name that stays', async () => {
      await using store = await openStore();
      await using chat = await createChat({ store, config });
      const ben = chat.as('ben');
      await Promise.all(Array.from({ length: 20 }, (_, at) => ben('setProfile', { name: `Ben ${at}` })));
      const { profile } = await ben('profile');
      const rows = await chat.chat.db.selectFrom('chat_user_words').select('word').orderBy('word').execute();
      const number = String(profile.name).slice(4);
      expect(rows.map(({ word }) => word)).toEqual([number, 'ben', `\uE000ben ${number}`]);
    });

    test('a page is full however many more are called so, and the rarest word is what is looked for', async () => {
      await using store = await openStore();
      await using chat = await createChat({ store, config });
      const many = Array.from({ length: 1_100 }, (_, at) => ({ id: `u${1_000 + at}`, name: 'Anna Meier' }));
      for (let at = 0; at < many.length; at += 100) {
        await chat.system('upsertUsers', { users: many.slice(at, at + 100) });
      }
      await chat.system('upsertUsers', { users: [{ id: 'v', name: 'Xenia Anna' }] });
      expect(await found(chat, 'z', 'anna', 100)).toEqual(many.slice(0, 100).map(({ id }) => id));
      expect(await found(chat, 'z', 'anna xe')).toEqual(['v']);
      expect(await found(chat, 'z', 'meier an', 3)).toEqual(['u1000', 'u1001', 'u1002']);
      // The work is bounded, whatever those who are looked at think of the asker.
      const blocks = many.map(({ id }) => ({ user_id: id, blocked_id: 'z', created_at: 0 }));
      await chat.chat.db.insertInto('chat_blocks').values(blocks).execute();
      const some = blocks.slice(0, 500).map((row) => ({ ...row, blocked_id: 'x' }));
      await chat.chat.db.insertInto('chat_blocks').values(some).execute();
      expect(await found(chat, 'x', 'anna', 1)).toEqual(['u1500']);
      expect(await found(chat, 'z', 'anna')).toEqual([]);
      expect(await found(chat, 'z', 'anna x')).toEqual(['v']);
      expect(await found(chat, 'y', 'anna', 1)).toEqual(['u1000']);
    });

    test('the database looks into an index', async () => {
      await using store = await openStore();
      await using chat = await createChat({ store, config });
      const { db } = chat.chat;
      for (let at = 0; at < 5_000; at += 500) {
        const rows = Array.from({ length: 500 }, (_, n) => ({ word: `w${at + n}`, user_id: `u${at + n}` }));
        await db.insertInto('chat_user_words').values(rows).execute();
      }
      await sql`analyze`.execute(db);
      const explain = sql.raw(store.dialect === 'postgres' ? 'explain' : 'explain query plan');
      const range =
        await sql`${explain} select * from chat_user_words where word >= ${'w1'} and word < ${'w1\u{10FFFF}'}
        and (word, user_id) > (${'w12'}, ${'u12'}) order by word, user_id limit 200`.execute(db);
      expect(JSON.stringify(range.rows)).toMatch(
        /Index Only Scan using chat_user_words_pkey|SEARCH chat_user_words USING PRIMARY KEY/,
      );
      expect(JSON.stringify(range.rows)).not.toMatch(/Sort|TEMP B-TREE/);
      const own = await sql`${explain} delete from chat_user_words where user_id in (${'u1'})`.execute(db);
      expect(JSON.stringify(own.rows)).toContain('chat_user_words_user');
    });

    test('who was there before the index is found', async () => {
      await using store = await openStore();
      const before = chatMigrations.migrations.slice(0, chatMigrations.migrations.indexOf(userWords));
      await store.migrate([{ ...chatMigrations, migrations: before }]);
      const row = { avatar: null, data: null, locale: null, time_zone: null, last_seen_at: null, created_at: 0 };
      const rows = Array.from({ length: 1_234 }, (_, at) => ({
        ...row,
        id: `u${at}`,
        name: at % 10 === 0 ? null : `Übungs Person ${at}`,
        invisible: 0 as const,
        deleted_at: null,
      }));
      await store.database<ChatTables>().insertInto('chat_users').values(rows.slice(0, 700)).execute();
      await store.database<ChatTables>().insertInto('chat_users').values(rows.slice(700)).execute();
      await using chat = await createChat({ store, config });
      for (const at of [1, 499, 501, 999, 1_001, 1_233]) {
        expect((await found(chat, 'z', `per ubung ${at}`)).includes(`u${at}`), `${at}`).toBe(true);
      }
      const words = await chat.chat.db.selectFrom('chat_user_words').select('user_id').distinct().execute();
      expect(words).toHaveLength(rows.filter(({ name }) => name !== null).length);
    });

    test('what is found is what a look at all profiles finds', async () => {
      await using store = await openStore();
      await using chat = await createChat({ store, config });
      await fc.assert(
        fc.asyncProperty(
          fc.array(step, { minLength: 5, maxLength: 25 }),
          fc.array(query, { minLength: 3 }),
          async (steps, queries) => {
            for (const table of ['chat_users', 'chat_user_words', 'chat_blocks', 'chat_erasures'] as const) {
              await chat.chat.db.deleteFrom(table).execute();
            }
            const names = new Map<string, string | undefined>();
            const blocking = new Set<string>();
            for (const { user, ...change } of steps) {
              if ('name' in change && !(names.has(user) && names.get(user) === undefined)) {
                await chat.system('upsertUsers', { users: [{ id: user, name: change.name }] });
                names.set(user, change.name);
              } else if ('erase' in change) {
                await chat.system('eraseUser', { user, mode: 'delete' });
                names.set(user, undefined);
              } else if ('block' in change) {
                await chat.as(user)(change.block ? 'block' : 'unblock', { user: 'asker' });
                if (change.block) blocking.add(user);
                else blocking.delete(user);
              }
            }
            for (const asked of queries) {
              const all = [...names].flatMap(([id, name]) => (name === undefined ? [] : [{ id, name }]));
              const others = all.filter(({ id }) => !blocking.has(id));
              expect(await found(chat, 'asker', asked)).toEqual(plainlyFound(others, asked));
              expect((await chat.system('findUsers', { query: asked })).users.map(idOf)).toEqual(
                plainlyFound(all, asked),
              );
            }
          },
        ),
        { numRuns: runs },
      );
    }, 60_000);
  });
}

async function found(chat: ChatFixture, asker: string, query: string, limit?: number): Promise<string[]> {
  const { users } = await chat.as(asker)('findUsers', { query, ...(limit !== undefined && { limit }) });
  return users.map(idOf);
}

function idOf({ id }: { readonly id: string }): string {
  return id;
}

const users = ['a', 'b', 'c', 'd', 'e', 'f'];
const word = fc.constantFrom(
  'an',
  'Ann',
  'ánna',
  'ANNA',
  'ben',
  'Be',
  'müller',
  'mu',
  'ß',
  'ss',
  '𐐨x',
  'ﬁ',
  '東',
  '東京',
);
const separator = fc.constantFrom(' ', '  ', '-', '’', '. ');
const words = (maxLength: number) =>
  fc.array(fc.tuple(word, separator), { minLength: 1, maxLength }).map((parts) => parts.flat().slice(0, -1).join(''));
const query = words(3);
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ user: fc.constantFrom(...users), name: words(4) }) },
  { weight: 1, arbitrary: fc.record({ user: fc.constantFrom(...users), erase: fc.constant(true) }) },
  { weight: 2, arbitrary: fc.record({ user: fc.constantFrom(...users), block: fc.boolean() }) },
);

/** Of all of them those who are called so, in order. */
function plainlyFound(all: readonly { readonly id: string; readonly name: string }[], asked: string): string[] {
  const begin = plainWords(asked).join(' ');
  return all
    .map(({ id, name }) => ({ id, words: plainWords(name), key: plainWords(name).join(' ') }))
    .filter(({ words: own }) => plainWords(asked).every((part) => own.some((one) => isCalled(one, part))))
    .map(({ id, key }) => ({ id, order: [key.startsWith(begin) ? '0' : '1', key, id].join('\u0001') }))
    .toSorted((a, b) => Buffer.compare(Buffer.from(a.order), Buffer.from(b.order)))
    .map(idOf);
}

/** Characters of Chinese and Japanese begin a word each. */
function isCalled(one: string, part: string): boolean {
  return /\p{Script=Han}/u.test(part) ? one.includes(part) : one.startsWith(part);
}

function plainWords(text: string): string[] {
  return text
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[\u0300-\u036F]/g, '')
    .replaceAll('ß', 'ss')
    .split(/[^\p{L}\p{N}]+/u)
    .filter((part) => part !== '');
}
