import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { indexWords, matches, queryTerms } from './search-words.ts';
import { makeSnippet } from './snippet.ts';

/** The parts of the snippet that are marked. */
function marked(text: string, query: string): string[] {
  const snippet = makeSnippet(text, queryTerms(query));
  return snippet.matches.map(({ start, length }) => snippet.text.slice(start, start + length));
}

describe('a snippet', () => {
  test('marks what was found, as it stands in the text', () => {
    expect(marked('Crème brûlée, crème!', 'creme')).toEqual(['Crème', 'crème']);
    expect(marked('deploy deployed redeploy', 'depl')).toEqual(['deploy', 'deployed']);
    expect(marked('明日は東京に行きます', '東京に')).toEqual(['東京に']);
    expect(marked('<b>bold</b>', 'bold')).toEqual(['bold']);
  });

  test('of a long text is the part around the first match', () => {
    const text = `${'before '.repeat(100)}needle ${'after '.repeat(100)}`;
    const snippet = makeSnippet(text, queryTerms('needle'));
    expect(snippet.text.length).toBeLessThanOrEqual(200);
    expect(snippet.text).toContain('needle');
    expect(snippet.text.startsWith('before')).toBe(true);
  });

  test('is well-formed, and its marks lie within it in order', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary', maxLength: 500 }),
        fc.string({ unit: 'binary', maxLength: 10 }),
        (text, query) => {
          const snippet = makeSnippet(text, queryTerms(query));
          expect(snippet.text.isWellFormed()).toBe(text.isWellFormed());
          let end = 0;
          for (const match of snippet.matches) {
            expect(match.start).toBeGreaterThanOrEqual(end);
            expect(match.length).toBeGreaterThan(0);
            end = match.start + match.length;
          }
          expect(end).toBeLessThanOrEqual(snippet.text.length);
        },
      ),
    );
  });
});

describe('the words of the index', () => {
  test('a text holds all of its own words', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 100 }), (text) => {
        const words = indexWords(text);
        expect(matches(words, queryTerms(text))).toBe(true);
        for (const word of words) expect(word).toMatch(/^[\p{L}\p{N}\p{M}]+$/u);
      }),
    );
  });

  test('a long word is found by its beginning', () => {
    const word = 'a'.repeat(100);
    expect(matches(indexWords(word), queryTerms(word))).toBe(true);
    expect([...indexWords(word)][0]).toHaveLength(64);
  });
});
