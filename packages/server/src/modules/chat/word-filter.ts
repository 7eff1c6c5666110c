/**
 * Finds words that are not let through: without case, in any script, whole words only. The text is gone through once,
 * whatever the list holds.
 *
 * A word is a run of letters, digits and `_`; every other character that is no space stands for itself, and so does each
 * character of scripts that are written without spaces. An entry of the list may be several words: they match in a row,
 * whatever space is between them. Characters that cannot be seen are passed over.
 */

/** Scripts without spaces between words. */
const unspaced = String.raw`\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}`;
const pattern = new RegExp(
  String.raw`[${unspaced}]\p{M}*|(?:(?![${unspaced}])[\p{L}\p{M}\p{N}_\p{Cf}])+|[^\s\p{Cf}]`,
  'gu',
);

interface Token {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** The same for all ways to write a word: width, case, invisible characters. */
function fold(word: string): string {
  return word
    .normalize('NFKC')
    .replaceAll(/\p{Cf}/gu, '')
    .toUpperCase()
    .toLowerCase();
}

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  for (const match of text.matchAll(pattern)) {
    const [found] = match;
    const folded = fold(found);
    if (folded !== '') tokens.push({ start: match.index, end: match.index + found.length, text: folded });
  }
  return tokens;
}

interface Node {
  readonly next: Map<string, Node>;
  /** An entry of the list ends here. */
  ends: boolean;
}

export class WordFilter {
  readonly #root: Node = { next: new Map(), ends: false };

  /** @param words of the configuration; one without anything to see matches nothing. */
  constructor(words: readonly string[]) {
    for (const word of words) {
      let node = this.#root;
      for (const { text } of tokensOf(word)) {
        let next = node.next.get(text);
        if (!next) node.next.set(text, (next = { next: new Map(), ends: false }));
        node = next;
      }
      if (node !== this.#root) node.ends = true;
    }
  }

  get isEmpty(): boolean {
    return this.#root.next.size === 0;
  }

  /** Whether there is any of the words. */
  matches(text: string): boolean {
    return !this.isEmpty && this.#find(text).length > 0;
  }

  /** @returns the text with an asterisk for every character of a word that was found; the same text if there was none. */
  mask(text: string): string {
    if (this.isEmpty) return text;
    let masked = '';
    let done = 0;
    for (const { start, end } of this.#find(text)) {
      masked +=
        text.slice(done, start) +
        text
          .slice(start, end)
          .replaceAll(/\p{Cf}/gu, '')
          .replaceAll(/\S/gu, '*');
      done = end;
    }
    return masked + text.slice(done);
  }

  /** Where words stand, in order, each as long as possible, without overlaps. */
  #find(text: string): { readonly start: number; readonly end: number }[] {
    const tokens = tokensOf(text);
    const found: { start: number; end: number }[] = [];
    for (let at = 0; at < tokens.length; at++) {
      let node: Node | undefined = this.#root;
      let last = -1;
      // No longer than the longest entry.
      for (let ahead = at; ahead < tokens.length; ahead++) {
        node = node.next.get(tokens[ahead]?.text ?? '');
        if (!node) break;
        if (node.ends) last = ahead;
      }
      const [first, end] = [tokens[at], tokens[last]];
      if (!first || !end) continue;
      found.push({ start: first.start, end: end.end });
      at = last;
    }
    return found;
  }
}
