/** A relation whose facts are listed in the configuration. Reading the configuration again replaces them. */
import { Failure, type Value } from '../value.ts';
import type { Relation, RelationListener, RelationSignature } from '../relation.ts';
import { Facts, FactSet, RelationListeners, type Argument, type FactInput } from './facts.ts';

export class ConfigRelation implements Relation {
  readonly signature: RelationSignature;
  readonly #facts: Facts;
  readonly #listeners = new RelationListeners();
  #known: ReadonlyMap<string, readonly Argument[]> = new Map();
  #set = new FactSet();
  #started = false;

  /** @throws Error for a fact of the wrong number or types of arguments; `compileRuleset` finds these before. */
  constructor(
    signature: RelationSignature,
    options: { readonly facts: readonly FactInput[]; readonly symmetric: boolean },
  ) {
    this.signature = signature;
    this.#facts = new Facts(signature, options.symmetric);
    this.replace(options.facts);
  }

  get name(): string {
    return `relation ${this.signature.name}`;
  }

  has(args: readonly Value[]): boolean | Failure {
    if (!this.#started) return new Failure(`${this.signature.name} is not loaded`);
    return this.#facts.accepts(args) ? this.#set.has(this.#facts.canonical(args)) : this.#facts.refusal();
  }

  /**
   * Puts other facts in the place of all; listeners are told which came and went.
   * @throws Error as the constructor; then nothing changes.
   */
  replace(facts: readonly FactInput[]): void {
    const before = this.#known;
    const after = this.#read(facts);
    this.#known = after;
    this.#set = new FactSet();
    for (const args of after.values()) this.#set.add(this.#facts.canonical(args));
    const changed = [
      ...[...before].filter(([key]) => !after.has(key)),
      ...[...after].filter(([key]) => !before.has(key)),
    ].flatMap(([, args]) => this.#facts.orders(args));
    if (this.#started && changed.length > 0) this.#listeners.tell(changed);
  }

  onChange(listener: RelationListener): () => void {
    return this.#listeners.add(listener);
  }

  async start(): Promise<void> {
    this.#started = true;
  }

  async stop(): Promise<void> {
    this.#started = false;
  }

  #read(facts: readonly FactInput[]): Map<string, readonly Argument[]> {
    return new Map(
      facts.map((fact) => {
        const args = this.#facts.read(fact);
        if (typeof args === 'string') throw new Error(`a fact of ${this.signature.name}: ${args}`);
        return [this.#facts.key(args), args];
      }),
    );
  }
}
