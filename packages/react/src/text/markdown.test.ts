import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseMarkdown, type BlockNode, type InlineNode } from './markdown.ts';

/** Written down shortly: b(…) bold, i(…) italic, s(…) struck, c(…) code, a(text→url), @(…). */
function short(nodes: readonly InlineNode[]): string {
  return nodes
    .map((node) => {
      switch (node.kind) {
        case 'text':
          return node.text;
        case 'code':
          return `c(${node.text})`;
        case 'link':
          return node.text === node.url ? `a(${node.url})` : `a(${node.text}→${node.url})`;
        case 'mention':
          return `@(${node.name})`;
        default:
          return `${node.kind[0] ?? ''}(${short(node.children)})`;
      }
    })
    .join('');
}

function inline(text: string, names: readonly string[] = []): string {
  const [block] = parseMarkdown(text, names);
  return block?.kind === 'paragraph' ? short(block.children) : `not a paragraph: ${block?.kind}`;
}

test.each([
  ['plain words', 'plain words'],
  ['**bold** and *italic* and _too_', 'b(bold) and i(italic) and i(too)'],
  ['**bold with *italic* in it**', 'b(bold with i(italic) in it)'],
  ['~~gone~~', 's(gone)'],
  ['`a * b * c`', 'c(a * b * c)'],
  ['2 * 3 * 4', '2 * 3 * 4'],
  ['snake_case_name', 'snake_case_name'],
  ['**not closed', '**not closed'],
  ['*a **b* c**', 'i(a **b) c**'],
  ['see https://example.org/a_b_c.', 'see a(https://example.org/a_b_c).'],
  ['(https://example.org/x)', '(a(https://example.org/x))'],
  ['https://example.org/a_(b)', 'a(https://example.org/a_(b))'],
  ['**https://example.org**', 'b(a(https://example.org))'],
  ['[here](https://example.org)', 'a(here→https://example.org)'],
  ['[x](javascript:alert(1))', '[x](javascript:alert(1))'],
  ['javascript:alert(1) data:text/html,x', 'javascript:alert(1) data:text/html,x'],
  ['one\ntwo', 'one\ntwo'],
])('%j is read as %j', (text, expected) => {
  expect(inline(text)).toBe(expected);
});

test('a mention is one of the names that were given, the longest first, and no part of a word', () => {
  const names = ['ann', 'Ann Lee', 'here'];
  expect(inline('@Ann Lee, @ann and @anna; a@ann.org @here', names)).toBe(
    '@(Ann Lee), @(ann) and @anna; a@ann.org @(here)',
  );
  expect(inline('@ann', [])).toBe('@ann');
  expect(inline('@a.b(c', ['a.b(c'])).toBe('@(a.b(c)');
});

test('blocks: code as it stands, quotes, and paragraphs between them', () => {
  const blocks = parseMarkdown('look:\n\n```js\nconst a = **1**;\n\n```\n> said\n> before\nand after');
  expect(blocks.map((block) => [block.kind, block.kind === 'code' ? block.text : short(block.children)])).toEqual([
    ['paragraph', 'look:'],
    ['code', 'const a = **1**;\n'],
    ['quote', 'said\nbefore'],
    ['paragraph', 'and after'],
  ]);
});

test('a code block that is not closed is text', () => {
  expect(inline('```js\nconst a = 1;')).toBe('```js\nconst a = 1;');
});

function textOf(blocks: readonly BlockNode[]): string {
  const of = (node: InlineNode): string => ('children' in node ? node.children.map(of).join('') : node.text);
  return blocks.map((block) => (block.kind === 'code' ? block.text : block.children.map(of).join(''))).join('');
}

test('nothing that was written gets lost but marks and the space around blocks', () => {
  // In angle brackets it can stand neither in an address nor as the language of a code block.
  const piece = fc.constantFrom(
    '**',
    '*',
    '_',
    '~~',
    '`',
    '```',
    '\n',
    '> ',
    ' ',
    '[',
    '](',
    ')',
    'https://a.b/c',
    '@ann',
    '<w>',
  );
  const count = (text: string): number => text.split('<w>').length - 1;
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
      const text = pieces.join('');
      expect(count(textOf(parseMarkdown(text, ['ann'])))).toBe(count(text));
    }),
  );
});

test('hostile text takes no more than its length: sixteen times as long, not 256 times as slow', () => {
  for (const piece of [
    '*',
    '**a',
    '_a ',
    '`',
    '[',
    '[a](',
    '```\n',
    '> ',
    '@ann',
    'https://',
    '~~*_',
    '*a **b ',
    '@',
  ]) {
    const steps = (length: number): number => {
      const text = piece.repeat(length / piece.length);
      let best = Infinity;
      for (let i = 0; i < 5; i++) {
        const start = performance.now();
        parseMarkdown(text, ['ann', 'ben']);
        best = Math.min(best, performance.now() - start);
      }
      return best;
    };
    steps(16_000);
    // Quadratic would be 256 times; noise of a busy machine is far below that.
    expect(steps(64_000) / Math.max(steps(4000), 0.3), piece).toBeLessThan(100);
  }
});
