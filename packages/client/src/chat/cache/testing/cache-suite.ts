/**
 * The law of `ChatCache` as tests. Whoever writes a cache runs them against it.
 */
import { describe, expect, test } from 'vitest';
import { type ChatCache, maxCachedItems, maxCachedMessages, maxCachedTimelines } from '../chat-cache.ts';
import { aMessage, aRoom, aTimeline, seqs } from './cache-values.ts';

/**
 * Declares the suite.
 * @param open the cache of a user, as a tab opens it. Called once a test, unless the cache is `isShared`.
 * @param isShared whether caches opened for the same user share what they hold, and outlive being closed.
 */
export function testChatCache(name: string, open: (user: string) => ChatCache, isShared: boolean): void {
  describe(`${name}: the law of ChatCache`, () => {
    test('a new one is empty', async () => {
      await using cache = open('ann');
      expect(await cache.load()).toEqual({ rooms: [], drafts: [], users: [] });
      expect(await cache.timeline('r')).toBeUndefined();
    });

    test('what is put is there', async () => {
      await using cache = open('ann');
      await cache.putRooms([aRoom('a'), aRoom('b')]);
      await cache.putUsers([{ id: 'ann', name: 'Ann' }]);
      await cache.putProfile({ id: 'ann', name: 'Ann', invisible: true });
      await cache.putPosition({ offset: 7, epoch: 'e' });
      await cache.putDraft({ room: 'a', text: 'hel', updatedAt: 5 });
      await cache.putDraft({ room: 'a', threadSeq: 3, text: 'in the thread', updatedAt: 5 });
      const state = await cache.load();
      expect(state.rooms.map(({ room }) => room.id).toSorted()).toEqual(['a', 'b']);
      expect(state.users).toEqual([{ id: 'ann', name: 'Ann' }]);
      expect(state.profile).toEqual({ id: 'ann', name: 'Ann', invisible: true });
      expect(state.position).toEqual({ offset: 7, epoch: 'e' });
      expect(state.drafts.map(({ text }) => text).toSorted()).toEqual(['hel', 'in the thread']);
    });

    test('of two lines of a room the higher revision stays, the membership is the last caller’s', async () => {
      await using cache = open('ann');
      await cache.putRooms([aRoom('a', { rev: 5, readSeq: 1 })]);
      await cache.putRooms([aRoom('a', { rev: 4, readSeq: 3 })]);
      const [line] = (await cache.load()).rooms;
      expect([line?.room.rev, line?.lastMessage?.seq, line?.membership.readSeq]).toEqual([5, 5, 3]);
      await cache.putRooms([aRoom('a', { rev: 9 }), aRoom('a', { rev: 6, readSeq: 2 })]);
      const [later] = (await cache.load()).rooms;
      expect([later?.room.rev, later?.membership.readSeq]).toEqual([9, 2]);
    });

    test('a removed room takes with it what belongs to it, and nothing else', async () => {
      await using cache = open('ann');
      await cache.putRooms([aRoom('a'), aRoom('ab')]);
      for (const room of ['a', 'ab']) {
        await cache.putTimeline(room, aTimeline(1, 3), 'replace');
        await cache.putDraft({ room, text: 'x', updatedAt: 1 });
        await cache.putDraft({ room, threadSeq: 2, text: 'y', updatedAt: 1 });
      }
      await cache.removeRooms(['a', 'never there']);
      const state = await cache.load();
      expect(state.rooms.map(({ room }) => room.id)).toEqual(['ab']);
      expect(state.drafts.map(({ room }) => room)).toEqual(['ab', 'ab']);
      expect(await cache.timeline('a')).toBeUndefined();
      expect(seqs(await cache.timeline('ab'))).toEqual([1, 2, 3]);
    });

    test('an older draft never comes back, nor one that was emptied', async () => {
      await using cache = open('ann');
      await cache.putDraft({ room: 'a', text: 'new', updatedAt: 5 });
      await cache.putDraft({ room: 'a', text: 'old', updatedAt: 4 });
      expect((await cache.load()).drafts.map(({ text }) => text)).toEqual(['new']);
      await cache.putDraft({ room: 'a', text: '', updatedAt: 6 });
      await cache.putDraft({ room: 'a', text: 'late', updatedAt: 5 });
      expect((await cache.load()).drafts).toEqual([]);
    });

    test('that a draft was emptied is there until it is saved', async () => {
      await using cache = open('ann');
      await cache.putDraft({ room: 'a', text: 'begun', updatedAt: 5 });
      const emptied = { room: 'a', text: '', updatedAt: 6 };
      await cache.putDraft({ ...emptied, unsaved: true });
      expect((await cache.load()).drafts).toEqual([{ ...emptied, unsaved: true }]);
      await cache.putDraft(emptied);
      expect((await cache.load()).drafts).toEqual([]);
    });

    test('the position rises only, and starts anew with another epoch', async () => {
      await using cache = open('ann');
      await cache.putPosition({ offset: 7, epoch: 'e' });
      await cache.putPosition({ offset: 6, epoch: 'e' });
      expect((await cache.load()).position?.offset).toBe(7);
      await cache.putPosition({ offset: 1, epoch: 'f' });
      expect((await cache.load()).position).toEqual({ offset: 1, epoch: 'f' });
    });

    test('a later stretch is merged in, and one that comes late changes nothing', async () => {
      await using cache = open('ann');
      await cache.putTimeline('r', aTimeline(1, 5), 'merge');
      await cache.putTimeline('r', aTimeline(1, 8), 'merge');
      await cache.putTimeline('r', aTimeline(1, 6), 'merge');
      const timeline = await cache.timeline('r');
      expect(seqs(timeline)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
      expect(timeline?.position.offset).toBe(8);
    });

    test('of a message the higher revision stays, also where the position is lower', async () => {
      await using cache = open('ann');
      const edited = {
        ...aTimeline(1, 3),
        messages: [aMessage(1), aMessage(2, { rev: 9, text: 'edited' }), aMessage(3)],
      };
      await cache.putTimeline('r', edited, 'merge');
      await cache.putTimeline('r', aTimeline(1, 4), 'merge');
      expect((await cache.timeline('r'))?.messages.map(({ text }) => text)).toEqual([
        ...['message 1', 'edited', 'message 3', 'message 4'],
      ]);
    });

    test('a stretch that begins later leaves no hole and keeps nothing that may be outdated', async () => {
      await using cache = open('ann');
      await cache.putTimeline('r', aTimeline(1, 50), 'merge');
      await cache.putTimeline('r', aTimeline(100, 120), 'merge');
      await cache.putTimeline('r', aTimeline(1, 51), 'merge');
      const timeline = await cache.timeline('r');
      expect([seqs(timeline)[0], seqs(timeline).length, timeline?.hasBefore]).toEqual([100, 21, true]);
    });

    test('older messages are kept at the same position', async () => {
      await using cache = open('ann');
      await cache.putTimeline('r', aTimeline(5, 9), 'merge');
      await cache.putTimeline('r', aTimeline(1, 9, { hasBefore: false }), 'merge');
      await cache.putTimeline('r', aTimeline(5, 9), 'merge');
      const timeline = await cache.timeline('r');
      expect([seqs(timeline), timeline?.hasBefore]).toEqual([[1, 2, 3, 4, 5, 6, 7, 8, 9], false]);
    });

    test('a reset and another epoch replace', async () => {
      await using cache = open('ann');
      await cache.putTimeline('r', aTimeline(1, 9), 'merge');
      await cache.putTimeline('r', aTimeline(2, 4), 'replace');
      expect(seqs(await cache.timeline('r'))).toEqual([2, 3, 4]);
      await cache.putTimeline('r', aTimeline(1, 2, { epoch: 'f' }), 'merge');
      expect(seqs(await cache.timeline('r'))).toEqual([1, 2]);
    });

    test('the latest messages are kept, with the reactions to them', async () => {
      await using cache = open('ann');
      const ownReactions = { 1: ['👍'], 300: ['🎉'] };
      await cache.putTimeline('r', { ...aTimeline(1, 300), ownReactions }, 'merge');
      const timeline = await cache.timeline('r');
      expect(seqs(timeline)).toEqual(Array.from({ length: maxCachedMessages }, (_, at) => 101 + at));
      expect([timeline?.hasBefore, timeline?.ownReactions]).toEqual([true, { 300: ['🎉'] }]);
    });

    test('timelines opened least recently go', async () => {
      await using cache = open('ann');
      for (let at = 0; at < maxCachedTimelines; at += 1) await cache.putTimeline(`r${at}`, aTimeline(1, 1), 'merge');
      await cache.timeline('r0');
      await cache.putTimeline('r1', aTimeline(1, 2), 'merge'); // Writing is not opening.
      await cache.putTimeline('one more', aTimeline(1, 1), 'merge');
      const there = await Promise.all(['r0', 'r1', 'r2', 'one more'].map((room) => cache.timeline(room)));
      expect(there.map((timeline) => timeline !== undefined)).toEqual([true, false, true, true]);
    });

    test('beyond a bound users start anew, and what comes last is there', async () => {
      await using cache = open('ann');
      const users = (from: number, count: number) =>
        Array.from({ length: count }, (_, at) => ({ id: `u${from + at}` }));
      await cache.putUsers(users(0, maxCachedItems));
      expect((await cache.load()).users).toHaveLength(maxCachedItems);
      await cache.putUsers(users(maxCachedItems, 1));
      expect((await cache.load()).users).toEqual([{ id: `u${maxCachedItems}` }]);
    });

    test('clearing forgets everything', async () => {
      await using cache = open('ann');
      await cache.putRooms([aRoom('a')]);
      await cache.putTimeline('a', aTimeline(1, 3), 'merge');
      await cache.putDraft({ room: 'a', text: 'x', updatedAt: 1 });
      await cache.putUsers([{ id: 'ben' }]);
      await cache.putProfile({ id: 'ann' });
      await cache.putPosition({ offset: 1, epoch: 'e' });
      await cache.clear();
      expect(await cache.load()).toEqual({ rooms: [], drafts: [], users: [] });
      expect(await cache.timeline('a')).toBeUndefined();
    });

    if (!isShared) return;

    test('it outlives being closed, and another user sees nothing of it', async () => {
      {
        await using cache = open('ann');
        await cache.putRooms([aRoom('a')]);
        await cache.putTimeline('a', aTimeline(1, 3), 'merge');
      }
      await using other = open('ben');
      expect(await other.load()).toEqual({ rooms: [], drafts: [], users: [] });
      expect(await other.timeline('a')).toBeUndefined();
      await other.clear();
      await using again = open('ann');
      expect((await again.load()).rooms).toHaveLength(1);
      expect(seqs(await again.timeline('a'))).toEqual([1, 2, 3]);
    });

    test('tabs that write at once lose nothing', async () => {
      await using one = open('ann');
      await using two = open('ann');
      const writes = Array.from({ length: 20 }, (_, at) => {
        const tab = at % 2 === 0 ? one : two;
        return [
          tab.putTimeline('r', aTimeline(1, 20 - at), 'merge'),
          tab.putRooms([aRoom(`a${at}`), aRoom('r', { rev: 20 - at })]),
        ];
      });
      await Promise.all(writes.flat());
      expect(seqs(await one.timeline('r'))).toHaveLength(20);
      const { rooms } = await two.load();
      expect([rooms.length, rooms.find(({ room }) => room.id === 'r')?.room.rev]).toEqual([21, 20]);
    });
  });
}
