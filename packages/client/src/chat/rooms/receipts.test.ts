import { FakeClock } from '@tidings/server/testing';
import { expect, test } from 'vitest';
import { TidingsError } from '../../error.ts';
import { createScriptedContext } from '../testing/scripted-context.ts';
import { Receipts } from './receipts.ts';

const receipt = (user: string, readSeq: number, deliveredSeq = readSeq) => ({ user, readSeq, deliveredSeq });
const page = (...receipts: ReturnType<typeof receipt>[]) => ({ receipts, hasMore: false });

async function create() {
  const clock = new FakeClock();
  const context = createScriptedContext(clock);
  const { calls, state } = context;
  const receipts = new Receipts(context, 'r', () => undefined);
  void receipts.reload();
  await calls[0]!.answer(page(receipt('anna', 5), receipt('ben', 3, 7)));
  return { clock, calls, state, receipts };
}

test('what fails for now leaves what is known, with what is told meanwhile, and is read again', async () => {
  const { clock, calls, receipts } = await create();
  expect([3, 5, 6].map((seq) => receipts.stateOf(seq))).toEqual(['read', 'delivered', 'sent']);
  void receipts.reload();
  receipts.told({ read: { ben: 4 } });
  await calls[0]!.fail(new TidingsError(619, 'the database', { isTemporary: true }));
  expect([4, 5, 6].map((seq) => receipts.stateOf(seq))).toEqual(['read', 'delivered', 'sent']);
  expect(calls).toEqual([]);
  await clock.advance(5_000);
  await calls[0]!.answer(page(receipt('anna', 9), receipt('ben', 9)));
  expect(receipts.stateOf(9)).toBe('read');
  await clock.advance(60_000);
  expect(calls).toEqual([]);
});

test('without a connection nothing is read again: the room says when it is live', async () => {
  const { clock, calls, state, receipts } = await create();
  void receipts.reload();
  state.set({ status: 'offline', sinceMs: 0 });
  await calls[0]!.fail(TidingsError.of('offline'));
  await clock.advance(60_000);
  expect([receipts.stateOf(3), calls]).toEqual(['read', []]);
});

test('where they may not be seen, nothing is said', async () => {
  const { clock, calls, receipts } = await create();
  void receipts.reload();
  await calls[0]!.fail(new TidingsError(604, 'not allowed'));
  await clock.advance(60_000);
  expect([receipts.stateOf(3), receipts.view.get().read.size, calls]).toEqual(['sent', 0, []]);
});
