import { describe, expect, test } from 'vitest';
import { checkRule } from './check.ts';
import { compileClosure } from './compile-closure.ts';
import { compileJs } from './compile-js.ts';
import { elementsPerStep, maxSteps, rewritingFactor, stepsPerPattern, unitsPerStep } from './evaluation-limits.ts';
import { parseRule } from './parse.ts';
import { stepsOf, stepsOfText } from './steps.ts';
import { types } from './types.ts';
import { Failure } from './value.ts';

const list = (length: number) => Array.from({ length }, (_, at) => at);

describe('what looking through a value counts for', () => {
  test('elements, on every level, and text', () => {
    expect(stepsOf(list(elementsPerStep * 5))).toBe(5);
    expect(stepsOf({ a: list(elementsPerStep - 1), b: [] })).toBe(1);
    expect(stepsOf([list(elementsPerStep * 2), { a: list(elementsPerStep * 3) }])).toBe(5);
    expect(stepsOf('x'.repeat(unitsPerStep * 3))).toBe(3);
    expect(stepsOf(['x'.repeat(unitsPerStep * 3)])).toBe(3);
  });

  test('small values cost nothing', () => {
    for (const value of [null, true, 1, 1n, 'x', [], {}, [1, 2], { a: 'x' }]) expect(stepsOf(value)).toBe(0);
    expect(stepsOfText(list(100_000))).toBe(0);
  });

  test('a value without end costs all there is', () => {
    const cycle: unknown[] = [1];
    cycle.push(cycle, cycle);
    expect(stepsOf(cycle)).toBeGreaterThan(maxSteps);
  });
});

describe('in the turns of a macro', () => {
  const variables = { few: types.list(types.double), many: types.list(types.double), text: types.string };
  /** The least number of turns at which a rule over `few` fails. */
  function turnsUntilFailure(source: string, values: Readonly<Record<string, unknown>>): number {
    const { expr, problems } = checkRule(parseRule(source), { variables, relations: {} });
    expect(problems).toEqual([]);
    const forms = [compileClosure(expr), compileJs(expr)];
    const fails = (turns: number) => {
      const environment = { few: list(turns), ...values };
      const results = forms.map((form) => form(environment, { related: () => false }) instanceof Failure);
      expect(results[0]).toBe(results[1]);
      return results[0];
    };
    let [low, high] = [0, maxSteps + 1];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (fails(middle)) high = middle;
      else low = middle;
    }
    return high;
  }

  const many = list(elementsPerStep * 999);
  const text = 'x'.repeat(unitsPerStep * 999);
  test.each([
    ['few.all(x, x >= 0.0)', maxSteps],
    ['few.all(x, size(many) > 0)', maxSteps],
    ['few.all(x, many[0] == 0.0)', maxSteps],
    ['few.all(x, x in [0.0, 1.0] || true)', maxSteps],
    ['few.all(x, !(-1.0 in many))', maxSteps / 1000],
    ['few.all(x, many == many)', maxSteps / 1999],
    ['few.all(x, size(many + []) > 0)', maxSteps / 1999],
    ['few.all(x, text != "")', maxSteps / 1000],
    ['few.all(x, size(text) > 0)', maxSteps / 1000],
    ['few.all(x, text.contains("x"))', maxSteps / 1000],
    ['few.all(x, text == text)', maxSteps / 1999],
    ['few.all(x, "x".matches(text.charAt(0)))', maxSteps / (1000 + stepsPerPattern)],
    ['few.all(x, "x".matches("x"))', maxSteps],
    ['few.all(x, text.replace("y", "z") != "")', maxSteps / (1000 + 999 * rewritingFactor + 999)],
    ['few.all(x, size(text.split("y")) > 0)', maxSteps / (1000 + 999 * rewritingFactor + 999)],
  ])('%s: enough for %d turns', (source, turns) => {
    expect(Math.abs(turnsUntilFailure(source, { many, text }) - turns)).toBeLessThan(3);
  });

  test('outside of macros nothing is counted', () => {
    const source = Array.from({ length: 30 }, () => 'many == many').join(' && ');
    const { expr } = checkRule(parseRule(source), { variables, relations: {} });
    const environment = { few: [], text: '', many: list(maxSteps) };
    for (const form of [compileClosure(expr), compileJs(expr)]) {
      expect(form(environment, { related: () => false })).toBe(true);
    }
  });
});
