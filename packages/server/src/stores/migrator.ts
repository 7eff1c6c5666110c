/**
 * Brings the schema up to date. What was applied stands in the table `tidings_migrations`. Each migration and its entry
 * there are one transaction, and whoever is first holds a lock, so processes that start together do not collide.
 */
import { type Kysely, sql, type Transaction } from 'kysely';
import type { Clock } from '../lib/clock.ts';
import type { AppliedMigration, Migration, MigrationSet, StoreDialect } from './store.ts';

interface MigrationTables {
  tidings_migrations: { owner: string; id: string; applied_at: number };
}

/** What the migrator needs of a store. */
export interface MigrationTarget {
  readonly dialect: StoreDialect;
  database<Tables>(): Kysely<Tables>;
  /** A transaction whose statements may take as long as they like. */
  transaction<Tables, T>(work: (tx: Transaction<Tables>) => Promise<T>): Promise<T>;
}

/** Of all programs that use this database, ours: "tidings" read as a number. */
const lockKey = 0x7469_6469;

/**
 * Applies what is missing, in order.
 * @throws Error naming the migration that failed (nothing of it is left), one that the database has and this program
 *   does not know, or one that is missing before one that is applied.
 */
export async function migrate(target: MigrationTarget, sets: readonly MigrationSet[], clock: Clock): Promise<void> {
  checkSets(sets);
  // Nothing to do is the common case, and must not need the right to write.
  if (missing(sets, await readApplied(target)).length === 0) return;
  await locked(target, (tx) => makeTable(tx, target.dialect));
  for (const { owner, migration } of missing(sets, await readApplied(target))) {
    await locked(target, async (tx) => {
      const applied = await readRows(tx);
      // Another process was first.
      if (applied.some((row) => row.owner === owner && row.id === migration.id)) return;
      checkKnown(sets, applied);
      await applyOne(tx, target.dialect, owner, migration);
      await tx.insertInto('tidings_migrations').values({ owner, id: migration.id, applied_at: clock.now() }).execute();
    });
  }
}

/** What is applied and what is missing, in order; behind it what the database has and this program does not know. */
export async function migrationStatus(
  target: MigrationTarget,
  sets: readonly MigrationSet[],
): Promise<readonly AppliedMigration[]> {
  checkSets(sets);
  const applied = await readApplied(target);
  return sets.flatMap(({ owner, migrations }) => {
    const rows = applied.filter((row) => row.owner === owner);
    const known = new Set(migrations.map(({ id }) => id));
    return [
      ...migrations.map(({ id }) => ({ owner, id, appliedAt: rows.find((row) => row.id === id)?.applied_at })),
      ...rows.filter(({ id }) => !known.has(id)).map(({ id, applied_at }) => ({ owner, id, appliedAt: applied_at })),
    ];
  });
}

type AppliedRow = MigrationTables['tidings_migrations'];

async function locked(
  target: MigrationTarget,
  work: (tx: Transaction<MigrationTables>) => Promise<void>,
): Promise<void> {
  await target.transaction<MigrationTables, void>(async (tx) => {
    // On SQLite a transaction is a lock on all of the database.
    if (target.dialect === 'postgres') await sql`select pg_advisory_xact_lock(${sql.lit(lockKey)})`.execute(tx);
    await work(tx);
  });
}

async function applyOne(
  tx: Transaction<MigrationTables>,
  dialect: StoreDialect,
  owner: string,
  migration: Migration,
): Promise<void> {
  try {
    await migration.up(tx as unknown as Kysely<unknown>, dialect);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new Error(`the migration ${owner}/${migration.id} failed, and nothing of it is left: ${reason}`, { cause });
  }
}

async function makeTable(tx: Kysely<MigrationTables>, dialect: StoreDialect): Promise<void> {
  const text = dialect === 'postgres' ? sql`text collate "C"` : sql`text`;
  await sql`
    create table if not exists tidings_migrations (
      owner ${text} not null, id ${text} not null, applied_at bigint not null, primary key (owner, id)
    )`.execute(tx);
}

async function readApplied(target: MigrationTarget): Promise<AppliedRow[]> {
  const db = target.database<MigrationTables>();
  const found =
    target.dialect === 'postgres'
      ? sql<{ found: number }>`select to_regclass('tidings_migrations') is not null as found`
      : sql<{ found: number }>`select count(*) as found from sqlite_master where name = 'tidings_migrations'`;
  const { rows } = await found.execute(db);
  return rows[0]?.found === 1 ? readRows(db) : [];
}

function readRows(db: Kysely<MigrationTables>): Promise<AppliedRow[]> {
  return db.selectFrom('tidings_migrations').selectAll().orderBy('owner').orderBy('id').execute();
}

function missing(
  sets: readonly MigrationSet[],
  applied: readonly AppliedRow[],
): { readonly owner: string; readonly migration: Migration }[] {
  checkKnown(sets, applied);
  return sets.flatMap(({ owner, migrations }) => {
    const done = new Set(applied.filter((row) => row.owner === owner).map((row) => row.id));
    const open = migrations.filter(({ id }) => !done.has(id));
    const late = migrations.slice(0, done.size).find(({ id }) => !done.has(id));
    if (late) {
      throw new Error(
        `the database lacks the migration ${owner}/${late.id}, but has later ones of ${owner}: they were not applied in order`,
      );
    }
    return open.map((migration) => ({ owner, migration }));
  });
}

function checkKnown(sets: readonly MigrationSet[], applied: readonly AppliedRow[]): void {
  for (const { owner, migrations } of sets) {
    const unknown = applied.find((row) => row.owner === owner && migrations.every(({ id }) => id !== row.id));
    if (!unknown) continue;
    throw new Error(
      `the database has the migration ${owner}/${unknown.id}, which this program does not know: a newer version has written it. Run that version, or restore a backup from before it.`,
    );
  }
}

/** @throws Error for a mistake in the program. */
function checkSets(sets: readonly MigrationSet[]): void {
  const owners = sets.map(({ owner }) => owner);
  if (new Set(owners).size !== owners.length)
    throw new Error(`two sets of migrations have one owner: ${owners.join(', ')}`);
  for (const { owner, migrations } of sets) {
    for (const [i, { id }] of migrations.entries()) {
      const before = migrations[i - 1]?.id;
      if (before !== undefined && before >= id) {
        throw new Error(`the migrations of ${owner} are out of order: ${id} stands behind ${before}`);
      }
    }
  }
}
