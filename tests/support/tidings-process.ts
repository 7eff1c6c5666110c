/**
 * A real server as a process of its own: what system tests talk to, kill and start again.
 *
 * Processes end with the test file that started them. When a test fails, what they printed is shown.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { ConfigInput } from '@tidings/server';
import { afterAll, afterEach } from 'vitest';
import { freePort } from './free-port.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const readyTimeoutMs = 20_000;

export interface TidingsOptions {
  /** `dev` opens every channel and serves the demo page; `serve` is production. */
  readonly command?: 'serve' | 'dev';
  /** What to write into the configuration file; port and data directory are added. */
  readonly config?: ConfigInput;
  readonly port?: number;
  readonly env?: Readonly<Record<string, string>>;
}

const started = new Set<TidingsProcess>();

afterEach(({ task }) => {
  if (task.result?.state !== 'fail') return;
  for (const server of started) console.error(`── output of the server on port ${server.port}\n${server.output}`);
});

afterAll(async () => {
  await Promise.all([...started].map((server) => server.remove()));
});

export class TidingsProcess {
  readonly port: number;
  readonly folder: string;
  readonly #options: TidingsOptions;
  #child: ChildProcess | undefined;
  #output = '';

  private constructor(options: TidingsOptions, port: number, folder: string) {
    this.#options = options;
    this.port = port;
    this.folder = folder;
  }

  /**
   * Starts a server and resolves when it serves.
   * @throws Error with everything it printed, if it ends first or is not ready within 20 s.
   */
  static async start(options: TidingsOptions = {}): Promise<TidingsProcess> {
    const folder = await mkdtemp(join(tmpdir(), 'tidings-server-'));
    const server = new TidingsProcess(options, options.port ?? (await freePort()), folder);
    started.add(server);
    await server.#run();
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Everything printed since the first start. */
  get output(): string {
    return this.#output;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Asks it to end. @returns its exit code, or the name of the signal that ended it. */
  stop(): Promise<number | string> {
    return this.#end('SIGTERM');
  }

  /** Ends it as a power cut would: nothing is flushed, nobody is told. */
  async kill9(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Starts it again after `stop` or `kill9`: same port, same configuration, same data. */
  async restart(): Promise<void> {
    if (this.#child) throw new Error('still running: stop or kill it first');
    await this.#run();
  }

  /** Ends it and removes its folder. */
  async remove(): Promise<void> {
    await this.kill9();
    await rm(this.folder, { recursive: true, force: true });
    started.delete(this);
  }

  async #run(): Promise<void> {
    const { command = 'serve', config, env } = this.#options;
    const args = ['--conditions=tidings-source', 'packages/cli/src/main.ts', command];
    if (config || command === 'serve') {
      const file = join(this.folder, 'tidings.json');
      const listen = { ...config?.listen, port: this.port };
      await writeFile(file, JSON.stringify({ dataDir: join(this.folder, 'data'), ...config, listen }));
      args.push('--config', file);
    }
    const child = spawn(process.execPath, args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...withoutTidingsVariables(process.env),
        PORT: String(this.port),
        TIDINGS_DATA: join(this.folder, 'data'),
        ...env,
      },
    });
    this.#child = child;
    const collect = (chunk: Buffer): void => void (this.#output += chunk.toString());
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    child.once('exit', () => {
      if (this.#child === child) this.#child = undefined;
    });
    await once(child, 'spawn');
    await this.#ready();
  }

  async #ready(): Promise<void> {
    const until = performance.now() + readyTimeoutMs;
    for (;;) {
      if (!this.#child) throw new Error(`the server ended before it served:\n${this.#output}`);
      const answer = await fetch(`${this.url}/health`).catch(() => undefined);
      await answer?.body?.cancel();
      if (answer?.ok) return;
      if (performance.now() > until) {
        await this.kill9();
        throw new Error(`the server was not ready after ${readyTimeoutMs} ms:\n${this.#output}`);
      }
      await sleep(25);
    }
  }

  async #end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | string> {
    const child = this.#child;
    if (!child) return 'not running';
    const exited = once(child, 'exit') as Promise<[number | null, string | null]>;
    child.kill(signal);
    const [code, by] = await exited;
    return code ?? by ?? 'unknown';
  }
}

/** What the person who runs the tests has set must not change what is tested. */
function withoutTidingsVariables(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('TIDINGS_') && name !== 'PORT'));
}
