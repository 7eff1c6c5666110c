import { FakeClock } from '@tidings/server/testing';
import { expect, test } from 'vitest';
import type { ChatContext } from '../chat-context.ts';
import { TypingSignal } from './typing-signal.ts';
import { TypingUsers } from './typing-users.ts';

test('somebody types for 7 s after the latest sign, in a thread or not', async () => {
  const clock = new FakeClock();
  const typing = new TypingUsers(clock);
  const [room, thread] = [typing.in(undefined), typing.in(3)];
  typing.began('ben', undefined);
  typing.began('anna', undefined);
  typing.began('cleo', 3);
  expect([room.get(), thread.get()]).toEqual([['anna', 'ben'], ['cleo']]);
  const before = room.get();
  await clock.advance(5_000);
  typing.began('ben', undefined);
  expect(room.get()).toBe(before);
  await clock.advance(2_000);
  expect([room.get(), thread.get()]).toEqual([['ben'], []]);
  await clock.advance(5_000);
  expect(room.get()).toEqual([]);
});

test('it ends with the message, or when they say so', () => {
  const typing = new TypingUsers(new FakeClock());
  typing.began('ben', 3);
  typing.ended('ben');
  expect(typing.in(3).get()).toEqual([]);
});

test('others are told at the first keystroke, at most every 2 s, and when nothing is left', async () => {
  const clock = new FakeClock();
  const told: unknown[] = [];
  const call = async (_name: string, input: unknown): Promise<unknown> => told.push(input);
  const signal = new TypingSignal({ clock, call } as unknown as ChatContext, 'r', 3);
  for (let at = 0; at < 20; at++) {
    signal.set('hello');
    await clock.advance(250);
  }
  expect(told).toHaveLength(3);
  signal.set('');
  signal.set('');
  expect(told.slice(3)).toEqual([{ room: 'r', threadSeq: 3, stopped: true }]);
  signal.set('again');
  signal.sent();
  signal.set('');
  expect(told).toHaveLength(5);
});
