import { describe, expect, test } from 'vitest';
import { createChat, userActor } from './testing/chat-fixture.ts';

describe('a client without a user', () => {
  test('has nothing of what belongs to the back end, which has no id either', async () => {
    await using chat = await createChat({
      config: {
        enabled: true,
        permissions: { editMessage: 'message.sender == auth.uid', send: 'true', upload: 'true' },
      },
    });
    await chat.room({ kind: 'public', members: ['anna'] });
    await chat.system('send', { room: 'room', text: 'first' });
    await chat.system('edit', { room: 'room', seq: 1, text: 'second' });
    const sendAt = chat.clock.now() + 60_000;
    const { scheduled } = await chat.system('schedule', { room: 'room', text: 'later', sendAt });
    const nobody = chat.as('');
    expect((await nobody('messages', { room: 'room' })).messages).toHaveLength(1);
    for (const [name, input] of [
      ['scheduled', {}],
      ['cancelScheduled', { id: scheduled.id }],
      ['reschedule', { id: scheduled.id, sendAt: sendAt + 1 }],
      ['versions', { room: 'room', seq: 1 }],
      ['edit', { room: 'room', seq: 1, text: 'mine' }],
      ['send', { room: 'room', text: 'as the system' }],
      ['schedule', { room: 'room', text: 'as the system', sendAt }],
      ['upload', { room: 'room', name: 'a.txt', bytes: 1 }],
    ] as const) {
      await expect(nobody(name, input), name).rejects.toThrow('you are not signed in');
    }
    expect((await chat.system('scheduled')).scheduled).toHaveLength(1);
  });
});

test('a user id that cannot stand in the name of a channel leaves nothing behind that cannot be told', async () => {
  await using chat = await createChat();
  await chat.room({ kind: 'public', members: ['anna'] });
  await chat.as('anna')('send', { room: 'room', text: 'hello' });
  for (const user of ['tenant:7', '*', 'a b', 'x\u0000']) {
    for (const [name, input] of [
      ['followThread', { room: 'room', threadSeq: 1 }],
      ['messages', { room: 'room' }],
    ] as const) {
      await expect(chat.as(user)(name, input)).rejects.toThrow('your user id cannot be used in chat');
    }
    const room = chat.module.channels.find(({ pattern }) => pattern === 'chat:room:{room}');
    expect(await room?.decide(userActor(user), 'subscribe', { room: 'room' })).toMatchObject({ allow: false });
  }
});
