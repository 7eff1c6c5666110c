/** The chat app without a mouse: from signing in to a reply in a thread, by the keyboard alone. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ChatApp, waiting } from '../support/chat-app.ts';
import { describeWithChromium, launchChromium } from '../support/chromium.ts';

let browser: Browser;
let app: ChatApp;

describeWithChromium('the keyboard alone', () => {
  beforeAll(async () => {
    browser = await launchChromium();
    app = await ChatApp.start(browser);
  });
  afterAll(async () => {
    await app?.close();
    await browser?.close();
  });

  test('signs in, opens a room, writes, reacts, replies in a thread, and goes elsewhere', async () => {
    const ann = await app.window();
    const { keyboard } = ann.page;
    const focused = (): Promise<string> =>
      ann.page.evaluate(() => {
        const { activeElement: element } = document;
        return element?.getAttribute('aria-label') ?? element?.textContent ?? '';
      });
    /** Tab until it is reached: everything can be. */
    const tabTo = async (name: RegExp, key = 'Tab'): Promise<void> => {
      for (let i = 0; i < 60; i++) {
        if (name.test(await focused())) return;
        await keyboard.press(key);
      }
      throw new Error(`${key} does not lead to ${name}; it ends at ${JSON.stringify(await focused())}`);
    };

    // The field has the keyboard from the start.
    await keyboard.type('Ann');
    await keyboard.press('Enter');
    await ann.sidebar.waitFor();
    await ann.online();

    // A conversation by its name.
    await keyboard.press('Control+k');
    await keyboard.type('gene');
    await expect.poll(() => ann.page.getByRole('option', { selected: true }).innerText(), waiting).toContain('General');
    await keyboard.press('Enter');
    await expect.poll(focused, waiting).toBe('Message General');
    await keyboard.type('Hello');
    await keyboard.press('Shift+Enter');
    await keyboard.type('everybody');
    await keyboard.press('Enter');
    await expect.poll(async () => (await ann.texts()).at(-1), waiting).toBe('Hello\neverybody');

    const state = ann.feed.locator('.tidings-message-state').last();
    await expect.poll(() => state.getAttribute('data-state'), waiting).not.toBe('sending');

    // What was just written is edited with the arrow that leads back to it.
    await keyboard.press('ArrowUp');
    await expect.poll(() => ann.field().inputValue(), waiting).toBe('Hello\neverybody');
    await keyboard.press('End');
    await keyboard.type('!');
    await keyboard.press('Enter');
    await expect.poll(async () => (await ann.texts()).at(-1), waiting).toBe('Hello\neverybody!');

    // Back among the messages, up to another one, and a reaction to it.
    await tabTo(/^(You|Mira Lindqvist|Priya Raman), /, 'Shift+Tab');
    await keyboard.press('End');
    await expect.poll(focused, waiting).toMatch(/^You, .*everybody!/s);
    for (let i = 0; i < 10 && !/Strawberries/.test(await focused()); i++) await keyboard.press('ArrowUp');
    await expect.poll(focused, waiting).toMatch(/Strawberries do not survive/);
    await keyboard.press('Enter');
    await expect.poll(focused, waiting).toBe('Add a reaction');
    await keyboard.press('Enter');
    const picker = ann.page.getByRole('dialog', { name: 'Add a reaction' });
    await picker.waitFor();
    await keyboard.type('party');
    await keyboard.press('Enter');
    const strawberries = ann.feed.getByRole('article', { name: /Strawberries/ });
    await expect.poll(() => strawberries.locator('.tidings-reaction[aria-pressed="true"]').count(), waiting).toBe(1);

    // A thread under it, and out again.
    await strawberries.focus();
    await keyboard.press('Enter');
    await tabTo(/^Reply in thread$/);
    await keyboard.press('Enter');
    await expect.poll(focused, waiting).toBe('Reply');
    await keyboard.type('With love, too');
    await keyboard.press('Enter');
    await ann.expectTexts(['With love, too'], ann.thread.getByRole('feed'));
    await keyboard.press('Escape');
    await expect.poll(() => ann.thread.count(), waiting).toBe(0);
    await expect.poll(() => strawberries.innerText(), waiting).toContain('1 reply');

    // The next conversation, and what keys there are.
    await keyboard.press('Alt+ArrowDown');
    await expect.poll(() => new URL(ann.page.url()).hash, waiting).not.toContain('general');
    await ann.page.locator('main textarea').waitFor();
    await ann.sidebar.locator('[aria-current="page"]').focus();
    await keyboard.press('?');
    await ann.page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
    await keyboard.press('Escape');
    await expect.poll(() => ann.page.getByRole('dialog').count(), waiting).toBe(0);
    // The keyboard is where it was.
    expect(await ann.page.evaluate(() => document.activeElement?.getAttribute('aria-current'))).toBe('page');
  });
});
