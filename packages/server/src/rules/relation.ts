/**
 * A relation: facts that rules ask for, such as who is a member of what. Implementations: `relations/config.ts` (listed
 * in the configuration), `relations/api.ts` (kept in the store, changed by the server API) and `relations/table.ts` (any
 * table of the store), both mirrored in memory, and `relations/function.ts` (asks the embedding program, with a cache).
 */
import type { Component } from '../component.ts';
import type { RuleType } from './types.ts';
import { Failure, type Value } from './value.ts';

/** How a rule calls it. */
export interface RelationSignature {
  readonly name: string;
  /** In order: `{ gid: string, uid: string }`. Only string, int and bool. */
  readonly parameters: readonly { readonly name: string; readonly type: RuleType }[];
}

/**
 * The arguments of a fact as one text; two facts of a relation are the same if their keys are. The types of a relation's
 * arguments are fixed, so that the key need not tell `1` from `"1"`. Text before the last argument carries its length.
 */
export function factKey(args: readonly Value[]): string {
  const last = args.length - 1;
  let key = '';
  for (let i = 0; i < last; i++) {
    const part = partOf(args[i]);
    key += `${part.length}:${part}`;
  }
  return last === 0 ? partOf(args[0]) : key + partOf(args[last]);
}

/** Other kinds of values are in no fact. */
function partOf(arg: Value | undefined): string {
  if (typeof arg === 'string') return arg;
  return typeof arg === 'bigint' || typeof arg === 'boolean' ? String(arg) : `\0${typeof arg}`;
}

/**
 * The answer of a relation that cannot know at present. What rests on it is not denied for good: whoever asked is told to
 * ask again later.
 */
export class Unavailable extends Failure {}

/** The answer of a relation that has to be prepared for these arguments first. */
export class Unprepared extends Unavailable {
  constructor(relation: string) {
    super(`${relation} was not asked yet`);
  }
}

/**
 * Told, synchronously and after `has` answers anew, which facts may have changed; `undefined`: all of the relation. Of a
 * symmetric relation a fact is told both ways round. Must not throw.
 */
export type RelationListener = (changed: readonly (readonly Value[])[] | undefined) => void;

/**
 * Law: `has` answers at once from memory, never throws, and costs no more than a lookup. A change is told to listeners
 * after `has` has the new answer, once per change. A relation that cannot know (not loaded yet, its source gone for
 * longer than it vouches for) answers `Unavailable`, which grants nothing; it never guesses. Before `start` it answers
 * `Unavailable`; arguments of other types than declared are a `Failure`.
 */
export interface Relation extends Component {
  readonly signature: RelationSignature;
  has(args: readonly Value[]): boolean | Failure;
  /** @returns takes the listener off. */
  onChange(listener: RelationListener): () => void;
  /**
   * Resolves when `has` can answer for these arguments. Only relations that ask somebody have it; the use case calls it
   * before it decides, so that deciding stays synchronous. Never rejects. Until then `has` answers `Unprepared`.
   */
  prepare?(args: readonly Value[]): Promise<void>;
}
