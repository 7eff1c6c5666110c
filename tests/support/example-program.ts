/** Runs what the documentation shows as a program or as shell commands, from the sources. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from './documents.ts';

/** A program under way; `output` is everything it printed so far. */
export class ExampleProgram {
  output = '';
  readonly #child: ChildProcess;

  /** @param options `env` comes beside that of this process; unless `cwd` says otherwise, it runs in the root. */
  constructor(
    command: string,
    args: readonly string[],
    { cwd = root, env = {} }: { cwd?: string; env?: Readonly<Record<string, string>> } = {},
  ) {
    this.#child = spawn(command, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
    const collect = (chunk: Buffer): void => void (this.output += chunk.toString());
    this.#child.stdout?.on('data', collect);
    this.#child.stderr?.on('data', collect);
    this.#child.on('error', (error) => (this.output += String(error)));
  }

  /** A module that imports packages by their names, as in a file in the root of a clone. */
  static javaScript(code: string): ExampleProgram {
    return new ExampleProgram(process.execPath, ['--conditions=tidings-source', '--input-type=module', '--eval', code]);
  }

  /** One command of a shell, which may go on without end. */
  static shell(code: string): ExampleProgram {
    return new ExampleProgram('sh', ['-c', `exec ${code}`]);
  }

  async stop(): Promise<void> {
    if (this.#child.pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGKILL');
    await once(this.#child, 'exit');
  }
}

/** `npx tidings` is the command line of this tree, and curl prints answers only. */
const prelude = `
npx() { shift; "${process.execPath}" --conditions=tidings-source "${join(root, 'packages/cli/src/main.ts')}" "$@"; }
curl() { command curl -sS "$@"; }
`;

/**
 * Runs a block of shell commands to its end.
 * @returns what it prints.
 * @throws Error with what it says on standard error, if a command fails.
 */
export async function runShell(
  code: string,
  env: Readonly<Record<string, string>>,
  cwd: string = root,
): Promise<string> {
  const options = { cwd, env: { PATH: process.env['PATH'], ...env }, timeout: 20_000 };
  return (await promisify(execFile)('sh', ['-ec', prelude + code], options)).stdout;
}
