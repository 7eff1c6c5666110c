/** What only a real layout shows of how the components look: what is cut, what stands where, how wide it is. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWithChromium } from '../support/chromium.ts';
import { ComponentPages, settle } from './component-page.ts';

const english = 'An English name that is far too long for the place that it has, and goes on and on';
const arabic = 'اسم عربي أطول بكثير من المكان المخصص له ويستمر إلى ما لا نهاية حتى ينقطع في آخره لا في أوله';

describeWithChromium('how it looks', () => {
  let pages: ComponentPages;
  beforeAll(async () => {
    pages = await ComponentPages.open();
  });
  afterAll(() => pages[Symbol.asyncDispose]());

  /** How far the first character stands out of the box that cuts it, in pixels. */
  const beginOutside = (page: Page, selector: string): Promise<number> =>
    page
      .locator(selector)
      .first()
      .evaluate((box) => {
        const range = document.createRange();
        const text = document.createTreeWalker(box, NodeFilter.SHOW_TEXT).nextNode();
        if (text === null) throw new Error('it says nothing');
        range.setStart(text, 0);
        range.setEnd(text, 1);
        const [first, shown] = [range.getBoundingClientRect(), box.getBoundingClientRect()];
        return Math.max(0, shown.left - first.left, first.right - shown.right);
      });

  test.each([
    ['ltr', arabic],
    ['rtl', english],
  ] as const)('on a page from %s, what is too long is cut at its end, not at its beginning: %s', async (dir, name) => {
    const page = await pages.show({ scene: 'everything', dir, width: 1000 });
    await page.evaluate((title) => {
      const { weekend, chat } = window.script;
      weekend.view.update((view) => view && { ...view, title, room: { ...view.room, topic: title } });
      for (const id of ['ann', 'ben', 'chen', 'noor']) chat.user(id).set({ id, name: title });
    }, name);
    await page.fill('.page-room textarea', '@');
    await page.waitForSelector('.tidings-mention-name');
    for (const selector of ['.page-room .tidings-room-title', '.tidings-room-topic bdi', '.tidings-mention-name']) {
      expect(await beginOutside(page, selector), selector).toBeLessThan(1);
    }
    expect(await beginOutside(page, '.tidings-thread .tidings-room-subtitle')).toBeLessThan(1);
    await page.close();
  });

  test('the question of a poll is written in the letters of its answers', async () => {
    const page = await pages.show({ scene: 'panels' });
    const fonts = await page
      .locator('.tidings-poll-composer input:not([type=checkbox])')
      .evaluateAll((fields) => fields.map((field) => getComputedStyle(field).font));
    expect(fonts).toHaveLength(3);
    expect(new Set(fonts).size).toBe(1);
    await page.close();
  });

  test('a message is as wide as its picture, however long its words are', async () => {
    const page = await pages.show({ scene: 'room' });
    const picture = page.locator('.tidings-bubble', { has: page.locator('.tidings-pictures') });
    await page.evaluate((text) => {
      const { weekend } = window.script;
      const seq = weekend.messages.get().messages.find(({ attachments }) => attachments[0]?.name === 'ridge.png')?.seq;
      if (seq !== undefined) weekend.replace(seq, (message) => ({ ...message, text }));
    }, english);
    await settle(page);
    const { bubble, pictures } = await picture.evaluate((element) => ({
      bubble: element.clientWidth - Number.parseFloat(getComputedStyle(element).paddingInlineStart) * 2,
      pictures: element.querySelector('.tidings-pictures')?.clientWidth ?? 0,
    }));
    expect(Math.abs(bubble - pictures)).toBeLessThan(1);
    await page.close();
  });

  test('the time stands at the foot of a message, also beside large emoji', async () => {
    const page = await pages.show({ scene: 'room' });
    for (const [seq, text] of ['🎉', '🎉🎉'].entries()) {
      await page.evaluate(
        ([number, said]) => {
          const { weekend, messageView } = window.script;
          weekend.append(messageView({ key: `e${number}`, room: 'weekend', seq: number, sender: 'ben', text: said }));
        },
        [200 + seq, text] as const,
      );
    }
    await settle(page);
    const distances = await page.locator('.tidings-bubble:has([data-emoji])').evaluateAll((bubbles) =>
      bubbles.map((bubble) => {
        const time = bubble.querySelector('.tidings-message-meta')?.getBoundingClientRect().bottom ?? 0;
        return bubble.getBoundingClientRect().bottom - time;
      }),
    );
    expect(distances.length).toBeGreaterThan(1);
    for (const distance of distances) {
      expect(distance).toBeGreaterThan(4);
      expect(distance).toBeLessThan(14);
    }
    await page.close();
  });
});
