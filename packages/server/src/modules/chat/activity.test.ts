import { describe, expect, test } from 'vitest';
import { createChat, type ChatFixture } from './testing/chat-fixture.ts';

interface Told {
  readonly type: string;
  readonly lastSeq: number;
  readonly countable: number;
  readonly read?: object;
}

const activity = (chat: ChatFixture, user: string) =>
  (chat.published(`chat:user:${user}`) as Told[]).filter(({ type }) => type === 'activity');

async function group(...members: string[]): Promise<ChatFixture> {
  const chat = await createChat({ activity: true, config: { limits: { notifiedMembers: 3 } } });
  await chat.room({ members });
  return chat;
}

describe('activity', () => {
  test('is told to each member at once, then four times a second, and the last is never left out', async () => {
    await using chat = await group('anna', 'ben');
    const send = () => chat.as('anna')('send', { room: 'room', text: 'x' });
    await send();
    const first = { type: 'activity', room: 'room', rev: 1, lastSeq: 1, lastAt: chat.clock.now(), countable: 1 };
    expect(activity(chat, 'ben')).toEqual([first]);
    const read = { room: 'room', readSeq: 1, readCountable: 1, deliveredSeq: 1, unread: 0, mentions: 0 };
    expect(activity(chat, 'anna')).toEqual([{ ...first, read }]);
    for (let at = 0; at < 9; at++) {
      await send();
      await chat.clock.advance(100);
    }
    await chat.clock.advance(1_000);
    const told = activity(chat, 'ben');
    expect(told.length).toBeGreaterThan(3);
    expect(told.length).toBeLessThanOrEqual(5);
    expect(told.at(-1)).toMatchObject({ rev: 10, lastSeq: 10, countable: 10 });
  });

  test('follows who comes and goes', async () => {
    await using chat = await group('anna', 'ben');
    await chat.as('anna')('send', { room: 'room', text: 'x' });
    await chat.as('anna')('invite', { room: 'room', users: ['cleo'] });
    await chat.as('cleo')('join', { room: 'room' });
    await chat.as('ben')('leave', { room: 'room' });
    await chat.clock.advance(1_000);
    await chat.as('anna')('send', { room: 'room', text: 'y' });
    expect(activity(chat, 'ben')).toHaveLength(1);
    expect(activity(chat, 'cleo')).toHaveLength(1);
  });

  test('is not told of silent messages, but their sender has read them', async () => {
    await using chat = await group('anna', 'ben');
    await chat.as('anna')('send', { room: 'room', text: 'x', silent: true });
    expect(activity(chat, 'ben')).toEqual([]);
    expect(activity(chat, 'anna')).toMatchObject([{ read: { readSeq: 1 } }]);
    await chat.clock.advance(1_000);
    await chat.as('anna')('send', { room: 'room', text: 'x', data: { silent: true } });
    expect(activity(chat, 'ben')).toHaveLength(1);
  });

  test('is not told of messages that others do not see', async () => {
    await using chat = await group('anna', 'ben');
    await chat.chat.db
      .insertInto('chat_restrictions')
      .values({
        scope: 'room',
        user_id: 'anna',
        kind: 'shadow',
        reason: null,
        until: null,
        created_by: '',
        created_at: 0,
      })
      .execute();
    await chat.as('anna')('send', { room: 'room', text: 'x' });
    expect(activity(chat, 'ben')).toEqual([]);
  });

  test('says that the line of the room reads otherwise: an edit, a deletion, another name', async () => {
    await using chat = await group('anna', 'ben');
    const anna = chat.as('anna');
    await anna('send', { room: 'room', text: 'x' });
    for (const change of [
      () => anna('edit', { room: 'room', seq: 1, text: 'y' }),
      () => anna('changeRoom', { room: 'room', name: 'Another' }),
      () => anna('delete', { room: 'room', seq: 1 }),
    ]) {
      await chat.clock.advance(1_000);
      await change();
    }
    await chat.clock.advance(1_000);
    const [first, ...changes] = activity(chat, 'ben');
    expect(first).not.toHaveProperty('changed');
    expect(changes).toMatchObject([1, 2, 3].map((more) => ({ changed: true, lastSeq: 1, rev: 1 + more })));
    // Changing is not reading.
    expect(activity(chat, 'anna').slice(1)).toEqual(changes);
  });

  test('is not told of reactions, nor of edits far above what stands in a list', async () => {
    await using chat = await group('anna', 'ben');
    const anna = chat.as('anna');
    for (let seq = 1; seq <= 203; seq++) await anna('send', { room: 'room', text: 'x' });
    await chat.clock.advance(1_000);
    const before = activity(chat, 'ben').length;
    await anna('react', { room: 'room', seq: 203, emoji: 'x' });
    await anna('edit', { room: 'room', seq: 2, text: 'y' });
    await chat.clock.advance(1_000);
    expect(activity(chat, 'ben')).toHaveLength(before);
    await anna('edit', { room: 'room', seq: 3, text: 'y' });
    await chat.clock.advance(1_000);
    expect(activity(chat, 'ben')).toHaveLength(before + 1);
  });

  test('in large rooms is told only to the sender', async () => {
    await using chat = await group('anna', 'ben', 'cleo', 'dora');
    await chat.as('anna')('send', { room: 'room', text: 'x' });
    await chat.clock.advance(1_000);
    await chat.as('anna')('edit', { room: 'room', seq: 1, text: 'y' });
    await chat.clock.advance(1_000);
    expect(activity(chat, 'ben')).toEqual([]);
    expect(activity(chat, 'anna')).toHaveLength(1);
  });

  test('that could not be told is told later', async () => {
    let broken = true;
    const told: string[] = [];
    await using chat = await createChat({
      activity: true,
      context: {
        async publish(channel) {
          if (broken && channel === 'chat:user:ben') throw new Error('no broker');
          told.push(channel);
        },
      },
    });
    await chat.room({ members: ['anna', 'ben'] });
    await chat.as('anna')('send', { room: 'room', text: 'x' });
    expect(told).not.toContain('chat:user:ben');
    broken = false;
    await chat.clock.advance(1_000);
    expect(told).toContain('chat:user:ben');
  });

  test('that waits when the node stops is told', async () => {
    const chat = await group('anna', 'ben');
    await chat.as('anna')('send', { room: 'room', text: 'x' });
    await chat.as('anna')('send', { room: 'room', text: 'y' });
    expect(activity(chat, 'ben')).toHaveLength(1);
    await chat[Symbol.asyncDispose]();
    expect(activity(chat, 'ben').at(-1)).toMatchObject({ lastSeq: 2 });
  });
});
