import { describe, expect, test } from 'vitest';
import { ChatError } from './chat-error.ts';
import { createChat, type ChatFixture } from './testing/chat-fixture.ts';

async function restrict(chat: ChatFixture, user: string, kind: string, until: number | null = null): Promise<void> {
  await chat.chat.writer.run({}, (tx) =>
    tx.write
      .insertInto('chat_restrictions')
      .values({ scope: 'room', user_id: user, kind, reason: null, until, created_by: '', created_at: 0 })
      .execute(),
  );
}

describe('a message', () => {
  test('gets the next seq, is published at its revision and reported', async () => {
    await using chat = await createChat();
    const room = await chat.room({ members: ['anna', 'ben'] });
    const { message } = await chat.as('anna')('send', { room, text: 'hello' });
    expect(message).toMatchObject({ seq: 1, rev: 1, sender: 'anna', text: 'hello', kind: 'text', version: 1 });
    expect(chat.publications).toEqual([
      {
        channel: 'chat:room:room',
        data: { type: 'message', message },
        position: { offset: 1, epoch: (await chat.roomRow()).epoch },
      },
    ]);
    expect(chat.eventTypes).toEqual(['chat.message.sent']);
    expect(await chat.as('ben')('messages', { room })).toEqual({
      messages: [message],
      own: [],
      hasBefore: false,
      hasAfter: false,
    });
  });

  test('counts as unread for others, and its sender has read what stands above', async () => {
    await using chat = await createChat();
    const room = await chat.room({ members: ['anna', 'ben'] });
    await chat.as('anna')('send', { room, text: '1' });
    await chat.as('ben')('send', { room, text: '2' });
    await chat.as('ben')('send', { room, text: '3', silent: true });
    expect(await chat.roomRow()).toMatchObject({ last_seq: 3, ucount: 2, rev: 3 });
    expect(await chat.memberRow('anna')).toMatchObject({ read_seq: 1, read_ucount: 1 });
    expect(await chat.memberRow('ben')).toMatchObject({ read_seq: 3, read_ucount: 2, delivered_seq: 3 });
  });

  test('keeps text and data as they are, markup and emoji too', async () => {
    await using chat = await createChat();
    const room = await chat.room({ members: ['anna'] });
    const said = {
      text: '<script>alert("1")</script> ' + '\u{1F469}\u200D\u{1F680} \u2028 \r\n\t',
      data: { ['__proto__']: 1, a: [null, 1.5, { '': '\u0001' }] },
    };
    const { message } = await chat.as('anna')('send', { room, ...said });
    expect(message).toMatchObject({ text: said.text });
    expect(JSON.stringify(message.data)).toBe(JSON.stringify(said.data));
  });

  test('of a back end is of nobody, or of the user it names', async () => {
    await using chat = await createChat();
    const room = await chat.room({ members: ['anna'] });
    const { message } = await chat.system('send', { room, text: 'maintenance at noon' });
    expect(message.sender).toBe('');
    expect(await chat.memberRow('anna')).toMatchObject({ read_seq: 0 });
  });
});

describe('sending again with the same client id', () => {
  test('among others in one transaction: nothing is sent twice, and the others stand in their order', async () => {
    await using chat = await createChat();
    const room = await chat.room({ members: ['anna', 'ben'] });
    const first = await chat.as('anna')('send', { room, clientId: 'c1', text: 'first' });
    const sent = await Promise.all([
      chat.as('ben')('send', { room, clientId: 'c1', text: 'ben' }),
      chat.as('anna')('send', { room, clientId: 'c1', text: 'first' }),
      chat.as('anna')('send', { room, clientId: 'c2', text: 'second' }),
      chat.as('anna')('send', { room, clientId: 'c2', text: 'second' }),
      chat.as('ben')('send', { room, clientId: 'c2', text: 'ben' }),
    ]);
    expect(sent.map(({ message, replayed }) => [message.seq, replayed ?? false])).toEqual([
      [2, false],
      [first.message.seq, true],
      [3, false],
      [3, true],
      [4, false],
    ]);
  });

  test('returns the first message, at once or later, and publishes nothing', async () => {
    await using chat = await createChat();
    const room = await chat.room({ members: ['anna', 'ben'] });
    const input = { room, clientId: 'c1', text: 'hello' };
    const [first, again] = await Promise.all([chat.as('anna')('send', input), chat.as('anna')('send', input)]);
    expect(again).toEqual({ message: first.message, replayed: true });
    await chat.clock.advance(60_000);
    expect(await chat.as('anna')('send', input)).toEqual({ message: first.message, replayed: true });
    expect(chat.published('chat:room:room')).toHaveLength(1);
    expect(await chat.roomRow()).toMatchObject({ last_seq: 1, ucount: 1 });
  });

  test('says so when it said something else; the first stands', async () => {
    await using chat = await createChat();
    const room = await chat.room({ members: ['anna'] });
    await chat.as('anna')('send', { room, clientId: 'c1', text: 'first' });
    expect(await chat.as('anna')('send', { room, clientId: 'c1', text: 'second' })).toMatchObject({
      message: { seq: 1, text: 'first' },
      replayed: true,
      differs: true,
    });
  });

  test('is another message for another user, and in another room', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna', 'ben'] });
    await chat.room({ id: 'other', members: ['anna'] });
    await chat.as('anna')('send', { room: 'room', clientId: 'c1', text: '1' });
    expect((await chat.as('ben')('send', { room: 'room', clientId: 'c1', text: '2' })).replayed).toBeUndefined();
    expect((await chat.as('anna')('send', { room: 'other', clientId: 'c1', text: '3' })).replayed).toBeUndefined();
  });

  test('returns the first even if moderation would refuse it now, and the tombstone if it was deleted', async () => {
    let strict = false;
    await using chat = await createChat({
      parts: {
        moderation: () => ({
          async review(_actor, _room, content) {
            if (strict) throw new ChatError('rejected');
            return { content };
          },
        }),
      },
    });
    const room = await chat.room({ members: ['anna'] });
    await chat.as('anna')('send', { room, clientId: 'c1', text: '1' });
    strict = true;
    expect(await chat.as('anna')('send', { room, clientId: 'c1', text: '1' })).toMatchObject({ replayed: true });
    await expect(chat.as('anna')('send', { room, clientId: 'c2', text: '1' })).rejects.toMatchObject({ code: 614 });
    strict = false;
    await chat.as('anna')('delete', { room, seq: 1 });
    const again = await chat.as('anna')('send', { room, clientId: 'c1', text: '1' });
    expect(again).toMatchObject({ replayed: true, message: { seq: 1, deletedAt: chat.clock.now() } });
    expect(await chat.roomRow()).toMatchObject({ last_seq: 1 });
  });
});

describe('refused', () => {
  test.for([
    ['no content', { text: '  ' }, 605],
    ['a lone surrogate', { text: 'a\uD800' }, 605],
    ['U+0000', { text: 'a\0b' }, 605],
    ['U+0000 in a name of data', { data: { 'a\0': 1 } }, 605],
    ['a lone surrogate in data', { data: ['\uDC00'] }, 605],
    ['data nested too deep', { data: JSON.parse('['.repeat(5_000) + ']'.repeat(5_000)) as unknown }, 605],
    ['a list that is too long', { data: new Array(300_000).fill(1) }, 606],
    ['text that is too long in bytes', { text: 'ä'.repeat(40_000) }, 606],
    ['too many attachments', { attachments: Array.from({ length: 11 }, (_, at) => `f${at}`) }, 607],
    ['an attachment named twice', { attachments: ['f', 'f'] }, 605],
    ['an attachment that is not there', { text: 'x', attachments: ['f'] }, 617],
    ['too many mentions', { text: 'x', mentions: { users: Array.from({ length: 51 }, (_, at) => `u${at}`) } }, 607],
    ['a mention that is no id', { text: 'x', mentions: { users: ['a:b'] } }, 605],
    ['a forged sender', { text: 'x', sender: 'ben' }, 605],
    ['an answer to what is not there', { text: 'x', replySeq: 9 }, 601],
    ['a thread under what is not there', { text: 'x', threadSeq: 9 }, 601],
  ] as const)('%s', async ([, content, code]) => {
    await using chat = await createChat();
    const room = await chat.room({ members: ['anna'] });
    await expect(chat.as('anna')('send', { room, ...content })).rejects.toMatchObject({ code });
    expect(await chat.roomRow()).toMatchObject({ last_seq: 0, rev: 0 });
    expect(chat.publications).toEqual([]);
  });

  test('rooms of others look like rooms that do not exist', async () => {
    await using chat = await createChat();
    await chat.room({ id: 'secret', members: ['ben'] });
    for (const room of ['secret', 'nowhere']) {
      await expect(chat.as('anna')('send', { room, text: 'x' })).rejects.toMatchObject({
        code: 600,
        message: `no such room: ${room}`,
      });
      await expect(chat.as('anna')('messages', { room })).rejects.toMatchObject({
        code: 600,
        message: `no such room: ${room}`,
      });
    }
  });

  test('who only reads a broadcast room', async () => {
    await using chat = await createChat();
    const room = await chat.room({ kind: 'broadcast', members: ['anna', 'ben'] });
    await chat.as('anna')('send', { room, text: 'news' });
    await expect(chat.as('ben')('send', { room, text: 'x' })).rejects.toMatchObject({ code: 604 });
    await expect(chat.as('carl')('send', { room, text: 'x' })).rejects.toMatchObject({ code: 603 });
    expect((await chat.as('carl')('messages', { room })).messages).toHaveLength(1);
  });

  test.for([
    ['ban', 611],
    ['mute', 612],
  ] as const)('by a %s, until it ends', async ([kind, code]) => {
    await using chat = await createChat();
    const room = await chat.room({ members: ['anna', 'ben'] });
    await restrict(chat, 'ben', kind, chat.clock.now() + 1_000);
    await expect(chat.as('ben')('send', { room, text: 'x' })).rejects.toMatchObject({ code });
    await chat.clock.advance(1_000);
    await chat.as('ben')('send', { room, text: 'x' });
  });

  test('by slow mode, for as long as it says, but for who moderates', async () => {
    await using chat = await createChat();
    const room = await chat.room({ members: ['anna', 'ben'], row: { slow_ms: 10_000 } });
    await chat.as('ben')('send', { room, text: '1' });
    await expect(chat.as('ben')('send', { room, text: '2' })).rejects.toMatchObject({
      code: 609,
      message: expect.stringContaining('10000 ms left'),
    });
    await chat.as('anna')('send', { room, text: '1' });
    await chat.as('anna')('send', { room, text: '2' });
    await chat.clock.advance(10_000);
    await chat.as('ben')('send', { room, text: '2' });
  });

  test('in a frozen room, but for who moderates', async () => {
    await using chat = await createChat();
    const room = await chat.room({ members: ['anna', 'ben'], row: { frozen: 1 } });
    await expect(chat.as('ben')('send', { room, text: 'x' })).rejects.toMatchObject({ code: 610 });
    await chat.as('anna')('send', { room, text: 'x' });
  });

  test('between two of whom one has blocked the other; it does not say who', async () => {
    await using chat = await createChat();
    const room = await chat.room({ kind: 'direct', members: ['anna', 'ben'] });
    await chat.chat.writer.run({}, (tx) =>
      tx.write.insertInto('chat_blocks').values({ user_id: 'ben', blocked_id: 'anna', created_at: 0 }).execute(),
    );
    await expect(chat.as('anna')('send', { room, text: 'x' })).rejects.toMatchObject({ code: 613, message: 'blocked' });
    await expect(chat.as('ben')('send', { room, text: 'x' })).rejects.toMatchObject({ code: 613 });
  });
});

describe('a message of somebody in the shadow', () => {
  test('is there for them, and an empty place for others that does not count', async () => {
    await using chat = await createChat();
    const room = await chat.room({ members: ['anna', 'ben'] });
    await restrict(chat, 'ben', 'shadow');
    const sent = await chat.as('ben')('send', { room, text: 'spam', mentions: { users: ['anna'], room: true } });
    expect(sent.message).toMatchObject({ kind: 'text', text: 'spam', sender: 'ben' });
    const hidden = { kind: 'hidden', sender: '', seq: 1 };
    expect(chat.published('chat:room:room')).toMatchObject([{ message: hidden }]);
    expect(JSON.stringify(chat.published('chat:room:room'))).not.toContain('spam');
    expect(chat.published('chat:user:ben')).toMatchObject([{ type: 'message', message: { text: 'spam' } }]);
    expect(chat.published('chat:user:anna')).toEqual([]);
    expect((await chat.as('anna')('messages', { room })).messages).toMatchObject([hidden]);
    expect((await chat.as('ben')('messages', { room })).messages).toMatchObject([{ text: 'spam' }]);
    expect(await chat.roomRow()).toMatchObject({ last_seq: 1, ucount: 0 });
    expect(await chat.memberRow('anna')).toMatchObject({ mention_count: 0 });
  });

  test('is seen by the back end, which sees everything', async () => {
    await using chat = await createChat();
    const room = await chat.room({ members: ['anna', 'ben'] });
    await restrict(chat, 'ben', 'shadow');
    await chat.as('ben')('send', { room, text: 'spam' });
    expect(await chat.system('message', { room, seq: 1 })).toMatchObject({ message: { text: 'spam', sender: 'ben' } });
  });

  test('cannot be had by editing or reacting to what others have seen', async () => {
    await using chat = await createChat();
    const room = await chat.room({ members: ['anna', 'ben', 'carl'] });
    await chat.as('ben')('send', { room, text: 'nice', mentions: { users: ['carl'] } });
    await restrict(chat, 'ben', 'shadow');
    chat.forget();
    const edited = await chat.as('ben')('edit', { room, seq: 1, text: 'spam', mentions: { users: ['anna', 'carl'] } });
    expect(edited.message).toMatchObject({ text: 'spam', version: 2 });
    expect(chat.published('chat:room:room')).toMatchObject([{ message: { kind: 'hidden', seq: 1 } }]);
    expect(await chat.memberRow('carl')).toMatchObject({ mention_count: 0 });
    expect((await chat.as('anna')('message', { room, seq: 1 })).message.kind).toBe('hidden');
    await chat.as('anna')('send', { room, text: 'hello' });
    chat.forget();
    await chat.as('ben')('react', { room, seq: 2, emoji: 'x' });
    expect(chat.publications).toEqual([]);
  });

  test('cannot be answered, reacted to or pinned by others', async () => {
    await using chat = await createChat();
    const room = await chat.room({ members: ['anna', 'ben'] });
    await restrict(chat, 'ben', 'shadow');
    await chat.as('ben')('send', { room, text: 'spam' });
    const anna = chat.as('anna');
    for (const [name, more] of [
      ['send', { text: 'x', replySeq: 1 }],
      ['send', { text: 'x', threadSeq: 1 }],
      ['react', { seq: 1, emoji: 'x' }],
      ['pin', { seq: 1 }],
      ['reactions', { seq: 1 }],
      ['followThread', { threadSeq: 1 }],
    ] as const) {
      await expect(anna(name, { room, ...more }), name).rejects.toMatchObject({ code: 601 });
    }
    // Who moderates takes it away.
    expect((await anna('delete', { room, seq: 1 })).message).toMatchObject({ kind: 'hidden' });
    expect((await chat.as('ben')('message', { room, seq: 1 })).message).toMatchObject({
      deletedAt: expect.any(Number),
    });
  });
});
