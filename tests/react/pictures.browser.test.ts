/** What only a real layout shows of pictures: the place that is kept for them, before they are there and after. */
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWithChromium } from '../support/chromium.ts';
import { ComponentPages, distanceFromEnd, settle } from './component-page.ts';

declare global {
  interface Window {
    /** Links to pictures that were asked for so far come. */
    giveLinks(): void;
  }
}

interface Size {
  readonly width: number;
  readonly height: number;
}

interface Pictures {
  readonly sizes: readonly Size[];
  readonly text?: string;
  /** Default: the server has told them. */
  readonly isSizeTold?: boolean;
}

interface Shown {
  readonly rowHeight: number;
  readonly bubble: Size;
  readonly places: readonly Size[];
}

const photograph = { width: 1600, height: 1200 };
const screenshot = { width: 1080, height: 2400 };
const panorama = { width: 6000, height: 500 };
const receipt = { width: 200, height: 4000 };
const smiley = { width: 32, height: 32 };
const words = 'The way there, with all that one needs to know about it, and a little more than that';
/** Behind all that is in the room. */
const seq = 300;

describeWithChromium('pictures', () => {
  let pages: ComponentPages;
  beforeAll(async () => {
    pages = await ComponentPages.open();
  });
  afterAll(() => pages[Symbol.asyncDispose]());

  /** A room in which links to pictures wait for `giveLinks`. */
  async function openRoom(width: number): Promise<Page> {
    const page = await pages.show({ scene: 'alone', width });
    await page.evaluate(() => {
      const waiting: (() => void)[] = [];
      window.script.chat.attachmentUrl = ({ url }) => new Promise((resolve) => waiting.push(() => resolve(url)));
      window.giveLinks = () => {
        for (const give of waiting.splice(0)) give();
      };
    });
    return page;
  }

  async function receive(page: Page, { sizes, text = '', isSizeTold = true }: Pictures): Promise<void> {
    await page.evaluate(
      ([number, pictures, said, told]) => {
        const { weekend, messageView } = window.script;
        const attachments = pictures.map(({ width, height }, at) => ({
          id: `picture-${at}`,
          name: `${at}.png`,
          contentType: 'image/png',
          bytes: 1_000,
          ...(told && { width, height }),
          url: `data:image/svg+xml,${encodeURIComponent(
            `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"><rect width="100%" height="100%" fill="#5a6fc0"/><circle cx="50%" cy="50%" r="40%" fill="#f6b98a"/></svg>`,
          )}`,
        }));
        const message = { key: 'pictures', room: 'weekend', seq: number, sender: 'ben', text: said, attachments };
        weekend.append(messageView(message));
      },
      [seq, sizes, text, isSizeTold] as const,
    );
    await page.waitForSelector(`[data-seq="${seq}"] .tidings-picture`);
    await settle(page);
  }

  const shown = (page: Page): Promise<Shown> =>
    page.locator(`[data-seq="${seq}"]`).evaluate((article) => {
      const sizeOf = (element: Element | null | undefined) => {
        const { width, height } = element?.getBoundingClientRect() ?? { width: 0, height: 0 };
        return { width, height };
      };
      return {
        rowHeight: sizeOf(article.closest('.tidings-row')).height,
        bubble: sizeOf(article.querySelector('.tidings-bubble')),
        places: [...article.querySelectorAll('.tidings-picture')].map(sizeOf),
      };
    });

  /** How many pictures are there to be seen. */
  const loaded = (page: Page): Promise<number> =>
    page
      .locator(`[data-seq="${seq}"] .tidings-picture img`)
      .evaluateAll((images) => images.filter((image) => (image as HTMLImageElement).naturalWidth > 0).length);

  test.each<[string, Pictures]>([
    ['a photograph', { sizes: [photograph] }],
    ['a screenshot of a phone, with words', { sizes: [screenshot], text: words }],
    ['a panorama', { sizes: [panorama], text: 'The ridge' }],
    ['a receipt', { sizes: [receipt] }],
    ['something small', { sizes: [smiley], text: words }],
    ['one of unknown size', { sizes: [screenshot], isSizeTold: false }],
    ['two', { sizes: [photograph, screenshot] }],
    ['four', { sizes: [photograph, smiley, receipt, panorama], text: words }],
  ])('nothing moves when they come: %s', async (_, pictures) => {
    for (const width of [1000, 360]) {
      const page = await openRoom(width);
      await receive(page, pictures);
      expect(await loaded(page)).toBe(0);
      const before = await shown(page);
      expect(before.rowHeight).toBeGreaterThan(60);
      await page.evaluate(() => window.giveLinks());
      await expect.poll(() => loaded(page)).toBe(pictures.sizes.length);
      await settle(page);
      expect(await shown(page)).toEqual(before);
      expect(await distanceFromEnd(page)).toBeLessThan(2);
      await page.close();
    }
  });

  test.each<[string, Size, Size]>([
    ['a photograph', photograph, { width: 320, height: 240 }],
    ['a screenshot of a phone', screenshot, { width: 144, height: 320 }],
    ['a panorama, cut', panorama, { width: 320, height: 320 / 3 }],
    ['a receipt, cut', receipt, { width: 128, height: 320 }],
    ['something small', smiley, { width: 96, height: 96 }],
    ['what is smaller than the place', { width: 240, height: 160 }, { width: 240, height: 160 }],
  ])('one alone has its own shape within bounds, and its message is as wide: %s', async (_, size, expected) => {
    const page = await openRoom(1000);
    await receive(page, { sizes: [size] });
    const { places, bubble } = await shown(page);
    expect(places).toHaveLength(1);
    expect(places[0]?.width).toBeCloseTo(expected.width, 0);
    expect(places[0]?.height).toBeCloseTo(expected.height, 0);
    expect(bubble.width - expected.width).toBeLessThan(27);
    await page.close();
  });

  test('on a narrow phone a picture is as wide as its message, and keeps its shape', async () => {
    const page = await openRoom(280);
    await receive(page, { sizes: [photograph], text: words });
    const { places, bubble } = await shown(page);
    const [{ width, height } = { width: 0, height: 0 }] = places;
    expect(width).toBeLessThan(280 * 0.82);
    expect(bubble.width - width).toBeLessThan(27);
    expect(width / height).toBeCloseTo(4 / 3, 1);
    await page.close();
  });

  test('words beside a narrow picture are not squeezed into its width', async () => {
    const page = await openRoom(1000);
    await receive(page, { sizes: [screenshot], text: words });
    const { bubble } = await shown(page);
    expect(bubble.width).toBeGreaterThan(190);
    expect(bubble.width).toBeLessThan(260);
    await page.close();
  });

  test('a picture on its way out has the shape that it has when it was sent', async () => {
    const page = await openRoom(1000);
    await page.evaluate((number) => {
      const { weekend, messageView } = window.script;
      const localUrl = `data:image/svg+xml,${encodeURIComponent('<svg xmlns="http://www.w3.org/2000/svg" width="600" height="900"/>')}`;
      const upload = { key: 'u', name: 'a.png', contentType: 'image/png', totalBytes: 9, sentBytes: 3, localUrl };
      const uploads = [{ ...upload, state: 'uploading' as const }];
      const own = { key: 'pictures', room: 'weekend', seq: number, sender: 'me', isOwn: true, text: '', uploads };
      weekend.append(messageView({ ...own, state: 'sending' }));
    }, seq);
    await expect.poll(() => loaded(page)).toBe(1);
    await settle(page);
    const before = await shown(page);
    expect(before.places[0]?.width).toBeCloseTo((320 * 2) / 3, 0);
    await page.evaluate((number) => {
      const sent = { name: 'a.png', contentType: 'image/png', bytes: 9, width: 600, height: 900 };
      const attachments = [{ id: 'a', ...sent, url: '/none' }];
      window.script.weekend.replace(number, (view) => ({ ...view, state: 'sent', uploads: [], attachments }));
    }, seq);
    await page.waitForSelector(`[data-seq="${seq}"] button.tidings-picture`);
    await settle(page);
    expect((await shown(page)).rowHeight).toBeCloseTo(before.rowHeight, 0);
    expect((await shown(page)).places).toEqual(before.places);
    await page.close();
  });
});
