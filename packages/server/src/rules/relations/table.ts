/**
 * A relation whose facts are rows of a table of the store: of the application, or of a module. The table is mirrored in
 * memory; triggers on it tell of changes (`table-triggers.ts`), whoever makes them.
 *
 * `where` is a condition of SQL in every query, and the triggers know nothing of it: they only say which fact to look at
 * again. An index on the columns of the fact makes that cheap.
 */
import { sql, type RawBuilder, type Transaction } from 'kysely';
import type { Store } from '../../stores/store.ts';
import { compileSql } from '../compile-sql.ts';
import { bindRule } from '../partial.ts';
import type { TypedExpr } from '../syntax.ts';
import type { RuleType } from '../types.ts';
import type { Argument, Facts } from './facts.ts';
import { MirroredRelation, type FactSource, type MirroredRelationOptions } from './mirror.ts';
import { describeTable, planColumn, type ColumnPlan, type TableDescription } from './table-columns.ts';
import { createTriggers, sourceId } from './table-triggers.ts';

const loadPageSize = 5_000;

export interface TableRelationOptions extends Omit<MirroredRelationOptions, 'source'> {
  readonly store: Store;
  /** In PostgreSQL with a schema before a dot, if it is not on the search path. */
  readonly table: string;
  /** One for each parameter, in order. */
  readonly columns: readonly string[];
  /** Which rows count: a checked rule over `row`, and the types of the columns it names. */
  readonly where?: { readonly expr: TypedExpr; readonly columns: Readonly<Record<string, RuleType>> } | undefined;
}

export class TableRelation extends MirroredRelation {
  constructor(options: TableRelationOptions) {
    super({ ...options, source: new TableRows(options) });
  }
}

type Texts = readonly (string | null)[];

/** What of the table is known once it was looked at. */
interface Plan {
  readonly description: TableDescription;
  readonly columns: readonly ColumnPlan[];
  readonly condition: RawBuilder<unknown>;
}

class TableRows implements FactSource {
  readonly id: string;
  readonly #options: TableRelationOptions;
  #plan: Plan | undefined;

  constructor(options: TableRelationOptions) {
    this.#options = options;
    this.id = sourceId(options.table, this.#watched);
  }

  get #watched() {
    const { columns, where } = this.#options;
    return { columns, whereColumns: Object.keys(where?.columns ?? {}) };
  }

  /** @throws Error that names the relation, and what of it is not in the database. */
  async open(): Promise<void> {
    const { store, table, facts } = this.#options;
    try {
      const description = await describeTable(store, table);
      this.#plan = this.#makePlan(description, facts);
      await createTriggers(store, this.id, description, this.#watched);
    } catch (error) {
      const message = `rules.relations.${facts.signature.name}: ${(error as Error).message}`;
      // The class of the error says whether trying again can help.
      if (error instanceof Error && error.name.startsWith('Store')) throw error;
      throw new Error(message, { cause: error });
    }
  }

  async load(each: (args: Texts) => void): Promise<void> {
    return this.#options.store.dialect === 'sqlite' ? this.#loadSqlite(each) : this.#loadPostgres(each);
  }

  async holding(facts: readonly (readonly Argument[])[]): Promise<readonly Texts[]> {
    const { columns, condition } = this.#opened;
    const names = columns.map(({ name }) => sql.id(name));
    const rows = facts.map(
      (args) => sql`(${sql.join(args.map((arg, i) => parameter(arg, columns[i] as ColumnPlan)))})`,
    );
    const one = names.length === 1;
    const found = await sql<Record<string, string | null>>`select ${this.#selection} from ${this.#table}
      where ${one ? names[0] : sql`(${sql.join(names)})`} in (${one ? sql.join(rows) : sql`values ${sql.join(rows)}`})
        and (${condition})`.execute(this.#options.store.database<never>());
    return found.rows.map((row) => this.#texts(row));
  }

  get #opened(): Plan {
    if (!this.#plan) throw new Error(`the table of ${this.#options.facts.signature.name} was not looked at yet`);
    return this.#plan;
  }

  get #table(): RawBuilder<unknown> {
    const { schema, table } = this.#opened.description;
    return schema === undefined ? sql.id(table) : sql.id(schema, table);
  }

  /** As text: that is exact for integers beyond 2^53 too. */
  get #selection(): RawBuilder<unknown> {
    return sql.join(
      this.#opened.columns.map(({ name }, i) => sql`cast(${sql.id(name)} as text) as ${sql.id(`a${i}`)}`),
    );
  }

  #texts(row: Readonly<Record<string, string | null>>): Texts {
    return this.#opened.columns.map((_column, i) => row[`a${i}`] ?? null);
  }

  #makePlan(description: TableDescription, { signature }: Facts): Plan {
    const { columns, where, store } = this.#options;
    const plan = (name: string, type: RuleType, use: 'argument' | 'where') =>
      planColumn(description, name, type, use, store.dialect);
    const plans = signature.parameters.map(({ type }, i) => plan(columns[i] as string, type, 'argument'));
    if (!where) return { description, columns: plans, condition: sql`1 = 1` };
    const filtered = Object.entries(where.columns).map(([name, type]) => plan(name, type, 'where'));
    const { fragments, parameters } = compileSql(
      bindRule(where.expr, {}),
      {
        variable: 'row',
        columns: Object.fromEntries(
          filtered.map(({ name, type, encoding }) => [name, { column: name, type, encoding }]),
        ),
      },
      store.dialect,
    );
    const parts = fragments.flatMap((text, i) =>
      i === 0 ? [sql.raw(text)] : [sql`${parameters[i - 1]}`, sql.raw(text)],
    );
    return { description, columns: plans, condition: sql.join(parts, sql``) };
  }

  /** Through a cursor: one snapshot, without a sort, a page at a time. */
  async #loadPostgres(each: (args: Texts) => void): Promise<void> {
    const query = sql`select ${this.#selection} from ${this.#table} where (${this.#opened.condition})`;
    await this.#options.store.transaction<never, void>(async (tx: Transaction<never>) => {
      await sql`declare tidings_facts no scroll cursor for ${query}`.execute(tx);
      for (let full = true; full;) {
        const { rows } = await sql<Record<string, string | null>>`
          fetch ${sql.lit(loadPageSize)} from tidings_facts`.execute(tx);
        for (const row of rows) each(this.#texts(row));
        full = rows.length === loadPageSize;
      }
    });
  }

  /** A table WITHOUT ROWID has no number to go on from, and comes at once. */
  async #loadSqlite(each: (args: Texts) => void): Promise<void> {
    const { description, condition } = this.#opened;
    const db = this.#options.store.database<never>();
    let after: string | undefined;
    for (;;) {
      const place = description.hasRowId ? sql`cast(_rowid_ as text)` : sql`null`;
      const page = description.hasRowId ? sql`order by _rowid_ limit ${sql.lit(loadPageSize)}` : sql``;
      const beyond = after === undefined ? sql`` : sql`and _rowid_ > cast(${after} as integer)`;
      const { rows } = await sql<Record<string, string | null>>`select ${place} as place, ${this.#selection}
        from ${this.#table} where (${condition}) ${beyond} ${page}`.execute(db);
      for (const row of rows) each(this.#texts(row));
      if (!description.hasRowId || rows.length < loadPageSize) return;
      after = rows.at(-1)?.['place'] ?? undefined;
      // SQLite answers at once: without a pause nobody else would have a turn until all is read.
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }
}

function parameter(arg: Argument, { cast, encoding }: ColumnPlan): RawBuilder<unknown> {
  const value = typeof arg !== 'boolean' ? arg : encoding === 'zero-one' ? (arg ? 1n : 0n) : String(arg);
  // Through text, so that the driver need not know the type.
  return cast === undefined ? sql`${value}` : sql`${String(value)}::${sql.raw(cast)}`;
}
