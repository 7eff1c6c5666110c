import { describe, expect, test } from 'vitest';
import { settle } from '../../lib/clock.ts';
import type { ModuleEvent } from '../module.ts';
import { createChat, type ChatFixture } from './testing/chat-fixture.ts';

/** Lets everything that can go on without time go on. */
async function calm(chat: ChatFixture): Promise<void> {
  await chat.module.idle();
  await settle();
}

async function waiting(chat: ChatFixture): Promise<number> {
  return (await chat.chat.db.selectFrom('chat_outbox').select('id').execute()).length;
}

/** A chat whose application can be out of order; what reached it is in `seen`, by text. */
async function fragile(): Promise<{
  readonly chat: ChatFixture;
  readonly seen: string[];
  readonly ids: string[];
  readonly published: number[];
  readonly broken: { emit?: (text: string) => boolean; publish?: boolean };
}> {
  const seen: string[] = [];
  const ids: string[] = [];
  const published: number[] = [];
  const broken: { emit?: (text: string) => boolean; publish?: boolean } = {};
  const chat = await createChat({
    context: {
      async emit(event: ModuleEvent) {
        const { message } = JSON.parse(event.json) as { message: { text: string } };
        if (broken.emit?.(message.text) === true) throw new Error('the application is away');
        seen.push(message.text);
        ids.push(event.id);
      },
      async publish(_channel, _json, options) {
        if (broken.publish === true) throw new Error('the broker is away');
        published.push(options?.position?.offset ?? 0);
      },
    },
  });
  await chat.room({ id: 'a', members: ['anna'] });
  await chat.room({ id: 'b', members: ['anna'] });
  return { chat, seen, ids, published, broken };
}

describe('what was committed', () => {
  test('is told, and then deleted with the next transaction or soon', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna'] });
    await chat.as('anna')('send', { room: 'room', text: 'one' });
    expect(await waiting(chat)).toBe(1);
    await chat.as('anna')('send', { room: 'room', text: 'two' });
    expect(await waiting(chat)).toBe(1);
    await chat.clock.advance(200);
    await calm(chat);
    expect(await waiting(chat)).toBe(0);
    await chat.clock.advance(60_000);
    await calm(chat);
    expect(chat.published('chat:room:room')).toHaveLength(2);
    expect(chat.events).toHaveLength(2);
  });

  test('is not told if nobody would get it, and is done with all the same', async () => {
    let isHeard = false;
    await using chat = await createChat({ context: { isHeard: () => isHeard, wantsEvent: () => false } });
    await chat.room({ members: ['anna'] });
    await chat.as('anna')('send', { room: 'room', text: 'one' });
    await calm(chat);
    expect(chat.published('chat:room:room')).toEqual([]);
    expect(chat.events).toEqual([]);
    isHeard = true;
    const { message } = await chat.as('anna')('send', { room: 'room', text: 'two' });
    await calm(chat);
    expect(chat.published('chat:room:room')).toMatchObject([{ type: 'message', message }]);
    await chat.module.stop();
    expect(await waiting(chat)).toBe(0);
  });

  test('says who did it, at which revision, and when', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna'] });
    const { message } = await chat.as('anna')('send', { room: 'room', text: 'one' });
    const time = chat.clock.now();
    await chat.clock.advance(1_000);
    expect(chat.events).toMatchObject([
      { type: 'chat.message.sent', subject: 'room:room', time, data: { by: 'anna', rev: 1, type: 'message', message } },
    ]);
  });

  test('is told by the next process, if this one died between the commit and telling', async () => {
    await using first = await createChat({
      context: {
        // As a process that is killed: what it began never ends.
        publish: () => new Promise(() => {}),
        emit: () => new Promise(() => {}),
      },
    });
    await first.room({ members: ['anna'] });
    void first.as('anna')('send', { room: 'room', text: 'one' });
    void first.as('anna')('send', { room: 'room', text: 'two' });
    while ((await waiting(first)) === 0) await settle();
    await using second = await createChat({ store: first.store, clock: first.clock });
    await calm(second);
    expect(second.publications.map(({ position }) => position?.offset)).toEqual([1, 2]);
    expect(second.events.map(({ data }) => (data.message as { text: string }).text)).toEqual(['one', 'two']);
    await second.module.stop();
    expect(await waiting(first)).toBe(0);
  });

  test('has the same event id when it is told again after a crash', async () => {
    const ids: string[] = [];
    let die = true;
    await using first = await createChat({
      context: {
        async emit({ id }) {
          ids.push(id);
          // It was handed over, but this process does not live to know.
          if (die) await new Promise(() => {});
        },
      },
    });
    await first.room({ members: ['anna'] });
    void first.as('anna')('send', { room: 'room', text: 'one' });
    while (ids.length === 0) await settle();
    die = false;
    await using second = await createChat({ store: first.store, clock: first.clock });
    await calm(second);
    expect(second.events.map(({ id }) => id)).toEqual(ids);
  });
});

describe('telling that fails', () => {
  test('of the channel is tried again, and the event is told once', async () => {
    const { chat, seen, published, broken } = await fragile();
    await using _ = chat;
    broken.publish = true;
    await chat.as('anna')('send', { room: 'a', text: '1' });
    await chat.as('anna')('send', { room: 'a', text: '2' });
    await chat.clock.advance(2_000);
    expect(published).toEqual([]);
    broken.publish = false;
    await chat.clock.advance(60_000);
    await calm(chat);
    expect(published).toEqual([1, 2]);
    expect(seen).toEqual(['1', '2']);
    await chat.module.stop();
    expect(await waiting(chat)).toBe(0);
  });

  test('of an event holds up the events of the same room, in order, and nobody else', async () => {
    const { chat, seen, published, broken } = await fragile();
    await using _ = chat;
    broken.emit = (text) => text.startsWith('a');
    for (const text of ['a1', 'b1', 'a2', 'b2', 'a3']) {
      await chat.as('anna')('send', { room: text.slice(0, 1), text });
    }
    await chat.clock.advance(2_000);
    expect(seen).toEqual(['b1', 'b2']);
    // People are told all the same.
    expect(published).toHaveLength(5);
    broken.emit = () => false;
    await chat.clock.advance(60_000);
    await calm(chat);
    expect(seen).toEqual(['b1', 'b2', 'a1', 'a2', 'a3']);
    expect(published).toHaveLength(5);
  });

  test('of one event of several at once repeats what came behind it, so that the last word is the latest', async () => {
    const { chat, seen, ids, broken } = await fragile();
    await using _ = chat;
    let failures = 1;
    broken.emit = (text) => text === '2' && failures-- > 0;
    await Promise.all(['1', '2', '3'].map((text) => chat.as('anna')('send', { room: 'a', text })));
    await chat.clock.advance(60_000);
    await calm(chat);
    expect(seen).toEqual(['1', '3', '2', '3']);
    expect(new Set(ids).size).toBe(3);
  });

  test('keeps the row until it succeeds, so that a crash meanwhile loses nothing', async () => {
    const { chat, broken } = await fragile();
    await using _ = chat;
    broken.emit = () => true;
    await chat.as('anna')('send', { room: 'a', text: '1' });
    await chat.clock.advance(30_000);
    await chat.module.stop();
    expect(await waiting(chat)).toBe(1);
    await using second = await createChat({ store: chat.store, clock: chat.clock });
    await calm(second);
    expect(second.eventTypes).toEqual(['chat.message.sent']);
  });
});

test('more than fits into memory waits in the table, in order, and nothing is lost', async () => {
  const { chat, seen, published, broken } = await fragile();
  await using _ = chat;
  broken.emit = () => true;
  const total = 20_300;
  for (let at = 0; at < total; at += 2_000) {
    const some = Array.from({ length: Math.min(2_000, total - at) }, (_unused, more) =>
      chat.chat.writer.run({ rooms: ['a'] }, async (tx) => {
        await tx.room('a');
        const rev = tx.nextRev('a');
        const message = { text: String(at + more + 1) } as never;
        tx.publish('a', rev, { type: 'message', message }, 'message.sent', '');
      }),
    );
    await Promise.all(some);
  }
  await calm(chat);
  expect(published).toHaveLength(total);
  broken.emit = () => false;
  for (let turn = 0; turn < 40 && seen.length < total; turn++) {
    await chat.clock.advance(2_000);
    await calm(chat);
  }
  // What had failed at once came again, one by one; after that, each came once, in order.
  const order = [...new Set(seen)].map(Number);
  expect(order).toEqual(Array.from({ length: total }, (_unused, at) => at + 1));
});

test('what a process before left behind is told before what is new, also if it does not fit into memory at once', async () => {
  // More than one page of the table, of which the first alone fills the memory: rows have 100 entries.
  const total = 50_500;
  await using first = await createChat({
    context: {
      // As a process that is killed: what it began never ends.
      publish: () => new Promise(() => {}),
      emit: () => new Promise(() => {}),
    },
  });
  await first.room({ members: ['anna'] });
  await first.chat.writer.run({ rooms: ['room'] }, async (tx) => {
    await tx.room('room');
    for (let at = 1; at <= total; at++) {
      tx.publish('room', tx.nextRev('room'), { type: 'message', message: {} as never }, 'message.sent', '');
    }
  });
  await first.module.stop();
  await first.clock.advance(1);
  const revs: number[] = [];
  await using second = await createChat({
    store: first.store,
    clock: first.clock,
    context: { emit: async ({ json }) => void revs.push((JSON.parse(json) as { rev: number }).rev) },
  });
  await calm(second);
  expect(revs.length).toBeLessThan(total);
  await second.as('anna')('send', { room: 'room', text: 'new' });
  for (let turn = 0; turn < 5; turn++) {
    await second.clock.advance(2_000);
    await calm(second);
  }
  expect(revs).toHaveLength(total + 1);
  expect(revs.findIndex((rev, at) => rev !== at + 1)).toBe(-1);
  await second.module.stop();
  expect(await waiting(second)).toBe(0);
});
