/**
 * Who rests on which fact. Most facts have one dependent and most dependents few facts, so sets are made only where
 * there are several: there may be as many entries as subscriptions.
 */
import type { Fact } from './auth/authorizer.ts';

export class FactIndex<Dependent extends object> {
  readonly #byRelation = new Map<string, Map<string, Dependent | Set<Dependent>>>();

  /** Facts somebody rests on. */
  get size(): number {
    let size = 0;
    for (const byKey of this.#byRelation.values()) size += byKey.size;
    return size;
  }

  add(dependent: Dependent, facts: readonly Fact[]): void {
    for (const { relation, key } of facts) {
      let byKey = this.#byRelation.get(relation);
      if (!byKey) this.#byRelation.set(relation, (byKey = new Map()));
      const there = byKey.get(key);
      if (there === undefined) byKey.set(key, dependent);
      else if (there instanceof Set) there.add(dependent);
      else if (there !== dependent) byKey.set(key, new Set([there, dependent]));
    }
  }

  remove(dependent: Dependent, facts: readonly Fact[]): void {
    for (const { relation, key } of facts) {
      const byKey = this.#byRelation.get(relation);
      const there = byKey?.get(key);
      if (there === dependent || (there instanceof Set && there.delete(dependent) && there.size === 0)) {
        byKey?.delete(key);
        if (byKey?.size === 0) this.#byRelation.delete(relation);
      }
    }
  }

  /** @param keys of one relation; undefined: all of it. */
  *dependents(relation: string, keys: readonly string[] | undefined): Iterable<Dependent> {
    const byKey = this.#byRelation.get(relation);
    if (!byKey) return;
    for (const there of keys === undefined ? byKey.values() : keys.map((key) => byKey.get(key))) {
      if (there instanceof Set) yield* there;
      else if (there !== undefined) yield there;
    }
  }
}
