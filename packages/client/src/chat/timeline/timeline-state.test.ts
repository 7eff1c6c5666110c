import { FakeClock } from '@tidings/server/testing';
import { expect, test } from 'vitest';
import { TidingsError } from '../../error.ts';
import type { OutboxEntry } from '../outbox/outbox.ts';
import type { Message } from '../publications.ts';
import { createScriptedContext } from '../testing/scripted-context.ts';
import { maxTimelineMessages, TimelineState, type TimelineRoom } from './timeline-state.ts';

const message = (seq: number, rev = seq, extra: Partial<Message> = {}): Message => ({
  ...{
    room: 'r',
    seq,
    id: `m${seq}`,
    sender: 'anna',
    kind: 'text',
    version: 1,
    createdAt: seq,
    rev,
    text: `${seq}@${rev}`,
  },
  ...extra,
});

const range = (first: number, last: number): Message[] =>
  Array.from({ length: last - first + 1 }, (_, at) => message(first + at));

const page = (messages: readonly Message[], hasBefore = false, hasAfter = false) => ({
  ...{ messages, hasBefore, hasAfter, own: [] },
});

function create(readSeqAtOpening?: number) {
  const clock = new FakeClock();
  const context = createScriptedContext(clock);
  const room: TimelineRoom = {
    id: 'r',
    readSeqAtOpening,
    partsOf: (one) => ({
      ...{ message: one, own: { reactions: [], votes: [] }, changes: [] },
      state: one.sender === 'me' ? 'sent' : 'received',
    }),
    onPage: () => undefined,
    onShown: () => undefined,
  };
  const timeline = new TimelineState(context, room);
  const texts = (): string[] => timeline.messages.get().messages.map(({ text }) => text);
  const seqs = (): (number | undefined)[] => timeline.messages.get().messages.map(({ seq }) => seq);
  return { clock, context, timeline, texts, seqs };
}

async function createLive(messages: readonly Message[], hasBefore = false) {
  const made = create();
  void made.timeline.reload();
  await made.context.calls[0]!.answer(page(messages, hasBefore));
  expect(made.timeline.messages.get().status).toBe('live');
  return made;
}

test('what is heard while a page is on its way goes behind the page, which may be older', async () => {
  const { timeline, context, texts, clock } = await createLive(range(11, 12), true);
  const loading = timeline.loadBefore();
  expect(context.calls[0]).toMatchObject({ name: 'messages', input: { before: 11 } });
  timeline.receive([message(9, 30), message(13)]);
  await context.calls[0]!.answer(page(range(9, 10), true));
  await loading;
  await clock.advance(0);
  expect(texts()).toEqual(['9@30', '10@10', '11@11', '12@12', '13@13']);
});

test('a page that was asked for before a reset is of no use after it', async () => {
  const { timeline, context, seqs } = await createLive(range(11, 12), true);
  void timeline.loadBefore();
  const [older] = context.calls;
  void timeline.reload();
  const reset = context.calls[1]!;
  await reset.answer(page(range(40, 41), true));
  await older!.answer(page(range(9, 10), true));
  expect(seqs()).toEqual([40, 41]);
});

test('a reading that the network cut is done again when the channel is back, though nothing was missed', async () => {
  const { timeline, context, seqs } = await createLive(range(1, 2));
  void timeline.reload();
  context.state.set({ status: 'offline', sinceMs: 0 });
  await context.calls[0]!.fail(TidingsError.of('offline'));
  expect(timeline.isCurrent).toBe(false);
  timeline.onRecovered();
  await context.calls[0]!.answer(page(range(1, 4)));
  expect([seqs(), timeline.isCurrent]).toEqual([[1, 2, 3, 4], true]);
});

test('what fails for now is tried again, longer and longer apart; what fails for good is shown', async () => {
  const { timeline, context, clock } = create();
  void timeline.reload();
  await context.calls[0]!.fail(new TidingsError(619, 'the database', { isTemporary: true }));
  await clock.advance(999);
  expect(context.calls).toEqual([]);
  await clock.advance(1);
  await context.calls[0]!.fail(new TidingsError(619, 'the database', { isTemporary: true }));
  await clock.advance(1_999);
  expect(context.calls).toEqual([]);
  await clock.advance(1);
  await context.calls[0]!.fail(new TidingsError(604, 'not allowed'));
  expect(timeline.messages.get()).toMatchObject({ status: 'failed', failure: { code: 604 } });
});

test('what failed for good is read again when the person asks for the latest', async () => {
  const { timeline, context, seqs } = create();
  void timeline.reload();
  await context.calls[0]!.fail(new TidingsError(604, 'not allowed'));
  void timeline.jumpToLatest();
  expect(timeline.messages.get()).toMatchObject({ status: 'loading' });
  expect(timeline.messages.get()).not.toHaveProperty('failure');
  await context.calls[0]!.answer(page(range(1, 2)));
  expect([seqs(), timeline.messages.get().status]).toEqual([[1, 2], 'live']);
});

test('a reset keeps the reader’s place: in the middle, and as much as was loaded at the end', async () => {
  const { timeline, context, seqs } = await createLive(range(51, 100), true);
  const more = timeline.loadBefore();
  await context.calls[0]!.answer(page(range(1, 50), false));
  await more;
  void timeline.reload();
  expect(context.calls[0]!.input).toMatchObject({ limit: 100 });
  await context.calls[0]!.answer(page(range(21, 120), true));
  await Promise.resolve();
  expect(seqs()[0]).toBe(21);

  const other = await createLive(range(1, 10));
  const jump = other.timeline.jumpTo(500);
  expect(other.context.calls).toEqual([]);
  await jump;
  const far = await createLive(range(401, 450), true);
  void far.timeline.jumpTo(20);
  await far.context.calls[0]!.answer(page(range(1, 50), false, true));
  void far.timeline.reload();
  expect(far.context.calls[0]!.input).toMatchObject({ around: 26 });
  await far.context.calls[0]!.answer(page(range(1, 76), false, true));
  expect(far.timeline.messages.get()).toMatchObject({ hasBefore: false, hasAfter: true });
});

test('a jump during a reset looks again, and one that fails leaves the reset to end', async () => {
  const { timeline, context, seqs } = await createLive(range(91, 100), true);
  const jump = timeline.jumpTo(10);
  void timeline.reload();
  const [jumping, reset] = [...context.calls];
  await reset!.answer(page(range(91, 101), true));
  await jumping!.answer(page(range(1, 20), false, true));
  expect(context.calls[0]!.input).toMatchObject({ around: 10 });
  await context.calls[0]!.answer(page(range(1, 20), false, true));
  await jump;
  expect(seqs()[0]).toBe(1);

  const other = await createLive(range(91, 100), true);
  const failing = other.timeline.jumpTo(10);
  void other.timeline.reload();
  const [second, again] = [...other.context.calls];
  const failed = expect(failing).rejects.toMatchObject({ code: 2 });
  await second!.fail(TidingsError.of('timeout'));
  await failed;
  await again!.answer(page(range(92, 102), true));
  expect([other.seqs().at(-1), other.timeline.isCurrent]).toEqual([102, true]);
});

test('what waits to be sent stands at the end until its message is there, and not in the middle of the past', async () => {
  const { timeline, context, texts, clock } = await createLive(range(91, 92), true);
  const entry: OutboxEntry = { room: 'r', clientId: 'c1', createdAt: 1, content: { text: 'mine' }, uploads: [] };
  context.entries.set([entry, { ...entry, room: 'other', clientId: 'c2' }, { ...entry, threadSeq: 3, clientId: 'c3' }]);
  timeline.show();
  expect(texts()).toEqual(['91@91', '92@92', 'mine']);
  const { key } = timeline.messages.get().messages[2]!;
  timeline.receive([message(93, 93, { sender: 'me', clientId: 'c1' })]);
  await clock.advance(0);
  expect(texts()).toEqual(['91@91', '92@92', '93@93']);
  expect(timeline.messages.get().messages[2]!.key).toBe(key);
  context.entries.set([{ ...entry, clientId: 'c4' }]);
  void timeline.jumpTo(3);
  await context.calls[0]!.answer(page(range(1, 5), false, true));
  expect(texts()).not.toContain('mine');
});

test('a burst is one change of what is shown', async () => {
  const { timeline, clock, texts } = await createLive([]);
  let shown = 0;
  timeline.messages.subscribe(() => shown++);
  for (const one of range(1, 200)) timeline.receive([one]);
  await clock.advance(0);
  expect([shown, texts().length]).toEqual([1, 200]);
});

test('no more is kept than may be: what is farthest from the reader goes, and can be loaded again', async () => {
  const { timeline, clock } = await createLive(range(1, 50));
  timeline.receive(range(51, maxTimelineMessages + 20));
  await clock.advance(0);
  const view = timeline.messages.get();
  expect(view.messages.length).toBe(maxTimelineMessages);
  expect(view).toMatchObject({ hasBefore: true, hasAfter: false });
  expect(view.messages[0]?.seq).toBe(21);
});

/** As many messages as may be kept, 101 to 1100, of which older ones are on the server. */
async function createFull({ hasAfter = false } = {}) {
  const made = create();
  void made.timeline.reload();
  await made.context.calls[0]!.answer(page(range(101, 100 + maxTimelineMessages), true, hasAfter));
  return made;
}

test.each(['somebody looks at the end', 'the reader is at the start'])(
  'a message that comes while older ones load leaves no hole: %s',
  async (where) => {
    const { timeline, context, clock, seqs } = await createFull();
    if (where === 'somebody looks at the end') timeline.setVisible(timeline, true);
    const loading = timeline.loadBefore();
    timeline.receive([message(1101)]);
    await context.calls[0]!.answer(page(range(51, 100), true));
    await loading;
    await clock.advance(0);
    const first = where === 'somebody looks at the end' ? 102 : 51;
    expect(seqs()).toEqual(range(first, first + maxTimelineMessages - 1).map(({ seq }) => seq));
  },
);

test('older messages that come while newer ones load, and the other way round, leave no hole', async () => {
  for (const isOlderFirst of [true, false]) {
    const { timeline, context, seqs } = await createFull({ hasAfter: true });
    const loading = Promise.all([timeline.loadBefore(), timeline.loadAfter()]);
    const [older, newer] = [...context.calls];
    const answers = [
      () => older!.answer(page(range(51, 100), true, true)),
      () => newer!.answer(page(range(1101, 1150), true, true)),
    ];
    for (const answer of isOlderFirst ? answers : answers.toReversed()) await answer();
    await loading;
    const first = isOlderFirst ? 51 : 151;
    expect(seqs()).toEqual(range(first, first + maxTimelineMessages - 1).map(({ seq }) => seq));
  }
});

test('what comes takes nothing away from a reader at the start, until they look at the end again', async () => {
  const { timeline, context, clock, seqs } = await createFull();
  const loading = expect(timeline.loadBefore()).rejects.toThrow();
  await context.calls[0]!.fail(TidingsError.of('timeout'));
  await loading;
  timeline.receive([message(1101)]);
  await clock.advance(0);
  expect([seqs()[0], timeline.messages.get().hasAfter]).toEqual([101, true]);

  const back = await createFull();
  const failing = expect(back.timeline.loadBefore()).rejects.toThrow();
  await back.context.calls[0]!.fail(TidingsError.of('timeout'));
  await failing;
  // They come back to the end, and the page is hidden then.
  back.timeline.setVisible(back, true);
  back.timeline.setVisible(back, false);
  back.timeline.receive([message(1101)]);
  await back.clock.advance(0);
  expect([back.seqs().at(-1), back.timeline.messages.get().hasAfter]).toEqual([1101, false]);
});

test('new begins behind what was read, at the first message of somebody else', async () => {
  const { timeline, context } = create(3);
  void timeline.reload();
  const own = message(4, 4, { sender: 'me' });
  await context.calls[0]!.answer(page([...range(1, 3), own, ...range(5, 6)]));
  expect(timeline.messages.get().firstUnreadSeq).toBe(5);
  const far = create(3);
  void far.timeline.reload();
  await far.context.calls[0]!.answer(page(range(60, 80), true));
  expect(far.timeline.messages.get().firstUnreadSeq).toBe(4);
});
