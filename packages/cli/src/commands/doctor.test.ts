import { spawnSync } from 'node:child_process';
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseConfig } from '@tidings/server';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkDataDir, checkNode, checkOpenFiles, checkPort, checkReachable } from '../doctor/checks.ts';
import { runInProcess } from '../testing/run-command.ts';

let cwd: string;
let server: Server;
let port: number;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'tidings-doctor-'));
  server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ({ port } = server.address() as AddressInfo);
});
afterAll(async () => {
  server.close();
  await rm(cwd, { recursive: true });
});

describe('checks', () => {
  test('Node', () => {
    expect(checkNode('24.0.0').status).toBe('ok');
    expect(checkNode('20.19.0')).toMatchObject({ status: 'fail', remedy: 'install Node 24 or newer' });
  });

  test('open files, measured by the connections wanted', () => {
    const wanted = (connections: number) => parseConfig({ limits: { connections } }).config;
    expect(checkOpenFiles(1024, wanted(0))).toMatchObject({
      status: 'warn',
      detail: '1024 at most, so about 24 connections',
    });
    expect(checkOpenFiles(1024, wanted(20)).status).toBe('ok');
    expect(checkOpenFiles(20_000, wanted(0)).status).toBe('ok');
    expect(checkOpenFiles(20_000, wanted(50_000)).remedy).toContain('51000');
    expect(checkOpenFiles(undefined, wanted(0)).status).toBe('ok');
  });

  test('ports', async () => {
    expect(await checkPort('listen', '127.0.0.1', port)).toMatchObject({
      status: 'warn',
      detail: 'taken: something listens there',
    });
    expect((await checkPort('listen', '127.0.0.1', 0)).status).toBe('ok');
    expect((await checkPort('listen', '203.0.113.1', 8000)).remedy).toContain('listen.host');
  });

  test('the data directory', async () => {
    await writeFile(join(cwd, 'file'), '');
    expect((await checkDataDir('./data/deep', cwd)).detail).toContain('which will be made');
    expect(await checkDataDir('.', cwd)).toMatchObject({ status: 'ok', detail: cwd });
    expect((await checkDataDir('./file', cwd)).status).toBe('fail');
    if (process.getuid?.() !== 0) {
      await mkdir(join(cwd, 'closed'));
      await chmod(join(cwd, 'closed'), 0o500);
      expect((await checkDataDir('./closed/data', cwd)).status).toBe('fail');
    }
  });

  test('addresses of the application', async () => {
    expect((await checkReachable('hooks.rpc.url', `http://127.0.0.1:${port}/rpc`)).status).toBe('ok');
    expect(await checkReachable('hooks.rpc.url', 'http://127.0.0.1:1/rpc')).toMatchObject({
      status: 'fail',
      detail: 'not reachable (ECONNREFUSED)',
    });
  });
});

describe('doctor', () => {
  test('every line is ok, warn or fail, with a remedy; a failure makes the exit code 1', async () => {
    const env = {
      PORT: String(port),
      TIDINGS_HOOKS_RPC_URL: 'http://127.0.0.1:1/rpc',
      TIDINGS_DATA: join(cwd, 'data'),
    };
    const { code, stdout } = await runInProcess(['doctor'], { cwd, env });
    expect(code).toBe(1);
    expect(stdout).toMatch(/^ok {4}Node: /m);
    expect(stdout).toMatch(/^ok {4}data directory: /m);
    expect(stdout).toMatch(/^warn {2}listen 127\.0\.0\.1:\d+: taken/m);
    expect(stdout).toMatch(
      /^fail {2}hooks\.rpc\.url 127\.0\.0\.1:1: not reachable \(ECONNREFUSED\)\n {6}-> start the application/m,
    );
  });

  test('without a failure it exits with 0', async () => {
    expect((await runInProcess(['doctor', '--port', '0'], { cwd })).code).toBe(0);
  });

  test('a configuration with problems is a failure', async () => {
    const { code, stdout } = await runInProcess(['doctor'], { cwd, env: { PORT: 'x' } });
    expect(code).toBe(1);
    expect(stdout).toContain('fail  configuration: environment variable PORT listen.port: found "x"');
  });

  test('certificates that expire soon, or have another key', async () => {
    const made = (name: string, days: string) =>
      spawnSync('openssl', [
        ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=localhost'],
        ...['-days', days, '-keyout', join(cwd, `${name}.key`), '-out', join(cwd, `${name}.crt`)],
      ]).status === 0;
    if (!made('short', '2') || !made('long', '100')) return;
    const examine = async (certificate: string, key: string) => {
      const env = {
        PORT: '0',
        TIDINGS_LISTEN_TLS_CERT_FILE: join(cwd, `${certificate}.crt`),
        TIDINGS_LISTEN_TLS_KEY_FILE: join(cwd, `${key}.key`),
      };
      return (await runInProcess(['doctor'], { cwd, env })).stdout;
    };
    expect(await examine('short', 'short')).toMatch(/^warn {2}TLS certificate: expires on/m);
    expect(await examine('long', 'long')).toMatch(/^ok {4}TLS certificate: valid until/m);
    expect(await examine('long', 'short')).toMatch(/^fail {2}TLS certificate: .* is not the key of/m);
  });
});
