/** The schema: each migration once, in order, or not at all. */
import { sql } from 'kysely';
import { expect } from 'vitest';
import type { AppliedMigration, Migration, MigrationSet, Store } from '../stores/store.ts';
import type { SkippableTests } from './conformance.ts';
import { rejection, type StoreFactory, StoreFixture } from './store-fixture.ts';

/** Creates a table of this name, and says so. */
function creates(table: string, ran: string[] = [], id = table): Migration {
  return {
    id,
    async up(db) {
      ran.push(id);
      await sql`create table ${sql.table(table)} (id bigint primary key)`.execute(db);
    },
  };
}

function set(owner: string, ...migrations: Migration[]): MigrationSet {
  return { owner, migrations };
}

async function applied(store: Store, sets: readonly MigrationSet[]): Promise<string[]> {
  const status = await store.migrationStatus(sets);
  return status.filter(({ appliedAt }) => appliedAt !== undefined).map(({ owner, id }) => `${owner}/${id}`);
}

async function hasTable(store: Store, table: string): Promise<boolean> {
  return sql`select * from ${sql.table(table)}`.execute(store.database()).then(
    () => true,
    () => false,
  );
}

export function declareMigrationTests(tests: SkippableTests, factory: StoreFactory): void {
  tests.test('what is missing is applied in order, and never twice', async () => {
    await using fixture = await StoreFixture.start(factory, { empty: true });
    const { store } = fixture;
    const ran: string[] = [];
    const first = [set('one', creates('m1', ran)), set('two', creates('n1', ran))];
    expect((await store.migrationStatus(first)).map(({ id, appliedAt }) => [id, appliedAt])).toEqual([
      ['m1', undefined],
      ['n1', undefined],
    ]);
    await store.migrate(first);
    await store.migrate(first);
    const second = [
      set('one', creates('m1', ran), creates('m2', ran), creates('m3', ran)),
      set('two', creates('n1', ran)),
    ];
    await store.migrate(second);
    expect(ran).toEqual(['m1', 'n1', 'm2', 'm3']);
    const status = await store.migrationStatus(second);
    expect(status.map(({ owner, id }) => `${owner}/${id}`)).toEqual(['one/m1', 'one/m2', 'one/m3', 'two/n1']);
    expect(status.every(({ appliedAt }) => Number.isSafeInteger(appliedAt))).toBe(true);
  });

  tests.test('owners do not know of each other, though their ids are the same', async () => {
    await using fixture = await StoreFixture.start(factory, { empty: true });
    const { store } = fixture;
    await store.migrate([set('one', creates('a1', [], '0001'))]);
    await store.migrate([set('two', creates('b1', [], '0001'))]);
    expect(await hasTable(store, 'b1')).toBe(true);
    expect(await applied(store, [set('two', creates('b1', [], '0001'))])).toEqual(['two/0001']);
  });

  tests.test('processes that migrate at the same time apply each once', async () => {
    await using fixture = await StoreFixture.start(factory, { empty: true });
    const stores = [fixture.store, await fixture.another(), await fixture.another()];
    const ran: string[] = [];
    const slow: Migration = {
      id: 'm2',
      async up(db) {
        await creates('m2', ran).up(db, fixture.store.dialect);
        await new Promise((resolve) => setTimeout(resolve, 60));
      },
    };
    const sets = [set('one', creates('m1', ran), slow, creates('m3', ran))];
    await Promise.all(stores.map((store) => store.migrate(sets)));
    expect(ran).toEqual(['m1', 'm2', 'm3']);
    expect(await applied(fixture.store, sets)).toEqual(['one/m1', 'one/m2', 'one/m3']);
  });

  tests.test('a migration that fails leaves nothing of itself, keeps those before it, and is named', async () => {
    await using fixture = await StoreFixture.start(factory, { empty: true });
    const { store } = fixture;
    const fails: Migration = {
      id: 'm2',
      async up(db) {
        await sql`create table half (id bigint)`.execute(db);
        await sql`insert into half values (1)`.execute(db);
        await sql`insert into no_such_table values (1)`.execute(db);
      },
    };
    const ran: string[] = [];
    const error = await rejection(store.migrate([set('one', creates('m1', ran), fails, creates('m3', ran))]));
    expect(error.message).toContain('one/m2');
    expect(error.message).toContain('no_such_table');
    expect([await hasTable(store, 'm1'), await hasTable(store, 'half'), await hasTable(store, 'm3')]).toEqual([
      true,
      false,
      false,
    ]);
    const repaired = [set('one', creates('m1', ran), creates('m2', ran), creates('m3', ran))];
    await store.migrate(repaired);
    expect(ran).toEqual(['m1', 'm2', 'm3']);
    expect(await applied(store, repaired)).toEqual(['one/m1', 'one/m2', 'one/m3']);
  });

  tests.test('a database of a newer program is refused, with the name of what is not known', async () => {
    await using fixture = await StoreFixture.start(factory, { empty: true });
    const { store } = fixture;
    await store.migrate([set('one', creates('m1'), creates('m2'))]);
    const older = [set('one', creates('m1'))];
    expect((await rejection(store.migrate(older))).message).toMatch(/one\/m2.*newer/);
    const status: readonly AppliedMigration[] = await store.migrationStatus(older);
    expect(status.map(({ id }) => id)).toEqual(['m1', 'm2']);
  });

  tests.test('a migration that comes in before one that is applied is refused', async () => {
    await using fixture = await StoreFixture.start(factory, { empty: true });
    const { store } = fixture;
    await store.migrate([set('one', creates('m1'), creates('m3'))]);
    const error = await rejection(store.migrate([set('one', creates('m1'), creates('m2'), creates('m3'))]));
    expect(error.message).toMatch(/one\/m2/);
    expect(await hasTable(store, 'm2')).toBe(false);
  });

  tests.test('a program whose migrations are out of order is refused', async () => {
    await using fixture = await StoreFixture.start(factory, { empty: true });
    const { store } = fixture;
    expect((await rejection(store.migrate([set('one', creates('m2'), creates('m1'))]))).message).toMatch(
      /out of order/,
    );
    expect((await rejection(store.migrate([set('one', creates('m1'), creates('m1'))]))).message).toMatch(
      /out of order/,
    );
    expect((await rejection(store.migrate([set('one'), set('one')]))).message).toMatch(/one owner/);
    expect(await hasTable(store, 'm1')).toBe(false);
  });

  tests.test('migrating beside a process that writes disturbs neither', async () => {
    await using fixture = await StoreFixture.start(factory, { empty: true });
    const other = await fixture.another();
    await fixture.store.migrate([set('one', creates('m1'))]);
    let done = false;
    let written = 0;
    const writing = (async () => {
      while (!done || written === 0) {
        await fixture.store.transaction(async (tx) => sql`insert into m1 values (${++written})`.execute(tx));
      }
    })();
    await other.migrate(
      [set('one', creates('m1'), ...Array.from({ length: 9 }, (_, i) => creates(`m${i + 2}`)))].map(sorted),
    );
    done = true;
    await writing;
    const { rows } = await sql<{ n: number }>`select count(*) as n from m1`.execute(other.database());
    expect(rows).toEqual([{ n: written }]);
  });
}

function sorted({ owner, migrations }: MigrationSet): MigrationSet {
  return { owner, migrations: migrations.toSorted((a, b) => (a.id < b.id ? -1 : 1)) };
}
