import { expect, test } from 'vitest';
import type { Clock } from '../clock.ts';
import { Presences } from './presences.ts';
import { createScriptedContext } from './testing/scripted-context.ts';

const channel = 'chat:presence:ben';
const unknown = { user: 'ben', status: 'unknown' };
const online = { user: 'ben', status: 'online' };

/** Somebody who watches ben, on a clock that the test turns. */
function watch() {
  const due = new Set<{ readonly atMs: number; readonly run: () => void }>();
  let nowMs = 0;
  const clock: Clock = {
    now: () => nowMs,
    setTimeout(run, delayMs) {
      const timer = { atMs: nowMs + delayMs, run };
      due.add(timer);
      return timer;
    },
    clearTimeout: (timer) => void due.delete(timer as never),
  };
  const context = createScriptedContext(clock);
  const presences = new Presences(context);
  const store = presences.presence('ben');
  const stop = store.subscribe(() => undefined);
  return {
    context,
    store,
    stop,
    listener: () => context.channels.get(channel)?.listener,
    advance(ms: number) {
      nowMs += ms;
      for (const timer of [...due].filter(({ atMs }) => atMs <= nowMs)) {
        due.delete(timer);
        timer.run();
      }
    },
    /** Answers what is asked now. @returns who was asked about. */
    async answer(users: readonly object[]): Promise<unknown> {
      const [call] = context.calls;
      await call?.answer({ users });
      return call?.input;
    },
  };
}

test('what the channel said no longer holds when it ended; then it is asked for now and then', async () => {
  const { context, store, listener, advance, answer } = watch();
  advance(20);
  await answer([online]);
  listener()?.publication(online, undefined);
  expect(store.get()).toEqual(online);
  const ended = listener()?.ended;
  context.channels.get(channel)?.listener.subscribed({ recovered: false, position: undefined });
  ended?.({ code: 2001, message: 'permission lost' });
  expect(store.get()).toEqual(unknown);
  advance(20);
  expect(await answer([])).toEqual({ users: ['ben'] });
  expect(store.get()).toEqual(unknown);
  // Not subscribed to again, and no more than one question in half a minute.
  for (let at = 0; at < 29; at++) advance(1_000);
  expect(context.calls).toEqual([]);
  advance(1_000);
  advance(20);
  expect(await answer([{ user: 'ben', status: 'offline', lastSeenAt: 7 }])).toEqual({ users: ['ben'] });
  expect(store.get()).toEqual({ user: 'ben', status: 'offline', lastSeenAt: 7 });
});

test('one that was refused gives its place to another, and is tried again when it is watched anew', () => {
  const { context, store, stop, listener, advance } = watch();
  const subscribed: string[] = [];
  const { subscribe } = context.connection;
  Object.assign(context.connection, {
    subscribe: (...input: Parameters<typeof subscribe>) => {
      subscribed.push(input[0]);
      return subscribe(...input);
    },
  });
  listener()?.ended?.({ code: 103, message: 'permission denied' });
  expect(store.get()).toEqual(unknown);
  expect(subscribed).toEqual([]);
  stop();
  advance(10_000);
  store.subscribe(() => undefined);
  expect(subscribed).toEqual([channel]);
});

test('whoever an answer leaves out is no longer shown as they were', async () => {
  const { store, advance, answer, listener } = watch();
  listener()?.publication(online, undefined);
  advance(20);
  await answer([]);
  expect(store.get()).toEqual(unknown);
});
