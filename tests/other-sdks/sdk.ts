/** Runs one conversation of another language's SDK against a server of its own. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'vitest';
import { TidingsProcess } from '../support/tidings-process.ts';

const run = promisify(execFile);

/** A file or folder beside this one. */
export function beside(path: string): string {
  return fileURLToPath(new URL(path, import.meta.url));
}

/** Runs a program; one that talks to a package registry gets a second and a third try. */
export async function runProgram(
  command: readonly string[],
  options: { cwd?: string; tries?: number } = {},
): Promise<string> {
  const [program, ...args] = command as [string, ...string[]];
  for (let left = options.tries ?? 1; ; left--) {
    try {
      const { stdout } = await run(program, args, { timeout: 120_000, ...(options.cwd && { cwd: options.cwd }) });
      return stdout;
    } catch (error) {
      if (left <= 1) throw error;
    }
  }
}

/** A folder that is gone when `work` is done. */
export async function inTemporaryFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'tidings-sdk-'));
  try {
    await work(folder);
  } finally {
    // Go keeps its module cache read-only, but that is not in here.
    await rm(folder, { recursive: true, force: true });
  }
}

/** The conversation every SDK holds: publish, miss two while away, recover them, read history and presence. */
export async function expectConversation(command: readonly string[]): Promise<void> {
  const server = await TidingsProcess.start({ command: 'dev' });
  for (const codec of ['json', 'protobuf']) {
    // A channel per SDK, a server per test: both codecs talk on the same one, so history goes on.
    const before = codec === 'json' ? 0 : 3;
    const url = `ws://127.0.0.1:${server.port}/connection/websocket`;
    expect(JSON.parse(await runProgram([...command, url, codec]))).toEqual({
      live: { n: 1 },
      was_recovering: true,
      recovered: true,
      publications: [{ n: 2 }, { n: 3 }],
      history: before + 3,
      clients: 1,
    });
  }
  await server.stop();
}
