/**
 * Random operations of several users against a model in memory, on any store: what each command answers, what the
 * database holds afterwards, and what a client has that was away now and then.
 */
import fc from 'fast-check';
import { expect } from 'vitest';
import { FakeClock } from '../../packages/server/src/lib/clock.ts';
import { chatErrors, ChatError } from '../../packages/server/src/modules/chat/chat-error.ts';
import { roomOfChannel } from '../../packages/server/src/modules/chat/channel-names.ts';
import { toMember, toMessage, toRoom } from '../../packages/server/src/modules/chat/mappers.ts';
import type { Membership, Message, OwnState, RoomListItem } from '../../packages/server/src/modules/chat/model.ts';
import { RoomHistory } from '../../packages/server/src/modules/chat/room-history.ts';
import { createChat, type ChatFixture } from '../../packages/server/src/modules/chat/testing/chat-fixture.ts';
import type { Store } from '../../packages/server/src/stores/store.ts';
import { anyOperation, operations, planStep, shown, type Operation, type Step } from './model-operations.ts';
import { mentionsOf, retain, unreadOf, type ModelRoom, type World } from './model-world.ts';
import { outboxOf, recount } from './recount.ts';
import { RoomMirror } from './room-mirror.ts';

const count = { users: 4, rooms: 6 };

/** How it begins: a room of each kind with some of the users in it, and one that is still to be made. */
const prologue: readonly Operation[] = [
  { name: 'createRoom', user: 0, room: 0, pick: 1, other: 2, flag: false },
  { name: 'createRoom', user: 1, room: 1, pick: 2, other: 1, flag: false },
  { name: 'createOpen', user: 2, room: 2, pick: 0, other: 0, flag: false },
  { name: 'createOpen', user: 3, room: 3, pick: 1, other: 0, flag: false },
  { name: 'createRoom', user: 0, room: 4, pick: 0, other: 1, flag: false },
  { name: 'join', user: 0, room: 1, pick: 0, other: 0, flag: false },
  { name: 'join', user: 0, room: 2, pick: 0, other: 0, flag: false },
  { name: 'join', user: 1, room: 3, pick: 0, other: 0, flag: false },
];

export interface ModelOptions {
  /** Started and migrated; else each run has a SQLite file of its own. */
  readonly store?: Store;
  readonly runs: number;
  readonly operations: number;
}

/** What was seen over all runs, so that a test can say that the interesting things did happen. */
export interface Seen {
  readonly outcomes: Map<string, number>;
  recoveries: number;
}

const codes = new Map<number, string>(Object.entries(chatErrors).map(([name, { code }]) => [code, name]));

/** Tries one random operation after the other, and compares after each. */
export async function checkModel({ store, runs, operations: length }: ModelOptions): Promise<Seen> {
  const seen: Seen = { outcomes: new Map(), recoveries: 0 };
  let run = 0;
  const property = fc.asyncProperty(
    fc.noBias(fc.array(anyOperation(count), { minLength: 1, maxLength: length, size: 'max' })),
    async (steps) => {
      await using trial = await Trial.start(seen, `${run++}`, store);
      await trial.told(async () => {
        for (const step of [...prologue, ...steps]) await trial.step(step);
        await trial.end();
      });
    },
  );
  await fc.assert(property, { numRuns: runs, seed: 20_261_122, interruptAfterTimeLimit: 600_000 });
  return seen;
}

/** Many at once: nobody can say what each is answered, but what holds of every database holds, and clients agree. */
export async function checkConcurrent({ store, runs, operations: length }: ModelOptions): Promise<Seen> {
  const seen: Seen = { outcomes: new Map(), recoveries: 0 };
  let run = 0;
  const together = fc.array(anyOperation(count), { minLength: 2, maxLength: 12 });
  const property = fc.asyncProperty(
    fc.noBias(fc.array(together, { minLength: 1, maxLength: length, size: 'max' })),
    async (bursts) => {
      await using trial = await Trial.start(seen, `c${run++}`, store);
      await trial.told(async () => {
        for (const step of prologue) await trial.step(step);
        for (const burst of bursts) await trial.together(burst);
        await trial.settled();
      });
    },
  );
  await fc.assert(property, { numRuns: runs, seed: 20_261_122, interruptAfterTimeLimit: 600_000 });
  return seen;
}

class Trial {
  readonly world: World;
  readonly #chat: ChatFixture;
  readonly #rooms: readonly string[];
  readonly #mirrors: readonly RoomMirror[];
  readonly #seen: Seen;
  readonly #story: string[] = [];
  #told = 0;

  private constructor(chat: ChatFixture, tag: string, seen: Seen) {
    this.#chat = chat;
    this.#seen = seen;
    const named = (what: string, many: number) => Array.from({ length: many }, (_, at) => `${what}${at}-${tag}`);
    this.#rooms = named('room', count.rooms);
    const history = new RoomHistory(chat.store);
    this.#mirrors = this.#rooms.map((room) => new RoomMirror(room, history));
    this.world = {
      users: named('user', count.users),
      rooms: new Map(),
      blocks: new Set(),
      restrictions: new Map(),
      now: chat.clock.now(),
    };
  }

  static async start(seen: Seen, tag: string, store: Store | undefined): Promise<Trial> {
    const chat = await createChat({ clock: new FakeClock(), ...(store && { store }) });
    return new Trial(chat, tag, seen);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#seen.recoveries += this.#mirrors.reduce((sum, { recoveries }) => sum + recoveries, 0);
    await this.#chat[Symbol.asyncDispose]();
  }

  /** If it fails, the error says what was done. */
  async told(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      throw new Error(`after\n${this.#story.join('\n')}\n${(error as Error).message}`, { cause: error });
    }
  }

  async step(operation: Operation): Promise<void> {
    if (await this.#aside(operation)) return;
    const step = planStep(this.world, this.#rooms, operation);
    const answer = await this.#run(step);
    this.#note(`${step.command} ${typeof answer === 'string' ? answer : 'ok'}`);
    const about = `${step.user} ${step.command} ${JSON.stringify(step.input)}`;
    if (step.refusals.length > 0) {
      expect(step.refusals, `${about}: ${JSON.stringify(answer)}`).toContain(answer);
    } else {
      expect(typeof answer, `${about}: ${JSON.stringify(answer)}`).toBe('object');
      this.#checkAnswer(step, answer as Record<string, unknown>, about);
      if (!('replayed' in (answer as object))) step.apply?.();
    }
    await this.#follow();
    const room = this.world.rooms.get(this.#rooms[operation.room] ?? '');
    if (room) await this.#compare(room, about);
  }

  async together(burst: readonly Operation[]): Promise<void> {
    const calls: Promise<unknown>[] = [];
    for (const operation of burst) {
      if (await this.#aside(operation)) continue;
      // Planned as if the world were empty: most of it is refused, so the rooms are looked up as they are.
      calls.push(this.#run(this.#blind(operation)).then((answer) => this.#note(String(typeof answer))));
    }
    await Promise.all(calls);
    await this.#chat.module.idle();
    await this.#follow();
  }

  /** Without a model, what an operation of this name would ask. */
  #blind(operation: Operation): Step & { user: string } {
    const id = this.#rooms[operation.room] ?? '';
    const known = this.world.rooms.get(id);
    const step = planStep(this.world, this.#rooms, operation);
    if (operation.name === 'createRoom' || operation.name === 'createOpen') {
      if (step.refusals.length === 0) step.apply?.();
    } else if (known && operation.name === 'send') {
      // So that later operations name messages that are there.
      known.messages.push({ ...emptyMessage, seq: known.messages.length + 1 });
    }
    return step;
  }

  async #aside({ name, room: at, pick }: Operation): Promise<boolean> {
    const mirror = this.#mirrors[at];
    if (name in operations) return false;
    if (name === 'disconnect' || name === 'reconnect') this.#story.push(`${name} ${mirror?.room}`);
    if (name === 'disconnect' && mirror) mirror.isConnected = false;
    if (name === 'reconnect' && mirror && !mirror.isConnected) await mirror.recover();
    if (name === 'sweep') {
      this.#story.push('sweep');
      await this.#chat.module.jobs.run('retention');
      await this.#chat.module.idle();
      for (const room of this.world.rooms.values()) retain(this.world, room);
    }
    if (name === 'wait') {
      await this.#chat.clock.advance(pick * 10);
      this.world.now = this.#chat.clock.now();
    }
    return true;
  }

  /** @returns the answer, or the name of the error. */
  async #run({ command, input, user }: Step & { user: string }): Promise<unknown> {
    const call = user === '' ? this.#chat.system : this.#chat.as(user);
    const about = `${user || 'system'} ${command} ${JSON.stringify(input)}`;
    try {
      const answer = await call(command, input);
      this.#story.push(about);
      return answer;
    } catch (error) {
      if (!(error instanceof ChatError)) throw error;
      this.#story.push(`${about}: ${error.message}`);
      return codes.get(error.code);
    }
  }

  #checkAnswer({ command, answer = {} }: Step, given: Record<string, unknown>, about: string): void {
    const { seq, ...rest } = answer;
    if (seq !== undefined) expect(given['message'], about).toMatchObject({ seq });
    const { replayed, differs } = given;
    // An answer to a poll that was sent before says so too; whether it differs is looked at for plain messages.
    if (command === 'send' || command === 'createRoom' || command === 'join') {
      expect({ ...(replayed !== undefined && { replayed }), ...(differs !== undefined && { differs }) }, about).toEqual(
        rest,
      );
    }
  }

  #note(outcome: string): void {
    this.#seen.outcomes.set(outcome, (this.#seen.outcomes.get(outcome) ?? 0) + 1);
  }

  /** Hands what was published to those who are there. */
  async #follow(): Promise<void> {
    const { publications } = this.#chat;
    for (; this.#told < publications.length; this.#told++) {
      const { channel, data, position } = publications[this.#told] ?? {};
      const mirror = this.#mirrors.find(({ room }) => room === roomOfChannel(channel ?? ''));
      if (mirror && position && mirror.live(data, position)) await mirror.recover();
    }
  }

  /** The room in the database is the one of the model. */
  async #compare(room: ModelRoom, about: string): Promise<void> {
    const { db } = this.#chat.chat;
    const row = await this.#chat.roomRow(room.id);
    expect(
      { seq: row.last_seq, deleted: row.deleted_at !== null, frozen: row.frozen === 1, name: row.name ?? undefined },
      about,
    ).toEqual({ seq: room.messages.length, deleted: room.deleted, frozen: room.frozen, name: room.name });
    if (room.deleted) return;
    expect(row.last_at, about).toBe(room.lastAt);
    const members = await db.selectFrom('chat_members').selectAll().where('room_id', '=', room.id).execute();
    const is = members.map((member) => ({
      user: member.user_id,
      role: member.role,
      state: member.state,
      read: member.read_seq,
      delivered: member.delivered_seq,
      unread: member.state === 'member' ? row.ucount - member.read_ucount : 0,
      mentions: member.mention_count,
      pinned: member.pinned === 1,
      archived: member.archived === 1,
    }));
    const expected = [...room.members].map(([user, member]) => ({
      user,
      role: member.role,
      state: member.state,
      read: member.readSeq,
      delivered: member.deliveredSeq,
      unread: unreadOf(room, member),
      mentions: mentionsOf(room, user, member),
      pinned: member.pinned,
      archived: member.archived,
    }));
    const byUser = (a: { user: string }, b: { user: string }): number => (a.user < b.user ? -1 : 1);
    expect(is.toSorted(byUser), about).toEqual(expected.toSorted(byUser));
    const messages = await db
      .selectFrom('chat_messages')
      .selectAll()
      .where('room_id', '=', room.id)
      .orderBy('seq')
      .execute();
    expect(
      messages.map((message) => outline(toMessage(message))),
      about,
    ).toEqual(room.messages.filter(({ gone }) => !gone).map(outlineOfModel));
  }

  async end(): Promise<void> {
    for (const user of this.world.users) await this.#compareLists(user);
    await this.settled();
    for (const room of this.#rooms) {
      const revisions = this.#chat.events
        .filter(({ subject, data }) => subject === `room:${room}` && 'rev' in data)
        .map(({ data }) => data['rev']);
      expect(revisions, `events of ${room}`).toEqual(revisions.map((_, at) => at + 1));
    }
  }

  /** What holds however it came about. */
  async settled(): Promise<void> {
    const { db } = this.#chat.chat;
    await this.#chat.clock.advance(1_000);
    await this.#chat.module.idle();
    await this.#follow();
    await recount(db, this.#rooms);
    for (const mirror of this.#mirrors) await this.#compareMirror(mirror);
    expect(await outboxOf(db)).toBe(0);
  }

  async #compareLists(user: string): Promise<void> {
    const call = this.#chat.as(user);
    const listed = [...this.world.rooms.values()].flatMap((room) => {
      const member = room.members.get(user);
      const there = !room.deleted && (member?.state === 'member' || member?.state === 'invited');
      return there ? [{ room, member }] : [];
    });
    const key = ({ room, member }: (typeof listed)[number]): string =>
      `${member.pinned ? 1 : 0}.${String(room.lastAt).padStart(16, '0')}.${room.id}`;
    for (const filter of ['all', 'archived'] as const) {
      const expected = listed
        .filter(({ member }) => member.archived === (filter === 'archived'))
        .toSorted((a, b) => (key(a) < key(b) ? 1 : -1))
        .map(({ room, member }) => ({
          room: room.id,
          unread: unreadOf(room, member),
          last:
            member.state === 'member'
              ? room.messages.findLast((one) => one.threadSeq === undefined && !one.gone)?.seq
              : undefined,
        }));
      // Page by page: it is the same list.
      const items: RoomListItem[] = [];
      for (let after: string | undefined; ;) {
        const page = (await call('rooms', { filter, limit: 2, ...(after !== undefined && { after }) })) as {
          rooms: RoomListItem[];
          next?: string;
        };
        items.push(...page.rooms);
        after = page.next;
        if (after === undefined) break;
      }
      expect(
        items.map(({ room, membership, lastMessage }) => ({
          room: room.id,
          unread: membership.unread,
          last: lastMessage?.seq,
        })),
        `list of ${user}`,
      ).toEqual(expected);
    }
    for (const { room, member } of listed) {
      const { membership } = (await call('room', { room: room.id })) as { membership: Membership };
      expect(membership, `${user} in ${room.id}`).toMatchObject({
        unread: unreadOf(room, member),
        state: member.state,
      });
      if (member.state !== 'member') continue;
      const { messages, own } = (await call('messages', { room: room.id, limit: 100 })) as {
        messages: Message[];
        own: OwnState[];
      };
      const main = room.messages.filter(({ threadSeq, gone }) => threadSeq === undefined && !gone).slice(-100);
      expect(messages.map(outline)).toEqual(main.map(outlineOfModel));
      expect(own, `what ${user} did in ${room.id}`).toEqual(main.flatMap((message) => ownOfModel(message, user)));
    }
  }

  async #compareMirror(mirror: RoomMirror): Promise<void> {
    const { db } = this.#chat.chat;
    const row = await db.selectFrom('chat_rooms').selectAll().where('id', '=', mirror.room).executeTakeFirst();
    if (!row) return;
    // It would be told of what it missed by the next publication, or by the check of its position.
    if (!mirror.isConnected || mirror.position.offset !== row.rev) await mirror.recover();
    expect(mirror.position, mirror.room).toEqual({ offset: row.rev, epoch: row.epoch });
    const messages = await db
      .selectFrom('chat_messages')
      .selectAll()
      .where('room_id', '=', mirror.room)
      .orderBy('seq')
      .execute();
    // That old messages are no longer kept is told to nobody; who has them, has them.
    const first = messages[0]?.seq ?? Number.POSITIVE_INFINITY;
    const held = [...mirror.messages.values()].filter(({ seq }) => seq >= first).toSorted((a, b) => a.seq - b.seq);
    expect(held, `messages of a client in ${mirror.room}`).toEqual(
      messages.map((message) => JSON.parse(JSON.stringify(toMessage(message))) as Message),
    );
    const { name, frozen, slowMs, deletedAt } = toRoom(row);
    expect(mirror.info, mirror.room).toMatchObject(
      JSON.parse(JSON.stringify({ name, frozen, slowMs, deletedAt })) as object,
    );
    if (row.kind === 'broadcast' || row.kind === 'livestream') return;
    expect(mirror.memberCount, `members for a client in ${mirror.room}`).toBe(row.member_count);
    const members = await db.selectFrom('chat_members').selectAll().where('room_id', '=', mirror.room).execute();
    for (const member of members) {
      const { role, state } = toMember(member);
      expect(mirror.members.get(member.user_id), `${member.user_id} for a client`).toMatchObject({ role, state });
    }
  }
}

/** What a user did with a message; none if nothing. */
function ownOfModel({ seq, deleted, reactions, votes }: ModelRoom['messages'][number], user: string): OwnState[] {
  const emoji = [...reactions].filter(([, users]) => users.has(user)).map(([name]) => name);
  const own = { seq, reactions: emoji.toSorted(), votes: [...(votes?.get(user) ?? [])].toSorted() };
  return deleted || own.reactions.length + own.votes.length === 0 ? [] : [own];
}

const emptyMessage = {
  sender: '',
  clientId: undefined,
  sent: '',
  threadSeq: undefined,
  replySeq: undefined,
  silent: false,
  text: '',
  mentions: undefined,
  named: new Set<string>(),
  everybody: false,
  version: 1,
  deleted: false,
  pinned: false,
  reactions: new Map<string, Set<string>>(),
  threadCount: 0,
  at: 0,
  gone: false,
};

/** What model and message have in common. */
function outline(message: Message): object {
  const { seq, sender, clientId, text, threadSeq, replySeq, version, mentions } = message;
  return plain({
    seq,
    sender,
    clientId,
    text,
    threadSeq,
    replySeq,
    version,
    mentions,
    silent: message.silent === true,
    deleted: message.deletedAt !== undefined,
    pinned: message.pinnedAt !== undefined,
    reactions: message.reactions ?? {},
    threadCount: message.thread?.count ?? 0,
    votes: message.poll?.options.map(({ votes }) => votes),
    voters: message.poll?.voters,
    closed: message.poll?.closedAt !== undefined,
  });
}

function outlineOfModel(message: ModelRoom['messages'][number]): object {
  const { seq, sender, clientId, threadSeq, replySeq, version, deleted, pinned, threadCount, votes } = message;
  return plain({
    seq,
    sender,
    clientId,
    text: deleted ? undefined : message.text,
    threadSeq,
    replySeq,
    version,
    mentions: deleted ? undefined : shown(message.mentions),
    silent: !deleted && message.silent,
    deleted,
    pinned,
    reactions: Object.fromEntries([...message.reactions].map(([emoji, users]) => [emoji, users.size])),
    threadCount,
    votes:
      deleted || !votes
        ? undefined
        : ['1', '2', '3'].map((id) => [...votes.values()].filter((own) => own.includes(id)).length),
    voters: deleted ? undefined : votes?.size,
    closed: !deleted && message.closed === true,
  });
}

function plain(value: object): object {
  return JSON.parse(JSON.stringify(value)) as object;
}
