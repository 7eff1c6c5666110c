/**
 * Writes a filter as SQL. An error of CEL is NULL in SQL: `&&`, `||` and `!` treat the one as AND, OR and NOT treat the
 * other, and WHERE takes neither for true. But NULL is a value of nullable columns, and not an error to `==`; and a column
 * that must not be NULL, and is, makes an error of everything that is done with it.
 */
import { equals } from './equality.ts';
import { readWhole } from './fields.ts';
import { boundOf, type Bound } from './sql-bounds.ts';
import { joined, quoted, raw, sql, type Sql, type SqlDialect } from './sql-dialect.ts';
import {
  columnOperand,
  readFilter,
  type ColumnOperand,
  type ComparisonOperator,
  type Filter,
  type Operand,
  type TextTest,
  type ValueOperand,
} from './sql-filter.ts';
import { isMap, keysOf, kindOf } from './value-kind.ts';
import { Failure, type Value } from './value.ts';

/** @throws TypeError if the rule was not bound. */
export function writeFilter(filter: Filter, dialect: SqlDialect): Sql {
  return new FilterWriter(dialect).condition(filter);
}

type OrderOperator = Exclude<ComparisonOperator, '==' | '!='>;

type ValueBound = Extract<Bound, { readonly value: unknown }>;

const mirrored: Readonly<Record<OrderOperator, OrderOperator>> = { '<': '>', '<=': '>=', '>': '<', '>=': '<=' };

class FilterWriter {
  readonly #dialect: SqlDialect;
  /** Tables of facts so far, for names that differ. */
  #facts = 0;

  constructor(dialect: SqlDialect) {
    this.#dialect = dialect;
  }

  condition(filter: Filter): Sql {
    const { verdicts } = this.#dialect;
    switch (filter.kind) {
      case 'value': {
        const value = constantOf(filter);
        return typeof value === 'boolean' ? this.#verdict(value) : verdicts.unknown;
      }
      case 'and':
      case 'or':
        return joined(
          filter.parts.map((part) => this.condition(part)),
          filter.kind === 'and' ? 'AND' : 'OR',
        );
      case 'not':
        return sql`(NOT ${this.condition(filter.operand)})`;
      case 'choose':
        // The form with a value to compare: NULL is neither of the two, and the condition is evaluated once.
        return sql`(CASE ${this.condition(filter.condition)} WHEN TRUE THEN ${this.condition(filter.then)} WHEN FALSE THEN ${this.condition(filter.otherwise)} END)`;
      case 'column':
        return this.#storage(filter) === 'boolean' ? this.#name(filter) : sql`(${this.#name(filter)} <> 0)`;
      case 'compare':
        return this.#comparison(filter.operator, filter.left, filter.right);
      case 'in':
        return this.#isIn(filter.column, constantOf(filter.list));
      case 'among':
        return this.#isAmong(filter.operand, filter.list);
      case 'text':
        return this.#textTest(filter.test, filter.column, constantOf(filter.text));
      case 'present':
        return sql`(${this.#name(filter.column)} IS NOT NULL)`;
      case 'fact':
        return this.#fact(filter);
    }
  }

  #comparison(operator: ComparisonOperator, left: Operand, right: Operand): Sql {
    if (operator === '!=') return sql`(NOT ${this.#comparison('==', left, right)})`;
    if (left.kind === 'column' && right.kind === 'column') {
      return operator === '==' ? this.#isAmong(left, [right]) : this.#orderColumns(operator, left, right);
    }
    if (left.kind === 'column') return this.#compareWith(operator, left, right as ValueOperand);
    if (right.kind === 'column') {
      return this.#compareWith(operator === '==' ? '==' : mirrored[operator], right, left);
    }
    throw new TypeError('a comparison of values is left: the rule was not bound');
  }

  #compareWith(operator: OrderOperator | '==', column: ColumnOperand, operand: ValueOperand): Sql {
    const value = constantOf(operand);
    if (value instanceof Failure) return this.#dialect.verdicts.unknown;
    if (operator !== '==') return this.#order(operator, column, value);
    const equal = this.#isEqual(column, value);
    // With a parameter the comparison is NULL by itself where it must be, and an index can serve it.
    const isNullByItself = value !== null && canEqual(this.#bound(column, value));
    return column.isNullable || isNullByItself ? equal : this.#unlessNull([column], equal);
  }

  #order(operator: OrderOperator, column: ColumnOperand, value: Value): Sql {
    const bound = this.#bound(column, value);
    const isLess = operator === '<' || operator === '<=';
    switch (bound.kind) {
      case 'incomparable':
        return this.#dialect.verdicts.unknown;
      case 'unordered':
        return this.#unlessNull([column], this.#dialect.verdicts.false);
      case 'end':
        return this.#unlessNull([column], this.#verdict(isLess));
      case 'at':
      case 'as double':
        return this.#orderWith(column, operator, bound);
      case 'below':
        return this.#orderWith(column, isLess ? '<=' : '>', bound);
      case 'above':
        return this.#orderWith(column, isLess ? '<' : '>=', bound);
    }
  }

  #orderWith(column: ColumnOperand, operator: OrderOperator, bound: ValueBound): Sql {
    const { nan } = this.#dialect;
    const compared = sql`(${this.#compared(column, operator, bound)})`;
    const takesNan = nan && column.type === 'double' && (operator === '>' || operator === '>=');
    return takesNan ? sql`(${compared} AND ${this.#name(column)} <> ${nan})` : compared;
  }

  #compared(column: ColumnOperand, operator: OrderOperator | '=', bound: ValueBound): Sql {
    return bound.kind === 'as double'
      ? sql`${this.#asDouble(column)} ${raw(operator)} ${this.#dialect.parameter('float8', bound.value)}`
      : sql`${this.#comparable(column)} ${raw(operator)} ${this.#dialect.parameter(this.#storage(column), bound.value)}`;
  }

  #orderColumns(operator: OrderOperator, left: ColumnOperand, right: ColumnOperand): Sql {
    const { nan, verdicts } = this.#dialect;
    const compared = sql`${this.#comparable(left)} ${raw(operator)} ${this.#comparable(right)}`;
    if (!nan || left.type !== 'double') return sql`(${compared})`;
    const greater = this.#name(operator === '<' || operator === '<=' ? right : left);
    const otherwise = this.#unlessNull([left, right], verdicts.false);
    return sql`(CASE WHEN ${greater} <> ${nan} THEN ${compared} ELSE ${otherwise} END)`;
  }

  /** Whether the operand is equal to one of the others; an error if one of them is. */
  #isAmong(operand: Operand, others: readonly Operand[]): Sql {
    const all = [operand, ...others];
    if (all.some((each) => each.kind === 'value' && constantOf(each) instanceof Failure)) {
      return this.#dialect.verdicts.unknown;
    }
    const equal = joined(
      others.map((other) => this.#areEqual(operand, other)),
      'OR',
    );
    const required = all.filter((each) => each.kind === 'column').filter(({ isNullable }) => !isNullable);
    return required.length === 0 ? equal : this.#unlessNull(required, equal);
  }

  /** True or false, if the columns that must not be NULL are not. */
  #areEqual(left: Operand, right: Operand): Sql {
    if (left.kind === 'column') {
      if (right.kind === 'value') return this.#isEqual(left, constantOf(right) as Value);
      const same = this.#dialect.areSame(this.#comparable(left), this.#comparable(right));
      const { nan } = this.#dialect;
      return nan && left.type === 'double'
        ? sql`(${same} AND ${this.#name(left)} IS DISTINCT FROM ${nan})`
        : sql`(${same})`;
    }
    if (right.kind === 'column') return this.#isEqual(right, constantOf(left) as Value);
    const verdict = equals(constantOf(left), constantOf(right));
    return verdict instanceof Failure ? this.#dialect.verdicts.unknown : this.#verdict(verdict);
  }

  #isEqual(column: ColumnOperand, value: Value): Sql {
    if (value === null) return column.isNullable ? sql`(${this.#name(column)} IS NULL)` : this.#verdict(false);
    const bound = this.#bound(column, value);
    if (!canEqual(bound)) return this.#verdict(false);
    const equal = sql`(${this.#compared(column, '=', bound)})`;
    // Not IS NOT DISTINCT FROM, for which PostgreSQL uses no index.
    return column.isNullable ? sql`(${this.#name(column)} IS NOT NULL AND ${equal})` : equal;
  }

  #isIn(column: ColumnOperand, list: Value | Failure): Sql {
    const { verdicts } = this.#dialect;
    const values = elementsOf(list);
    if (values === undefined) return verdicts.unknown;
    const bounds = values.filter((value) => value !== null).map((value) => this.#bound(column, value));
    const exact = bounds.filter(({ kind }) => kind === 'at').map((bound) => (bound as ValueBound).value);
    const doubles = bounds.filter((bound) => bound.kind === 'as double').map(({ value }) => value);
    const tests = [
      ...(exact.length === 0 ? [] : [this.#dialect.isAnyOf(this.#comparable(column), this.#storage(column), exact)]),
      ...(doubles.length === 0 ? [] : [this.#dialect.isAnyOf(this.#asDouble(column), 'float8', doubles)]),
    ];
    const isEmpty = tests.length === 0;
    const found = isEmpty ? verdicts.false : sql`(${joined(tests, 'OR')})`;
    if (!column.isNullable) return isEmpty ? this.#unlessNull([column], found) : found;
    return values.includes(null)
      ? sql`(${this.#name(column)} IS NULL OR ${found})`
      : sql`(${this.#name(column)} IS NOT NULL AND ${found})`;
  }

  #textTest(test: TextTest, column: ColumnOperand, text: Value | Failure): Sql {
    if (typeof text !== 'string') return this.#dialect.verdicts.unknown;
    if (text === '') return this.#unlessNull([column], this.#verdict(true));
    // Half of a pair at an end: JavaScript finds it in a whole one, the database cannot. That counts as an error.
    if (/^[\udc00-\udfff]|[\ud800-\udbff]$/.test(text)) return this.#dialect.verdicts.unknown;
    // No text in the database has such a part.
    if (this.#bound(column, text).kind !== 'at') return this.#unlessNull([column], this.#verdict(false));
    return sql`(${this.#dialect[test](this.#comparable(column), text)})`;
  }

  #fact({ relation, args }: Filter & { kind: 'fact' }): Sql {
    const alias = `fact#${++this.#facts}`;
    const columns = relation.columns.map((column) => columnOperand(column, alias));
    if (args.length !== columns.length || args.some((arg, index) => !canBeAsked(arg, columns[index]))) {
      return this.#dialect.verdicts.unknown;
    }
    const orders = relation.symmetric === true ? [columns, columns.toReversed()] : [columns];
    const isFact = orders.map((order) =>
      joined(
        order.map((column, index) => this.#isFactOf(column, args[index] as Operand)),
        'AND',
      ),
    );
    const conditions = [joined(isFact, 'OR')];
    if (relation.where) {
      const { filter, problems } = readFilter(relation.where.rule, { ...relation.where.table, alias });
      if (problems[0]) throw new TypeError(`the rule over ${relation.table} has ${problems[0].found}`);
      conditions.push(this.condition(filter));
    }
    const schema = relation.schema === undefined ? raw('') : sql`${quoted(relation.schema)}.`;
    const exists = sql`EXISTS (SELECT 1 FROM ${schema}${quoted(relation.table)} AS ${quoted(alias)} WHERE ${joined(conditions, 'AND')})`;
    // To ask about null is an error, even if the column is nullable.
    const asked = args.filter((arg) => arg.kind === 'column');
    return asked.length === 0 ? exists : this.#unlessNull(asked, exists);
  }

  #isFactOf(column: ColumnOperand, arg: Operand): Sql {
    if (arg.kind === 'value') return this.#isEqual(column, constantOf(arg) as Value);
    return sql`(${this.#comparable(column)} = ${this.#comparable(arg)})`;
  }

  #unlessNull(columns: readonly ColumnOperand[], verdict: Sql): Sql {
    const present = columns.map((column) => sql`${this.#name(column)} IS NOT NULL`);
    return sql`(CASE WHEN ${joined(present, 'AND')} THEN ${verdict} END)`;
  }

  #verdict(value: boolean): Sql {
    return value ? this.#dialect.verdicts.true : this.#dialect.verdicts.false;
  }

  #bound(column: ColumnOperand, value: Value): Bound {
    return boundOf(column.type, this.#storage(column), value, this.#dialect);
  }

  #storage(column: ColumnOperand): ReturnType<SqlDialect['storageOf']> {
    return this.#dialect.storageOf(column.type, column.encoding);
  }

  #name({ alias, column }: ColumnOperand): Sql {
    return alias === undefined ? quoted(column) : sql`${quoted(alias)}.${quoted(column)}`;
  }

  #asDouble(column: ColumnOperand): Sql {
    return sql`CAST(${this.#name(column)} AS DOUBLE PRECISION)`;
  }

  #comparable(column: ColumnOperand): Sql {
    return column.type === 'string' ? sql`${this.#name(column)}${raw(this.#dialect.byCodePoints)}` : this.#name(column);
  }
}

function canEqual(bound: Bound): bound is Bound & { kind: 'at' | 'as double' } {
  return bound.kind === 'at' || bound.kind === 'as double';
}

/**
 * Values from outside are read as their type says only when they are used, as in JavaScript.
 * @throws TypeError if the rule was not bound.
 */
function constantOf({ expr }: ValueOperand): Value | Failure {
  if (expr.kind === 'constant') return readWhole(expr.value, expr.type, 'a value');
  if (expr.kind === 'failure') return new Failure(expr.reason);
  const name = expr.kind === 'variable' ? `the variable ${expr.name}` : `a part of kind ${expr.kind}`;
  throw new TypeError(`${name} is not bound: bindRule needs every variable but the row, and the relations`);
}

/** What `in` looks through; undefined for what it does not take. */
function elementsOf(list: Value | Failure): readonly Value[] | undefined {
  if (list instanceof Failure) return undefined;
  if (isMap(list)) return keysOf(list);
  return Array.isArray(list) ? (list as readonly Value[]) : undefined;
}

/** Relations take what they are declared to take, and nothing that is merely equal. */
function canBeAsked(arg: Operand, column: ColumnOperand | undefined): boolean {
  if (arg.kind === 'column') return true;
  const kind = kindOf(constantOf(arg));
  return kind === column?.type;
}
