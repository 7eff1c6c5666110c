/** The front ends of docs/add-chat.md, in a browser: with the page's back end in Node, behind the same address. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { describeWithChromium, launchChromium } from '../support/chromium.ts';
import { Examples } from '../support/documents.ts';
import { ExampleProgram } from '../support/example-program.ts';
import { freePort } from '../support/free-port.ts';
import { at, configOf, newFolder, patience, secrets, shell, startEngine, started } from './running.ts';
import { Workbench } from './workbench.ts';

const waiting = { timeout: 15_000 };
const html =
  '<!doctype html><html lang="en"><body><div id="root" style="height: 90vh"></div><script type="module" src="/main.tsx"></script></body></html>';
/** An app around the page's component, and the room without React beside it. */
const main = `
import { createClient } from '@tidings/client';
import { createRoot } from 'react-dom/client';
import { ProjectChat } from './project-chat.tsx';
import { showPlain } from './plain.ts';
if (location.search === '?plain') {
  const client = createClient({ url: 'http://127.0.0.1:8000', getToken: async () => (await fetch('/chat/token')).text() });
  client.connect();
  window.say = showPlain(client);
  window.connectionStatus = () => client.connection.state.get().status;
} else {
  createRoot(document.querySelector('#root')).render(<ProjectChat project={7} />);
}
`;

describeWithChromium('docs/add-chat.md', () => {
  const examples = new Examples(['docs/add-chat.md']);
  let browser: Browser;
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser.close());

  test('with React and without, people who are logged in talk in the room of a project', async () => {
    const config = examples.code('add-chat-config').replace('https://app.example.com', "'http://127.0.0.1:*'");
    const { port } = await startEngine(await configOf(config));
    const backEndPort = await freePort();
    const folder = await newFolder();
    await writeFile(join(folder, 'sessions.json'), examples.code('add-chat-sessions'));
    const backEnd = at(port, examples.code('add-chat-node')).replaceAll('3000', String(backEndPort));
    await writeFile(join(folder, 'back-end.mjs'), backEnd);
    started(new ExampleProgram(process.execPath, ['back-end.mjs'], { cwd: folder, env: secrets }));
    await shell(at(port, examples.code('add-chat-room')));
    const here = (code: string): string =>
      at(port, code).replaceAll('https://rt.example.com', `http://127.0.0.1:${port}`);
    await using workbench = await Workbench.with({
      'index.html': html,
      'main.tsx': here(main),
      'project-chat.tsx': here(examples.code('add-chat-react')),
      'plain.ts': `export const showPlain = (client) => {\n${examples.code('add-chat-plain')}\nreturn say;\n};\n`,
    });
    const url = await workbench.serve({ proxy: { '/chat': { target: `http://127.0.0.1:${backEndPort}` } } });
    await expect.poll(() => fetch(`${url}/chat/token`).then(({ status }) => status), patience).toBe(401);

    const enter = async (session: string, query = '') => {
      const context = await browser.newContext();
      if (session !== '') await context.addCookies([{ name: 'session', value: session, url }]);
      const page = await context.newPage();
      await page.goto(`${url}/${query}`);
      return page;
    };
    const [ann, ben] = [await enter('s-1'), await enter('s-2', '?plain')];
    await ann.getByRole('textbox').fill('Shall we ship it?');
    await ann.keyboard.press('Enter');
    await ben.getByText('ann: Shall we ship it?').waitFor(waiting);
    await ben.evaluate('void say("Yes")');
    await ann.getByText('Yes').first().waitFor(waiting);

    // Who is not logged in sees nothing of it.
    const stranger = await (await browser.newContext()).newPage();
    const refused = stranger.waitForResponse(/chat\/token/);
    await stranger.goto(`${url}/?plain`);
    expect((await refused).status()).toBe(401);
    await expect.poll(() => stranger.evaluate('connectionStatus()'), waiting).toBe('closed');
    expect(await stranger.locator('li').count()).toBe(0);
  });
});
