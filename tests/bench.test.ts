/**
 * The benchmarks in small: every scenario runs against a real server with authentication on, and nothing is lost or
 * doubled. Figures are not judged here but for one bound that only a broken delivery path would pass.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { benchSecret, endpoints, serverCommand } from '../bench/contestants.ts';
import { documentation, type Results } from '../bench/report.ts';
import { ServerProcess } from '../bench/server-process.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const hasCompiler = process.platform === 'linux' && spawnSync('gcc', ['--version'], { stdio: 'ignore' }).status === 0;

interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a TypeScript file of the tree; ends it after `limitMs`. */
async function runNode(limitMs: number, ...args: string[]): Promise<Outcome> {
  const child = spawn(process.execPath, ['--conditions=tidings-source', ...args], { cwd: root, timeout: limitMs });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const code = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
  return { code, stdout, stderr };
}

describe('tidings bench', () => {
  let server: ServerProcess;
  beforeAll(async () => {
    server = await ServerProcess.start(serverCommand('tidings'));
  });
  afterAll(() => server?.stop());

  const bench = (...args: string[]) => {
    const url = `ws://127.0.0.1:${server.port}${endpoints.tidings}`;
    const common = ['--url', url, '--duration', '1', '--json', '--server-pid', String(server.pid)];
    return runNode(50_000, 'packages/cli/src/main.ts', 'bench', ...args, ...common);
  };
  const withToken = ['--secret', benchSecret()];

  test.each([
    ['fanout', ['-n', '200'], { subscribers: 200, lost: 0, doubled: 0, dropped: 0 }],
    ['fanout', ['-n', '200', '--rate', '50', '--protobuf'], { subscribers: 200, lost: 0, doubled: 0, dropped: 0 }],
    ['idle', ['-n', '200'], { connections: 200, dropped: 0 }],
    ['churn', ['-n', '8'], { concurrency: 8, failed: 0 }],
    ['recover', ['-n', '200', '--channel', 'recover', '--channels', '5'], { lost: 0, doubled: 0, reset: 0, failed: 0 }],
    ['recover', ['-n', '50', '--channel', 'recover:9', '--protobuf'], { lost: 0, doubled: 0, reset: 0, failed: 0 }],
  ])('%s %j loses nothing', async (scenario, args, expected) => {
    const { code, stdout, stderr } = await bench(scenario, ...args, ...withToken);
    expect({ code, stderr }).toMatchObject({ code: 0 });
    expect(JSON.parse(stdout)).toMatchObject({ scenario, ...expected });
  });

  test('says why a server refuses', async () => {
    const nobody = await bench('fanout', '-n', '2');
    expect(nobody.code).toBe(1);
    expect(nobody.stderr).toMatch(/closed by the server: 35\d\d/);
    const unrecoverable = await bench('recover', '-n', '2', ...withToken);
    expect(unrecoverable.code).toBe(1);
    expect(unrecoverable.stderr).toContain('channel bench has no recovery');
  });
});

describe.skipIf(!hasCompiler && !process.env['CI'])('npm run bench (needs gcc)', () => {
  test('measures every scenario and loses nothing', { timeout: 240_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tidings-bench-'));
    try {
      const file = join(folder, 'results.json');
      const { code, stdout, stderr } = await runNode(230_000, 'bench/run.ts', '--quick', '--json', file);
      expect({ code, stderr, stdout }).toMatchObject({ code: 0 });
      const results = JSON.parse(readFileSync(file, 'utf8')) as Results;
      const { scenarios } = results;
      expect(Object.keys(scenarios)).toEqual([
        'fanout',
        'lone',
        'idle',
        'recover',
        'churn',
        'rules',
        'rules-fanout',
        'chat-send',
        'chat-latency',
        'chat-read',
      ]);
      const [perDelivery] = scenarios['fanout']?.targets ?? [];
      // The aim is 1.25; a server that encodes or frames once per subscriber is beyond this on any machine.
      expect(perDelivery?.value).toBeLessThan(6);

      const files = documentation(results);
      const images = [...(files.get('benchmarks.md') ?? '').matchAll(/!\[.+?\]\((.+?)\)/g)].map(([, image]) => image);
      expect(images).toEqual(Object.keys(scenarios).map((name) => `benchmarks-${name}.svg`));
      for (const image of images) expect(files.get(image ?? '')).toMatch(/^<svg (?!.*(NaN|undefined)).*<\/svg>\n$/s);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
