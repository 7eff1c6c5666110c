/** The page in `page/`, built by vite and open in Chromium. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { build, preview, type PreviewServer } from 'vite';
import { launchChromium } from '../support/chromium.ts';
import type { PageScript } from './page/script.ts';

declare global {
  interface Window {
    script: PageScript;
  }
}

const root = join(import.meta.dirname, 'page');

export interface Scene {
  readonly scene: 'room' | 'long' | 'alone' | 'everything' | 'panels';
  readonly theme?: 'light' | 'dark';
  readonly dir?: 'ltr' | 'rtl';
  readonly count?: number;
  readonly pageSize?: number;
  readonly width?: number;
  readonly height?: number;
}

export class ComponentPages implements AsyncDisposable {
  readonly browser: Browser;
  readonly #server: PreviewServer;
  readonly #folder: string;

  private constructor(browser: Browser, server: PreviewServer, folder: string) {
    this.browser = browser;
    this.#server = server;
    this.#folder = folder;
  }

  static async open(): Promise<ComponentPages> {
    const folder = await mkdtemp(join(tmpdir(), 'tidings-react-'));
    const common = { root, configFile: false, logLevel: 'error' } as const;
    await build({
      ...common,
      resolve: { conditions: ['tidings-source', 'module', 'browser', 'production'] },
      build: { outDir: folder, emptyOutDir: true, target: 'esnext' },
    });
    const server = await preview({ ...common, build: { outDir: folder }, preview: { port: 0, host: '127.0.0.1' } });
    return new ComponentPages(await launchChromium(), server, folder);
  }

  /** @throws Error if the page itself does. */
  async show({ width = 1000, height = 800, ...query }: Scene): Promise<Page> {
    const page = await this.browser.newPage({ viewport: { width, height }, reducedMotion: 'reduce' });
    page.setDefaultTimeout(10_000);
    page.on('pageerror', (error) => {
      throw error;
    });
    const parameters = new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)]));
    await page.goto(`${this.#server.resolvedUrls?.local[0] ?? ''}?${parameters.toString()}`);
    await page.waitForSelector('[role=article]');
    await settle(page);
    return page;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.browser.close();
    await this.#server.close();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** Until the list has not moved for some frames. */
export async function settle(page: Page): Promise<void> {
  await page.evaluate(async () => {
    const picture = (): string =>
      [...document.querySelectorAll<HTMLElement>('.tidings-scroller')]
        .map(({ scrollTop, scrollHeight, clientHeight }) => `${scrollTop} ${scrollHeight} ${clientHeight}`)
        .join();
    let before = '';
    for (let same = 0, frames = 0; same < 8 && frames < 600; frames++) {
      await new Promise(requestAnimationFrame);
      const now = picture();
      same = now === before ? same + 1 : 0;
      before = now;
    }
  });
}

/** How far the list is from its end, in CSS pixels. */
export function distanceFromEnd(page: Page): Promise<number> {
  return page.evaluate(() => {
    const list = document.querySelector('.tidings-scroller');
    return list === null ? -1 : list.scrollHeight - list.clientHeight - list.scrollTop;
  });
}

/** The first message that is wholly in sight, and where it stands in the window. */
export function firstInSight(page: Page): Promise<{ readonly seq: number; readonly top: number }> {
  return page.evaluate(() => {
    const edge = document.querySelector('.tidings-scroller')?.getBoundingClientRect().top ?? 0;
    for (const article of document.querySelectorAll<HTMLElement>('[role=article]')) {
      const { top } = article.getBoundingClientRect();
      if (top >= edge) return { seq: Number(article.dataset['seq']), top };
    }
    return { seq: -1, top: -1 };
  });
}

/** Where a message stands in the window; undefined if it is not in the page. */
export function topOf(page: Page, seq: number): Promise<number | undefined> {
  return page.evaluate((wanted) => document.querySelector(`[data-seq="${wanted}"]`)?.getBoundingClientRect().top, seq);
}
