/** Who is banned from everywhere, and still a member, is told nothing that was said there. */
import { expect, test } from 'vitest';
import { createChat } from '../../packages/server/src/modules/chat/testing/chat-fixture.ts';

/** What a member can ask for, with words of a room in the answer. */
const questions: readonly (readonly [name: string, input?: object])[] = [
  ['messages', { room: 'room' }],
  ['message', { room: 'room', seq: 1 }],
  ['versions', { room: 'room', seq: 1 }],
  ['reactions', { room: 'room', seq: 1 }],
  ['pins', { room: 'room' }],
  ['threads', { room: 'room' }],
  ['votes', { room: 'room', seq: 3 }],
  ['mentions'],
  ['rooms'],
  ['sync', {}],
  ['search', { query: 'secret' }],
  ['search', { query: 'secret', room: 'room' }],
  ['members', { room: 'room' }],
  ['receipts', { room: 'room' }],
  ['edit', { room: 'room', seq: 2, text: 'secret' }],
  ['delete', { room: 'room', seq: 1 }],
  ['react', { room: 'room', seq: 1, emoji: '👍' }],
  ['pin', { room: 'room', seq: 1 }],
  ['markRead', { room: 'room', seq: 1 }],
  ['markThreadRead', { room: 'room', threadSeq: 1, seq: 1 }],
  ['pinRoom', { room: 'room' }],
  ['createRoom', { kind: 'direct', peer: 'anna' }],
];

test('a ban from everywhere', async () => {
  await using chat = await createChat();
  await chat.room({
    members: [
      ['anna', 'owner'],
      ['ben', 'admin'],
    ],
  });
  await chat.as('anna')('createRoom', { kind: 'direct', id: 'pair', peer: 'ben' });
  await chat.as('anna')('send', { room: 'room', text: 'secret', mentions: { users: ['ben'] } });
  await chat.as('ben')('send', { room: 'room', text: 'a secret of ben' });
  await chat.as('anna')('createPoll', { room: 'room', question: 'secret?', options: ['secret', 'no'] });
  await chat.as('anna')('send', { room: 'pair', text: 'secret', mentions: { users: ['ben'] } });
  await chat.system('ban', { user: 'ben' });
  const told: string[] = [];
  for (const [name, input] of questions) {
    const answer = await chat
      .as('ben')(name, input)
      .catch((error: Error) => error.message);
    if (JSON.stringify(answer).includes('secret')) told.push(`${name}: ${JSON.stringify(answer)}`);
  }
  expect(told).toEqual([]);
  await chat.system('unban', { user: 'ben' });
  expect(JSON.stringify(await chat.as('ben')('mentions'))).toContain('secret');
});
