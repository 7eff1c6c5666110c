/** Several tabs of one browser on a server that can be killed: what `tabs.browser.test.ts` works with. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { ConfigInput } from '@tidings/server';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { build, type Rolldown } from 'vite';
import { expect } from 'vitest';
import { jwt, secret } from '../sdk/support.ts';
import type { TidingsProcess } from '../support/tidings-process.ts';
import type { TabApi } from './page/tab.ts';

const folder = fileURLToPath(new URL('page', import.meta.url));

/** @param origin of the pages. */
export function configOf(origin: string): ConfigInput {
  return {
    auth: { jwt: { hmacSecret: secret } },
    api: { keys: ['key-of-the-back-end'] },
    origins: [origin],
    chat: { enabled: true, limits: { uploadSize: '2MB' } },
    limits: { commandsPerSecondPerConnection: 0 },
  };
}

/** Serves a page with this script at every path: it is there without the server of Tidings, as an installed app is. */
export async function servePage(script: string): Promise<{ readonly url: string; close(): void }> {
  const server = createServer((request, response) => {
    const isScript = request.url === '/script.js';
    response.setHeader('Content-Type', isScript ? 'text/javascript' : 'text/html');
    response.end(isScript ? script : '<!doctype html><script type="module" src="/script.js"></script>');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, close: () => void server.close() };
}

/** @returns the script of a page, built for browsers. */
export async function buildPage(name: string): Promise<string> {
  const output = (await build({
    root: folder,
    configFile: false,
    logLevel: 'error',
    resolve: {
      conditions: ['tidings-source', 'browser', 'import', 'module', 'default'],
      alias: { vitest: `${folder}/vitest-in-page.ts` },
    },
    build: { write: false, modulePreload: false, rolldownOptions: { input: `${folder}/${name}.ts` } },
  })) as Rolldown.RolldownOutput;
  return output.output.find((file) => file.type === 'chunk')?.code ?? '';
}

/** A browser of one person: its tabs share what is stored. */
export class Person {
  readonly user: string;
  readonly problems: string[] = [];
  readonly #context: BrowserContext;
  readonly #pageUrl: string;
  readonly #serverUrl: string;

  private constructor(user: string, context: BrowserContext, pageUrl: string, serverUrl: string) {
    this.user = user;
    this.#context = context;
    this.#pageUrl = pageUrl;
    this.#serverUrl = serverUrl;
  }

  static async of(browser: Browser, pageUrl: string, serverUrl: string, user: string): Promise<Person> {
    return new Person(user, await browser.newContext(), pageUrl, serverUrl);
  }

  /** @param isHidden says so of the tab, since headless tabs are all visible. */
  async open({ room = 'room', isHidden = false }: { room?: string; isHidden?: boolean } = {}): Promise<Tab> {
    const page = await this.#context.newPage();
    page.on('pageerror', (error) => this.problems.push(String(error)));
    if (isHidden) {
      await page.addInitScript(() => Object.defineProperty(document, 'visibilityState', { get: () => 'hidden' }));
    }
    const { user } = this;
    const tab = new Tab(page, this.#pageUrl, { url: this.#serverUrl, token: jwt({ sub: user }), user, room });
    await tab.load();
    return tab;
  }

  close(): Promise<void> {
    return this.#context.close();
  }
}

type Start = Parameters<TabApi['start']>[0];
declare const tab: TabApi;

export class Tab {
  readonly page: Page;
  readonly #url: string;
  readonly #start: Start;

  constructor(page: Page, url: string, start: Start) {
    this.page = page;
    this.#url = url;
    this.#start = start;
  }

  /** Also a reload. */
  async load(): Promise<void> {
    await this.page.goto(this.#url);
    await this.call('start', this.#start);
  }

  /** Calls what the page offers. */
  call<Name extends Exclude<keyof TabApi, 'notices' | 'progress'>>(
    name: Name,
    ...given: Parameters<TabApi[Name]>
  ): Promise<Awaited<ReturnType<TabApi[Name]>>> {
    return this.page.evaluate(([what, all]) => (tab[what] as (...all: unknown[]) => unknown)(...all), [
      name,
      given as unknown[],
    ] as const) as Promise<Awaited<ReturnType<TabApi[Name]>>>;
  }

  list<Name extends 'notices' | 'progress'>(name: Name): Promise<TabApi[Name]> {
    return this.page.evaluate((what) => tab[what], name) as Promise<TabApi[Name]>;
  }

  send(...texts: string[]): Promise<void> {
    return this.call('send', texts);
  }

  /** The texts of what is shown, whatever its state. */
  async texts(): Promise<string[]> {
    return (await this.call('shown')).map((line) => line.slice(0, line.lastIndexOf(' ')));
  }

  async online(): Promise<void> {
    await expect.poll(() => this.call('status'), { timeout: 20_000 }).toBe('online live');
  }
}

/** The server as a back end sees it. */
export class BackEnd {
  readonly #server: TidingsProcess;

  constructor(server: TidingsProcess) {
    this.#server = server;
  }

  // What commands answer is looked at, not typed.
  // eslint-disable-next-line typescript/no-explicit-any
  async call(name: string, input: object): Promise<any> {
    const answer = await fetch(`${this.#server.url}/api/chat/${name}`, {
      method: 'POST',
      headers: { 'X-API-Key': 'key-of-the-back-end' },
      body: JSON.stringify(input),
    });
    const { result, error } = (await answer.json()) as { result?: unknown; error?: { message: string } };
    if (error) throw new Error(`${name}: ${error.message}`);
    return result;
  }

  /** All texts of a room, by seq. */
  async texts(room = 'room'): Promise<string[]> {
    const texts: string[] = [];
    for (let after = 0; ;) {
      const { messages, hasAfter } = await this.call('messages', { room, after, limit: 100 });
      for (const { seq, text } of messages as { seq: number; text: string }[]) {
        texts.push(text);
        after = seq;
      }
      if (!hasAfter) return texts;
    }
  }
}
