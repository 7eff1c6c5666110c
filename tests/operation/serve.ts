/**
 * `tidings serve` as an operator runs it: a process with a configuration file, signals, and a log that is read. Ports
 * are free ones, found in the log. Processes end with the test file that started them.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ConfigInput } from '@tidings/server';
import { afterAll, afterEach } from 'vitest';
import { until, within, type Json } from '../bad-input/peers.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

export const secrets = {
  hmac: 'hmac-secret-that-no-log-line-may-show',
  apiKey: 'api-key-that-no-log-line-may-show',
};

/** Open to anybody on `open:*`; what a test says is put over it, section by section. */
export const openConfig = {
  listen: { port: 0 },
  auth: { anonymous: true, jwt: { hmacSecret: secrets.hmac } },
  api: { keys: [secrets.apiKey] },
  channels: { 'open:{name}': { allow: { subscribe: 'anyone', publish: 'anyone' } } },
} as const satisfies ConfigInput;

const started = new Set<Serve>();

afterEach(({ task }) => {
  if (task.result?.state !== 'fail') return;
  for (const serve of started) console.error(`── output of process ${serve.pid}\n${serve.stdout}${serve.stderr}`);
});

afterAll(async () => {
  await Promise.all([...started].map((serve) => serve.remove()));
});

interface Address {
  readonly port: number;
}

export class Serve {
  readonly folder: string;
  stdout = '';
  stderr = '';
  /** Exit code, or the name of the signal that ended it. */
  exit: Promise<number | string> = Promise.resolve('not started');
  #child: ChildProcess | undefined;
  #runs = 0;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** Starts a process and resolves when it serves. */
  static async start(config: ConfigInput = {}): Promise<Serve> {
    const serve = await Serve.prepare();
    await serve.configure(config);
    await serve.run();
    return serve;
  }

  /** A folder, and nothing that runs. */
  static async prepare(): Promise<Serve> {
    const serve = new Serve(await mkdtemp(join(tmpdir(), 'tidings-serve-')));
    started.add(serve);
    return serve;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  get lines(): Json[] {
    return this.stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Json);
  }

  get port(): number {
    return this.#listening('public').port;
  }

  get internalPort(): number {
    return this.#listening('internal').port;
  }

  get websocketUrl(): string {
    return `ws://127.0.0.1:${this.port}/connection/websocket`;
  }

  configure(config: ConfigInput): Promise<void> {
    const whole = { dataDir: join(this.folder, 'data'), ...openConfig, ...config };
    return this.write(`${JSON.stringify(whole, null, 2)}\n`);
  }

  write(text: string): Promise<void> {
    return writeFile(join(this.folder, 'tidings.json'), text);
  }

  /** Spawns it, and waits until it serves. */
  async run(): Promise<void> {
    this.spawn();
    this.#runs++;
    const ended = this.exit.then(() => true);
    const listening = until(() => this.#announcements().length >= this.#runs, 'the server listens', 20_000);
    if (await Promise.race([ended, listening])) throw new Error(`it ended:\n${this.stdout}${this.stderr}`);
  }

  spawn(): void {
    const main = join(root, 'packages/cli/src/main.ts');
    const child = spawn(
      process.execPath,
      ['--conditions=tidings-source', main, 'serve', '--config', join(this.folder, 'tidings.json')],
      {
        cwd: root,
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { PATH: process.env['PATH'] },
      },
    );
    child.stdout.setEncoding('utf8').on('data', (text: string) => (this.stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
    this.exit = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        this.#child = undefined;
        resolve(code ?? signal ?? 'unknown');
      });
    });
    this.#child = child;
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }

  /** Asks it to read its configuration again; resolves with the line that says how that went. */
  async reload(): Promise<Json> {
    const already = this.lines.length;
    const outcome = () =>
      this.lines.slice(already).find(({ msg }) => /^configuration (not )?reloaded/.test(String(msg)));
    this.signal('SIGHUP');
    await until(() => outcome() !== undefined, 'the configuration is read again');
    return outcome() as Json;
  }

  /** Resolves when the log has a line like this. */
  async line(match: (line: Json) => boolean, what: string): Promise<Json> {
    await until(() => this.lines.some(match), `a line in the log: ${what}`);
    return this.lines.find(match) as Json;
  }

  ended(limitMs?: number): Promise<number | string> {
    return within(this.exit, 'the process ends', limitMs);
  }

  get(path: string, port: number = this.port): Promise<Response> {
    return within(fetch(`http://127.0.0.1:${port}${path}`), `GET ${path}`);
  }

  api(method: string, body: Json, { key = secrets.apiKey, port = this.port } = {}): Promise<Response> {
    const headers = { 'x-api-key': key };
    return within(
      fetch(`http://127.0.0.1:${port}/api/${method}`, { method: 'POST', headers, body: JSON.stringify(body) }),
      method,
    );
  }

  async remove(): Promise<void> {
    this.signal('SIGKILL');
    await this.exit;
    await rm(this.folder, { recursive: true, force: true });
    started.delete(this);
  }

  #announcements(): Json[] {
    // The last line may have arrived in part.
    const whole = this.stdout.slice(0, this.stdout.lastIndexOf('\n') + 1);
    return whole
      .split('\n')
      .filter((line) => line.includes('"msg":"listening"'))
      .map((line) => JSON.parse(line) as Json);
  }

  #listening(which: 'public' | 'internal'): Address {
    return this.#announcements().at(-1)?.[which] as Address;
  }
}
