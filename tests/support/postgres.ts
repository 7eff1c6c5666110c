/**
 * A real PostgreSQL server for tests: a data folder of its own, a free port, 127.0.0.1 only. It can be killed, frozen
 * and started again, with the same port and the same data. `fsync` stays on, so that what was committed is there.
 */
import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, chownSync, constants, readFileSync, readdirSync, realpathSync, rmSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { describe, type SuiteAPI } from 'vitest';
import { freePort } from './free-port.ts';

const readyTimeoutMs = 30_000;
const debianFolder = '/usr/lib/postgresql';

export interface PostgresOptions {
  /** A locale of the system (`C.UTF-8`, the default), or one of ICU: `icu:en-US`. Text sorts by it where no `COLLATE` says otherwise. */
  readonly locale?: string;
  /** Further settings of the server: `{ max_connections: '20' }`. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** A running server. Every test file stops its own. */
export interface PostgresServer {
  /** With user and password: `postgres://tidings:…@127.0.0.1:port/tidings`. */
  readonly url: string;
  readonly port: number;
  /** Everything the server has logged. */
  readonly output: string;
  /** Empties the database of `url`: faster than making one. */
  empty(): Promise<void>;
  /** Makes an empty database on this server. @returns its URL. */
  createDatabase(): Promise<string>;
  /** Removes a database that `createDatabase` made. Many of them make a start after `kill` slow: every file is flushed. */
  dropDatabase(url: string): Promise<void>;
  /** Stops it in order and starts it again: connections break. */
  restart(): Promise<void>;
  /** Ends it as a power cut would: nothing is flushed. */
  kill(): Promise<void>;
  /** Starts it after `kill`. */
  start(): Promise<void>;
  /** Freezes every process of it: connections are taken by the kernel, and nobody answers. */
  freeze(): void;
  /** Ends `freeze`. */
  thaw(): void;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

/** Where `initdb` and `postgres` are: on the PATH, else where Debian has them, the newest; undefined: nowhere. */
export function postgresFolder(): string | undefined {
  const onPath = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => hasPrograms(folder));
  const first = onPath[0];
  // A link leads to the folder whose neighbours (share, lib) the programs need.
  if (first !== undefined) return dirname(realpathSync(join(first, 'initdb')));
  return debianVersions()
    .map((version) => join(debianFolder, version, 'bin'))
    .find((folder) => hasPrograms(folder));
}

/** `describe`, skipped with a word where there is no PostgreSQL. In CI the tests run and fail instead. */
export const describeWithPostgres: SuiteAPI | SuiteAPI['skip'] =
  postgresFolder() !== undefined || isCi() ? describe : skipping();

/**
 * Makes a data folder and starts a server on it. As root the server runs as `postgres` or `nobody`, since it refuses
 * root.
 * @throws Error with what it printed, if it cannot be made or is not ready within 30 s.
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<PostgresServer> {
  const programs = postgresFolder();
  if (programs === undefined) throw new Error(`PostgreSQL is missing: no initdb on the PATH or in ${debianFolder}`);
  const owner = otherUser();
  const folder = await mkdtemp(join(tmpdir(), 'tidings-postgres-'));
  try {
    if (owner) chownSync(folder, owner.uid, owner.gid);
    const server = new Server(programs, folder, owner, await freePort(), options);
    await server.create();
    await server.start();
    return server;
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

interface User {
  readonly uid: number;
  readonly gid: number;
}

class Server implements PostgresServer {
  readonly port: number;
  readonly #programs: string;
  readonly #folder: string;
  readonly #spawnOptions: SpawnOptions;
  readonly #options: PostgresOptions;
  #child: ChildProcess | undefined;
  #output = '';
  #databases = 0;
  readonly #atExit = (): void => {
    this.thaw();
    this.#child?.kill('SIGQUIT');
    rmSync(this.#folder, { recursive: true, force: true });
  };

  constructor(programs: string, folder: string, owner: User | undefined, port: number, options: PostgresOptions) {
    this.#programs = programs;
    this.#folder = folder;
    this.#spawnOptions = { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], ...owner };
    this.#options = options;
    this.port = port;
  }

  get url(): string {
    return this.#urlOf('tidings');
  }

  get output(): string {
    return this.#output;
  }

  async create(): Promise<void> {
    const { locale = 'C.UTF-8' } = this.#options;
    const passwordFile = join(this.#folder, 'password');
    await writeFile(passwordFile, `${password}\n`, { mode: 0o644 });
    const child = spawn(
      join(this.#programs, 'initdb'),
      [
        `--pgdata=${this.#data}`,
        '--username=tidings',
        `--pwfile=${passwordFile}`,
        '--auth=scram-sha-256',
        '--encoding=UTF8',
        ...(locale.startsWith('icu:')
          ? ['--locale=C.UTF-8', '--locale-provider=icu', `--icu-locale=${locale.slice(4)}`]
          : [`--locale=${locale}`]),
        // Only a power cut right now would need it.
        '--no-sync',
      ],
      this.#spawnOptions,
    );
    this.#collect(child);
    const [code] = (await once(child, 'exit')) as [number | null];
    if (code !== 0) throw new Error(`initdb failed:\n${this.#output}`);
    process.once('exit', this.#atExit);
  }

  async empty(): Promise<void> {
    await this.#query(this.url, 'DROP SCHEMA public CASCADE; CREATE SCHEMA public');
  }

  async createDatabase(): Promise<string> {
    const name = `test_${++this.#databases}`;
    await this.#query(this.url, `CREATE DATABASE ${name}`);
    return this.#urlOf(name);
  }

  async dropDatabase(url: string): Promise<void> {
    await this.#query(this.url, `DROP DATABASE ${new URL(url).pathname.slice(1)} WITH (FORCE)`);
  }

  async start(): Promise<void> {
    if (this.#child) throw new Error('still running: kill it first');
    const until = performance.now() + readyTimeoutMs;
    // Processes of a server that was killed hold its memory until they notice.
    while (!(await this.#tryStart(until))) await sleep(50);
    const found = await this.#query(this.#urlOf('postgres'), `SELECT 1 FROM pg_database WHERE datname = 'tidings'`);
    if (found === 0) await this.#query(this.#urlOf('postgres'), 'CREATE DATABASE tidings');
  }

  async restart(): Promise<void> {
    await this.#end('SIGINT');
    await this.start();
  }

  async kill(): Promise<void> {
    const others = this.#processes().slice(1);
    const ended = this.#end('SIGKILL');
    for (const pid of others) signal(pid, 'SIGKILL');
    await ended;
  }

  freeze(): void {
    for (const pid of this.#processes()) signal(pid, 'SIGSTOP');
  }

  thaw(): void {
    for (const pid of this.#processes()) signal(pid, 'SIGCONT');
  }

  async stop(): Promise<void> {
    // At once, but not by SIGKILL, which would leave shared memory behind.
    this.thaw();
    await this.#end('SIGQUIT');
    process.removeListener('exit', this.#atExit);
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
  }

  get #data(): string {
    return join(this.#folder, 'data');
  }

  #urlOf(database: string): string {
    return `postgres://tidings:${password}@127.0.0.1:${this.port}/${database}`;
  }

  /** @returns false: it could not start, but may in a moment. */
  async #tryStart(until: number): Promise<boolean> {
    const from = this.#output.length;
    const settings = {
      listen_addresses: '127.0.0.1',
      port: String(this.port),
      unix_socket_directories: '',
      fsync: 'on',
      lc_messages: 'C',
      ...this.#options.settings,
    };
    const child = spawn(
      join(this.#programs, 'postgres'),
      ['-D', this.#data, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
      this.#spawnOptions,
    );
    this.#child = child;
    this.#collect(child);
    child.once('exit', () => {
      if (this.#child === child) this.#child = undefined;
    });
    await once(child, 'spawn');
    for (;;) {
      const printed = this.#output.slice(from);
      if (this.#child !== child) {
        if (printed.includes('pre-existing shared memory') && performance.now() < until) return false;
        throw new Error(`PostgreSQL ended before it was ready:\n${printed}`);
      }
      if (await this.#query(this.#urlOf('postgres'), 'SELECT 1').catch(() => 0)) return true;
      if (performance.now() > until) {
        await this.kill();
        throw new Error(`PostgreSQL was not ready after ${readyTimeoutMs} ms:\n${printed}`);
      }
      await sleep(25);
    }
  }

  /** @returns the number of rows. */
  async #query(url: string, sql: string): Promise<number> {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
    client.on('error', () => {});
    try {
      await client.connect();
      return (await client.query(sql)).rowCount ?? 0;
    } finally {
      await client.end().catch(() => {});
    }
  }

  /** The server and those it has started, itself first. Where the system cannot list them, only itself. */
  #processes(): number[] {
    const pid = this.#child?.pid;
    if (pid === undefined) return [];
    try {
      const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
      return [pid, ...children.split(' ').filter(Boolean).map(Number)];
    } catch {
      return [pid];
    }
  }

  async #end(by: 'SIGINT' | 'SIGQUIT' | 'SIGKILL'): Promise<void> {
    const child = this.#child;
    if (!child) return;
    const exited = once(child, 'exit');
    child.kill(by);
    await exited;
  }

  #collect(child: ChildProcess): void {
    const collect = (chunk: Buffer): void => void (this.#output += chunk.toString());
    child.stdout?.on('data', collect);
    child.stderr?.on('data', collect);
  }
}

/** Of a server that only this machine reaches, for as long as a test takes. */
const password = 'correct-horse-battery';

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone already.
  }
}

function hasPrograms(folder: string): boolean {
  try {
    for (const program of ['initdb', 'postgres']) accessSync(join(folder, program), constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function debianVersions(): string[] {
  try {
    return readdirSync(debianFolder).toSorted((a, b) => Number(b) - Number(a));
  } catch {
    return [];
  }
}

/** Whom the server runs as, if this process is root. */
function otherUser(): User | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync('/etc/passwd', 'utf8').split('\n');
  for (const name of ['postgres', 'nobody']) {
    const fields = users.find((line) => line.startsWith(`${name}:`))?.split(':');
    if (fields) return { uid: Number(fields[2]), gid: Number(fields[3]) };
  }
  throw new Error('PostgreSQL refuses root, and there is neither a user postgres nor nobody to run it as');
}

function isCi(): boolean {
  return process.env['CI'] === 'true' || process.env['CI'] === '1';
}

function skipping(): SuiteAPI['skip'] {
  console.warn('PostgreSQL is missing (initdb, postgres): tests on it are skipped.');
  return describe.skip;
}
