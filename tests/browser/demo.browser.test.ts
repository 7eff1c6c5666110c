/**
 * The demo page in a real browser on a real `tidings dev`: what somebody sees in the first minute with Tidings.
 *
 * With UPDATE_SCREENSHOTS=1 the pictures in docs/images are taken anew.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { describeWithChromium, launchChromium } from '../support/chromium.ts';
import { TidingsProcess } from '../support/tidings-process.ts';

const images = fileURLToPath(new URL('../../docs/images', import.meta.url));
const waiting = { timeout: 10_000 };

let browser: Browser;
let server: TidingsProcess;
/** Everything that went wrong inside the pages. */
let problems: string[] = [];
/** Texts pushed to a page over its WebSockets, before the page sorts out what it has already. */
const pushed = new WeakMap<Page, string[]>();

interface WindowOptions extends BrowserContextOptions {
  readonly transport?: string;
}

/** A window of its own person: another context shares neither name nor storage. */
async function openWindow(name: string, { transport, ...options }: WindowOptions = {}): Promise<Page> {
  const context = await browser.newContext(options);
  await context.addInitScript((given) => {
    if (!sessionStorage.getItem('name')) sessionStorage.setItem('name', given);
  }, name);
  const page = await context.newPage();
  page.on('pageerror', (error) => problems.push(`${name}: ${error.stack ?? error.message}`));
  pushed.set(page, []);
  page.on('websocket', (socket) => socket.on('framereceived', ({ payload }) => collectPushed(page, String(payload))));
  await page.goto(`${server.url}/demo/${transport ? `?transport=${transport}` : ''}`);
  await expect.poll(() => page.locator('#status').textContent(), waiting).toBe('Connected');
  await expect.poll(() => people(page), waiting).toContain(name);
  return page;
}

function collectPushed(page: Page, frame: string): void {
  for (const line of frame.split('\n').filter((text) => text !== '')) {
    const { push } = JSON.parse(line) as { push?: { pub?: { data: { text?: string } } } };
    const text = push?.pub?.data.text;
    if (text !== undefined) pushed.get(page)?.push(text);
  }
}

const people = (page: Page): Promise<string[]> => page.locator('#here .name').allTextContents();
const texts = (page: Page): Promise<string[]> => page.locator('#log .bubble').allTextContents();
const received = async (page: Page): Promise<number> => Number(await page.locator('#received').textContent());

async function say(page: Page, text: string): Promise<void> {
  await page.getByLabel('Message', { exact: true }).fill(text);
  await page.getByRole('button', { name: 'Send' }).click();
}

/** Waits until every window shows exactly these messages: in this order, none missing, none twice. */
async function expectConversation(pages: readonly Page[], expected: readonly string[]): Promise<void> {
  for (const page of pages) await expect.poll(() => texts(page), waiting).toEqual(expected);
}

describeWithChromium('the demo page', () => {
  beforeAll(async () => {
    browser = await launchChromium();
  });

  afterAll(async () => {
    await browser?.close();
  });

  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
    await server?.remove();
    const found = problems;
    problems = [];
    expect(found).toEqual([]);
  });

  async function startServer(port?: number): Promise<void> {
    server = await TidingsProcess.start({ command: 'dev', ...(port !== undefined && { port }) });
  }

  test('two people see each other, talk both ways, and see who leaves', async () => {
    await startServer();
    const ann = await openWindow('Ann');
    const ben = await openWindow('Ben');
    await expect.poll(() => people(ann), waiting).toEqual(['Ann', 'Ben']);
    await expect.poll(() => people(ben), waiting).toEqual(['Ben', 'Ann']);

    await say(ann, 'Hello Ben');
    await expectConversation([ann, ben], ['Hello Ben']);
    await say(ben, 'Hello Ann');
    await expectConversation([ann, ben], ['Hello Ben', 'Hello Ann']);

    expect(await ann.locator('.message.mine .bubble').allTextContents()).toEqual(['Hello Ben']);
    expect(await ben.locator('.message.mine .bubble').allTextContents()).toEqual(['Hello Ann']);
    expect(await ben.locator('.message:not(.mine) .who').textContent()).toContain('Ann');
    await expect.poll(() => ann.locator('.message.mine .fate').textContent(), waiting).toBe('Delivered');
    expect(await ann.locator('#latency').textContent()).toMatch(/^\d+(\.\d)? ms$/);

    await ben.context().close();
    await expect.poll(() => people(ann), waiting).toEqual(['Ann']);
  });

  test('typing is shown to others while it lasts', async () => {
    await startServer();
    const ann = await openWindow('Ann');
    const ben = await openWindow('Ben');
    const seen = (page: Page) => page.locator('#typing').textContent();

    await ben.getByLabel('Message', { exact: true }).pressSequentially('I am wri');
    await expect.poll(() => seen(ann), waiting).toBe('Ben is typing ...');
    expect(await seen(ben)).toBe('');
    // Ben stops: the signal runs out by itself.
    await expect.poll(() => seen(ann), waiting).toBe('');

    await ben.getByLabel('Message', { exact: true }).pressSequentially('ting');
    await expect.poll(() => seen(ann), waiting).toBe('Ben is typing ...');
    await ben.getByRole('button', { name: 'Send' }).click();
    await expectConversation([ann, ben], ['I am writing']);
    await expect.poll(() => seen(ann), { timeout: 1_000 }).toBe('');
  });

  test('who comes late reads what was said before', async () => {
    await startServer();
    const ann = await openWindow('Ann');
    const said = Array.from({ length: 12 }, (_, index) => `message ${index}`);
    for (const text of said) await say(ann, text);
    await expectConversation([ann], said);

    const carl = await openWindow('Carl');
    await expectConversation([carl], said);
    expect(await received(carl)).toBe(0);
    await say(carl, 'Caught up');
    await expectConversation([ann, carl], [...said, 'Caught up']);

    // A reload is a new window of the same person: own messages stay one's own.
    await ann.reload();
    await expectConversation([ann], [...said, 'Caught up']);
    expect(await ann.locator('.message.mine').count()).toBe(said.length);
  });

  test('a new name is seen by everybody, and nothing is lost by taking it', async () => {
    await startServer();
    const ann = await openWindow('Ann');
    const ben = await openWindow('Ben');
    await say(ben, 'before');
    await ann.getByLabel('Your name').fill('Annabel');
    await ann.getByRole('button', { name: 'Save' }).click();
    await expect.poll(() => people(ben), waiting).toEqual(['Ben', 'Annabel']);
    await expect.poll(() => people(ann), waiting).toEqual(['Annabel', 'Ben']);
    await say(ben, 'after');
    await expectConversation([ann, ben], ['before', 'after']);
  });

  test('the server dies in the middle and comes back: windows say so, return and go on', async () => {
    await startServer();
    const ann = await openWindow('Ann');
    const ben = await openWindow('Ben');
    const windows = [ann, ben];
    await say(ann, 'one');
    await expectConversation(windows, ['one']);
    await say(ben, 'two');
    await expectConversation(windows, ['one', 'two']);

    await server.kill9();
    for (const page of windows) {
      await expect.poll(() => page.getByRole('alert').textContent(), waiting).toContain('Connection lost');
      expect(await page.locator('#status').textContent()).not.toBe('Connected');
    }
    await say(ann, 'three, written while the server was away');
    expect(await ann.locator('.message.pending .bubble').allTextContents()).toEqual([
      'three, written while the server was away',
    ]);

    await server.restart();
    for (const page of windows) {
      await expect.poll(() => page.locator('#status').textContent(), { timeout: 20_000 }).toBe('Connected');
      await expect.poll(() => page.locator('#banner').isVisible(), waiting).toBe(false);
    }
    await expectConversation(windows, ['one', 'two', 'three, written while the server was away']);
    await say(ben, 'four');
    await expectConversation(windows, ['one', 'two', 'three, written while the server was away', 'four']);
    for (const page of windows) {
      const live = pushed.get(page) ?? [];
      expect(live).toContain('four');
      expect(live).toEqual([...new Set(live)]);
      await expect.poll(async () => (await people(page)).toSorted(), waiting).toEqual(['Ann', 'Ben']);
      expect(await page.locator('.note').allTextContents()).toEqual([
        'The server has started anew: earlier messages are on this screen only.',
      ]);
    }
  });

  test.each(['websocket', 'http_stream', 'sse'])('works over %s', async (transport) => {
    await startServer();
    const ann = await openWindow('Ann', { transport });
    const ben = await openWindow('Ben');
    expect(await ann.locator('#transport').textContent()).toBe(transport);
    await say(ann, 'there');
    await expectConversation([ann, ben], ['there']);
    await say(ben, 'and back');
    await expectConversation([ann, ben], ['there', 'and back']);
    await expect.poll(() => people(ben), waiting).toEqual(['Ben', 'Ann']);
    await ann.context().close();
    await expect.poll(() => people(ben), waiting).toEqual(['Ben']);
  });

  test('names and texts are shown as they are, never as markup', async () => {
    await startServer();
    const name = '<img src=x onerror=alert(1)>';
    const ann = await openWindow(name);
    const ben = await openWindow('Ben');
    await say(ann, '<b onclick="x">bold</b>');
    await expectConversation([ann, ben], ['<b onclick="x">bold</b>']);
    expect(await people(ben)).toContain(name);
    expect(await ben.locator('#log b, #log img, #here img').count()).toBe(0);
  });

  test('the command on the page publishes', async ({ skip }) => {
    const curl = await promisify(execFile)('curl', ['--version']).catch(() => undefined);
    if (!curl) skip('curl is missing');
    await startServer();
    const ann = await openWindow('Ann');
    const command = (await ann.locator('#curl').textContent()) ?? '';
    await promisify(execFile)('sh', ['-c', `${command} --silent --show-error --fail`]);
    await expectConversation([ann], ['Hello from the terminal']);
    expect(await ann.locator('.message .who').textContent()).toContain('Server');
  });

  describe('looks', () => {
    async function conversation(): Promise<{ light: Page; dark: Page; phone: Page }> {
      const light = await openWindow('Ann', { viewport: { width: 1100, height: 850 }, colorScheme: 'light' });
      const dark = await openWindow('Ben', { viewport: { width: 1100, height: 850 }, colorScheme: 'dark' });
      const phone = await openWindow('Mia', {
        viewport: { width: 390, height: 820 },
        deviceScaleFactor: 2,
        hasTouch: true,
        colorScheme: 'light',
      });
      const lines: [Page, string][] = [
        [light, 'Good morning! Is the new build out?'],
        [dark, 'Since nine. The release notes are in the wiki.'],
        [phone, 'I read them on the train. The chart on page two is live now?'],
        [light, 'It is. Watch it while I load the test data.'],
        [dark, 'Moving!'],
      ];
      const said: string[] = [];
      for (const [page, text] of lines) {
        await say(page, text);
        said.push(text);
        await expectConversation([light, dark, phone], said);
      }
      return { light, dark, phone };
    }

    test('good on wide and narrow screens: nothing sticks out', async () => {
      const takePictures = process.env['UPDATE_SCREENSHOTS'] === '1';
      // Pictures show the port that readers will see.
      await startServer(takePictures ? 8000 : undefined);
      const pages = await conversation();
      await pages.phone.getByLabel('Message', { exact: true }).pressSequentially('So');
      for (const page of [pages.light, pages.dark]) {
        await expect.poll(() => page.locator('#typing').textContent(), waiting).toBe('Mia is typing ...');
      }
      for (const [name, page] of Object.entries(pages)) {
        const { overflow, height } = await page.evaluate(() => ({
          overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
          height: document.documentElement.scrollHeight - document.documentElement.clientHeight,
        }));
        expect({ name, overflow, height }).toEqual({ name, overflow: 0, height: 0 });
        if (takePictures) await page.screenshot({ path: join(images, `demo-${name}.png`), animations: 'disabled' });
      }
    });
  });
});
