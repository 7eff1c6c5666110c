/**
 * The client in real Chromium: tabs that share what is stored, an outbox that survives what happens to tabs and server,
 * and files on their way.
 */
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { describeWithChromium, launchChromium } from '../support/chromium.ts';
import { TidingsProcess } from '../support/tidings-process.ts';
import { BackEnd, buildPage, configOf, Person, servePage } from './browser-tabs.ts';

const patiently = { timeout: 25_000 };
type RunTests = () => Promise<{ readonly name: string; readonly problem?: string }[]>;
const numbered = (count: number, prefix = 'm'): string[] => Array.from({ length: count }, (_, at) => `${prefix}${at}`);

describeWithChromium('tabs', () => {
  let browser: Browser;
  let pages: Awaited<ReturnType<typeof servePage>>;
  let server: TidingsProcess;
  let backEnd: BackEnd;
  let people: Person[] = [];

  beforeAll(async () => {
    browser = await launchChromium();
    pages = await servePage(await buildPage('tab'));
  });
  afterAll(async () => {
    await browser?.close();
    pages.close();
  });

  beforeEach(async () => {
    server = await TidingsProcess.start({ config: configOf(pages.url) });
    backEnd = new BackEnd(server);
    await backEnd.call('createRoom', { as: 'ann', kind: 'group', id: 'room', name: 'Room', members: ['ben'] });
  });
  afterEach(async () => {
    const problems = people.flatMap((person) => person.problems);
    for (const person of people) await person.close();
    people = [];
    await server.remove();
    expect(problems).toEqual([]);
  });

  async function person(user: string): Promise<Person> {
    const made = await Person.of(browser, pages.url, server.url, user);
    people.push(made);
    return made;
  }

  test('what one tab has seen, the next one shows without network; another user sees nothing of it', async () => {
    for (const text of numbered(30)) await backEnd.call('send', { as: 'ben', room: 'room', text });
    const ann = await person('ann');
    const first = await ann.open();
    await expect.poll(() => first.texts(), patiently).toEqual(numbered(30));
    // Written down after a moment.
    await expect.poll(() => first.call('stored'), patiently).toBe(30);
    await server.kill9();
    const offline = await ann.open();
    await expect.poll(() => offline.texts(), patiently).toEqual(numbered(30));
    expect(await offline.call('rooms')).toEqual(['room']);
    const ben = await person('ben');
    const strange = await ben.open();
    expect([await strange.texts(), await strange.call('rooms')]).toEqual([[], []]);
  });

  test('one tab sends for all, and when it is closed in the middle another goes on: once, and in order', async () => {
    const ann = await person('ann');
    const [sending, other] = [await ann.open(), await ann.open()];
    await Promise.all([sending.online(), other.online()]);
    await other.send(...numbered(60));
    await expect
      .poll(() => backEnd.texts().then(({ length }) => length), { interval: 1, ...patiently })
      .toBeGreaterThan(2);
    await sending.page.close();
    await expect.poll(() => backEnd.texts().then(({ length }) => length), patiently).toBeGreaterThanOrEqual(60);
    expect(await backEnd.texts()).toEqual(numbered(60));
    await expect.poll(() => other.call('waiting'), patiently).toBe(0);
    await expect.poll(() => other.texts(), patiently).toEqual(numbered(60));
  });

  test('what was written without network survives a reload, in all tabs, and goes out in order', async () => {
    const ann = await person('ann');
    const [one, two] = [await ann.open(), await ann.open()];
    await Promise.all([one.online(), two.online()]);
    await server.kill9();
    await one.send('a', 'b');
    await expect.poll(() => two.texts(), patiently).toEqual(['a', 'b']);
    await two.send('c');
    await expect.poll(() => one.texts(), patiently).toEqual(['a', 'b', 'c']);
    await one.load();
    await two.load();
    await expect.poll(() => one.call('shown'), patiently).toEqual(['a sending', 'b sending', 'c sending']);
    await one.page.close();
    await server.restart();
    await expect.poll(() => two.call('waiting'), patiently).toBe(0);
    expect(await backEnd.texts()).toEqual(['a', 'b', 'c']);
    await expect.poll(() => two.texts(), patiently).toEqual(['a', 'b', 'c']);
  });

  test('the server is killed while two people send from three tabs: every message once and in order, on every screen', async () => {
    const [ann, ben] = [await person('ann'), await person('ben')];
    const [one, two, other] = [await ann.open(), await ann.open(), await ben.open()];
    const tabs = [one, two, other];
    await Promise.all(tabs.map((tab) => tab.online()));
    for (const round of [0, 1, 2]) {
      await one.send(...numbered(10, `ann-${round}-`));
      await other.send(...numbered(10, `ben-${round}-`));
      const before = round * 20;
      await expect
        .poll(() => backEnd.texts().then(({ length }) => length), { interval: 1, ...patiently })
        .toBeGreaterThan(before + 1);
      await server.kill9();
      await two.send(...numbered(3, `ann-offline-${round}-`));
      await server.restart();
      for (const tab of tabs) await expect.poll(() => tab.call('waiting'), patiently).toBe(0);
    }
    const texts = await backEnd.texts();
    const of = (who: string): string[] => texts.filter((text) => text.startsWith(who));
    expect(texts).toHaveLength(new Set(texts).size);
    expect(of('ben')).toEqual([0, 1, 2].flatMap((round) => numbered(10, `ben-${round}-`)));
    expect(of('ann')).toEqual(
      [0, 1, 2].flatMap((round) => [...numbered(10, `ann-${round}-`), ...numbered(3, `ann-offline-${round}-`)]),
    );
    // Each shows the end of the room, as it is.
    for (const tab of tabs) {
      await expect.poll(async () => texts.join('\n').endsWith((await tab.texts()).join('\n')), patiently).toBe(true);
      expect((await tab.texts()).length).toBeGreaterThanOrEqual(13);
    }
  });

  test('the person is told once, by a visible tab, and not while one shows the room', async () => {
    const ann = await person('ann');
    const [hidden, visible, third] = [await ann.open({ isHidden: true }), await ann.open(), await ann.open()];
    const all = [hidden, visible, third];
    for (const tab of all) await tab.online();
    for (const tab of all) await expect.poll(() => tab.call('rooms'), patiently).toEqual(['room']);
    const told = async (): Promise<string[]> =>
      (await Promise.all(all.map((tab) => tab.list('notices')))).flat() as string[];
    for (const text of numbered(3)) {
      await backEnd.call('send', { as: 'ben', room: 'room', text });
      await expect.poll(told, patiently).toContain(text);
    }
    expect(await hidden.list('notices')).toEqual([]);
    await third.call('look', true);
    await backEnd.call('send', { as: 'ben', room: 'room', text: 'seen' });
    await expect.poll(() => third.texts(), patiently).toContain('seen');
    await third.call('look', false);
    // What comes after has been told: then the one before would have been.
    await backEnd.call('send', { as: 'ben', room: 'room', text: 'last' });
    await expect.poll(told, patiently).toContain('last');
    expect((await told()).toSorted()).toEqual(['last', ...numbered(3)]);
  });

  test('after signing out in one tab the other goes on, and leaves nothing on the device', async () => {
    const ann = await person('ann');
    const [leaving, staying] = [await ann.open(), await ann.open()];
    await Promise.all([leaving.online(), staying.online()]);
    await backEnd.call('send', { as: 'ben', room: 'room', text: 'before' });
    await expect.poll(() => staying.texts(), patiently).toEqual(['before']);
    await expect.poll(() => staying.call('stored'), patiently).toBe(1);
    await leaving.call('signOut');
    expect([await leaving.call('stored'), await leaving.call('status')]).toEqual([0, 'closed live']);
    await backEnd.call('send', { as: 'ben', room: 'room', text: 'after' });
    await expect.poll(() => staying.texts(), patiently).toEqual(['before', 'after']);
    await staying.send('mine');
    // All that would be written is written when the page goes.
    await staying.page.evaluate(() => dispatchEvent(new Event('pagehide')));
    await expect.poll(() => backEnd.texts(), patiently).toEqual(['before', 'after', 'mine']);
    await expect.poll(() => staying.call('waiting'), patiently).toBe(0);
    expect([await staying.call('stored'), await staying.call('kept'), await staying.call('status')]).toEqual([
      0,
      0,
      'online live',
    ]);
  });

  test('files go out with progress and in order; what the server refuses harms nothing else', async () => {
    const ann = await person('ann');
    const tab = await ann.open();
    await tab.online();
    await tab.call('sendFile', 'a picture', 'a.png', 'image/png', 1_900_000);
    await tab.call('sendFile', 'too large', 'b.png', 'image/png', 2_500_000);
    await tab.call('sendFile', 'no picture', 'c.exe', 'application/x-msdownload', 1_000);
    await tab.send('after them');
    await tab.send('x'.repeat(100_000));
    await tab.send('last');
    await expect.poll(() => backEnd.texts(), patiently).toEqual(['a picture', 'after them', 'last']);
    await expect
      .poll(() => tab.call('failures'), patiently)
      .toMatchObject([{ text: 'too large', code: 606 }, { text: 'no picture', code: 618 }, { code: 606 }]);
    expect(await tab.call('uploads')).toMatchObject([
      { name: 'b.png', state: 'failed', code: 606 },
      { name: 'c.exe', state: 'failed', code: 618 },
    ]);
    const { messages } = await backEnd.call('messages', { room: 'room' });
    expect(messages[0].attachments).toMatchObject([{ name: 'a.png', bytes: 1_900_000, contentType: 'image/png' }]);
    // The bytes are not told only at the end.
    expect((await tab.list('progress')).some((sent) => Number(sent) > 0)).toBe(true);
    await tab.call('discardFailed');
    expect(await tab.call('failures')).toEqual([]);
  });

  test('a file that waits survives a reload, and the server’s death while it is on its way', async () => {
    const ann = await person('ann');
    const tab = await ann.open();
    await tab.online();
    await server.kill9();
    await tab.call('sendFile', 'kept', 'a.png', 'image/png', 1_900_000);
    await tab.send('after it');
    await expect.poll(() => tab.call('uploads'), patiently).toMatchObject([{ name: 'a.png', state: 'waiting' }]);
    await expect.poll(() => tab.call('kept'), patiently).toBe(2);
    await tab.load();
    await expect.poll(() => tab.texts(), patiently).toEqual(['kept', 'after it']);
    await server.restart();
    await expect
      .poll(() => backEnd.call('messages', { room: 'room' }).then(({ messages }) => (messages as object[]).length), {
        interval: 5,
        ...patiently,
      })
      .toBeGreaterThan(0);
    await server.kill9();
    await server.restart();
    await expect.poll(() => backEnd.texts(), patiently).toEqual(['kept', 'after it']);
    const { messages } = await backEnd.call('messages', { room: 'room' });
    expect(messages[0].attachments).toMatchObject([{ name: 'a.png', bytes: 1_900_000 }]);
  });

  test('the cache and the outbox keep their law on the IndexedDB of a real browser', async () => {
    const suites = await servePage(await buildPage('suites'));
    const page = await browser.newPage();
    await page.goto(suites.url);
    const results = await page.evaluate(() => (globalThis as unknown as { runTests: RunTests }).runTests());
    await page.close();
    suites.close();
    expect(results.filter(({ problem }) => problem !== undefined)).toEqual([]);
    expect(results.length).toBeGreaterThan(20);
  });
});
