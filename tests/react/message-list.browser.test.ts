/** What only a real layout shows: the list of messages with ten thousand of them. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWithChromium } from '../support/chromium.ts';
import { ComponentPages, distanceFromEnd, firstInSight, settle, topOf } from './component-page.ts';

declare global {
  interface Window {
    mostRows: number;
  }
}

describeWithChromium('the list of messages', () => {
  let pages: ComponentPages;
  beforeAll(async () => {
    pages = await ComponentPages.open();
  });
  afterAll(() => pages[Symbol.asyncDispose]());

  /** A message of somebody else comes in. */
  const receive = (page: Page, seq: number, text: string): Promise<void> =>
    page.evaluate(
      ([number, said]) => {
        const { long, messageView } = window.script;
        long.append(messageView({ key: `m${number}`, room: 'long', seq: number, sender: 'ben', text: said }));
      },
      [seq, text] as const,
    );

  test('ten thousand messages: few rows and no long task, page by page and from one end to the other', async () => {
    const page = await pages.show({ scene: 'long', count: 10_000, pageSize: 10_000 });
    await page.evaluate(() => {
      window.mostRows = 0;
      const look = (): void => {
        window.mostRows = Math.max(window.mostRows, document.querySelectorAll('.tidings-row').length);
        requestAnimationFrame(look);
      };
      look();
    });
    await page.mouse.move(500, 400);
    await pages.browser.startTracing(page, { categories: ['toplevel'] });
    for (let i = 0; i < 60; i++) await page.mouse.wheel(0, -600);
    await page.locator('.tidings-article').last().focus();
    await page.keyboard.press('Home');
    await page.waitForSelector('[data-seq="1"]:focus');
    await settle(page);
    for (let i = 0; i < 20; i++) await page.mouse.wheel(0, 600);
    await page.keyboard.press('End');
    await page.waitForSelector('[data-seq="10000"]:focus');
    const trace = await pages.browser.stopTracing();
    expect(await page.evaluate(() => window.mostRows)).toBeLessThan(60);
    expect(longestTaskMs(trace)).toBeLessThan(100);
    await page.close();
  });

  test('it stands at its end, and stays there when messages come', async () => {
    const page = await pages.show({ scene: 'long', count: 500 });
    expect(await distanceFromEnd(page)).toBeLessThan(2);
    for (let i = 1; i <= 3; i++) await receive(page, 500 + i, 'a line that is new '.repeat(i * 8));
    await settle(page);
    expect(await distanceFromEnd(page)).toBeLessThan(2);
    expect(await topOf(page, 503)).toBeDefined();
    await page.close();
  });

  test('it stays at its end when the window becomes smaller and the composer grows', async () => {
    const page = await pages.show({ scene: 'long', count: 500 });
    await page.setViewportSize({ width: 420, height: 420 });
    await settle(page);
    expect(await distanceFromEnd(page)).toBeLessThan(2);
    await page.fill('.tidings-composer-field', 'one\ntwo\nthree\nfour\nfive\nsix');
    await settle(page);
    expect(await distanceFromEnd(page)).toBeLessThan(2);
    await page.close();
  });

  test('who reads further up keeps their place when messages come, and is told how many', async () => {
    const page = await pages.show({ scene: 'long', count: 500 });
    await page.mouse.move(500, 400);
    await page.mouse.wheel(0, -900);
    await settle(page);
    const before = await firstInSight(page);
    for (let i = 1; i <= 3; i++) await receive(page, 500 + i, 'new');
    await settle(page);
    expect(await topOf(page, before.seq)).toBeCloseTo(before.top, 0);
    expect(await page.textContent('.tidings-jump-latest .tidings-jump-count')).toBe('3');
    await page.click('.tidings-jump-latest');
    await settle(page);
    expect(await distanceFromEnd(page)).toBeLessThan(2);
    expect(await page.locator('.tidings-jump-latest').count()).toBe(0);
    await page.close();
  });

  test('the place is kept while older messages are loaded above, at the very top too', async () => {
    const page = await pages.show({ scene: 'long', count: 500 });
    await page.evaluate(() => {
      const list = document.querySelector('.tidings-scroller');
      if (list !== null) list.scrollTop = 0;
    });
    await page.evaluate(() => new Promise(requestAnimationFrame));
    const before = await firstInSight(page);
    await page.waitForFunction((seq) => {
      const [first] = window.script.long.messages.get().messages;
      return (first?.seq ?? seq) < seq - 20;
    }, before.seq);
    await settle(page);
    expect(await topOf(page, before.seq)).toBeCloseTo(before.top, 0);
    await page.close();
  });

  test('a message that grows above what is read moves nothing', async () => {
    const page = await pages.show({ scene: 'long', count: 500 });
    await page.mouse.move(500, 400);
    await page.mouse.wheel(0, -1500);
    await settle(page);
    const before = await firstInSight(page);
    await page.evaluate((seq) => {
      window.script.long.replace(seq, (message) => ({ ...message, text: 'it grew '.repeat(200) }));
    }, before.seq - 3);
    await settle(page);
    expect(await topOf(page, before.seq)).toBeCloseTo(before.top, 0);
    await page.close();
  });

  test('a jump shows a message of long ago in the middle, highlighted; newer ones load on the way back', async () => {
    const page = await pages.show({ scene: 'long', count: 2000 });
    await page.evaluate(() => {
      window.script.long.append(
        window.script.messageView({ key: 'q', room: 'long', seq: 2001, sender: 'ben', text: 'see', replySeq: 40 }),
      );
    });
    await settle(page);
    await page.click('.tidings-quote');
    await page.waitForSelector('[data-seq="40"] [data-highlighted]');
    await settle(page);
    const top = (await topOf(page, 40)) ?? -1;
    expect(top).toBeGreaterThan(100);
    expect(top).toBeLessThan(600);
    expect(await page.evaluate(() => document.activeElement?.getAttribute('data-seq'))).toBe('40');
    await page.mouse.move(500, 400);
    for (let i = 0; i < 40 && (await topOf(page, 90)) === undefined; i++) {
      await page.mouse.wheel(0, 800);
      await settle(page);
    }
    expect(await topOf(page, 90)).toBeDefined();
    await page.click('.tidings-jump-latest');
    await page.waitForSelector('[data-seq="2001"]');
    await settle(page);
    expect(await distanceFromEnd(page)).toBeLessThan(2);
    await page.close();
  });

  test('what is looked at is read: at the end, and not further up', async () => {
    const page = await pages.show({ scene: 'long', count: 500 });
    const isVisible = (): Promise<boolean> => page.evaluate(() => window.script.long.visible.get());
    expect(await isVisible()).toBe(true);
    await page.mouse.move(500, 400);
    await page.mouse.wheel(0, -1500);
    await settle(page);
    expect(await isVisible()).toBe(false);
    await page.close();
  });

  test('whoever writes sees it, wherever they were reading', async () => {
    const page = await pages.show({ scene: 'long', count: 500 });
    await page.mouse.move(500, 400);
    await page.mouse.wheel(0, -3000);
    await settle(page);
    await page.fill('.tidings-composer-field', 'here I am');
    await page.press('.tidings-composer-field', 'Enter');
    await settle(page);
    expect(await distanceFromEnd(page)).toBeLessThan(2);
    expect(await page.locator('.tidings-article').last().textContent()).toContain('here I am');
    await page.close();
  });
});

/**
 * The longest task of the page's main thread by the time that it ran, in milliseconds. The clock on the wall, which
 * `PerformanceObserver` goes by, would count what else the machine does.
 */
function longestTaskMs(trace: Buffer): number {
  interface TraceEvent {
    readonly name: string;
    readonly pid: number;
    readonly tid: number;
    readonly tdur?: number;
    readonly args: { readonly name?: string };
  }
  const { traceEvents } = JSON.parse(trace.toString()) as { readonly traceEvents: readonly TraceEvent[] };
  const threads = traceEvents.filter(({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain');
  const mains = new Set(threads.map(({ pid, tid }) => `${pid}:${tid}`));
  const tasks = traceEvents.filter(({ pid, tid, tdur }) => tdur !== undefined && mains.has(`${pid}:${tid}`));
  expect(tasks.length).toBeGreaterThan(100);
  return Math.max(...tasks.map(({ tdur = 0 }) => tdur)) / 1000;
}
