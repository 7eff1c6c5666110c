import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { TidingsError } from '../../error.ts';
import { createMemoryOutboxStore } from './memory-outbox-store.ts';
import { maxOutboxEntries } from './outbox.ts';
import type { OutboxStore } from './outbox-store.ts';
import { aRecord } from './testing/outbox-store-suite.ts';
import { OutboxWorld } from './testing/outbox-world.ts';

let store: OutboxStore;
let world: OutboxWorld;

beforeEach(() => {
  store = createMemoryOutboxStore();
  world = new OutboxWorld(() => store);
});
afterEach(() => world.close());

const waiting = (tab: ReturnType<OutboxWorld['open']>): (string | undefined)[] =>
  tab.outbox.entries.get().map(({ content }) => content.text);

describe('sending', () => {
  test('what is added is shown at once, sent in order, and told before it leaves', async () => {
    const tab = world.open();
    const seen: string[] = [];
    tab.outbox.onSent(
      ({ text }) => void seen.push(`${text} sent, ${waiting(tab).includes(text) ? 'still' : 'no longer'} there`),
    );
    const added = [1, 2, 3].map((at) => tab.outbox.add('r', `c${at}`, { text: `m${at}` }));
    expect(waiting(tab)).toEqual(['m1', 'm2', 'm3']);
    await Promise.all(added);
    await world.settle();
    expect(world.texts('r')).toEqual(['m1', 'm2', 'm3']);
    expect(waiting(tab)).toEqual([]);
    expect(seen).toEqual(['m1', 'm2', 'm3'].map((text) => `${text} sent, still there`));
  });

  test('waits while offline, and a reload loses nothing', async () => {
    const tab = world.open();
    tab.isOnline = false;
    await Promise.all([1, 2].map((at) => tab.outbox.add('r', `c${at}`, { text: `m${at}` }, at === 2 ? 7 : undefined)));
    await world.advance(60_000);
    expect(world.received).toEqual([]);
    tab.die();
    const again = world.open();
    again.isOnline = false;
    await world.settle();
    expect(again.outbox.entries.get()).toMatchObject([
      { clientId: 'c1', content: { text: 'm1' } },
      { clientId: 'c2', threadSeq: 7 },
    ]);
    again.isOnline = true;
    await world.settle();
    expect(world.texts('r')).toEqual(['m1', 'm2']);
  });

  test.each(['lost on the way', 'answer lost', 'not available', 'slow mode'] as const)(
    'after a call was %s it goes on with the same client id, and nothing overtakes',
    async (fault) => {
      const tab = world.open();
      world.faults.push(fault, fault);
      await Promise.all([1, 2].map((at) => tab.outbox.add('r', `c${at}`, { text: `m${at}` })));
      await tab.outbox.add('other', 'c3', { text: 'm3' });
      await world.settle();
      expect(waiting(tab)).toContain('m1');
      expect(tab.outbox.entries.get().some(({ failure }) => failure)).toBe(false);
      await world.advance(10_000);
      expect(world.texts('r')).toEqual(['m1', 'm2']);
      expect(world.texts('other')).toEqual(['m3']);
      expect(waiting(tab)).toEqual([]);
    },
  );

  test('what is refused for good is marked, does not hold up the rest, and keeps its id when tried again', async () => {
    const tab = world.open();
    await Promise.all(['refused m1', 'm2'].map((text, at) => tab.outbox.add('r', `c${at + 1}`, { text })));
    await world.settle();
    expect(world.texts('r')).toEqual(['m2']);
    expect(tab.outbox.entries.get()).toMatchObject([{ clientId: 'c1', failure: { code: 604 } }]);
    await world.advance(120_000);
    expect(world.deliveries.get('c1')).toBe(1);
    tab.outbox.retry('c1');
    expect(tab.outbox.entries.get()[0]?.failure).toBeUndefined();
    await world.settle();
    expect(world.deliveries.get('c1')).toBe(2);
    expect(tab.outbox.entries.get()).toMatchObject([{ clientId: 'c1', failure: { code: 604 } }]);
    // The failure survives a reload too.
    tab.die();
    const again = world.open();
    await world.settle();
    expect(again.outbox.entries.get()).toMatchObject([{ clientId: 'c1', failure: { code: 604 } }]);
    again.outbox.discard('c1');
    expect(waiting(again)).toEqual([]);
    await world.settle();
    expect(await store.all()).toEqual([]);
  });

  test('a message that no frame could carry is refused here, and harms nobody', async () => {
    const tab = world.open();
    await tab.outbox.add('r', 'c1', { text: 'é'.repeat(130_000) });
    await tab.outbox.add('r', 'c2', { text: 'm2' });
    await world.settle();
    expect(tab.outbox.entries.get()).toMatchObject([{ clientId: 'c1', failure: { code: 606 } }]);
    expect(world.texts('r')).toEqual(['m2']);
  });

  test('what is discarded while it waits is not sent', async () => {
    const tab = world.open();
    tab.isOnline = false;
    void tab.outbox.add('r', 'c1', { text: 'm1' });
    // Before it is even stored.
    tab.outbox.discard('c1');
    await tab.outbox.add('r', 'c2', { text: 'm2' });
    await world.settle();
    expect(waiting(tab)).toEqual(['m2']);
    expect(await store.all()).toMatchObject([{ clientId: 'c2' }]);
    tab.isOnline = true;
    await world.settle();
    expect(world.texts('r')).toEqual(['m2']);
  });

  test('a connection that is closed for good refuses nothing', async () => {
    const tab = world.open();
    tab.isOnline = false;
    await tab.outbox.add('r', 'c1', { text: 'm1' });
    tab.state.set({ status: 'closed', sinceMs: 0 });
    await world.advance(60_000);
    expect(tab.outbox.entries.get()).toMatchObject([{ clientId: 'c1' }]);
    expect(tab.outbox.entries.get()[0]?.failure).toBeUndefined();
  });

  test('a clock that is set back does not change the order', async () => {
    const tab = world.open();
    tab.isOnline = false;
    await world.clock.advance(1_000_000);
    await tab.outbox.add('r', 'c9', { text: 'm1' });
    tab.die();
    const back = new OutboxWorld(() => store);
    const again = back.open();
    again.isOnline = false;
    await back.settle();
    await again.outbox.add('r', 'c1', { text: 'm2' });
    again.isOnline = true;
    await back.settle();
    expect(back.texts('r')).toEqual(['m1', 'm2']);
    await back.close();
  });

  test('views that did not change are the same objects', async () => {
    const tab = world.open();
    tab.isOnline = false;
    await tab.outbox.add('r', 'c1', { text: 'm1' });
    const [first] = tab.outbox.entries.get();
    await tab.outbox.add('r', 'c2', { text: 'm2' });
    await world.settle();
    expect(tab.outbox.entries.get()[0]).toBe(first);
  });
});

test('what was discarded just before closing does not come back', async () => {
  const tab = world.open();
  tab.isOnline = false;
  await tab.outbox.add('r', 'c1', { text: 'm1' });
  await world.settle();
  tab.outbox.discard('c1');
  await tab.close();
  expect(await store.all()).toEqual([]);
});

describe('bounds', () => {
  test('more than may wait is refused at once, and what waits is not touched', async () => {
    const tab = world.open();
    tab.isOnline = false;
    await Promise.all(
      Array.from({ length: maxOutboxEntries }, (_, at) => tab.outbox.add('r', `c${at}`, { text: 'x' })),
    );
    expect(() => tab.outbox.add('r', 'more', { text: 'x' })).toThrow(/500 messages wait/);
    tab.outbox.discard('c0');
    const huge = Object.defineProperty(new File([], 'huge.bin'), 'size', { value: 600_000_000 });
    expect(() => tab.outbox.add('r', 'more', { files: [huge] })).toThrow(/at most 500000000/);
    await tab.outbox.add('r', 'more', { text: 'x' });
    expect(tab.outbox.entries.get()).toHaveLength(maxOutboxEntries);
  });

  test('what is not JSON is refused at once', () => {
    const tab = world.open();
    const circle: Record<string, unknown> = {};
    circle['itself'] = circle;
    expect(() => tab.outbox.add('r', 'c1', { data: circle })).toThrow(TidingsError);
    expect(waiting(tab)).toEqual([]);
  });
});

describe('storage that fails', () => {
  test('the message is sent all the same by the tab that has it, and the caller is told', async () => {
    const failing = { ...createMemoryOutboxStore(), add: () => Promise.reject(TidingsError.of('storage', 'full')) };
    world = new OutboxWorld(() => failing);
    const tab = world.open();
    await expect(tab.outbox.add('r', 'c1', { text: 'm1' })).rejects.toMatchObject({ code: 7 });
    await world.settle();
    expect(world.texts('r')).toEqual(['m1']);
    expect(waiting(tab)).toEqual([]);
  });

  test('what cannot be removed is not sent twice by this tab, and by the next one to no effect', async () => {
    const stuck = {
      ...createMemoryOutboxStore(),
      change: () => Promise.reject(TidingsError.of('storage')),
      remove: () => Promise.reject(TidingsError.of('storage')),
    };
    world = new OutboxWorld(() => stuck);
    const tab = world.open();
    await tab.outbox.add('r', 'c1', { text: 'm1' });
    await world.advance(60_000);
    expect([world.deliveries.get('c1'), waiting(tab)]).toEqual([1, []]);
    tab.die();
    const again = world.open();
    await world.settle();
    expect([world.deliveries.get('c1'), world.texts('r'), waiting(again)]).toEqual([2, ['m1'], []]);
  });
});

describe('storage that is slow', () => {
  async function turns(count: number): Promise<void> {
    for (let turn = 0; turn < count; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  }

  test('what was discarded before it was stored does not come back', async () => {
    const add: OutboxStore['add'] = async (record, files) => {
      await turns(6);
      await store.add(record, files);
    };
    world = new OutboxWorld(() => ({ ...store, add }));
    const tab = world.open();
    tab.isOnline = false;
    void tab.outbox.add('r', 'c1', { text: 'm1' });
    tab.outbox.discard('c1');
    await world.settle();
    expect([waiting(tab), await store.all()]).toEqual([[], []]);
  });

  /** Reads what there is, and takes a while to say so. */
  const all: OutboxStore['all'] = async () => {
    const records = await store.all();
    await turns(6);
    return records;
  };

  test('a tab that has just opened sends nothing before what waits already', async () => {
    await store.add(aRecord('c1', { content: { text: 'm1' } }), new Map());
    world = new OutboxWorld(() => ({ ...store, all }));
    const tab = world.open();
    void tab.outbox.add('r', 'c2', { text: 'm2' });
    await world.settle();
    expect(world.texts('r')).toEqual(['m1', 'm2']);
  });

  test('a message that is stored while older is being read never vanishes', async () => {
    world = new OutboxWorld(() => ({ ...store, all }));
    const [one, two] = [world.open(), world.open()];
    one.isOnline = false;
    two.isOnline = false;
    await world.settle();
    await two.outbox.add('r', 'c1', { text: 'm1' });
    await turns(5);
    let isMissing = false;
    void one.outbox.add('r', 'c2', { text: 'm2' });
    one.outbox.entries.subscribe(() => (isMissing ||= !waiting(one).includes('m2')));
    await world.settle();
    expect([waiting(one), isMissing]).toEqual([['m1', 'm2'], false]);
  });
});

describe('files', () => {
  beforeEach(() => void vi.stubGlobal('fetch', world.receive));
  afterEach(() => void vi.unstubAllGlobals());
  const files = [new File(['a'], 'a'), new File(['b'], 'b')];

  test('are uploaded once, in order, before the message, whatever fails behind them', async () => {
    const tab = world.open();
    world.faults.push('none', 'lost on the way', 'none', 'lost on the way', 'answer lost');
    await tab.outbox.add('r', 'c1', { text: 'm1', files });
    await world.settle();
    expect(tab.outbox.entries.get()[0]?.uploads).toMatchObject([
      { name: 'a', state: 'uploaded', sentBytes: 1 },
      { name: 'b', totalBytes: 1 },
    ]);
    for (let turn = 0; turn < 4; turn += 1) await world.advance(10_000);
    expect([world.uploaded, world.texts('r'), waiting(tab)]).toEqual([['a', 'b'], ['m1'], []]);
  });

  test('that expired before the message could be sent are uploaded once more, not for ever', async () => {
    const tab = world.open();
    world.expired.add('a 1');
    await tab.outbox.add('r', 'c1', { text: 'm1', files });
    await world.settle();
    await world.advance(10_000);
    expect([world.uploaded, world.texts('r')]).toEqual([['a', 'b', 'a', 'b'], ['m1']]);
    for (let at = 1; at < 20; at += 1) world.expired.add(`a ${at}`);
    await tab.outbox.add('r', 'c2', { text: 'm2', files });
    await world.settle();
    await world.advance(120_000);
    expect(tab.outbox.entries.get()).toMatchObject([{ clientId: 'c2', failure: { code: 617 } }]);
    expect(world.uploaded).toHaveLength(8);
  });

  test('that are gone from the device fail by name, and nothing else does', async () => {
    await store.add(
      aRecord('c1', { files: [{ key: 'lost', name: 'lost.txt', contentType: 'text/plain', totalBytes: 1 }] }),
      new Map(),
    );
    const tab = world.open();
    await tab.outbox.add('r', 'c2', { text: 'm2' });
    await world.settle();
    expect(tab.outbox.entries.get()).toMatchObject([
      { clientId: 'c1', failure: { code: 7 }, uploads: [{ state: 'failed', failure: { code: 7 } }] },
    ]);
    expect(world.texts('r')).toEqual(['m2']);
  });
});

describe('several tabs', () => {
  test('one sends for all; each shows what waits and is told what was sent', async () => {
    const [one, two] = [world.open(), world.open()];
    one.isOnline = false;
    two.isOnline = false;
    await one.outbox.add('r', 'c1', { text: 'm1' });
    await world.settle();
    await two.outbox.add('r', 'c2', { text: 'm2' });
    await world.settle();
    expect([waiting(one), waiting(two)]).toEqual([
      ['m1', 'm2'],
      ['m1', 'm2'],
    ]);
    one.isOnline = true;
    two.isOnline = true;
    await world.settle();
    expect(world.texts('r')).toEqual(['m1', 'm2']);
    expect([...world.deliveries.values()]).toEqual([1, 1]);
    expect([one.sent.length, two.sent.length]).toEqual([2, 2]);
    expect([waiting(one), waiting(two)]).toEqual([[], []]);
    await world.advance(10_000);
    expect(await store.all()).toEqual([]);
  });

  test('the tab that sends dies in the middle: the other one takes over, in order and once', async () => {
    const [one, two] = [world.open(), world.open()];
    await world.settle();
    one.diesIn = 9;
    for (const at of [1, 2, 3, 4]) void two.outbox.add('r', `c${at}`, { text: `m${at}` });
    await world.settle();
    await world.advance(60_000);
    expect(one.isDead).toBe(true);
    expect(world.texts('r')).toEqual(['m1', 'm2', 'm3', 'm4']);
    expect(waiting(two)).toEqual([]);
  });

  test('what a tab stored and did not get to tell is found by who leads', async () => {
    const [one, two] = [world.open(), world.open()];
    await world.settle();
    // Its second step is after the storage has the message.
    two.diesIn = 1;
    void two.outbox.add('r', 'c1', { text: 'm1' });
    await world.settle();
    expect([two.isDead, world.received, waiting(one)]).toEqual([true, [], []]);
    await world.advance(15_000);
    expect(world.texts('r')).toEqual(['m1']);
  });

  test('a tab that is cut off leaves sending to one that is not', async () => {
    const [one, two] = [world.open(), world.open()];
    await world.settle();
    one.isOnline = false;
    await one.outbox.add('r', 'c1', { text: 'm1' });
    await world.settle();
    expect(world.texts('r')).toEqual(['m1']);
    expect([waiting(one), one.sent.length, two.sent.length]).toEqual([[], 1, 1]);
  });

  test('a discard in one tab stops the other', async () => {
    const [one, two] = [world.open(), world.open()];
    await world.settle();
    world.faults.push('not available', 'not available', 'not available');
    await one.outbox.add('r', 'c1', { text: 'm1' });
    await world.settle();
    (one.outbox.entries.get().length > 0 ? two : one).outbox.discard('c1');
    await world.settle();
    await world.advance(120_000);
    expect([world.received, waiting(one), waiting(two), await store.all()]).toEqual([[], [], [], []]);
  });

  test('what the tab that sends wrote down and could not tell any more, all tabs hear from the next one', async () => {
    for (let diesIn = 0; diesIn < 12; diesIn += 1) {
      store = createMemoryOutboxStore();
      const tabs = [world.open(), world.open(), world.open()] as const;
      await world.settle();
      await tabs[1].outbox.add('r', 'c1', { text: 'refused' });
      tabs[0].diesIn = diesIn;
      await world.settle();
      tabs[0].die();
      await world.settle();
      for (const tab of tabs.slice(1)) {
        expect(tab.outbox.entries.get(), `${diesIn} steps`).toMatchObject([{ clientId: 'c1', failure: { code: 604 } }]);
      }
      await world.close();
      world = new OutboxWorld(() => store);
    }
  });

  test('clearing empties all tabs', async () => {
    const [one, two] = [world.open(), world.open()];
    one.isOnline = false;
    two.isOnline = false;
    await one.outbox.add('r', 'c1', { text: 'm1' });
    await world.settle();
    await two.outbox.clear();
    await world.settle();
    expect([waiting(one), waiting(two), await store.all()]).toEqual([[], [], []]);
  });

  test('after clearing, another tab sends what it is given and keeps nothing, and leaves what comes next alone', async () => {
    const [staying, leaving] = [world.open(), world.open()];
    await world.settle();
    staying.isOnline = false;
    const clearing = leaving.outbox.clear();
    // On its way into the storage while it is cleared.
    await staying.outbox.add('r', 'c1', { text: 'm1' });
    await clearing;
    await leaving.close();
    await world.settle();
    expect([waiting(staying), await store.all()]).toEqual([[], []]);
    staying.isOnline = true;
    await expect(staying.outbox.add('r', 'c2', { text: 'm2' })).rejects.toMatchObject({ code: 7 });
    await world.settle();
    expect([world.texts('r'), await store.all()]).toEqual([['m2'], []]);
    // Signed in again.
    const next = world.open();
    next.isOnline = false;
    await next.outbox.add('r', 'c3', { text: 'm3' });
    await world.advance(60_000);
    expect([waiting(staying), world.texts('r')]).toEqual([[], ['m2']]);
    next.isOnline = true;
    await world.settle();
    expect(world.texts('r')).toEqual(['m2', 'm3']);
  });
});
