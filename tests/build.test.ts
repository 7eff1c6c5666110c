/** What `npm run build` makes is what people install: it runs without the sources. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';

const run = promisify(execFile);
const root = fileURLToPath(new URL('..', import.meta.url));
const built = join(root, 'build', 'node_modules');

beforeAll(() => run(process.execPath, ['scripts/build.mjs'], { cwd: root }), 300_000);

const evaluate = (program: string) =>
  run(process.execPath, ['--input-type=module', '--eval', program], { cwd: join(root, 'build') });

test('the built packages run by themselves', async () => {
  const help = await run(process.execPath, ['build/node_modules/tidings/bin/tidings.mjs', '--help'], { cwd: root });
  expect(help.stdout).toContain('Run the server in production');

  const embedded = await evaluate(`
    import { createEngine } from '@tidings/server';
    const config = { mode: 'development', auth: { anonymous: true }, listen: { port: 0 }, log: { level: 'silent' },
      channels: { '{name}': { history: { size: 10 } } } };
    await using engine = createEngine({ config });
    await engine.start();
    await engine.publish('news', { hello: 'world' });
    const history = await fetch('http://127.0.0.1:' + engine.address.port + '/api/history', {
      method: 'POST', body: JSON.stringify({ channel: 'news', limit: 1 }) });
    console.log(import.meta.resolve('@tidings/server'), JSON.stringify((await history.json()).result.publications[0].data));
  `);
  expect(embedded.stdout).toMatch(/build\/node_modules\/@tidings\/server\/dist\/index\.js \{"hello":"world"\}/);
});

test('the built client, React and Vue packages can be loaded, each from its own files', async () => {
  const { stdout } = await evaluate(`
    import { createClient } from '@tidings/client';
    import * as react from '@tidings/react';
    import * as vue from '@tidings/vue';
    for (const name of ['client', 'react', 'vue']) console.log(import.meta.resolve('@tidings/' + name));
    await using client = createClient({ url: 'http://127.0.0.1:1', user: 'ann', storage: 'memory' });
    console.log(client.connection.state.get().status, typeof react.MessageList, typeof vue.useStore);
  `);
  for (const name of ['client', 'react', 'vue'])
    expect(stdout).toContain(`build/node_modules/@tidings/${name}/dist/index.js`);
  expect(stdout).toMatch(/idle (function|object) function/);
});

test('their types are whole for who uses them', async () => {
  const program = `
    import { createClient, type ChatRoom } from '@tidings/client';
    import { MessageList, TidingsProvider, useRooms } from '@tidings/react';
    import { useStore } from '@tidings/vue';
    const client = createClient({ url: 'https://chat.example.com' });
    export const room: ChatRoom = client.chat.room('lobby');
    export const used = [MessageList, TidingsProvider, useRooms, useStore];
    // @ts-expect-error there is no such option
    createClient({ url: 'https://chat.example.com', colour: 'red' });
  `;
  const file = join(root, 'build', 'consumer.ts');
  await writeFile(file, program);
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  const options = [
    '--noEmit',
    '--strict',
    '--module',
    'nodenext',
    '--target',
    'es2024',
    '--types',
    'react',
    '--jsx',
    'react-jsx',
    '--lib',
    'es2024,esnext.disposable,dom',
    '--ignoreConfig',
  ];
  const { stdout } = await run(process.execPath, [compiler, ...options, file], { cwd: root }).catch(
    (failed: Error & { readonly stdout: string }) => ({ stdout: failed.stdout || failed.message }),
  );
  expect(stdout).toBe('');
});

test('what is published holds what its manifest names, styles too, and nothing of the sources or tests', async () => {
  for (const name of [
    '@tidings/protocol',
    '@tidings/server',
    '@tidings/client',
    '@tidings/react',
    '@tidings/vue',
    'tidings',
  ]) {
    const folder = join(built, name);
    const manifest = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as {
      readonly files: readonly string[];
      readonly exports: Readonly<Record<string, Readonly<Record<string, string>>>>;
    };
    const named = Object.values(manifest.exports).flatMap((conditions) => Object.values(conditions));
    expect(
      [...named, ...manifest.files].filter((path) => !existsSync(join(folder, path))),
      name,
    ).toEqual([]);
    const files = await readdir(folder, { recursive: true });
    expect(
      files.filter((file) => /\.test\.|(^|\/)src(\/|$)/.test(file)),
      name,
    ).toEqual([]);
  }
  const styles = await readFile(join(built, '@tidings/react/dist/styles.css'), 'utf8');
  const imported = [...styles.matchAll(/@import '(.+?)'/g)].map(([, path = '']) => path);
  expect(imported.length).toBeGreaterThan(0);
  expect(imported.filter((path) => !existsSync(join(built, '@tidings/react/dist', path)))).toEqual([]);
});
