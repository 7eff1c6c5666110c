import { describe, expect, test } from 'vitest';
import { maxResolved } from './reports.ts';
import { createChat, type ChatFixture } from './testing/chat-fixture.ts';

async function createRoom(chat: ChatFixture): Promise<string> {
  const room = await chat.room({
    members: [
      ['olga', 'owner'],
      ['mona', 'moderator'],
      ['ben', 'member'],
      ['cleo', 'member'],
    ],
  });
  await chat.as('ben')('send', { room, text: 'buy now' });
  return room;
}

describe('a report', () => {
  test('stands in the queue of the moderators with the message, once', async () => {
    await using chat = await createChat();
    const room = await createRoom(chat);
    chat.forget();
    const { id } = await chat.as('cleo')('report', { room, seq: 1, reason: 'spam' });
    expect(await chat.as('cleo')('report', { room, seq: 1, reason: 'still spam' })).toEqual({ id });
    expect(chat.eventTypes).toEqual(['chat.report.created']);
    const { reports } = await chat.as('mona')('reports', { room });
    expect(reports).toEqual([
      {
        id,
        room,
        seq: 1,
        user: 'ben',
        reporter: 'cleo',
        reason: 'spam',
        state: 'open',
        createdAt: chat.clock.now(),
        message: expect.objectContaining({ text: 'buy now' }) as unknown,
      },
    ]);
    expect((await chat.system('reports', {})).reports).toHaveLength(1);
  });

  test('may be about a user', async () => {
    await using chat = await createChat();
    const room = await createRoom(chat);
    await chat.as('cleo')('report', { room, user: 'ben', reason: 'rude' });
    expect((await chat.as('mona')('reports', { room })).reports).toMatchObject([{ user: 'ben', reason: 'rude' }]);
  });

  test.each([
    [{ seq: 9, reason: 'x' }, 601],
    [{ seq: 1, user: 'olga', reason: 'x' }, 605],
    [{ user: 'nobody', reason: 'x' }, 602],
    [{ user: 'cleo', reason: 'x' }, 605],
    [{ reason: 'x' }, 605],
    [{ seq: 1, reason: '' }, 605],
  ])('of %j is refused', async (input, code) => {
    await using chat = await createChat();
    const room = await createRoom(chat);
    await expect(chat.as('cleo')('report', { room, ...input })).rejects.toMatchObject({ code });
  });

  test('cannot be made by strangers, nor be seen by who does not moderate', async () => {
    await using chat = await createChat();
    const room = await createRoom(chat);
    await expect(chat.as('eve')('report', { room, seq: 1, reason: 'x' })).rejects.toMatchObject({ code: 600 });
    await expect(chat.as('cleo')('reports', { room })).rejects.toMatchObject({ code: 604 });
    await expect(chat.as('mona')('reports', {})).rejects.toMatchObject({ code: 604 });
    const { id } = await chat.as('cleo')('report', { room, seq: 1, reason: 'x' });
    await expect(chat.as('cleo')('resolveReport', { id, resolution: 'x' })).rejects.toMatchObject({ code: 623 });
    await expect(chat.as('mona')('resolveReport', { id: 'x', resolution: 'x' })).rejects.toMatchObject({ code: 623 });
  });

  test('is one of few that a user may leave open', async () => {
    await using chat = await createChat();
    const room = await chat.room({ members: ['anna', 'ben'] });
    for (let at = 1; at <= 101; at++) await chat.system('send', { room, text: 'x' });
    for (let seq = 1; seq <= 100; seq++) await chat.as('ben')('report', { room, seq, reason: 'x' });
    await expect(chat.as('ben')('report', { room, seq: 101, reason: 'x' })).rejects.toMatchObject({ code: 607 });
    const first = await chat.as('anna')('reports', { room, limit: 60 });
    const rest = await chat.as('anna')('reports', { room, limit: 60, after: first.reports.at(-1).id });
    expect(new Set([...first.reports, ...rest.reports].map(({ seq }) => seq)).size).toBe(100);
    expect(rest.hasMore).toBe(false);
  });
});

describe('resolving a report', () => {
  test('deletes the message, bans its sender, and closes all reports of it', async () => {
    await using chat = await createChat();
    const room = await createRoom(chat);
    const { id } = await chat.as('cleo')('report', { room, seq: 1, reason: 'spam' });
    await chat.as('olga')('report', { room, seq: 1, reason: 'spam!' });
    await chat.as('olga')('report', { room, user: 'ben', reason: 'rude' });
    chat.forget();
    const { report } = await chat.as('mona')('resolveReport', {
      id,
      resolution: 'removed',
      delete: true,
      restrict: { kind: 'ban', reason: 'spam' },
    });
    expect(report).toMatchObject({ state: 'resolved', resolution: 'removed', resolvedBy: 'mona' });
    expect((await chat.as('cleo')('message', { room, seq: 1 })).message.deletedAt).toBe(chat.clock.now());
    await expect(chat.as('ben')('messages', { room })).rejects.toMatchObject({ code: 600 });
    expect((await chat.as('mona')('reports', { room })).reports).toMatchObject([{ reason: 'rude' }]);
    expect((await chat.as('mona')('reports', { room, state: 'resolved' })).reports).toHaveLength(2);
    expect(chat.eventTypes.filter((type) => type === 'chat.report.resolved')).toHaveLength(2);
  });

  test('does all of it or nothing', async () => {
    await using chat = await createChat();
    const room = await createRoom(chat);
    await chat.as('olga')('send', { room, text: 'rules' });
    const { id } = await chat.as('cleo')('report', { room, seq: 2, reason: 'x' });
    const resolve = { id, resolution: 'x', delete: true, restrict: { kind: 'mute' } };
    await expect(chat.as('mona')('resolveReport', resolve)).rejects.toMatchObject({ code: 604 });
    expect((await chat.as('cleo')('message', { room, seq: 2 })).message.text).toBe('rules');
    expect((await chat.as('mona')('reports', { room })).reports).toHaveLength(1);
  });

  test('happens once', async () => {
    await using chat = await createChat();
    const room = await createRoom(chat);
    const { id } = await chat.as('cleo')('report', { room, seq: 1, reason: 'x' });
    const first = await chat.as('mona')('resolveReport', { id, resolution: 'dismissed' });
    expect(await chat.as('mona')('resolveReport', { id, resolution: 'dismissed' })).toEqual(first);
    await expect(chat.as('olga')('resolveReport', { id, resolution: 'removed' })).rejects.toMatchObject({ code: 622 });
  });
});

test('of resolved reports of one user the latest are kept', async () => {
  await using chat = await createChat();
  const room = await createRoom(chat);
  const resolved = {
    room_id: room,
    seq: null,
    reported_user: 'ben',
    reporter: 'cleo',
    reason: 'spam',
    state: 'resolved',
    resolution: 'no',
    resolved_by: 'mona',
    created_at: 0,
    resolved_at: 0,
  };
  const ids = Array.from({ length: maxResolved + 3 }, (_, at) => `r${String(at).padStart(5, '0')}`);
  for (let at = 0; at < ids.length; at += 100) {
    const some = ids.slice(at, at + 100).map((id) => ({ ...resolved, id }));
    await chat.chat.db.insertInto('chat_reports').values(some).execute();
  }
  await chat.chat.db
    .insertInto('chat_reports')
    .values({ ...resolved, id: 'a', reporter: 'mona' })
    .execute();
  const { id } = await chat.as('cleo')('report', { room, seq: 1, reason: 'spam' });
  const kept = await chat.chat.db.selectFrom('chat_reports').select('id').where('id', '<>', id).orderBy('id').execute();
  expect(kept.map((row) => row.id)).toEqual(['a', ...ids.slice(3)]);
});
