/**
 * What a rule over rows asks of columns, in the few forms that mean the same in JavaScript and in every database. The rule
 * is read into them when it is loaded, where all else is refused, and again when it is bound, to be written as SQL
 * (`sql-writer.ts`). What does not touch the row is a value, known when the rule is bound.
 */
import type { ColumnKind } from './sql-dialect.ts';
import type { SqlColumn, SqlRelation, SqlTable } from './sql-table.ts';
import { childrenOf, type RuleProblem, type TypedExpr } from './syntax.ts';
import { formatType } from './types.ts';

export type Filter =
  | ValueOperand
  | { readonly kind: 'and' | 'or'; readonly parts: readonly Filter[] }
  | { readonly kind: 'not'; readonly operand: Filter }
  | { readonly kind: 'choose'; readonly condition: Filter; readonly then: Filter; readonly otherwise: Filter }
  /** A column of bools. */
  | ColumnOperand
  | {
      readonly kind: 'compare';
      readonly operator: ComparisonOperator;
      readonly left: Operand;
      readonly right: Operand;
    }
  /** Whether the column has one of the values of a list that is one value. */
  | { readonly kind: 'in'; readonly column: ColumnOperand; readonly list: ValueOperand }
  /** The same for a list that is written out, with columns in it. */
  | { readonly kind: 'among'; readonly operand: Operand; readonly list: readonly Operand[] }
  | { readonly kind: 'text'; readonly test: TextTest; readonly column: ColumnOperand; readonly text: ValueOperand }
  | { readonly kind: 'present'; readonly column: ColumnOperand }
  | { readonly kind: 'fact'; readonly relation: SqlRelation; readonly args: readonly Operand[] };

export type Operand = ColumnOperand | ValueOperand;

export interface ColumnOperand {
  readonly kind: 'column';
  readonly column: string;
  /** Name of the table in the query. */
  readonly alias: string | undefined;
  readonly type: ColumnKind;
  readonly encoding: NonNullable<SqlColumn['encoding']>;
  readonly isNullable: boolean;
}

export interface ValueOperand {
  readonly kind: 'value';
  /** A constant or a failure, once the rule is bound. */
  readonly expr: TypedExpr;
}

export type ComparisonOperator = '==' | '!=' | '<' | '<=' | '>' | '>=';
export type TextTest = 'startsWith' | 'endsWith' | 'contains';

/** @throws TypeError if the declaration of the table lacks something: that is no fault of the rule. */
export function readFilter(
  expr: TypedExpr,
  table: SqlTable,
): { readonly filter: Filter; readonly problems: readonly RuleProblem[] } {
  const reader = new FilterReader(table);
  return { filter: reader.condition(expr), problems: reader.problems };
}

/** @throws TypeError for a type that no column has. */
export function columnOperand(column: SqlColumn, alias: string | undefined): ColumnOperand {
  const found = columnOf(column, alias);
  if (!found) throw new TypeError(`the column ${column.column} of type ${formatType(column.type)} has no form in SQL`);
  return found;
}

const comparisons: Readonly<Record<string, ComparisonOperator>> = {
  '_==_': '==',
  '_!=_': '!=',
  '_<_': '<',
  '_<=_': '<=',
  '_>_': '>',
  '_>=_': '>=',
};
const textTests: readonly string[] = ['startsWith', 'endsWith', 'contains'] satisfies readonly TextTest[];
const columnKinds: readonly string[] = ['bool', 'int', 'double', 'string', 'timestamp'] satisfies readonly ColumnKind[];

/** A filter cannot do arithmetic on columns: it would overflow and round in other ways than a rule does. */
const validOperand = 'a column as it is, or what needs no row';
const validCondition = '== != < <= > >= in, startsWith, endsWith, contains, has, && || ! ?:, a bool column';

class FilterReader {
  readonly problems: RuleProblem[] = [];
  readonly #table: SqlTable;

  constructor(table: SqlTable) {
    this.#table = table;
  }

  condition(expr: TypedExpr): Filter {
    if (expr.kind === 'relation') return this.#fact(expr);
    if (!this.#touchesRow(expr)) return { kind: 'value', expr };
    switch (expr.kind) {
      case 'logical':
        return this.#logical(expr);
      case 'conditional': {
        const condition = this.condition(expr.condition);
        const then = this.condition(expr.then);
        return { kind: 'choose', condition, then, otherwise: this.condition(expr.otherwise) };
      }
      case 'call':
        return this.#call(expr);
      case 'field': {
        const column = this.#column(expr);
        if (column && column.type !== 'bool') {
          return this.#refuse(expr, `the ${column.type} column ${expr.name} as a condition`, validCondition);
        }
        return column ?? nothing(expr);
      }
      case 'present': {
        const column = this.#column(expr);
        return column ? { kind: 'present', column } : nothing(expr);
      }
      default:
        return this.#refuse(expr, `${describe(expr)} in a filter of rows`, validCondition);
    }
  }

  #logical(expr: TypedExpr & { kind: 'logical' }): Filter {
    const kind = expr.operator === '&&' ? 'and' : 'or';
    // `a && b && c` is one list, since databases limit how deep an expression is.
    const parts = [expr.left, expr.right].flatMap((side) => {
      const part = this.condition(side);
      return part.kind === kind ? part.parts : [part];
    });
    return { kind, parts };
  }

  #call(expr: TypedExpr & { kind: 'call' }): Filter {
    const { name, args } = expr;
    const [first, second] = args;
    if (name === '!_' && first) return { kind: 'not', operand: this.condition(first) };
    if (!first || !second || args.length > 2) return this.#refuseCall(expr);
    if (Object.hasOwn(comparisons, name)) {
      return this.#comparison(expr, comparisons[name] as ComparisonOperator, first, second);
    }
    if (name === '@in') return this.#membership(expr, first, second);
    if (textTests.includes(name)) return this.#textTest(expr, name as TextTest, first, second);
    return this.#refuseCall(expr);
  }

  #comparison(expr: TypedExpr, operator: ComparisonOperator, first: TypedExpr, second: TypedExpr): Filter {
    const left = this.#operand(first);
    const right = this.#operand(second);
    if (!left || !right || !this.#canCompare(expr, left, right)) return nothing(expr);
    return { kind: 'compare', operator, left, right };
  }

  #membership(expr: TypedExpr, first: TypedExpr, second: TypedExpr): Filter {
    const operand = this.#operand(first);
    if (!this.#touchesRow(second)) {
      return operand?.kind === 'column' ? { kind: 'in', column: operand, list: valueOf(second) } : nothing(expr);
    }
    if (second.kind !== 'list') {
      return this.#refuse(second, `${describe(second)} after in`, 'a list that needs no row, or [ ] with columns');
    }
    const list = second.elements.map((element) => this.#operand(element));
    if (!operand || !list.every((element) => element !== undefined)) return nothing(expr);
    if (!list.every((element) => this.#canCompare(expr, operand, element))) return nothing(expr);
    return { kind: 'among', operand, list };
  }

  #textTest(expr: TypedExpr, test: TextTest, first: TypedExpr, second: TypedExpr): Filter {
    const column = this.#operand(first);
    if (this.#touchesRow(second)) {
      return this.#refuse(second, `${describe(second)} in ${test}(…)`, 'a text that needs no row');
    }
    if (column?.kind === 'column' && column.type !== 'string') {
      return this.#refuse(first, `a column of type ${column.type} before ${test}`, 'a string column');
    }
    return column?.kind === 'column' ? { kind: 'text', test, column, text: valueOf(second) } : nothing(expr);
  }

  /** A fact about columns is looked up by the database; one that needs no row is asked when the rule is bound. */
  #fact(expr: TypedExpr & { kind: 'relation' }): Filter {
    const { relations = {}, alias } = this.#table;
    const relation = Object.hasOwn(relations, expr.relation) ? relations[expr.relation] : undefined;
    if (!relation) {
      if (!this.#touchesRow(expr)) return valueOf(expr);
      const valid = Object.keys(relations).map((name) => `${name}(…)`);
      return this.#refuse(
        expr,
        `the relation ${expr.relation} asked about a column`,
        valid.length === 0
          ? 'a relation asked about what needs no row'
          : `${valid.join(', ')}, whose facts are in tables`,
      );
    }
    const args = expr.args.map((arg) => this.#operand(arg));
    if (!args.every((arg) => arg !== undefined)) return nothing(expr);
    if (alias === undefined && args.some(({ kind }) => kind === 'column')) {
      // An unqualified name would mean a column of the table of facts, if that has one of the same name.
      throw new TypeError('a table whose columns are arguments of relations needs an alias');
    }
    for (const [index, arg] of args.entries()) {
      const column = relation.columns[index];
      if (!column) throw new TypeError(`the relation ${expr.relation} has no column for its argument ${index + 1}`);
      if (!this.#canCompare(expr.args[index] as TypedExpr, arg, columnOperand(column, undefined))) return nothing(expr);
    }
    return { kind: 'fact', relation, args };
  }

  #operand(expr: TypedExpr): Operand | undefined {
    if (!this.#touchesRow(expr)) return valueOf(expr);
    if (expr.kind === 'field') return this.#column(expr);
    this.#refuse(expr, `${describe(expr)} as an operand in a filter of rows`, validOperand);
    return undefined;
  }

  #column(expr: TypedExpr & { kind: 'field' | 'present' }): ColumnOperand | undefined {
    const { variable, alias, columns } = this.#table;
    if (expr.operand.kind !== 'variable' || expr.operand.name !== variable) {
      this.#refuse(expr, `a field of ${describe(expr.operand)}`, `${variable}.column`);
      return undefined;
    }
    const declared = Object.hasOwn(columns, expr.name) ? columns[expr.name] : undefined;
    if (!declared) {
      this.#refuse(
        expr,
        `${variable}.${expr.name}, which has no column`,
        `the columns ${Object.keys(columns).join(', ')}`,
      );
      return undefined;
    }
    const column = columnOf(declared, alias);
    if (!column) {
      this.#refuse(
        expr,
        `the column ${expr.name} of type ${formatType(declared.type)} in a filter`,
        `a column of type ${columnKinds.join(', ')}`,
      );
    }
    return column;
  }

  /** Whether the database compares these two as a rule does. An integer, for one, it would round to compare it with a double. */
  #canCompare(expr: TypedExpr, left: Operand, right: Operand): boolean {
    if (left.kind === 'value' || right.kind === 'value') return true;
    if (left.type === right.type && left.encoding === right.encoding) return true;
    const found =
      left.type === right.type ? `${left.encoding} with ${right.encoding}` : `${left.type} with ${right.type}`;
    this.#refuse(
      expr,
      `columns compared that are not of the same type: ${found}`,
      'columns of the same type and encoding',
    );
    return false;
  }

  #touchesRow(expr: TypedExpr): boolean {
    if (expr.kind === 'variable') return expr.name === this.#table.variable;
    return childrenOf(expr).some((child) => this.#touchesRow(child));
  }

  #refuseCall(expr: TypedExpr & { kind: 'call' }): Filter {
    return this.#refuse(expr, `${describe(expr)} in a filter of rows`, validCondition);
  }

  #refuse(expr: TypedExpr, found: string, valid: string): Filter {
    this.problems.push({ span: expr.span, found, valid });
    return nothing(expr);
  }
}

function valueOf(expr: TypedExpr): ValueOperand {
  return { kind: 'value', expr };
}

/** Stands for what was refused. */
function nothing({ span, type }: TypedExpr): ValueOperand {
  return { kind: 'value', expr: { kind: 'failure', span, type, reason: 'not possible in SQL' } };
}

function columnOf(
  { column, type, encoding = 'native' }: SqlColumn,
  alias: string | undefined,
): ColumnOperand | undefined {
  const isNullable = type.kind === 'nullable';
  const { kind } = isNullable ? type.of : type;
  if (!columnKinds.includes(kind)) return undefined;
  return { kind: 'column', column, alias, type: kind as ColumnKind, encoding, isNullable };
}

function describe(expr: TypedExpr): string {
  switch (expr.kind) {
    case 'call':
      return /^[a-z]/i.test(expr.name)
        ? `the function ${expr.name}`
        : `the operator ${expr.name.replaceAll(/[_@]/g, '')}`;
    case 'comprehension':
      return `the macro ${expr.macro}`;
    case 'variable':
      return `the whole of ${expr.name}`;
    case 'field':
      return `the column ${expr.name}`;
    case 'present':
      return `has(…)`;
    case 'logical':
      return `the operator ${expr.operator}`;
    case 'conditional':
      return 'the operator ?:';
    case 'relation':
      return `the relation ${expr.relation}`;
    case 'list':
    case 'map':
      return `a ${expr.kind} with columns`;
    case 'constant':
    case 'failure':
      return 'a constant';
  }
}
