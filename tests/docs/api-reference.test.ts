/**
 * `npm run docs:api` makes the API reference without a warning, and whatever the SDK exports has a word about it. Props of a
 * component need none: the component has one, and so have they where their names do not say it.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import { root } from '../support/documents.ts';
import { Workbench } from './workbench.ts';

interface Reflection {
  readonly name: string;
  readonly comment?: object;
  readonly children?: readonly Reflection[];
  readonly signatures?: readonly Reflection[];
}

let modules: readonly Reflection[];
let output: string;
let pages: string[];

beforeAll(async () => {
  await using workbench = await Workbench.with({});
  const [html, json] = [join(workbench.folder, 'html'), join(workbench.folder, 'api.json')];
  const args = [join(root, 'scripts/api-reference.mjs'), '--html', html, '--json', json];
  const made = await promisify(execFile)(process.execPath, args, { cwd: root }).catch((error: object) => error);
  output = Object.values(made as { stdout: string; stderr: string }).join('\n');
  const { children } = JSON.parse(await readFile(json, 'utf8')) as Reflection;
  modules = children ?? [];
  pages = ['index.html', 'modules/_tidings_client.html', 'functions/_tidings_client.createClient.html'].filter((page) =>
    existsSync(join(html, page)),
  );
});

test('it is made without a warning', () => {
  expect(output).not.toMatch(/warning|error/i);
  expect(pages).toHaveLength(3);
  expect(modules.map(({ name }) => name)).toEqual([
    '@tidings/client',
    '@tidings/react',
    '@tidings/server',
    '@tidings/vue',
  ]);
});

test.each(['@tidings/client', '@tidings/react', '@tidings/vue'])('every export of %s has a doc comment', (name) => {
  const exports = modules.find((module) => module.name === name)?.children ?? [];
  expect(exports.length).toBeGreaterThan(10);
  const isDocumented = ({ comment, signatures = [] }: Reflection): boolean =>
    comment !== undefined || signatures.some((signature) => signature.comment !== undefined);
  const silent = exports.filter((each) => !isDocumented(each) && !each.name.endsWith('Props'));
  expect(silent.map((each) => each.name)).toEqual([]);
});
