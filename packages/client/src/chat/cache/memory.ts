/** A cache for as long as the program runs: in Node and React Native, and where a browser gives no storage. */
import type { ChannelPosition } from '../../connection/connection.ts';
import type { Profile, RoomListItem, User } from '../publications.ts';
import {
  type CachedDraft,
  type CachedTimeline,
  type ChatCache,
  maxCachedItems,
  maxCachedTimelines,
} from './chat-cache.ts';
import { isDraftLeft, mergeDraft, mergePosition, mergeRoom, mergeTimeline } from './merge.ts';

export function createMemoryCache(): ChatCache {
  const rooms = new Map<string, RoomListItem>();
  const users = new Map<string, User>();
  const drafts = new Map<string, CachedDraft>();
  /** Opened least recently first. */
  const timelines = new Map<string, CachedTimeline>();
  let profile: Profile | undefined;
  let position: ChannelPosition | undefined;

  return {
    async load() {
      return {
        rooms: [...rooms.values()],
        drafts: [...drafts.values()].filter(isDraftLeft),
        users: [...users.values()],
        ...(profile && { profile }),
        ...(position && { position }),
      };
    },
    async timeline(room) {
      const timeline = timelines.get(room);
      if (timeline) {
        timelines.delete(room);
        timelines.set(room, timeline);
      }
      return timeline;
    },
    async putRooms(items) {
      for (const item of items) put(rooms, item.room.id, mergeRoom(rooms.get(item.room.id), item));
    },
    async removeRooms(gone) {
      for (const room of gone) {
        rooms.delete(room);
        timelines.delete(room);
        for (const [key, draft] of drafts) if (draft.room === room) drafts.delete(key);
      }
    },
    async putTimeline(room, timeline, how) {
      timelines.set(room, mergeTimeline(how === 'merge' ? timelines.get(room) : undefined, timeline));
      for (const oldest of timelines.keys()) {
        if (timelines.size <= maxCachedTimelines) break;
        timelines.delete(oldest);
      }
    },
    async putDraft(draft) {
      const key = JSON.stringify([draft.room, draft.threadSeq]);
      put(drafts, key, mergeDraft(drafts.get(key), draft));
    },
    async putUsers(some) {
      for (const user of some) put(users, user.id, user);
    },
    async putProfile(next) {
      profile = next;
    },
    async putPosition(next) {
      position = mergePosition(position, next);
    },
    async clear() {
      for (const map of [rooms, users, drafts, timelines]) map.clear();
      profile = undefined;
      position = undefined;
    },
    async [Symbol.asyncDispose]() {},
  };
}

function put<T>(map: Map<string, T>, key: string, value: T): void {
  if (map.size >= maxCachedItems && !map.has(key)) map.clear();
  map.set(key, value);
}
