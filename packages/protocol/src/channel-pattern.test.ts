import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareSpecificity, compilePattern, findAmbiguous } from './channel-pattern.ts';

const match = (pattern: string, channel: string) => {
  const variables = compilePattern(pattern).match(channel);
  return variables && { ...variables };
};

describe('match', () => {
  test.each([
    ['lobby', 'lobby', {}],
    ['lobby', 'lobby2', undefined],
    ['lobby', 'lobb', undefined],
    ['lobby', '', undefined],
    ['{name}', 'x', { name: 'x' }],
    ['{name}', '', undefined],
    ['{name}', 'a:b', undefined],
    ['room:{id}', 'room:7', { id: '7' }],
    ['room:{id}', 'room:', undefined],
    ['room:{id}', 'room:7:8', undefined],
    ['room:{id}', 'xroom:7', undefined],
    ['room:{id}:typing', 'room:7:typing', { id: '7' }],
    ['room:{id}:typing', 'room::typing', undefined],
    ['room:{id}:typing', 'room:7:typing:typing', undefined],
    ['room:{id}:typing', 'room:7', undefined],
    ['{a}:{b}', 'x:y', { a: 'x', b: 'y' }],
    ['{a}-{b}', 'x-y-z', { a: 'x', b: 'y-z' }],
    ['{a}-{b}-z', 'x-y-z-z', { a: 'x', b: 'y-z' }],
    ['{a}aa', 'aaaa', { a: 'aa' }],
    ['{a}aa{b}', 'aaaaa', { a: 'a', b: 'aa' }],
    ['{a}:', '::', undefined],
    ['chat:*', 'chat:', {}],
    ['chat:*', 'chat:a:b', {}],
    ['chat:*', 'chat', undefined],
    ['*', '', {}],
    ['*', 'any:thing', {}],
    ['room:{id}:*', 'room:7:', { id: '7' }],
    ['room:{id}:*', 'room:7:a:b', { id: '7' }],
    ['room:{id}:*', 'room::a', undefined],
    ['a.b', 'axb', undefined],
    ['{x}👋{y}', 'a👋b', { x: 'a', y: 'b' }],
  ])('%s on %s', (pattern, channel, variables) => {
    expect(match(pattern, channel)).toEqual(variables);
  });

  // A regular expression says the same, slower on bad days.
  test('agrees with a regular expression', () => {
    const piece = fc.oneof(fc.constantFrom('a', ':', '-', 'ab', 'a:b'), fc.constant('{'));
    const patterns = fc.tuple(fc.array(piece, { minLength: 1, maxLength: 6 }), fc.boolean()).map(([pieces, star]) => {
      const texts = pieces.map((part, i) => (part === '{' ? (pieces[i - 1] === '{' ? 'a' : `{v${i}}`) : part));
      return texts.join('') + (star && !texts.at(-1)?.startsWith('{') ? '*' : '');
    });
    const channels = fc.string({ unit: fc.constantFrom('a', 'b', ':', '-'), maxLength: 12 });
    let matched = 0;
    fc.assert(
      fc.property(patterns, channels, (pattern, channel) => {
        const source = pattern.replace('*', '[^]*').replaceAll(/\{(\w+)\}/g, '[^:]+');
        const variables = compilePattern(pattern).match(channel);
        expect(variables !== undefined).toBe(new RegExp(`^${source}$`).test(channel));
        if (!variables) return;
        matched++;
        // The variables put back give the channel, or its beginning if a star took the rest.
        const filled = pattern
          .replace('*', '')
          .replaceAll(/\{(\w+)\}/g, (_, name: string) => variables[name] as string);
        expect(pattern.endsWith('*') ? channel.startsWith(filled) : channel === filled).toBe(true);
      }),
      { numRuns: 3000 },
    );
    expect(matched).toBeGreaterThan(30);
  });

  test('variables have no prototype', () => {
    expect(Object.getPrototypeOf(compilePattern('{__proto__}').match('x'))).toBeNull();
    expect(compilePattern('{__proto__}').match('x')?.['__proto__']).toBe('x');
  });
});

describe('bad patterns', () => {
  test.each([
    ['', 'is empty'],
    ['a*b', '* may stand at the end only'],
    ['**', '* may stand at the end only'],
    ['{a}*', '* must not follow a variable directly'],
    ['{a', '{ without }'],
    ['a}', '} without {'],
    ['{}', 'is not a name'],
    ['{a b}', 'is not a name'],
    ['{1}', 'is not a name'],
    ['{a{b}}', 'is not a name'],
    ['{a}:{a}', 'stands twice'],
    ['{a}{b}', 'need text between'],
  ])('%s', (pattern, why) => {
    expect(() => compilePattern(pattern)).toThrow(why);
    expect(() => compilePattern(pattern)).toThrow(`channel pattern "${pattern}"`);
  });
});

describe('specificity', () => {
  test('the most specific first', () => {
    const sorted = [
      'room:{id}:typing',
      'room:private*',
      'room:lobby',
      'room:{id}:*',
      'room:{id}',
      'room:*',
      '{name}',
      '*',
    ];
    const patterns = sorted.toReversed().map(compilePattern);
    expect(patterns.toSorted(compareSpecificity).map((pattern) => pattern.text)).toEqual(sorted);
  });

  const ambiguous = (...texts: string[]) => findAmbiguous(texts.map(compilePattern)).map(([a, b]) => [a.text, b.text]);

  test.each([
    ['room:{a}', 'room:{b}'],
    ['{a}x', 'x{a}'],
    ['a{x}b{y}', '{x}ab'],
    ['a*', '*'],
  ])('%s and %s', (a, b) => {
    expect(ambiguous(a, b)).toEqual(a === 'a*' ? [] : [[a, b]]);
  });

  test('patterns that no channel can match both of are not ambiguous', () => {
    expect(ambiguous('room:{id}', 'chat:{id}')).toEqual([]);
    expect(ambiguous('{a}:b', '{a}:c')).toEqual([]);
    expect(ambiguous('a:{x}', '{x}ba')).toEqual([]);
    expect(ambiguous('aaa', 'aa{x}', 'a*')).toEqual([]);
    expect(ambiguous('ab', 'ba')).toEqual([]);
  });

  test('a channel that two equally specific patterns match makes them ambiguous', () => {
    const patterns = fc
      .array(fc.constantFrom('a', ':', '{'), { minLength: 1, maxLength: 4 })
      .map((pieces) =>
        pieces.map((piece, i) => (piece === '{' ? (pieces[i - 1] === '{' ? 'a' : `{v${i}}`) : piece)).join(''),
      );
    let both = 0;
    fc.assert(
      fc.property(patterns, patterns, fc.string({ unit: fc.constantFrom('a', ':'), maxLength: 5 }), (x, y, channel) => {
        const [a, b] = [compilePattern(x), compilePattern(y)];
        if (compareSpecificity(a, b) !== 0 || !a.match(channel) || !b.match(channel)) return;
        both++;
        expect(findAmbiguous([a, b])).toHaveLength(1);
      }),
      { numRuns: 5000 },
    );
    expect(both).toBeGreaterThan(10);
  });
});
