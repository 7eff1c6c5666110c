/** `tidings rules test`: runs the tests in a configuration, says what failed and why, and what the tests have seen. */
import {
  countCoverage,
  coveragePercent,
  runRuleTests,
  type ExpectationResult,
  type RuleTestReport,
  type RuleTestResult,
} from '@tidings/server';
import { flag, integer, type CommandInput } from '../command.ts';
import type { Terminal } from '../terminal.ts';
import { counted } from './counted.ts';
import { loadRules } from './load-rules.ts';
import { printCoverage } from './print-coverage.ts';
import { explanationJson, printExplanation } from './print-explanation.ts';

/** @returns 0 if all expectations hold and enough was seen, else 1. */
export async function testRules(input: CommandInput): Promise<number> {
  const { terminal, values } = input;
  const wanted = integer(values, 'coverage', { min: 0, max: 100 });
  const { config, ruleset, locate } = await loadRules(input);
  const report = runRuleTests(config, ruleset, { nowMs: Date.now() });
  const failed = report.tests.flatMap(({ expectations }) => expectations).filter(({ failure }) => failure).length;
  const percent = coveragePercent(countCoverage(report.coverage));
  const tooLittle = wanted !== undefined && percent < wanted;

  if (flag(values, 'json'))
    terminal.print(JSON.stringify(asJson(report, failed === 0 && !tooLittle, percent), null, 2));
  else printReport(report, failed, ({ path, key }) => locate(path) ?? key, terminal);
  if (tooLittle) terminal.warn(`tidings: the tests see ${percent} % of the rules; ${wanted} % is wanted`);
  return failed > 0 || tooLittle ? 1 : 0;
}

/** Where an expectation stands, for people. */
type PlaceOf = (expectation: ExpectationResult) => string;

function printReport({ tests, coverage }: RuleTestReport, failed: number, placeOf: PlaceOf, terminal: Terminal): void {
  if (tests.length === 0) {
    terminal.print('There are no tests. They stand under rules.tests; docs/rules.md shows how.\n');
  }
  const width = Math.max(
    0,
    ...tests.flatMap(({ expectations }) => expectations.map((each) => questionOf(each).length)),
  );
  for (const test of tests) printTest(test, width, placeOf, terminal);
  if (tests.length > 0) {
    const total = tests.reduce((sum, { expectations }) => sum + expectations.length, 0);
    const style = failed > 0 ? 'red' : 'green';
    const all = counted(total, 'expectation');
    const outcome = failed > 0 ? `${failed} of ${all} failed` : `${all} ${total === 1 ? 'holds' : 'hold'}`;
    terminal.print(`${terminal.style(style, outcome)}\n`);
  }
  printCoverage(coverage, terminal);
}

function questionOf({ action, channel }: ExpectationResult): string {
  return `${action} ${channel}`;
}

function printTest({ name, expectations }: RuleTestResult, width: number, placeOf: PlaceOf, terminal: Terminal): void {
  terminal.print(terminal.style('bold', name));
  for (const expectation of expectations) {
    const question = questionOf(expectation).padEnd(width);
    if (expectation.failure === undefined) {
      terminal.print(`  ${terminal.style('green', 'ok')}      ${question}  ${expectation.expected}`);
      continue;
    }
    terminal.print(`  ${terminal.style('red', 'FAILED')}  ${question}  ${terminal.style('dim', placeOf(expectation))}`);
    terminal.print(`          ${expectation.failure}`);
    if (expectation.explanation) {
      terminal.print();
      printExplanation(expectation.explanation, sourceOf(expectation), terminal, 10);
      terminal.print();
    }
  }
  terminal.print();
}

function sourceOf({ answer }: ExpectationResult): string {
  return answer.decided?.rule.source ?? '';
}

function asJson({ tests, coverage }: RuleTestReport, ok: boolean, percent: number): object {
  return {
    ok,
    coverage: percent,
    tests: tests.map(({ name, expectations }) => ({
      name,
      expectations: expectations.map((expectation) => {
        const { key, action, channel, expected, answer, failure, explanation } = expectation;
        return {
          ok: failure === undefined,
          key,
          action,
          channel,
          expected,
          got: answer.is,
          because: answer.because,
          at: answer.at,
          becomes: answer.becomes,
          pattern: answer.resolved?.pattern,
          rule: answer.decided?.rule.key,
          failure,
          explanation: explanation && explanationJson(explanation, sourceOf(expectation)),
        };
      }),
    })),
    rules: coverage.map(({ rule, pattern, place, evaluations, conditions }) => ({
      pattern,
      place,
      rule: rule.source,
      evaluations,
      conditions: conditions.map(({ span, seenTrue, seenFalse }) => ({
        text: rule.source.slice(span.start, span.end),
        start: span.start,
        end: span.end,
        seenTrue,
        seenFalse,
      })),
    })),
  };
}
