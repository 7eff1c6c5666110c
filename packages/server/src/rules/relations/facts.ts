/**
 * Facts of one relation: their arguments checked, read and written as text, and under one key whichever way round a
 * symmetric one is given. Every kind of relation stands on this.
 */
import { kindOf } from '../json-type.ts';
import { factKey, type RelationListener, type RelationSignature } from '../relation.ts';
import { formatType } from '../types.ts';
import { Failure, type Value } from '../value.ts';

/** An argument of a fact. */
export type Argument = string | bigint | boolean;

/** As people and programs give facts: an int may be a whole number that is safe, or a bigint. */
export type FactInput = readonly (string | number | bigint | boolean)[];

const minInt = -(2n ** 63n);
const maxInt = 2n ** 63n - 1n;

export class Facts {
  readonly signature: RelationSignature;
  readonly symmetric: boolean;
  /** What `typeof` must say of each argument. */
  readonly #typeofs: readonly string[];

  constructor(signature: RelationSignature, symmetric: boolean) {
    this.signature = signature;
    this.symmetric = symmetric;
    this.#typeofs = signature.parameters.map(({ type }) =>
      type.kind === 'int' ? 'bigint' : type.kind === 'bool' ? 'boolean' : 'string',
    );
  }

  /** Whether values that a rule asks with have the declared number and types. */
  accepts(args: readonly Value[]): args is readonly Argument[] {
    const typeofs = this.#typeofs;
    if (args.length !== typeofs.length) return false;
    for (let i = 0; i < typeofs.length; i++) if (typeof args[i] !== typeofs[i]) return false;
    return true;
  }

  /** The answer to a question that `accepts` does not take. */
  refusal(): Failure {
    const { name, parameters } = this.signature;
    return new Failure(`${name} takes ${parameters.map((each) => formatType(each.type)).join(', ')}`);
  }

  /** A fact; of a symmetric relation, the same for (a, b) and (b, a). */
  canonical(args: readonly Argument[]): readonly Argument[] {
    if (!this.symmetric) return args;
    const [a, b] = args as readonly [Argument, Argument];
    return b < a ? [b, a] : args;
  }

  /** One key for a fact, whichever way round it is given. */
  key(args: readonly Argument[]): string {
    return factKey(this.canonical(args));
  }

  /** The ways to ask for a fact: itself and, of a symmetric relation, the other way round. */
  orders(args: readonly Argument[]): readonly (readonly Argument[])[] {
    return this.symmetric && args[0] !== args[1] ? [args, args.toReversed()] : [args];
  }

  /** @returns the arguments; text that says what is wrong, without their values, if they are none. */
  read(input: readonly unknown[]): readonly Argument[] | string {
    const { name, parameters } = this.signature;
    if (input.length !== parameters.length) {
      const names = parameters.map((each) => each.name).join(', ');
      return `${input.length} ${input.length === 1 ? 'value' : 'values'}; ${name} takes ${parameters.length} (${names})`;
    }
    const args: Argument[] = [];
    for (const [i, parameter] of parameters.entries()) {
      const value = input[i];
      const int = this.#typeofs[i] === 'bigint';
      const arg = int && typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : value;
      if (typeof arg !== this.#typeofs[i]) {
        const found = int && typeof value === 'number' ? 'a number that is not whole or not exact' : kindOf(value);
        return `${found} as ${parameter.name}; it is ${formatType(parameter.type)}`;
      }
      if (typeof arg === 'bigint' && (arg < minInt || arg > maxInt))
        return `an int beyond 64 bits as ${parameter.name}`;
      args.push(arg as Argument);
    }
    return args;
  }

  /** Reads arguments as databases write them; undefined if one is NULL or none of its type, which makes no fact. */
  readTexts(texts: readonly (string | null)[]): readonly Argument[] | undefined {
    const args: Argument[] = [];
    for (const [i, kind] of this.#typeofs.entries()) {
      const text = texts[i];
      if (text === undefined || text === null) return undefined;
      if (kind === 'bigint') {
        if (!/^-?\d{1,19}$/.test(text)) return undefined;
        args.push(BigInt(text));
      } else if (kind === 'boolean') {
        if (!/^(true|false|[01])$/.test(text)) return undefined;
        args.push(text === 'true' || text === '1');
      } else {
        args.push(text);
      }
    }
    return args;
  }
}

/**
 * Facts in memory. They are kept by their first argument, so that asking needs no text to be put together: a rule asks with
 * texts whose hashes are known already.
 */
export class FactSet {
  /** By first argument, the key of the rest: one, or several. Of a fact of one argument the rest is empty. */
  readonly #facts = new Map<Argument, string | Set<string>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** @param args at least one; of a symmetric relation in the order of `Facts.canonical`. */
  has(args: readonly Argument[]): boolean {
    const rests = this.#facts.get(args[0] as Argument);
    if (rests === undefined) return false;
    const rest = restOf(args);
    return typeof rests === 'string' ? rests === rest : rests.has(rest);
  }

  add(args: readonly Argument[]): void {
    const first = args[0] as Argument;
    const rest = restOf(args);
    const rests = this.#facts.get(first);
    if (rests === undefined) {
      this.#facts.set(first, rest);
    } else if (typeof rests === 'string') {
      if (rests === rest) return;
      this.#facts.set(first, new Set([rests, rest]));
    } else {
      if (rests.has(rest)) return;
      rests.add(rest);
    }
    this.#size++;
  }

  delete(args: readonly Argument[]): void {
    if (!this.has(args)) return;
    const first = args[0] as Argument;
    const rests = this.#facts.get(first);
    if (typeof rests === 'object') rests.delete(restOf(args));
    if (typeof rests !== 'object' || rests.size === 0) this.#facts.delete(first);
    this.#size--;
  }
}

function restOf(args: readonly Argument[]): string {
  const second = args[1];
  if (args.length === 2 && typeof second === 'string') return second;
  return args.length === 1 ? '' : factKey(args.slice(1));
}

/** Those who want to know of changes. */
export class RelationListeners {
  readonly #listeners = new Set<RelationListener>();

  add(listener: RelationListener): () => void {
    // Wrapped, so that the same function may be added twice.
    const entry: RelationListener = (changed) => listener(changed);
    this.#listeners.add(entry);
    return () => void this.#listeners.delete(entry);
  }

  tell(changed: Parameters<RelationListener>[0]): void {
    for (const listener of [...this.#listeners]) listener(changed);
  }
}
