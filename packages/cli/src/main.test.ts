import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { version } from '@tidings/server';
import { describe, expect, test } from 'vitest';
import { runInProcess, spawnCommand } from './testing/run-command.ts';
import { wantsColour } from './terminal.ts';

const names = [
  'dev',
  'serve',
  'check-config',
  'rules',
  'gen-config',
  'token',
  'publish',
  'tail',
  'events',
  'doctor',
  'bench',
];

describe('help', () => {
  test('lists every command', async () => {
    for (const args of [['--help'], ['-h'], ['help']]) {
      const { code, stdout } = await runInProcess(args);
      expect(code).toBe(0);
      for (const name of names) expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
    }
  });

  test.each(names)('tidings %s --help says what it does and lists its options', async (name) => {
    const { code, stdout } = await runInProcess([name, '--help']);
    expect(code).toBe(0);
    expect(stdout).toContain(`Usage: tidings ${name}`);
    expect(stdout).toContain('-h, --help');
    expect(await runInProcess(['help', name])).toEqual({ code, stdout, stderr: '' });
  });

  test('without a command it shows help and fails', async () => {
    expect(await runInProcess([])).toMatchObject({
      code: 2,
      stdout: expect.stringContaining('Usage: tidings <command>'),
    });
  });

  test('--version', async () => {
    expect(await runInProcess(['--version'])).toEqual({ code: 0, stdout: version, stderr: '' });
  });
});

describe('wrong usage exits with 2 and says what would be right', () => {
  test.each([
    [['sevre'], 'did you mean serve?'],
    [['constructor'], 'there is no command "constructor"'],
    [['help', 'chek-config'], 'did you mean check-config?'],
    [['token', '--usr', '42'], 'did you mean --user?'],
    [['token', '--user'], '--user'],
    [['token'], '--user is missing'],
    [['token', '--user', '1', '--ttl', 'soon'], '--ttl is "soon"; valid is a duration'],
    [['token', '--user', '1', '--info', 'Ann'], '--info is "Ann"; valid is JSON'],
    [['token', '--user', '1', '--channel', 'a', '--channels', 'b'], 'use one of them'],
    [['token', '--user', '1'], 'no auth.jwt.hmacSecret'],
    [['gen-config', '--format', 'toml'], 'valid: yaml, json, ts'],
    [['serve', 'now'], 'unexpected argument "now"'],
    [['dev', '--port', '99999'], 'a whole number from 0 to 65535'],
    [['publish', 'news'], 'give a channel and JSON'],
    [['publish', 'news', 'Hello'], 'the data is no JSON'],
    [['publish', 'news', '1', '--url', 'ftp://x'], 'valid is http://'],
    [['events', 'revive'], 'valid are list, retry, drop'],
    [['events', 'retry'], 'tidings events retry <id…>, or --all'],
    [['events', 'drop', 'e1', '--all'], 'tidings events drop <id…>, or --all'],
    [['tail'], 'at least one channel'],
    [['tail', 'news', '--url', 'nowhere'], 'valid is ws://'],
    [['tail', 'news', '--history', 'all'], '--history is "all"'],
    [['check-config', 'a', 'b'], 'name one file'],
    [['rules'], 'say what to do: check, test, explain'],
    [['rules', 'chek'], 'did you mean check?'],
    [['rules', 'check', 'a', 'b'], 'name one file'],
    [['rules', 'check', '--coverage', '9'], 'tidings rules check takes no --coverage'],
    [['rules', 'test', '--coverage', 'all'], 'a whole number from 0 to 100'],
    [['rules', 'explain', 'subscribe'], 'give an action and a channel'],
    [['rules', 'explain', 'enter', 'news'], 'valid: subscribe, publish'],
    [['rules', 'explain', 'publsh', 'news'], 'did you mean publish?'],
    [['rules', 'explain', 'publish', 'news', '--data', 'Hi'], '--data is "Hi"; valid is JSON'],
    [['rules', 'explain', 'history', 'news', '--data', '1'], '--data is for publish and receive'],
    [['rules', 'explain', 'history', 'news', '--now', 'noon'], '--now is "noon"; valid is a time'],
    [['rules', 'explain', 'history', 'news', '--claim', 'role'], '--claim is "role"; valid is name=value'],
    [['rules', 'explain', 'history', 'news', '--claim', 'role=x'], 'rules.auth declares no such claim'],
    [['rules', 'explain', 'history', 'news', '--given', 'member=a'], 'there is no such relation'],
  ])('%j', async (args, message) => {
    const { code, stdout, stderr } = await runInProcess(args);
    expect(code).toBe(2);
    expect(stderr).toContain(message);
    expect(stderr).toMatch(/See tidings /);
    expect(stdout).toBe('');
  });
});

test('a configuration with problems exits with 2 and prints them', async () => {
  const env = { TIDINGS_LISTEN_PROT: '1' };
  for (const name of ['serve', 'dev', 'check-config']) {
    const { code, stderr } = await runInProcess([name], { env });
    expect(code).toBe(2);
    expect(stderr).toContain('TIDINGS_LISTEN_PORT (did you mean that?)');
  }
});

test('check-config shows long rules in one short line', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tidings-check-'));
  const file = join(folder, 'tidings.config.json');
  const rule = `auth.uid == "u1" ||\n  auth.uid in [${'"another", '.repeat(20)}"one"]`;
  const channels = { 'room:{id}': { allow: { subscribe: rule, publish: 'auth.uid != ""' } } };
  await writeFile(file, JSON.stringify({ auth: { anonymous: true }, channels }));
  const { code, stdout } = await runInProcess(['check-config', file]);
  await rm(folder, { recursive: true });
  expect(code).toBe(0);
  expect(stdout).toMatch(/room:\{id\} {2}auth\.uid == "u1" \|\| auth\.uid in \["anoth… {2}auth\.uid != "" {2}/);
});

test('serve refuses development mode', async () => {
  const { code, stderr } = await runInProcess(['serve'], { env: { TIDINGS_MODE: 'development' } });
  expect(code).toBe(2);
  expect(stderr).toContain('environment variable TIDINGS_MODE  mode');
  expect(stderr).toContain('tidings dev');
});

test('development mode is refused where others could reach it', async () => {
  const { code, stderr } = await runInProcess(['dev', '--host', '0.0.0.0']);
  expect(code).toBe(2);
  expect(stderr).toContain('command line  listen.host\n    found "0.0.0.0" in development mode');
});

test('it runs as a process, without colour when its output is no terminal', async () => {
  const outcome = await spawnCommand(['token', '--usr', '1'], { env: { FORCE_COLOR: '1' } }).ended;
  expect(outcome).toEqual({
    code: 2,
    stdout: '',
    stderr: 'tidings: unknown option --usr; did you mean --user?\nSee tidings token --help\n',
  });
});

test('bin/tidings.mjs runs the sources and passes arguments and exit codes', () => {
  const bin = fileURLToPath(new URL('../bin/tidings.mjs', import.meta.url));
  const { status, stdout } = spawnSync(process.execPath, [bin, 'check-config'], {
    encoding: 'utf8',
    cwd: '/',
    env: { PATH: process.env['PATH'], PORT: 'x' },
  });
  expect([status, stdout]).toEqual([2, '']);
});

test('colour is for terminals that want it', () => {
  expect(wantsColour({ isTTY: true }, {})).toBe(true);
  expect(wantsColour({ isTTY: true }, { NO_COLOR: '1' })).toBe(false);
  expect(wantsColour({ isTTY: true }, { NO_COLOR: '' })).toBe(true);
  expect(wantsColour({ isTTY: true }, { TERM: 'dumb' })).toBe(false);
  expect(wantsColour({}, {})).toBe(false);
});
