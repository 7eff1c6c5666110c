import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createChat, type ChatFixture } from '../testing/chat-fixture.ts';
import type { Message } from '../model.ts';
import type { SearchPage } from './search.ts';

/** What a search finds, as `room:seq`. */
function found(page: SearchPage): string[] {
  return page.results.map(({ message }) => `${message.room}:${message.seq}`);
}

async function texts(chat: ChatFixture, user: string, input: object): Promise<(string | undefined)[]> {
  const page = (await chat.as(user)('search', input)) as SearchPage;
  return page.results.map(({ message }) => message.text);
}

describe('chat.search', () => {
  test('finds messages that hold all words, the newest first, across rooms', async () => {
    await using chat = await createChat();
    await chat.room({ id: 'a', members: ['anna', 'ben'] });
    await chat.room({ id: 'b', members: ['anna'] });
    const anna = chat.as('anna');
    await anna('send', { room: 'a', text: 'The quick brown fox' });
    await chat.clock.advance(10);
    await anna('send', { room: 'b', text: 'a brown and QUICK bear' });
    await chat.clock.advance(10);
    await anna('send', { room: 'a', text: 'brown only' });
    expect(found(await anna('search', { query: 'quick brown' }))).toEqual(['b:1', 'a:1']);
    expect(found(await anna('search', { query: 'brown', room: 'a' }))).toEqual(['a:2', 'a:1']);
    expect(found(await chat.as('ben')('search', { query: 'brown' }))).toEqual(['a:2', 'a:1']);
    expect(found(await chat.system('search', { query: 'brown' }))).toEqual(['a:2', 'b:1', 'a:1']);
    expect(found(await anna('search', { query: 'brown zebra' }))).toEqual([]);
  });

  test('the last word may be unfinished, the others not', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna'] });
    await chat.as('anna')('send', { room: 'room', text: 'deployment finished' });
    expect(await texts(chat, 'anna', { query: 'finished depl' })).toHaveLength(1);
    expect(await texts(chat, 'anna', { query: 'depl finished' })).toHaveLength(0);
    expect(await texts(chat, 'anna', { query: 'd' })).toHaveLength(0);
  });

  test('case, accents and forms of Unicode do not matter', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna'] });
    for (const text of ['Crème Brûlée', 'STRASSE', 'Ωραία', 'ﬁle', 'cafe\u0301']) {
      await chat.as('anna')('send', { room: 'room', text });
    }
    for (const query of ['creme', 'BRULEE', 'straße', 'ωραια', 'file', 'café']) {
      expect(await texts(chat, 'anna', { query }), query).toHaveLength(1);
    }
  });

  test('Chinese and Japanese are found within a sentence', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna'] });
    await chat.as('anna')('send', { room: 'room', text: '明日は東京に行きます' });
    await chat.as('anna')('send', { room: 'room', text: '京都' });
    for (const query of ['東京', '東京に行', '明', 'す']) expect(await texts(chat, 'anna', { query })).toHaveLength(1);
    expect(await texts(chat, 'anna', { query: '京' })).toHaveLength(2);
    expect(await texts(chat, 'anna', { query: '大阪' })).toHaveLength(0);
  });

  test('edits and deletions are seen at once, by text and by snippet', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna'] });
    const anna = chat.as('anna');
    await anna('send', { room: 'room', text: 'apples' });
    await anna('send', { room: 'room', text: 'apples too' });
    expect(found(await anna('search', { query: 'apples' }))).toHaveLength(2);
    await anna('edit', { room: 'room', seq: 1, text: 'pears' });
    await anna('delete', { room: 'room', seq: 2 });
    expect(found(await anna('search', { query: 'apples' }))).toEqual([]);
    expect(found(await anna('search', { query: 'pears' }))).toEqual(['room:1']);
    expect(await chat.chat.db.selectFrom('chat_search').select('seq').execute()).toEqual([{ seq: 1 }]);
  });

  test('rows deleted outright leave the index, whoever deletes them', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna'] });
    await chat.as('anna')('send', { room: 'room', text: 'secret' });
    await chat.as('anna')('search', { query: 'secret' });
    await chat.store.database<{ chat_messages: object }>().deleteFrom('chat_messages').execute();
    expect(await chat.chat.db.selectFrom('chat_search').selectAll().execute()).toEqual([]);
    expect(await texts(chat, 'anna', { query: 'secret' })).toEqual([]);
  });

  test('what is for its sender alone is found by nobody else', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna', 'ben'] });
    await chat.chat.db
      .insertInto('chat_restrictions')
      .values({ scope: '*', user_id: 'anna', kind: 'shadow', reason: null, until: null, created_by: '', created_at: 0 })
      .execute();
    await chat.as('anna')('send', { room: 'room', text: 'spam spam' });
    expect(await texts(chat, 'anna', { query: 'spam' })).toEqual(['spam spam']);
    expect(await texts(chat, 'ben', { query: 'spam' })).toEqual([]);
  });

  test('rooms the asker left or may not read are not searched; one that they name is refused', async () => {
    await using chat = await createChat();
    await chat.room({ id: 'closed', members: ['anna', 'ben'] });
    await chat.room({ id: 'open', kind: 'public', members: ['anna'] });
    await chat.as('anna')('send', { room: 'closed', text: 'plans' });
    await chat.as('anna')('send', { room: 'open', text: 'plans' });
    await chat.chat.db.updateTable('chat_members').set({ state: 'left' }).where('user_id', '=', 'ben').execute();
    expect(await texts(chat, 'ben', { query: 'plans' })).toEqual([]);
    expect(await texts(chat, 'ben', { query: 'plans', room: 'open' })).toEqual(['plans']);
    await expect(chat.as('ben')('search', { query: 'plans', room: 'closed' })).rejects.toMatchObject({ code: 600 });
    await expect(chat.as('ben')('search', { query: 'plans', room: 'none' })).rejects.toMatchObject({ code: 600 });
  });

  test('sender and times narrow it down', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna', 'ben'] });
    const start = chat.clock.now();
    for (const user of ['anna', 'ben', 'anna']) {
      await chat.as(user)('send', { room: 'room', text: 'word' });
      await chat.clock.advance(1_000);
    }
    const search = async (input: object) => found(await chat.as('anna')('search', { query: 'word', ...input }));
    expect(await search({ sender: 'ben' })).toEqual(['room:2']);
    expect(await search({ before: start + 1_000 })).toEqual(['room:1']);
    expect(await search({ after: start + 1_000 })).toEqual(['room:3', 'room:2']);
    expect(await search({ after: start + 1_000, before: start + 2_000 })).toEqual(['room:2']);
  });

  test('pages follow each other without gaps, also where many were sent in one millisecond', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna'] });
    await Promise.all(
      Array.from({ length: 1_300 }, (_, n) => chat.as('anna')('send', { room: 'room', text: `word ${n}` })),
    );
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page: SearchPage = await chat.as('anna')('search', { query: 'word', limit: 70, ...(cursor && { cursor }) });
      seen.push(...found(page));
      cursor = page.next;
    } while (cursor !== undefined);
    expect(new Set(seen).size).toBe(1_300);
    expect(seen).toHaveLength(1_300);
    expect(seen[0]).toBe('room:1300');
    expect(seen.at(-1)).toBe('room:1');
  });

  test('who is in very many rooms finds in all of them, and only there', async () => {
    await using chat = await createChat();
    for (let n = 0; n < 130; n++) {
      await chat.room({ id: `r${n}`, members: n % 10 === 0 ? ['ben'] : ['ben', 'anna'] });
    }
    for (let n = 0; n < 130; n++) await chat.as('ben')('send', { room: `r${n}`, text: 'word' });
    const page = (await chat.as('anna')('search', { query: 'word', limit: 100 })) as SearchPage;
    const rest = (await chat.as('anna')('search', { query: 'word', limit: 100, cursor: page.next })) as SearchPage;
    const rooms = [...page.results, ...rest.results].map(({ message }) => message.room);
    expect(rooms).toHaveLength(117);
    expect(rooms.some((room) => room.endsWith('0'))).toBe(false);
  });

  test('whatever is asked for is words, never syntax', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna'] });
    await chat.as('anna')('send', { room: 'room', text: 'near and or not' });
    for (const query of [
      '"near" AND (',
      'near*',
      "near' | 'x",
      'near:*',
      'NEAR(or not)',
      '{near} - or',
      'near \\ or',
    ]) {
      await expect(chat.as('anna')('search', { query }), query).resolves.toBeDefined();
    }
    expect(await texts(chat, 'anna', { query: '"NOT" (or' })).toHaveLength(1);
    expect(await texts(chat, 'anna', { query: 'words: near' })).toHaveLength(0);
    await expect(chat.as('anna')('search', { query: '"*()' })).rejects.toMatchObject({ code: 605 });
    await expect(
      chat.as('anna')('search', { query: 'a b c d e f g h i j k l m n o p q r s t u' }),
    ).rejects.toMatchObject({
      code: 607,
    });
    expect(await texts(chat, 'anna', { query: '\uE0001' })).toEqual([]);
  });

  test('messages that were there before the index, and changes past the channels, are found in time', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna'] });
    for (let n = 0; n < 3; n++) await chat.as('anna')('send', { room: 'room', text: `old ${n}` });
    await chat.chat.search.catchUp();
    for (const table of ['chat_search', 'chat_search_rooms'] as const) await chat.chat.db.deleteFrom(table).execute();
    expect(await texts(chat, 'anna', { query: 'old' })).toEqual([]);
    await chat.chat.search.reconcile();
    expect(await texts(chat, 'anna', { query: 'old' })).toEqual(['old 2', 'old 1', 'old 0']);
  });

  test('a room that cannot be indexed holds up no other', async () => {
    await using chat = await createChat();
    for (const id of ['broken', 'whole']) await chat.room({ id, members: ['anna'] });
    const { db, search } = chat.chat;
    for (const room of ['broken', 'whole']) await chat.as('anna')('send', { room, text: 'word' });
    await db.updateTable('chat_messages').set({ body: '{' }).where('room_id', '=', 'broken').execute();
    expect(await texts(chat, 'anna', { query: 'word', room: 'whole' })).toEqual([]);
    await search.catchUp();
    expect(await texts(chat, 'anna', { query: 'word', room: 'whole' })).toEqual(['word']);
  });

  test('times that nobody lives to see do no harm', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna'] });
    for (let n = 0; n < 3; n++) await chat.as('anna')('send', { room: 'room', text: 'word' });
    await chat.chat.db
      .updateTable('chat_messages')
      .set({ created_at: 8_640_000_000_000_000 })
      .where('seq', '<', 3)
      .execute();
    await chat.chat.db.updateTable('chat_messages').set({ created_at: -5 }).where('seq', '=', 3).execute();
    expect(found(await chat.as('anna')('search', { query: 'word' }))).toEqual(['room:2', 'room:1', 'room:3']);
  });

  test('without a search, the index follows within a second', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna'] });
    await chat.as('anna')('send', { room: 'room', text: 'hello' });
    await chat.clock.advance(1_000);
    await expect.poll(() => chat.chat.db.selectFrom('chat_search').select('seq').execute()).toEqual([{ seq: 1 }]);
  });

  test('finds what a naive look at all visible messages finds', async () => {
    const word = fc.constantFrom('ab', 'abc', 'b', 'cat', 'Cat', 'dog', 'x1');
    const sentence = fc.array(word, { minLength: 1, maxLength: 4 }).map((words) => words.join(' '));
    const step = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({ do: fc.constant('send' as const), text: sentence, room: fc.constantFrom('a', 'b') }),
      },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('edit' as const), text: sentence, at: fc.nat(20) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), at: fc.nat(20) }) },
      { weight: 2, arbitrary: fc.record({ do: fc.constant('search' as const), query: sentence }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(500) }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), sentence, async (steps, last) => {
        await using chat = await createChat();
        await chat.room({ id: 'a', members: ['anna', 'ben'] });
        await chat.room({ id: 'b', members: ['anna'] });
        const model: { room: string; seq: number; text: string | undefined }[] = [];
        const check = async (user: string, query: string) => {
          const terms = query.toLowerCase().split(' ');
          const prefix = terms.at(-1) ?? '';
          const rooms = user === 'anna' ? ['a', 'b'] : ['a'];
          const expected = model.filter(({ room, text }) => {
            const words = text?.toLowerCase().split(' ') ?? [];
            const begins = (one: string) => (prefix.length > 1 ? one.startsWith(prefix) : one === prefix);
            return (
              rooms.includes(room) && terms.slice(0, -1).every((term) => words.includes(term)) && words.some(begins)
            );
          });
          const page = (await chat.as(user)('search', { query, limit: 100 })) as SearchPage;
          expect(found(page).toSorted()).toEqual(expected.map(({ room, seq }) => `${room}:${seq}`).toSorted());
        };
        for (const one of steps) {
          if (one.do === 'send') {
            const { message } = (await chat.as('anna')('send', { room: one.room, text: one.text })) as {
              message: Message;
            };
            model.push({ room: one.room, seq: message.seq, text: one.text });
          } else if (one.do === 'wait') {
            await chat.clock.advance(one.ms);
          } else if (one.do === 'search') {
            await check('anna', one.query);
          } else {
            const target = model[one.at % Math.max(1, model.length)];
            if (target?.text === undefined) continue;
            const { room, seq } = target;
            target.text = one.do === 'edit' ? one.text : undefined;
            await chat.as('anna')(one.do, one.do === 'edit' ? { room, seq, text: one.text } : { room, seq });
          }
        }
        await check('anna', last);
        await check('ben', last);
      }),
      { numRuns: 40 },
    );
  });
});
