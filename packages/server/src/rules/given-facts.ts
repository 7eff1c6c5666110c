/** Relations of a rehearsal: the facts that a test or a command line gives, instead of stores, tables and functions. */
import type { Config } from '../config/schema.ts';
import type { RelationSignature } from './relation.ts';
import { Facts, type FactInput } from './relations/facts.ts';
import { formatType } from './types.ts';
import { Failure, type RelationReader, type Value } from './value.ts';

interface Given {
  readonly facts: Facts;
  readonly keys: ReadonlySet<string>;
}

/**
 * Answers from given facts. A relation that nothing is given for has the facts that stand in the configuration; one
 * that is kept elsewhere then has none.
 */
export class GivenFacts implements RelationReader {
  readonly #given = new Map<string, Given>();

  /**
   * @param given facts by relation.
   * @throws Error for a fact of the wrong number or types of arguments; `factProblem` finds these before.
   */
  constructor(
    { relations }: Pick<Config['rules'], 'relations'>,
    signatures: readonly RelationSignature[],
    given: Readonly<Record<string, readonly FactInput[]>>,
  ) {
    for (const signature of signatures) {
      const { name } = signature;
      const declared = Object.hasOwn(relations, name) ? relations[name] : undefined;
      const facts = new Facts(signature, declared?.symmetric === true);
      const inputs = (Object.hasOwn(given, name) ? given[name] : declared?.facts) ?? [];
      this.#given.set(name, { facts, keys: new Set(inputs.map((input) => keyOf(facts, input))) });
    }
  }

  related(relation: string, args: readonly Value[]): boolean | Failure {
    const given = this.#given.get(relation);
    if (given === undefined) return new Failure(`there is no relation ${relation}`);
    const { facts, keys } = given;
    return facts.accepts(args) ? keys.has(facts.key(args)) : facts.refusal();
  }
}

function keyOf(facts: Facts, input: FactInput): string {
  const args = facts.read(input);
  if (typeof args === 'string') throw new Error(`a fact of ${facts.signature.name}: ${args}`);
  return facts.key(args);
}

/** What is wrong with a fact; undefined if nothing is. */
export function factProblem(
  signature: RelationSignature,
  fact: FactInput,
): { readonly found: string; readonly valid: string } | undefined {
  const args = new Facts(signature, false).read(fact);
  if (typeof args !== 'string') return undefined;
  const wanted = signature.parameters.map(({ name, type }) => `${name}: ${formatType(type)}`);
  return { found: args, valid: `[${wanted.join(', ')}]` };
}
