import { FakeClock } from '@tidings/server/testing';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { createBrowserTabs } from './browser-tabs.ts';
import { createSingleTab } from './single-tab.ts';
import type { Tabs } from './tabs.ts';

let names = 0;
const clock = new FakeClock();
const opened: Tabs[] = [];

function open(count: number, name = `tabs ${process.pid} ${(names += 1)}`): Tabs[] {
  const tabs = Array.from({ length: count }, () => createBrowserTabs(name, clock));
  opened.push(...tabs);
  return tabs;
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

afterEach(async () => {
  for (const tab of opened.splice(0)) await tab[Symbol.asyncDispose]();
  vi.unstubAllGlobals();
});

const [withLocks, withoutLocks] = ['with Web Locks', 'without Web Locks'];

test('a message reaches the other tabs of the same name, on its topic', async () => {
  const [one, two] = open(2) as [Tabs, Tabs];
  const [stranger] = open(1) as [Tabs];
  const heard: string[] = [];
  for (const [name, tab] of Object.entries({ one, two, stranger })) {
    tab.onMessage('a', (message) => void heard.push(`${name} ${JSON.stringify(message)}`));
    tab.onMessage('b', () => void heard.push(`${name} b`));
  }
  const stop = two.onMessage('a', () => void heard.push('stopped'));
  stop();
  one.send('a', { hello: 1 });
  await settle();
  expect(heard).toEqual(['two {"hello":1}']);
});

describe.each([withLocks, withoutLocks])('leading %s', (how) => {
  function stub(): void {
    if (how === withLocks) return;
    const items = new Map<string, string>();
    vi.stubGlobal('navigator', {});
    vi.stubGlobal('localStorage', {
      getItem: (key: string) => items.get(key) ?? null,
      setItem: (key: string, value: string) => items.set(key, value),
      removeItem: (key: string) => items.delete(key),
    });
  }

  test('one tab leads; when it lets go or closes, another one does', async () => {
    stub();
    const tabs = open(3);
    const leaders = tabs.map((tab) => tab.lead('work'));
    const who = (): number[] => leaders.flatMap(({ isLeader }, at) => (isLeader.get() ? [at] : []));
    await settle();
    expect(who()).toHaveLength(1);
    const [first = 0] = who();
    leaders[first]?.release();
    await clock.advance(10_000);
    await settle();
    expect(who()).toHaveLength(1);
    const [second = 0] = who();
    expect(second).not.toBe(first);
    await tabs[second]?.[Symbol.asyncDispose]();
    await clock.advance(10_000);
    await settle();
    expect(who()).toHaveLength(1);
    expect([first, second]).not.toContain(who()[0]);
  });

  test('names are led apart, and who releases while becoming the leader leads no longer', async () => {
    stub();
    const name = `tabs ${process.pid} ${(names += 1)}`;
    const [one, two] = open(2, name) as [Tabs, Tabs];
    const other = one.lead('other');
    const hasty = one.lead('work');
    hasty.isLeader.subscribe(() => hasty.release());
    if (hasty.isLeader.get()) hasty.release();
    const patient = two.lead('work');
    await settle();
    await clock.advance(10_000);
    await settle();
    expect([other.isLeader.get(), hasty.isLeader.get(), patient.isLeader.get()]).toEqual([true, false, true]);
  });
});

test('a tab that dies without a word loses its lease to another', async () => {
  const items = new Map<string, string>();
  vi.stubGlobal('navigator', {});
  vi.stubGlobal('localStorage', {
    getItem: (key: string) => items.get(key),
    setItem: items.set.bind(items),
    removeItem: items.delete.bind(items),
  });
  const name = `tabs ${process.pid} ${(names += 1)}`;
  const dying = new FakeClock(clock.now());
  const dead = createBrowserTabs(name, dying);
  opened.push(dead);
  expect(dead.lead('work').isLeader.get()).toBe(true);
  const [alive] = open(1, name) as [Tabs];
  const leadership = alive.lead('work');
  expect(leadership.isLeader.get()).toBe(false);
  await clock.advance(3_000);
  expect(leadership.isLeader.get()).toBe(false);
  await clock.advance(7_000);
  expect(leadership.isLeader.get()).toBe(true);
});

test('where a browser gives neither locks nor storage, a tab works by itself', () => {
  vi.stubGlobal('navigator', {});
  vi.stubGlobal('localStorage', {
    getItem: () => {
      throw new Error('SecurityError');
    },
  });
  const [tab] = open(1) as [Tabs];
  expect(tab.lead('work').isLeader.get()).toBe(true);
});

test('of many tabs that claim the same, one gets it, until it is forgotten', async () => {
  const tabs = open(4);
  const claims = await Promise.all(tabs.map((tab) => tab.claim('x')));
  expect(claims.filter(Boolean)).toHaveLength(1);
  expect(await tabs[0]?.claim('y')).toBe(true);
  await settle();
  expect(await tabs[claims.indexOf(false)]?.claim('x')).toBe(false);
  await clock.advance(61_000);
  await settle();
  expect(await tabs[0]?.claim('x')).toBe(true);
});

test('a single tab leads and gets what it claims', async () => {
  await using tab = createSingleTab();
  const leadership = tab.lead('work');
  expect([leadership.isLeader.get(), await tab.claim('x')]).toEqual([true, true]);
  leadership.release();
  expect(leadership.isLeader.get()).toBe(false);
});

test('a tab that is closed says nothing any more and gets nothing', async () => {
  const [closing, other] = open(2) as [Tabs, Tabs];
  const heard: unknown[] = [];
  other.onMessage('a', (message) => void heard.push(message));
  const claiming = closing.claim('x');
  await closing[Symbol.asyncDispose]();
  closing.send('a', 1);
  expect([await claiming, await closing.claim('y')]).toEqual([false, false]);
  await settle();
  // Neither is held.
  expect([await other.claim('x'), await other.claim('y')]).toEqual([true, true]);
  expect(heard).toEqual([]);
});
