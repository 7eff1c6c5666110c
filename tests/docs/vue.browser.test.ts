/** docs/vue.md and examples/vue-chat: built by Vite, and used in a browser against a real server. */
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEngine, createLogger, developmentConfig, type Engine } from '@tidings/server';
import vue from '@vitejs/plugin-vue';
import type { Browser, Page } from 'playwright-core';
import { build, preview, type PreviewServer } from 'vite';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { describeWithChromium, launchChromium } from '../support/chromium.ts';
import { blocksOf, root } from '../support/documents.ts';
import { TidingsProcess } from '../support/tidings-process.ts';
import { at, mint, secret } from './running.ts';
import { Workbench } from './workbench.ts';

const waiting = { timeout: 10_000 };
let browser: Browser;
const problems: string[] = [];

async function newPage(): Promise<Page> {
  const page = await (await browser.newContext()).newPage();
  page.on('pageerror', (error) => problems.push(error.message));
  return page;
}

describeWithChromium('Vue', () => {
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser.close());
  afterEach(async () => {
    for (const context of browser.contexts()) await context.close();
    expect(problems.splice(0)).toEqual([]);
  });

  describeWithChromium('docs/vue.md', () => {
    /** Mounts the block of the query, with a client around it unless it has its own. */
    const main = `
import { createClient } from '@tidings/client';
import { provideTidings } from '@tidings/vue';
import { createApp } from 'vue';
const query = new URLSearchParams(location.search);
const { default: Block } = await import.meta.glob('./*.vue')['./' + query.get('block') + '.vue']();
const app = createApp(Block);
if (!query.has('alone')) {
  const client = createClient({ url: 'http://127.0.0.1:8000', getToken: async () => (await fetch('/chat/token')).text() });
  client.connect();
  provideTidings(client, app);
}
app.mount('#app');
`;
    const blocks = blocksOf('docs/vue.md').filter(({ language }) => language === 'vue');
    const used = new Set(['vue-room']); // Which vue-app shows.
    let folder: string;
    let engine: Engine;
    let workbench: Workbench;
    let url: string;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'tidings-vue-'));
      engine = createEngine({
        logger: createLogger('silent'),
        config: developmentConfig({
          listen: { port: 0 },
          dataDir: folder,
          auth: { jwt: { hmacSecret: secret } },
          chat: { enabled: true },
        }),
      });
      await engine.start();
      const weekend = { kind: 'group', id: 'weekend', name: 'Weekend', members: ['ann'] };
      await engine.call('chat.createRoom', weekend, { as: 'ben' });
      await engine.call('chat.send', { room: 'weekend', text: 'Who is coming?' }, { as: 'ben' });
      const port = engine.address?.port ?? 0;
      workbench = await Workbench.with({
        'index.html': '<!doctype html><div id="app"></div><script type="module" src="/main.js"></script>',
        'main.js': at(port, main),
        ...Object.fromEntries(blocks.map(({ name, code }) => [`${name}.vue`, at(port, code)])),
      });
      url = await workbench.serve({ plugins: [vue()] });
    });
    afterAll(async () => {
      await workbench?.[Symbol.asyncDispose]();
      await engine?.stop();
      await rm(folder, { recursive: true });
    });

    async function open(name: string, { alone = false } = {}): Promise<Page> {
      used.add(name);
      const page = await newPage();
      await page.route('**/chat/token', (route) => route.fulfill({ body: mint({ sub: 'ann' }) }));
      await page.goto(`${url}/?block=${name}${alone ? '&alone' : ''}`);
      return page;
    }

    test('a list of rooms', async () => {
      const page = await open('vue-rooms');
      await page.getByText('1 unread').waitFor(waiting);
      await page.getByText('Weekend (1)').waitFor(waiting);
    });

    test('a first room', async () => {
      const page = await open('vue-app', { alone: true });
      await page.getByRole('heading', { name: 'Weekend' }).waitFor(waiting);
      await page.getByText('ben Who is coming?').waitFor(waiting);
      await page.getByRole('textbox').fill('Me, from Vue');
      await page.getByRole('button', { name: 'Send' }).click();
      await page.getByText(/ann Me, from Vue (sent|delivered|read)/).waitFor(waiting);
      await engine.call('chat.typing', { room: 'weekend' }, { as: 'ben' });
      await page.getByText('ben …').waitFor(waiting);
    });

    test('a draft, from one device to the other', async () => {
      const page = await open('vue-draft');
      await page.getByLabel('Message').fill('Half a sen');
      const drafts = (): Promise<unknown> => engine.call('chat.drafts', {}, { as: 'ann' });
      await expect.poll(drafts, waiting).toMatchObject({ drafts: [{ text: 'Half a sen' }] });
      await engine.call('chat.setDraft', { room: 'weekend', text: 'A whole one' }, { as: 'ann' });
      await expect.poll(() => page.getByLabel('Message').inputValue(), waiting).toBe('A whole one');
    });

    test('every block was used', () => {
      expect(blocks.map(({ name }) => name).filter((name = '') => !used.has(name))).toEqual([]);
    });
  });

  describeWithChromium('examples/vue-chat', () => {
    let server: TidingsProcess;
    let site: PreviewServer;
    let outDir: string;

    beforeAll(async () => {
      server = await TidingsProcess.start({ command: 'dev', config: { chat: { enabled: true } } });
      outDir = await mkdtemp(join(tmpdir(), 'tidings-vue-chat-'));
      process.env['TIDINGS_URL'] = server.url;
      const own = {
        root: join(root, 'examples/vue-chat'),
        build: { outDir, emptyOutDir: true },
        logLevel: 'silent' as const,
      };
      await build(own);
      site = await preview({ ...own, preview: { host: '127.0.0.1', port: 0 } });
      delete process.env['TIDINGS_URL'];
    });
    afterAll(async () => {
      await site?.close();
      await server?.stop();
      await rm(outDir, { recursive: true });
    });

    async function enter(name: string): Promise<Page> {
      const page = await newPage();
      await page.goto(`http://127.0.0.1:${(site.httpServer.address() as AddressInfo).port}/`);
      await page.getByLabel('Your name').fill(name);
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('button', { name: /^General/ }).click();
      await page.getByRole('heading', { name: 'General' }).waitFor(waiting);
      return page;
    }

    const write = async (page: Page, text: string): Promise<void> => {
      await page.getByLabel('Message').fill(text);
      await page.getByRole('button', { name: 'Send' }).click();
    };

    test('two people write to each other, react, and go on after the server was away', async () => {
      const ann = await enter('Ann');
      const ben = await enter('Ben');
      await write(ann, 'Hello from Ann');
      const heard = ben.locator('li', { hasText: 'Hello from Ann' });
      await heard.last().waitFor(waiting);
      await ben.getByLabel('Message').pressSequentially('Hi');
      await ann.locator('.typing', { hasText: 'ben' }).waitFor(waiting);
      await write(ben, 'Hello from Ben');
      await ann.locator('li', { hasText: 'Hello from Ben' }).last().waitFor(waiting);
      await heard.last().getByTitle('Like').click();
      await ann.locator('[data-state] footer', { hasText: '👍 1' }).waitFor(waiting);

      await server.kill9();
      await ann.getByText('No connection.').waitFor({ timeout: 20_000 });
      await write(ann, 'Written offline');
      await ann.locator('[data-state="sending"]', { hasText: 'Written offline' }).waitFor(waiting);
      await server.restart();
      await ben.locator('li', { hasText: 'Written offline' }).last().waitFor({ timeout: 40_000 });
      expect(await ben.locator('ol li', { hasText: 'Written offline' }).count()).toBe(1);
    }, 120_000);
  });
});
