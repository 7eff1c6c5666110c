/**
 * What a turn of a macro costs beyond itself. `list.all(x, x in list)` has few turns and looks through the list in each:
 * without counting that, a message of some kilobytes would hold up everybody for seconds. Outside of macros nothing is
 * counted: there a rule looks at each value no more often than it has nodes.
 */
import { elementsPerStep, maxSteps, rewritingFactor, stepsPerPattern, unitsPerStep } from './evaluation-limits.ts';
import { constantElements } from './evaluation.ts';
import type { TypedExpr } from './syntax.ts';
import type { RuleType } from './types.ts';

/** Where counting ends: that many elements are more than all steps. */
const maxParts = (maxSteps + 1) * elementsPerStep;

/** Whether the value of an expression may be large, and is not the rule's own. */
export function mayCost(expr: TypedExpr): boolean {
  return mayBeLarge(expr.type) && constantElements(expr) === undefined && expr.kind !== 'constant';
}

function mayBeLarge(type: RuleType): boolean {
  switch (type.kind) {
    case 'nullable':
      return mayBeLarge(type.of);
    case 'null':
    case 'bool':
    case 'int':
    case 'double':
    case 'timestamp':
    case 'duration':
      return false;
    default:
      return true;
  }
}

/** The steps that looking through a value counts for, with all that is in it. Never ends late, even on a cycle. */
export function stepsOf(value: unknown): number {
  if (typeof value === 'string') return stepsOfText(value);
  if (typeof value !== 'object' || value === null) return 0;
  let parts = 0;
  const waiting: object[] = [value];
  for (let container = waiting.pop(); container !== undefined && parts < maxParts; container = waiting.pop()) {
    const elements: readonly unknown[] = Array.isArray(container) ? container : Object.values(container);
    parts += elements.length;
    for (const element of elements) {
      if (typeof element === 'string') parts += stepsOfText(element) * elementsPerStep;
      else if (typeof element === 'object' && element !== null) waiting.push(element);
    }
  }
  return Math.floor(parts / elementsPerStep);
}

/** The same for a function that looks through text only, such as `size`. */
export function stepsOfText(value: unknown): number {
  return typeof value === 'string' ? Math.floor(value.length / unitsPerStep) : 0;
}

/** What a call of `size` counts for: the length of a list that is there already costs nothing. */
export function stepsOfSize(operand: TypedExpr): typeof stepsOf {
  const isMade = operand.kind === 'call' || operand.kind === 'comprehension' || operand.kind === 'conditional';
  return isMade ? stepsOf : stepsOfText;
}

/** What an argument of a function counts for beyond being looked through; undefined: nothing. */
export function extraSteps(name: string, index: number): typeof stepsOf | undefined {
  if (name === 'matches' && index === 1) return () => stepsPerPattern;
  if ((name === 'replace' || name === 'split') && index === 0) return stepsOfRewriting;
  return undefined;
}

/** Cutting a text up and writing it anew takes many times as long as looking through it. */
function stepsOfRewriting(value: unknown): number {
  return rewritingFactor * stepsOfText(value);
}
