/**
 * Random histories of three users in one room: after every few steps the counters in the database are what a recount of
 * the messages gives.
 */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createChat, type ChatFixture } from './testing/chat-fixture.ts';

const users = ['anna', 'ben', 'cleo'] as const;
type User = (typeof users)[number];

interface Sent {
  readonly by: string;
  readonly countable: boolean;
  /** Who it mentions: of those who were members and not the sender. */
  readonly mentions: ReadonlySet<string>;
  /** Everybody in the room but who sent it, also who comes later and goes back so far. */
  readonly all: boolean;
}

interface Seat {
  isMember: boolean;
  readSeq: number;
}

type Step =
  | {
      readonly do: 'send';
      readonly by: User;
      readonly as: 'loud' | 'silent' | 'reply';
      readonly names: readonly User[];
    }
  | { readonly do: 'sendAll'; readonly by: User; readonly as: 'loud' | 'reply' }
  | { readonly do: 'read' | 'unread'; readonly by: User; readonly seq: number }
  | { readonly do: 'delete'; readonly seq: number }
  | { readonly do: 'leave' | 'join'; readonly by: User };

const user = fc.constantFrom(...users);
const seq = fc.integer({ min: 1, max: 30 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('send' as const),
      by: user,
      as: fc.constantFrom('loud', 'loud', 'silent', 'reply'),
      names: fc.uniqueArray(user, { maxLength: 3 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('sendAll' as const), by: user, as: fc.constantFrom('loud', 'reply') }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('read' as const, 'unread' as const), by: user, seq }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), seq }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('leave' as const, 'join' as const), by: user }) },
);

class Model {
  readonly sent: (Sent | { readonly deleted: Sent })[] = [];
  readonly seats = new Map<string, Seat>(users.map((name) => [name, { isMember: true, readSeq: 0 }]));

  seat(name: string): Seat {
    return this.seats.get(name)!;
  }

  /** @returns whether it is allowed. */
  apply(one: Step): boolean {
    if (one.do === 'delete') {
      const message = this.sent[one.seq - 1];
      if (!message) return false;
      if (!('deleted' in message)) this.sent[one.seq - 1] = { deleted: message };
      return true;
    }
    const seat = this.seat(one.by);
    if (one.do === 'join') {
      if (seat.isMember) return true;
      Object.assign(seat, { isMember: true, readSeq: this.sent.length });
      return true;
    }
    if (one.do === 'leave') {
      seat.isMember = false;
      return true;
    }
    if (!seat.isMember) return false;
    switch (one.do) {
      case 'read':
        seat.readSeq = Math.max(seat.readSeq, Math.min(one.seq, this.sent.length));
        return true;
      case 'unread':
        if (one.seq > this.sent.length) return false;
        seat.readSeq = one.seq - 1;
        return true;
      case 'sendAll':
      case 'send':
        if (one.as === 'reply' && !this.#isOpenForReplies()) return false;
        this.#send(one.by, one.as, one.do === 'send' ? one.names : [], one.do === 'sendAll');
        return true;
    }
  }

  #isOpenForReplies(): boolean {
    const first = this.sent[0];
    return first !== undefined && !('deleted' in first);
  }

  #send(by: User, as: 'loud' | 'silent' | 'reply', names: readonly string[], all: boolean): void {
    const mentions = new Set(names.filter((name) => name !== by && this.seat(name).isMember));
    this.sent.push({ by, countable: as === 'loud', mentions, all });
    if (as !== 'reply') this.seat(by).readSeq = this.sent.length;
  }

  /** What the database must say of a member. */
  counters(name: string): { unread: number; mentions: number } {
    const { readSeq } = this.seat(name);
    let [unread, mentions] = [0, 0];
    this.sent.forEach((entry, at) => {
      const message = 'deleted' in entry ? entry.deleted : entry;
      if (at + 1 <= readSeq) return;
      // A tombstone stays unread, and mentions nobody.
      if (message.countable) unread++;
      const toAll = message.all && message.by !== name;
      if (!('deleted' in entry) && (toAll || message.mentions.has(name))) mentions++;
    });
    return { unread, mentions };
  }
}

async function run(chat: ChatFixture, one: Step): Promise<void> {
  const room = 'room';
  switch (one.do) {
    case 'send':
      await chat.as(one.by)('send', {
        room,
        text: 'x',
        mentions: { users: one.names },
        ...(one.as === 'silent' && { silent: true }),
        ...(one.as === 'reply' && { threadSeq: 1 }),
      });
      return;
    case 'sendAll':
      await chat.as(one.by)('send', {
        room,
        text: 'x',
        mentions: { room: true },
        ...(one.as === 'reply' && { threadSeq: 1 }),
      });
      return;
    case 'delete':
      await chat.system('delete', { room, seq: one.seq });
      return;
    case 'read':
      await chat.as(one.by)('markRead', { room, seq: one.seq });
      return;
    case 'unread':
      await chat.as(one.by)('markUnread', { room, seq: one.seq });
      return;
    case 'leave':
    case 'join':
      await chat.as(one.by)(one.do, { room });
  }
}

/** A room that users come back to by themselves, and in which each may call all. */
async function openRoom(): Promise<ChatFixture> {
  const chat = await createChat({ config: { permissions: { mentionRoom: 'member.state == "member"' } } });
  const members = [['system', 'owner'] as const, ...users.map((name) => [name, 'member'] as const)];
  await chat.room({ kind: 'public', members });
  return chat;
}

/** The counters as a recount of the rows gives them, without any model. */
async function recount(chat: ChatFixture, name: string): Promise<{ unread: number; mentions: number }> {
  const { read_seq } = await chat.memberRow(name);
  const messages = await chat.chat.db.selectFrom('chat_messages').selectAll().where('seq', '>', read_seq).execute();
  const mentions = await chat.chat.db
    .selectFrom('chat_mentions')
    .select('seq')
    .where('user_id', 'in', [name, '*'])
    .where('seq', '>', read_seq)
    .execute();
  return {
    unread: messages.filter(({ silent, thread_seq }) => silent === 0 && thread_seq === null).length,
    mentions: messages.filter((row) => row.sender_id !== name && mentions.some(({ seq: at }) => at === row.seq)).length,
  };
}

test('unread and mentions are always what a recount gives', { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      await using chat = await openRoom();
      const model = new Model();
      for (const one of steps) {
        const allowed = model.apply(one);
        const outcome = await run(chat, one).then(
          () => true,
          () => false,
        );
        expect({ one, outcome }).toEqual({ one, outcome: allowed });
      }
      let [unread, mentions, rooms] = [0, 0, 0];
      for (const name of users) {
        const expected = model.counters(name);
        if (!model.seat(name).isMember) {
          expect(await chat.as(name)('unread')).toMatchObject({ unread: 0, mentions: 0, rooms: 0 });
          continue;
        }
        expect({ name, ...(await recount(chat, name)) }).toEqual({ name, ...expected });
        const { membership } = ((await chat.as(name)('rooms')) as { rooms: { membership: object }[] }).rooms[0]!;
        expect({ name, ...membership }).toMatchObject({ name, ...expected, readSeq: model.seat(name).readSeq });
        [unread, mentions] = [expected.unread, expected.mentions];
        rooms = unread + mentions > 0 ? 1 : 0;
        expect(await chat.as(name)('unread')).toMatchObject({ unread, mentions, rooms });
      }
    }),
    { numRuns: 60 },
  );
});

test('they are also when everything happens in the same turn', { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(step, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 5 }),
      async (turns) => {
        await using chat = await openRoom();
        for (const steps of turns) await Promise.allSettled(steps.map((one) => run(chat, one)));
        const { ucount } = await chat.roomRow();
        for (const name of users) {
          const { state, read_ucount, mention_count } = await chat.memberRow(name);
          if (state !== 'member') continue;
          const counted = { unread: ucount - read_ucount, mentions: mention_count };
          expect({ name, ...counted }).toEqual({ name, ...(await recount(chat, name)) });
        }
      },
    ),
    { numRuns: 60 },
  );
});
