/** The network goes, the page is reloaded, the server is killed: nothing that was written is lost or doubled on any screen. */
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { ChatApp, waiting } from '../support/chat-app.ts';
import type { ChatPage } from '../support/chat-page.ts';
import { describeWithChromium, launchChromium } from '../support/chromium.ts';

/** Attempts to come back are spread over seconds. */
const returning = { timeout: 60_000 };
/** All messages of a test are on the screen at once. */
const tall = { viewport: { width: 1280, height: 2_400 } };

let browser: Browser;
let app: ChatApp;

/** Waits until every window shows what the server has, and that is what was written: all of it, once. */
async function expectSame(pages: readonly ChatPage[], room: string, written: readonly string[]): Promise<string[]> {
  await expect.poll(async () => (await app.texts(room)).toSorted(), returning).toEqual(written.toSorted());
  const stored = await app.texts(room);
  for (const page of pages) await expect.poll(() => page.texts(), returning).toEqual(stored);
  return stored;
}

/** Of several writers, what this one wrote, in the order it is in. */
const of = (texts: readonly string[], writer: string): string[] => texts.filter((text) => text.startsWith(writer));

describeWithChromium('outages', () => {
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    app = await ChatApp.start(browser);
    await app.room('two', ['ann', 'ben'], 'Two');
  });
  afterEach(() => app?.close());

  test('what is written offline outlives a reload, and is sent in order', { timeout: 180_000 }, async () => {
    const ann = await app.person('Ann', 'two', tall);
    const ben = await app.person('Ben', 'two', tall);
    await ann.send('Ann 0');
    await ben.expectTexts(['Ann 0']);
    await expect.poll(() => ann.isOnDevice('Ann 0'), waiting).toBe(true);

    await ann.cut();
    const written = ['Ann 1', 'Ann 2', 'Ann 3'];
    for (const text of written) await ann.send(text);
    await ann.expectTexts(['Ann 0', ...written]);
    await expect.poll(() => ann.banner.textContent(), waiting).toContain('3 messages');
    expect(await ann.state('Ann 3')).toBe('sending');

    await ann.reload();
    await ann.expectTexts(['Ann 0', ...written]);
    await ann.send('Ann 4');
    await ann.expectTexts(['Ann 0', ...written, 'Ann 4']);
    expect(await app.texts('two')).toEqual(['Ann 0']);

    await ann.reconnect();
    const stored = await expectSame([ann, ben], 'two', ['Ann 0', ...written, 'Ann 4']);
    expect(stored).toEqual(['Ann 0', ...written, 'Ann 4']);
    await expect.poll(() => ann.state('Ann 4'), waiting).toBe('read');
  });

  test('the server is killed while two write, and comes back', { timeout: 240_000 }, async () => {
    const ann = await app.person('Ann', 'two', tall);
    const ben = await app.person('Ben', 'two', tall);
    const looking = await app.person('Ann', 'two', tall);
    const written = Array.from({ length: 10 }, (_, i) => [`Ann ${i}`, `Ben ${i}`]).flat();
    const write = async (page: ChatPage, name: string): Promise<void> => {
      for (const text of of(written, name)) await page.send(text);
    };
    const writing = Promise.all([write(ann, 'Ann'), write(ben, 'Ben')]);
    // In the middle: some are answered, some are on their way, some are not written yet.
    await expect.poll(() => app.texts('two').catch(() => []), { ...waiting, interval: 10 }).not.toEqual([]);
    await app.server.kill9();
    await writing;
    await expect.poll(() => ann.state('Ann 9'), waiting).toBe('sending');
    expect(of(await ann.texts(), 'Ann')).toEqual(of(written, 'Ann'));

    await app.server.restart();
    const stored = await expectSame([ann, ben, looking], 'two', written);
    for (const name of ['Ann', 'Ben']) expect(of(stored, name)).toEqual(of(written, name));
    // And on it goes.
    await ben.send('Ben is back');
    for (const page of [ann, ben, looking]) await expect.poll(() => page.texts(), returning).toContain('Ben is back');
  });

  test('what happened while one was away is caught up with', { timeout: 180_000 }, async () => {
    const ann = await app.person('Ann', 'two', tall);
    const ben = await app.person('Ben', 'two', tall);
    await ben.send('before');
    await ben.send('to be changed');
    await ann.expectTexts(['before', 'to be changed']);
    await ann.cut();
    await ben.act('to be changed', 'Edit');
    await ben.send('changed');
    await ben.send('while you were away');
    await ben.expectTexts(['before', 'changed', 'while you were away']);
    expect(await ann.texts()).toEqual(['before', 'to be changed']);
    await ann.reconnect();
    await ann.expectTexts(['before', 'changed', 'while you were away']);
    await expect.poll(() => ann.banner.textContent(), returning).toBe('');
  });

  test('tabs of one person share what is written and what is read', { timeout: 180_000 }, async () => {
    const ann = await app.person('Ann', 'two', tall);
    const ben = await app.person('Ben', 'kitchen', tall);
    const second = await app.tab(ben.page.context());
    await second.page.getByRole('button', { name: 'Continue as Ben' }).click();
    await second.online();
    await ann.send('for Ben');
    for (const tab of [ben, second]) {
      await expect.poll(() => tab.roomLine('two').innerText(), waiting).toContain('1 unread message');
    }
    await second.openRoom('two');
    await expect.poll(() => ben.roomLine('two').innerText(), waiting).not.toContain('unread');
    await ben.openRoom('two');
    await second.send('from Ben');
    for (const page of [ann, ben, second]) await page.expectTexts(['for Ben', 'from Ben']);
  });
});
