import { describe, expect, test } from 'vitest';
import { eraseSlice } from './erase-user.ts';
import type { ExportRecord } from './export-user.ts';
import type { MessageBody } from './mappers.ts';
import type { ModerationAnswer } from './moderation-hook.ts';
import { createChat, type ChatFixture } from './testing/chat-fixture.ts';

async function withTraces(chat: ChatFixture): Promise<void> {
  const run = chat.as('ben');
  await run('setProfile', { name: 'Ben', data: { city: 'Bern' } });
  await chat.room({ id: 'r1', members: [['ben', 'owner'], 'anna', 'cleo'] });
  await chat.room({ id: 'r2', kind: 'direct', members: ['anna', 'ben'] });
  await chat.room({ id: 'r3', kind: 'public', members: ['anna', 'ben'] });
  await run('send', { room: 'r1', text: 'uno', clientId: 'c1' });
  await run('edit', { room: 'r1', seq: 1, text: 'uno!' });
  await run('send', { room: 'r1', text: 'two' });
  await run('delete', { room: 'r1', seq: 2 });
  await run('send', { room: 'r2', text: 'three' });
  await run('send', { room: 'r3', text: 'four' });
  await run('leave', { room: 'r3' });
  await chat.as('anna')('send', { room: 'r1', text: '@ben', mentions: { users: ['ben', 'cleo'] } });
  for (const user of ['ben', 'cleo']) await chat.as(user)('react', { room: 'r1', seq: 3, emoji: 'x' });
  await run('react', { room: 'r1', seq: 3, emoji: 'y' });
  await chat.as('anna')('createPoll', { room: 'r1', question: 'q', options: ['a', 'b'], multiple: true });
  await run('vote', { room: 'r1', seq: 4, options: ['1', '2'] });
  await chat.as('cleo')('vote', { room: 'r1', seq: 4, options: ['1'] });
  await run('setDraft', { room: 'r1', text: 'secret' });
  await run('block', { user: 'eve' });
  await chat.as('anna')('block', { user: 'ben' });
  await run('report', { room: 'r1', user: 'cleo', reason: 'rude' });
  await chat.as('cleo')('report', { room: 'r1', seq: 1, reason: 'spam' });
  await run('schedule', { room: 'r1', text: 'later', sendAt: chat.clock.now() + 1_000_000 });
  await chat.system('mute', { room: 'r1', user: 'ben' });
}

async function erase(chat: ChatFixture, mode: string): Promise<void> {
  await chat.system('eraseUser', { user: 'ben', mode });
  await chat.module.jobs.run('erasures');
  await chat.module.idle();
}

/** Everything in the database that still has the text, by table. */
async function found(chat: ChatFixture, text: string): Promise<string[]> {
  const { db } = chat.chat;
  const tables = [
    'chat_users',
    'chat_rooms',
    'chat_members',
    'chat_messages',
    'chat_message_versions',
    'chat_reactions',
    'chat_mentions',
    'chat_thread_members',
    'chat_drafts',
    'chat_attachments',
    'chat_poll_votes',
    'chat_restrictions',
    'chat_blocks',
    'chat_reports',
    'chat_scheduled',
    'chat_erasures',
  ] as const;
  const hits: string[] = [];
  for (const table of tables) {
    const rows = await db.selectFrom(table).selectAll().execute();
    for (const row of rows) if (JSON.stringify(row).includes(text)) hits.push(`${table} ${JSON.stringify(row)}`);
  }
  return hits;
}

/** What messages and their former versions mention, by their text. */
async function allMentions(chat: ChatFixture): Promise<Record<string, unknown>> {
  const { db } = chat.chat;
  const mentions: Record<string, unknown> = {};
  for (const table of ['chat_message_versions', 'chat_messages'] as const) {
    for (const { body: json } of await db.selectFrom(table).select('body').execute()) {
      const body = JSON.parse(json) as MessageBody;
      mentions[`${body.text}${table === 'chat_messages' ? '' : ', formerly'}`] = body.mentions;
    }
  }
  return mentions;
}

async function recount(chat: ChatFixture): Promise<void> {
  const rooms = await chat.chat.db.selectFrom('chat_rooms').selectAll().execute();
  for (const room of rooms) {
    const members = await chat.chat.db.selectFrom('chat_members').selectAll().where('room_id', '=', room.id).execute();
    expect(room.member_count).toBe(members.filter(({ state }) => state === 'member').length);
    const messages = await chat.chat.db
      .selectFrom('chat_messages')
      .selectAll()
      .where('room_id', '=', room.id)
      .execute();
    expect(messages).toHaveLength(room.last_seq);
  }
}

describe('erasing a user', () => {
  test('with what they wrote: tombstones stay', async () => {
    await using chat = await createChat();
    await withTraces(chat);
    await erase(chat, 'delete');
    // The id alone stays, so that nobody takes it for somebody who never had a profile; words of others are theirs.
    expect((await found(chat, 'ben')).filter((hit) => !hit.includes('@ben'))).toEqual([
      expect.stringContaining('chat_users'),
    ]);
    for (const text of ['Bern', 'uno', 'three', 'four', 'secret', 'later'])
      expect(await found(chat, text), text).toEqual([]);
    const { message } = await chat.as('anna')('message', { room: 'r1', seq: 1 });
    expect(message.sender).toMatch(/^deleted-/);
    expect(message).toMatchObject({ deletedAt: chat.clock.now() });
    expect((await chat.as('anna')('message', { room: 'r1', seq: 3 })).message).toMatchObject({ reactions: { x: 1 } });
    const { poll } = (await chat.as('anna')('message', { room: 'r1', seq: 4 })).message;
    expect(poll).toMatchObject({ voters: 1, options: [{ votes: 1 }, { votes: 0 }] });
    expect(chat.events.at(-1)).toMatchObject({
      type: 'chat.user.erased',
      subject: 'user:ben',
      data: { mode: 'delete' },
    });
    await recount(chat);
  });

  test('under a pseudonym: what they wrote stays', async () => {
    await using chat = await createChat();
    await withTraces(chat);
    await erase(chat, 'anonymise');
    expect((await found(chat, 'ben')).filter((hit) => !hit.includes('@ben'))).toEqual([
      expect.stringContaining('chat_users'),
    ]);
    for (const text of ['Bern', 'secret', 'later']) expect(await found(chat, text), text).toEqual([]);
    const { message } = await chat.as('anna')('message', { room: 'r1', seq: 1 });
    expect(message.text).toBe('uno!');
    const { sender } = message;
    expect((await chat.as('anna')('message', { room: 'r2', seq: 1 })).message).toMatchObject({ sender, text: 'three' });
    expect((await chat.as('anna')('user', { id: sender })).user).toMatchObject({ deletedAt: chat.clock.now() });
    const named = (await chat.as('anna')('message', { room: 'r1', seq: 3 })).message;
    expect(named).toMatchObject({ mentions: { users: [sender, 'cleo'] }, reactions: { x: 2, y: 1 } });
    const { votes } = await chat.as('anna')('votes', { room: 'r1', seq: 4 });
    expect(votes.map(({ user }: { user: string }) => user)).toEqual(['cleo', sender, sender]);
    expect((await chat.roomRow('r2')).dm_key?.split('\u0001').toSorted((a, b) => (a < b ? -1 : 1))).toEqual([
      'anna',
      sender,
    ]);
    await recount(chat);
  });

  test('passes their rooms on, and tells the others that they left', async () => {
    await using chat = await createChat();
    await withTraces(chat);
    await erase(chat, 'anonymise');
    expect(await chat.memberRow('anna', 'r1')).toMatchObject({ role: 'owner' });
    expect(chat.reconsidered).toContainEqual({ channel: 'chat:room:r1', user: 'ben' });
    const members = await chat.chat.db.selectFrom('chat_members').select('user_id').execute();
    expect(members.map(({ user_id }) => user_id)).not.toContain('ben');
  });

  test('goes on where a node died, and again does nothing', async () => {
    await using chat = await createChat();
    await withTraces(chat);
    await chat.system('eraseUser', { user: 'ben', mode: 'delete' });
    expect(await chat.system('eraseUser', { user: 'ben', mode: 'delete' })).toEqual({ replayed: true });
    await chat.chat.db.updateTable('chat_erasures').set({ stage: 'rooms', cursor: '' }).execute();
    await chat.module.jobs.run('erasures');
    await chat.system('eraseUser', { user: 'ben', mode: 'delete' });
    await chat.module.jobs.run('erasures');
    await chat.module.idle();
    expect(await found(chat, 'three')).toEqual([]);
    expect(await chat.chat.db.selectFrom('chat_erasures').selectAll().execute()).toEqual([]);
    expect(chat.eventTypes.filter((type) => type === 'chat.user.erased')).toHaveLength(2);
    await recount(chat);
  });

  test.each(['ben', 'b_n', 'b%', String.raw`b\n`, 'b"n', 'bén', 'b!n'])(
    'goes from what others said, though no note leads there: %s',
    async (user) => {
      await using chat = await createChat();
      const namesakes = ['BEN', 'bxn', String.raw`b\\n`, 'ben2'];
      const mentions = { users: [...namesakes, user] };
      await chat.room({ members: ['anna', 'cleo', user] });
      await chat.room({ id: 'without', members: ['anna'] });
      const anna = chat.as('anna');
      await anna('send', { room: 'without', text: 'no member', mentions });
      await anna('send', { room: 'room', text: 'taken out', mentions });
      await anna('edit', { room: 'room', seq: 1, mentions: null });
      await chat.as('cleo')('send', { room: 'room', text: 'hidden', mentions });
      await chat.system('shadowBan', { room: 'room', user: 'cleo' });
      await chat.as('cleo')('edit', { room: 'room', seq: 2, text: 'hidden by an edit' });
      await anna('send', { room: 'room', text: 'in words', data: { mentions } });
      chat.forget();
      await chat.system('eraseUser', { user, mode: 'anonymise' });
      await chat.module.jobs.run('erasures');
      await chat.module.idle();
      const { messages } = await anna('messages', { room: 'without' });
      const pseudonym = messages[0].mentions.users.at(-1);
      expect(pseudonym).toMatch(/^deleted-/);
      const renamed = { users: [...namesakes, pseudonym] };
      expect(await allMentions(chat)).toEqual({
        'no member': renamed,
        'taken out': undefined,
        'taken out, formerly': renamed,
        'hidden by an edit': renamed,
        'hidden, formerly': renamed,
        'in words': undefined,
      });
      expect((await anna('message', { room: 'room', seq: 3 })).message.data).toEqual({ mentions });
      // What was told of it is what there is.
      expect(chat.published('chat:room:without')).toEqual([
        { type: 'message', message: expect.objectContaining({ seq: 1, mentions: renamed }) as object },
      ]);
      expect(JSON.stringify(chat.published('chat:user:cleo'))).toContain(pseudonym);
    },
  );

  test('is not undone by an edit that was being looked at meanwhile', async () => {
    const asked: ((answer: ModerationAnswer) => void)[] = [];
    const reviewMessage = () => new Promise<ModerationAnswer>((resolve) => asked.push(resolve));
    await using chat = await createChat({ parts: { reviewMessage } });
    await chat.room({ members: ['anna'] });
    const sent = chat.as('anna')('send', { room: 'room', text: 'x', mentions: { users: ['ben'] } });
    await expect.poll(() => asked.length).toBe(1);
    asked[0]?.({ action: 'accept' });
    await sent;
    const edited = chat.as('anna')('edit', { room: 'room', seq: 1, text: 'y' });
    await expect.poll(() => asked.length).toBe(2);
    await erase(chat, 'delete');
    asked[1]?.({ action: 'accept' });
    await expect.poll(() => asked.length).toBe(3);
    asked[2]?.({ action: 'accept' });
    const pseudonym = expect.stringMatching(/^deleted-/) as string;
    expect((await edited).message).toMatchObject({ text: 'y', mentions: { users: [pseudonym] } });
    expect(await allMentions(chat)).toMatchObject({ 'x, formerly': { users: [pseudonym] } });
  });

  test('looks through more messages than fit into a slice, a part at a time', async () => {
    await using chat = await createChat();
    for (const id of ['r1', 'r2']) await chat.room({ id, members: ['anna'] });
    const send = (room: string, count: number, more: object) =>
      Promise.all(Array.from({ length: count }, () => chat.as('anna')('send', { room, text: 'x', ...more })));
    const mentions = { users: ['ben'] };
    await send('r1', 130, { mentions });
    await send('r1', 1_990, {});
    await send('r2', 20, { mentions });
    const { db } = chat.chat;
    const left = async () => {
      const rows = await db.selectFrom('chat_messages').select('body').execute();
      return rows.filter(({ body }) => body.includes('"ben"')).length;
    };
    await chat.system('eraseUser', { user: 'ben', mode: 'delete' });
    const seen = [await left()];
    let died = false;
    let { cursor } = await db.selectFrom('chat_erasures').select('cursor').executeTakeFirstOrThrow();
    while (await eraseSlice(chat.chat)) {
      if ((await left()) !== seen.at(-1)) seen.push(await left());
      // The first time it dies before it is written down how far it was.
      if (seen.length === 2 && !died) await db.updateTable('chat_erasures').set({ cursor }).execute();
      died = seen.length > 1;
      cursor = (await db.selectFrom('chat_erasures').select('cursor').executeTakeFirst())?.cursor ?? '';
    }
    expect(seen).toEqual([150, 50, 20, 0]);
    const { rev } = await chat.roomRow('r1');
    expect(rev, 'nothing is changed twice').toBe(130 + 1_990 + 130);
  });

  test('is for back ends, and the user has no profile any more', async () => {
    await using chat = await createChat();
    await expect(chat.as('ben')('eraseUser', { user: 'ben', mode: 'delete' })).rejects.toMatchObject({ code: 604 });
    await expect(chat.as('ben')('exportUser', { user: 'ben' })).rejects.toMatchObject({ code: 604 });
    await erase(chat, 'delete');
    await expect(chat.as('ben')('setProfile', { name: 'Ben' })).rejects.toMatchObject({ code: 615 });
  });
});

describe('exporting a user', () => {
  async function pages(chat: ChatFixture, limit: number): Promise<ExportRecord[]> {
    const records: ExportRecord[] = [];
    let cursor: string | undefined;
    for (let page = 0; page < 1_000; page++) {
      const found = await chat.system('exportUser', { user: 'ben', limit, ...(cursor !== undefined && { cursor }) });
      expect(found.records.length).toBeLessThanOrEqual(limit + 1);
      records.push(...found.records);
      cursor = found.next;
      if (cursor === undefined) return records;
    }
    throw new Error('there is no end');
  }

  test('has everything, whatever the size of pages', async () => {
    await using chat = await createChat();
    await withTraces(chat);
    const all = await pages(chat, 1_000);
    const count = (type: string) => all.filter((record) => record.type === type).length;
    expect(Object.fromEntries([...new Set(all.map(({ type }) => type))].map((type) => [type, count(type)]))).toEqual({
      user: 1,
      membership: 3,
      message: 4,
      version: 1,
      reaction: 2,
      vote: 2,
      draft: 1,
      block: 1,
      report: 1,
      restriction: 1,
      scheduled: 1,
    });
    expect(all).toContainEqual(expect.objectContaining({ type: 'message', room: 'r2', text: 'three' }));
    expect(all).toContainEqual(expect.objectContaining({ type: 'version', text: 'uno' }));
    for (const limit of [1, 2, 3, 7]) expect(await pages(chat, limit), String(limit)).toEqual(all);
  });

  test('of nobody is empty, and a cursor of something else is refused', async () => {
    await using chat = await createChat();
    expect(await pages(chat, 10)).toEqual([]);
    for (const cursor of ['x', '', Buffer.from('["nothing"]').toString('base64url')]) {
      await expect(chat.system('exportUser', { user: 'ben', cursor })).rejects.toMatchObject({ code: 605 });
    }
  });
});
