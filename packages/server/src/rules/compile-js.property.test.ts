import fc from 'fast-check';
import { inspect, isDeepStrictEqual } from 'node:util';
import { expect, test } from 'vitest';
import { compileClosure } from './compile-closure.ts';
import { compileJs } from './compile-js.ts';
import { explain, reasonOf } from './explain.ts';
import { formatRule } from './format.ts';
import { randomEnvironment, randomExpr, randomRelations } from './testing/random-expr.ts';
import { types } from './types.ts';
import { Failure, type Value } from './value.ts';

const isSame = (one: Value | Failure, other: Value | Failure): boolean =>
  one instanceof Failure ? other instanceof Failure && one.reason === other.reason : isDeepStrictEqual(one, other);

const exprs = fc.oneof(
  randomExpr(types.bool),
  randomExpr(types.bool),
  ...[types.int, types.double, types.string, types.dyn, types.list(types.int), types.list(types.string)].map((type) =>
    randomExpr(type),
  ),
);

test('closures and generated code give the same, on any tree and any environment, and never throw', () => {
  let failures = 0;
  let values = 0;
  fc.assert(
    fc.property(exprs, fc.array(randomEnvironment, { minLength: 3, maxLength: 3 }), (expr, environments) => {
      const closure = compileClosure(expr);
      const generated = compileJs(expr);
      for (const environment of environments) {
        const one = closure(environment, randomRelations);
        const other = generated(environment, randomRelations);
        if (!isSame(one, other)) {
          expect.fail(`${formatRule(expr)}: ${inspect(one)} by closures, ${inspect(other)} by generated code`);
        }
        if (one instanceof Failure) failures++;
        else values++;
      }
    }),
    { numRuns: 2_000 },
  );
  // A generator that only makes failures would prove nothing.
  expect(Math.min(failures, values)).toBeGreaterThan(500);
});

test('an explanation ends in the value that the rule gives, and has a reason', () => {
  fc.assert(
    fc.property(randomExpr(types.bool), randomEnvironment, (expr, environment) => {
      const explanation = explain(expr, environment, randomRelations);
      const value = compileJs(expr)(environment, randomRelations);
      if (!isSame(explanation.value, value)) expect.fail(formatRule(expr));
      const reason = reasonOf(explanation);
      expect(reason).toMatch(value instanceof Failure ? /failed/ : / is /);
      expect(reason.length).toBeLessThan(2_000);
    }),
    { numRuns: 500 },
  );
});
