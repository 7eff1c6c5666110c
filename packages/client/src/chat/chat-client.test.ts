import { FakeClock } from '@tidings/server/testing';
import { expect, onTestFinished, test, vi } from 'vitest';
import { TidingsError } from '../error.ts';
import { createBrowserTabs } from '../tabs/browser-tabs.ts';
import { createSingleTab } from '../tabs/single-tab.ts';
import type { Tabs } from '../tabs/tabs.ts';
import type { ChatCache } from './cache/chat-cache.ts';
import { createMemoryCache } from './cache/memory.ts';
import { aMessage, aRoom } from './cache/testing/cache-values.ts';
import { ChatClient } from './chat-client.ts';
import { createMemoryOutboxStore } from './outbox/memory-outbox-store.ts';
import { PersistentOutbox } from './outbox/persistent-outbox.ts';
import type { Message, Profile } from './publications.ts';
import { createScriptedContext, type ScriptedCall } from './testing/scripted-context.ts';

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const message = (seq: number, more: Partial<Message> = {}): Message => ({ ...aMessage(seq), ...more });

const page = (...messages: Message[]) => ({ messages, hasBefore: false, hasAfter: false, own: [] });
const live = { recovered: false, position: { offset: 7, epoch: 'e' } };

interface Created {
  readonly isKnown?: boolean;
  readonly isOnline?: boolean;
  /** What several tabs share. */
  readonly cache?: ChatCache;
  readonly openTabs?: () => Tabs;
}

async function create({ isKnown = true, isOnline = true, openTabs = createSingleTab, ...shared }: Created = {}) {
  const clock = new FakeClock();
  const context = createScriptedContext(clock);
  const { connection, state, calls, channels } = context;
  const { cache = context.cache } = shared;
  if (!isKnown) context.user.set(undefined);
  if (!isOnline) state.set({ status: 'connecting', sinceMs: 0 });
  const tabs = openTabs();
  const chat = new ChatClient({
    connection,
    clock,
    async openStorage() {
      const outbox = new PersistentOutbox({ connection, store: createMemoryOutboxStore(), tabs, clock });
      const close = async (): Promise<void> => {
        await outbox[Symbol.asyncDispose]();
        await tabs[Symbol.asyncDispose]();
      };
      return { cache, outbox, tabs, [Symbol.asyncDispose]: close };
    },
  });
  onTestFinished(() => chat[Symbol.asyncDispose]());
  await settle();
  const call = (name: string): ScriptedCall => {
    const found = calls.find((one) => one.name === name);
    if (!found) throw new Error(`${name} was not called, only ${calls.map((one) => one.name).join(', ')}`);
    return found;
  };
  /** The room is open, and has these messages. */
  const open = async (...messages: Message[]) => {
    const room = chat.room('r');
    await settle();
    channels.get('chat:room:r')!.listener.subscribed(live);
    await call('messages').answer(page(...messages));
    return room;
  };
  return { clock, chat, cache, state, call, channels, open };
}

test('people who were found are known and remembered, without being asked for again', async () => {
  const { clock, chat, cache, call } = await create();
  const found = chat.findUsers({ query: 'ann' });
  await call('findUsers').answer({ users: [{ id: 'ann', name: 'Ann' }] });
  expect(await found).toEqual({ users: [{ id: 'ann', name: 'Ann' }] });
  const stop = chat.user('ann').subscribe(() => {});
  onTestFinished(stop);
  await clock.advance(1_000);
  expect(chat.user('ann').get()).toEqual({ id: 'ann', name: 'Ann' });
  expect(() => call('users')).toThrow('users was not called');
  await settle();
  expect((await cache.load()).users).toEqual([{ id: 'ann', name: 'Ann' }]);
});

test('a message stays on the screen when the server has answered, before it is published', async () => {
  const { clock, call, open } = await create();
  const room = await open(message(1));
  room.send({ text: 'mine' });
  await settle();
  await clock.advance(0);
  expect(room.messages.get().messages.map(({ state }) => state)).toEqual(['received', 'sending']);
  const { clientId } = call('send').input as { clientId: string };
  await call('send').answer({ message: message(2, { sender: 'me', text: 'mine', clientId }) });
  await clock.advance(0);
  expect(room.messages.get().messages.at(-1)).toMatchObject({ key: clientId, seq: 2, state: 'sent', text: 'mine' });
});

test('a message that comes before the list was read for the first time is told; one that was there before is not', async () => {
  const { clock, chat, call, channels } = await create();
  const told: (string | undefined)[] = [];
  chat.onNotice((notice) => told.push(notice.message?.text));
  const startedAt = clock.now() + 3_600_000;
  await clock.advance(5_000);
  const { listener } = channels.get('chat:user:me')!;
  listener.subscribed(live);
  listener.publication({ type: 'activity', room: 'listening', rev: 8, lastSeq: 2, lastAt: 2, countable: 2 }, 8);
  const at = { before: startedAt - 1, connecting: startedAt, listening: startedAt + 5_000 };
  const line = ([room, createdAt]: [string, number]) => {
    const item = aRoom(room);
    const lastMessage = message(2, { room, id: room, text: room, createdAt });
    return { ...item, room: { ...item.room, lastSeq: 2, countable: 2, rev: 8 }, lastMessage };
  };
  const lines = Object.entries(at).map(line);
  const counters = { rev: 8, lastSeq: 2, lastAt: 2, countable: 2, unread: 1 };
  const rooms = Object.keys(at).map((room) => ({ room, ...counters }));
  const snapshot = { at: startedAt + 5_000, rooms, gone: [], drafts: [], blocks: [], invisible: false };
  await call('sync').answer(snapshot);
  await clock.advance(0);
  await call('rooms').answer({ rooms: lines, hasMore: false });
  expect(chat.rooms.get().status).toBe('live');
  await clock.advance(1_000);
  expect(new Set(told)).toEqual(new Set(['connecting', 'listening']));
});

test('a room that was denied is entered again when the person asks for its latest messages', async () => {
  const { chat, channels, call } = await create();
  const room = chat.room('r');
  await settle();
  const denied = { code: 103, message: 'permission denied' };
  channels.get('chat:room:r')!.listener.ended?.(denied);
  expect([room.messages.get().status, room.gone.get(), channels.has('chat:room:r')]).toEqual(['failed', denied, false]);
  void room.jumpToLatest();
  channels.get('chat:room:r')!.listener.ended?.(denied);
  expect([room.messages.get().status, room.gone.get()]).toEqual(['failed', denied]);
  void room.jumpToLatest();
  expect(room.messages.get().status).toBe('loading');
  channels.get('chat:room:r')!.listener.subscribed(live);
  await call('messages').answer(page(message(1)));
  expect([room.messages.get().status, room.gone.get()]).toEqual(['live', undefined]);
});

test('the own profile is read again after a gap, and not when nothing was missed', async () => {
  const cache = createMemoryCache();
  await cache.putProfile({ id: 'me', name: 'Before' });
  await cache.putPosition({ offset: 3, epoch: 'e' });
  const { chat, call, channels } = await create({ cache });
  const { listener, since } = channels.get('chat:user:me')!;
  expect([chat.profile.get()?.name, since?.offset]).toEqual(['Before', 3]);
  listener.subscribed({ recovered: true, position: { offset: 3, epoch: 'e' } });
  expect(() => call('profile')).toThrow('was not called');
  listener.subscribed({ recovered: false, position: { offset: 90, epoch: 'e' } });
  // For now; then it is tried again with the next connection.
  await call('profile').fail(TidingsError.of('timeout'));
  listener.subscribed({ recovered: true, position: { offset: 90, epoch: 'e' } });
  await call('profile').answer({ profile: { id: 'me', name: 'After' } });
  expect(chat.profile.get()?.name).toBe('After');
  listener.subscribed({ recovered: true, position: { offset: 90, epoch: 'e' } });
  expect(() => call('profile')).toThrow('was not called');
});

/** A page that tells what happens to it. */
function stubPage() {
  onTestFinished(() => void vi.unstubAllGlobals());
  const [page, shown] = [new EventTarget(), Object.assign(new EventTarget(), { visibilityState: 'visible' })];
  vi.stubGlobal('document', shown);
  vi.stubGlobal('addEventListener', page.addEventListener.bind(page));
  return { page, shown };
}

test.each(['pagehide', 'visibilitychange'])('what was seen is written down when the page goes: %s', async (how) => {
  const { page: left, shown } = stubPage();
  const { cache, call, channels, open } = await create();
  const room = await open(message(1));
  channels.get('chat:user:me')!.listener.subscribed(live);
  await call('sync').answer({ at: 0, rooms: [], gone: [], drafts: [], blocks: [], invisible: false });
  channels.get('chat:user:me')!.listener.publication({ type: 'room', item: aRoom('r') }, 8);
  room.setDraft('begun');
  shown.dispatchEvent(new Event('visibilitychange'));
  await settle();
  // It was shown, not hidden.
  expect(await cache.timeline('r')).toBeUndefined();
  if (how === 'visibilitychange') shown.visibilityState = 'hidden';
  (how === 'pagehide' ? left : shown).dispatchEvent(new Event(how));
  await settle();
  expect((await cache.timeline('r'))?.messages).toHaveLength(1);
  expect(await cache.load()).toMatchObject({ rooms: [{ room: { id: 'r' } }], position: { offset: 8 } });
  expect(call('setDraft').input).toEqual({ room: 'r', text: 'begun' });
});

test('after signing out nothing is left on the device, whatever was still to be written', async () => {
  const { cache, chat, channels, open } = await create();
  await open(message(1));
  channels.get('chat:user:me')!.listener.publication({ type: 'room', item: aRoom('r') }, 8);
  await chat.clear();
  channels.get('chat:user:me')!.listener.publication({ type: 'room', item: aRoom('late') }, 9);
  await chat[Symbol.asyncDispose]();
  expect(await cache.load()).toEqual({ rooms: [], drafts: [], users: [] });
  expect(await cache.timeline('r')).toBeUndefined();
});

test('after signing out in one tab another one writes nothing more on the device, and stays connected', async () => {
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  const memory = createMemoryCache();
  const cache = { ...memory, putProfile: (profile: Profile) => held.then(() => memory.putProfile(profile)) };
  const name = `chat ${process.pid}`;
  const openTabs = (): Tabs => createBrowserTabs(name);
  const [leaving, staying] = [await create({ cache, openTabs }), await create({ cache, openTabs })];
  const room = await staying.open(message(1));
  const { listener } = staying.channels.get('chat:user:me')!;
  // On its way to the device all the while.
  listener.publication({ type: 'profile', profile: { id: 'me', name: 'Me' } }, 7);
  await settle();
  await leaving.chat.clear();
  await leaving.chat[Symbol.asyncDispose]();
  // Tabs hear each other after a moment.
  for (let turn = 0; turn < 20; turn += 1) await settle();
  release();
  listener.publication({ type: 'room', item: aRoom('late') }, 9);
  room.setDraft('begun');
  await staying.clock.advance(5_000);
  await settle();
  const nothing = { rooms: [], drafts: [], users: [] };
  expect([await cache.load(), await cache.timeline('r')]).toEqual([nothing, undefined]);
  expect(staying.call('setDraft').input).toEqual({ room: 'r', text: 'begun' });
});

test('closing twice at once, and signing out before there is a user, come to an end', async () => {
  const { chat } = await create({ isKnown: false, isOnline: false });
  await chat.clear();
  await Promise.all([chat[Symbol.asyncDispose](), chat[Symbol.asyncDispose]()]);
});

test('without a user the list of rooms fails and says why; rooms that anybody may read can be read', async () => {
  const { chat, state, open } = await create({ isKnown: false, isOnline: false });
  expect(chat.rooms.get().status).toBe('loading');
  state.set({ status: 'online', sinceMs: 0 });
  await settle();
  const { status, failure } = chat.rooms.get();
  expect([status, failure?.message]).toEqual(['failed', expect.stringContaining('no `sub`')]);
  const room = await open(message(1));
  expect(room.messages.get()).toMatchObject({ status: 'live', messages: [{ text: 'message 1' }] });
});

test('where the server has no chat, the list of rooms fails and says why', async () => {
  const { chat, channels } = await create();
  channels.get('chat:user:me')!.listener.ended?.({ code: 102, message: 'unknown channel' });
  const { status, failure } = chat.rooms.get();
  expect(status).toBe('failed');
  expect(failure).toBeInstanceOf(TidingsError);
  expect(failure).toMatchObject({ code: 102, message: expect.stringContaining('unknown channel') as string });
});
