/** What relations promise whose facts lie in a database: several processes, changes by others, outages. */
import { sql, type Kysely } from 'kysely';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { configSchema, type ConfigInput } from '../config/schema.ts';
import type { Clock } from '../lib/clock.ts';
import { systemClock } from '../lib/clock.ts';
import { createLogger } from '../lib/logger.ts';
import { ApiRelation, FactsError } from '../rules/relations/api.ts';
import { ChangeLog } from '../rules/relations/change-log.ts';
import { relationMigrations } from '../rules/relations/migrations.ts';
import { createRelations, type Relations } from '../rules/relations.ts';
import { Failure } from '../rules/value.ts';
import type { Store } from '../stores/store.ts';
import { eventually } from './relation-suite.ts';

type RelationsInput = NonNullable<NonNullable<ConfigInput['rules']>['relations']>;

export interface MirrorDatabase {
  /** A store on the database, not started: another process, as it were. */
  open(): Store;
  remove(): Promise<void>;
}

const logger = createLogger('silent');
const parameters = { gid: 'string', uid: 'string' };
const api = { member: { parameters, from: 'api' } } satisfies RelationsInput;
const members = {
  member: {
    parameters,
    from: 'table',
    table: 'members',
    columns: ['room', 'user_id'],
    where: 'row.left_at == null && row.role != "guest"',
    whereColumns: { left_at: 'int?', role: 'string' },
  },
} satisfies RelationsInput;

/** The system's clock, which a test can put forward. */
class ShiftedClock implements Clock {
  shiftMs = 0;
  readonly setTimeout = systemClock.setTimeout;
  readonly clearTimeout = systemClock.clearTimeout;
  now(): number {
    return systemClock.now() + this.shiftMs;
  }
}

/** @param openDatabase makes an empty database. */
export function testMirrors(name: string, openDatabase: () => Promise<MirrorDatabase>): void {
  describe(name, () => {
    let database: MirrorDatabase;
    let store: Store;
    let db: Kysely<never>;
    const running: { stop(): Promise<void> }[] = [];

    beforeEach(async () => {
      database = await openDatabase();
      store = await openStore();
      await store.migrate([relationMigrations]);
      db = store.database<never>();
      await sql`create table members (
        id bigint not null primary key, room text not null, user_id text, role varchar(20) not null, left_at bigint
      )`.execute(db);
    });
    afterEach(async () => {
      for (const each of running.splice(0).toReversed()) await each.stop();
      await database.remove();
    });

    async function openStore(): Promise<Store> {
      const opened = database.open();
      await opened.start();
      running.push(opened);
      return opened;
    }
    /** A process: a store of its own, and relations on it. */
    async function node(relations: RelationsInput, on?: Store, clock: Clock = systemClock): Promise<Relations> {
      const made = createRelations(configSchema.parse({ rules: { relations } }), {
        store: on ?? (await openStore()),
        clock,
        logger,
      });
      await made.start();
      running.push(made);
      return made;
    }
    const failure = (relations: RelationsInput) =>
      node(relations).then(
        () => 'none',
        (error: unknown) => (error as Error).message,
      );
    let id = 0;
    const join = (room: string, user: string | null, more: { role?: string; left?: number | null } = {}) =>
      sql`insert into members (id, room, user_id, role, left_at)
        values (${++id}, ${room}, ${user}, ${more.role ?? 'member'}, ${more.left ?? null})`.execute(db);
    const has = (relations: Relations, room: string, user: string) => relations.related('member', [room, user]);
    const becomes = (relations: Relations, room: string, user: string, answer: boolean) =>
      eventually(() => expect(has(relations, room, user)).toBe(answer));

    describe('a table', () => {
      test('only rows that `where` takes count, when it is loaded and after', async () => {
        await join('r', 'in');
        await join('r', 'left', { left: 5 });
        await join('r', 'guest', { role: 'guest' });
        await join('r', null);
        const relations = await node(members);
        expect(['in', 'left', 'guest'].map((user) => has(relations, 'r', user))).toEqual([true, false, false]);
        await sql`update members set left_at = 5 where user_id = 'in'`.execute(db);
        await becomes(relations, 'r', 'in', false);
        await sql`update members set left_at = null where user_id = 'left'`.execute(db);
        await becomes(relations, 'r', 'left', true);
        await join('r', 'guest2', { role: 'guest' });
        await sql`update members set role = 'member' where user_id = 'guest2'`.execute(db);
        await becomes(relations, 'r', 'guest2', true);
      });

      test('a row that moves takes one fact away and brings another', async () => {
        await join('r', 'u1');
        const relations = await node(members);
        const told: string[] = [];
        relations.onChange((_relation, keys) => told.push(...(keys ?? ['all'])));
        await sql`update members set room = 's'`.execute(db);
        await becomes(relations, 's', 'u1', true);
        expect(has(relations, 'r', 'u1')).toBe(false);
        expect(told.toSorted()).toEqual(['1:ru1', '1:su1']);
      });

      test('of two rows with one fact, one may go', async () => {
        await join('r', 'u1');
        await join('r', 'u1');
        await join('r', 'u2');
        const relations = await node(members);
        await sql`delete from members where id = ${id - 2} or user_id = 'u2'`.execute(db);
        await becomes(relations, 'r', 'u2', false);
        expect(has(relations, 'r', 'u1')).toBe(true);
      });

      test('what a transaction that failed has written is never seen', async () => {
        const relations = await node(members);
        await store
          .transaction<never, void>(async (tx) => {
            await sql`insert into members values (77, 'r', 'ghost', 'member', null)`.execute(tx);
            throw new Error('no');
          })
          .catch(() => {});
        await join('r', 'u1');
        await becomes(relations, 'r', 'u1', true);
        expect(has(relations, 'r', 'ghost')).toBe(false);
      });

      test('more changes at once than the log is read for are all seen', async () => {
        await join('r', 'gone');
        const relations = await node(members);
        const range = sql`with recursive n (n) as (select 1 union all select n + 1 from n where n < 21000)`;
        await store.transaction<never, void>(async (tx) => {
          await sql`delete from members`.execute(tx);
          await sql`insert into members (id, room, user_id, role)
            ${range} select 1000 + n, 'big', 'u' || n, 'member' from n`.execute(tx);
        });
        await becomes(relations, 'big', 'u21000', true);
        expect([has(relations, 'big', 'u1'), has(relations, 'r', 'gone')]).toEqual([true, false]);
      });

      test.each<[string, Partial<RelationsInput[string]>, string]>([
        [
          'a table that is not there',
          { table: 'membrs' },
          'there is no table "membrs"; perhaps members; the tables are ',
        ],
        [
          'a column that is not there',
          { columns: ['rom', 'user_id'] },
          'the table members has no column "rom"; perhaps room; the columns are id, room, user_id, role, left_at',
        ],
        ['a column of another type', { columns: ['room', 'id'] }, 'holds no string; valid: '],
        ['a view', { table: 'all_members' }, '"all_members" is a view or the like'],
        [
          'a column of `where` of another type',
          { where: 'row.left_at == "x"', whereColumns: { left_at: 'string?' } },
          'the column members.left_at of type ',
        ],
      ])('%s is an error that says what there is', async (_, change, expected) => {
        await sql`create view all_members as select * from members`.execute(db);
        const said = await failure({ member: { ...members.member, ...change } });
        expect(said).toContain('rules.relations.member: ');
        expect(said).toContain(expected);
      });

      test('a start that failed leaves nothing that would tell or run', async () => {
        const other = createRelations(
          configSchema.parse({ rules: { relations: { ...api, gone: { ...members.member, table: 'gone' } } } }),
          { store, clock: systemClock, logger },
        );
        let told = 0;
        other.onChange(() => told++);
        await expect(other.start()).rejects.toThrow('there is no table "gone"');
        expect(other.related('member', ['g', 'u'])).toBeInstanceOf(Failure);
        const before = told;
        await (await node(api)).stop();
        expect(told).toBe(before);
      });
    });

    describe('the server API', () => {
      async function member(): Promise<{ relations: Relations; relation: ApiRelation }> {
        const relations = await node(api);
        const relation = relations.get('member');
        if (!(relation instanceof ApiRelation)) throw new Error('no relation of the API');
        return { relations, relation };
      }

      test('adds and removes; what is so already is no change', async () => {
        const { relations, relation } = await member();
        expect(
          await relation.add([
            ['g', 'a'],
            ['g', 'b'],
            ['g', 'a'],
          ]),
        ).toBe(2);
        expect([has(relations, 'g', 'a'), has(relations, 'g', 'b')]).toEqual([true, true]);
        expect(await relation.add([['g', 'a']])).toBe(0);
        expect(
          await relation.remove([
            ['g', 'a'],
            ['g', 'x'],
          ]),
        ).toBe(1);
        expect([has(relations, 'g', 'a'), has(relations, 'g', 'b')]).toEqual([false, true]);
        expect(await relation.add([])).toBe(0);
      });

      test('every process knows, and one that starts later too', async () => {
        const { relation } = await member();
        const other = await node(api);
        await relation.add([['g', 'a']]);
        await becomes(other, 'g', 'a', true);
        const late = await node(api);
        expect(has(late, 'g', 'a')).toBe(true);
        await relation.remove([['g', 'a']]);
        await Promise.all([becomes(other, 'g', 'a', false), becomes(late, 'g', 'a', false)]);
      });

      test('lists pages in order', async () => {
        const { relation } = await member();
        await relation.add(['c', 'a', 'e', 'b', 'd'].map((uid) => ['g', uid]));
        const first = await relation.list({ limit: 2 });
        expect(first.facts).toEqual([
          ['g', 'a'],
          ['g', 'b'],
        ]);
        const rest = await relation.list({ limit: 3, ...(first.next !== undefined && { after: first.next }) });
        expect(rest).toEqual({
          facts: [
            ['g', 'c'],
            ['g', 'd'],
            ['g', 'e'],
          ],
          next: undefined,
        });
      });

      test.each<[string, unknown[][], string]>([
        ['too few values', [['g', 'a'], ['g']], 'fact 2: 1 value; member takes 2 (gid, uid)'],
        ['another type', [['g', 5]], 'fact 1: a number as uid; it is string'],
        ['too many facts', Array.from({ length: 1_001 }, () => ['g', 'a']), '1001 facts; at most 1000 in one call'],
        ['too long a text', [['g', 'a'.repeat(3_000)]], 'fact 1: more than 2000 bytes'],
        ['NUL', [['g', 'a\0']], 'fact 1: text with a NUL character'],
        ['half a pair', [['g', '\ud800']], 'half a surrogate pair'],
      ])('%s is refused, and nothing is written', async (_, facts, expected) => {
        const { relation } = await member();
        const error = await relation.add(facts as string[][]).then(
          () => undefined,
          (thrown: unknown) => thrown,
        );
        expect(error).toBeInstanceOf(FactsError);
        expect((error as Error).message).toContain(expected);
        expect((await relation.list()).facts).toEqual([]);
      });

      test('a thousand facts in one call', async () => {
        const { relations, relation } = await member();
        const facts = Array.from({ length: 1_000 }, (_, i) => ['g', `u${i}`]);
        expect(await relation.add(facts)).toBe(1_000);
        expect(has(relations, 'g', 'u999')).toBe(true);
        expect(await relation.remove(facts)).toBe(1_000);
        expect(has(relations, 'g', 'u0')).toBe(false);
      });

      test('a change that nobody was told of is found by looking', async () => {
        const relations = await node(api);
        await sql`insert into relation_facts (relation, key, args) values ('member', '1:ga', '["g","a"]')`.execute(db);
        await sql`insert into relation_changes (source, args) values ('member', '["g","a"]')`.execute(db);
        await becomes(relations, 'g', 'a', true);
      });
    });

    describe('a database that does not answer', () => {
      test('for a minute is taken to hold what it held; then every answer fails, until all was read anew', async () => {
        const clock = new ShiftedClock();
        const behind = await openStore();
        const outage = { now: false };
        const relations = await node(api, unreliable(behind, outage), clock);
        const writer = (await node(api)).get('member') as ApiRelation;
        await writer.add([['g', 'a']]);
        await becomes(relations, 'g', 'a', true);
        const told: (string | undefined)[] = [];
        relations.onChange((_relation, keys) => told.push(keys?.join()));

        outage.now = true;
        await writer.remove([['g', 'a']]);
        await writer.add([['g', 'b']]);
        expect([has(relations, 'g', 'a'), has(relations, 'g', 'b')]).toEqual([true, false]);
        clock.shiftMs += 60_001;
        expect(has(relations, 'g', 'a')).toBeInstanceOf(Failure);
        await eventually(() => expect(told).toEqual([undefined]));

        outage.now = false;
        await becomes(relations, 'g', 'b', true);
        expect(has(relations, 'g', 'a')).toBe(false);
        expect(told).toEqual([undefined, undefined]);
      });

      test('for a moment costs nothing but that moment', async () => {
        const outage = { now: false };
        const relations = await node(api, unreliable(await openStore(), outage));
        const writer = (await node(api)).get('member') as ApiRelation;
        outage.now = true;
        await writer.add([['g', 'a']]);
        expect(has(relations, 'g', 'a')).toBe(false);
        outage.now = false;
        await becomes(relations, 'g', 'a', true);
      });
    });

    describe('the change log', () => {
      test('is read from a position on, each change once, and can be trimmed', async () => {
        const log = new ChangeLog(store);
        const start = await log.position();
        const add = (uid: string) => store.transaction<never, void>((tx) => log.add(tx, 'member', [['g', uid]]));
        await add('a');
        await add('b');
        const first = await log.read(start);
        expect(first.changes?.map(({ args }) => args?.[1])).toEqual(['a', 'b']);
        expect((await log.read(first.position)).changes).toEqual([]);
        await add('c');
        const second = await log.read(first.position);
        expect(second.changes).toEqual([{ source: 'member', args: ['g', 'c'] }]);
        await log.trim(first.position);
        expect((await log.read(start)).changes?.map(({ args }) => args?.[1])).toEqual(['c']);
        await log.trim(second.position);
        await add('d');
        expect((await log.read(second.position)).changes?.map(({ args }) => args?.[1])).toEqual(['d']);
      });
    });
  });
}

/** A store whose queries fail as long as there is an outage. */
function unreliable(store: Store, outage: { readonly now: boolean }): Store {
  return new Proxy(store, {
    get(target, key) {
      if (outage.now && (key === 'database' || key === 'transaction')) throw new Error('the database is gone');
      const value: unknown = Reflect.get(target, key);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
