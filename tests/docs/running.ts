/**
 * Running what a page of the documentation shows: a server with the page's configuration, blocks of code in this process,
 * programs and shell commands beside it. Everything that is started ends with the test.
 */
import { createHmac } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { stripTypeScriptTypes } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as client from '@tidings/client';
import * as protocol from '@tidings/protocol';
import * as server from '@tidings/server';
import * as serverTesting from '@tidings/server/testing';
import * as sdk from 'centrifuge';
import { onTestFinished } from 'vitest';
import { normalised } from '../support/documents.ts';
import { runShell, type ExampleProgram } from '../support/example-program.ts';

export const secret = '0123456789abcdef0123456789abcdef';
export const apiKey = 'key-of-the-server-api';
/** The environment that the pages speak of. */
export const secrets = { JWT_SECRET: secret, API_KEY: apiKey, HOOK_SECRET: secret, EVENTS_SECRET: secret };

/** For programs that have to start. */
export const patience = { timeout: 15_000 };

/** Puts the address of the server under test in the place of the one on the page. */
export function at(port: number, code: string): string {
  return code
    .replaceAll('wss://rt.example.com', `ws://127.0.0.1:${port}`)
    .replaceAll('127.0.0.1:8000', `127.0.0.1:${port}`)
    .replaceAll('{ port: 8000 }', `{ port: ${port} }, log: { level: 'silent' }`);
}

export async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'tidings-docs-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  return folder;
}

/** A server on a port of its own, with its own data. */
export async function startEngine(
  config: server.ConfigInput,
  options: Partial<server.EngineOptions> = {},
): Promise<server.Engine & { readonly port: number }> {
  const own = { dataDir: await newFolder(), listen: { ...config.listen, port: 0 } };
  const engine = server.createEngine({
    logger: server.createLogger('silent'),
    ...options,
    config: { ...config, ...own },
  });
  await engine.start();
  onTestFinished(() => engine.stop());
  return Object.assign(engine, { port: engine.address?.port ?? 0 });
}

/** The configuration of a YAML block, read as the command line reads a file. */
export async function configOf(yaml: string): Promise<server.ConfigInput> {
  const folder = await newFolder();
  const file = join(folder, 'tidings.config.yaml');
  await writeFile(file, yaml);
  return (await server.loadConfig({ file, cwd: folder, env: secrets })).config;
}

const modules: Readonly<Record<string, object>> = {
  '@tidings/client': client,
  '@tidings/server': server,
  '@tidings/protocol': protocol,
  '@tidings/server/testing': serverTesting,
  centrifuge: sdk,
  'node:crypto': await import('node:crypto'),
};

/** Runs a block in this process, with names of `context` in scope unless it declares them; its imports become ours. */
export async function runHere(code: string, context: object = {}, result = 'undefined'): Promise<unknown> {
  const script = stripTypeScriptTypes(code)
    .replaceAll(/^import .+ from 'vitest';$/gm, '')
    .replaceAll(/^import (\{.+\}) from '(.+)';$/gm, "const $1 = modules['$2'];")
    .replaceAll(/^export /gm, '');
  const AsyncFunction = (async () => {}).constructor as FunctionConstructor;
  const run = new AsyncFunction('modules', ...Object.keys(context), `{\n${script}\nreturn ${result};\n}`);
  return run(modules, ...Object.values(context)) as Promise<unknown>;
}

/** Stops the program after the test. */
export function started(program: ExampleProgram): ExampleProgram {
  onTestFinished(() => program.stop());
  return program;
}

export function shell(
  code: string,
  { env = {}, cwd }: { env?: Record<string, string>; cwd?: string } = {},
): Promise<string> {
  return runShell(code, { ...secrets, ...env }, cwd);
}

export const parsed = (text: string): unknown => JSON.parse(normalised(text));

export function mint(claims: object, key = secret): string {
  const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');
  const signed = `${encode({ alg: 'HS256' })}.${encode(claims)}`;
  return `${signed}.${createHmac('sha256', key).update(signed).digest('base64url')}`;
}

/** A client of npm `centrifuge` that is connecting. */
export function newClient(port: number, options: Partial<sdk.Options> = {}): sdk.Centrifuge {
  const client = new sdk.Centrifuge(`ws://127.0.0.1:${port}/connection/websocket`, options);
  onTestFinished(() => client.disconnect());
  client.connect();
  return client;
}

/** Remembers what it is called with. */
export function recorder(): { readonly calls: unknown[]; readonly fn: (value: unknown) => void } {
  const calls: unknown[] = [];
  return { calls, fn: (value) => void calls.push(value) };
}
