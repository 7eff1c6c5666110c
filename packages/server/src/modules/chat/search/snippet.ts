/** The part of a text around what was found, with where it stands. Positions, not HTML: the client shows them as it likes. */
import { fold, wordsOf, type Term } from './search-words.ts';

export interface Match {
  /** In UTF-16 code units of the snippet's text. */
  readonly start: number;
  readonly length: number;
}

export interface Snippet {
  readonly text: string;
  /** In order, without overlaps. */
  readonly matches: readonly Match[];
}

const maxLength = 200;
/** Shown before the first match. */
const maxBefore = 60;
const maxMatches = 20;

export function makeSnippet(text: string, terms: readonly Term[]): Snippet {
  const found = findMatches(text, terms);
  const first = found[0]?.start ?? 0;
  const start = first <= maxBefore ? 0 : boundary(text, first - maxBefore, first);
  const end = text.length - start <= maxLength ? text.length : lastBoundary(text, start + maxLength, start);
  const matches = found
    .filter((match) => match.start >= start && match.start + match.length <= end)
    .slice(0, maxMatches)
    .map((match) => ({ start: match.start - start, length: match.length }));
  return { text: text.slice(start, end), matches };
}

function findMatches(text: string, terms: readonly Term[]): Match[] {
  const found: { start: number; length: number }[] = [];
  const add = (start: number, end: number): void => {
    const last = found.at(-1);
    // Pairs of characters overlap.
    if (last && start <= last.start + last.length && start > last.start)
      last.length = Math.max(last.length, end - last.start);
    else found.push({ start, length: end - start });
  };
  const isFound = (word: string) =>
    terms.some((term) => (term.prefix ? word.startsWith(term.text) : word === term.text));
  for (const word of wordsOf(text)) {
    if (!word.unspaced) {
      if (word.text !== '' && isFound(word.text)) add(word.start, word.end);
      continue;
    }
    const characters = Array.from(text.slice(word.start, word.end));
    let at = word.start;
    for (const [i, character] of characters.entries()) {
      const next = characters[i + 1] ?? '';
      const one = terms.some((term) => term.prefix && term.text === fold(character));
      if (one) add(at, at + character.length);
      else if (isFound(fold(character + next))) add(at, at + character.length + next.length);
      at += character.length;
    }
  }
  return found;
}

/** The first beginning of a word from `from` on, at the latest `to`. */
function boundary(text: string, from: number, to: number): number {
  const space = text.slice(from, to).search(/\s/);
  return space >= 0 ? from + space + 1 : wholeCharacter(text, from);
}

/** The last end of a word up to `to`. */
function lastBoundary(text: string, to: number, from: number): number {
  const length = text.slice(from, to).search(/\s\S*$/);
  return length > maxLength / 2 ? from + length : wholeCharacter(text, to);
}

/** Not between the halves of a surrogate pair. */
function wholeCharacter(text: string, at: number): number {
  const unit = text.charCodeAt(at);
  return unit >= 0xdc00 && unit <= 0xdfff ? at - 1 : at;
}
