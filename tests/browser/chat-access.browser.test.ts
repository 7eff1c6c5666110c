/**
 * The main screens of the chat app for everybody: no violation that axe finds, light and dark, on a desktop, on a phone and
 * from right to left; nothing sticks out. With UPDATE_SCREENSHOTS=1 the pictures in docs/images are taken anew.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, BrowserContextOptions } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ChatApp, waiting } from '../support/chat-app.ts';
import type { ChatPage } from '../support/chat-page.ts';
import { describeWithChromium, launchChromium } from '../support/chromium.ts';

const images = fileURLToPath(new URL('../../docs/images', import.meta.url));
const takePictures = process.env['UPDATE_SCREENSHOTS'] === '1';
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

const desktop: BrowserContextOptions = { viewport: { width: 1280, height: 800 } };
const phone: BrowserContextOptions = {
  viewport: { width: 390, height: 844 },
  hasTouch: true,
  isMobile: true,
  ...(takePictures && { deviceScaleFactor: 2 }),
};

let browser: Browser;
let app: ChatApp;

interface Violation {
  readonly id: string;
  readonly nodes: readonly string[];
}

/** What axe finds, and what is wider than the screen. */
async function problemsOf({ page }: ChatPage): Promise<Violation[]> {
  // Colours in the middle of a transition are no colours.
  await page.emulateMedia({ reducedMotion: 'reduce' });
  await page.evaluate(axe);
  const found = await page.evaluate(async () => {
    const scope = globalThis as unknown as {
      axe: { run(): Promise<{ violations: { id: string; nodes: { html: string; failureSummary?: string }[] }[] }> };
    };
    const { violations } = await scope.axe.run();
    return violations.map(({ id, nodes }) => ({
      id,
      nodes: nodes.map(({ html, failureSummary = '' }) => `${html.slice(0, 200)} ${failureSummary}`),
    }));
  });
  const overflow = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  return overflow > 0 ? [...found, { id: `${overflow} pixels too wide`, nodes: [] }] : found;
}

async function picture({ page }: ChatPage, name: string): Promise<void> {
  if (!takePictures) return;
  await page.screenshot({ path: join(images, `chat-${name}.png`), animations: 'disabled', caret: 'hide' });
}

/** Names and pictures have come. */
async function settled({ page }: ChatPage): Promise<void> {
  await expect.poll(() => page.locator('.tidings-message-sender').first().innerText(), waiting).toMatch(/ /);
  await expect
    .poll(
      () =>
        page.evaluate(
          () => [...document.images].every((image) => image.complete) && document.fonts.status === 'loaded',
        ),
      waiting,
    )
    .toBe(true);
}

describeWithChromium('for everybody', () => {
  beforeAll(async () => {
    browser = await launchChromium();
    app = await ChatApp.start(browser, takePictures ? { port: 8000 } : {});
  });
  afterAll(async () => {
    await app?.close();
    await browser?.close();
  });

  test.each(['light', 'dark'] as const)('signing in and a room, in %s', async (colorScheme) => {
    const ann = await app.window({ ...desktop, colorScheme });
    await ann.page.getByLabel('Your name').waitFor();
    expect(await problemsOf(ann)).toEqual([]);
    await picture(ann, `sign-in-${colorScheme}`);
    await ann.signIn('Ann Smith');
    expect(await problemsOf(ann)).toEqual([]);
    await ann.openRoom('kitchen');
    await ann.message('The very confident tomato.').waitFor();
    await settled(ann);
    expect(await problemsOf(ann)).toEqual([]);
    await picture(ann, `desktop-${colorScheme}`);
  });

  test.each(['light', 'dark'] as const)('a thread, the members, search and dialogs, in %s', async (colorScheme) => {
    const ann = await app.person('Ann Smith', 'general', { ...desktop, colorScheme });
    const thread = 'It is behind the three dots. I put it there. I am sorry.';
    await ann.go('#/room/general?message=14');
    await ann
      .message(thread)
      .getByRole('button', { name: /4 replies/ })
      .click();
    await ann.message('Three of three testers found it in under five seconds.', ann.thread).waitFor();
    await settled(ann);
    expect(await problemsOf(ann)).toEqual([]);
    await picture(ann, `thread-${colorScheme}`);

    await ann.conversation.getByRole('button', { name: 'Members' }).click();
    await ann.page.getByRole('complementary').getByText('Yuki Tanaka').waitFor();
    expect(await problemsOf(ann)).toEqual([]);
    await ann.conversation.getByRole('button', { name: 'Search here' }).click();
    await ann.page.getByRole('searchbox', { name: 'Search messages' }).fill('tomato');
    await ann.page.getByRole('complementary').getByText('tomato').first().waitFor();
    expect(await problemsOf(ann)).toEqual([]);
    await ann.page.keyboard.press('Control+k');
    await ann.page.getByRole('option').first().waitFor();
    expect(await problemsOf(ann)).toEqual([]);
    await ann.page.keyboard.press('Escape');
    await ann.page.getByRole('button', { name: 'New conversation' }).click();
    await ann.page
      .getByRole('button', { name: /^(Open|Join): / })
      .first()
      .waitFor();
    expect(await problemsOf(ann)).toEqual([]);
    await ann.page.getByRole('button', { name: 'New room' }).click();
    expect(await problemsOf(ann)).toEqual([]);
    await ann.page.keyboard.press('Escape');
    await ann.page.getByRole('button', { name: /: menu$/ }).click();
    expect(await problemsOf(ann)).toEqual([]);
  });

  test.each(['light', 'dark'] as const)('on a phone, one thing at a time, in %s', async (colorScheme) => {
    const ben = await app.person('Ben', undefined, { ...phone, colorScheme });
    expect(await problemsOf(ben)).toEqual([]);
    if (colorScheme === 'light') await picture(ben, 'phone-list');
    await ben.openRoom('kitchen');
    await ben.message('The very confident tomato.').waitFor();
    await settled(ben);
    expect(await ben.sidebar.isVisible()).toBe(false);
    expect(await problemsOf(ben)).toEqual([]);
    if (colorScheme === 'light') await picture(ben, 'phone-room');
    await ben.conversation.getByRole('button', { name: 'More about this conversation' }).click();
    await ben.page.getByRole('menuitem', { name: 'Members' }).click();
    await ben.page.getByRole('complementary').getByText('Yuki Tanaka').waitFor();
    expect(await problemsOf(ben)).toEqual([]);
    // "Back" of the browser leads where one came from, as the one on the screen does.
    await ben.page.getByRole('complementary').getByRole('button', { name: 'Close' }).click();
    await ben.conversation.getByRole('button', { name: 'Back to the conversations' }).click();
    await expect.poll(() => ben.sidebar.isVisible(), waiting).toBe(true);
    await ben.page.goBack();
    await expect.poll(() => ben.conversation.isVisible(), waiting).toBe(true);
  });

  test('from right to left', async () => {
    const noor = await app.person('Noor Haddad', 'arabic', { ...desktop, colorScheme: 'light' });
    await noor.page.getByRole('button', { name: /: menu$/ }).click();
    await noor.page.getByRole('menuitemradio', { name: 'العربية' }).click();
    expect(await noor.page.evaluate(() => [document.documentElement.dir, document.documentElement.lang])).toEqual([
      'rtl',
      'ar',
    ]);
    await settled(noor);
    const box = await noor.page.locator('nav').boundingBox();
    expect(box?.x).toBeGreaterThan(600);
    expect(await problemsOf(noor)).toEqual([]);
    await picture(noor, 'rtl');
    // It stays so.
    await noor.page.reload();
    expect(await noor.page.evaluate(() => document.documentElement.dir)).toBe('rtl');
    // A name in one script, words in another, and no place for all of them: what is cut is the end.
    await noor.send('These words are far too many for one line of the list, and are written from left to right.');
    const words = noor.page.locator('nav .tidings-room-line-preview > bdi', { hasText: 'These words' });
    await words.waitFor();
    const cut = await words.evaluate((element) => {
      const range = document.createRange();
      range.setStart(element.firstChild!, 0);
      range.setEnd(element.firstChild!, 1);
      const [letter, place] = [range.getBoundingClientRect(), element.getBoundingClientRect()];
      return { isCut: element.scrollWidth > element.clientWidth, first: letter.left - place.left };
    });
    expect(cut.isCut).toBe(true);
    expect(Math.abs(cut.first)).toBeLessThan(2);
  });
});
