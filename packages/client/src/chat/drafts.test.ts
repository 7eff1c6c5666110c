import { FakeClock } from '@tidings/server/testing';
import { expect, test } from 'vitest';
import { TidingsError } from '../error.ts';
import { Drafts } from './drafts.ts';
import { createScriptedContext } from './testing/scripted-context.ts';

function create() {
  const clock = new FakeClock();
  const context = createScriptedContext(clock);
  const drafts = new Drafts(context, () => undefined);
  return { clock, context, drafts, text: () => drafts.in('r').get() };
}

test('while something is to be saved, what another device says does not replace it', async () => {
  const { clock, context, drafts, text } = create();
  drafts.set('r', undefined, 'mine');
  drafts.heard({ room: 'r', text: 'of another', updatedAt: 50 });
  expect(text()).toBe('mine');
  await clock.advance(1_000);
  expect(context.calls).toMatchObject([{ name: 'setDraft', input: { room: 'r', text: 'mine' } }]);
  drafts.heard({ room: 'r', text: 'of another, later', updatedAt: 60 });
  expect(text()).toBe('mine');
  await context.calls[0]!.answer({ draft: { room: 'r', text: 'mine', updatedAt: 70 } });
  expect(text()).toBe('mine');
});

test('whoever wrote last on the server stands when it is saved', async () => {
  const { clock, context, drafts, text } = create();
  drafts.set('r', undefined, 'mine');
  await clock.advance(1_000);
  drafts.heard({ room: 'r', text: 'of another', updatedAt: 80 });
  await context.calls[0]!.answer({ draft: { room: 'r', text: 'mine', updatedAt: 70 } });
  expect(text()).toBe('of another');
});

test('what was typed while it was saved is saved next; what could not be saved is tried again', async () => {
  const { clock, context, drafts, text } = create();
  drafts.set('r', undefined, 'one');
  await clock.advance(1_000);
  drafts.set('r', undefined, 'one two');
  await context.calls[0]!.answer({ draft: { room: 'r', text: 'one', updatedAt: 10 } });
  expect(text()).toBe('one two');
  await clock.advance(1_000);
  expect(context.calls).toMatchObject([{ input: { text: 'one two' } }]);
  await context.calls[0]!.fail(TidingsError.of('offline'));
  await clock.advance(6_000);
  expect(context.calls).toMatchObject([{ input: { text: 'one two' } }]);
});

test('a draft that this device kept is saved also if the connection was faster', async () => {
  const { clock, context, drafts } = create();
  drafts.set('r', undefined, 'kept');
  const reloaded = new Drafts(context, () => undefined);
  reloaded.online();
  reloaded.recall((await context.cache.load()).drafts);
  expect(reloaded.in('r').get()).toBe('kept');
  await clock.advance(1_000);
  expect(context.calls.map(({ input }) => input)).toEqual([
    { room: 'r', text: 'kept' },
    { room: 'r', text: 'kept' },
  ]);
});

test('a draft that was emptied without a connection is so after a reload, and on the server', async () => {
  const { clock, context, drafts } = create();
  drafts.heard({ room: 'r', text: 'begun', updatedAt: 50 });
  context.state.set({ status: 'offline', sinceMs: 0 });
  drafts.set('r', undefined, '');
  await context.calls[0]!.fail(TidingsError.of('offline'));
  const reloaded = new Drafts(context, () => undefined);
  reloaded.recall((await context.cache.load()).drafts);
  context.state.set({ status: 'online', sinceMs: 0 });
  reloaded.synced([{ room: 'r', text: 'begun', updatedAt: 50 }], true);
  expect(reloaded.in('r').get()).toBe('');
  await clock.advance(1_000);
  expect(context.calls).toMatchObject([{ name: 'setDraft', input: { room: 'r', text: '' } }]);
});

const tooLarge = new TidingsError(606, 'too large');

test('what was typed while an earlier text was refused stays, and is saved next', async () => {
  const { clock, context, drafts, text } = create();
  drafts.set('r', undefined, 'one');
  await clock.advance(1_000);
  drafts.set('r', undefined, 'one two');
  await context.calls[0]!.fail(tooLarge);
  expect(text()).toBe('one two');
  await clock.advance(1_000);
  expect(context.calls).toMatchObject([{ input: { text: 'one two' } }]);
});

test('what the server refuses stays on this device and is not tried again, until it is another text', async () => {
  const { clock, context, drafts, text } = create();
  drafts.set('r', undefined, 'too much');
  await clock.advance(1_000);
  await context.calls[0]!.fail(tooLarge);
  drafts.online();
  drafts.synced([], true);
  const reloaded = new Drafts(context, () => undefined);
  reloaded.recall((await context.cache.load()).drafts);
  reloaded.online();
  reloaded.synced([], true);
  await clock.advance(10_000);
  expect([text(), reloaded.in('r').get()]).toEqual(['too much', 'too much']);
  expect(context.calls).toEqual([]);
  reloaded.set('r', undefined, 'less');
  await clock.advance(1_000);
  expect(context.calls).toMatchObject([{ input: { room: 'r', text: 'less' } }]);
  await context.calls[0]!.answer({ draft: { room: 'r', text: 'less', updatedAt: 90 } });
  reloaded.synced([], true);
  expect(reloaded.in('r').get()).toBe('');
});
