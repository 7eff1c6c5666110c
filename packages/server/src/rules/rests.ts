/**
 * What is left of rules over a message once user and channel are bound, compiled. Many users are left with the same, and
 * share it.
 */
import { compileClosure } from './compile-closure.ts';
import { formatRule } from './format.ts';
import type { Rule } from './ruleset.ts';
import type { TypedExpr } from './syntax.ts';
import type { Evaluate } from './value.ts';

/** Rests remembered for sharing. Whoever holds one beyond that keeps it alive. */
const maxShared = 1_000;

export class Rests {
  readonly #shared = new Map<Rule, Map<string, Evaluate>>();
  #size = 0;

  /** Closures: generated code would be faster to run, and much slower and larger to make. */
  compile(rule: Rule, rest: TypedExpr): Evaluate {
    const text = formatRule(rest);
    const known = this.#shared.get(rule)?.get(text);
    if (known !== undefined) return known;
    if (this.#size >= maxShared) this.clear();
    let byText = this.#shared.get(rule);
    if (byText === undefined) this.#shared.set(rule, (byText = new Map()));
    const evaluate = compileClosure(rest);
    byText.set(text, evaluate);
    this.#size++;
    return evaluate;
  }

  clear(): void {
    this.#shared.clear();
    this.#size = 0;
  }
}
