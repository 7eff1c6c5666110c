/**
 * Regular expressions of rules: RE2 syntax and linear time, since the text, and sometimes the pattern, comes from
 * strangers. The engine of JavaScript takes exponential time on some.
 *
 * Source: https://github.com/google/re2/wiki/Syntax
 */
import { RE2JS } from 're2js';
import { maxPatternUnits } from './evaluation-limits.ts';
import { Failure } from './value.ts';

/** Matches anywhere in a text; anchors are the pattern's own. */
export interface Pattern {
  test(text: string): boolean;
}

/** @returns a failure that says what is wrong with the pattern. */
export function compilePattern(source: string): Pattern | Failure {
  if (source.length > maxPatternUnits) {
    return new Failure(`a regular expression of more than ${maxPatternUnits} UTF-16 code units`);
  }
  try {
    return RE2JS.compile(source);
  } catch (error) {
    return new Failure(`no regular expression of RE2: ${error instanceof Error ? error.message : String(error)}`);
  }
}
