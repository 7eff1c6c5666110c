/**
 * A cache in IndexedDB, one database for each user. Tabs write into it at once: each merge is one transaction, which the
 * browser runs one after the other. Callers see `merge.ts` at work, whoever was first.
 */
import type { DBSchema, IDBPObjectStore, StoreKey, StoreNames, StoreValue } from 'idb';
import type { ChannelPosition } from '../../connection/connection.ts';
import { type DatabaseUpgrade, DeviceDatabase } from '../../storage/device-database.ts';
import type { Profile, RoomListItem, User } from '../publications.ts';
import {
  type CachedDraft,
  type CachedState,
  type CachedTimeline,
  type ChatCache,
  maxCachedItems,
  maxCachedTimelines,
} from './chat-cache.ts';
import { isDraftLeft, mergeDraft, mergePosition, mergeRoom, mergeTimeline } from './merge.ts';

export interface CacheSchema extends DBSchema {
  rooms: { key: string; value: RoomListItem };
  users: { key: string; value: User };
  /** Removed ones too, with an empty text, against older ones that come late. */
  drafts: { key: [room: string, threadSeq: number]; value: CachedDraft };
  timelines: { key: string; value: CachedTimeline };
  /** By room, a number that is higher the later it was opened; apart, so that opening does not write the messages. */
  opened: { key: string; value: number };
  own: { key: 'profile' | 'position'; value: Profile | ChannelPosition };
}

const storeNames = ['rooms', 'users', 'drafts', 'timelines', 'opened', 'own'] as const;

const upgrades: readonly DatabaseUpgrade<CacheSchema>[] = [
  (database) => {
    for (const name of storeNames) database.createObjectStore(name);
  },
];

/** @param name of the database: one for each server and user. */
export function createIndexedDbCache(name: string): ChatCache {
  const database = new DeviceDatabase({ name, upgrades });

  const clear = (): Promise<void> =>
    database.run([...storeNames], 'readwrite', async (tx) => {
      await Promise.all(storeNames.map((store) => tx.objectStore(store).clear()));
    });

  const load = (): Promise<CachedState> =>
    database.run(['rooms', 'drafts', 'users', 'own'], 'readonly', async (tx) => {
      const [rooms, drafts, users, profile, position] = await Promise.all([
        tx.objectStore('rooms').getAll(),
        tx.objectStore('drafts').getAll(),
        tx.objectStore('users').getAll(),
        tx.objectStore('own').get('profile'),
        tx.objectStore('own').get('position'),
      ]);
      return {
        rooms: rooms.filter(isRoom),
        drafts: drafts.filter((draft) => isDraft(draft) && isDraftLeft(draft)),
        users: users.filter(isUser),
        ...(isUser(profile) && { profile }),
        ...(isPosition(position) && { position }),
      };
    });

  return {
    clear,
    load: () =>
      load().catch(async (error: unknown) => {
        // What a browser cannot read once it never can again. It is a copy.
        await clear().catch(() => undefined);
        throw error;
      }),
    timeline: (room) =>
      database.run(['timelines', 'opened'], 'readwrite', async (tx) => {
        const timeline = await tx.objectStore('timelines').get(room);
        if (!isTimeline(timeline)) return undefined;
        await setOpened(tx.objectStore('opened'), room);
        return timeline;
      }),
    putRooms: (items) =>
      database.run(['rooms'], 'readwrite', (tx) =>
        putAll(
          tx.objectStore('rooms'),
          items.map((item) => [item.room.id, (old) => mergeRoom(isRoom(old) ? old : undefined, item)]),
        ),
      ),
    removeRooms: (rooms) =>
      database.run(['rooms', 'timelines', 'opened', 'drafts'], 'readwrite', async (tx) => {
        await Promise.all(
          rooms.flatMap((room) => [
            tx.objectStore('rooms').delete(room),
            tx.objectStore('timelines').delete(room),
            tx.objectStore('opened').delete(room),
            tx.objectStore('drafts').delete(IDBKeyRange.bound([room, 0], [room, Infinity])),
          ]),
        );
      }),
    putTimeline: (room, timeline, how) =>
      database.run(['timelines', 'opened'], 'readwrite', async (tx) => {
        const [timelines, opened] = [tx.objectStore('timelines'), tx.objectStore('opened')];
        const old = how === 'merge' ? await timelines.get(room) : undefined;
        await timelines.put(mergeTimeline(isTimeline(old) ? old : undefined, timeline), room);
        if ((await opened.getKey(room)) === undefined) await setOpened(opened, room);
        const [names, order] = await Promise.all([opened.getAllKeys(), opened.getAll()]);
        const placeOf = new Map(names.map((name, at) => [name, order[at] ?? 0]));
        const byPlace = names.toSorted((a, b) => (placeOf.get(a) ?? 0) - (placeOf.get(b) ?? 0));
        for (const gone of byPlace.slice(0, -maxCachedTimelines)) {
          await Promise.all([timelines.delete(gone), opened.delete(gone)]);
        }
      }),
    putDraft: (draft) =>
      database.run(['drafts'], 'readwrite', (tx) =>
        putAll(tx.objectStore('drafts'), [
          [[draft.room, draft.threadSeq ?? 0], (old) => mergeDraft(isDraft(old) ? old : undefined, draft)],
        ]),
      ),
    putUsers: (users) =>
      database.run(['users'], 'readwrite', (tx) =>
        putAll(
          tx.objectStore('users'),
          users.map((user) => [user.id, () => user]),
        ),
      ),
    putProfile: (profile) =>
      database.run(['own'], 'readwrite', (tx) => putAll(tx.objectStore('own'), [['profile', () => profile]])),
    putPosition: (position) =>
      database.run(['own'], 'readwrite', (tx) =>
        putAll(tx.objectStore('own'), [
          ['position', (old) => mergePosition(isPosition(old) ? old : undefined, position)],
        ]),
      ),
    [Symbol.asyncDispose]: () => database.close(),
  };
}

type WritableStore<Name extends StoreNames<CacheSchema>> = IDBPObjectStore<
  CacheSchema,
  StoreNames<CacheSchema>[],
  Name,
  'readwrite'
>;

/** Puts what `merge` makes of what is there. */
async function putAll<Name extends StoreNames<CacheSchema>>(
  store: WritableStore<Name>,
  entries: readonly [StoreKey<CacheSchema, Name>, merge: (old: unknown) => StoreValue<CacheSchema, Name>][],
): Promise<void> {
  const merged: [StoreKey<CacheSchema, Name>, StoreValue<CacheSchema, Name>][] = [];
  // One by one: the same key may come twice.
  for (const [key, merge] of entries) {
    const value = merge(await store.get(key));
    await store.put(value, key);
    merged.push([key, value]);
  }
  if ((await store.count()) <= maxCachedItems) return;
  await store.clear();
  for (const [key, value] of merged) await store.put(value, key);
}

async function setOpened(opened: WritableStore<'opened'>, room: string): Promise<void> {
  await opened.put(Math.max(0, ...(await opened.getAll())) + 1, room);
}

// What is read was written by some version of this program, or by nobody knows whom.

function isRoom(value: unknown): value is RoomListItem {
  const item = value as Partial<RoomListItem> | undefined;
  return typeof item?.room?.rev === 'number' && typeof item.membership === 'object';
}

function isDraft(value: unknown): value is CachedDraft {
  const draft = value as Partial<CachedDraft> | undefined;
  return typeof draft?.room === 'string' && typeof draft.text === 'string' && typeof draft.updatedAt === 'number';
}

function isUser(value: unknown): value is Profile {
  return typeof (value as Partial<User> | undefined)?.id === 'string';
}

function isPosition(value: unknown): value is ChannelPosition {
  const position = value as Partial<ChannelPosition> | undefined;
  return typeof position?.offset === 'number' && typeof position.epoch === 'string';
}

function isTimeline(value: unknown): value is CachedTimeline {
  const timeline = value as Partial<CachedTimeline> | undefined;
  return (
    isPosition(timeline?.position) && Array.isArray(timeline?.messages) && typeof timeline.ownReactions === 'object'
  );
}
