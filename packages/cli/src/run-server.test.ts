import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEngine, createLogger, loadConfig } from '@tidings/server';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { Reloader } from './run-server.ts';
import { spawnCommand } from './testing/run-command.ts';

let cwd: string;
const children: ReturnType<typeof spawnCommand>[] = [];
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'tidings-server-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  await rm(cwd, { recursive: true });
});

const configure = (source: string) => writeFile(join(cwd, 'tidings.config.yaml'), source);
function start(...args: string[]) {
  const child = spawnCommand(args, { cwd });
  children.push(child);
  return child;
}

describe('Reloader', () => {
  async function prepare() {
    const lines: Record<string, unknown>[] = [];
    const logger = createLogger('info', {
      write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>),
    });
    let loads = 0;
    const load = () => {
      loads++;
      return loadConfig({ cwd, env: {} });
    };
    await configure('channels:\n  one: {}\n');
    const { config } = await load();
    const engine = createEngine({ config, logger, listen: false });
    await engine.start();
    onTestFinished(() => engine.stop());
    const exists = async (channel: string) =>
      engine.publish(channel, 1).then(
        () => true,
        () => false,
      );
    return { reloader: new Reloader(engine, config, load, logger), lines, exists, loads: () => loads };
  }

  test('puts a new configuration in force', async () => {
    const { reloader, exists } = await prepare();
    expect([await exists('one'), await exists('two')]).toEqual([true, false]);
    await configure('channels:\n  two: {}\n');
    await reloader.reload();
    expect([await exists('one'), await exists('two')]).toEqual([false, true]);
  });

  test('keeps the old one if there is a problem, and says which', async () => {
    const { reloader, lines, exists } = await prepare();
    await configure('channels:\n  two: {}\nlisten: { port: x }\n');
    await reloader.reload();
    expect([await exists('one'), await exists('two')]).toEqual([true, false]);
    expect(lines.at(-1)).toMatchObject({
      level: 'error',
      msg: 'configuration not reloaded: the old one stays in force',
      problems: ['tidings.config.yaml:3:17 listen.port found "x"; valid: a whole number from 0 to 65535'],
    });
  });

  test('names what waits for a restart', async () => {
    const { reloader, lines } = await prepare();
    await configure('listen: { port: 1 }\nmetrics: { enabled: false }\nchat: { limits: { page: 700 } }\n');
    await reloader.reload();
    expect(lines.at(-1)).toMatchObject({ level: 'warn', sections: ['listen', 'metrics', 'chat'] });
  });

  test('many calls at once are two loads: the one under way, and one for what came later', async () => {
    const { reloader, loads } = await prepare();
    const before = loads();
    await Promise.all(Array.from({ length: 10 }, () => reloader.reload()));
    expect(loads() - before).toBe(2);
  });
});

describe('as a process', () => {
  test('dev says where to look, and ends with 0 on SIGTERM', async () => {
    const server = start('dev', '--port', '0');
    const [, url] = await server.output(/Health\s+(http:\/\/127\.0\.0\.1:\d+)\/health\n[^]*curl/);
    expect((await fetch(`${url}/health`)).status).toBe(200);
    const body = '{"channel":"lobby","data":1}';
    expect((await fetch(`${url}/api/publish`, { method: 'POST', body })).status).toBe(200);
    server.kill('SIGTERM');
    const { code, stdout } = await server.ended;
    expect(code).toBe(0);
    expect(stdout).toContain('DEVELOPMENT MODE');
  });

  test('serve reloads on SIGHUP, keeps what works, and a doubled SIGINT is one', async () => {
    await configure('listen: { port: 0 }\n');
    const server = start('serve');
    await server.output(/"msg":"listening"/);
    await configure('listen: { port: zero }\n');
    server.kill('SIGHUP');
    await server.output(/listen\.port found \\"zero\\".*the old one stays in force/);
    await configure('listen: { port: 0 }\n');
    server.kill('SIGHUP');
    await server.output(/"msg":"configuration reloaded"/);
    server.kill('SIGINT');
    server.kill('SIGINT');
    expect((await server.ended).code).toBe(0);
  });

  test('a port that is taken is named, with what to do', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as AddressInfo;
    const { code, stderr } = await start('dev', '--port', String(port)).ended;
    taken.close();
    expect(code).toBe(1);
    expect(stderr).toBe(
      `tidings: port ${port} on 127.0.0.1 is taken by another program. Set another one: PORT or --port, or listen.port in the configuration.\n`,
    );
  });
});
