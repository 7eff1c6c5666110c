/** docs/client.md: every block runs in this process, as Ann, against a real server where Ben is too. */
import {
  createClient,
  TidingsError,
  type Chat,
  type ChatRoom,
  type ConnectionState,
  type MessageView,
  type TidingsClient,
} from '@tidings/client';
import type { Engine } from '@tidings/server';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { Examples } from '../support/documents.ts';
import { ExampleProgram } from '../support/example-program.ts';
import { at, configOf, mint, newFolder, recorder, runHere, startEngine, started } from './running.ts';

const examples = new Examples(['docs/client.md']);
const waiting = { timeout: 10_000 };

interface Scene {
  readonly engine: Engine & { readonly port: number };
  readonly client: TidingsClient;
  readonly chat: Chat;
  /** The room "weekend", live. */
  readonly room: ChatRoom;
  /** What blocks print, a line each. */
  readonly printed: string[];
  /** Runs a block with all of this in scope, and `more`. */
  run(name: string, more?: object, result?: string): Promise<unknown>;
  /** As Ben. */
  ben(command: string, input: object): Promise<unknown>;
  texts(): string[];
  message(text: string): MessageView | undefined;
}

/** Ann and Ben in the room "weekend", in which Ben has written `said`. */
async function scene(said: readonly string[] = ['Who is coming?']): Promise<Scene> {
  const engine = await startEngine(
    await configOf(
      "auth: { jwt: { hmacSecret: '${JWT_SECRET}' } }\nchat: { enabled: true, permissions: { findUsers: 'auth.uid != \"\"' } }",
    ),
  );
  const ben = (command: string, input: object): Promise<unknown> =>
    engine.call(`chat.${command}`, { room: 'weekend', ...input }, { as: 'ben' });
  await engine.call('chat.upsertUsers', { users: [{ id: 'ben', name: 'Ben' }] });
  const weekend = { kind: 'group', id: 'weekend', name: 'Weekend', members: ['ben'] };
  await engine.call('chat.createRoom', weekend, { as: 'ann' });
  for (const text of said) await ben('send', { text });
  const client = createClient({ url: `http://127.0.0.1:${engine.port}`, token: mint({ sub: 'ann' }) });
  onTestFinished(() => client.close());
  client.connect();
  const { chat } = client;
  const room = chat.room('weekend');
  await expect.poll(() => [room.messages.get().status, chat.rooms.get().status], waiting).toEqual(['live', 'live']);
  const printed: string[] = [];
  const console = { log: (...parts: unknown[]) => void printed.push(parts.join(' ')) };
  const texts = (): string[] => room.messages.get().messages.map(({ text }) => text);
  const message = (text: string): MessageView | undefined =>
    room.messages.get().messages.find((each) => each.text === text);
  const seq = room.messages.get().messages.at(-1)?.seq;
  const run: Scene['run'] = (name, more = {}, result) =>
    runHere(at(engine.port, examples.code(name)), { client, chat, room, seq, id: room.id, console, ...more }, result);
  return { engine, client, chat, room, printed, run, ben, texts, message };
}

const textFile = (): File => new File(['Bring water.'], 'list.txt', { type: 'text/plain' });

test('a first conversation', async () => {
  const { engine } = await scene();
  const printed: string[] = [];
  const { promise: sent, resolve } = Promise.withResolvers<void>();
  const log = (line: string): void => {
    printed.push(line);
    if (line.endsWith('(sent)')) resolve();
  };
  const getToken = async (): Promise<string> => mint({ sub: 'ann' });
  // The room is closed at the end of the block: the test stays in it until the message was sent.
  const code = at(engine.port, examples.code('client-first'));
  await runHere(`${code}\nawait sent;`, { getToken, console: { log }, sent });
  expect(printed).toContain('ann: Who is coming? (sending)');
  expect(printed).toContain('ann: Who is coming? (sent)');
});

test('stores', async () => {
  const { run, ben, chat } = await scene([]);
  const document = { title: '' };
  const stop = (await run('client-store', { document }, 'stop')) as () => void;
  expect(document.title).toBe('(0) Chat');
  await ben('send', { text: 'Hello' });
  await expect.poll(() => chat.unread.get().messages, waiting).toBe(1);
  expect(document.title).toBe('(0) Chat');
  stop();
});

test('a token is asked for, again when it fails, and never when there is none', async () => {
  const { engine } = await scene();
  const answers = [
    () => new Response('', { status: 502 }),
    () => new Response(mint({ sub: 'ann' })),
    () => new Response('', { status: 401 }),
  ];
  const asked = recorder();
  const fetch = async (path: string): Promise<Response> => {
    asked.fn(path);
    return answers.shift()?.() ?? new Response('', { status: 500 });
  };
  const code = examples.code('client-connect').replace('https://rt.example.com', `http://127.0.0.1:${engine.port}`);
  const first = (await runHere(code, { fetch }, 'client')) as TidingsClient;
  onTestFinished(() => first.close());
  const statusOf = (client: TidingsClient): ConnectionState['status'] => client.connection.state.get().status;
  await expect.poll(() => statusOf(first), waiting).toBe('online');
  expect(asked.calls).toEqual(['/chat/token', '/chat/token']);
  const second = (await runHere(code, { fetch }, 'client')) as TidingsClient;
  onTestFinished(() => second.close());
  await expect.poll(() => statusOf(second), waiting).toBe('closed');
});

test('the state of the connection', async () => {
  const { run, printed } = await scene();
  await run('client-connection-state');
  expect(printed).toEqual(['online ']);
});

test('rooms: the list, making one, opening one', async () => {
  const { run, printed, chat, engine } = await scene();
  await run('client-rooms');
  expect(printed.splice(0)).toEqual(['Weekend 1 Who is coming?']);
  const id = await run('client-make-room', {}, 'id');
  expect(printed.splice(0)).toEqual(['ben']);
  await expect.poll(() => chat.rooms.get().rooms.map(({ title }) => title)).toContain('Picnic');
  const [opening = '', closing = ''] = examples.code('client-room').split(/(?=^\/\/ And)/m);
  const console = { log: (line: string) => void printed.push(line) };
  const picnic = (await runHere(opening, { chat, id, console }, 'picnic')) as ChatRoom;
  await expect.poll(() => picnic.messages.get().status, waiting).toBe('live');
  await engine.call('chat.changeRoom', { room: id, name: 'Picnic on Sunday' });
  await expect.poll(() => printed, waiting).toContain('Picnic on Sunday');
  await engine.call('chat.deleteRoom', { room: id });
  await expect.poll(() => picnic.gone.get(), waiting).toBeDefined();
  await runHere(closing, { picnic });
});

test('sending, editing, deleting, answering, data', async () => {
  const { run, room, message } = await scene();
  const key = await run('client-send', {}, 'key');
  expect(room.messages.get().messages.at(-1)).toMatchObject({ key, state: 'sending' });
  await expect.poll(() => message('Who brings the salad?')?.state, waiting).toBe('sent');
  const { seq } = message('Who brings the salad?')!;
  expect(message('Who brings the salad?')?.key).toBe(key);
  await run('client-reply', { seq });
  await run('client-data');
  await expect.poll(() => message('I do')?.message?.replySeq, waiting).toBe(seq);
  await expect.poll(() => message('Meet here')?.message?.data, waiting).toEqual({ latitude: 52.52, longitude: 13.4 });
  const edits: string[] = [];
  const stop = room.messages.subscribe(() => {
    const edited = room.messages.get().messages.find((each) => each.seq === seq);
    edits.push(edited?.isDeleted ? 'deleted' : (edited?.text ?? ''));
  });
  await run('client-edit', { seq });
  expect(edits).toContain('Who brings the salad, and who the bread?');
  expect(edits.at(-1)).toBe('deleted');
  stop();
});

test('what failed is discarded or sent again', async () => {
  const { run, engine, room, texts, message } = await scene([]);
  await engine.call('chat.mute', { room: 'weekend', user: 'ann' });
  room.send({ text: 'May I?' });
  await expect.poll(() => message('May I?')?.state, waiting).toBe('failed');
  await run('client-failed');
  await expect.poll(texts, waiting).not.toContain('May I?');
});

test('moving through a room', async () => {
  const numbers = Array.from({ length: 120 }, (_, i) => String(i + 1));
  const { run, room, texts } = await scene(numbers);
  expect(texts().at(-1)).toBe('120');
  await run('client-move');
  expect(texts().at(-1)).toBe('120');
  expect(room.messages.get().hasAfter).toBe(false);
});

test('offline: what is written waits, and is told', async () => {
  const { run, engine, client, room, printed } = await scene();
  await run('client-offline');
  await engine.stop();
  await expect.poll(() => client.connection.state.get().status, waiting).not.toBe('online');
  room.send({ text: 'Later' });
  await expect.poll(() => printed, waiting).toContain('1 waiting to be sent');
});

test('threads', async () => {
  const { run, printed, room, chat } = await scene();
  await run('client-thread');
  await expect.poll(() => room.messages.get().messages[0]?.message?.thread?.count, waiting).toBe(1);
  expect(printed.length).toBeGreaterThan(0);
  const { messages } = await chat.call('messages', { room: 'weekend', threadSeq: 1 });
  expect(messages.map(({ text }) => text)).toContain('Two loaves are enough');
});

test('reactions', async () => {
  const { run, room } = await scene();
  const seen: unknown[] = [];
  room.messages.subscribe(() => seen.push(room.messages.get().messages.at(-1)?.reactions));
  await run('client-react');
  expect(seen).toContainEqual([{ emoji: '🥖', count: 1, isOwn: true }]);
  expect(room.messages.get().messages.at(-1)?.reactions).toEqual([]);
});

test('mentions', async () => {
  const { run, engine } = await scene();
  await run('client-mention');
  const mentioned = async (): Promise<unknown> => engine.call('chat.mentions', {}, { as: 'ben' });
  await expect.poll(mentioned, waiting).toMatchObject({ mentions: [{ text: '@Ben, the salad?' }] });
});

test('polls', async () => {
  const { run, room } = await scene();
  await run('client-poll');
  await expect
    .poll(() => room.messages.get().messages.at(-1)?.message?.poll, waiting)
    .toMatchObject({ question: 'When?', voters: 1, options: [{ votes: 1 }, { votes: 0 }] });
});

test('pins', async () => {
  const { run, printed } = await scene();
  await run('client-pin');
  await expect.poll(() => printed.at(-1), waiting).toBe('Who is coming?');
});

test('typing', async () => {
  const { run, ben, engine, printed } = await scene();
  const field = Object.assign(new EventTarget(), { value: '' });
  await run('client-typing', { field });
  await ben('typing', {});
  await expect.poll(() => printed, waiting).toContain('ben …');
  const told = recorder();
  const watcher = createClient({ url: `http://127.0.0.1:${engine.port}`, token: mint({ sub: 'ben' }) });
  onTestFinished(() => watcher.close());
  watcher.connect();
  const room = watcher.chat.room('weekend');
  room.typing.subscribe(() => told.fn(room.typing.get()));
  await expect.poll(() => room.messages.get().status, waiting).toBe('live');
  field.value = 'I';
  field.dispatchEvent(new Event('input'));
  await expect.poll(() => told.calls, waiting).toContainEqual(['ann']);
  field.value = '';
  field.dispatchEvent(new Event('input'));
  await expect.poll(() => told.calls.at(-1), waiting).toEqual([]);
});

test('presence and receipts', async () => {
  const { run, engine, printed, room, message } = await scene();
  const stop = (await run('client-presence', {}, 'stop')) as () => void;
  const ben = createClient({ url: `http://127.0.0.1:${engine.port}`, token: mint({ sub: 'ben' }) });
  onTestFinished(() => ben.close());
  ben.connect();
  await expect.poll(() => printed, waiting).toContain('online');
  stop();
  room.send({ text: 'Read this' });
  await expect.poll(() => message('Read this')?.seq, waiting).toBeDefined();
  const { seq } = message('Read this')!;
  await engine.call('chat.markRead', { room: 'weekend', seq }, { as: 'ben' });
  await expect.poll(() => room.receipts.get().read.get('ben'), waiting).toBe(seq);
  await run('client-receipts');
  expect(printed.at(-1)).toBe(`Ben has read up to ${seq}, and has ${seq}`);
  await expect.poll(() => message('Read this')?.state, waiting).toBe('read');
});

test('unread', async () => {
  const { run, chat, ben } = await scene();
  await run('client-unread');
  await expect.poll(() => chat.unread.get().messages, waiting).toBe(1);
  await run('client-visible');
  await expect.poll(() => chat.unread.get().messages, waiting).toBe(0);
  await ben('send', { text: 'Seen at once' });
  const unread = async (): Promise<unknown> => chat.call('unread', {});
  await expect.poll(unread, waiting).toMatchObject({ unread: 0 });
  expect(await run('client-totals', {}, '[messages, mentions]')).toEqual([0, 0]);
});

test('drafts', async () => {
  const { run, printed, engine } = await scene();
  await run('client-draft');
  const drafts = async (): Promise<unknown> => engine.call('chat.drafts', {}, { as: 'ann' });
  await expect.poll(drafts, waiting).toMatchObject({ drafts: [{ room: 'weekend', text: 'I could also bring' }] });
  await engine.call('chat.setDraft', { room: 'weekend', text: 'Written elsewhere' }, { as: 'ann' });
  await expect.poll(() => printed, waiting).toContain('Written elsewhere');
});

test('notices', async () => {
  const { run, ben, printed } = await scene();
  await run('client-notices');
  await ben('send', { text: 'Look', mentions: { users: ['ann'] } });
  await expect.poll(() => printed, waiting).toContain('mention Weekend Look');
});

test('files', async () => {
  const { run, room, printed, message } = await scene();
  await run('client-files', { file: textFile() });
  expect(message('The place')?.uploads).toHaveLength(1);
  await expect.poll(() => message('The place')?.attachments.length, { timeout: 15_000 }).toBe(1);
  await run('client-attachment');
  const [, url = ''] = /^list\.txt (\S+)$/.exec(printed.at(-1) ?? '') ?? [];
  expect(await (await fetch(url)).text()).toBe('Bring water.');
  await run('client-upload', { file: textFile() });
  expect(printed.at(-1)).toBe('12 of 12');
  await expect.poll(() => room.messages.get().messages.at(-1)?.attachments[0]?.name, waiting).toBe('list.txt');
});

test('search', async () => {
  const { run, printed, ben } = await scene();
  await ben('send', { text: 'Salad, then' });
  await expect
    .poll(async () => {
      await run('client-search');
      return printed;
    }, waiting)
    .toContain('weekend 2 Salad, then');
});

test('people', async () => {
  const { run, chat, printed, engine } = await scene();
  await run('client-people');
  await expect.poll(() => printed, waiting).toContain('Ben');
  await expect.poll(() => chat.profile.get()?.name, waiting).toBe('Ann Miller');
  await run('client-find-users');
  expect(printed.at(-1)).toBe('ben Ben');
  expect(await engine.call('chat.users', { ids: ['ann'] })).toMatchObject({ users: [{ name: 'Ann Miller' }] });
});

test('moderation, and any other command', async () => {
  const { run, ben } = await scene();
  const reports = await run('client-moderation', {}, 'reports');
  expect(reports).toMatchObject([{ reason: 'spam' }]);
  await expect(ben('send', { text: 'I cannot' })).rejects.toThrow();
  expect(await run('client-call', {}, 'scheduled')).toMatchObject({ text: 'Good morning' });
});

test('errors', async () => {
  const { run, printed } = await scene();
  await run('client-errors');
  expect(printed.at(-1)).toMatch(/^600 /);
  expect(new TidingsError(600, 'no room')).toBeInstanceOf(Error);
});

test('Node, and where things are missing that React Native does not have', async () => {
  const { engine, room, texts } = await scene([]);
  const missing = ['indexedDB', 'BroadcastChannel', 'navigator', 'crypto', 'EventSource', 'structuredClone'];
  const without = `
    await fetch('data:,'); // Node's own needs what goes now, once.
    void WebSocket;
    for (const name of ${JSON.stringify(missing)}) delete globalThis[name];
    delete Array.prototype.toSorted;
    ${examples.code('client-react-native')}`;
  const bot = at(engine.port, examples.code('client-bot')).replace('process.env.TOKEN', `'${mint({ sub: 'ben' })}'`);
  const preload = (code: string): string[] => ['--import', `data:text/javascript,${encodeURIComponent(code)}`];
  const program = ['--conditions=tidings-source', ...preload(without), '--input-type=module', '--eval', bot];
  const running = started(new ExampleProgram(process.execPath, program));
  const isOnline = async (): Promise<string> =>
    JSON.stringify(await engine.call('chat.presence', { users: ['ben'] }, { as: 'ann' })) + running.output;
  await expect.poll(isOnline, { timeout: 20_000 }).toContain('online');
  room.send({ text: 'What time is it?' });
  await expect.poll(() => texts().at(-1) ?? running.output, { timeout: 20_000 }).toMatch(/^It is \d/);
});

test('a test of an app', async () => {
  const declared: (() => Promise<void>)[] = [];
  const collect = (_title: string, body: () => Promise<void>): void => void declared.push(body);
  const code = examples
    .code('client-test')
    .replace('listen: { port: 0 }', "listen: { port: 0 }, log: { level: 'silent' }");
  const tokenFor = (sub: string, secret: string): string => mint({ sub }, secret);
  await runHere(code, { expect, test: collect, dataDir: await newFolder(), tokenFor });
  expect(declared).toHaveLength(1);
  await declared[0]?.();
});

afterAll(() => expect(examples.left).toEqual([]));
