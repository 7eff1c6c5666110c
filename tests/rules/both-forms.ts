/** A rule in both of its evaluated forms, which must never differ. */
import { isDeepStrictEqual } from 'node:util';
import { checkRule } from '../../packages/server/src/rules/check.ts';
import { compileClosure } from '../../packages/server/src/rules/compile-closure.ts';
import { compileJs } from '../../packages/server/src/rules/compile-js.ts';
import { parseRule } from '../../packages/server/src/rules/parse.ts';
import {
  RuleSyntaxError,
  type Expr,
  type RuleProblem,
  type TypedExpr,
} from '../../packages/server/src/rules/syntax.ts';
import type { RuleType } from '../../packages/server/src/rules/types.ts';
import {
  Failure,
  type Environment,
  type Evaluate,
  type RelationReader,
  type Value,
} from '../../packages/server/src/rules/value.ts';

/** For rules that ask no relation. */
export const noRelations: RelationReader = {
  related: (relation) => new Failure(`no relation ${relation}`),
};

export type Loaded =
  | { readonly kind: 'refused'; readonly problems: readonly RuleProblem[] }
  | { readonly kind: 'rule'; readonly typed: TypedExpr; readonly evaluate: Evaluate };

export type Variables = Readonly<Record<string, RuleType>>;

/** Parses, checks and compiles, as loading a configuration does. */
export function load(source: string, variables: Variables = {}): Loaded {
  let expr;
  try {
    expr = parseRule(source);
  } catch (error) {
    if (error instanceof RuleSyntaxError) return { kind: 'refused', problems: [error.problem] };
    throw error;
  }
  return loadParsed(expr, variables);
}

export function loadParsed(expr: Expr, variables: Variables): Loaded {
  const { expr: typed, problems } = checkRule(expr, { variables, relations: {} });
  if (problems.length > 0) return { kind: 'refused', problems };
  return { kind: 'rule', typed, evaluate: inBothForms(typed) };
}

/** @returns a function that throws if closures and generated code do not agree. */
export function inBothForms(typed: TypedExpr): Evaluate {
  const closure = compileClosure(typed);
  const generated = compileJs(typed);
  return (environment: Environment, relations: RelationReader) => {
    const [one, other] = [closure(environment, relations), generated(environment, relations)];
    if (!isSame(one, other)) throw new Error(`closures say ${show(one)}, generated code says ${show(other)}`);
    return one;
  };
}

/** The same value, int and double told apart, zeros too; or both a failure: why, may differ. */
export function isSame(one: Value | Failure, other: Value | Failure): boolean {
  if (one instanceof Failure || other instanceof Failure) return one instanceof Failure && other instanceof Failure;
  return isDeepStrictEqual(one, other);
}

export function show(value: unknown): string {
  if (value instanceof Failure) return `failure: ${value.reason}`;
  if (Object.is(value, -0)) return '-0.0';
  if (typeof value === 'number') return Number.isInteger(value) ? value.toFixed(1) : String(value);
  return JSON.stringify(value, (_key, part: unknown) => (typeof part === 'bigint' ? `int ${part}` : part)) ?? 'nothing';
}
