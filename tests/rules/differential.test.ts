/**
 * Random rules on random variables, through both evaluated forms and through two other CEL libraries: the same value, or
 * a failure of all. `TIDINGS_RULES_RUNS=100` tries a hundred times as many. What is found comes shrunk, with its text.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Failure, Value } from '../../packages/server/src/rules/value.ts';
import { isSame, load, noRelations, show } from './both-forms.ts';
import { bufbuild, bufbuildCorrections, celJsGaps, hasKey } from './deviations.ts';
import { anEnvironment, aRule, variables } from './expressions.ts';
import { bufbuildWith, celJs, inUtc } from './oracles.ts';
import { runs } from './runs.ts';

const plainBufbuild = bufbuildWith([]);
const marcbachmann = celJs(variables);

inUtc();

type Bindings = Readonly<Record<string, Value>>;

/** The variables that a rule names. */
function named(source: string, bindings: Bindings): Bindings {
  return Object.fromEntries(Object.entries(bindings).filter(([name]) => new RegExp(`\\b${name}\\b`).test(source)));
}

function ours(source: string, bindings: Bindings): Value | Failure {
  const loaded = load(source, variables);
  if (loaded.kind === 'rule') return loaded.evaluate(bindings, noRelations);
  throw new Error(`refused: ${loaded.problems.map(({ found, valid }) => `${found}; valid: ${valid}`).join('. ')}`);
}

function compare(source: string, bindings: Bindings, theirs: Value | Failure): void {
  const mine = ours(source, bindings);
  if (isSame(mine, theirs)) return;
  const given = Object.entries(named(source, bindings)).map(([name, value]) => `  ${name} = ${show(value)}\n`);
  throw new Error(`${source}\n${given.join('')}  ours: ${show(mine)}\n  theirs: ${show(theirs)}`);
}

describe('@bufbuild/cel', () => {
  test('says the same', { timeout: 3_600_000 }, () => {
    fc.assert(
      fc.property(aRule, anEnvironment, (source, environment) =>
        compare(source, environment, bufbuild(source, environment)),
      ),
      { numRuns: runs(8000) },
    );
  });

  test.each(bufbuildCorrections.map((each) => [each.why, each] as const))('%s', (_why, { rule, says }) => {
    expect(isSame(plainBufbuild(rule, {}), says), 'the correction is not needed any more').toBe(false);
    expect(isSame(bufbuild(rule, {}), says), 'the correction does not help').toBe(true);
    expect(isSame(ours(rule, {}), says)).toBe(true);
  });
});

describe('@marcbachmann/cel-js', () => {
  test('says the same where it can', { timeout: 3_600_000 }, () => {
    let asked = 0;
    const numRuns = runs(4000);
    fc.assert(
      fc.property(aRule, anEnvironment, (source, environment) => {
        const bindings = named(source, environment);
        if (celJsGaps.some((gap) => gap.holds(source, bindings))) return;
        const theirs = marcbachmann(hasKey(source), environment);
        if (theirs === undefined) return;
        asked++;
        compare(source, environment, theirs);
      }),
      { numRuns },
    );
    expect(asked).toBeGreaterThan(numRuns / 10);
  });

  test.each(celJsGaps.map((each) => [each.why, each] as const))('%s', (_why, { rule, says, holds }) => {
    expect(holds(rule, {})).toBe(true);
    const theirs = marcbachmann(rule, {});
    expect(theirs !== undefined && isSame(theirs, says), 'the gap is closed').toBe(false);
    expect(isSame(ours(rule, {}), says)).toBe(true);
  });
});
