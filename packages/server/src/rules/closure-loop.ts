/** The loops of macros in the closure form of a rule. */
import { maxSteps } from './evaluation-limits.ts';
import { noBool, tooManySteps } from './evaluation.ts';
import type { MacroName } from './syntax.ts';
import { type Environment, Failure, type RelationReader, type Value } from './value.ts';

/** The variables of macros, and the steps that all macros took, at 0. One for each evaluation. */
export type Frame = unknown[];
export type Step = (environment: Environment, relations: RelationReader, frame: Frame) => Value | Failure;

/** The parts of a macro, ready to run. */
export interface Loop {
  /** Where in the frame its variable is. */
  readonly slot: number;
  readonly filter: Step | undefined;
  readonly body: Step;
  /** Reads an element as declared. */
  readonly read: (item: unknown) => Value | Failure;
}

export type Run = (
  items: readonly unknown[],
  environment: Environment,
  relations: RelationReader,
  frame: Frame,
) => Value | Failure;

/** @param keep reads an element that `filter` keeps as a whole. */
export function loopOf(macro: MacroName, loop: Loop, keep: Loop['read'] | undefined): Run {
  switch (macro) {
    case 'all':
      return quantifier(loop, false);
    case 'exists':
      return quantifier(loop, true);
    case 'exists_one':
      return existsOne(loop);
    case 'filter':
      return collector({ ...loop, filter: loop.body }, keep);
    case 'map':
      return collector(loop, undefined, loop.body);
  }
}

/** @returns false when the steps are used up. */
function countStep(frame: Frame): boolean {
  return (frame[0] as number) < maxSteps && ++(frame[0] as number) > 0;
}

/** `exists` is a long `||`, and `all` a long `&&`: they absorb errors as these do. */
function quantifier({ slot, body, read }: Loop, decisive: boolean): Run {
  return (items, environment, relations, frame) => {
    let failure: Failure | undefined;
    for (const item of items) {
      if (!countStep(frame)) return tooManySteps;
      const element = read(item);
      frame[slot] = element;
      const value = element instanceof Failure ? element : body(environment, relations, frame);
      if (value === decisive) return decisive;
      if (value !== !decisive) failure ??= value instanceof Failure ? value : noBool;
    }
    return failure ?? !decisive;
  };
}

function existsOne({ slot, body, read }: Loop): Run {
  return (items, environment, relations, frame) => {
    let count = 0;
    for (const item of items) {
      if (!countStep(frame)) return tooManySteps;
      const element = read(item);
      frame[slot] = element;
      const value = element instanceof Failure ? element : body(environment, relations, frame);
      if (value === true) count++;
      else if (value !== false) return value instanceof Failure ? value : noBool;
    }
    return count === 1;
  };
}

function collector({ slot, filter, read }: Loop, keep: Loop['read'] | undefined, make?: Step): Run {
  return (items, environment, relations, frame) => {
    const result: Value[] = [];
    for (const item of items) {
      if (!countStep(frame)) return tooManySteps;
      const element = read(item);
      if (element instanceof Failure) return element;
      frame[slot] = element;
      const wanted = filter ? filter(environment, relations, frame) : true;
      if (wanted === false) continue;
      if (wanted !== true) return wanted instanceof Failure ? wanted : noBool;
      const value = make ? make(environment, relations, frame) : keep ? keep(item) : element;
      if (value instanceof Failure) return value;
      result.push(value);
    }
    return result;
  };
}
