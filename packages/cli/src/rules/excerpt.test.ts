import { describe, expect, test } from 'vitest';
import { excerptOf } from './excerpt.ts';

/** Marks the first place of a text in a rule. */
function marked(source: string, part: string): string[] {
  const start = source.indexOf(part);
  const { line, marks } = excerptOf(source, { start, end: start + part.length }, '^');
  return [line, marks];
}

describe('a place in a rule', () => {
  test('is marked in its line', () => {
    expect(marked('a &&\n  bc || d', 'bc')).toEqual(['  bc || d', '  ^^']);
    expect(marked('a && b', 'a')).toEqual(['a && b', '^']);
  });

  test('that goes on over several lines is marked in the first', () => {
    expect(marked('x == (a ||\nb)', '(a ||\nb)')).toEqual(['x == (a ||', '     ^^^^^…']);
  });

  test('at the end is marked behind it', () => {
    expect(excerptOf('a &&', { start: 4, end: 4 }, '^')).toEqual({ line: 'a &&', marks: '    ^' });
    expect(excerptOf('a &&', { start: 9, end: 12 }, '^')).toEqual({ line: 'a &&', marks: '    ^' });
  });

  test('counts characters, not code units', () => {
    expect(marked('"👋🏽" == name', 'name')).toEqual(['"👋🏽" == name', '        ^^^^']);
  });

  test('in a long line is shown with what is around it', () => {
    const [line = '', marks = ''] = marked(`${'a || '.repeat(100)}wrong${' || a'.repeat(100)}`, 'wrong');
    expect(line.length).toBeLessThanOrEqual(102);
    expect(line.slice(marks.indexOf('^'), marks.lastIndexOf('^') + 1)).toBe('wrong');
  });

  test('has no control characters', () => {
    expect(marked('a\t== "\u001b[31m" && b', 'b')).toEqual(['a == " [31m" && b', '                ^']);
  });
});
