import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createChat, type ChatFixture } from './testing/chat-fixture.ts';

const lunch = { question: 'Lunch?', options: ['Pizza', 'Soup', 'Rice'] };

async function createRoom(chat: ChatFixture): Promise<string> {
  return chat.room({ members: ['anna', 'ben', 'cleo'] });
}

function countsOf(message: { poll: { options: { votes: number }[]; voters: number } }): number[] {
  return [...message.poll.options.map(({ votes }) => votes), message.poll.voters];
}

describe('a poll', () => {
  test('is a message with its question as text, that counts as unread', async () => {
    await using chat = await createChat();
    const room = await createRoom(chat);
    const { message } = await chat.as('anna')('createPoll', { room, ...lunch, clientId: 'p' });
    expect(message).toMatchObject({
      kind: 'poll',
      text: 'Lunch?',
      poll: {
        question: 'Lunch?',
        options: [
          { id: '1', text: 'Pizza', votes: 0 },
          { id: '2', text: 'Soup', votes: 0 },
          { id: '3', text: 'Rice', votes: 0 },
        ],
        voters: 0,
      },
    });
    expect(await chat.roomRow()).toMatchObject({ ucount: 1 });
    const again = await chat.as('anna')('createPoll', { room, ...lunch, clientId: 'p' });
    expect(again).toMatchObject({ replayed: true, message: { seq: 1 } });
  });

  test.each([
    [{ ...lunch, options: ['a'] }, 605],
    [{ ...lunch, options: ['a', ' a '] }, 605],
    [{ ...lunch, options: ['a', 'b\nc'] }, 605],
    [{ ...lunch, question: ' ' }, 605],
    [{ ...lunch, options: Array.from({ length: 21 }, (_, at) => `o${at}`) }, 607],
    [{ ...lunch, closesAt: 1 }, 605],
  ])('of %j is refused', async (input, code) => {
    await using chat = await createChat();
    const room = await createRoom(chat);
    await expect(chat.as('anna')('createPoll', { room, ...input })).rejects.toMatchObject({ code });
  });

  test('is for members, and moderation sees question and options', async () => {
    await using chat = await createChat({
      config: { enabled: true, moderation: { words: ['damn'] }, permissions: { createPoll: 'auth.uid == "anna"' } },
    });
    const room = await createRoom(chat);
    await expect(chat.as('ben')('createPoll', { room, ...lunch })).rejects.toMatchObject({ code: 604 });
    const { message } = await chat.as('anna')('createPoll', { room, question: 'Damn?', options: ['yes', 'damn no'] });
    expect(message.text).toBe('****?');
    expect(message.poll.options[1].text).toBe('**** no');
  });
});

describe('a vote', () => {
  test('replaces the one before, and none takes it back', async () => {
    await using chat = await createChat();
    const room = await createRoom(chat);
    await chat.as('anna')('createPoll', { room, ...lunch });
    const vote = async (user: string, options: string[]) =>
      countsOf((await chat.as(user)('vote', { room, seq: 1, options })).message);
    expect(await vote('anna', ['1'])).toEqual([1, 0, 0, 1]);
    expect(await vote('ben', ['1'])).toEqual([2, 0, 0, 2]);
    expect(await vote('anna', ['2'])).toEqual([1, 1, 0, 2]);
    const { rev } = await chat.roomRow();
    expect(await vote('anna', ['2'])).toEqual([1, 1, 0, 2]);
    expect((await chat.roomRow()).rev).toBe(rev);
    expect(await vote('anna', [])).toEqual([1, 0, 0, 1]);
  });

  test('for several, where the poll allows it', async () => {
    await using chat = await createChat();
    const room = await createRoom(chat);
    await chat.as('anna')('createPoll', { room, ...lunch });
    await chat.as('anna')('createPoll', { room, ...lunch, multiple: true });
    const options = ['3', '1', '3'];
    await expect(chat.as('ben')('vote', { room, seq: 1, options })).rejects.toMatchObject({ code: 605 });
    const voted = await chat.as('ben')('vote', { room, seq: 2, options });
    expect(voted.own).toEqual(['1', '3']);
    expect(countsOf(voted.message)).toEqual([1, 0, 1, 1]);
    await expect(chat.as('ben')('vote', { room, seq: 2, options: ['4'] })).rejects.toThrow('it has 1, 2, 3');
  });

  test('is listed with who gave it, unless the poll is anonymous', async () => {
    await using chat = await createChat();
    const room = await createRoom(chat);
    await chat.as('anna')('createPoll', { room, ...lunch });
    await chat.as('anna')('createPoll', { room, ...lunch, anonymous: true });
    for (const seq of [1, 2]) {
      await chat.as('ben')('vote', { room, seq, options: ['1'] });
      await chat.as('cleo')('vote', { room, seq, options: ['2'] });
    }
    const at = chat.clock.now();
    expect(await chat.as('ben')('votes', { room, seq: 1 })).toEqual({
      own: ['1'],
      votes: [
        { option: '1', user: 'ben', at },
        { option: '2', user: 'cleo', at },
      ],
      hasMore: false,
    });
    expect((await chat.as('ben')('votes', { room, seq: 1, limit: 1 })).hasMore).toBe(true);
    const after = { user: 'ben', option: '1' };
    expect((await chat.as('ben')('votes', { room, seq: 1, after })).votes).toMatchObject([{ user: 'cleo' }]);
    expect((await chat.as('ben')('votes', { room, seq: 1, option: '2' })).votes).toMatchObject([{ user: 'cleo' }]);
    expect(await chat.system('votes', { room, seq: 2 })).toEqual({ own: [], votes: [], hasMore: false });
    expect((await chat.as('cleo')('votes', { room, seq: 2 })).own).toEqual(['2']);
  });

  test('is for members who may write, on polls', async () => {
    await using chat = await createChat();
    const room = await createRoom(chat);
    await chat.as('anna')('createPoll', { room, ...lunch });
    await chat.as('anna')('send', { room, text: 'x' });
    const options = ['1'];
    await expect(chat.as('eve')('vote', { room, seq: 1, options })).rejects.toMatchObject({ code: 600 });
    await expect(chat.as('ben')('vote', { room, seq: 2, options })).rejects.toMatchObject({ code: 605 });
    await expect(chat.as('ben')('vote', { room, seq: 3, options })).rejects.toMatchObject({ code: 601 });
    await chat.as('anna')('mute', { room, user: 'ben' });
    await expect(chat.as('ben')('vote', { room, seq: 1, options })).rejects.toMatchObject({ code: 612 });
    await chat.as('anna')('delete', { room, seq: 1 });
    await expect(chat.as('cleo')('vote', { room, seq: 1, options })).rejects.toMatchObject({ code: 615 });
    expect(await chat.chat.db.selectFrom('chat_poll_votes').selectAll().execute()).toEqual([]);
  });

  test('is counted right, whoever votes at once', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ user: fc.constantFrom('anna', 'ben', 'cleo'), options: fc.subarray(['1', '2', '3']) }), {
          minLength: 1,
          maxLength: 30,
        }),
        async (votes) => {
          await using chat = await createChat();
          const room = await createRoom(chat);
          await chat.as('anna')('createPoll', { room, ...lunch, multiple: true });
          await Promise.all(votes.map(({ user, options }) => chat.as(user)('vote', { room, seq: 1, options })));
          const latest = new Map(votes.map(({ user, options }) => [user, options]));
          const count = (option: string) => [...latest.values()].filter((options) => options.includes(option)).length;
          const voters = [...latest.values()].filter((options) => options.length > 0).length;
          const { message } = await chat.as('anna')('message', { room, seq: 1 });
          expect(countsOf(message)).toEqual([count('1'), count('2'), count('3'), voters]);
          const rows = await chat.chat.db.selectFrom('chat_poll_votes').selectAll().execute();
          expect(rows).toHaveLength([...latest.values()].flat().length);
        },
      ),
      { numRuns: 15 },
    );
  });
});

describe('closing a poll', () => {
  test('is for its sender and moderators, and holds', async () => {
    await using chat = await createChat();
    const room = await createRoom(chat);
    await chat.as('ben')('createPoll', { room, ...lunch });
    await expect(chat.as('cleo')('closePoll', { room, seq: 1 })).rejects.toMatchObject({ code: 604 });
    const { message } = await chat.as('ben')('closePoll', { room, seq: 1 });
    expect(message.poll.closedAt).toBe(chat.clock.now());
    expect(await chat.as('anna')('closePoll', { room, seq: 1 })).toEqual({ message });
    await expect(chat.as('ben')('vote', { room, seq: 1, options: ['1'] })).rejects.toMatchObject({ code: 616 });
  });

  test('happens by itself when its time has come, and is told', async () => {
    await using chat = await createChat();
    const room = await createRoom(chat);
    const closesAt = chat.clock.now() + 60_000;
    await chat.as('ben')('createPoll', { room, ...lunch, closesAt });
    await chat.module.jobs.run('polls');
    expect((await chat.as('ben')('message', { room, seq: 1 })).message.poll.closedAt).toBeUndefined();
    await chat.clock.advance(60_000);
    await expect(chat.as('ben')('vote', { room, seq: 1, options: ['1'] })).rejects.toMatchObject({ code: 616 });
    await chat.module.jobs.run('polls');
    await chat.module.idle();
    expect((await chat.as('ben')('message', { room, seq: 1 })).message.poll.closedAt).toBe(closesAt);
    expect(chat.published('chat:room:room').at(-1)).toMatchObject({ message: { poll: { closedAt: closesAt } } });
    expect(await chat.chat.db.selectFrom('chat_poll_closings').selectAll().execute()).toEqual([]);
  });
});
