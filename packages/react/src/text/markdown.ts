/**
 * The little Markdown that people write in chats: bold, italic, struck out, code, links, quotes. Text in, a tree out; what
 * is not understood stays as it was written. Any text is read in linear time: it comes from strangers.
 */

export type InlineNode =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'bold' | 'italic' | 'struck'; readonly children: readonly InlineNode[] }
  | { readonly kind: 'code'; readonly text: string }
  | { readonly kind: 'link'; readonly url: string; readonly text: string }
  | { readonly kind: 'mention'; readonly text: string; readonly name: string };

export type BlockNode =
  | { readonly kind: 'paragraph'; readonly children: readonly InlineNode[] }
  | { readonly kind: 'quote'; readonly children: readonly InlineNode[] }
  | { readonly kind: 'code'; readonly text: string; readonly language: string };

/**
 * @param names what may stand behind an @ to be a mention; longer ones win.
 */
export function parseMarkdown(text: string, names: readonly string[] = []): readonly BlockNode[] {
  const mention = mentionPattern(names);
  const blocks: BlockNode[] = [];
  const inline = (lines: readonly string[]): readonly InlineNode[] => parseInline(lines.join('\n'), mention);
  const lines = text.replace(/\r\n?/gu, '\n').split('\n');
  let paragraph: string[] = [];
  const endParagraph = (): void => {
    // Empty lines around a block are only there to set it apart.
    while (paragraph.length > 0 && paragraph[0]?.trim() === '') paragraph.shift();
    while (paragraph.length > 0 && paragraph.at(-1)?.trim() === '') paragraph.pop();
    if (paragraph.length > 0) blocks.push({ kind: 'paragraph', children: inline(paragraph) });
    paragraph = [];
  };
  // Looked up once: a fence that is never closed must not be searched for from every line.
  let lastFence = lines.length - 1;
  while (lastFence >= 0 && !isFence(lines[lastFence] ?? '')) lastFence--;

  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? '';
    const [, language, oneLine] = /^```([\w+#-]{0,20})(?:\s*$|(.+)```\s*$)/u.exec(line) ?? [];
    if (oneLine !== undefined) {
      endParagraph();
      blocks.push({ kind: 'code', text: `${language ?? ''}${oneLine}`.trim(), language: '' });
    } else if (language !== undefined && i < lastFence) {
      let end = i + 1;
      while (!isFence(lines[end] ?? '')) end++;
      endParagraph();
      blocks.push({ kind: 'code', text: lines.slice(i + 1, end).join('\n'), language });
      i = end;
    } else if (isQuote(line)) {
      let end = i;
      while (end < lines.length && isQuote(lines[end] ?? '')) end++;
      endParagraph();
      blocks.push({
        kind: 'quote',
        children: inline(lines.slice(i, end).map((quoted) => quoted.replace(/^> ?/u, ''))),
      });
      i = end - 1;
    } else {
      paragraph.push(line);
    }
  }
  endParagraph();
  return blocks;
}

/** Which of these names the text mentions, as they are written in it. */
export function mentionedNames(text: string, names: readonly string[]): readonly string[] {
  const within = (node: InlineNode): readonly string[] =>
    node.kind === 'mention' ? [node.name] : 'children' in node ? node.children.flatMap(within) : [];
  return parseMarkdown(text, names).flatMap((block) => (block.kind === 'code' ? [] : block.children.flatMap(within)));
}

const isFence = (line: string): boolean => /^```\s*$/u.test(line);
const isQuote = (line: string): boolean => /^>(?: |$)/u.test(line);

const marks = { '**': 'bold', '*': 'italic', _: 'italic', '~~': 'struck' } as const;
type Mark = keyof typeof marks;

/** Every alternative stops at the next character of its own kind, so that the whole is linear. */
const token =
  /`([^`\n]+)`|\[([^[\]\n]{1,300})\]\((https?:\/\/[^\s()<>]{1,2000})\)|(https?:\/\/[^\s<>"`]+)|(\*\*|~~|\*|_)|(@)/giu;

function parseInline(text: string, mention: RegExp | undefined): readonly InlineNode[] {
  // One list for each mark that is open, innermost last.
  const open: { mark: Mark; nodes: InlineNode[] }[] = [];
  const root: InlineNode[] = [];
  const nodes = (): InlineNode[] => open.at(-1)?.nodes ?? root;
  const say = (said: string): void => {
    const last = nodes().at(-1);
    if (said === '') return;
    if (last?.kind === 'text') nodes()[nodes().length - 1] = { kind: 'text', text: last.text + said };
    else nodes().push({ kind: 'text', text: said });
  };
  /** What was not closed was no mark: it goes back to where it stands, as text. */
  const giveUp = (): void => {
    const last = open.pop();
    if (last === undefined) return;
    say(last.mark);
    for (const node of last.nodes) {
      if (node.kind === 'text') say(node.text);
      else nodes().push(node);
    }
  };

  let at = 0;
  token.lastIndex = 0;
  for (let match = token.exec(text); match !== null; match = token.exec(text)) {
    const [all, code, label, labelUrl, url, mark] = match;
    const before = text[match.index - 1] ?? ' ';
    say(text.slice(at, match.index));
    at = match.index + all.length;
    if (code !== undefined) {
      nodes().push({ kind: 'code', text: code });
    } else if (label !== undefined && labelUrl !== undefined) {
      nodes().push({ kind: 'link', url: labelUrl, text: label });
    } else if (url !== undefined) {
      const clean = withoutTrailing(url);
      nodes().push({ kind: 'link', url: clean, text: clean });
      at = match.index + clean.length;
    } else if (mark !== undefined) {
      const kind = mark as Mark;
      const depth = open.findIndex((item) => item.mark === kind);
      const after = text[at] ?? ' ';
      if (depth !== -1 && !/\s/u.test(before) && (kind !== '_' || !isWord(after))) {
        while (open.length > depth + 1) giveUp();
        const closed = open.pop();
        if (closed !== undefined) nodes().push({ kind: marks[kind], children: closed.nodes });
      } else if (depth === -1 && !/\s/u.test(after) && !(kind !== '**' && isWord(before))) {
        open.push({ mark: kind, nodes: [] });
      } else {
        say(mark);
      }
    } else {
      const name = isWord(before) ? undefined : nameAt(text, at, mention);
      if (name === undefined) say(all);
      else nodes().push({ kind: 'mention', text: `@${name}`, name });
      at += name?.length ?? 0;
    }
    token.lastIndex = at;
  }
  say(text.slice(at));
  while (open.length > 0) giveUp();
  return root;
}

const isWord = (character: string): boolean => /[\p{L}\p{N}_]/u.test(character);

/** Punctuation behind an address belongs to the sentence; a bracket only if it was not opened within. */
function withoutTrailing(url: string): string {
  let end = url.length;
  let opened = 0;
  for (const character of url) opened += character === '(' ? 1 : character === ')' ? -1 : 0;
  while (end > 0) {
    const last = url[end - 1] ?? '';
    if (last === ')' && opened < 0) opened++;
    else if (!/[.,:;!?'*_~\]]/u.test(last)) break;
    end--;
  }
  return url.slice(0, end);
}

function mentionPattern(names: readonly string[]): RegExp | undefined {
  if (names.length === 0) return undefined;
  const longestFirst = [...new Set(names)].filter((name) => name !== '').sort((a, b) => b.length - a.length);
  return new RegExp(`(?:${longestFirst.map((name) => escape(name)).join('|')})(?![\\p{L}\\p{N}_])`, 'iuy');
}

/** As a pattern that matches just this; `RegExp.escape` is not everywhere yet. */
const escape = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/]/gu, String.raw`\$&`);

function nameAt(text: string, at: number, mention: RegExp | undefined): string | undefined {
  if (mention === undefined) return undefined;
  mention.lastIndex = at;
  return mention.exec(text)?.[0];
}
