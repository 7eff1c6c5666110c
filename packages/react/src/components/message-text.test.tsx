// @vitest-environment happy-dom
import { act } from 'react';
import { expect, test } from 'vitest';
import { click, render } from '../testing/render.tsx';
import { ScriptedChat } from '../testing/scripted-chat.ts';
import { emojiOnly } from '../text/emoji-only.ts';
import { plainText } from '../text/plain-text.ts';
import { MessageText } from './message-text.tsx';

const chat = (): ScriptedChat => new ScriptedChat({ me: 'me', users: [{ id: 'u7', name: 'Ann Lee' }] });

test.each([
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '**<b onclick="x()">bold</b>**',
  '`<iframe srcdoc="x">`',
  '```\n<svg onload=alert(1)>\n```',
  '> <style>*{display:none}</style>',
  '&lt;b&gt; &#x3c;',
])('%j is words and never markup', (text) => {
  using page = render(<MessageText text={text} />, chat());
  expect(page.all('script, img, iframe, svg, style, b, [onclick], [onerror]')).toEqual([]);
  const words = text.replace(/^```\n|\n```$|^> |[`]|\*\*/gu, '');
  expect(page.container.textContent).toBe(words);
});

test.each([
  'javascript:alert(1)',
  '[click](javascript:alert(1))',
  '[click](data:text/html,<script>1</script>)',
  'vbscript:x file:///etc/passwd',
  '[a](//evil.example)',
])('%j is no link', (text) => {
  using page = render(<MessageText text={text} />, chat());
  expect(page.all('a')).toEqual([]);
});

test('a link opens elsewhere, and gives nothing of this page away', () => {
  using page = render(<MessageText text="see https://example.org/?a=1&b=2." isReachable={false} />, chat());
  const link = page.find<HTMLAnchorElement>('a');
  expect(link.getAttribute('href')).toBe('https://example.org/?a=1&b=2');
  expect(link.rel.split(' ')).toEqual(expect.arrayContaining(['noopener', 'noreferrer', 'nofollow', 'ugc']));
  expect(link.target).toBe('_blank');
  expect(link.tabIndex).toBe(-1);
});

test('a mention is one of those who are mentioned, by their name of today', () => {
  const scripted = chat();
  const text = '@Ann Lee and @me, not @ben';
  using page = render(<MessageText text={text} mentions={{ users: ['u7', 'me'] }} />, scripted);
  const mentions = (): readonly (readonly [string, boolean])[] =>
    page.all('.tidings-mention').map((mention) => [mention.textContent, mention.dataset['me'] !== undefined] as const);
  expect(mentions()).toEqual([
    ['@Ann Lee', false],
    ['@me', true],
  ]);
  act(() => scripted.user('u7').set({ id: 'u7', name: 'Bea' }));
  expect(mentions()).toEqual([['@me', true]]);
});

test('a very long text is cut, and whole after a click', () => {
  const text = 'word '.repeat(2000).trim();
  using page = render(<MessageText text={text} maxLength={100} />, chat());
  expect(page.container.textContent.length).toBeLessThan(130);
  click(page.button('Show more'));
  expect(page.container.textContent).toBe(`${text}Show less`);
});

test.each([
  ['🎉', 1],
  ['👩‍💻👍🏽 🏳️‍🌈', 3],
  ['1️⃣', 1],
  ['1', 0],
  ['🎉!', 0],
  ['🎉'.repeat(7), 0],
  ['', 0],
])('%j has %i emoji and nothing else', (text, count) => {
  expect(emojiOnly(text)).toBe(count);
});

test('in one line a text has no marks', () => {
  expect(plainText('**bold** and `code`\n> said\n[here](https://example.org) 2 * 3')).toBe(
    'bold and code said here 2 * 3',
  );
});
