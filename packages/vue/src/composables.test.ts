/** The composables over a real client and a real server, in effect scopes as components have them. */
import { createHmac } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClient, type Attachment, type ChatNotice } from '@tidings/client';
import { createEngine, createLogger, developmentConfig, type Engine } from '@tidings/server';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { createApp, effectScope, nextTick, ref, shallowRef } from 'vue';
import {
  provideTidings,
  useAttachmentUrl,
  useChat,
  useConnection,
  useDraft,
  useGone,
  useMe,
  useMembers,
  useMessages,
  useName,
  useNotices,
  useOpenRoomView,
  useOutgoing,
  usePins,
  usePresence,
  useProfile,
  useReceipts,
  useRoom,
  useRooms,
  useRoomView,
  useThread,
  useThreads,
  useThreadView,
  useTyping,
  useUnread,
  useUsers,
} from './index.ts';

const hmacSecret = 'a secret of more than thirty-two bytes';
const waiting = { timeout: 10_000 };
let engine: Engine;
let dataDir: string;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'tidings-vue-'));
  const config = developmentConfig({
    listen: { port: 0 },
    dataDir,
    auth: { jwt: { hmacSecret } },
    chat: { enabled: true },
  });
  engine = createEngine({ logger: createLogger('silent'), config });
  await engine.start();
  await engine.call('chat.upsertUsers', { users: [{ id: 'ben', name: 'Ben' }] });
  for (const id of ['weekend', 'work']) {
    await engine.call('chat.createRoom', { kind: 'group', id, name: `The ${id}`, members: ['ben'] }, { as: 'ann' });
  }
});

afterAll(async () => {
  await engine.stop();
  await rm(dataDir, { recursive: true });
});

function tokenFor(sub: string): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'HS256' })}.${part({ sub })}`;
  return `${signed}.${createHmac('sha256', hmacSecret).update(signed).digest('base64url')}`;
}

/** Runs a setup function as that of a component of an app that provides Ann's client. */
function setUp<T>(setup: () => T): { readonly shown: T; readonly end: () => void } {
  const client = createClient({
    url: `http://127.0.0.1:${engine.address?.port}`,
    token: tokenFor('ann'),
    storage: 'memory',
  });
  onTestFinished(() => client.close());
  client.connect();
  const app = createApp({});
  provideTidings(client, app);
  const scope = effectScope();
  const shown = app.runWithContext(() => scope.run(setup)) as T;
  onTestFinished(() => scope.stop());
  return { shown, end: () => scope.stop() };
}

const ben = (command: string, input: object): Promise<unknown> => engine.call(`chat.${command}`, input, { as: 'ben' });

test('without a client it says what to do', () => {
  expect(() => createApp({}).runWithContext(() => useRooms())).toThrow('provideTidings');
});

test('the connection, the list of rooms, people', async () => {
  const who = ref<string | undefined>();
  const { shown } = setUp(() => ({
    connection: useConnection(),
    me: useMe(),
    rooms: useRooms(),
    line: useRoomView(() => 'weekend'),
    unread: useUnread(),
    outgoing: useOutgoing(),
    profile: useProfile(),
    name: useName('ben'),
    others: useUsers(() => ['ben', 'nobody']),
    presence: usePresence(who),
    chat: useChat(),
  }));
  await expect.poll(() => shown.connection.value.status, waiting).toBe('online');
  expect(shown.me.value).toBe('ann');
  await expect.poll(() => shown.rooms.value.rooms.length, waiting).toBe(2);
  await expect.poll(() => shown.line.value?.title).toBe('The weekend');
  await expect.poll(() => shown.name.value, waiting).toBe('Ben');
  expect(shown.others.value).toMatchObject([{ name: 'Ben' }, undefined]);
  await ben('send', { room: 'weekend', text: 'Hello' });
  await expect.poll(() => shown.unread.value.messages, waiting).toBe(1);
  await shown.chat.setProfile({ name: 'Ann' });
  await expect.poll(() => shown.profile.value?.name, waiting).toBe('Ann');
  expect([shown.outgoing.value, shown.presence.value]).toEqual([0, undefined]);
  who.value = 'ben';
  await expect.poll(() => shown.presence.value, waiting).toMatchObject({ user: 'ben', status: 'offline' });
});

test('a room is open as long as the scope, and changes with its id', async () => {
  const id = ref<string | undefined>('weekend');
  const { shown, end } = setUp(() => {
    const room = useRoom(id);
    return {
      room,
      view: useOpenRoomView(room),
      messages: useMessages(room),
      typing: useTyping(room),
      draft: useDraft(room),
      members: useMembers(room),
      receipts: useReceipts(room),
      pins: usePins(room),
      gone: useGone(room),
    };
  });
  await expect.poll(() => shown.messages.value.status, waiting).toBe('live');
  await expect.poll(() => shown.members.value.members.map(({ user }) => user), waiting).toEqual(['ann', 'ben']);
  shown.room.value?.send({ text: 'From Vue' });
  await expect
    .poll(() => shown.messages.value.messages.at(-1), waiting)
    .toMatchObject({ text: 'From Vue', state: 'sent' });
  const seq = shown.messages.value.messages.at(-1)?.seq ?? 0;
  await shown.room.value?.pin(seq);
  await expect.poll(() => shown.pins.value.length, waiting).toBe(1);
  await ben('markRead', { room: 'weekend', seq });
  await expect.poll(() => shown.receipts.value.read.get('ben'), waiting).toBe(seq);
  await ben('typing', { room: 'weekend' });
  await expect.poll(() => shown.typing.value, waiting).toEqual(['ben']);
  shown.draft.value = 'Half a sen';
  expect(shown.draft.value).toBe('Half a sen');

  const first = shown.room.value;
  id.value = 'work';
  expect(shown.room.value).not.toBe(first);
  expect(shown.draft.value).toBe('');
  await expect.poll(() => shown.view.value?.title, waiting).toBe('The work');
  await engine.call('chat.kick', { room: 'work', user: 'ann' });
  await expect.poll(() => shown.gone.value?.code, waiting).toBeGreaterThan(0);
  id.value = undefined;
  expect([shown.room.value, shown.messages.value.status, shown.gone.value]).toEqual([undefined, 'loading', undefined]);

  id.value = 'weekend';
  await expect.poll(() => shown.messages.value.status, waiting).toBe('live');
  const before = shown.messages.value;
  end();
  await ben('send', { room: 'weekend', text: 'Nobody sees this' });
  expect(shown.messages.value).toBe(before);
});

test('a thread, and notices', async () => {
  const { message } = (await ben('send', { room: 'weekend', text: 'A thread' })) as { message: { seq: number } };
  const seq = ref<number | undefined>();
  const notices: ChatNotice[] = [];
  const { shown } = setUp(() => {
    const room = useRoom('weekend');
    const thread = useThread(room, seq);
    useNotices((notice) => notices.push(notice));
    const rooms = useRooms();
    return { thread, rooms, messages: useMessages(thread), view: useThreadView(thread), threads: useThreads(room) };
  });
  expect(shown.thread.value).toBeUndefined();
  await expect.poll(() => shown.rooms.value.status, waiting).toBe('live');
  seq.value = message.seq;
  await expect.poll(() => shown.messages.value.status, waiting).toBe('live');
  shown.thread.value?.send({ text: 'A reply' });
  await expect.poll(() => shown.messages.value.messages.map(({ text }) => text), waiting).toEqual(['A reply']);
  await expect.poll(() => shown.view.value?.root?.text, waiting).toBe('A thread');
  await expect.poll(() => shown.threads.value.map(({ threadSeq }) => threadSeq), waiting).toEqual([message.seq]);
  await ben('send', { room: 'weekend', text: 'Ann?', mentions: { users: ['ann'] } });
  await expect.poll(() => notices.map((notice) => notice.message?.text), waiting).toContain('Ann?');
});

test('a link to a file follows what it is a link to', async () => {
  const attachment = shallowRef<Attachment>();
  const { shown } = setUp(() => ({
    connection: useConnection(),
    room: useRoom('weekend'),
    url: useAttachmentUrl(attachment),
  }));
  await expect.poll(() => shown.connection.value.status, waiting).toBe('online');
  expect(shown.url.value).toBeUndefined();
  attachment.value = await shown.room.value?.upload(new File(['what was said'], 'notes.txt', { type: 'text/plain' }));
  await expect.poll(() => shown.url.value, waiting).toBeDefined();
  const response = await fetch(shown.url.value ?? '');
  expect(await response.text()).toBe('what was said');
  attachment.value = undefined;
  await nextTick();
  expect(shown.url.value).toBeUndefined();
});
