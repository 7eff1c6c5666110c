import { describe, expect, test } from 'vitest';
import { ChatJobs, type ChatJob } from './chat-jobs.ts';
import { createChat, type ChatFixture } from './testing/chat-fixture.ts';

function node(chat: ChatFixture, nodeId: string, jobs: readonly ChatJob[]): ChatJobs {
  const { clock, logger, store } = chat.context;
  const made = new ChatJobs({ nodeId, clock, logger, store, jobs });
  made.start();
  return made;
}

describe('a job', () => {
  test('runs at its pace, slice by slice, until there is no more', async () => {
    await using chat = await createChat();
    let left = 3;
    let slices = 0;
    const slice = async () => {
      slices++;
      return --left > 0;
    };
    const jobs = node(chat, 'a', [{ name: 'j', everyMs: 1_000, slice }]);
    await chat.clock.advance(999);
    expect(slices).toBe(0);
    await chat.clock.advance(1);
    await jobs.idle();
    expect(slices).toBe(3);
    await chat.clock.advance(1_000);
    await jobs.idle();
    expect(slices).toBe(4);
    await jobs.stop();
    await chat.clock.advance(10_000);
    expect(slices).toBe(4);
  });

  test('is done by one node at a time, and taken over from one that died', async () => {
    await using chat = await createChat();
    const done: string[] = [];
    const held = Promise.withResolvers<boolean>();
    const a = node(chat, 'a', [
      {
        name: 'j',
        everyMs: 1e9,
        slice() {
          done.push('a');
          return done.length === 1 ? held.promise : Promise.resolve(false);
        },
      },
    ]);
    const b = node(chat, 'b', [
      {
        name: 'j',
        everyMs: 1e9,
        async slice() {
          done.push('b');
          return false;
        },
      },
    ]);
    const running = a.run('j');
    while (done.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await b.run('j');
    expect(done).toEqual(['a']);
    // It does not come back for longer than its lease.
    await chat.clock.advance(60_000);
    await b.run('j');
    expect(done).toEqual(['a', 'b']);
    held.resolve(true);
    await running;
    expect(done).toEqual(['a', 'b', 'a']);
    await Promise.all([a.stop(), b.stop()]);
  });

  test('that lost its lease stops behind the slice', async () => {
    await using chat = await createChat();
    let slices = 0;
    const jobs = node(chat, 'a', [
      {
        name: 'j',
        everyMs: 1e9,
        async slice() {
          slices++;
          await chat.chat.db
            .updateTable('chat_leases')
            .set({ holder: 'b', until: chat.clock.now() + 1_000 })
            .execute();
          return true;
        },
      },
    ]);
    await jobs.run('j');
    expect(slices).toBe(1);
    expect(await chat.chat.db.selectFrom('chat_leases').select('holder').execute()).toEqual([{ holder: 'b' }]);
    await jobs.stop();
  });

  test('that fails gives its lease back and is tried again', async () => {
    await using chat = await createChat();
    let attempts = 0;
    const jobs = node(chat, 'a', [
      {
        name: 'j',
        everyMs: 1_000,
        async slice() {
          if (++attempts === 1) throw new Error('out of order');
          return false;
        },
      },
    ]);
    await chat.clock.advance(1_000);
    await jobs.idle();
    expect(await chat.chat.db.selectFrom('chat_leases').selectAll().execute()).toEqual([]);
    await chat.clock.advance(1_000);
    await jobs.idle();
    expect(attempts).toBe(2);
    await jobs.stop();
  });

  test('takes no lease where nothing is due', async () => {
    await using chat = await createChat();
    let slices = 0;
    const jobs = node(chat, 'a', [
      {
        name: 'j',
        everyMs: 1e9,
        isDue: async () => false,
        async slice() {
          slices++;
          return false;
        },
      },
    ]);
    await jobs.run('j');
    expect(slices).toBe(0);
    await jobs.stop();
  });
});
