/**
 * What a client, or a fault of the program around, can put where a value should be. Properties get functions that make
 * it, since fast-check looks into what it is given.
 */
import fc, { type Arbitrary } from 'fast-check';
import { Duration, Failure, Timestamp, type Environment } from '../../packages/server/src/rules/value.ts';
import { anEnvironment, variables } from './expressions.ts';

const fail = (what: string) => (): never => {
  throw new Error(what);
};

const throwing: ProxyHandler<object> = {
  get: fail('get'),
  has: fail('has'),
  ownKeys: fail('ownKeys'),
  getPrototypeOf: fail('getPrototypeOf'),
  getOwnPropertyDescriptor: fail('getOwnPropertyDescriptor'),
};

export const throwingObject = (): object => new Proxy({}, throwing);

export function revoked(target: object): object {
  const { proxy, revoke } = Proxy.revocable(target, {});
  revoke();
  return proxy;
}

function cyclic(): object {
  const map: Record<string, unknown> = { id: 'x' };
  map['a'] = map;
  map['tags'] = [map];
  return map;
}

/** Fields that throw when they are read. */
const withGetters = () =>
  Object.defineProperties(
    {},
    Object.fromEntries(['a', 'b', 'id', 'tags'].map((name) => [name, { enumerable: true, get: fail(name) }])),
  );

/** Of a kind that no rule expects, but reading it does not throw. */
const anOddity: Arbitrary<() => unknown> = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }).map((value) => () => value),
  fc
    .constantFrom<unknown>(undefined, null, 0, -0, Number.NaN, '', 'a', true, 2n ** 70n, -(2n ** 70n), Symbol('x'))
    .map((value) => () => value),
  fc.constantFrom<() => unknown>(
    () => ({ toString: fail('toString'), valueOf: fail('valueOf'), toJSON: fail('toJSON') }),
    () => ({ [Symbol.toPrimitive]: fail('toPrimitive') }),
    () => cyclic(),
    () => [cyclic(), cyclic()],
    () => Array.from({ length: 3 }),
    () => Object.assign([1n], { length: 4 }),
    () => ({ length: 2, 0: 'a', 1: 'b' }),
    () => JSON.parse('{"__proto__": {"a": 1}, "constructor": 1, "a": {"__proto__": []}}') as unknown,
    () => Object.create(null) as unknown,
    () => Object.create({ a: 1, id: 'inherited' }) as unknown,
    () =>
      new (class Claims {
        a = 1;
        id = 'x';
      })(),
    () => new Map([['a', 1n]]),
    () => new Set(['a']),
    () => new Date(Number.NaN),
    () => new String('s'),
    () => new Number(1),
    () => new Uint8Array(4),
    () => /a/,
    () => () => true,
    () => Promise.resolve(true),
    () => new Failure('a failure as a value'),
  ),
);

/** Anything at all. */
export const aNonsense: Arbitrary<() => unknown> = fc.oneof(
  { weight: 3, arbitrary: anOddity },
  fc.constantFrom<() => unknown>(
    withGetters,
    throwingObject,
    () => new Proxy([], throwing),
    () => new Proxy(() => true, throwing),
    () => revoked({}),
    () => revoked([]),
    () => new Timestamp(10n ** 40n),
    () => Object.create(Timestamp.prototype) as unknown,
    () => Object.create(Duration.prototype, { nanos: { get: fail('nanos') } }) as unknown,
  ),
);

/** Some variables as declared, others not, others absent. */
const hostile = (value: Arbitrary<() => unknown>) =>
  fc
    .record({
      right: anEnvironment,
      wrong: fc.dictionary(fc.constantFrom(...Object.keys(variables)), value),
      absent: fc.subarray(Object.keys(variables), { maxLength: 2 }),
    })
    .map(({ right, wrong, absent }) => {
      const make = (): Environment => {
        const environment: Record<string, unknown> = { ...right };
        for (const [name, value] of Object.entries(wrong)) environment[name] = value();
        for (const name of absent) delete environment[name];
        return environment;
      };
      const told = () => `${fc.stringify(right)} with ${fc.stringify(wrong)} without ${absent.join()}`;
      return Object.assign(make, { [fc.toStringMethod]: told });
    });

export const anOddEnvironment: Arbitrary<() => Environment> = hostile(anOddity);
export const aHostileEnvironment: Arbitrary<() => Environment> = hostile(aNonsense);
