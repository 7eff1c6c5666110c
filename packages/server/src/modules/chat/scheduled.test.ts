import { describe, expect, test } from 'vitest';
import { types } from '../../rules/types.ts';
import { reservedSeq } from './claim-attachments.ts';
import type { ModerationAnswer } from './moderation-hook.ts';
import { sendDue } from './scheduled.ts';
import { createChat, type ChatFixture } from './testing/chat-fixture.ts';

const minuteMs = 60_000;

async function due(chat: ChatFixture, ms = minuteMs): Promise<void> {
  await chat.clock.advance(ms);
  await chat.module.jobs.run('scheduled');
  await chat.module.idle();
}

async function texts(chat: ChatFixture, room: string): Promise<string[]> {
  const { messages } = await chat.system('messages', { room });
  return messages.map(({ text }: { text: string }) => text);
}

async function upload(chat: ChatFixture, id: string): Promise<void> {
  await chat.chat.db
    .insertInto('chat_attachments')
    .values({
      id,
      room_id: 'room',
      user_id: 'anna',
      message_seq: null,
      name: 'a.png',
      content_type: 'image/png',
      bytes: 3,
      storage_key: id,
      created_at: chat.clock.now(),
    })
    .execute();
}

describe('a scheduled message', () => {
  test('is sent once when it is due, as its user', async () => {
    await using chat = await createChat();
    const room = await chat.room({ members: ['anna', 'ben'] });
    const sendAt = chat.clock.now() + minuteMs;
    const { scheduled } = await chat.as('anna')('schedule', { room, text: 'later', data: { a: 1 }, sendAt });
    expect(scheduled).toEqual({
      id: scheduled.id,
      room,
      text: 'later',
      data: { a: 1 },
      sendAt,
      createdAt: chat.clock.now(),
    });
    expect(chat.published('chat:user:anna')).toEqual([{ type: 'scheduled', scheduled }]);
    await due(chat, minuteMs - 1);
    expect(await texts(chat, room)).toEqual([]);
    await due(chat, 1);
    const { message } = await chat.as('ben')('message', { room, seq: 1 });
    expect(message).toMatchObject({ sender: 'anna', text: 'later', data: { a: 1 }, createdAt: sendAt });
    expect((await chat.as('anna')('scheduled', {})).scheduled).toEqual([]);
    expect(chat.published('chat:user:anna')).toContainEqual({ type: 'scheduled', scheduled, state: 'sent' });
    await due(chat);
    expect(await texts(chat, room)).toEqual(['later']);
  });

  test('is sent once also if the node died at any point while sending', async () => {
    await using chat = await createChat();
    const room = await chat.room({ members: ['anna'] });
    await chat.as('anna')('schedule', { room, text: 'once', sendAt: chat.clock.now() + minuteMs });
    const before = await chat.chat.db.selectFrom('chat_scheduled').selectAll().executeTakeFirstOrThrow();
    await due(chat);
    // Sent, and the row is there again, claimed: as if it had not been removed.
    const claimed = { ...before, lease_until: chat.clock.now() + minuteMs, attempts: 1 };
    await chat.chat.db.insertInto('chat_scheduled').values(claimed).execute();
    await due(chat, minuteMs / 2);
    expect(await chat.chat.db.selectFrom('chat_scheduled').selectAll().execute()).toHaveLength(1);
    await due(chat);
    expect(await texts(chat, room)).toEqual(['once']);
    expect(await chat.chat.db.selectFrom('chat_scheduled').selectAll().execute()).toEqual([]);
  });

  test('is sent by a node without being asked', async () => {
    await using chat = await createChat({ parts: { periodicWork: true } });
    const room = await chat.room({ members: ['anna'] });
    await chat.as('anna')('schedule', { room, text: 'by itself', sendAt: chat.clock.now() + 5_000 });
    await chat.clock.advance(6_000);
    await chat.module.idle();
    expect(await texts(chat, room)).toEqual(['by itself']);
  });

  test('is sent in order with others of the room', async () => {
    await using chat = await createChat();
    const room = await chat.room({ members: ['anna', 'ben'] });
    const now = chat.clock.now();
    for (let at = 60; at > 0; at--) {
      await chat.as(at % 2 ? 'anna' : 'ben')('schedule', { room, text: String(at), sendAt: now + at * 100 });
    }
    await due(chat);
    const { messages } = await chat.system('messages', { room, limit: 100 });
    expect(messages.map(({ text }: { text: string }) => Number(text))).toEqual(
      Array.from({ length: 60 }, (_, at) => at + 1),
    );
  });

  test('with the same client id is scheduled once', async () => {
    await using chat = await createChat();
    const room = await chat.room({ members: ['anna'] });
    const input = { room, text: 'x', clientId: 'c', sendAt: chat.clock.now() + minuteMs };
    const first = await chat.as('anna')('schedule', input);
    expect(await chat.as('anna')('schedule', input)).toEqual({ ...first, replayed: true });
    await due(chat);
    expect(await texts(chat, room)).toEqual(['x']);
  });

  test('of a back end is sent by the back end', async () => {
    await using chat = await createChat();
    const room = await chat.room({ members: ['anna'] });
    await chat.system('schedule', { room, text: 'x', sendAt: chat.clock.now() + minuteMs });
    await due(chat);
    expect((await chat.system('message', { room, seq: 1 })).message.sender).toBe('');
  });

  test.each([
    [{ text: 'x', sendAt: 0 }, 605],
    [{ text: 'x', sendAt: 367 * 86_400_000 }, 605],
    [{ text: ' ', sendAt: minuteMs }, 605],
    [{ text: 'x', room: 'none', sendAt: minuteMs }, 600],
    [{ text: 'x', attachments: ['none'], sendAt: minuteMs }, 617],
  ])('of %j is refused', async ({ sendAt, ...input }, code) => {
    await using chat = await createChat();
    const room = await chat.room({ members: ['anna'] });
    const wanted = { room, ...input, sendAt: chat.clock.now() + sendAt };
    await expect(chat.as('anna')('schedule', wanted)).rejects.toMatchObject({ code });
  });

  test('is one of few', async () => {
    await using chat = await createChat({ config: { enabled: true, limits: { scheduledPerUser: 2 } } });
    const room = await chat.room({ members: ['anna', 'ben'] });
    const input = { room, text: 'x', sendAt: chat.clock.now() + minuteMs };
    await chat.as('anna')('schedule', input);
    await chat.as('anna')('schedule', input);
    await expect(chat.as('anna')('schedule', input)).rejects.toMatchObject({ code: 607 });
    await chat.as('ben')('schedule', input);
  });

  test('keeps its uploads, and gives them back when it is cancelled', async () => {
    await using chat = await createChat();
    const room = await chat.room({ members: ['anna'] });
    await upload(chat, 'a1');
    const input = { room, attachments: ['a1'], sendAt: chat.clock.now() + minuteMs };
    const { scheduled } = await chat.as('anna')('schedule', input);
    const seqOf = async () =>
      (await chat.chat.db.selectFrom('chat_attachments').select('message_seq').executeTakeFirstOrThrow()).message_seq;
    expect(await seqOf()).toBe(reservedSeq);
    await chat.as('anna')('cancelScheduled', { id: scheduled.id });
    expect(await seqOf()).toBeNull();
    await chat.as('anna')('schedule', input);
    await due(chat);
    expect(await seqOf()).toBe(1);
    expect((await chat.as('anna')('message', { room, seq: 1 })).message.attachments).toMatchObject([{ id: 'a1' }]);
  });
});

describe('a message that cannot be sent when it is due', () => {
  test('stays with its error, is told to its user, and can be given another time', async () => {
    await using chat = await createChat();
    const room = await chat.room({ members: ['olga', 'anna'] });
    const { scheduled } = await chat.as('anna')('schedule', { room, text: 'x', sendAt: chat.clock.now() + minuteMs });
    await chat.as('olga')('mute', { room, user: 'anna' });
    await due(chat);
    expect(await texts(chat, room)).toEqual([]);
    const failed = { ...scheduled, error: { code: 612, message: 'muted' } };
    expect((await chat.as('anna')('scheduled', {})).scheduled).toEqual([failed]);
    expect(chat.published('chat:user:anna').at(-1)).toEqual({ type: 'scheduled', scheduled: failed });
    await due(chat);
    await chat.as('olga')('unmute', { room, user: 'anna' });
    await chat.as('anna')('reschedule', { id: scheduled.id, sendAt: chat.clock.now() + minuteMs });
    await due(chat);
    expect(await texts(chat, room)).toEqual(['x']);
  });

  test('since its user has left, is not sent', async () => {
    await using chat = await createChat();
    const room = await chat.room({ members: ['olga', 'anna'] });
    await chat.as('anna')('schedule', { room, text: 'x', sendAt: chat.clock.now() + minuteMs });
    await chat.as('anna')('leave', { room });
    await due(chat);
    expect(await texts(chat, room)).toEqual([]);
    expect((await chat.as('anna')('scheduled', {})).scheduled).toMatchObject([{ error: { code: 600 } }]);
  });

  test('for an error that passes, is tried again', async () => {
    await using chat = await createChat();
    const room = await chat.room({ members: ['olga', 'anna'], row: { slow_ms: 30_000 } });
    const sendAt = chat.clock.now() + minuteMs;
    await chat.as('anna')('schedule', { room, text: '1', sendAt });
    await chat.as('anna')('schedule', { room, text: '2', sendAt: sendAt + 1 });
    await due(chat, minuteMs + 1);
    expect(await texts(chat, room)).toEqual(['1']);
    const [waiting] = (await chat.as('anna')('scheduled', {})).scheduled;
    expect(waiting.error).toBeUndefined();
    expect(waiting.sendAt).toBeGreaterThan(chat.clock.now());
    await due(chat, 5 * minuteMs);
    expect(await texts(chat, room)).toEqual(['1', '2']);
  });
});

test('permissions are asked with what was known of the user when it was scheduled', async () => {
  const auth = types.record('auth', { uid: types.string, level: types.int });
  const config = { enabled: true, permissions: { sendScheduled: 'auth.level > 9007199254740993' } };
  await using chat = await createChat({ config, parts: { auth } });
  const room = await chat.room({ members: ['anna'] });
  const input = { room, text: 'x', data: { $int: '1' }, sendAt: chat.clock.now() + minuteMs };
  const level = 9_007_199_254_740_993n;
  await expect(chat.as('anna', { level })('schedule', input)).rejects.toMatchObject({ code: 604 });
  await chat.as('anna', { level: level + 1n })('schedule', input);
  await due(chat);
  expect((await chat.as('anna')('message', { room, seq: 1 })).message).toMatchObject({
    text: 'x',
    data: { $int: '1' },
  });
});

describe('cancelling', () => {
  test('takes it away, for its user alone', async () => {
    await using chat = await createChat();
    const room = await chat.room({ members: ['anna', 'ben'] });
    const { scheduled } = await chat.as('anna')('schedule', { room, text: 'x', sendAt: chat.clock.now() + minuteMs });
    const { id } = scheduled;
    await expect(chat.as('ben')('cancelScheduled', { id })).rejects.toMatchObject({ code: 624 });
    await expect(chat.as('ben')('reschedule', { id, sendAt: scheduled.sendAt })).rejects.toMatchObject({ code: 624 });
    await chat.as('anna')('cancelScheduled', { id });
    await expect(chat.as('anna')('cancelScheduled', { id })).rejects.toMatchObject({ code: 624 });
    await due(chat);
    expect(await texts(chat, room)).toEqual([]);
  });

  test('is refused while it is being sent', async () => {
    await using chat = await createChat();
    const room = await chat.room({ members: ['anna'] });
    const { scheduled } = await chat.as('anna')('schedule', { room, text: 'x', sendAt: chat.clock.now() + minuteMs });
    await chat.chat.db
      .updateTable('chat_scheduled')
      .set({ lease_until: chat.clock.now() + 1 })
      .execute();
    await expect(chat.as('anna')('cancelScheduled', { id: scheduled.id })).rejects.toMatchObject({ code: 622 });
  });

  test.each(['cancelScheduled', 'reschedule'])(
    'holds also for a node that takes longer than its lease to send it: %s',
    async (command) => {
      const { promise: asked, resolve: isAsked } = Promise.withResolvers<void>();
      const { promise: answer, resolve: goOn } = Promise.withResolvers<ModerationAnswer>();
      const reviewMessage = () => {
        isAsked();
        return answer;
      };
      await using chat = await createChat({ parts: { reviewMessage } });
      const room = await chat.room({ members: ['anna'] });
      await upload(chat, 'file');
      const input = { room, text: 'x', attachments: ['file'], sendAt: chat.clock.now() + minuteMs };
      const { id } = (await chat.as('anna')('schedule', input)).scheduled;
      await chat.clock.advance(minuteMs);
      const sending = sendDue(chat.chat);
      await asked;
      await chat.clock.advance(minuteMs);
      const sendAt = chat.clock.now() + minuteMs;
      await chat.as('anna')(command, { id, ...(command === 'reschedule' && { sendAt }) });
      chat.forget();
      goOn({ action: 'accept' });
      await sending;
      await chat.module.idle();
      expect(await texts(chat, room)).toEqual([]);
      expect(chat.published('chat:user:anna')).toEqual([]);
      const waiting = command === 'reschedule' ? [{ sendAt }] : [];
      const { scheduled } = await chat.as('anna')('scheduled', {});
      expect(scheduled).toMatchObject(waiting);
      expect(scheduled.map(({ error }: { error?: object }) => error)).toEqual(waiting.map(() => undefined));
      await due(chat);
      expect(await texts(chat, room)).toEqual(waiting.map(() => 'x'));
    },
  );

  test('pages of what is scheduled go on from the last', async () => {
    await using chat = await createChat();
    const room = await chat.room({ members: ['anna'] });
    const now = chat.clock.now();
    for (const at of [3, 1, 2]) await chat.as('anna')('schedule', { room, text: String(at), sendAt: now + at });
    const first = await chat.as('anna')('scheduled', { limit: 2 });
    expect(first.scheduled.map(({ text }: { text: string }) => text)).toEqual(['1', '2']);
    const { sendAt, id } = first.scheduled[1];
    const rest = await chat.as('anna')('scheduled', { after: { sendAt, id } });
    expect(rest).toMatchObject({ scheduled: [{ text: '3' }], hasMore: false });
  });
});
