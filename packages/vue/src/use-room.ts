/** Composables for one room and one thread. Opened with the component, closed with it. */
import type {
  ChatRoom,
  ChatThread,
  MembersView,
  Message,
  MessagesView,
  ReceiptsView,
  RoomView,
  ThreadView,
  Timeline,
} from '@tidings/client';
import {
  computed,
  shallowRef,
  toValue,
  watch,
  type MaybeRefOrGetter,
  type ShallowRef,
  type WritableComputedRef,
} from 'vue';
import { useChat } from './use-chat.ts';
import { useStore } from './use-store.ts';

const noMessages: MessagesView = {
  messages: [],
  hasBefore: false,
  hasAfter: false,
  status: 'loading',
  isLoadingBefore: false,
  isLoadingAfter: false,
};
const noMembers: MembersView = { members: [], hasMore: false, status: 'loading' };
const noReceipts: ReceiptsView = { read: new Map(), delivered: new Map() };
const nobody: readonly string[] = [];

type Opened<T> = Readonly<ShallowRef<T | undefined>>;
type MaybeOpened<T> = MaybeRefOrGetter<T | undefined>;

/** Opens what `key` names, closes it when that names another or the scope ends. */
function useHandle<K, T extends { close(): Promise<void> }>(key: () => K | undefined, open: (key: K) => T): Opened<T> {
  const handle = shallowRef<T>();
  watch(
    key,
    (current, _before, onCleanup) => {
      if (current === undefined) {
        handle.value = undefined;
        return;
      }
      const opened = open(current);
      onCleanup(() => void opened.close());
      handle.value = opened;
    },
    { immediate: true, flush: 'sync' },
  );
  return handle;
}

/** The room, live while the component is there; undefined without an id. */
export function useRoom(id: MaybeRefOrGetter<string | undefined>): Opened<ChatRoom> {
  const chat = useChat();
  return useHandle(
    () => toValue(id),
    (room) => chat.room(room),
  );
}

/** The thread under a message, live while the component is there. */
export function useThread(
  room: MaybeOpened<ChatRoom>,
  threadSeq: MaybeRefOrGetter<number | undefined>,
): Opened<ChatThread> {
  const parts = computed(() => ({ room: toValue(room), seq: toValue(threadSeq) }));
  return useHandle(
    () => (parts.value.room === undefined || parts.value.seq === undefined ? undefined : parts.value),
    ({ room: opened, seq }) => (opened as ChatRoom).thread(seq as number),
  );
}

/** The messages of a room or thread, and what there is before and after them. */
export const useMessages = (timeline: MaybeOpened<Timeline>): Readonly<ShallowRef<MessagesView>> =>
  useStore(() => toValue(timeline)?.messages, noMessages);

/** Ids of who is typing, without the user. */
export const useTyping = (timeline: MaybeOpened<Timeline>): Readonly<ShallowRef<readonly string[]>> =>
  useStore(() => toValue(timeline)?.typing, nobody);

/** What was begun and not sent; for `v-model`. */
export function useDraft(timeline: MaybeOpened<Timeline>): WritableComputedRef<string> {
  const draft = useStore(() => toValue(timeline)?.draft, '');
  return computed({ get: () => draft.value, set: (text) => toValue(timeline)?.setDraft(text) });
}

/** What is known of an opened room; undefined while nothing is. */
export const useOpenRoomView = (room: MaybeOpened<ChatRoom>): Opened<RoomView> =>
  useStore(() => toValue(room)?.view, undefined);

/** Who is in the room, in pages. */
export const useMembers = (room: MaybeOpened<ChatRoom>): Readonly<ShallowRef<MembersView>> =>
  useStore(() => toValue(room)?.members, noMembers);

/** How far the others have read, and have it on a device. */
export const useReceipts = (room: MaybeOpened<ChatRoom>): Readonly<ShallowRef<ReceiptsView>> =>
  useStore(() => toValue(room)?.receipts, noReceipts);

/** Pinned messages, the latest pinned first. */
export const usePins = (room: MaybeOpened<ChatRoom>): Readonly<ShallowRef<readonly Message[]>> =>
  useStore(() => toValue(room)?.pins, []);

/** Threads of the room that the user follows. */
export const useThreads = (room: MaybeOpened<ChatRoom>): Readonly<ShallowRef<readonly ThreadView[]>> =>
  useStore(() => toValue(room)?.threads, []);

/** What is known of an opened thread. */
export const useThreadView = (thread: MaybeOpened<ChatThread>): Opened<ThreadView> =>
  useStore(() => toValue(thread)?.view, undefined);

/** Why the room is no longer there for the user, if it is so. */
export const useGone = (room: MaybeOpened<ChatRoom>): Opened<{ readonly code: number; readonly message: string }> =>
  useStore(() => toValue(room)?.gone, undefined);
