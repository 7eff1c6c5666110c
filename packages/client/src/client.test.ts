/** The client against a real server over real sockets: what an application does, and what two people see. */
import { createHmac } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEngine, createLogger, type Engine } from '@tidings/server';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { createMemoryCache } from './chat/cache/memory.ts';
import type { ChatNotice, ChatRoom, Timeline } from './chat/chat.ts';
import { createMemoryOutboxStore } from './chat/outbox/memory-outbox-store.ts';
import { PersistentOutbox } from './chat/outbox/persistent-outbox.ts';
import { until } from './chat/testing/until.ts';
import type { MessagesView } from './chat/views.ts';
import { createClient, type ClientOptions, type TidingsClient } from './client.ts';
import { createSingleTab } from './tabs/single-tab.ts';

const secret = 'a secret of more than thirty-two bytes';
let dataDir: string;
let engine: Engine;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'tidings-client-'));
  engine = createEngine({
    logger: createLogger('silent'),
    config: {
      auth: { jwt: { hmacSecret: secret } },
      dataDir,
      chat: { enabled: true },
      listen: { host: '127.0.0.1', port: 0 },
      limits: { commandsPerSecondPerConnection: 0 },
      shutdown: { spread: '100ms' },
    },
  });
  await engine.start();
});

afterAll(async () => {
  await engine.stop();
  await rm(dataDir, { recursive: true, force: true });
});

function token(sub: string): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub })}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

async function connect(user: string, options: Partial<ClientOptions> = {}): Promise<TidingsClient> {
  const client = createClient({
    url: `http://127.0.0.1:${engine.address?.port}`,
    token: token(user),
    storage: 'memory',
    ...options,
  });
  onTestFinished(() => client.close());
  client.connect();
  await until(client.chat.rooms, ({ status }) => status === 'live');
  return client;
}

let made = 0;
const newRoom = (): string => `room-${++made}`;

test('two people talk: rooms, messages, typing, presence', async () => {
  const [anna, ben] = [await connect('anna'), await connect('ben')];
  await anna.chat.setProfile({ name: 'Anna' });
  const id = newRoom();
  const view = await anna.chat.createRoom({ kind: 'group', id, name: 'Weekend', members: ['ben'] });
  expect(view).toMatchObject({ id, title: 'Weekend', unread: 0 });
  await until(ben.chat.rooms, ({ rooms }) => rooms.some((room) => room.id === id));

  const [hers, his] = [anna.chat.room(id), ben.chat.room(id)];
  await until(his.messages, ({ status }) => status === 'live');
  const key = hers.send({ text: 'Who is coming?' });
  expect(hers.messages.get().messages.at(-1)).toMatchObject({ key, state: 'sending', text: 'Who is coming?' });
  await until(hers.messages, ({ messages }) => messages.at(-1)?.state === 'sent' && messages.at(-1)?.key === key);
  await until(his.messages, ({ messages }) => messages.at(-1)?.text === 'Who is coming?');
  await until(ben.chat.rooms, ({ rooms }) => rooms.find((room) => room.id === id)?.unread === 1);

  his.setTyping('M');
  await until(hers.typing, (users) => users.includes('ben'));
  his.send({ text: 'Me!' });
  await until(hers.messages, ({ messages }) => messages.at(-1)?.text === 'Me!');
  expect(hers.typing.get()).toEqual([]);

  const presence = anna.chat.presence('ben');
  const stop = presence.subscribe(() => undefined);
  await until(presence, ({ status }) => status === 'online');
  stop();

  his.setVisible(true);
  hers.setVisible(true);
  await until(hers.messages, ({ messages }) => messages.find((message) => message.key === key)?.state === 'read');

  await his.react(1, '👍');
  await until(hers.messages, ({ messages }) => messages[0]?.reactions[0]?.count === 1);
  expect(his.messages.get().messages[0]?.reactions).toEqual([{ emoji: '👍', count: 1, isOwn: true }]);
  expect(hers.messages.get().messages[0]?.reactions).toEqual([{ emoji: '👍', count: 1, isOwn: false }]);
});

test('whoever is blocked while they watch is shown nothing, until the block is lifted', async () => {
  const [anna, ben] = [await connect('anna'), await connect('ben')];
  const presence = anna.chat.presence('ben');
  const stop = presence.subscribe(() => undefined);
  await until(presence, ({ status }) => status === 'online');
  await ben.chat.call('block', { user: 'anna' });
  await until(presence, ({ status }) => status === 'offline');
  expect(presence.get()).toEqual({ user: 'ben', status: 'offline' });
  await ben.chat.call('unblock', { user: 'anna' });
  await until(presence, ({ status }) => status === 'online');
  stop();
});

/** A group of Anna with the others in it, and each one's handle of it, live. */
async function talk<const Users extends readonly string[]>(
  ...users: Users
): Promise<{ id: string; clients: { [At in keyof Users]: TidingsClient }; rooms: { [At in keyof Users]: ChatRoom } }> {
  const clients = await Promise.all(users.map((user) => connect(user)));
  const id = newRoom();
  await clients[0]!.chat.createRoom({ kind: 'group', id, name: 'Group', members: users.slice(1) });
  const rooms = clients.map((client) => client.chat.room(id));
  await Promise.all(rooms.map((room) => until(room.messages, ({ status }) => status === 'live')));
  return { id, clients, rooms } as never;
}

const texts = ({ messages }: MessagesView): string[] => messages.map(({ text }) => text);

async function say(room: Timeline, ...lines: string[]): Promise<void> {
  for (const text of lines) room.send({ text });
  await until(room.messages, ({ messages }) => messages.every(({ state }) => state !== 'sending'));
}

test('a refused change is taken back, and says why', async () => {
  const { rooms } = await talk('anna', 'ben');
  const [hers, his] = rooms;
  await say(hers, 'mine');
  await until(his.messages, (view) => texts(view).includes('mine'));
  const edited = his.edit(1, 'his');
  expect(texts(his.messages.get())).toEqual(['his']);
  await expect(edited).rejects.toMatchObject({ code: 604 });
  expect(his.messages.get().messages[0]).toMatchObject({ text: 'mine', isEdited: false });
  await expect(his.delete(1)).rejects.toMatchObject({ code: 604 });
  expect(his.messages.get().messages[0]?.isDeleted).toBe(false);
  await hers.edit(1, 'hers');
  await until(his.messages, ({ messages }) => messages[0]?.text === 'hers' && messages[0].isEdited);
  await hers.delete(1);
  await until(his.messages, ({ messages }) => messages[0]?.isDeleted === true && messages[0].text === '');
});

test('a message that is refused stays as failed; retry keeps its key, discard takes it away', async () => {
  const { rooms, clients } = await talk('anna', 'ben');
  const [hers, his] = rooms;
  await hers.change({ frozen: true });
  const key = his.send({ text: 'let me' });
  await until(his.messages, ({ messages }) => messages[0]?.state === 'failed');
  expect(his.messages.get().messages[0]).toMatchObject({ key, failure: { code: 610 } });
  expect(clients[1].chat.outgoing.get()).toBe(0);
  await hers.change({ frozen: false });
  his.retry(key);
  await until(his.messages, ({ messages }) => messages[0]?.state === 'sent' && messages[0].key === key);
  await hers.change({ frozen: true });
  const other = his.send({ text: 'and me' });
  await until(his.messages, ({ messages }) => messages[1]?.state === 'failed');
  his.discard(other);
  await until(his.messages, ({ messages }) => messages.length === 1);
});

test('threads have timelines of their own, and who follows sees what is unread', async () => {
  const { rooms } = await talk('anna', 'ben');
  const [hers, his] = rooms;
  await say(hers, 'a question');
  const thread = his.thread(1);
  const key = thread.send({ text: 'an answer' });
  await until(thread.messages, ({ messages }) => messages[0]?.state === 'sent' && messages[0].key === key);
  await until(hers.messages, ({ messages }) => messages[0]?.message?.thread?.count === 1);
  expect(texts(hers.messages.get())).toEqual(['a question']);
  await until(hers.threads, ([first]) => first?.threadSeq === 1 && first.unread === 1 && first.isFollowing);
  const hersOf = hers.thread(1);
  await until(hersOf.view, ({ root }) => root?.text === 'a question');
  await until(hersOf.messages, (view) => texts(view)[0] === 'an answer');
  hersOf.setVisible(true);
  await until(hersOf.view, ({ unread }) => unread === 0);
  thread.setTyping('more');
  await until(hersOf.typing, (users) => users.includes('ben'));
  expect(hers.typing.get()).toEqual([]);
  await hersOf.close();
});

test('pages both ways without holes, jumps, and back to the latest', async () => {
  const { rooms, id } = await talk('anna', 'ben');
  const [hers] = rooms;
  for (let at = 1; at <= 230; at++) await engine.call('chat.send', { room: id, text: `${at}` }, { as: 'ben' });
  await until(hers.messages, (view) => texts(view).at(-1) === '230');
  await hers.jumpTo(40);
  const around = hers.messages.get();
  expect(texts(around)).toEqual(Array.from({ length: 230 }, (_, at) => `${at + 1}`));
  const anna = await connect('anna');
  const room = anna.chat.room(id);
  await until(room.messages, ({ status }) => status === 'live');
  expect([texts(room.messages.get())[0], room.messages.get().hasBefore]).toEqual(['181', true]);
  await room.jumpTo(40);
  expect(room.messages.get()).toMatchObject({ hasBefore: true, hasAfter: true });
  await room.loadBefore();
  await room.loadAfter();
  const shown = texts(room.messages.get());
  expect(shown).toEqual(Array.from({ length: shown.length }, (_, at) => `${Number(shown[0]) + at}`));
  expect(shown).toContain('40');
  hers.send({ text: 'meanwhile' });
  while (room.messages.get().hasAfter) await room.loadAfter();
  await until(room.messages, (view) => texts(view).at(-1) === 'meanwhile');
  await room.jumpTo(3);
  room.send({ text: 'from far up' });
  await until(room.messages, (view) => texts(view).at(-1) === 'from far up' && !view.hasAfter);
});

test('who is kicked sees the room go, and comes back when invited', async () => {
  const { rooms, clients, id } = await talk('anna', 'ben');
  const [hers, his] = rooms;
  await hers.kick('ben');
  await until(his.gone, (gone) => gone !== undefined);
  await until(clients[1].chat.rooms, (view) => !view.rooms.some((room) => room.id === id));
  await hers.invite(['ben']);
  await until(his.gone, (gone) => gone === undefined);
  await say(hers, 'welcome back');
  await until(his.messages, (view) => view.status === 'live' && texts(view).at(-1) === 'welcome back');
});

test('drafts are the same on all devices, and gone when they are emptied', async () => {
  const { rooms, id } = await talk('anna', 'ben');
  const [hers] = rooms;
  const other = (await connect('anna')).chat.room(id);
  hers.setDraft('half a th');
  hers.setDraft('half a thought');
  expect(hers.draft.get()).toBe('half a thought');
  await until(other.draft, (text) => text === 'half a thought');
  other.setDraft('');
  await until(hers.draft, (text) => text === '');
});

test('unread: counted, marked anew, and where new begins', async () => {
  const { rooms, clients, id } = await talk('anna', 'ben');
  const [hers, his] = rooms;
  const line = () => clients[1].chat.rooms.get().rooms.find((room) => room.id === id);
  await say(hers, 'one', 'two', 'three');
  await until(clients[1].chat.rooms, () => line()?.unread === 3 && line()?.lastMessage?.text === 'three');
  await until(clients[1].chat.unread, ({ messages }) => messages >= 3);
  await his.markRead(2);
  expect(line()?.unread).toBe(1);
  await his.markUnread(2);
  await until(clients[1].chat.rooms, () => line()?.unread === 2);
  expect(his.messages.get().firstUnreadSeq).toBe(2);
  await his.markRead();
  await until(clients[1].chat.rooms, () => line()?.unread === 0);
});

test('a direct room has the name of the other, and there is one for each pair', async () => {
  const [anna, ben] = [await connect('anna'), await connect('ben')];
  await ben.chat.setProfile({ name: 'Ben the Bold' });
  const view = await anna.chat.direct('ben');
  await until(anna.chat.rooms, ({ rooms }) => rooms.some((room) => room.title === 'Ben the Bold'));
  expect((await ben.chat.direct('anna')).id).toBe(view.id);
  expect(view).toMatchObject({ kind: 'direct', peer: 'ben' });
});

test('notices come once, not for what one looks at, and say when one is named', async () => {
  const { rooms, clients, id } = await talk('anna', 'ben');
  const [hers, his] = rooms;
  const notices: ChatNotice[] = [];
  clients[1].chat.onNotice((notice) => notices.push(notice));
  hers.send({ text: 'hey @ben', mentions: { users: ['ben'] } });
  await expect.poll(() => notices.length).toBe(1);
  expect(notices[0]).toMatchObject({ kind: 'mention', room: { id }, message: { text: 'hey @ben' } });
  his.setVisible(true);
  await say(hers, 'looked at');
  await until(his.messages, (view) => texts(view).at(-1) === 'looked at');
  his.setVisible(false);
  await say(hers, 'not looked at');
  await expect.poll(() => notices.length).toBe(2);
  expect(notices[1]).toMatchObject({ kind: 'message', message: { text: 'not looked at' } });
});

test('members come in pages, pins with the latest first, polls with what one chose', async () => {
  const { rooms, id } = await talk('anna', 'ben');
  const [hers, his] = rooms;
  await until(his.members, ({ status }) => status === 'live');
  expect(his.members.get().members.map(({ user }) => user)).toEqual(['anna', 'ben']);
  await hers.invite(['cleo']);
  await until(his.members, ({ members }) => members.some(({ user }) => user === 'cleo'));
  await say(hers, 'one', 'two');
  await hers.pin(1);
  await hers.pin(2);
  await until(his.pins, (pins) => pins.length === 2);
  expect(his.pins.get().map(({ seq }) => seq)).toEqual([2, 1]);
  await hers.unpin(2);
  await until(his.pins, (pins) => pins.length === 1);
  await engine.call('chat.createPoll', { room: id, question: 'When?', options: ['now', 'later'] }, { as: 'anna' });
  const poll = await until(his.messages, ({ messages }) => messages.at(-1)?.message?.poll !== undefined);
  const { seq = 0, message } = poll.messages.at(-1)!;
  const option = message!.poll!.options[0]!.id;
  const voted = his.vote(seq, [option]);
  expect(his.messages.get().messages.at(-1)).toMatchObject({ ownVotes: [option], message: { poll: { voters: 1 } } });
  await voted;
  await until(hers.messages, ({ messages }) => messages.at(-1)?.message?.poll?.options[0]?.votes === 1);
});

test('what did not change stays the same object', async () => {
  const { rooms } = await talk('anna', 'ben');
  const [hers, his] = rooms;
  await say(hers, 'one', 'two');
  await until(his.messages, ({ messages }) => messages.length === 2);
  const before = his.messages.get();
  await his.react(2, '👍');
  const after = his.messages.get();
  expect(after.messages[0]).toBe(before.messages[0]);
  expect(after.messages[1]).not.toBe(before.messages[1]);
});

test('a client that is closed and opened again with the same storage shows at once what it had seen', async () => {
  const { id } = await talk('anna', 'ben');
  await engine.call('chat.send', { room: id, text: 'seen' }, { as: 'ben' });
  const cache = createMemoryCache();
  const storage: ClientOptions['storage'] = async (_user, connection) => {
    const tabs = createSingleTab();
    const outbox = new PersistentOutbox({ connection, store: createMemoryOutboxStore(), tabs });
    return { cache, tabs, outbox, [Symbol.asyncDispose]: () => outbox[Symbol.asyncDispose]() };
  };
  const first = await connect('anna', { storage });
  await until(first.chat.room(id).messages, (view) => texts(view).includes('seen'));
  await first.close();
  const again = createClient({ url: 'http://127.0.0.1:9', user: 'anna', storage });
  onTestFinished(() => again.close());
  await until(again.chat.rooms, ({ status, rooms }) => status === 'cached' && rooms.some((room) => room.id === id));
  await until(again.chat.room(id).messages, (view) => view.status === 'cached' && texts(view).includes('seen'));
  await again.signOut();
  expect((await cache.load()).rooms).toEqual([]);
});
