/** docs/react.md: every block is bundled and used in a browser, by Ann, beside Ben who writes from elsewhere. */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEngine, createLogger, developmentConfig, type Engine } from '@tidings/server';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { describeWithChromium, launchChromium } from '../support/chromium.ts';
import { blocksOf, root } from '../support/documents.ts';
import { at, mint, secret } from './running.ts';
import { Workbench } from './workbench.ts';

/** Stands around a block that has no client of its own. */
const harness = `
import { createClient } from '@tidings/client';
import { TidingsProvider } from '@tidings/react';
import '@tidings/react/styles.css';
import { createRoot } from 'react-dom/client';

const query = new URLSearchParams(location.search);
const blocks = import.meta.glob('./blocks/*.tsx');
const [Block] = Object.values(await blocks['./blocks/' + query.get('block') + '.tsx']());
const client = createClient({ url: 'http://127.0.0.1:8000', getToken: async () => (await fetch('/chat/token')).text() });
if (!query.has('alone')) client.connect();
createRoot(document.querySelector('#root')).render(
  query.has('alone') ? <Block /> : <TidingsProvider client={client}><Block client={client} /></TidingsProvider>,
);
`;
const html =
  '<!doctype html><html lang="en"><body style="margin:0"><div id="root"></div><script type="module" src="/main.tsx"></script></body></html>';
const tokens = readFileSync(join(root, 'packages/react/src/styles/tokens.css'), 'utf8');
const waiting = { timeout: 10_000 };

describeWithChromium('docs/react.md', () => {
  let folder: string;
  let engine: Engine;
  let workbench: Workbench;
  let browser: Browser;
  let url: string;
  const problems: string[] = [];
  const used = new Set<string>();
  const blocks = blocksOf('docs/react.md').filter(({ language }) => language === 'tsx');

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidings-react-'));
    const config = developmentConfig({
      listen: { port: 0 },
      dataDir: folder,
      auth: { jwt: { hmacSecret: secret } },
      chat: { enabled: true },
    });
    engine = createEngine({ logger: createLogger('silent'), config });
    await engine.start();
    const users = ['ann', 'ben'].map((id) => ({ id, name: id === 'ann' ? 'Ann' : 'Ben' }));
    await engine.call('chat.upsertUsers', { users });
    const weekend = { kind: 'group', id: 'weekend', name: 'Weekend', members: ['ann'] };
    await engine.call('chat.createRoom', weekend, { as: 'ben' });
    await say('Who is coming?');
    const port = engine.address?.port ?? 0;
    workbench = await Workbench.with({
      'index.html': html,
      'main.tsx': at(port, harness),
      ...Object.fromEntries(blocks.map(({ name, code }) => [`blocks/${name}.tsx`, at(port, code)])),
    });
    url = await workbench.serve();
    browser = await launchChromium();
  });

  afterAll(async () => {
    await browser?.close();
    await workbench?.[Symbol.asyncDispose]();
    await engine?.stop();
    await rm(folder, { recursive: true });
  });

  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
    expect(problems.splice(0)).toEqual([]);
  });

  /** As Ben. */
  async function say(text: string, more: object = {}): Promise<void> {
    await engine.call('chat.send', { room: 'weekend', text, ...more }, { as: 'ben' });
  }

  async function stored(): Promise<readonly { readonly seq: number; readonly text?: string }[]> {
    const { messages } = (await engine.call('chat.messages', { room: 'weekend' })) as {
      messages: { seq: number; text?: string }[];
    };
    return messages;
  }

  /** Ann has read everything. */
  async function readAll(): Promise<void> {
    const seq = (await stored()).at(-1)?.seq;
    await engine.call('chat.markRead', { room: 'weekend', seq }, { as: 'ann' });
  }

  /** A block, as Ann sees it. @param alone the block is an app of its own, with its client. */
  async function open(name: string, { alone = false } = {}): Promise<Page> {
    used.add(name);
    const page = await (await browser.newContext()).newPage();
    page.on('pageerror', (error) => problems.push(`${name}: ${error.message}`));
    await page.route('**/chat/token', (route) => route.fulfill({ body: mint({ sub: 'ann' }) }));
    await page.goto(`${url}/?block=${name}${alone ? '&alone' : ''}`);
    return page;
  }

  async function expectText(page: Page, text: string): Promise<void> {
    await page.getByText(text).first().waitFor(waiting);
  }

  async function messagesOf(page: Page): Promise<string> {
    return page.locator('#root').innerText();
  }

  test('a first room', async () => {
    const page = await open('react-first', { alone: true });
    await expectText(page, 'Who is coming?');
    await page.getByRole('textbox').fill('Me, from React');
    await page.keyboard.press('Enter');
    await expectText(page, 'Me, from React');
    await expect.poll(async () => (await stored()).map(({ text }) => text), waiting).toContain('Me, from React');
  });

  test('a whole chat', async () => {
    const page = await open('react-chat');
    await page.getByRole('button', { name: /Weekend/ }).click();
    await expectText(page, 'Who is coming?');
    await say('Anybody?');
    await expectText(page, 'Anybody?');
  });

  test('a room drawn by oneself', async () => {
    const page = await open('react-own-room');
    await expectText(page, 'ben: Who is coming?');
    await page.getByLabel('Message').fill('Drawn by hand');
    await page.keyboard.press('Enter');
    await expectText(page, 'ann: Drawn by hand');
    await expect.poll(() => messagesOf(page), waiting).toMatch(/ann: Drawn by hand (sent|delivered|read)/);
    await engine.call('chat.typing', { room: 'weekend' }, { as: 'ben' });
    await expectText(page, 'ben …');
  });

  test('a badge', async () => {
    const page = await open('react-badge');
    await readAll();
    await expectText(page, '0 unread, 0 for you');
    await say('Ann?', { mentions: { users: ['ann'] } });
    await expectText(page, '1 unread, 1 for you');
    await expect(page.locator('b').getAttribute('title')).resolves.toBe('online');
  });

  test('search', async () => {
    const page = await open('react-search');
    await expect
      .poll(
        async () => {
          await page.getByLabel('Search').fill('');
          await page.getByLabel('Search').fill('comi');
          await page.getByText(/\d+ found/).waitFor(waiting);
          return messagesOf(page);
        },
        { ...waiting, interval: 500 },
      )
      .toMatch(/1 found[^]*Who is coming\?/);
  });

  test('other parts in a room', async () => {
    const page = await open('react-parts');
    await expectText(page, 'Who is coming?');
    await page.getByRole('button', { name: 'Wave' }).click();
    await expectText(page, '👋');
    await page.getByPlaceholder('Say something').waitFor(waiting);
  });

  test('data behind a message', async () => {
    await say('Here', { data: { latitude: 52.52, longitude: 13.4 } });
    const page = await open('react-message');
    await expectText(page, '📍 52.52, 13.4');
  });

  test('a line of the list', async () => {
    await readAll();
    await say('New');
    const page = await open('react-room-line');
    await expect.poll(() => messagesOf(page), waiting).toMatch(/# Weekend\s*1/);
    await page.getByRole('button', { name: /Weekend/ }).click();
    await expect.poll(() => page.url()).toMatch(/#weekend$/);
  });

  test('other words', async () => {
    const page = await open('react-words');
    await expect.poll(() => page.getByLabel('Unterhaltungen').count(), waiting).toBe(1);
  });

  test('other looks, and light or dark as an element says', async () => {
    const page = await open('react-own-room');
    const [css = ''] = blocksOf('docs/react.md').flatMap(({ name, code }) => (name === 'react-looks' ? code : []));
    await page.addStyleTag({ content: css });
    const accentIn = (attributes: string): Promise<string> =>
      page.evaluate((given) => {
        document.body.insertAdjacentHTML(
          'beforeend',
          `<div ${given}><a style="color: var(--tidings-text)">x</a></div>`,
        );
        const element = document.body.lastElementChild as HTMLElement;
        const { color } = getComputedStyle(element.firstElementChild as HTMLElement);
        return `${color} ${getComputedStyle(element).getPropertyValue('--tidings-accent')}`;
      }, attributes);
    const [plain, own, dark] = [
      await accentIn(''),
      await accentIn('class="my-chat"'),
      await accentIn('data-theme="dark"'),
    ];
    expect(own).toMatch(/#0f766e$/);
    expect(plain).not.toMatch(/#0f766e$/);
    expect(dark.split(' #')[0]).not.toBe(plain.split(' #')[0]);
    expect(css.match(/--tidings-[\w-]+/g)?.filter((property) => !tokens.includes(`${property}:`))).toEqual([]);
  });

  test('from right to left', async () => {
    const page = await open('react-rtl');
    await expectText(page, 'Who is coming?');
    await say('مرحبا');
    const message = page.getByText('مرحبا').last();
    await message.waitFor(waiting);
    // Messages of others stand on the right.
    const box = await message.boundingBox();
    expect((box?.x ?? 0) + (box?.width ?? 0) / 2).toBeGreaterThan((page.viewportSize()?.width ?? 0) / 2);
  });

  test('the list, reached from outside, however long the room is', async () => {
    for (let i = 1; i <= 150; i++) await say(`Number ${i}`);
    const page = await open('react-handle');
    await page.getByText('Number 150', { exact: true }).waitFor(waiting);
    expect(await page.getByRole('article').count()).toBeLessThan(60);
    await page.getByRole('button', { name: 'To the first message' }).click();
    await page.getByText('Who is coming?', { exact: true }).waitFor(waiting);
    await page.getByText('Who is coming?', { exact: true }).click();
    await page.keyboard.press('End');
    await expect.poll(() => page.evaluate(() => document.activeElement?.getAttribute('role')), waiting).toBe('article');
  });

  test('packages/react/README.md shows what the page shows', () => {
    const first = blocks.find(({ name }) => name === 'react-first')?.code;
    expect(blocksOf('packages/react/README.md').map(({ code }) => code)).toEqual([first]);
  });

  test('every block was used', () => {
    expect(blocks.map(({ name }) => name)).toEqual([...used].toSorted((a, b) => order(a) - order(b)));
  });

  const order = (wanted: string): number => blocks.findIndex(({ name }) => name === wanted);
});
