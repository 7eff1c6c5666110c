import { describe, expect, test } from 'vitest';
import { settle } from '../../lib/clock.ts';
import { StoreFullError, StoreUnavailableError, type Store } from '../../stores/store.ts';
import type { ChatTransaction, MessageRow } from './chat-writer.ts';
import { createChat, emptyMember, emptyRoom, type ChatFixture } from './testing/chat-fixture.ts';

function blank(room: string, seq: number, rev: number): MessageRow {
  return {
    room_id: room,
    seq,
    id: `m-${room}-${seq}`,
    sender_id: 'anna',
    client_id: null,
    client_hash: null,
    ucount: seq,
    rev,
    first_rev: rev,
    kind: 'text',
    thread_seq: null,
    reply_seq: null,
    body: '{}',
    reactions: null,
    poll: null,
    thread_count: 0,
    thread_last_seq: 0,
    thread_last_at: 0,
    silent: 0,
    shadow: 0,
    version: 1,
    pinned_at: null,
    created_at: 0,
    edited_at: null,
    deleted_at: null,
  };
}

/** Appends a message as sending does, without what surrounds it. */
async function append(tx: ChatTransaction, room = 'room'): Promise<number> {
  const { last_seq } = await tx.room(room);
  tx.changeRoom(room, { last_seq: last_seq + 1 });
  const rev = tx.nextRev(room);
  tx.insertMessage(blank(room, last_seq + 1, rev));
  tx.publish(room, rev, { type: 'typing', user: `seq ${last_seq + 1}` }, 'message.sent', 'anna');
  return last_seq + 1;
}

async function draft(tx: ChatTransaction, user: string): Promise<void> {
  await tx.write
    .insertInto('chat_drafts')
    .values({ user_id: user, room_id: 'room', thread_seq: 0, text: '', updated_at: tx.nowMs })
    .execute();
}

async function drafts(chat: ChatFixture): Promise<string[]> {
  const rows = await chat.chat.db.selectFrom('chat_drafts').select('user_id').orderBy('user_id').execute();
  return rows.map(({ user_id }) => user_id);
}

async function seqs(chat: ChatFixture): Promise<number[]> {
  const rows = await chat.chat.db.selectFrom('chat_messages').select('seq').orderBy('seq').execute();
  return rows.map(({ seq }) => seq);
}

/** Counts transactions of the store, and lets a test break some. */
function counting(store: Store, fail: (nth: number) => Error | undefined = () => undefined): Store & { count: number } {
  const counted = { count: 0 };
  return new Proxy(store, {
    get(target, name) {
      if (name === 'count') return counted.count;
      if (name !== 'transaction') {
        const value = Reflect.get(target, name) as unknown;
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      }
      return async (work: never) => {
        const error = fail(++counted.count);
        if (error) throw error;
        return target.transaction(work);
      };
    },
  }) as Store & { count: number };
}

describe('work of one turn', () => {
  test('shares a transaction, in the order it came', async () => {
    await using outer = await createChat();
    const store = counting(outer.store);
    await using chat = await createChat({ store });
    await chat.room({ members: ['anna'] });
    const before = store.count;
    const results = await Promise.all(
      Array.from({ length: 100 }, () => chat.chat.writer.run({ rooms: ['room'] }, (tx) => append(tx))),
    );
    expect(results).toEqual(Array.from({ length: 100 }, (_, at) => at + 1));
    expect(store.count - before).toBe(1);
    await chat.module.idle();
    expect(chat.publications.map(({ position }) => position?.offset)).toEqual(results);
    expect(await chat.roomRow()).toMatchObject({ last_seq: 100, rev: 100 });
  });

  test('sees what the work before it did, and not what is only buffered in the database', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna'] });
    const { writer } = chat.chat;
    const [, second] = await Promise.all([
      writer.run({ rooms: ['room'] }, (tx) => append(tx)),
      writer.run({ rooms: ['room'] }, async (tx) => ({
        row: await tx.message('room', 1),
        read: await tx.read.selectFrom('chat_messages').select('seq').execute(),
      })),
    ]);
    expect(second.row?.seq).toBe(1);
    expect(second.read).toEqual([]);
  });

  test('a message that is new in the transaction can be changed by other work in it', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna'] });
    const { writer } = chat.chat;
    await Promise.all([
      writer.run({ rooms: ['room'] }, (tx) => append(tx)),
      writer.run({ rooms: ['room'] }, async (tx) => {
        await tx.message('room', 1);
        tx.changeMessage('room', 1, { body: '{"text":"changed"}' });
      }),
    ]);
    const { body } = await chat.chat.db.selectFrom('chat_messages').selectAll().executeTakeFirstOrThrow();
    expect(body).toBe('{"text":"changed"}');
  });

  test('a member that is removed is gone for what comes behind, and in the database; by work that fails they are not', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna', 'ben', 'cleo'] });
    const cleo = { ...emptyMember, room_id: 'room', user_id: 'cleo', joined_at: 1, updated_at: 1 };
    const run = (user: string, work: (tx: ChatTransaction) => unknown) =>
      chat.chat.writer.run({ rooms: ['room'], members: [['room', user]] }, async (tx) => {
        const before = await tx.member('room', user);
        await work(tx);
        return before;
      });
    const results = await Promise.allSettled([
      run('anna', (tx) => tx.changeMember('room', 'anna', { pinned: 1 })),
      run('ben', (tx) => tx.changeMember('room', 'ben', { pinned: 1 })),
      run('anna', (tx) => {
        tx.removeMember('room', 'anna');
        throw new Error('no');
      }),
      run('ben', (tx) => tx.removeMember('room', 'ben')),
      run('cleo', (tx) => tx.removeMember('room', 'cleo')),
      run('cleo', (tx) => tx.insertMember({ ...cleo, role: 'guest' })),
      run('anna', () => {}),
      run('ben', () => {}),
    ]);
    const seen = results.map((result) => result.status === 'fulfilled' && result.value?.pinned);
    expect(seen).toEqual([0, 0, false, 1, 0, undefined, 1, undefined]);
    const rows = await chat.chat.db.selectFrom('chat_members').selectAll().orderBy('user_id').execute();
    expect(rows).toMatchObject([
      { user_id: 'anna', pinned: 1, role: 'owner' },
      { user_id: 'cleo', pinned: 0, role: 'guest' },
    ]);
  });

  test('what must be alone reads everything that came before, and nothing that comes after', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna'] });
    const { writer } = chat.chat;
    const count = async (tx: ChatTransaction) =>
      (await tx.read.selectFrom('chat_messages').select('seq').execute()).length;
    const [, alone, , second] = await Promise.all([
      writer.run({ rooms: ['room'] }, (tx) => append(tx)),
      writer.run({ rooms: ['room'], alone: true }, count),
      writer.run({ rooms: ['room'] }, (tx) => append(tx)),
      writer.run({ rooms: ['room'], alone: true }, count),
    ]);
    expect([alone, second]).toEqual([1, 2]);
  });
});

describe('work that fails', () => {
  const boom = new Error('boom');

  test('before it has written leaves no trace, and no hole in the order of the others', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna'] });
    const { writer } = chat.chat;
    const results = await Promise.allSettled([
      writer.run({ rooms: ['room'] }, (tx) => append(tx)),
      writer.run({ rooms: ['room'] }, async (tx) => {
        await append(tx);
        throw boom;
      }),
      writer.run({ rooms: ['room'] }, (tx) => append(tx)),
    ]);
    expect(results).toEqual([
      { status: 'fulfilled', value: 1 },
      { status: 'rejected', reason: boom },
      { status: 'fulfilled', value: 2 },
    ]);
    await chat.module.idle();
    expect(await seqs(chat)).toEqual([1, 2]);
    expect(chat.publications.map(({ position }) => position?.offset)).toEqual([1, 2]);
  });

  test('has nothing called after the commit; of the others it is called in their order, before they are told', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna'] });
    const called: string[] = [];
    const work = (name: string, fails: boolean) =>
      chat.chat.writer.run({ rooms: ['room'] }, async (tx) => {
        await append(tx);
        tx.afterCommit(() => called.push(`${name}, ${chat.publications.length} told`));
        if (fails) throw boom;
      });
    await Promise.allSettled([work('one', false), work('two', true), work('three', false)]);
    expect(called).toEqual(['one, 0 told', 'three, 0 told']);
    await chat.module.idle();
    expect(chat.publications).toHaveLength(2);
  });

  test('after it has written is undone in the database too, and the others are not run again', async () => {
    await using outer = await createChat();
    const store = counting(outer.store);
    await using chat = await createChat({ store });
    await chat.room({ members: ['anna'] });
    const { writer } = chat.chat;
    const before = store.count;
    let runs = 0;
    const results = await Promise.allSettled([
      writer.run({ rooms: ['room'] }, async (tx) => {
        runs++;
        await draft(tx, 'anna');
        return append(tx);
      }),
      writer.run({ rooms: ['room'] }, async (tx) => {
        await draft(tx, 'ben');
        await append(tx);
        throw boom;
      }),
      writer.run({ rooms: ['room'] }, async (tx) => {
        await draft(tx, 'carl');
        return append(tx);
      }),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await drafts(chat)).toEqual(['anna', 'carl']);
    expect(await seqs(chat)).toEqual([1, 2]);
    expect([runs, store.count - before]).toEqual([1, 1]);
  });

  test('by a statement the database refuses fails alone', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna'] });
    const { writer } = chat.chat;
    const results = await Promise.allSettled([
      writer.run({ rooms: ['room'] }, (tx) => append(tx)),
      writer.run({ rooms: ['room'] }, async (tx) => {
        await append(tx);
        await tx.write
          .insertInto('chat_drafts')
          .values({ user_id: 'ben' } as never)
          .execute();
      }),
      writer.run({ rooms: ['room'] }, (tx) => append(tx)),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect((results[1] as PromiseRejectedResult).reason).toMatchObject({ message: expect.stringMatching(/NOT NULL/) });
    expect(await seqs(chat)).toEqual([1, 2]);
  });

  test('even if it caught the error of the statement', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna'] });
    const { writer } = chat.chat;
    const results = await Promise.allSettled([
      writer.run({}, async (tx) => {
        await draft(tx, 'anna');
        await draft(tx, 'anna').catch(() => {});
      }),
      writer.run({ rooms: ['room'] }, (tx) => append(tx)),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
    expect(await drafts(chat)).toEqual([]);
    expect(await seqs(chat)).toEqual([1]);
  });

  test('by changing what it did not read says so', async () => {
    await using chat = await createChat();
    await expect(chat.chat.writer.run({}, (tx) => void tx.changeRoom('nowhere', {}))).rejects.toThrow(
      'room nowhere was changed before it was read',
    );
  });

  test('because somebody made the same row first runs again, and sees it; nothing is overwritten', async () => {
    await using chat = await createChat();
    const row = {
      ...emptyRoom,
      id: 'room',
      epoch: 'e',
      kind: 'group',
      dm_key: null,
      created_by: '',
      created_at: 0,
      last_at: 0,
      member_count: 0,
    };
    let runs = 0;
    const made = chat.chat.writer.run({ rooms: ['room'] }, async (tx) => {
      if (++runs > 1) return (await tx.findRoom('room'))?.name;
      tx.insertRoom({ ...row, name: 'second' });
      // On SQLite nobody else can come between.
      await tx.write
        .insertInto('chat_rooms')
        .values({ ...row, name: 'first' })
        .execute();
      return 'made';
    });
    await expect(made).resolves.toBeUndefined();
    expect(runs).toBe(2);
  });
});

describe('a store that fails', () => {
  test.for([
    [new StoreUnavailableError('gone'), 619],
    [new StoreFullError('full'), 620],
  ] as const)('is an error with a code to all the work, and nothing is told: %s', async ([error, code]) => {
    await using outer = await createChat();
    let broken = false;
    const store = counting(outer.store, () => (broken ? error : undefined));
    await using chat = await createChat({ store });
    await chat.room({ members: ['anna'] });
    broken = true;
    const results = await Promise.allSettled(
      [1, 2].map(() => chat.chat.writer.run({ rooms: ['room'] }, (tx) => append(tx))),
    );
    for (const result of results) expect((result as PromiseRejectedResult).reason).toMatchObject({ code });
    expect(chat.publications).toEqual([]);
    broken = false;
    await expect(chat.chat.writer.run({ rooms: ['room'] }, (tx) => append(tx))).resolves.toBe(1);
  });

  test('makes nobody wait without bound: beyond a number, work is refused at once', async () => {
    await using outer = await createChat();
    let release = () => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    await using chat = await createChat({ store: outer.store });
    await chat.room({ members: ['anna'] });
    const first = chat.chat.writer.run({}, () => held);
    await settle();
    await settle();
    const waiting = Array.from({ length: 20_000 }, () => chat.chat.writer.run({}, () => 'done'));
    await expect(chat.chat.writer.run({}, () => 'too much')).rejects.toMatchObject({ code: 619 });
    release();
    await first;
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['done']));
  });
});

describe('mentions of all', () => {
  test('count for members whose rows other work has changed, has read, or has not touched', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna', 'ben', 'carl', 'dora'], row: { last_seq: 5 } });
    const { writer } = chat.chat;
    const needs = {
      rooms: ['room'],
      members: [
        ['room', 'ben'],
        ['room', 'carl'],
      ],
    } as const;
    await Promise.all([
      writer.run(needs, async (tx) => {
        await tx.member('room', 'ben');
        tx.changeMember('room', 'ben', { mention_count: 3, pinned: 1 });
      }),
      writer.run(needs, async (tx) => {
        await tx.member('room', 'carl');
        tx.changeMember('room', 'carl', { read_seq: 5 });
        tx.mentionAll('room', 1, 5, 'eve');
      }),
      // Read for the first time after it was counted.
      writer.run(needs, async (tx) => {
        expect(await tx.member('room', 'anna')).toMatchObject({ mention_count: 1 });
        tx.changeMember('room', 'anna', { pinned: 1 });
      }),
    ]);
    const counts = await Promise.all(['anna', 'ben', 'carl', 'dora'].map((user) => chat.memberRow(user)));
    // Carl has read the message.
    expect(counts.map(({ mention_count }) => mention_count)).toEqual([1, 4, 0, 1]);
    await writer.run(needs, (tx) => tx.mentionAll('room', -1, 5, 'eve'));
    await writer.run(needs, (tx) => tx.mentionAll('room', -1, 5, 'eve'));
    const after = await Promise.all(['anna', 'ben', 'carl', 'dora'].map((user) => chat.memberRow(user)));
    expect(after.map(({ mention_count }) => mention_count)).toEqual([0, 2, 0, 0]);
  });

  test('of work that fails count for nobody', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna', 'ben'] });
    const { writer } = chat.chat;
    await Promise.allSettled([
      writer.run({ rooms: ['room'] }, (tx) => {
        tx.mentionAll('room', 1, 1, 'eve');
        throw new Error('boom');
      }),
      writer.run({ rooms: ['room'] }, (tx) => append(tx)),
    ]);
    expect(await chat.memberRow('ben')).toMatchObject({ mention_count: 0 });
  });

  test('of work that fails are not counted by what it read after them either', async () => {
    await using chat = await createChat();
    await chat.room({ members: ['anna', 'ben'] });
    const { writer } = chat.chat;
    const [, seen] = await Promise.allSettled([
      writer.run({ rooms: ['room'] }, async (tx) => {
        tx.mentionAll('room', 1, 1, 'eve');
        await tx.member('room', 'ben');
        tx.changeMember('room', 'ben', { sent_at: 5 });
        throw new Error('boom');
      }),
      writer.run({ rooms: ['room'] }, async (tx) => (await tx.member('room', 'ben'))?.mention_count),
    ]);
    expect(seen).toEqual({ status: 'fulfilled', value: 0 });
    expect(await chat.memberRow('ben')).toMatchObject({ mention_count: 0, sent_at: 0 });
  });
});
