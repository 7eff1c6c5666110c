/** One tab of the chat app, in words of who uses it. Everything is found as people find it: by roles and names. */
import type { Locator, Page } from 'playwright-core';
import { expect } from 'vitest';

const waiting = { timeout: 15_000 };

export class ChatPage {
  readonly page: Page;
  readonly #url: string;

  constructor(page: Page, url: string) {
    this.page = page;
    this.#url = url;
  }

  async signIn(name: string): Promise<void> {
    await this.page.getByLabel('Your name').fill(name);
    await this.page.getByRole('button', { name: 'Sign in' }).click();
    await this.sidebar.waitFor();
    await this.online();
  }

  /** Waits until there is a connection and the list of rooms has come. */
  async online(): Promise<void> {
    await this.sidebar.locator('[data-room]').first().waitFor();
    await this.page.locator('.tidings-connection:empty').waitFor({ state: 'attached' });
  }

  get banner(): Locator {
    return this.page.locator('.tidings-connection');
  }

  get sidebar(): Locator {
    return this.page.getByRole('navigation', { name: 'Conversations' });
  }

  roomLine(room: string): Locator {
    return this.sidebar.locator(`[data-room="${room}"]`);
  }

  /** Opens a room from the list. */
  async openRoom(room: string): Promise<void> {
    await this.roomLine(room).click();
    await this.conversation.locator('textarea, .tidings-composer').first().waitFor();
  }

  /** Goes to an address of the app, without a reload. */
  async go(hash: string): Promise<void> {
    await this.page.goto(`${this.#url}/${hash}`);
  }

  get conversation(): Locator {
    return this.page.locator('.app-conversation');
  }

  get thread(): Locator {
    return this.page.getByRole('region', { name: 'Thread' });
  }

  get feed(): Locator {
    return this.conversation.getByRole('feed');
  }

  /** The field for writing in the room; in the thread with `within`. */
  field(within: Locator = this.conversation): Locator {
    return within.locator('textarea');
  }

  async send(text: string, within?: Locator): Promise<void> {
    const field = this.field(within);
    await field.fill(text);
    await field.press('Enter');
  }

  /** What the messages say that are mounted, from the top. */
  texts(within: Locator = this.conversation): Promise<string[]> {
    return within.locator('[role="article"] .tidings-text').allInnerTexts();
  }

  /** The message that says exactly this. */
  message(text: string, within: Locator = this.conversation): Locator {
    return within
      .getByRole('article')
      .filter({ has: this.page.locator('.tidings-text').getByText(text, { exact: true }) });
  }

  /** Says how far one's own message has got. */
  async state(text: string): Promise<string | null> {
    const shown = this.message(text).locator('.tidings-message-state');
    return (await shown.count()) === 1 ? shown.getAttribute('data-state') : null;
  }

  /** Chooses something from the menu of a message. */
  async act(text: string, action: string): Promise<void> {
    await this.message(text).hover();
    await this.message(text).getByRole('button', { name: 'More actions' }).click();
    await this.page.getByRole('menuitem', { name: action, exact: true }).click();
  }

  /** What one person or several saw of a conversation: the last of the messages, in this order, nothing twice. */
  async expectTexts(expected: readonly string[], within?: Locator): Promise<void> {
    await expect.poll(() => this.texts(within), waiting).toEqual(expected);
  }

  /** Takes the network away, as a tunnel does. The page has been kept on the device before. */
  async cut(): Promise<void> {
    await this.page.evaluate(async () => void (await navigator.serviceWorker.ready));
    await this.page.context().setOffline(true);
    await expect.poll(() => this.banner.textContent(), { timeout: 60_000 }).not.toBe('');
  }

  /** Whether the device would still have this message after a reload; it writes down what it sees in the second after. */
  isOnDevice(text: string): Promise<boolean> {
    return this.page.evaluate(async (wanted) => {
      const answer = <T>(request: IDBRequest<T>): Promise<T> =>
        new Promise((resolve, reject) => {
          request.addEventListener('success', () => resolve(request.result));
          request.addEventListener('error', () => reject(new Error('the database cannot be read')));
        });
      for (const { name = '' } of await indexedDB.databases()) {
        const database = await answer(indexedDB.open(name));
        const stores = [...database.objectStoreNames].filter((store) => store === 'timelines');
        const kept = stores.map((store) => answer(database.transaction(store).objectStore(store).getAll()));
        const found = JSON.stringify(await Promise.all(kept)).includes(JSON.stringify(wanted));
        database.close();
        if (found) return true;
      }
      return false;
    }, text);
  }

  /** Reloads the page; without a network it comes from the device. */
  async reload(): Promise<void> {
    await this.page.evaluate(async () => void (await navigator.serviceWorker.ready));
    await this.page.reload();
    await this.sidebar.locator('[data-room]').first().waitFor();
  }

  /** Gives the network back. */
  async reconnect(): Promise<void> {
    await this.page.context().setOffline(false);
    await this.online();
  }
}
