/**
 * Why a rule said what it said: the value of every part that was evaluated, and the smallest part that made it false or
 * fail. For the log line of a denial, `tidings rules explain` and the tests of a configuration. It costs far more than a
 * verdict.
 */
import { compileClosure } from './compile-closure.ts';
import { formatRule } from './format.ts';
import { childrenOf, type TypedExpr } from './syntax.ts';
import { formatDuration, formatTimestamp } from './timestamp.ts';
import { Duration, Failure, Timestamp, type Environment, type RelationReader, type Value } from './value.ts';

/** One evaluation of a part. */
export interface Explanation {
  readonly expr: TypedExpr;
  readonly value: Value | Failure;
  /** Parts beneath that were evaluated for it, in order; those of a macro once for every turn, up to a limit. */
  readonly children: readonly Explanation[];
}

/** Turns of a macro that are kept: the first ones, the first that failed, and the last. */
const maxTurns = 10;
/** UTF-16 code units of a value and of a part, in a reason. */
const maxValueUnits = 64;
const maxPartUnits = 200;
/** Values that a reason tells. */
const maxNamed = 8;

/** Evaluates a rule and keeps what every part of it was. Never throws. */
export function explain(expr: TypedExpr, environment: Environment, relations: RelationReader): Explanation {
  const evaluated = new Map<TypedExpr, Explanation[]>();
  const evaluate = compileClosure(expr, (node, value) => {
    const children = childrenOf(node).flatMap((child) => {
      const turns = evaluated.get(child) ?? [];
      evaluated.delete(child);
      return turns;
    });
    const turns = evaluated.get(node);
    if (turns === undefined) evaluated.set(node, [{ expr: node, value, children }]);
    else addTurn(turns, { expr: node, value, children });
  });
  const value = evaluate(environment, relations);
  return evaluated.get(expr)?.[0] ?? { expr, value, children: [] };
}

function addTurn(turns: Explanation[], turn: Explanation): void {
  const last = turns.at(-1);
  if (turns.length < maxTurns || last === undefined) {
    turns.push(turn);
    return;
  }
  const hasFailed = turns[maxTurns - 2]?.value instanceof Failure;
  if (last.value instanceof Failure && !hasFailed) turns[maxTurns - 2] = last;
  turns[maxTurns - 1] = turn;
}

/**
 * The smallest part that made a rule false or fail, with the values of what it names, each shortened:
 * `member(gid, auth.uid) is false, with gid = "g2", auth.uid = "u1"`; `auth.role failed: auth has no field role`.
 */
export function reasonOf(explanation: Explanation): string {
  const { expr, value, children } = explanation;
  if (value instanceof Failure) {
    const failed =
      children.find((child) => child.value === value) ?? children.find((child) => child.value instanceof Failure);
    return failed ? reasonOf(failed) : `${partOf(expr)} failed: ${shorten(value.reason, maxPartUnits)}`;
  }
  if (value !== false) return describe(explanation);
  switch (expr.kind) {
    case 'logical': {
      if (expr.operator === '&&') return reasonOf(children.find((child) => child.value === false) ?? explanation);
      const sides = sidesOf(explanation).map(reasonOf);
      const text = sides.join(' and ');
      return text.length <= 2 * maxPartUnits ? text : describe(explanation);
    }
    case 'conditional': {
      const branch = children.at(-1);
      return branch && branch.expr.kind !== 'constant' ? reasonOf(branch) : describe(explanation);
    }
    case 'comprehension': {
      // Where `all` is false, the turn that made it so was the last one.
      const turn = expr.macro === 'all' ? children.at(-1) : undefined;
      return turn?.expr === expr.body && turn.value === false ? reasonOf(turn) : describe(explanation);
    }
    default:
      return describe(explanation);
  }
}

/** All sides of a chain of `||`. */
function sidesOf(explanation: Explanation): readonly Explanation[] {
  const { expr } = explanation;
  return expr.kind === 'logical' && expr.operator === '||' ? explanation.children.flatMap(sidesOf) : [explanation];
}

function describe(explanation: Explanation): string {
  const named = new Map<string, string>();
  collectNamed(explanation, new Set(), named);
  named.delete(formatRule(explanation.expr));
  const values = Array.from(named, ([name, value]) => `${name} = ${value}`).slice(0, maxNamed);
  const result = explanation.value instanceof Failure ? 'failed' : `is ${formatValue(explanation.value)}`;
  return `${partOf(explanation.expr)} ${result}${values.length > 0 ? `, with ${values.join(', ')}` : ''}`;
}

/** Variables and fields with their values, but those that a macro around declares. */
function collectNamed({ expr, value, children }: Explanation, own: Set<string>, into: Map<string, string>): void {
  if (expr.kind === 'variable' || isPath(expr)) {
    const name = formatRule(expr);
    if (!own.has(rootOf(expr)) && !into.has(name)) {
      into.set(name, value instanceof Failure ? 'an error' : formatValue(value));
    }
    return;
  }
  if (expr.kind === 'comprehension') own.add(expr.variable);
  for (const child of children) collectNamed(child, own, into);
}

/** `auth.org.name`, but not `f(x).name`. */
function isPath(expr: TypedExpr): boolean {
  return expr.kind === 'field' && (expr.operand.kind === 'variable' || isPath(expr.operand));
}

function rootOf(expr: TypedExpr): string {
  if (expr.kind === 'field') return rootOf(expr.operand);
  return expr.kind === 'variable' ? expr.name : '';
}

function partOf(expr: TypedExpr): string {
  return shorten(formatRule(expr), maxPartUnits);
}

/** A value as a rule would write it, shortened. */
export function formatValue(value: Value): string {
  return shorten(writeValue(value, 3), maxValueUnits);
}

/** Stops as soon as there is more than will be shown. */
function writeValue(value: unknown, depth: number): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, maxValueUnits + 1));
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return Number.isInteger(value) ? value.toFixed(1) : String(value);
  if (value instanceof Timestamp) return formatTimestamp(value);
  if (value instanceof Duration) return formatDuration(value);
  if (typeof value !== 'object' || value === null) return String(value);
  const isList = Array.isArray(value);
  if (depth === 0) return isList ? '[…]' : '{…}';
  let text = '';
  for (const key in value) {
    if (!Object.hasOwn(value, key)) continue;
    const part = writeValue((value as Readonly<Record<string, unknown>>)[key], depth - 1);
    text += `${text === '' ? '' : ', '}${isList ? '' : `${JSON.stringify(key.slice(0, maxValueUnits))}: `}${part}`;
    if (text.length > maxValueUnits) break;
  }
  return isList ? `[${text}]` : `{${text}}`;
}

function shorten(text: string, maxUnits: number): string {
  return text.length <= maxUnits ? text : `${text.slice(0, maxUnits - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}
