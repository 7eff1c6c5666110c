/**
 * `npm start` on a copy of the tree, as somebody who has just cloned it would run it: it comes up, says where to look,
 * warns that it is open, and ends when told to.
 */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { freePort } from './support/free-port.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
/** With the time for building the chat app on a busy machine. */
const waiting = { timeout: 50_000 };

let tree: string;
let child: ChildProcess | undefined;
let output = '';
let url: string;

beforeAll(async () => {
  tree = await mkdtemp(join(tmpdir(), 'tidings-start-'));
  await copyTree();
});

afterEach(async ({ task }) => {
  if (task.result?.state === 'fail') console.error(output);
  // The group: npm, its shell, the script and the server.
  if (child?.pid !== undefined) {
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // All gone, as it should be.
    }
  }
});

afterAll(() => rm(tree, { recursive: true, force: true }));

/** Sources are copied, installed packages linked; the project's own packages must be those of the copy. */
async function copyTree(): Promise<void> {
  const { stdout } = await promisify(execFile)(
    'git',
    ['ls-files', '-z', '--cached', '--others', '--exclude-standard'],
    {
      cwd: root,
      maxBuffer: 64 * 1024 * 1024,
    },
  );
  for (const file of stdout.split('\0').filter((name) => name !== '')) {
    await mkdir(dirname(join(tree, file)), { recursive: true });
    // A file that is deleted but not committed yet is still listed.
    await cp(join(root, file), join(tree, file)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error;
    });
  }
  const modules = join(tree, 'node_modules');
  await mkdir(modules);
  for (const entry of await readdir(join(root, 'node_modules'), { withFileTypes: true })) {
    const from = join(root, 'node_modules', entry.name);
    const own = entry.name === '@tidings' || entry.name === 'tidings';
    if (own || entry.isFile()) await cp(from, join(modules, entry.name), { recursive: true, verbatimSymlinks: true });
    else await symlink(from, join(modules, entry.name));
  }
  for (const folder of ['packages', 'examples']) {
    for (const name of await readdir(join(root, folder))) {
      const nested = join(folder, name, 'node_modules');
      if (existsSync(join(root, nested))) await symlink(join(root, nested), join(tree, nested));
    }
  }
}

async function start(command: string, args: readonly string[]): Promise<void> {
  const port = await freePort();
  url = `http://127.0.0.1:${port}`;
  output = '';
  child = spawn(command, args, {
    cwd: tree,
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, PORT: String(port), TIDINGS_DATA: join(tree, 'data') },
  });
  const collect = (chunk: Buffer): void => void (output += chunk.toString());
  child.stdout?.on('data', collect);
  child.stderr?.on('data', collect);
  await expect.poll(() => status('/health'), waiting).toBe(200);
}

async function status(path: string): Promise<number | undefined> {
  const response = await fetch(`${url}${path}`).catch(() => undefined);
  await response?.body?.cancel();
  return response?.status;
}

test('npm start comes up, says where to look and warns; SIGTERM to npm leaves nothing running', async () => {
  await start('npm', ['start']);
  const place = new RegExp(`http://(localhost|127\\.0\\.0\\.1):${new URL(url).port}`);
  await expect.poll(() => output, waiting).toMatch(place);
  expect(output).toMatch(/development/i);
  expect(output).toMatch(/never|do not|not for production|anyone|everybody/i);

  const page = await fetch(`${url}/`);
  expect(page.status).toBe(200);
  expect(page.headers.get('content-type')).toContain('text/html');
  const html = await page.text();
  expect(html).toContain('<title>Tidings</title>');
  // Everything the page needs is served from here.
  for (const [, path] of html.matchAll(/(?:src|href)="([^":]+)"/g)) {
    expect({ path, status: await status(new URL(path ?? '', `${url}/`).pathname) }).toEqual({ path, status: 200 });
  }

  // Nothing of another server, and no script that stands in the page itself.
  const policy = page.headers.get('content-security-policy') ?? '';
  expect(policy).toContain("default-src 'none'; script-src 'self';");
  expect(policy).not.toContain('unsafe');
  expect(html).not.toMatch(/<script(?![^>]*\ssrc=)|\son\w+=|\sstyle=/);
  const signedIn = await fetch(`${url}/dev/sign-in`, { method: 'POST', body: '{"name":"Ann"}' });
  expect(await signedIn.json()).toMatchObject({ user: 'ann' });
  expect(await status('/demo/')).toBe(200);

  child?.kill('SIGTERM');
  await expect.poll(() => status('/health'), waiting).toBeUndefined();
});

test('SIGTERM ends it with exit code 0', async () => {
  await start(process.execPath, ['scripts/start.mjs']);
  const exited = once(child as ChildProcess, 'exit');
  child?.kill('SIGTERM');
  expect(await exited).toEqual([0, null]);
});
