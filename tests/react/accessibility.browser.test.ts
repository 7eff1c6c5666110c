/** The components for everybody: axe in light and dark, from right to left, on a narrow screen, by keyboard alone. */
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWithChromium } from '../support/chromium.ts';
import { ComponentPages, settle, type Scene } from './component-page.ts';

const axePath = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

/** What axe finds, in words. */
async function violations(page: Page): Promise<readonly string[]> {
  await page.addScriptTag({ path: axePath });
  const found = await page.evaluate(() => {
    const { axe } = window as unknown as {
      readonly axe: { run(): Promise<{ readonly violations: readonly Violation[] }> };
    };
    return axe.run();
  });
  return found.violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary = '' }) => `${id}: ${html.slice(0, 160)} ${failureSummary.slice(0, 300)}`),
  );
}

const focused = (page: Page): Promise<string> =>
  page.evaluate(() => {
    const element = document.activeElement;
    return element?.getAttribute('aria-label') ?? element?.textContent ?? '';
  });

describeWithChromium('accessibility', () => {
  let pages: ComponentPages;
  beforeAll(async () => {
    pages = await ComponentPages.open();
  });
  afterAll(() => pages[Symbol.asyncDispose]());

  const scenes: readonly Scene[] = [
    { scene: 'room', theme: 'light' },
    { scene: 'everything', theme: 'light', width: 1400 },
    { scene: 'panels', theme: 'light', width: 1400 },
    { scene: 'everything', theme: 'dark', width: 1400 },
    { scene: 'panels', theme: 'dark', width: 1400 },
    { scene: 'room', theme: 'dark', dir: 'rtl' },
    { scene: 'room', theme: 'light', width: 320, height: 600 },
  ];
  for (const scene of scenes) {
    test(`axe finds nothing: ${JSON.stringify(scene)}`, async () => {
      const page = await pages.show(scene);
      expect(await violations(page)).toEqual([]);
      // Once more where the other kinds of messages are.
      await page.evaluate(() => document.querySelector('.tidings-scroller')?.scrollTo(0, 0));
      await settle(page);
      expect(await violations(page)).toEqual([]);
      await page.close();
    });
  }

  test('axe finds nothing in what floats: toolbar, menu, emoji, suggestions, dialog', async () => {
    const page = await pages.show({ scene: 'room', theme: 'dark' });
    const last = page.locator('.tidings-message[data-own][data-state=sent]').last();
    await last.hover();
    expect(await violations(page)).toEqual([]);
    await page.click('.tidings-toolbar [aria-haspopup=menu]');
    expect(await violations(page)).toEqual([]);
    await page.getByRole('menuitem', { name: 'Delete' }).click();
    expect(await violations(page)).toEqual([]);
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.click('.tidings-composer [aria-haspopup=dialog]');
    expect(await violations(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await page.fill('.tidings-composer-field', '@a');
    await page.waitForSelector('[role=option]');
    expect(await violations(page)).toEqual([]);
    await page.close();
  });

  test('a screen of 320 pixels needs no scrolling sideways', async () => {
    const page = await pages.show({ scene: 'room', width: 320, height: 600 });
    for (const selector of ['html', '.tidings-scroller', '.tidings-composer']) {
      const [inner, outer] = await page.evaluate((wanted) => {
        const element = document.querySelector(wanted);
        return [element?.scrollWidth ?? 0, element?.clientWidth ?? 0] as const;
      }, selector);
      expect(inner, selector).toBeLessThanOrEqual(outer);
    }
    await page.close();
  });

  test('from right to left, own messages stand on the left and others on the right', async () => {
    const page = await pages.show({ scene: 'room', dir: 'rtl' });
    const [own, other] = await page.evaluate(() =>
      ['[data-own]', ':not([data-own])'].map((which) => {
        const bubble = document.querySelector(`.tidings-message${which} .tidings-bubble`)?.getBoundingClientRect();
        const list = document.querySelector('.tidings-scroller')?.getBoundingClientRect();
        return (bubble?.left ?? 0) - (list?.left ?? 0) < (list?.right ?? 0) - (bubble?.right ?? 0) ? 'left' : 'right';
      }),
    );
    expect([own, other]).toEqual(['left', 'right']);
    await page.close();
  });

  test('what is pressed is 24 pixels or more', async () => {
    const page = await pages.show({ scene: 'everything', width: 1400 });
    await page.locator('.tidings-message[data-own][data-state=sent]').last().hover();
    const small = await page.evaluate(() =>
      [...document.querySelectorAll<HTMLElement>('button, input:not([type=radio], [type=file]), label, textarea')]
        .filter((element) => element.offsetParent !== null)
        .map((element) => ({ name: element.className, box: element.getBoundingClientRect() }))
        .filter(({ box }) => Math.min(box.width, box.height) < 23.9)
        .map(({ name, box }) => `${name} ${box.width}×${box.height}`),
    );
    expect(small).toEqual([]);
    await page.close();
  });

  test('by keyboard alone: a room is chosen, a message answered, reacted to, edited and deleted', async () => {
    const page = await pages.show({ scene: 'room' });
    // One stop for the list of rooms; arrows within.
    await page.keyboard.press('Tab');
    expect(await focused(page)).toContain('Weekend trip');
    await page.keyboard.press('ArrowDown');
    expect(await focused(page)).toContain('Ann Okafor');
    // One stop for the messages: the last one.
    await page.keyboard.press('Tab');
    expect(await focused(page)).toContain('See you all on Saturday');
    for (let i = 0; i < 3; i++) await page.keyboard.press('ArrowUp');
    expect(await focused(page)).toContain('you are the best');
    // Into the actions of the message, and to the menu.
    await page.keyboard.press('Enter');
    expect(await focused(page)).toBe('Add a reaction');
    await page.getByRole('button', { name: 'More actions' }).focus();
    await page.keyboard.press('Enter');
    await page.waitForSelector('[role=menuitem]:focus');
    expect(await focused(page)).toBe('Reply');
    await page.keyboard.press('Enter');
    // The composer has the keyboard, and says what is answered.
    await page.waitForSelector('.tidings-composer-field:focus');
    expect(await page.textContent('.tidings-composer-bar')).toContain('Replying to Ben');
    await page.keyboard.press('Escape');
    expect(await page.locator('.tidings-composer-bar').count()).toBe(0);
    await page.keyboard.press('ArrowUp');
    expect(await page.inputValue('.tidings-composer-field')).toBe('Thanks for booking!');
    await page.keyboard.type(' So kind.');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.body.textContent.includes('Thanks for booking! So kind.'));
    // A mention, chosen from the list.
    await page.keyboard.type('Hi @be');
    await page.waitForSelector('[role=option][aria-selected=true]');
    await page.keyboard.press('Enter');
    expect(await page.inputValue('.tidings-composer-field')).toBe('Hi @Ben Sørensen ');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => document.querySelector('.tidings-article:focus, textarea:focus') !== null);
    expect(await page.inputValue('.tidings-composer-field')).toBe('');
    // Back to the messages, and one goes.
    await page.locator('.tidings-article', { hasText: 'So kind.' }).last().focus();
    await page.getByRole('button', { name: 'More actions' }).focus();
    await page.keyboard.press('Enter');
    await page.keyboard.press('End');
    expect(await focused(page)).toBe('Delete');
    await page.keyboard.press('Enter');
    await page.waitForSelector('dialog[open]');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => !document.body.textContent.includes('So kind.'));
    await page.close();
  });

  test('the keyboard is never lost when what had it goes away', async () => {
    const page = await pages.show({ scene: 'room' });
    await page.locator('.tidings-article').last().focus();
    await page.locator('.tidings-article', { hasText: 'you are the best' }).focus();
    const menu = page.getByRole('button', { name: 'More actions' });
    await menu.focus();
    await page.keyboard.press('Enter');
    await page.waitForSelector('[role=menuitem]:focus');
    await page.keyboard.press('Escape');
    expect(await focused(page)).toBe('More actions');
    await page.keyboard.press('Escape');
    expect(await focused(page)).toContain('you are the best');
    await page.close();
  });

  test('a thread that a room shows above itself: what lies below cannot be reached until it is closed', async () => {
    const page = await pages.show({ scene: 'alone' });
    await page.evaluate(() => document.querySelector('.tidings-scroller')?.scrollTo(0, 0));
    await settle(page);
    await page.locator('.tidings-thread-summary').click();
    const close = page.getByRole('button', { name: 'Close the thread' });
    await close.waitFor();
    const below = page.locator('.tidings-room-body').getByRole('textbox');
    await below.focus();
    expect(await focused(page)).toBe('Reply');
    expect(await violations(page)).toEqual([]);
    await close.click();
    expect(await page.locator('.tidings-thread-above').count()).toBe(0);
    expect(await focused(page)).toContain('Me, if we take the early train');
    await below.focus();
    expect(await focused(page)).toBe('Message Weekend trip');
    await page.close();
  });
});
