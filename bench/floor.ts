/** The two C programs: compiles them when needed and runs the load. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { pinned } from './server-process.ts';

const source = fileURLToPath(new URL('floor/', import.meta.url));
const build = fileURLToPath(new URL('.build/', import.meta.url));

export interface Floor {
  /** Path of the load. */
  readonly wsfan: string;
  /** Path of the floor itself, a server. */
  readonly wslimit: string;
}

/**
 * Compiles what is older than its source.
 * @throws Error without gcc, or off Linux.
 */
export function compileFloor(): Floor {
  if (process.platform !== 'linux') throw new Error('the floor (bench/floor) needs Linux: it is built on epoll');
  mkdirSync(build, { recursive: true });
  return { wsfan: compile('wsfan'), wslimit: compile('wslimit') };
}

function compile(name: string): string {
  const from = `${source}${name}.c`;
  const to = `${build}${name}`;
  const made = statSync(to, { throwIfNoEntry: false });
  if (made && made.mtimeMs > statSync(from).mtimeMs) return to;
  const { error, status, stderr } = spawnSync('gcc', ['-O2', '-Wall', '-Wextra', '-o', to, from], { encoding: 'utf8' });
  if (error) throw new Error('the floor (bench/floor) is written in C: install gcc and run again', { cause: error });
  if (status !== 0) throw new Error(`gcc could not compile ${from}:\n${stderr}`);
  return to;
}

/** What `wsfan` prints. */
export interface FanResult {
  readonly subscribers: number;
  readonly window: number;
  readonly publications: number;
  readonly deliveries: number;
  readonly lost: number;
  readonly doubled: number;
  readonly deliveries_per_s: number;
  readonly cpu_us_per_delivery: number;
  readonly p50_us: number;
  readonly p99_us: number;
}

/** What is said first, and a part of the answer that is waited for. */
export interface Greeting {
  readonly say: string;
  readonly hear: string;
}

/** How `wsfan` talks to a server. */
export interface FanDialect {
  readonly path: string;
  readonly subscriber: readonly Greeting[];
  readonly publisher: readonly Greeting[];
  /** With `%s` where the payload's text goes. */
  readonly publish: string;
  /** `ping=pong`; empty: none. */
  readonly ping: string;
}

export interface FanLoad {
  readonly port: number;
  readonly serverPid: number;
  readonly subscribers: number;
  readonly window: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
  /** Length of the text that stands for `%s`. */
  readonly textBytes: number;
  /** A file whose lines, in turn, stand for `%l` in what subscribers say. */
  readonly lines?: string;
}

/** @throws Error with what `wsfan` said if anything was lost, doubled or refused. */
export async function runFan(floor: Floor, dialect: FanDialect, load: FanLoad): Promise<FanResult> {
  const deadline = Math.ceil(load.warmUpSeconds + load.seconds + 40 + load.subscribers / 200);
  const args = [
    ['-p', load.port],
    ['-n', load.subscribers],
    ['-w', load.window],
    ['-W', load.warmUpSeconds],
    ['-d', load.seconds],
    ['-D', deadline],
    ['-s', load.textBytes],
    ['-P', load.serverPid],
    ['-u', dialect.path],
    ...(load.lines === undefined ? [] : [['-l', load.lines]]),
    ['-m', dialect.publish],
    ...dialect.subscriber.map(({ say, hear }) => ['-i', say, '-k', hear]),
    ...dialect.publisher.map(({ say, hear }) => ['-I', say, '-K', hear]),
    ...(dialect.ping ? [['-g', dialect.ping]] : []),
  ].flatMap((words) => words.map(String));
  return (await runLoad(floor.wsfan, args)) as FanResult;
}

/**
 * Runs a load on its own processor and reads the JSON it prints. Every load ends by itself.
 * @throws Error with what it wrote to stderr, if it fails.
 */
export async function runLoad(file: string, args: readonly string[]): Promise<unknown> {
  const [command, allArgs] = pinned(1, file, args);
  const child = spawn(command, allArgs, { stdio: ['ignore', 'pipe', 'pipe'] });
  const stop = () => child.kill();
  process.on('exit', stop);
  try {
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk));
    const code = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
    if (code === 0) return JSON.parse(Buffer.concat(out).toString());
    throw new Error(`${Buffer.concat(err).toString().trim()} ${Buffer.concat(out).toString().trim()}`.trim());
  } finally {
    process.off('exit', stop);
  }
}
