/** A room of 10,000 messages: scrolled from its end to its beginning, and read from any place in it. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ChatApp, waiting } from '../support/chat-app.ts';
import type { ChatPage } from '../support/chat-page.ts';
import { describeWithChromium, launchChromium } from '../support/chromium.ts';

const count = 10_000;
/** So much a long room may cost the page. */
const maxRows = 60;
const maxTaskMs = 100;
const root = fileURLToPath(new URL('../..', import.meta.url));

let browser: Browser;
let app: ChatApp;
let ann: ChatPage;

/** Of one line to many, as people write. */
const textOf = (i: number): string => `message ${i} ${'and some words more '.repeat((i * 7) % 19)}`.trim();

/** Imports the room as somebody who comes from elsewhere does. */
async function importRoom(): Promise<void> {
  const at = Date.now() - count * 60_000;
  const people = ['ann', 'ben', 'carl', 'dora'];
  const lines: object[] = [
    ...people.map((id) => ({ type: 'user', id, name: id[0]?.toUpperCase() + id.slice(1) })),
    { type: 'room', id: 'large', kind: 'group', name: 'Large', createdBy: 'ann' },
    ...people.map((user) => ({ type: 'member', room: 'large', user, role: user === 'ann' ? 'owner' : 'member' })),
  ];
  for (let i = 1; i <= count; i++) {
    const text = `message ${i} ${'and some words more '.repeat((i * 7) % 19)}`.trim();
    lines.push({
      type: 'message',
      room: 'large',
      id: `m${i}`,
      sender: people[(i >> 2) % 4],
      at: at + i * 60_000,
      text,
    });
  }
  const file = join(app.server.folder, 'large.jsonl');
  await writeFile(file, lines.map((line) => JSON.stringify(line)).join('\n'));
  await promisify(execFile)(
    process.execPath,
    ['--conditions=tidings-source', 'packages/cli/src/main.ts', 'chat', 'import', file],
    { cwd: root, env: { ...process.env, TIDINGS_DATA: join(app.server.folder, 'data') } },
  );
}

/** Counts rows in the page from now on. @returns how to learn how many there were at most. */
async function countRows({ page }: ChatPage): Promise<() => Promise<number>> {
  await page.evaluate(() => {
    const scope = globalThis as unknown as { mostRows: number };
    const look = (): void => {
      scope.mostRows = Math.max(scope.mostRows, document.querySelectorAll('.app-conversation .tidings-row').length);
    };
    scope.mostRows = 0;
    look();
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true });
  });
  return () => page.evaluate(() => (globalThis as unknown as { mostRows: number }).mostRows);
}

interface TraceEvent {
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  /** Processor time, in microseconds. */
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

/**
 * Does something and finds the task that held up the page for longest. Counted is the time that the page's thread was
 * working, not that it waited for other programs of a busy machine: on a quiet one these are the same.
 */
async function longestTaskMs({ page }: ChatPage, work: () => Promise<void>): Promise<number> {
  await browser.startTracing(page, { categories: ['-*', 'disabled-by-default-devtools.timeline'] });
  await work();
  const trace = JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: TraceEvent[] };
  const threadOf = ({ pid, tid }: TraceEvent): string => `${pid} ${tid}`;
  const pages = trace.traceEvents.filter(({ args }) => args?.name === 'CrRendererMain').map(threadOf);
  const tasks = trace.traceEvents.filter((event) => event.name === 'RunTask' && pages.includes(threadOf(event)));
  // What was under way at the first or the last moment has no time.
  const times = tasks.flatMap(({ tdur }) => (tdur === undefined ? [] : [tdur / 1_000]));
  expect(times.length).toBeGreaterThan(Math.max(10, tasks.length * 0.9));
  return Math.max(...times);
}

/** Turns the wheel so often, or until the beginning is there. @returns whether it is. */
async function scrollUp({ page, feed }: ChatPage, turns: number): Promise<boolean> {
  const box = await feed.boundingBox();
  await page.mouse.move((box?.x ?? 0) + 200, (box?.y ?? 0) + 200);
  const isAtTop = async (): Promise<boolean> =>
    (await feed.getByText('This is the beginning.').count()) > 0 &&
    (await feed.evaluate(({ scrollTop }) => scrollTop)) === 0;
  for (let turn = 0; turn < turns; turn++) {
    if (await isAtTop()) return true;
    await page.mouse.wheel(0, -2_500);
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => resolve(undefined))));
  }
  return isAtTop();
}

describeWithChromium('a room of 10,000 messages', () => {
  beforeAll(async () => {
    browser = await launchChromium();
    app = await ChatApp.start(browser);
    await importRoom();
    ann = await app.person('Ann', 'large');
    await ann.message(textOf(count)).waitFor();
  }, 180_000);
  afterAll(async () => {
    await app?.close();
    await browser?.close();
  });

  test('is scrolled to its top: few rows at any time, and no long task', { timeout: 900_000 }, async () => {
    await ann.page.reload();
    await ann.message(textOf(count)).waitFor();
    const mostRows = await countRows(ann);
    let [isAtTop, longestMs] = [false, 0];
    // A piece at a time: a trace of everything is too large.
    for (let piece = 0; piece < 100 && !isAtTop; piece++) {
      const taskMs = await longestTaskMs(ann, async () => {
        isAtTop = await scrollUp(ann, 50);
      });
      longestMs = Math.max(longestMs, taskMs);
    }
    expect(isAtTop).toBe(true);
    expect(await ann.texts()).toContain(textOf(1));
    const rows = await mostRows();
    expect(rows).toBeGreaterThan(5);
    expect(rows).toBeLessThan(maxRows);
    expect(longestMs).toBeLessThanOrEqual(maxTaskMs);
  });

  test('shows the middle when it is asked for, and goes on in both directions', async () => {
    await ann.go('#/room/large?message=5000');
    await ann.message(textOf(5_000)).waitFor();
    const seqs = async (): Promise<number[]> =>
      (await ann.feed.locator('[data-seq]').evaluateAll((all) => all.map((one) => one.getAttribute('data-seq')))).map(
        Number,
      );
    const box = await ann.feed.boundingBox();
    await ann.page.mouse.move((box?.x ?? 0) + 200, (box?.y ?? 0) + 200);
    for (const [step, isThere] of [
      [-1_000, (found: number[]) => Math.min(...found) < 4_900],
      [1_000, (found: number[]) => Math.max(...found) > 5_100],
    ] as const) {
      await expect
        .poll(async () => {
          await ann.page.mouse.wheel(0, step);
          return isThere(await seqs());
        }, waiting)
        .toBe(true);
    }
    // The message that was asked for keeps the keyboard, and is there wherever one reads.
    const found = (await seqs()).filter((seq) => seq !== 5_000);
    expect(found).toEqual(found.map((_, i) => (found[0] ?? 0) + i));
    await ann.page.getByRole('button', { name: 'Jump to the latest message' }).click();
    await ann.message(textOf(count)).waitFor();
  });
});
