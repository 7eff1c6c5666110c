/**
 * Random histories of several people and devices on a network that fails: cuts, lost and late answers, answers that
 * overtake publications and the other way round, publications twice, resets, devices that die and start again with what
 * they had kept. When all are connected again and it is quiet, every screen shows what the server has.
 */
import { createHmac } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestEngine, settle, type TestEngine } from '@tidings/server/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ChatOutput, ChatRoom, Timeline } from './chat.ts';
import type { RoomListItem } from './publications.ts';
import { TestDevice } from './testing/test-device.ts';
import type { TestSocket } from './testing/turned-connection.ts';
import type { MessagesView, RoomView } from './views.ts';

const hmacSecret = 'a secret of thirty-two bytes or more';
const users = ['anna', 'anna', 'ben', 'cleo'] as const;
const rooms = ['r1', 'r2'] as const;
const emojis = ['👍', '🎉'] as const;

/** Messages in r1 before anybody looks: more than a page. */
const past = 70;

const device = fc.nat({ max: users.length - 1 });
const room = fc.constantFrom('r1', 'r1', 'r1', 'r2' as const);
/** Of a message: the nth from the end; mostly the same few, so that changes meet. */
const nth = fc.oneof({ weight: 3, arbitrary: fc.nat({ max: 2 }) }, { weight: 1, arbitrary: fc.nat({ max: 40 }) });
/** Of a message, wherever it stands. */
const seq = fc.integer({ min: 1, max: 2 * past });
const does = <const Name extends string>(...names: Name[]) => fc.constantFrom(...names);

const step = fc.oneof(
  { weight: 10, arbitrary: fc.record({ do: does('send'), device, room }) },
  { weight: 3, arbitrary: fc.record({ do: does('reply'), device, room, nth: fc.nat({ max: 3 }) }) },
  { weight: 8, arbitrary: fc.record({ do: does('edit', 'edit', 'delete', 'pin', 'unpin'), device, room, nth }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: does('react', 'unreact'), device, room, nth, emoji: fc.constantFrom(...emojis) }),
  },
  { weight: 4, arbitrary: fc.record({ do: does('read', 'unread'), device, room, nth }) },
  { weight: 4, arbitrary: fc.record({ do: does('open', 'close', 'look', 'lookAway'), device, room }) },
  { weight: 3, arbitrary: fc.record({ do: does('before', 'after', 'latest'), device, room }) },
  { weight: 1, arbitrary: fc.record({ do: does('thread'), device, room, nth }) },
  { weight: 3, arbitrary: fc.record({ do: does('jump'), device, room, seq }) },
  { weight: 3, arbitrary: fc.record({ do: does('elsewhere'), room, seq }) },
  { weight: 2, arbitrary: fc.record({ do: does('draft'), device, room, text: fc.constantFrom('', 'a', 'b') }) },
  { weight: 4, arbitrary: fc.record({ do: does('archive', 'unarchive', 'mute', 'top'), device, room }) },
  { weight: 1, arbitrary: fc.record({ do: does('kick', 'invite'), room }) },
  { weight: 2, arbitrary: fc.record({ do: does('many'), room, count: fc.integer({ min: 3, max: 40 }) }) },
  { weight: 10, arbitrary: fc.record({ do: does('cut', 'restore', 'restart', 'blink', 'blink'), device }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: does('hold', 'release'),
      device,
      what: fc.constantFrom('answers' as const, 'stream' as const),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: does('lag'),
      device,
      answers: fc.constantFrom(0, 2, 10, 400, 2_000),
      stream: fc.constantFrom(0, 2, 10, 400, 2_000),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: does('twice'), device }) },
  { weight: 8, arbitrary: fc.record({ do: does('wait'), ms: fc.constantFrom(0, 1, 30, 300, 3_000, 30_000) }) },
  // The history of a user's channel is gone then.
  { weight: 1, arbitrary: fc.record({ do: does('wait'), ms: fc.constant(660_000) }) },
);

type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

/** What fails is refused by the server, or for want of a connection. */
const ignore = (): undefined => undefined;

class World implements AsyncDisposable {
  readonly engine: TestEngine;
  readonly devices: TestDevice[];
  /** Texts by device, in the order they were sent. */
  readonly sent = new Map<TestDevice, { room: string; text: string; threadSeq: number | undefined }[]>();
  readonly #dataDir: string;
  #texts = 0;

  private constructor(engine: TestEngine, dataDir: string) {
    this.engine = engine;
    this.#dataDir = dataDir;
    this.devices = users.map(
      (user) =>
        new TestDevice({ user, token: tokenOf(user), clock: engine.clock, dial: () => engine.dial() as TestSocket }),
    );
  }

  static async create(): Promise<World> {
    const dataDir = await mkdtemp(join(tmpdir(), 'tidings-model-'));
    const engine = await createTestEngine({
      config: {
        auth: { jwt: { hmacSecret } },
        dataDir,
        chat: { enabled: true },
        limits: { recoveredPublications: 8, commandsPerSecondPerConnection: 0, errorsPerConnection: 0 },
      },
    });
    for (const id of rooms) {
      await engine.engine.call('chat.createRoom', { kind: 'group', id, members: ['ben', 'cleo'] }, { as: 'anna' });
    }
    const send = (_: unknown, at: number) =>
      engine.engine.call('chat.send', { room: 'r1', text: `p${at}` }, { as: 'ben' });
    await Promise.all(Array.from({ length: past }, send));
    return new World(engine, dataDir);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const one of this.devices) one.die();
    await this.engine[Symbol.asyncDispose]();
    await rm(this.#dataDir, { recursive: true, force: true });
  }

  async pass(ms: number): Promise<void> {
    await this.engine.clock.advance(ms);
    for (let turn = 0; turn < 3; turn++) {
      await settle();
      await this.engine.clock.advance(0);
    }
  }

  /** Everybody is connected, and nothing is on its way any more. */
  async heal(): Promise<void> {
    for (const { connection } of this.devices) {
      connection.release('answers');
      connection.release('stream');
      connection.duplicates = 0;
      Object.assign(connection.lagMs, { answers: 0, stream: 0 });
      connection.restore();
    }
    for (let step = 0; step < 150; step++) await this.pass(400);
  }

  call<T>(name: string, input: object, as: string): Promise<T> {
    return this.engine.engine.call(`chat.${name}`, input, { as }) as Promise<T>;
  }

  async run(one: Step): Promise<void> {
    switch (one.do) {
      case 'wait':
        return this.pass(one.ms);
      case 'kick':
        await this.call('kick', { room: one.room, user: 'cleo' }, 'anna').catch(ignore);
        return;
      case 'invite':
        await this.call('invite', { room: one.room, users: ['cleo'] }, 'anna').catch(ignore);
        return;
      case 'elsewhere':
        // On no device of these.
        await this.call('edit', { room: one.room, seq: one.seq, text: this.#text() }, 'ben').catch(ignore);
        return;
      case 'many':
        for (let at = 0; at < one.count; at++) await this.call('send', { room: one.room, text: this.#text() }, 'ben');
        return;
      default:
        this.#act(one, this.devices[one.device]!);
        return this.pass(1);
    }
  }

  #text(): string {
    return `t${++this.#texts}`;
  }

  #act(one: Extract<Step, { device: number }>, by: TestDevice): void {
    switch (one.do) {
      case 'cut':
        return by.connection.cut();
      case 'restore':
        return by.connection.restore();
      case 'blink':
        by.connection.cut();
        return by.connection.restore();
      case 'restart':
        by.die();
        return by.start();
      case 'hold':
        return by.connection.hold(one.what);
      case 'release':
        return by.connection.release(one.what);
      case 'lag':
        Object.assign(by.connection.lagMs, { answers: one.answers, stream: one.stream });
        return;
      case 'twice':
        by.connection.duplicates += 3;
        return;
      default:
        return this.#actInRoom(one, by);
    }
  }

  #actInRoom(one: Extract<Step, { device: number; room: string }>, by: TestDevice): void {
    const own = by.open(one.room);
    switch (one.do) {
      case 'send':
        return this.#send(by, own, one.room, undefined);
      case 'reply': {
        const parent = this.#nth(own, one.nth)?.seq;
        if (parent !== undefined) this.#send(by, by.openThread(one.room, parent), one.room, parent);
        return;
      }
      case 'close':
        return void by.closeRoom(one.room);
      case 'open':
        return;
      case 'look':
      case 'lookAway':
        return own.setVisible(one.do === 'look');
      case 'before':
        return void own.loadBefore().catch(ignore);
      case 'after':
        return void own.loadAfter().catch(ignore);
      case 'latest':
        return void own.jumpToLatest().catch(ignore);
      case 'jump':
        return void own.jumpTo(one.seq).catch(ignore);
      case 'draft':
        return own.setDraft(one.text);
      case 'archive':
      case 'unarchive':
        return void own.setArchived(one.do === 'archive').catch(ignore);
      case 'mute':
        return void own.setMuted().catch(ignore);
      case 'top':
        return void own.setPinned(true).catch(ignore);
      default: {
        const seq = this.#nth(own, one.nth)?.seq;
        if (seq !== undefined) this.#actOnMessage(one, by, seq);
      }
    }
  }

  #actOnMessage(one: Extract<Step, { device: number; nth: number }>, by: TestDevice, seq: number): void {
    const own = by.open(one.room);
    switch (one.do) {
      case 'edit':
        return void own.edit(seq, this.#text()).catch(ignore);
      case 'delete':
        return void own.delete(seq).catch(ignore);
      case 'pin':
        return void own.pin(seq).catch(ignore);
      case 'unpin':
        return void own.unpin(seq).catch(ignore);
      case 'react':
        return void own.react(seq, one.emoji).catch(ignore);
      case 'unreact':
        return void own.unreact(seq, one.emoji).catch(ignore);
      case 'read':
        return void own.markRead(seq).catch(ignore);
      case 'unread':
        return void own.markUnread(seq).catch(ignore);
      case 'thread':
        by.openThread(one.room, seq);
        return;
      case 'reply':
    }
  }

  #nth(own: ChatRoom, n: number) {
    const { messages } = own.messages.get();
    return messages[messages.length - 1 - n];
  }

  #send(by: TestDevice, timeline: Timeline, id: string, threadSeq: number | undefined): void {
    const text = this.#text();
    timeline.send({ text });
    const list = this.sent.get(by) ?? [];
    this.sent.set(by, list);
    list.push({ room: id, text, threadSeq });
  }
}

function tokenOf(sub: string): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'HS256' })}.${part({ sub })}`;
  return `${signed}.${createHmac('sha256', hmacSecret).update(signed).digest('base64url')}`;
}

type Page = ChatOutput<'messages'>;

/** All messages of a timeline, as the user sees them. */
async function truth(world: World, user: string, id: string, threadSeq?: number): Promise<Page> {
  const thread = threadSeq === undefined ? {} : { threadSeq };
  let page = await world.call<Page>('messages', { room: id, limit: 100, ...thread }, user);
  while (page.hasBefore) {
    const before = page.messages[0]!.seq;
    const older = await world.call<Page>('messages', { room: id, before, limit: 100, ...thread }, user);
    page = { ...older, messages: [...older.messages, ...page.messages], own: [...older.own, ...page.own] };
  }
  return page;
}

function checkTimeline(view: MessagesView, { messages, own }: Page, where: string): void {
  expect(view.status, where).toBe('live');
  const shown = view.messages.filter(({ seq }) => seq !== undefined);
  const first = shown[0]?.seq;
  const last = shown.at(-1)?.seq;
  const expected = messages.filter(
    ({ seq }) => (first === undefined || seq >= first) && (last === undefined || seq <= last),
  );
  expect(
    shown.map(({ message }) => message),
    where,
  ).toEqual(expected);
  expect([view.hasBefore, view.hasAfter], `${where}: before, after`).toEqual([
    messages[0]?.seq !== first,
    messages.at(-1)?.seq !== last,
  ]);
  const ownOf = new Map(own.map((state) => [state.seq, state.reactions]));
  for (const { seq, reactions } of shown) {
    const mine = reactions.filter(({ isOwn }) => isOwn).map(({ emoji }) => emoji);
    expect(mine.toSorted(), `${where}: own reactions of ${seq}`).toEqual((ownOf.get(seq!) ?? []).toSorted());
  }
  const waiting = view.messages.slice(shown.length).filter(({ state }) => state !== 'failed');
  expect(waiting, `${where}: waiting`).toEqual([]);
}

async function checkScreens(world: World): Promise<void> {
  for (const [at, one] of world.devices.entries()) {
    const who = `device ${at} of ${one.user}`;
    const lines = await world.call<ChatOutput<'rooms'>>('rooms', { rooms }, one.user);
    const { rooms: listed, archived, status } = one.chat.rooms.get();
    expect(status, who).toBe('live');
    const shown = [...listed, ...archived].map((view) => toTold(one, view as Line));
    const expected = lines.rooms.map((line) => toTold(one, { ...line.membership, ...line }));
    const byId = (a: { id: string }, b: { id: string }): number => (a.id < b.id ? -1 : 1);
    expect(shown.toSorted(byId), `${who}: room list`).toEqual(expected.toSorted(byId));
    const members = new Set(lines.rooms.map(({ room: line }) => line.id));
    for (const [id, open] of one.rooms) {
      if (!members.has(id)) {
        expect(open.gone.get(), `${who}: ${id} is gone`).toBeDefined();
        continue;
      }
      expect(open.gone.get(), `${who}: ${id} is there`).toBeUndefined();
      checkTimeline(open.messages.get(), await truth(world, one.user, id), `${who}: ${id}`);
      await checkReceipts(world, one, open, `${who}: ${id}`);
      const { drafts } = await world.call<ChatOutput<'drafts'>>('drafts', {}, one.user);
      const draft = drafts.find((other) => other.room === id && other.threadSeq === undefined)?.text ?? '';
      expect(open.draft.get(), `${who}: draft of ${id}`).toBe(draft);
    }
    for (const thread of one.threads.values()) {
      if (!members.has(thread.room)) continue;
      const page = await truth(world, one.user, thread.room, thread.threadSeq);
      checkTimeline(thread.messages.get(), page, `${who}: thread ${thread.room}:${thread.threadSeq}`);
    }
    expect(one.chat.outgoing.get(), `${who}: outgoing`).toBe(0);
  }
}

type Line = Pick<RoomView, 'room' | 'unread' | 'mentions'> & Pick<RoomListItem, 'membership' | 'lastMessage'>;

/** Of a room that is not open, nobody tells of changes but new messages. `rev` is how far the rest of the room is known. */
function toTold(one: TestDevice, { room: line, membership, lastMessage, unread, mentions }: Line) {
  const { id, lastSeq, countable, lastAt } = line;
  // Own devices are not told of `deliveredSeq`, and show it nowhere.
  const told = { id, membership: { ...membership, deliveredSeq: 0 }, unread, mentions, lastSeq, countable, lastAt };
  return one.rooms.has(id)
    ? { ...told, room: { ...line, rev: 0 }, lastMessage }
    : { ...told, lastMessage: lastMessage?.seq };
}

async function checkReceipts(world: World, one: TestDevice, open: ChatRoom, where: string): Promise<void> {
  const { receipts } = await world.call<ChatOutput<'receipts'>>('receipts', { room: open.id }, one.user);
  const others = receipts.filter(({ user }) => user !== one.user);
  const read = Object.fromEntries(others.map(({ user, readSeq }) => [user, readSeq]));
  expect(Object.fromEntries(open.receipts.get().read), `${where}: read`).toEqual(read);
  const floor = Math.min(...others.map(({ readSeq }) => readSeq));
  for (const { isOwn, seq, state, threadSeq } of open.messages.get().messages) {
    if (isOwn && seq !== undefined && threadSeq === undefined && others.length > 0) {
      expect(state === 'read', `${where}: state of ${seq}`).toBe(seq <= floor);
    }
  }
}

/** What a device sent is there once each and in order, but for what the server refused. */
async function checkSent(world: World): Promise<void> {
  for (const [one, list] of world.sent) {
    for (const id of rooms) {
      const main = await truth(world, 'anna', id);
      const threads = await Promise.all(
        [...new Set(list.map(({ threadSeq }) => threadSeq))]
          .filter((seq) => seq !== undefined)
          .map((seq) => truth(world, 'anna', id, seq)),
      );
      const all = [main, ...threads].flatMap(({ messages }) => messages).toSorted((a, b) => a.seq - b.seq);
      const ids = all.flatMap(({ clientId }) => clientId ?? []);
      expect(new Set(ids).size, 'client ids').toBe(ids.length);
      const texts = list.filter((sent) => sent.room === id).map(({ text }) => text);
      const unchanged = all.filter(({ text, version }) => version === 1 && texts.includes(text ?? ''));
      const inOrder = texts.filter((text) => unchanged.some((message) => message.text === text));
      expect(
        unchanged.map(({ text }) => text),
        `sent by ${one.user} in ${id}`,
      ).toEqual(inOrder);
      if (one.user === 'cleo') continue;
      const untouched = all.every(({ version, deletedAt }) => version === 1 && deletedAt === undefined);
      if (untouched) expect(inOrder, `all that ${one.user} sent in ${id}`).toEqual(texts);
    }
  }
}

/** `MODEL_RUNS=300` looks longer, `MODEL_SHRINK=1` for the shortest history that fails. */
const runs = Number(process.env['MODEL_RUNS'] ?? 30);

test(
  'after whatever happened, every screen shows what the server has',
  { timeout: 20_000 + runs * 5_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 60, size: 'max' }), async (steps) => {
        await using world = await World.create();
        await world.pass(1_000);
        for (const one of steps) await world.run(one);
        await world.heal();
        await checkScreens(world);
        await checkSent(world);
      }),
      {
        numRuns: runs,
        interruptAfterTimeLimit: 15_000 + runs * 4_000,
        endOnFailure: process.env['MODEL_SHRINK'] === undefined,
      },
    );
  },
);
