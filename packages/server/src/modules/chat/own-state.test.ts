import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readOwnStates } from './own-state.ts';
import { createChat, type ChatFixture } from './testing/chat-fixture.ts';

const poll = { room: 'room', question: 'Lunch?', options: ['Pizza', 'Soup', 'Bread'], multiple: true };

/** Messages 1 to 3, of which 2 is a poll. */
async function filled(): Promise<ChatFixture> {
  const chat = await createChat();
  await chat.room({ members: ['anna', 'ben'] });
  await chat.as('anna')('send', { room: 'room', text: 'hello' });
  await chat.as('anna')('createPoll', poll);
  await chat.as('anna')('send', { room: 'room', text: 'bye' });
  chat.forget();
  return chat;
}

test('answers say what the asker did, and nobody else', async () => {
  await using chat = await filled();
  const [anna, ben] = [chat.as('anna'), chat.as('ben')];
  await ben('react', { room: 'room', seq: 1, emoji: '🎉' });
  const reacted = await ben('react', { room: 'room', seq: 1, emoji: '👍' });
  expect(reacted.own).toEqual({ seq: 1, reactions: ['🎉', '👍'].toSorted(), votes: [] });
  await anna('react', { room: 'room', seq: 1, emoji: '👍' });
  await ben('react', { room: 'room', seq: 2, emoji: 'x' });
  expect((await ben('vote', { room: 'room', seq: 2, options: ['3', '1'] })).own).toEqual(['1', '3']);
  const own = [
    { seq: 1, reactions: ['🎉', '👍'].toSorted(), votes: [] },
    { seq: 2, reactions: ['x'], votes: ['1', '3'] },
  ];
  expect((await ben('messages', { room: 'room' })).own).toEqual(own);
  expect((await ben('messages', { room: 'room', around: 2, limit: 2 })).own).toEqual(own);
  expect((await ben('messages', { room: 'room', after: 1, limit: 1 })).own).toEqual(own.slice(1));
  expect((await ben('message', { room: 'room', seq: 2 })).own).toEqual(own[1]);
  expect((await ben('message', { room: 'room', seq: 3 })).own).toEqual({ seq: 3, reactions: [], votes: [] });
  expect((await anna('messages', { room: 'room' })).own).toEqual([{ seq: 1, reactions: ['👍'], votes: [] }]);
  expect((await chat.system('messages', { room: 'room' })).own).toEqual([]);
  await anna('pin', { room: 'room', seq: 2 });
  expect((await ben('pins', { room: 'room' })).own).toEqual(own.slice(1));
  const taken = await ben('unreact', { room: 'room', seq: 2, emoji: 'x' });
  expect(taken.own).toEqual({ seq: 2, reactions: [], votes: ['1', '3'] });
  await anna('delete', { room: 'room', seq: 1 });
  expect((await ben('messages', { room: 'room' })).own).toEqual([{ seq: 2, reactions: [], votes: ['1', '3'] }]);
});

test('the user’s other devices are told what is new, and only of that', async () => {
  await using chat = await filled();
  const ben = chat.as('ben');
  await ben('react', { room: 'room', seq: 2, emoji: 'x' });
  await ben('react', { room: 'room', seq: 2, emoji: 'x' });
  await ben('vote', { room: 'room', seq: 2, options: ['2'] });
  await ben('vote', { room: 'room', seq: 2, options: ['2'] });
  await ben('unreact', { room: 'room', seq: 2, emoji: 'never' });
  await ben('unreact', { room: 'room', seq: 2, emoji: 'x' });
  await ben('vote', { room: 'room', seq: 2, options: [] });
  const own = { type: 'own', room: 'room', seq: 2 };
  expect(chat.published('chat:user:ben')).toEqual([
    { ...own, rev: 4, reactions: ['x'], votes: [] },
    { ...own, rev: 5, reactions: ['x'], votes: ['2'] },
    { ...own, rev: 6, reactions: [], votes: ['2'] },
    { ...own, rev: 7, reactions: [], votes: [] },
  ]);
  expect(chat.published('chat:user:anna')).toEqual([]);
});

test('who is in the shadow sees their reactions unchanged and is told nothing', async () => {
  await using chat = await filled();
  await chat.as('ben')('react', { room: 'room', seq: 1, emoji: 'x' });
  await chat.system('shadowBan', { room: 'room', user: 'ben' });
  chat.forget();
  const { own } = await chat.as('ben')('react', { room: 'room', seq: 1, emoji: 'y' });
  expect(own.reactions).toEqual(['x']);
  expect(chat.published('chat:user:ben')).toEqual([]);
});

test('it is what lists of reactions and votes say, whatever was done', async () => {
  const step = fc.record({
    user: fc.constantFrom('anna', 'ben'),
    seq: fc.integer({ min: 1, max: 3 }),
    emoji: fc.constantFrom('a', 'b', 'c'),
    options: fc.subarray(['1', '2', '3']),
    what: fc.constantFrom('react', 'unreact', 'vote'),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 15 }), async (steps) => {
      await using chat = await filled();
      for (const { user, seq, emoji, options, what } of steps) {
        if (what === 'vote') await chat.as(user)('vote', { room: 'room', seq: 2, options });
        else await chat.as(user)(what, { room: 'room', seq, emoji });
      }
      for (const user of ['anna', 'ben']) {
        const expected = [];
        for (const seq of [1, 2, 3]) {
          const { reactions } = await chat.as(user)('reactions', { room: 'room', seq });
          const mine = (reactions as { emoji: string; user: string }[]).filter((one) => one.user === user);
          const votes = seq === 2 ? (await chat.as(user)('votes', { room: 'room', seq })).own : [];
          if (mine.length + votes.length > 0) expected.push({ seq, reactions: mine.map(({ emoji }) => emoji), votes });
        }
        expect((await chat.as(user)('messages', { room: 'room' })).own).toEqual(expected);
      }
    }),
    { numRuns: 15 },
  );
});

test('a page asks the database once, and not at all where nobody did anything', async () => {
  await using chat = await filled();
  const rows = await chat.chat.db.selectFrom('chat_messages').selectAll().execute();
  let statements = 0;
  const counting = chat.chat.db.withPlugin({
    transformQuery: ({ node }) => node,
    transformResult: ({ result }) => {
      statements += 1;
      return Promise.resolve(result);
    },
  });
  await readOwnStates(counting, rows.slice(0, 1), 'ben');
  expect(statements).toBe(0);
  await chat.as('ben')('react', { room: 'room', seq: 1, emoji: 'x' });
  await chat.as('ben')('react', { room: 'room', seq: 3, emoji: 'y' });
  await chat.as('ben')('vote', { room: 'room', seq: 2, options: ['1'] });
  const now = await chat.chat.db.selectFrom('chat_messages').selectAll().execute();
  expect(await readOwnStates(counting, now, 'ben')).toHaveLength(3);
  expect(statements).toBe(1);
});

test('a page of many messages with many kinds of reactions is no statement that is too long', async () => {
  await using chat = await filled();
  await chat.as('ben')('react', { room: 'room', seq: 3, emoji: 'e49' });
  const reactions = JSON.stringify(Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`e${at}`, 1])));
  const rows = Array.from({ length: 1_000 }, (_, at) => ({
    room_id: 'room',
    seq: at + 1,
    reactions,
    poll: null,
    deleted_at: null,
  }));
  expect(await readOwnStates(chat.chat.db, rows, 'ben')).toEqual([{ seq: 3, reactions: ['e49'], votes: [] }]);
});
