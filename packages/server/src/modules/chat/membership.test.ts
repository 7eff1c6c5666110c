import { expect, test } from 'vitest';
import { createChat } from './testing/chat-fixture.ts';

test('a subscription that could not be ended is ended later, though the change was committed', async () => {
  let failures = 2;
  const asked: (string | undefined)[] = [];
  await using chat = await createChat({
    context: {
      async reconsider(channel, user) {
        if (failures-- > 0) throw new Error('no connection');
        asked.push(`${channel} ${user}`);
      },
    },
  });
  await chat.room({ members: ['anna', 'ben'] });
  await chat.as('anna')('kick', { room: 'room', user: 'ben' });
  expect(await chat.memberRow('ben')).toMatchObject({ state: 'kicked' });
  expect(asked).toEqual([]);
  await chat.clock.advance(60_000);
  await chat.module.idle();
  expect(asked).toEqual(['chat:room:room ben']);
});

test('a broadcast counts who comes and goes without telling everybody; roles and kicks are told to whom they concern', async () => {
  await using chat = await createChat();
  await chat.room({ kind: 'broadcast', members: ['anna', 'ben'] });
  await chat.as('cleo')('join', { room: 'room' });
  await chat.as('anna')('changeRole', { room: 'room', user: 'ben', role: 'moderator' });
  await chat.as('ben')('kick', { room: 'room', user: 'cleo' });
  expect(chat.published('chat:room:room')).toEqual([]);
  expect(chat.published('chat:user:ben')).toMatchObject([{ item: { membership: { role: 'moderator' } } }]);
  expect(chat.published('chat:user:cleo')).toMatchObject([{ type: 'room' }, { type: 'roomGone' }]);
  expect(chat.eventTypes).toEqual(['chat.member.joined', 'chat.member.changed', 'chat.member.kicked']);
  expect(chat.events.map(({ subject }) => subject)).toEqual(['room:room', 'room:room', 'room:room']);
  expect(await chat.roomRow()).toMatchObject({ member_count: 2, rev: 0 });
});
