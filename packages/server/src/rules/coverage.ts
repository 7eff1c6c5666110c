/**
 * Which parts of a rule its tests have seen true and seen false. A part that was never false could be left out, or be
 * wrong, and no test would tell. Beside the path of a message: `rule-tests.ts` watches with it while tests run.
 */
import { childrenOf, type Span, type TypedExpr } from './syntax.ts';
import type { Failure, Value } from './value.ts';

/** One part of a rule that is true or false. */
export interface CoveredCondition {
  /** Where in the text of the rule. */
  readonly span: Span;
  readonly seenTrue: boolean;
  readonly seenFalse: boolean;
}

interface Condition {
  readonly span: Span;
  seenTrue: boolean;
  seenFalse: boolean;
}

/** Watches the evaluations of one rule. */
export class RuleCoverage {
  readonly #conditions = new Map<TypedExpr, Condition>();
  #evaluations = 0;
  readonly #root: TypedExpr;

  constructor(expr: TypedExpr) {
    this.#root = expr;
    for (const node of conditionsOf(expr)) {
      this.#conditions.set(node, { span: node.span, seenTrue: false, seenFalse: false });
    }
  }

  /** To be handed to `compileClosure`, with the tree that was given to the constructor. */
  readonly observe = (node: TypedExpr, value: Value | Failure): void => {
    if (node === this.#root) this.#evaluations++;
    const condition = this.#conditions.get(node);
    if (condition === undefined) return;
    if (value === true) condition.seenTrue = true;
    else if (value === false) condition.seenFalse = true;
  };

  /** So far. */
  get seen(): SeenRule {
    const conditions = [...this.#conditions.values()].map((condition) => ({ ...condition }));
    conditions.sort((a, b) => a.span.start - b.span.start || b.span.end - a.span.end);
    return { evaluations: this.#evaluations, conditions };
  }
}

/** What was seen of one rule. */
export interface SeenRule {
  /** How often the whole rule was evaluated. */
  readonly evaluations: number;
  /** In the order of the text; of two that begin together, the larger first. */
  readonly conditions: readonly CoveredCondition[];
}

/** Outcomes: two of each condition, true and false; of a rule without conditions one, that it was evaluated. */
export interface CoverageCount {
  readonly seen: number;
  readonly total: number;
}

export function countCoverage(rules: readonly SeenRule[]): CoverageCount {
  let seen = 0;
  let total = 0;
  for (const { evaluations, conditions } of rules) {
    if (conditions.length === 0) {
      seen += Math.min(evaluations, 1);
      total += 1;
    }
    for (const { seenTrue, seenFalse } of conditions) {
      seen += Number(seenTrue) + Number(seenFalse);
      total += 2;
    }
  }
  return { seen, total };
}

/** In whole percent, rounded down, so that 100 means all of it. Nothing to see is 100. */
export function coveragePercent({ seen, total }: CoverageCount): number {
  return total === 0 ? 100 : Math.floor((seen * 100) / total);
}

/** Every part that is true or false, the whole included; constants say nothing. */
function conditionsOf(expr: TypedExpr): TypedExpr[] {
  const found = new Set<TypedExpr>();
  const visit = (node: TypedExpr): void => {
    if (node.type.kind === 'bool') found.add(node);
    for (const child of conditionPositions(node)) found.add(child);
    for (const child of childrenOf(node)) visit(child);
  };
  visit(expr);
  return [...found].filter(({ kind }) => kind !== 'constant' && kind !== 'failure');
}

/** The children that must be true or false, whatever type is known of them: `data.flag` of a `dyn` is a condition too. */
function conditionPositions(node: TypedExpr): readonly TypedExpr[] {
  switch (node.kind) {
    case 'logical':
      return [node.left, node.right];
    case 'conditional':
      return [node.condition];
    case 'call':
      return node.name === '!_' ? node.args : [];
    case 'comprehension':
      if (node.macro === 'map') return node.filter ? [node.filter] : [];
      return [node.body];
    default:
      return [];
  }
}
