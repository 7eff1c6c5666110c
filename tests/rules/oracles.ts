/** Two other CEL libraries behind one shape: rule text and variables in, a value or a failure of ours out. */
import { celEnv, isCelError, isCelList, isCelMap, parse, plan, type CelFunc, type CelInput } from '@bufbuild/cel';
import { strings } from '@bufbuild/cel/ext';
import { create, isMessage } from '@bufbuild/protobuf';
import { DurationSchema, TimestampSchema } from '@bufbuild/protobuf/wkt';
import { Environment as CelJs, evaluate as evaluateCelJs } from '@marcbachmann/cel-js';
import { afterAll, beforeAll } from 'vitest';
import type { RuleType } from '../../packages/server/src/rules/types.ts';
import { Duration, Failure, Timestamp, type Value } from '../../packages/server/src/rules/value.ts';
import type { Variables } from './both-forms.ts';

/** Runs the tests of a file in UTC: @bufbuild/cel reads parts of a date from the local time of the machine. */
export function inUtc(): void {
  const zone = process.env['TZ'];
  beforeAll(() => {
    process.env['TZ'] = 'UTC';
  });
  afterAll(() => {
    if (zone === undefined) delete process.env['TZ'];
    else process.env['TZ'] = zone;
  });
}

/** Never throws. */
export type Oracle = (source: string, bindings: Readonly<Record<string, Value>>) => Value | Failure;

const nanosPerSecond = 1_000_000_000n;

/** Seconds rounded down, and the nanoseconds that remain; a duration's have its own sign. */
function split(nanos: bigint, floor: boolean): { seconds: bigint; nanos: number } {
  let seconds = nanos / nanosPerSecond;
  if (floor && nanos % nanosPerSecond < 0n) seconds -= 1n;
  return { seconds, nanos: Number(nanos - seconds * nanosPerSecond) };
}

const join = ({ seconds, nanos }: { seconds: bigint; nanos: number }) => seconds * nanosPerSecond + BigInt(nanos);

/** @param corrections functions that stand for the library's own. */
export function bufbuildWith(corrections: readonly CelFunc[]): Oracle {
  const environment = celEnv({ funcs: [...strings, ...corrections] });
  return (source, bindings) => {
    try {
      const input = Object.fromEntries(Object.entries(bindings).map(([name, value]) => [name, toBufbuild(value)]));
      const result = plan(environment, parse(source))(input);
      return isCelError(result) ? new Failure(result.message) : fromBufbuild(result);
    } catch (error) {
      return new Failure(`thrown: ${(error as Error).message}`);
    }
  };
}

function toBufbuild(value: Value): CelInput {
  if (value instanceof Timestamp) return create(TimestampSchema, split(value.nanos, true));
  if (value instanceof Duration) return create(DurationSchema, split(value.nanos, false));
  if (Array.isArray(value)) return (value as readonly Value[]).map(toBufbuild);
  if (typeof value !== 'object' || value === null) return value as CelInput;
  return new Map(Object.entries(value as Record<string, Value>).map(([key, of]) => [key, toBufbuild(of)]));
}

function fromBufbuild(value: unknown): Value {
  if (isCelList(value)) return [...value].map(fromBufbuild);
  if (isCelMap(value)) return Object.fromEntries([...value].map(([key, of]) => [key as string, fromBufbuild(of)]));
  const message = (value as { message?: unknown } | null)?.message;
  if (isMessage(message, TimestampSchema)) return new Timestamp(join(message));
  if (isMessage(message, DurationSchema)) return new Duration(join(message));
  return value as Value;
}

/** What `duration(…)` gives; the library exports no constructor of it. */
const sample = evaluateCelJs('duration("1s")') as { constructor: new (seconds: bigint, nanos: number) => object };
const CelJsDuration = sample.constructor;

/**
 * @param variables are declared: the library, too, checks types before it evaluates.
 * @returns undefined for a rule that it does not take: it has not all of CEL.
 */
export function celJs(variables: Variables): (...asked: Parameters<Oracle>) => Value | Failure | undefined {
  let environment = new CelJs({ homogeneousAggregateLiterals: false, limits: { maxAstNodes: 100_000, maxDepth: 500 } });
  for (const [name, type] of Object.entries(variables)) environment = environment.registerVariable(name, nameOf(type));
  return (source, bindings) => {
    if (!environment.check(source).valid) return undefined;
    try {
      const input = Object.fromEntries(Object.entries(bindings).map(([name, value]) => [name, toCelJs(value)]));
      return fromCelJs(environment.evaluate(source, input));
    } catch (error) {
      const { message } = error as Error;
      // A fault in its table of operators, which is no verdict.
      return message.includes('overlaps with') ? undefined : new Failure(message);
    }
  };
}

function nameOf(type: RuleType): string {
  switch (type.kind) {
    case 'list':
      return `list<${nameOf(type.element)}>`;
    case 'map':
      return `map<string, ${nameOf(type.value)}>`;
    case 'timestamp':
      return 'google.protobuf.Timestamp';
    case 'duration':
      return 'google.protobuf.Duration';
    case 'record':
    case 'nullable':
      return 'dyn';
    default:
      return type.kind;
  }
}

function toCelJs(value: Value): unknown {
  if (value instanceof Timestamp) return new Date(Number(value.nanos / 1_000_000n));
  if (value instanceof Duration) {
    const { seconds, nanos } = split(value.nanos, false);
    return new CelJsDuration(seconds, nanos);
  }
  if (Array.isArray(value)) return (value as readonly Value[]).map(toCelJs);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, of]) => [key, toCelJs(of as Value)]));
}

function fromCelJs(value: unknown): Value {
  if (value instanceof Date) return new Timestamp(BigInt(value.getTime()) * 1_000_000n);
  if (value instanceof CelJsDuration) return new Duration(join(value as unknown as { seconds: bigint; nanos: number }));
  if (Array.isArray(value)) return value.map(fromCelJs);
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, of]) => [String(key), fromCelJs(of)]));
  if (typeof value !== 'object' || value === null) return value as Value;
  return Object.fromEntries(Object.entries(value).map(([key, of]) => [key, fromCelJs(of)]));
}
