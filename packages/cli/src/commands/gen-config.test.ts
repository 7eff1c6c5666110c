import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { configTree, describeConfig, loadConfig } from '@tidings/server';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { configurationPage } from '../configuration-page.ts';
import { runInProcess, spawnCommand } from '../testing/run-command.ts';

let cwd: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'tidings-gen-'));
});
afterEach(async () => {
  await rm(cwd, { recursive: true });
});

async function generate(format: string): Promise<string> {
  const { code, stdout } = await runInProcess(['gen-config', '--format', format]);
  expect(code).toBe(0);
  return stdout;
}

describe('gen-config', () => {
  test.each(['yaml', 'json', 'ts'])('%s loads without a problem in a process of its own', async (format) => {
    await writeFile(join(cwd, `tidings.config.${format}`), await generate(format));
    const { code, stdout, stderr } = await spawnCommand(['check-config'], { cwd }).ended;
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('mode      production');
    expect(stdout).toContain('connect   with a token');
    expect(stdout).toMatch(
      /^chat:\{room\}\s+authenticated\s+subscribers\s+subscribers\s+subscribers\s+history 100\/1d/m,
    );
  });

  test.each(['yaml', 'json'])('%s says nothing but defaults, secrets and an example channel', async (format) => {
    await writeFile(join(cwd, `tidings.config.${format}`), await generate(format));
    const { config } = await loadConfig({ cwd, env: {} });
    const { config: bare } = await loadConfig({ cwd: '/', env: {} });
    const { auth, api, channels, ...rest } = config;
    const { auth: _auth, api: _api, channels: _channels, ...defaults } = bare;
    expect(rest).toEqual(defaults);
    expect(Object.keys(channels)).toEqual(['chat:{room}']);
    expect(auth.jwt?.hmacSecret).toHaveLength(43);
    expect(api.keys).toHaveLength(1);
    expect(api.keys[0]).not.toBe(auth.jwt?.hmacSecret);
  });

  test('secrets are new every time', async () => {
    expect(await generate('yaml')).not.toBe(await generate('yaml'));
  });

  test('every key stands in it, with its description', async () => {
    for (const format of ['yaml', 'ts']) {
      const written = await generate(format);
      for (const node of describeConfig()) {
        // Under a name of the operator's choice.
        if (node.description === undefined) continue;
        expect(written).toContain(node.description);
        expect(written).toMatch(new RegExp(`^\\s*(#|// )?${node.name}: ?`, 'm'));
      }
    }
  });

  test('what is commented out is right when it is not', async () => {
    const written = (await generate('yaml')).replaceAll(/^(\s*)#(?=\w)/gm, '$1');
    const value = parse(written) as Record<string, unknown>;
    expect(Object.keys(value)).toEqual(configTree.children.map(({ name }) => name));
    expect(value['internal']).toEqual({ port: 8001, host: '127.0.0.1' });
    expect(value['hooks']).toMatchObject({
      rpc: { url: 'http://127.0.0.1:3000/tidings/rpc', timeout: '3s', retries: 0 },
    });
  });
});

describe('docs/configuration.md', () => {
  test('is what gen-config --docs writes', async () => {
    const page = await readFile(new URL('../../../../docs/configuration.md', import.meta.url), 'utf8');
    expect(page, 'out of date: tidings gen-config --docs > docs/configuration.md').toBe(configurationPage());
    expect((await runInProcess(['gen-config', '--docs'])).stdout).toBe(page.trimEnd());
  });

  test('names every key and every variable', () => {
    const page = configurationPage();
    for (const { key, env, kind, description } of describeConfig()) {
      if (kind !== 'map' && description !== undefined) expect(page).toContain(`- \`${key}\`: `);
      for (const name of env) expect(page).toContain(`\`${name}\``);
    }
  });
});
