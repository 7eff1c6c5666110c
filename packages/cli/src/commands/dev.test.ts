/** Where the chat app and its sign-in are, and where they are not. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { spawnCommand } from '../testing/run-command.ts';

let cwd: string;
let child: ReturnType<typeof spawnCommand> | undefined;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'tidings-dev-'));
});
afterEach(async () => {
  child?.kill('SIGKILL');
  await child?.ended;
  await rm(cwd, { recursive: true });
});

/** @returns where it listens. */
async function start(args: readonly string[], configuration: string): Promise<string> {
  await writeFile(join(cwd, 'tidings.config.yaml'), configuration);
  child = spawnCommand([...args, '--port', '0'], { cwd });
  const [, port] = await child.output(/(?:Health\s+http:\/\/127\.0\.0\.1:|"port":)(\d+)/);
  return `http://127.0.0.1:${port}`;
}

async function statuses(url: string): Promise<Record<string, number>> {
  const asked = { '/dev/sign-in': '{"name":"Ann"}', '/dev/token': '{"user":"ann"}' };
  const found: Record<string, number> = {};
  for (const [path, body] of Object.entries(asked)) {
    found[path] = (await fetch(url + path, { method: 'POST', body })).status;
  }
  found['/'] = (await fetch(`${url}/`, { redirect: 'manual' })).status;
  found['/demo/'] = (await fetch(`${url}/demo/`)).status;
  return found;
}

const nothing = { '/dev/sign-in': 404, '/dev/token': 404, '/': 404, '/demo/': 404 };

test('in development mode there is the chat app, and the demo of the engine', async () => {
  const url = await start(['dev'], 'log: { level: info }\n');
  expect(await statuses(url)).toMatchObject({ '/dev/sign-in': 200, '/dev/token': 200, '/demo/': 200 });
});

test('without chat there is the demo of the engine alone', async () => {
  const url = await start(['dev'], 'chat: { enabled: false }\n');
  expect(await statuses(url)).toEqual({ '/dev/sign-in': 404, '/dev/token': 404, '/': 302, '/demo/': 200 });
});

test('--no-demo: nothing of it', async () => {
  const url = await start(['dev', '--no-demo'], '');
  expect(await statuses(url)).toEqual(nothing);
});

test('in production there is nothing of it', async () => {
  const secret = 'z'.repeat(32);
  const url = await start(['serve'], `auth: { jwt: { hmacSecret: ${secret} } }\nchat: { enabled: true }\n`);
  expect(await statuses(url)).toEqual(nothing);
});
