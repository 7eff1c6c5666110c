/** Runs commands in tests: in this process with a terminal that remembers, or as a process of its own. */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { run } from '../main.ts';
import type { Terminal } from '../terminal.ts';

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
}

/** Remembers lines, without colour. */
export function recordingTerminal({ cwd = '/', env = {}, input = '' }: RunOptions = {}): {
  terminal: Terminal;
  printed: string[];
  warned: string[];
} {
  const printed: string[] = [];
  const warned: string[] = [];
  const terminal: Terminal = {
    env,
    cwd,
    print: (line = '') => void printed.push(line),
    warn: (line) => void warned.push(line),
    style: (_, text) => text,
    readInput: async () => input,
  };
  return { terminal, printed, warned };
}

/** Runs a command line in this process. */
export async function runInProcess(args: readonly string[], options?: RunOptions): Promise<Outcome> {
  const { terminal, printed, warned } = recordingTerminal(options);
  const code = await run(args, terminal);
  return { code, stdout: printed.join('\n'), stderr: warned.join('\n') };
}

export const mainFile = fileURLToPath(new URL('../main.ts', import.meta.url));

/** Starts a command line as a process of its own. */
export function spawnCommand(args: readonly string[], { cwd, env = {} }: RunOptions = {}) {
  const child = spawn(process.execPath, ['--conditions=tidings-source', mainFile, ...args], {
    cwd,
    env: { PATH: process.env['PATH'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (stdout += chunk));
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (stderr += chunk));
  const ended = new Promise<Outcome>((resolve) => {
    child.on('close', (code) => resolve({ code: code ?? -1, stdout, stderr }));
  });
  return {
    kill: (signal: NodeJS.Signals) => child.kill(signal),
    ended,
    /** Resolves when standard output matches; rejects if the process ends before. */
    async output(pattern: RegExp): Promise<RegExpExecArray> {
      for (;;) {
        const found = pattern.exec(stdout);
        if (found) return found;
        const gone = await Promise.race([
          ended,
          new Promise<undefined>((resolve) => child.stdout.once('data', () => resolve(undefined))),
        ]);
        if (gone && !pattern.test(gone.stdout)) throw new Error(`ended before ${pattern}: ${JSON.stringify(gone)}`);
      }
    },
  };
}
