/** Constant arguments that can never be valid are found when a rule is loaded. Part of `check.ts`. */
import { compilePattern } from './pattern.ts';
import type { RuleProblem, TypedExpr } from './syntax.ts';
import { openTimeZone } from './time-zone.ts';
import { parseDuration, parseTimestamp } from './timestamp.ts';
import { Failure } from './value.ts';

/** A text that is read as something else: which argument it is, what reads it, and what would do. */
interface Reading {
  readonly argument: number;
  readonly read: (text: string) => unknown;
  readonly valid: string;
}

const timeZone: Reading = { argument: 1, read: openTimeZone, valid: '"Europe/Paris", "UTC", "+02:00"' };

function readingOf(name: string): Reading | undefined {
  switch (name) {
    case 'matches':
      return { argument: 1, read: compilePattern, valid: 'RE2 syntax: "^[a-z]+$"' };
    case 'timestamp':
      return { argument: 0, read: parseTimestamp, valid: '"2030-01-31T12:00:00Z"' };
    case 'duration':
      return { argument: 0, read: parseDuration, valid: 'numbers with units: "1h30m", "1.5s"' };
    default:
      // All functions of this kind take a timestamp apart, in a time zone.
      return name.startsWith('get') ? timeZone : undefined;
  }
}

/** @returns what is wrong with the constants that a function is called with. */
export function checkConstants(name: string, args: readonly TypedExpr[]): RuleProblem | undefined {
  const reading = readingOf(name);
  const arg = reading && args[reading.argument];
  if (!arg || arg.kind !== 'constant' || typeof arg.value !== 'string') return undefined;
  const result = reading.read(arg.value);
  if (!(result instanceof Failure)) return undefined;
  const shown = arg.value.length <= 40 ? arg.value : `${arg.value.slice(0, 39)}…`;
  return { span: arg.span, found: `"${shown}", which is ${result.reason}`, valid: reading.valid };
}
