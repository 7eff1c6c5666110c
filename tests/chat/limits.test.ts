/** docs/chat.md: whoever goes beyond a limit gets error 606 or 607, except where less is told or kept. */
import { describe, expect, test } from 'vitest';
import type { chatSchema } from '../../packages/server/src/config/chat-schema.ts';
import { createChat, type ChatFixture } from '../../packages/server/src/modules/chat/testing/chat-fixture.ts';

type Limit = keyof ReturnType<typeof chatSchema.parse>['limits'];

interface Case {
  /** Small enough to be reached. */
  readonly limit: number;
  readonly code: 606 | 607;
  /** Goes up to the limit, and then beyond it in the call that it returns. */
  readonly reach: (chat: ChatFixture) => Promise<() => Promise<unknown>>;
}

const room = 'room';
const users = (count: number): string[] => Array.from({ length: count }, (_, at) => `u${at}`);

const cases: Readonly<Record<Exclude<Limit, 'notifiedMembers' | 'versions'>, Case>> = {
  messageSize: {
    limit: 10,
    code: 606,
    async reach(chat) {
      await chat.as('anna')('send', { room, text: 'x'.repeat(10) });
      return () => chat.as('anna')('send', { room, text: 'x'.repeat(8), data: 12 + 345 });
    },
  },
  attachments: {
    limit: 1,
    code: 607,
    reach: async (chat) => () => chat.as('anna')('send', { room, attachments: ['a', 'b'] }),
  },
  page: {
    // The least that it may be.
    limit: 100,
    code: 607,
    async reach(chat) {
      await chat.as('anna')('messages', { room, limit: 100 });
      return () => chat.as('anna')('messages', { room, limit: 101 });
    },
  },
  reactionKinds: {
    limit: 1,
    code: 607,
    async reach(chat) {
      await chat.as('anna')('send', { room, text: 'x' });
      await chat.as('anna')('react', { room, seq: 1, emoji: 'a' });
      await chat.as('ben')('react', { room, seq: 1, emoji: 'a' });
      return () => chat.as('ben')('react', { room, seq: 1, emoji: 'b' });
    },
  },
  reactionsPerUser: {
    limit: 1,
    code: 607,
    async reach(chat) {
      await chat.as('anna')('send', { room, text: 'x' });
      await chat.as('anna')('react', { room, seq: 1, emoji: 'a' });
      return () => chat.as('anna')('react', { room, seq: 1, emoji: 'b' });
    },
  },
  mentions: {
    limit: 1,
    code: 607,
    async reach(chat) {
      await chat.as('anna')('send', { room, text: 'x', mentions: { users: ['ben'] } });
      return () => chat.as('anna')('send', { room, text: 'x', mentions: { users: ['ben', 'cleo'] } });
    },
  },
  roomsPerUser: {
    limit: 2,
    code: 607,
    async reach(chat) {
      await chat.as('anna')('createRoom', { kind: 'public' });
      return () => chat.as('anna')('createRoom', { kind: 'public' });
    },
  },
  membersPerGroup: {
    limit: 3,
    code: 607,
    async reach(chat) {
      await chat.as('anna')('invite', { room, users: ['cleo'] });
      return () => chat.as('anna')('invite', { room, users: ['dora'] });
    },
  },
  removedPerRoom: {
    limit: 1,
    code: 607,
    async reach(chat) {
      await chat.as('anna')('kick', { room, user: 'ben' });
      return () => chat.as('anna')('mute', { room, user: 'dora' });
    },
  },
  pins: {
    limit: 1,
    code: 607,
    async reach(chat) {
      for (const text of ['x', 'y']) await chat.as('anna')('send', { room, text });
      await chat.as('anna')('pin', { room, seq: 1 });
      return () => chat.as('anna')('pin', { room, seq: 2 });
    },
  },
  pollOptions: {
    limit: 2,
    code: 607,
    async reach(chat) {
      await chat.as('anna')('createPoll', { room, question: 'q', options: ['a', 'b'] });
      return () => chat.as('anna')('createPoll', { room, question: 'q', options: ['a', 'b', 'c'] });
    },
  },
  scheduledPerUser: {
    limit: 1,
    code: 607,
    async reach(chat) {
      const later = { room, text: 'x', sendAt: chat.clock.now() + 60_000 };
      await chat.as('anna')('schedule', later);
      return () => chat.as('anna')('schedule', later);
    },
  },
  drafts: {
    limit: 1,
    code: 607,
    async reach(chat) {
      await chat.room({ id: 'other', members: ['anna'] });
      await chat.as('anna')('setDraft', { room, text: 'x' });
      return () => chat.as('anna')('setDraft', { room: 'other', text: 'x' });
    },
  },
  uploadSize: {
    limit: 10,
    code: 606,
    async reach(chat) {
      await chat.as('anna')('upload', { room, name: 'a', bytes: 10 });
      return () => chat.as('anna')('upload', { room, name: 'a', bytes: 11 });
    },
  },
  uploadsPerUser: {
    limit: 1,
    code: 607,
    async reach(chat) {
      await chat.as('anna')('upload', { room, name: 'a', bytes: 10 });
      return () => chat.as('anna')('upload', { room, name: 'a', bytes: 10 });
    },
  },
};

describe('a limit of chat', () => {
  test.each(Object.entries(cases))('%s', async (name, { limit, code, reach }) => {
    await using chat = await createChat({ config: { enabled: true, limits: { [name]: limit } } });
    await chat.room({ id: room, members: ['anna', 'ben'] });
    const beyond = await reach(chat);
    await expect(beyond()).rejects.toMatchObject({ code });
  });

  test('notifiedMembers is about who is told: nobody is refused', async () => {
    await using chat = await createChat({ activity: true, config: { enabled: true, limits: { notifiedMembers: 1 } } });
    await chat.room({ id: room, members: ['anna', 'ben'] });
    await chat.as('anna')('send', { room, text: 'x' });
    expect(chat.published('chat:user:ben')).toEqual([]);
    expect(chat.published('chat:room:room')).toHaveLength(1);
  });

  test('versions is about what is kept: nobody is refused', async () => {
    await using chat = await createChat({ config: { enabled: true, limits: { versions: 1 } } });
    await chat.room({ id: room, members: ['anna'] });
    await chat.as('anna')('send', { room, text: '1' });
    for (const text of ['2', '3', '4']) await chat.as('anna')('edit', { room, seq: 1, text });
    const { versions } = await chat.as('anna')('versions', { room, seq: 1 });
    expect(versions).toMatchObject([{ text: '3' }]);
  });
});

test('lengths that are the same everywhere', async () => {
  await using chat = await createChat();
  const anna = chat.as('anna');
  await anna('createRoom', { kind: 'public', id: 'r'.repeat(128), name: 'n'.repeat(256) });
  await anna('createRoom', { kind: 'public', id: room, members: users(100) });
  await anna('report', { room, user: 'u1', reason: 'r'.repeat(1_000) });
  for (const [name, input] of [
    ['createRoom', { kind: 'public', id: 'r'.repeat(129) }],
    ['createRoom', { kind: 'public', name: 'n'.repeat(257) }],
    ['createRoom', { kind: 'public', members: users(101) }],
    ['invite', { room, users: users(101) }],
    ['report', { room, user: 'u1', reason: 'r'.repeat(1_001) }],
  ] as const) {
    await expect(anna(name, input), name).rejects.toMatchObject({ code: 605 });
  }
});
