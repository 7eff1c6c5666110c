/**
 * Values that rules work with, and errors as values. int is `bigint` and double is `number`, so that neither is taken
 * for the other and 64-bit integers stay whole. Objects of JSON are plain objects.
 */

export type Value =
  | null
  | boolean
  | bigint
  | number
  | string
  | Timestamp
  | Duration
  | readonly Value[]
  | { readonly [key: string]: Value };

/** A point in time, to the nanosecond, from 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999999999Z. */
export class Timestamp {
  /** Since 1970-01-01T00:00:00Z. */
  readonly nanos: bigint;

  constructor(nanos: bigint) {
    this.nanos = nanos;
  }

  static ofMs(unixMs: number): Timestamp {
    return new Timestamp(BigInt(Math.trunc(unixMs)) * 1_000_000n);
  }
}

export class Duration {
  readonly nanos: bigint;

  constructor(nanos: bigint) {
    this.nanos = nanos;
  }
}

/**
 * An error of evaluation. It is returned, not thrown: `||` and `&&` go on when one side fails, as CEL demands, and a
 * failure must cost no more than a verdict.
 */
export class Failure {
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}

/** What a rule is evaluated on: variables by name. Values of declared records are checked when a field is read. */
export type Environment = Readonly<Record<string, unknown>>;

/** Answers `member(gid, auth.uid)`. Must not throw, and must answer at once. */
export interface RelationReader {
  related(relation: string, args: readonly Value[]): boolean | Failure;
}

/** A compiled rule. Never throws. */
export type Evaluate = (environment: Environment, relations: RelationReader) => Value | Failure;
