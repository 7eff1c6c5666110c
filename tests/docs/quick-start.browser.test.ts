/**
 * docs/quick-start.md as somebody follows it: `tidings dev`, the files of the page, `npx vite`, two people. And what
 * README.md shows of it.
 */
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { describeWithChromium, launchChromium } from '../support/chromium.ts';
import { Examples, root } from '../support/documents.ts';
import { ExampleProgram } from '../support/example-program.ts';
import { freePort } from '../support/free-port.ts';
import { TidingsProcess } from '../support/tidings-process.ts';
import { at, patience, started } from './running.ts';
import { Workbench } from './workbench.ts';

const waiting = { timeout: 20_000 };

describeWithChromium('docs/quick-start.md', () => {
  const examples = new Examples(['docs/quick-start.md']);
  const problems: string[] = [];
  let browser: Browser;
  let server: TidingsProcess;

  beforeAll(async () => {
    browser = await launchChromium();
    server = await TidingsProcess.start({ command: 'dev' });
  });
  afterAll(async () => {
    await browser.close();
    await server.stop();
    expect(examples.left).toEqual([]);
  });
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
    expect(problems.splice(0)).toEqual([]);
  });

  /** Starts `npx vite <folder>`. @returns the URL that it prints for people to open. */
  async function runVite(workbench: Workbench): Promise<string> {
    const [, vite, ...args] = examples.code('quick-vite-run').replace('my-chat', workbench.folder).split(' ');
    const port = await freePort();
    const program = [join(root, `node_modules/${vite}/bin/vite.js`), ...args, '--port', String(port), '--strictPort'];
    const running = started(new ExampleProgram(process.execPath, program));
    // Where it believes that somebody looks on, as in CI, it prints in colours.
    await expect.poll(() => stripVTControlCharacters(running.output), patience).toMatch(/http:\/\/localhost:\d+/);
    const url = `http://localhost:${port}`;
    // When Vite sees a page for the first time, it may load it once more.
    const first = await open(url, 'First');
    await first.waitForLoadState('networkidle', waiting);
    await first.close();
    return url;
  }

  async function open(url: string, name: string): Promise<Page> {
    const page = await (await browser.newContext()).newPage();
    page.on('pageerror', (error) => problems.push(`${name}: ${error.message}`));
    await page.goto(`${url}/?name=${name}`);
    return page;
  }

  test('with React: two people write to each other, also while the server is away', async () => {
    await using workbench = await Workbench.with({
      'index.html': examples.code('quick-html'),
      'vite.config.ts': at(server.port, examples.code('quick-vite')),
      'main.tsx': at(server.port, examples.code('quick-main')),
    });
    const url = await runVite(workbench);
    const [ann, ben] = [await open(url, 'Ann'), await open(url, 'Ben')];
    for (const page of [ann, ben]) await page.getByRole('button', { name: /General/ }).click(waiting);
    const write = async (page: Page, text: string): Promise<void> => {
      await page.getByRole('textbox').fill(text, waiting);
      await page.keyboard.press('Enter');
    };
    await write(ann, 'Hello from Ann');
    await ben.getByText('Hello from Ann').first().waitFor(waiting);
    await write(ben, 'Hello from Ben');
    await ann.getByText('Hello from Ben').first().waitFor(waiting);

    await server.stop();
    await write(ann, 'It waits');
    await ann.getByText('It waits').first().waitFor(waiting);
    await server.restart();
    await ben.getByText('It waits').first().waitFor({ timeout: 40_000 });
  }, 120_000);

  test('README.md: a room with React', async () => {
    await using workbench = await Workbench.with({
      'index.html': examples.code('quick-html'),
      'main.tsx': at(server.port, new Examples(['README.md']).code('readme-react')),
    });
    const url = await workbench.serve();
    const body = JSON.stringify({ name: 'Cem' });
    const signedIn = await fetch(`${server.url}/dev/sign-in`, { method: 'POST', body });
    const { token } = (await signedIn.json()) as { token: string };
    const page = await (await browser.newContext()).newPage();
    page.on('pageerror', (error) => problems.push(error.message));
    await page.route('**/chat/token', (route) => route.fulfill({ body: token }));
    await page.goto(url);
    await page.getByRole('textbox').fill('As in the README', waiting);
    await page.keyboard.press('Enter');
    await page
      .locator('[data-own][data-state="sent"], [data-own][data-state="delivered"], [data-own][data-state="read"]', {
        hasText: 'As in the README',
      })
      .waitFor(waiting);
  });

  test('without a framework', async () => {
    await using workbench = await Workbench.with({
      'index.html': examples.code('quick-html').replace('main.tsx', 'main.ts'),
      'vite.config.ts': at(server.port, examples.code('quick-vite')),
      'main.ts': at(server.port, examples.code('quick-plain')),
    });
    const url = await runVite(workbench);
    const [ann, ben] = [await open(url, 'Ann'), await open(url, 'Ben')];
    await ben.locator('li').first().waitFor(waiting);
    await ann.locator('input').fill('Plain hello');
    await ann.keyboard.press('Enter');
    await ann.getByText(/ann: Plain hello \((sent|delivered|read)\)/).waitFor(waiting);
    await ben.getByText('ann: Plain hello (received)').waitFor(waiting);
  });
});
