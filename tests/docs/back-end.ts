/**
 * The back ends of docs/add-chat.md, each in its language, beside a real server: who has a session gets a token that the
 * server takes for that user, whatever characters the user's id and name have, and nobody else gets one.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { Examples } from '../support/documents.ts';
import { ExampleProgram } from '../support/example-program.ts';
import { freePort } from '../support/free-port.ts';
import { configOf, newClient, newFolder, patience, secrets, startEngine, started } from './running.ts';

interface BackEnd {
  /** Name of the block. */
  readonly name: string;
  readonly file: string;
  readonly command: string;
  /** @param port where it is to listen */
  readonly args: (port: number) => readonly string[];
  /** For those that compile first. */
  readonly startMs?: number;
}

/** Ids and names as people have them, and as others would like them to be. */
const users = [
  { id: 'ann', name: 'Ann' },
  { id: '42', name: '0' },
  { id: "o'brien", name: `Miles "the Chief" O'Brien` },
  { id: 'say"quote"', name: '"} , {"id": "ann"' },
  { id: '名前🙂', name: 'أحمد بن محمد' },
  { id: 'e\u0301', name: 'decomposed' },
  { id: 'é', name: 'composed' },
  { id: 'back\\slash\\u0041', name: 'a\\nb' },
  { id: '%2e%2e/../etc', name: '%s %d' },
  { id: '<b>&amp;</b>', name: '<script>alert(1)</script>' },
  { id: '${JWT_SECRET}{{7-7}}', name: '$(id) `id`' },
  { id: "1';DROP(TABLE)users--", name: "'; DROP TABLE users; --" },
];

/** @throws Error if a user gets no token, or another's, or somebody gets one who should not. */
export async function expectBackEnd({ name, file, command, args, startMs = 15_000 }: BackEnd): Promise<void> {
  const examples = new Examples(['docs/add-chat.md']);
  const config = await configOf(examples.code('add-chat-config'));
  const engine = await startEngine(config);
  const folder = await newFolder();
  const sessions = Object.fromEntries(users.map((user, index) => [`s-${index}`, user]));
  await writeFile(join(folder, 'sessions.json'), JSON.stringify(sessions));
  const port = await freePort();
  const code = examples
    .code(name)
    .replaceAll('127.0.0.1:8000', `127.0.0.1:${engine.port}`)
    .replaceAll(/\b3000\b/g, String(port));
  await writeFile(join(folder, file), code);
  const program = started(new ExampleProgram(command, args(port), { cwd: folder, env: secrets }));
  const ask = (session: string | undefined, path = '/chat/token'): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}${path}`, {
      headers: session === undefined ? {} : { cookie: `theme=dark; session=${session}; lang=en` },
    });
  const status = (session: string | undefined, path?: string): Promise<number | string> =>
    ask(session, path).then(
      (answer) => answer.status,
      () => program.output,
    );

  await expect.poll(() => status(undefined), { ...patience, timeout: startMs }).toBe(401);
  expect(await status('')).toBe(401);
  expect(await status('s-99')).toBe(401);
  expect(await status('s-0', '/chat/other')).toBe(404);

  for (const [index, user] of users.entries()) {
    const answer = await ask(`s-${index}`);
    expect([answer.status, answer.headers.get('cache-control')], user.id).toEqual([200, 'no-store']);
    const token = await answer.text();
    const client = newClient(engine.port, { token });
    await client.ready(5_000);
    const { data } = await client.rpc('chat.profile', {});
    expect(data).toMatchObject({ profile: user });
    client.disconnect();
  }

  // Without Tidings there is no token, and the program goes on.
  await engine.stop();
  expect(await status('s-0')).toBe(502);
  expect(await status(undefined)).toBe(401);
}
