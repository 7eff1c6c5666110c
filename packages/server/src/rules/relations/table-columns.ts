/** What the database says of a table that a relation mirrors, held against what the configuration says of it. */
import { sql } from 'kysely';
import { nearest } from '../../lib/nearest.ts';
import type { Store, StoreDialect } from '../../stores/store.ts';
import type { SqlColumn } from '../compile-sql.ts';
import { formatType, type RuleType } from '../types.ts';

export interface TableColumn {
  readonly name: string;
  /** As the database writes it: `character varying(64)`, `INTEGER`. */
  readonly type: string;
}

export interface TableDescription {
  /** Undefined: wherever the database finds it. */
  readonly schema: string | undefined;
  readonly table: string;
  readonly columns: readonly TableColumn[];
  /** SQLite: sets of columns of which no two rows have the same values. */
  readonly keys: readonly (readonly string[])[];
  /** SQLite: pages can be read by the number of the row. */
  readonly hasRowId: boolean;
  /** PostgreSQL: this user may do everything with it. */
  readonly owned: boolean;
}

/** How a column is compared and written. */
export interface ColumnPlan {
  readonly name: string;
  readonly type: RuleType;
  readonly encoding: NonNullable<SqlColumn['encoding']>;
  /** PostgreSQL: the type of a parameter that is compared with it. */
  readonly cast: 'text' | 'uuid' | 'bigint' | 'boolean' | undefined;
}

/** Listed in an error at most. */
const maxListed = 30;

/**
 * Reads what a table is.
 * @param name with a schema before a dot in PostgreSQL, if it is not on the search path.
 * @throws Error if there is none, or if it is a view or has tables that inherit from it, which nothing can watch.
 */
export async function describeTable(store: Store, name: string): Promise<TableDescription> {
  return store.dialect === 'sqlite' ? describeSqlite(store, name) : describePostgres(store, name);
}

async function describePostgres(store: Store, name: string): Promise<TableDescription> {
  const db = store.database<never>();
  const dot = name.indexOf('.');
  const schema = dot < 0 ? undefined : name.slice(0, dot);
  const table = name.slice(dot + 1);
  const { rows } = await sql<{ kind: string; owned: number; has_heirs: number; name: string; type: string }>`
    select class.relkind::text as kind, pg_has_role(class.relowner, 'member') as owned,
      exists (select from pg_inherits where inhparent = class.oid) as has_heirs,
      attribute.attname::text as name, format_type(attribute.atttypid, attribute.atttypmod) as type
    from pg_class as class
    join pg_namespace as namespace on namespace.oid = class.relnamespace
    join pg_attribute as attribute on attribute.attrelid = class.oid
    where class.relname = ${table} and class.relkind in ('r', 'p', 'v', 'm', 'f')
      and case when ${schema ?? null}::text is null then pg_table_is_visible(class.oid)
        else namespace.nspname = ${schema ?? null}::text end
      and attribute.attnum > 0 and not attribute.attisdropped
    order by attribute.attnum`.execute(db);
  if (rows.length === 0) {
    const all = await sql<{ name: string }>`select relname::text as name from pg_class
      where relkind in ('r', 'p') and pg_table_is_visible(oid) and relnamespace <> 'pg_catalog'::regnamespace
      order by 1`.execute(db);
    throw noSuchTable(name, all.rows);
  }
  if (rows[0]?.kind !== 'r' && rows[0]?.kind !== 'p') throw notATable(name);
  // Those of partitions are watched with the table; those of tables that inherit are in what it gives, and nobody hears.
  if (rows[0].kind === 'r' && rows[0].has_heirs === 1) {
    throw new Error(
      `${JSON.stringify(name)} has tables that inherit from it, whose rows nothing can watch; valid: a table without, or one in partitions`,
    );
  }
  return { schema, table, columns: rows, keys: [], hasRowId: false, owned: rows[0].owned === 1 };
}

async function describeSqlite(store: Store, name: string): Promise<TableDescription> {
  const db = store.database<never>();
  const found = await sql<{ type: string; wr: number }>`
    select type, wr from pragma_table_list where name = ${name} and schema = 'main'`.execute(db);
  const [table] = found.rows;
  if (!table) {
    const all = await sql<{ name: string }>`
      select name from sqlite_schema where type = 'table' and name not like 'sqlite_%' order by 1`.execute(db);
    throw noSuchTable(name, all.rows);
  }
  if (table.type !== 'table') throw notATable(name);
  const columns = await sql<{ name: string; type: string; pk: number }>`
    select name, type, pk from pragma_table_info(${name})`.execute(db);
  const indexes = await sql<{ index: string; column: string | null }>`
    select list.name as "index", info.name as "column" from pragma_index_list(${name}) as list
    join pragma_index_info(list.name) as info where list."unique" = 1`.execute(db);
  const unique = Map.groupBy(indexes.rows, (row) => row.index);
  const keys = [
    columns.rows.filter(({ pk }) => pk > 0).map((column) => column.name),
    // An index over an expression has a part without a name.
    ...[...unique.values()].map((parts) => parts.flatMap(({ column }) => (column === null ? [] : [column]))),
  ].filter((key) => key.length > 0);
  return { schema: undefined, table: name, columns: columns.rows, keys, hasRowId: table.wr === 0, owned: true };
}

function noSuchTable(name: string, tables: readonly { readonly name: string }[]): Error {
  return new Error(
    `there is no table ${JSON.stringify(name)}; ${listed(
      name,
      tables.map((row) => row.name),
      'tables',
    )}`,
  );
}

function notATable(name: string): Error {
  return new Error(`${JSON.stringify(name)} is a view or the like, which nothing can watch; valid: a table`);
}

function listed(name: string, all: readonly string[], what: string): string {
  const meant = nearest(name, all);
  const more = all.length > maxListed ? ` and ${all.length - maxListed} more` : '';
  const list =
    all.length === 0 ? `there are no ${what}` : `the ${what} are ${all.slice(0, maxListed).join(', ')}${more}`;
  return meant === undefined ? list : `perhaps ${meant}; ${list}`;
}

/**
 * Finds a column, and how its values are compared.
 * @param use a `where` compares in SQL, where fewer types mean the same as in JavaScript.
 * @throws Error if there is none, or if its type does not hold values of the declared one.
 */
export function planColumn(
  description: TableDescription,
  name: string,
  declared: RuleType,
  use: 'argument' | 'where',
  dialect: StoreDialect,
): ColumnPlan {
  const { table, columns } = description;
  const column = columns.find((candidate) => candidate.name === name);
  if (!column) {
    const names = columns.map((candidate) => candidate.name);
    throw new Error(`the table ${table} has no column ${JSON.stringify(name)}; ${listed(name, names, 'columns')}`);
  }
  const of = declared.kind === 'nullable' ? declared.of : declared;
  const forms = dialect === 'sqlite' ? sqliteForms(use) : postgresForms(use);
  const kind = dialect === 'sqlite' ? affinityOf(column.type) : column.type.replace(/\(.*\)/, '');
  const form = forms[of.kind]?.[kind];
  if (!form) {
    const valid = Object.keys(forms[of.kind] ?? {}).join(', ');
    throw new Error(
      `the column ${table}.${name} of type ${column.type || '(none)'} holds no ${formatType(of)}; valid: ${valid}`,
    );
  }
  return { name, type: declared, ...form };
}

type Form = Pick<ColumnPlan, 'encoding' | 'cast'>;
/** By declared type, by type of the column. */
type Forms = Readonly<Record<string, Readonly<Record<string, Form>> | undefined>>;

function postgresForms(use: 'argument' | 'where'): Forms {
  const text: Form = { encoding: 'native', cast: 'text' };
  const int: Form = { encoding: 'native', cast: 'bigint' };
  const flag: Form = { encoding: 'zero-one', cast: 'bigint' };
  const plain: Form = { encoding: 'native', cast: undefined };
  return {
    string: {
      text,
      'character varying': text,
      ...(use === 'argument' && { uuid: { encoding: 'native', cast: 'uuid' } }),
    },
    int: { smallint: int, integer: int, bigint: int },
    bool: { boolean: { encoding: 'native', cast: 'boolean' }, smallint: flag, integer: flag, bigint: flag },
    ...(use === 'where' && {
      double: { 'double precision': plain },
      timestamp: { 'timestamp with time zone': plain, bigint: { encoding: 'unix-ms', cast: undefined } },
    }),
  };
}

function sqliteForms(use: 'argument' | 'where'): Forms {
  const plain: Form = { encoding: 'native', cast: undefined };
  const flag: Form = { encoding: 'zero-one', cast: undefined };
  return {
    string: { TEXT: plain },
    int: { INTEGER: plain },
    bool: { INTEGER: flag, BOOLEAN: flag },
    ...(use === 'where' && {
      double: { REAL: plain },
      timestamp: { INTEGER: { encoding: 'unix-ms', cast: undefined } },
    }),
  };
}

/** Source: https://www.sqlite.org/datatype3.html#determination_of_column_affinity (BOOLEAN is NUMERIC there). */
function affinityOf(type: string): string {
  const declared = type.toUpperCase();
  if (declared.includes('INT')) return 'INTEGER';
  if (/CHAR|CLOB|TEXT/.test(declared)) return 'TEXT';
  if (declared === '' || declared.includes('BLOB')) return 'BLOB';
  if (/REAL|FLOA|DOUB/.test(declared)) return 'REAL';
  return declared.startsWith('BOOL') ? 'BOOLEAN' : 'NUMERIC';
}
