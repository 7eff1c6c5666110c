import { describe, expect, test } from 'vitest';
import { chatSchema } from '../../../config/chat-schema.ts';
import { createChat, type ChatFixture } from '../testing/chat-fixture.ts';
import { importChat } from './import-chat.ts';
import { noCounts } from './import-work.ts';

function load(chat: ChatFixture, lines: readonly object[], limits = {}) {
  return importChat({
    store: chat.store,
    clock: chat.clock,
    config: chatSchema.parse({ enabled: true, limits }),
    lines: lines.map((line) => JSON.stringify(line)),
  });
}

const room = [
  { type: 'room', id: 'room', kind: 'group' },
  ...['anna', 'ben', 'cleo'].map((user) => ({ type: 'member', room: 'room', user })),
];
const lunch = {
  type: 'poll',
  room: 'room',
  id: 'p1',
  sender: 'anna',
  at: 1_000,
  question: ' Lunch? ',
  options: ['Pizza', 'Soup', 'Nothing'],
};
const vote = (user: string, ...options: string[]) => ({ type: 'vote', room: 'room', message: 'p1', user, options });

async function pollOf(chat: ChatFixture): Promise<unknown> {
  return (await chat.as('anna')('message', { room: 'room', seq: 1 })).message.poll;
}

async function votesOf(chat: ChatFixture): Promise<string[]> {
  const rows = await chat.chat.db.selectFrom('chat_poll_votes').selectAll().orderBy('user_id').execute();
  return rows.map(({ user_id, option_id, created_at }) => `${user_id} ${option_id} ${created_at}`);
}

describe('a poll of an import', () => {
  test('is a message, with votes and their sums, and goes on', async () => {
    await using chat = await createChat();
    const lines = [
      ...room,
      { ...lunch, multiple: true },
      { ...vote('ben', 'Soup', 'Pizza'), at: 5 },
      vote('cleo', 'Soup'),
    ];
    const counts = await load(chat, lines);
    expect(counts).toEqual({ ...noCounts, lines: 7, rooms: 1, members: 3, polls: 1, votes: 2 });
    const { message } = await chat.as('ben')('message', { room: 'room', seq: 1 });
    expect(message).toMatchObject({ kind: 'poll', sender: 'anna', text: 'Lunch?', createdAt: 1_000 });
    expect(message.poll).toEqual({
      question: 'Lunch?',
      options: [
        { id: '1', text: 'Pizza', votes: 1 },
        { id: '2', text: 'Soup', votes: 2 },
        { id: '3', text: 'Nothing', votes: 0 },
      ],
      multiple: true,
      voters: 2,
    });
    expect(await votesOf(chat)).toEqual(['ben 1 5', 'ben 2 5', `cleo 2 ${chat.clock.now()}`]);
    await chat.as('anna')('vote', { room: 'room', seq: 1, options: ['3'] });
    await chat.as('ben')('vote', { room: 'room', seq: 1, options: ['3'] });
    expect(await pollOf(chat)).toMatchObject({ options: [{ votes: 0 }, { votes: 1 }, { votes: 2 }], voters: 3 });
    const before = await pollOf(chat);
    expect(await load(chat, lines)).toEqual({ ...noCounts, lines: 7, known: 7 });
    expect(await pollOf(chat)).toEqual(before);
  });

  test('that was open closes when its time comes, and one whose time came elsewhere is closed', async () => {
    await using chat = await createChat();
    const closesAt = chat.clock.now() + 60_000;
    await load(chat, [
      ...room,
      { ...lunch, closesAt },
      { ...lunch, id: 'p2', closesAt: 2_000 },
      { ...lunch, id: 'p3', closedAt: 3_000, anonymous: true },
      { ...lunch, id: 'p4', deletedAt: 4_000, closesAt },
    ]);
    const polls = async () =>
      ((await chat.as('ben')('messages', { room: 'room' })).messages as { poll?: object }[]).map(({ poll }) => poll);
    expect(await polls()).toMatchObject([
      { closesAt },
      { closesAt: 2_000, closedAt: 2_000 },
      { closedAt: 3_000, anonymous: true },
      undefined,
    ]);
    await expect(chat.as('ben')('vote', { room: 'room', seq: 2, options: ['1'] })).rejects.toMatchObject({ code: 616 });
    await chat.clock.advance(61_000);
    await chat.module.jobs.run('polls');
    expect((await polls())[0]).toMatchObject({ closesAt, closedAt: closesAt });
    expect(await chat.chat.db.selectFrom('chat_poll_closings').selectAll().execute()).toEqual([]);
  });

  test('counts the first word of a user, in one file and in the next', async () => {
    await using chat = await createChat();
    await load(chat, [...room, lunch, vote('ben', 'Soup'), vote('ben', 'Pizza')]);
    expect(await load(chat, [vote('ben', 'Nothing'), vote('cleo', 'Pizza')])).toMatchObject({ votes: 1, known: 1 });
    expect(await pollOf(chat)).toMatchObject({ options: [{ votes: 1 }, { votes: 1 }, { votes: 0 }], voters: 2 });
  });

  test('is not voted on once it was deleted', async () => {
    await using chat = await createChat();
    await load(chat, [...room, lunch, vote('ben', 'Soup')]);
    await chat.system('delete', { room: 'room', seq: 1 });
    expect(await load(chat, [vote('cleo', 'Soup')])).toMatchObject({ votes: 0, known: 1 });
    expect(await votesOf(chat)).toEqual([]);
  });

  test.each([
    ['an option twice', { ...lunch, options: ['a', ' a'] }, 'an option is named twice'],
    ['one option', { ...lunch, options: ['a'] }, 'options'],
    ['too many options', { ...lunch, options: ['a', 'b', 'c', 'd', 'e'] }, '5 options; at most 4'],
    ['a question of two lines', { ...lunch, question: 'a\nb' }, 'question: a single line'],
    ['more text than a message', { ...lunch, question: 'q'.repeat(101) }, 'bytes; at most 100'],
    ['an answer to what is no poll', { ...vote('ben', 'Soup'), message: 'm1' }, 'message m1 is no poll'],
    ['an answer to nothing', { ...vote('ben', 'Soup'), message: 'm9' }, 'message m9 is not known'],
    ['an option that is not there', vote('ben', 'soup'), 'has no option "soup"; it has "Pizza", "Soup", "Nothing"'],
    ['two where one can be chosen', vote('ben', 'Soup', 'Pizza'), 'one can be chosen'],
  ])('says which line has %s', async (_name, line, message) => {
    await using chat = await createChat();
    const limits = { pollOptions: 4, messageSize: 100 };
    const good = [...room, lunch, { type: 'message', room: 'room', id: 'm1', at: 1, text: 'x' }];
    await load(chat, good, limits);
    const bad = line.type === 'poll' ? { ...line, id: 'p2' } : line;
    await expect(load(chat, [bad], limits)).rejects.toThrow(
      new RegExp(`^line 1: .*${message}.*\\(nothing was imported\\)$`),
    );
    expect(await chat.roomRow()).toMatchObject({ last_seq: 2 });
    expect(await votesOf(chat)).toEqual([]);
  });
});

describe('blocks of an import', () => {
  const block = (user: string, blocked: string, at?: number) => ({ type: 'block', user, blocked, at });

  test('hold, once however often', async () => {
    await using chat = await createChat();
    const lines = [block('ben', 'anna', 7), block('ben', 'cleo'), block('ben', 'anna', 8)];
    expect(await load(chat, lines)).toEqual({ ...noCounts, lines: 3, blocks: 2, known: 1 });
    expect(await load(chat, lines)).toEqual({ ...noCounts, lines: 3, known: 3 });
    const { blocks } = await chat.as('ben')('blocks');
    expect(blocks).toEqual([
      { user: 'anna', since: expect.any(Number) },
      { user: 'cleo', since: chat.clock.now() },
    ]);
    await expect(chat.as('anna')('createRoom', { kind: 'direct', peer: 'ben' })).rejects.toMatchObject({ code: 613 });
  });

  test('are refused of oneself, and beyond what one may block', async () => {
    await using chat = await createChat();
    await expect(load(chat, [block('ben', 'ben')])).rejects.toThrow('line 1: blocked: not oneself');
    const many = Array.from({ length: 1_001 }, (_, at) => block('ben', `u${at}`));
    await expect(load(chat, many)).rejects.toThrow(
      'user ben blocks more than 1000 users (lines 1 to 1000 are imported)',
    );
    expect((await chat.as('ben')('blocks', { limit: 100 })).hasMore).toBe(true);
  });
});
