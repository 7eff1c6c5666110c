import { FakeClock } from '@tidings/server/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createBrowserTabs } from './browser-tabs.ts';
import { NoticeOnce } from './notice-once.ts';
import { createSingleTab } from './single-tab.ts';
import type { Tabs } from './tabs.ts';

let names = 0;

interface Tab {
  readonly isVisible: boolean;
  /** The room it shows. */
  readonly shows?: string | undefined;
  /** When it hears of the message, or never. */
  readonly hearsAtMs?: number | undefined;
}

/** @returns which tabs tell the person. */
async function told(tabs: readonly Tab[], key = 'message 1', room = 'r'): Promise<number[]> {
  const clock = new FakeClock();
  const name = `notices ${process.pid} ${(names += 1)}`;
  const all = tabs.map(({ isVisible, shows }) => {
    const own = createBrowserTabs(name, clock);
    const options = {
      tabs: own,
      clock,
      isVisible: () => isVisible,
      showsRoom: (id: string) => isVisible && id === shows,
    };
    return { own, notices: new NoticeOnce(options) };
  });
  const result: number[] = [];
  tabs.forEach(({ hearsAtMs }, at) => {
    if (hearsAtMs === undefined) return;
    clock.setTimeout(() => {
      void all[at]?.notices.decide(key, room).then((isTold) => void (isTold && result.push(at)));
    }, hearsAtMs);
  });
  for (let turn = 0; turn < 40; turn += 1) {
    await clock.advance(20);
    for (let wait = 0; wait < 8; wait += 1) await new Promise((resolve) => setImmediate(resolve));
  }
  for (const { own, notices } of all) {
    notices[Symbol.dispose]();
    await own[Symbol.asyncDispose]();
  }
  return result;
}

const hidden: Tab = { isVisible: false, hearsAtMs: 0 };
const visible: Tab = { isVisible: true, hearsAtMs: 0 };

test('of several tabs one tells, a visible one first', async () => {
  expect(await told([hidden, hidden, visible, hidden])).toEqual([2]);
  expect(await told([visible, visible, visible])).toHaveLength(1);
  expect(await told([hidden, hidden])).toHaveLength(1);
});

test('nobody tells while a tab shows the room, also one that did not hear of the message', async () => {
  expect(await told([hidden, { ...visible, shows: 'r' }])).toEqual([]);
  expect(await told([hidden, visible, { isVisible: true, shows: 'r' }])).toEqual([]);
  expect(await told([hidden, { ...visible, shows: 'another' }])).toEqual([1]);
});

test('a visible tab that has not heard of it does not keep the others from telling', async () => {
  expect(await told([hidden, { isVisible: true }])).toEqual([0]);
});

test('never twice, and once unless somebody shows the room, whoever hears of it when', async () => {
  const tab = fc.record({
    isVisible: fc.boolean(),
    shows: fc.constantFrom('r', 'another', undefined),
    hearsAtMs: fc.option(fc.integer({ min: 0, max: 250 }), { nil: undefined }),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(tab, { minLength: 1, maxLength: 5 }), async (tabs) => {
      const isShown = tabs.some(({ isVisible, shows }) => isVisible && shows === 'r');
      const isHeard = tabs.some(({ hearsAtMs }) => hearsAtMs !== undefined);
      expect(await told(tabs)).toHaveLength(isHeard && !isShown ? 1 : 0);
    }),
    { numRuns: 60 },
  );
});

test('tabs that decide in the same moment do not all tell', async () => {
  const timers: (() => void)[] = [];
  const clock = { now: () => 0, setTimeout: (run: () => void) => timers.push(run), clearTimeout: () => {} };
  const name = `notices ${process.pid} ${(names += 1)}`;
  const tabs = [1, 2, 3, 4].map(() => createBrowserTabs(name, clock));
  const notices = tabs.map(
    (own) => new NoticeOnce({ tabs: own, clock, isVisible: () => true, showsRoom: () => false }),
  );
  const decided = Promise.all(notices.map((one) => one.decide('a', 'r')));
  for (const run of timers.splice(0)) run();
  expect((await decided).filter(Boolean)).toHaveLength(1);
  for (const one of notices) one[Symbol.dispose]();
  for (const own of tabs) await own[Symbol.asyncDispose]();
});

test('what was told is not told again, and other things are', async () => {
  const clock = new FakeClock();
  await using tabs: Tabs = createSingleTab();
  using notices = new NoticeOnce({ tabs, clock, isVisible: () => true, showsRoom: (room) => room === 'shown' });
  expect(await Promise.all([notices.decide('a', 'r'), notices.decide('a', 'r')])).toEqual([true, false]);
  expect(await notices.decide('a', 'r')).toBe(false);
  expect(await notices.decide('b', 'r')).toBe(true);
  expect(await notices.decide('c', 'shown')).toBe(false);
});

test('a tab that is closed while it is decided tells nothing, and another one does', async () => {
  const clock = new FakeClock();
  const name = `notices ${process.pid} ${(names += 1)}`;
  const create = (isVisible: boolean) => {
    const tabs = createBrowserTabs(name, clock);
    const notices = new NoticeOnce({ tabs, clock, isVisible: () => isVisible, showsRoom: () => false });
    return { tabs, notices, isTold: notices.decide('message 1', 'r') };
  };
  const [closing, other] = [create(true), create(false)];
  closing.notices[Symbol.dispose]();
  await closing.tabs[Symbol.asyncDispose]();
  await clock.advance(120);
  expect(await closing.isTold).toBe(false);
  await clock.advance(360);
  expect(await other.isTold).toBe(true);
  other.notices[Symbol.dispose]();
  await other.tabs[Symbol.asyncDispose]();
});
