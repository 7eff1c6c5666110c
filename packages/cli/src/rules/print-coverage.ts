/** Prints what the tests have seen of each rule, and marks in its text what they never saw. */
import { countCoverage, coveragePercent, type CoveredCondition, type RuleCoverageResult } from '@tidings/server';
import type { Style, Terminal } from '../terminal.ts';
import { excerptOf } from './excerpt.ts';

export function printCoverage(rules: readonly RuleCoverageResult[], terminal: Terminal): void {
  if (rules.length === 0) return;
  terminal.print(terminal.style('bold', 'what the tests have seen of the rules'));
  const width = Math.max(...rules.map(({ pattern }) => pattern.length));
  const placeWidth = Math.max(...rules.map(({ place }) => place.length));
  for (const rule of rules) {
    const percent = percentText(coveragePercent(countCoverage([rule])), terminal);
    const asked = rule.evaluations > 0;
    const name = `${rule.pattern.padEnd(width)}  ${rule.place.padEnd(placeWidth)}`;
    terminal.print(`  ${percent}  ${asked ? name.trimEnd() : `${name}  ${terminal.style('dim', 'never asked')}`}`);
    if (asked) for (const line of unseenLines(rule, terminal)) terminal.print(`         ${line}`);
  }
  const total = countCoverage(rules);
  terminal.print(`  ${percentText(coveragePercent(total), terminal)}  ${total.seen} of ${total.total} outcomes`);
}

function percentText(percent: number, terminal: Terminal): string {
  const style: Style = percent === 100 ? 'green' : percent === 0 ? 'red' : 'yellow';
  return terminal.style(style, `${String(percent).padStart(3)} %`);
}

/** Each line of the rule once, and below it a line of marks for each part that was not seen both ways. */
function unseenLines({ rule, conditions }: RuleCoverageResult, terminal: Terminal): string[] {
  const lines: string[] = [];
  let last: string | undefined;
  for (const condition of partsToMark(conditions)) {
    const { line, marks } = excerptOf(rule.source, condition.span, '~');
    if (line !== last) lines.push(line);
    last = line;
    lines.push(terminal.style('yellow', `${marks} ${unseenWords(condition)}`));
  }
  return lines;
}

function unseenWords({ seenTrue, seenFalse }: CoveredCondition): string {
  if (!seenTrue && !seenFalse) return 'never reached';
  return seenTrue ? 'never false' : 'never true';
}

/**
 * The parts to mark: of what was never reached the outermost, of the rest the innermost. That the whole was never false
 * follows from that of its parts.
 */
function partsToMark(conditions: readonly CoveredCondition[]): CoveredCondition[] {
  const unseen = conditions.filter(({ seenTrue, seenFalse }) => !(seenTrue && seenFalse));
  const isWithin = ({ span }: CoveredCondition, outer: CoveredCondition) =>
    outer.span.start <= span.start && span.end <= outer.span.end;
  const isReached = ({ seenTrue, seenFalse }: CoveredCondition) => seenTrue || seenFalse;
  return unseen.filter((part) =>
    isReached(part)
      ? !unseen.some((other) => other !== part && isWithin(other, part))
      : !unseen.some((other) => other !== part && !isReached(other) && isWithin(part, other)),
  );
}
