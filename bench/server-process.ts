/** A server under measurement: a fresh child process on a free port and a processor of its own. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { connect, createServer } from 'node:net';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';

const root = fileURLToPath(new URL('..', import.meta.url));

/** Whether processes can be pinned: one processor for the server, another for the load. */
export const canPin: boolean =
  availableParallelism() > 1 && spawnSync('taskset', ['-c', '0,1', 'true'], { stdio: 'ignore' }).status === 0;

/** The command that runs `file` on one processor, where that is possible. The process id is the program's own. */
export function pinned(processor: number, file: string, args: readonly string[]): [string, string[]] {
  return canPin ? ['taskset', ['-c', String(processor), file, ...args]] : [file, [...args]];
}

export interface ServerCommand {
  readonly name: string;
  /** The program; it gets its port in `PORT`, and as the last argument if `portArgument`. */
  readonly file: string;
  readonly args: readonly string[];
  readonly portArgument?: boolean;
}

export class ServerProcess {
  readonly port: number;
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #kill = () => this.#child.kill('SIGKILL');

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
    this.pid = child.pid as number;
    process.on('exit', this.#kill);
  }

  /** @throws Error with what the server wrote if it does not listen within 20 s. */
  static async start({ name, file, args, portArgument }: ServerCommand): Promise<ServerProcess> {
    const port = await freePort();
    const [command, allArgs] = pinned(0, file, portArgument ? [...args, String(port)] : args);
    const child = spawn(command, allArgs, {
      cwd: root,
      env: { ...process.env, PORT: String(port), NODE_ENV: 'production' },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => (said = (said + String(chunk)).slice(-4000)));
    child.on('error', (error) => (said += error.message));
    if (child.pid === undefined) {
      await sleep(50);
      throw new Error(`${name} could not be started: ${said}`);
    }
    const server = new ServerProcess(child, port);
    for (let attempt = 0; attempt < 400; attempt++) {
      if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}: ${said}`);
      if (await listens(port)) return server;
      await sleep(50);
    }
    await server.stop();
    throw new Error(`${name} did not listen on port ${port} within 20 s: ${said}`);
  }

  /** Ends it: kindly, and after 3 s at once. */
  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const ended = new Promise((resolve) => this.#child.once('exit', resolve));
      this.#child.kill();
      const timer = setTimeout(this.#kill, 3_000);
      await ended;
      clearTimeout(timer);
    }
    process.off('exit', this.#kill);
  }
}

/** Starts a server, does the work, and stops it whatever happens. */
export async function withServer<T>(command: ServerCommand, work: (server: ServerProcess) => Promise<T>): Promise<T> {
  const server = await ServerProcess.start(command);
  try {
    return await work(server);
  } finally {
    await server.stop();
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const answer = (yes: boolean) => {
      socket.destroy();
      resolve(yes);
    };
    socket.on('connect', () => answer(true)).on('error', () => answer(false));
  });
}
