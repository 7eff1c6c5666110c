import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { findLinks } from './find-links.ts';
import { readHead } from './page-head.ts';

describe('the head of a page', () => {
  test.each([
    ['<title>Hello &amp; good\n  bye</title>', { title: 'Hello & good bye' }],
    ['<TITLE lang=en>A</TITLE>', { title: 'A' }],
    [`<title>a</title><meta property="og:title" content='B "b"'>`, { title: 'B "b"' }],
    ['<meta name=description content=plain><title>t', { description: 'plain' }],
    [
      '<meta content="d" name="Description"><meta property=og:description content="og"><meta property="og:site_name" content="S">',
      { description: 'og', siteName: 'S' },
    ],
    ['<!-- <title>no</title> --><title>yes</title>', { title: 'yes' }],
    ['<script>"<title>no</title>"</script><title>yes</title>', { title: 'yes' }],
    ['<head></head><title>late</title>', {}],
    ['<body><title>late</title>', {}],
    ['<title>a < b <i>c</i></title>', { title: 'a < b <i>c</i>' }],
    ['<meta name="description" content="a > b"><title>x</title>', { description: 'a > b', title: 'x' }],
    ['<meta property="og:title" content=""><title>x</title>', { title: 'x' }],
    ['<title>&#x1F600;&#0;&#xD800;&constructor;</title>', { title: '😀\uFFFD&constructor;' }],
    ['<title>\u202Eevil\0</title>', { title: 'evil' }],
    ['plain text', {}],
    ['', {}],
  ])('%j', (html, head) => {
    expect(readHead(html)).toEqual(head);
  });

  test('is cut to what fits under a message', () => {
    const { title = '', description = '' } = readHead(
      `<title>${'😀'.repeat(1_000)}</title><meta name=description content="${'x'.repeat(10_000)}">`,
    );
    expect(Array.from(title)).toHaveLength(300);
    expect(title.isWellFormed()).toBe(true);
    expect(description).toHaveLength(500);
  });

  test('of nonsense is read without a fault, and is text that can be kept', () => {
    const piece = fc.constantFrom(
      '<',
      '>',
      '<title>',
      '</title',
      '<meta ',
      'content=',
      '"',
      "'",
      'name=description',
      '<!--',
      '-->',
      '<script',
      '/',
      '=',
      ' ',
      '&#',
      '&amp',
      '\0',
      '\uD800',
      'x',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        for (const value of Object.values(readHead(pieces.join('')))) {
          expect((value as string).isWellFormed()).toBe(true);
          expect(value).not.toMatch(/\0/);
        }
      }),
    );
  });

  test.each([
    '<',
    '<a ',
    '<meta a="',
    '<!--',
    '<script',
    '<title',
    '<meta a=\'b" ',
    '<meta  ',
    '&',
    '<meta a= ',
    '</title',
  ])('costs time in proportion to the page: %j', (piece) => {
    const time = (length: number): number => {
      const html = piece.repeat(Math.floor(length / piece.length));
      const start = performance.now();
      readHead(html);
      return performance.now() - start;
    };
    time(100_000);
    const best = (length: number) => Math.min(...[1, 2, 3].map(() => time(length)));
    // Eight times the page, in less than the 64 times that a square would take.
    expect(best(800_000)).toBeLessThan(32 * Math.max(best(100_000), 0.5));
  });
});

describe('links of a text', () => {
  test.each([
    ['see https://example.com/a.', ['https://example.com/a']],
    ['(https://example.com/a_(b))', ['https://example.com/a_(b)']],
    ['<https://example.com> "http://b.test/?q=1&r=2"', ['https://example.com', 'http://b.test/?q=1&r=2']],
    ['HTTPS://EXAMPLE.COM/A', ['HTTPS://EXAMPLE.COM/A']],
    ['https://a.test https://a.test', ['https://a.test']],
    ['ftp://a.test xhttp://b.test javascript:x http:// https://', []],
    ['看https://例え.jp/道。', ['https://例え.jp/道']],
  ])('%s', (text, links) => {
    expect(findLinks(text, 3)).toEqual(links);
  });

  test('are the first few', () => {
    const text = Array.from({ length: 5 }, (_, n) => `https://a.test/${n}`).join(' ');
    expect(findLinks(text, 3)).toHaveLength(3);
  });

  test('cost time in proportion to the text', () => {
    const start = performance.now();
    findLinks('https://'.repeat(100_000), 3);
    findLinks(`https://a.test/${'('.repeat(100_000)}${')'.repeat(1_000_000)}`, 3);
    const first = performance.now() - start;
    expect(first).toBeLessThan(5_000);
  });
});
