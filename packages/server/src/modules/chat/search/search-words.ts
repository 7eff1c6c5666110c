/**
 * Text as the search sees it, the same for what is searched and what is searched for, and on both databases: words
 * without case and accents. Scripts that are written without spaces are cut into overlapping pairs of characters.
 */

/** Longer words are cut: who searches for them finds them by their beginning. */
const maxWordLength = 64;
/** Characters of Chinese and Japanese. */
const unspaced = String.raw`\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\u30FC\u3005`;
const pattern = new RegExp(`[${unspaced}]+|(?:(?![${unspaced}])[\\p{L}\\p{N}\\p{M}])+`, 'gu');
const isUnspaced = new RegExp(`^[${unspaced}]`, 'u');

/** A word where it stands in the text, in UTF-16 code units. */
export interface Word {
  readonly start: number;
  readonly end: number;
  readonly unspaced: boolean;
  /** Folded; empty for what is nothing but accents. */
  readonly text: string;
}

export function* wordsOf(text: string): Generator<Word> {
  for (const match of text.matchAll(pattern)) {
    const [word] = match;
    yield { start: match.index, end: match.index + word.length, unspaced: isUnspaced.test(word), text: fold(word) };
  }
}

/** Of a very long text, only the beginning can be found: databases take an entry of a limited size. */
const maxIndexedLength = 100_000;

/** What stands in the index for a text, each once. */
export function indexWords(text: string): Set<string> {
  const terms = new Set<string>();
  for (const word of wordsOf(text)) {
    if (word.end > maxIndexedLength) break;
    if (!word.unspaced) {
      if (word.text !== '') terms.add(word.text);
      continue;
    }
    // The last stands alone too: one character is searched for by the beginning of pairs.
    const characters = Array.from(word.text);
    for (let at = 0; at < characters.length; at++) terms.add(characters.slice(at, at + 2).join(''));
  }
  return terms;
}

/** A word that is searched for. */
export interface Term {
  readonly text: string;
  /** Words that begin so are meant too. */
  readonly prefix: boolean;
}

/** Shorter beginnings would find nearly everything. */
const minPrefixLength = 2;

/** All of them must stand in what is found. Whoever types has perhaps not finished the last. */
export function queryTerms(query: string): Term[] {
  const words = [...wordsOf(query)].filter(({ text }) => text !== '');
  const terms = new Map<string, Term>();
  for (const [at, word] of words.entries()) {
    const isLast = at === words.length - 1;
    if (!word.unspaced) {
      const prefix = isLast && Array.from(word.text).length >= minPrefixLength;
      // As a whole word it begins so too.
      if (!terms.has(word.text)) terms.set(word.text, { text: word.text, prefix });
      continue;
    }
    const characters = Array.from(word.text);
    const only = characters.length === 1;
    for (let i = 0; i < (only ? 1 : characters.length - 1); i++) {
      const text = characters.slice(i, i + 2).join('');
      if (!terms.has(text)) terms.set(text, { text, prefix: only });
    }
  }
  return [...terms.values()];
}

/** Whether a text, by its words in the index, holds all terms. */
export function matches(words: ReadonlySet<string>, terms: readonly Term[]): boolean {
  return terms.every(({ text, prefix }) => {
    if (words.has(text)) return true;
    if (!prefix) return false;
    for (const word of words) if (word.startsWith(text)) return true;
    return false;
  });
}

/**
 * Case and accents go: compatibility decomposition (Unicode Standard Annex #15), without the combining diacritical marks
 * of Latin, Greek and Cyrillic. Marks of other scripts are letters to who reads them.
 */
export function fold(word: string): string {
  // oxlint-disable-next-line no-control-regex
  if (/^[\x00-\x7F]*$/.test(word)) return word.toLowerCase().slice(0, maxWordLength);
  const folded = word
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/[\u0300-\u036F]/g, '')
    // Case folding that is more than lower case.
    .replaceAll('ß', 'ss')
    .replaceAll('ς', 'σ')
    .replaceAll(/[^\p{L}\p{N}\p{M}]/gu, '')
    .normalize('NFC');
  return Array.from(folded).slice(0, maxWordLength).join('');
}
