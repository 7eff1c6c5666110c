import { describe, expect, test } from 'vitest';
import { ChatError } from './chat-error.ts';
import type { Content } from './message-content.ts';
import { createChat, type ChatFixtureOptions } from './testing/chat-fixture.ts';

async function sent(text = 'first', options: ChatFixtureOptions = {}) {
  const chat = await createChat(options);
  await chat.room({ members: ['olga', 'anna', 'ben'] });
  await chat.as('anna')('send', { room: 'room', text, data: { a: 1 } });
  chat.forget();
  return chat;
}

const at = { room: 'room', seq: 1 };

describe('an edit', () => {
  test('replaces what it names, keeps the rest, and is told', async () => {
    await using chat = await sent();
    await chat.clock.advance(5);
    const { message } = await chat.as('anna')('edit', { ...at, text: 'second' });
    expect(message).toMatchObject({
      text: 'second',
      data: { a: 1 },
      version: 2,
      rev: 2,
      editedAt: chat.clock.now(),
      createdAt: chat.clock.now() - 5,
    });
    expect(chat.publications).toMatchObject([{ data: { type: 'message', message }, position: { offset: 2 } }]);
    expect(chat.eventTypes).toEqual(['chat.message.edited']);
    const without = await chat.as('anna')('edit', { ...at, data: null });
    expect(without.message).not.toHaveProperty('data');
    expect(await chat.roomRow()).toMatchObject({ last_seq: 1, ucount: 1, rev: 3 });
  });

  test('that changes nothing does nothing', async () => {
    await using chat = await sent();
    expect((await chat.as('anna')('edit', { ...at, text: 'first' })).message).toMatchObject({ version: 1, rev: 1 });
    expect(chat.publications).toEqual([]);
  });

  test('is refused if the message is not at the version that was expected', async () => {
    await using chat = await sent();
    await chat.as('anna')('edit', { ...at, text: 'second', expectedVersion: 1 });
    await expect(chat.as('anna')('edit', { ...at, text: 'third', expectedVersion: 1 })).rejects.toMatchObject({
      code: 622,
      message: 'changed meanwhile: the message is at version 2, not 1',
    });
  });

  test('of two at once, both are made, one after the other', async () => {
    await using chat = await sent();
    await Promise.all(['x', 'y'].map((text) => chat.as('anna')('edit', { ...at, text })));
    const { versions } = await chat.as('anna')('versions', at);
    expect(versions).toHaveLength(2);
    expect((await chat.as('anna')('message', at)).message.version).toBe(3);
  });

  test.for([
    ['of a message of somebody else', 'ben', { text: 'x' }, 604],
    ['by who is not in the room', 'carl', { text: 'x' }, 600],
    ['of a message that is not there', 'anna', { text: 'x', seq: 9 }, 601],
    ['that leaves nothing', 'anna', { text: null, data: null }, 605],
    ['that is too large', 'anna', { text: 'x'.repeat(70_000) }, 606],
    ['with broken Unicode', 'anna', { text: '\uD800' }, 605],
    ['with a field that is not there', 'anna', { text: 'x', sender: 'ben' }, 605],
  ] as const)('%s is refused', async ([, user, input, code]) => {
    await using chat = await sent();
    await expect(chat.as(user)('edit', { ...at, ...input })).rejects.toMatchObject({ code });
    expect(chat.publications).toEqual([]);
    expect((await chat.as('anna')('message', at)).message.text).toBe('first');
  });

  test('of a deleted message is refused', async () => {
    await using chat = await sent();
    await chat.as('anna')('delete', at);
    await expect(chat.as('anna')('edit', { ...at, text: 'x' })).rejects.toMatchObject({ code: 615 });
  });

  test('is reviewed like a message; what is refused stays as it was', async () => {
    const seen: Content[] = [];
    await using chat = await sent('first', {
      parts: {
        moderation: () => ({
          async review(_actor, _room, content) {
            seen.push(content);
            if (content.text === 'bad') throw new ChatError('rejected', 'bad');
            return { content: { ...content, text: content.text?.replace('rude', '****') } };
          },
        }),
      },
    });
    await expect(chat.as('anna')('edit', { ...at, text: 'bad' })).rejects.toMatchObject({ code: 614 });
    expect((await chat.as('anna')('edit', { ...at, text: 'so rude' })).message.text).toBe('so ****');
    expect(seen.at(-1)).toMatchObject({ text: 'so rude', data: { a: 1 } });
    // Nobody has messages of others looked at.
    const looked = seen.length;
    await expect(chat.as('ben')('edit', { ...at, text: 'x' })).rejects.toMatchObject({ code: 604 });
    expect(seen).toHaveLength(looked);
  });
});

describe('former versions', () => {
  test('are for who wrote it and who moderates, the latest first, in pages', async () => {
    await using chat = await sent();
    for (const text of ['second', 'third', 'fourth']) await chat.as('anna')('edit', { ...at, text });
    const page = await chat.as('anna')('versions', { ...at, limit: 2 });
    expect(page.versions.map(({ text, version }: { text: string; version: number }) => [version, text])).toEqual([
      [3, 'third'],
      [2, 'second'],
    ]);
    expect(page.hasMore).toBe(true);
    expect(await chat.as('olga')('versions', { ...at, before: 2 })).toMatchObject({
      versions: [{ version: 1, text: 'first', data: { a: 1 }, editedBy: 'anna' }],
      hasMore: false,
    });
    await expect(chat.as('ben')('versions', at)).rejects.toMatchObject({ code: 604 });
  });

  test.for([0, 2])('are kept up to a limit of %i', async (limit) => {
    await using chat = await sent('0', { config: { enabled: true, limits: { versions: limit } } });
    for (let nth = 1; nth <= 5; nth++) await chat.as('anna')('edit', { ...at, text: String(nth) });
    const { versions } = await chat.as('anna')('versions', at);
    expect(versions.map(({ text }: { text: string }) => text)).toEqual(['4', '3'].slice(0, limit));
  });
});
