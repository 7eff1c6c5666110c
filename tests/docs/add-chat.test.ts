/** docs/add-chat.md: the back end in Node, rooms over HTTP, and the front ends. Other languages have files of their own. */
import { readdirSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { blocksOf, Examples } from '../support/documents.ts';
import { ExampleProgram } from '../support/example-program.ts';
import { freePort } from '../support/free-port.ts';
import { testWith } from '../support/needs.ts';
import { expectBackEnd } from './back-end.ts';
import { at, configOf, mint, newClient, newFolder, patience, secrets, shell, startEngine, started } from './running.ts';

const examples = new Examples(['docs/add-chat.md']);

test('the back end in Node gives tokens to who has a session', () =>
  expectBackEnd({
    name: 'add-chat-node',
    file: 'back-end.mjs',
    command: process.execPath,
    args: () => ['back-end.mjs'],
  }));

testWith('curl', 'sessions, a token, a room, its members and what the app says are as shown', async () => {
  const { port } = await startEngine(await configOf(examples.code('add-chat-config')));
  const folder = await newFolder();
  const backEndPort = await freePort();
  await writeFile(join(folder, 'sessions.json'), examples.code('add-chat-sessions'));
  const code = at(port, examples.code('add-chat-node')).replaceAll('3000', String(backEndPort));
  await writeFile(join(folder, 'back-end.mjs'), code);
  const backEnd = started(new ExampleProgram(process.execPath, ['back-end.mjs'], { cwd: folder, env: secrets }));
  const askForToken = examples.code('add-chat-token').replaceAll('3000', String(backEndPort));
  const token = (): Promise<string> => shell(askForToken).catch(() => backEnd.output);
  await expect.poll(token, patience).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/);

  const call = async (name: string): Promise<unknown[]> =>
    (await shell(at(port, examples.code(name))))
      .replaceAll('}{', '}\n{')
      .split('\n')
      .map((line) => JSON.parse(line) as unknown);
  const made = { result: { item: { room: { id: 'project-7', memberCount: 2 } } } };
  expect(await call('add-chat-room')).toMatchObject([made]);
  expect(await call('add-chat-room')).toMatchObject([{ result: { replayed: true } }]);
  expect(await call('add-chat-members')).toMatchObject([{ result: { members: [{ user: 'cem' }] } }, { result: {} }]);
  expect(await call('add-chat-say')).toMatchObject([{ result: { message: { sender: 'ann' } } }]);
  await call('add-chat-say');

  const ann = newClient(port, { token: await token() });
  const { data } = await ann.rpc('chat.messages', { room: 'project-7' });
  const { messages } = data as { messages: { kind: string; text?: string }[] };
  expect(messages.filter(({ kind }) => kind === 'text').map(({ text }) => text)).toEqual(['Version 1.4 is live']);
  const roomsOf = async (user: string): Promise<unknown[]> => {
    const answer = await newClient(port, { token: mint({ sub: user }) }).rpc('chat.rooms', {});
    return (answer.data as { rooms: unknown[] }).rooms;
  };
  expect([await roomsOf('cem'), await roomsOf('ben')].map(({ length }) => length)).toEqual([1, 0]);
});

test('every block of the page is run by a test', () => {
  const names = blocksOf('docs/add-chat.md').flatMap(({ name }) => name ?? []);
  const tests = readdirSync(import.meta.dirname).map((file) => readFileSync(`${import.meta.dirname}/${file}`, 'utf8'));
  expect(names.filter((name) => !tests.some((code) => code.includes(`'${name}'`)))).toEqual([]);
});
