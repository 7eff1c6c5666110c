/** The chat app on a real `tidings dev`, and who looks at it: windows of Chromium, each with a person of its own. */
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { ConfigInput } from '@tidings/server';
import type { Browser, BrowserContext, BrowserContextOptions } from 'playwright-core';
import { expect } from 'vitest';
import { ChatPage } from './chat-page.ts';
import { TidingsProcess } from './tidings-process.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** Long enough for a slow machine: what is waited for comes as soon as it is there. */
export const waiting = { timeout: 15_000 };

export class ChatApp {
  readonly server: TidingsProcess;
  readonly #browser: Browser;
  readonly #contexts: BrowserContext[] = [];
  /** Everything that went wrong inside the pages. */
  readonly #problems: string[] = [];

  private constructor(browser: Browser, server: TidingsProcess) {
    this.#browser = browser;
    this.server = server;
  }

  /** Builds the app if its sources have changed, and starts a server with the seeded rooms. */
  static async start(browser: Browser, options: { config?: ConfigInput; port?: number } = {}): Promise<ChatApp> {
    await promisify(execFile)(process.execPath, ['scripts/chat-example.mjs'], { cwd: root });
    return new ChatApp(browser, await TidingsProcess.start({ command: 'dev', ...options }));
  }

  /** A window that nobody is signed in to. Another context shares neither name nor storage. */
  async window(options: BrowserContextOptions = {}): Promise<ChatPage> {
    const context = await this.#browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
    this.#contexts.push(context);
    return this.tab(context);
  }

  /** One more tab of the same browser, on the page for signing in. */
  async tab(context: BrowserContext): Promise<ChatPage> {
    const page = await context.newPage();
    page.on('pageerror', (error) => this.#problems.push(error.stack ?? error.message));
    page.on('console', (message) => {
      // What the policy for content refuses is said there and nowhere else.
      if (message.type() === 'error' && /content security/i.test(message.text())) this.#problems.push(message.text());
    });
    await page.goto(`${this.server.url}/`);
    return new ChatPage(page, this.server.url);
  }

  /** A window of this person, with the room open if one is named. */
  async person(name: string, room?: string, options: BrowserContextOptions = {}): Promise<ChatPage> {
    const page = await this.window(options);
    await page.signIn(name);
    if (room !== undefined) await page.openRoom(room);
    return page;
  }

  /** A command as a back end gives it; `as` a user, with that user's rights. */
  async call<T = Record<string, unknown>>(command: string, input: object, as?: string): Promise<T> {
    const response = await fetch(`${this.server.url}/api/chat/${command}`, {
      method: 'POST',
      body: JSON.stringify(as === undefined ? input : { as, ...input }),
    });
    const { result, error } = (await response.json()) as { result: T; error?: { message: string } };
    if (error) throw new Error(`${command}: ${error.message}`);
    return result;
  }

  /** A group of these people, who have signed in before or will; the first one owns it. */
  async room(id: string, people: readonly string[], name = id): Promise<void> {
    const [owner, ...members] = people;
    await this.call('createRoom', { kind: 'group', id, name, owner, members });
  }

  /** What the server has of a room, in order. */
  async texts(room: string): Promise<string[]> {
    const { messages } = await this.call<{ messages: { text?: string }[] }>('messages', { room, limit: 100 });
    return messages.map(({ text = '' }) => text);
  }

  /** Closes all windows and the server. @throws what went wrong inside the pages. */
  async close(): Promise<void> {
    for (const context of this.#contexts) await context.close();
    await this.server.remove();
    expect(this.#problems).toEqual([]);
  }
}
