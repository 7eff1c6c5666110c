/** Hooks for one room and one thread. Opened with the component, closed with it. */
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
import { useState } from 'react';
import { useChat } from './use-chat.ts';
import { useBrowserLayoutEffect } from './use-layout-effect.ts';
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
const none: readonly never[] = [];

interface Handle {
  close(): Promise<void>;
}

/**
 * Opens with the component and closes with it, as often as React mounts it. Handles are opened in an effect: a render
 * that React throws away would leave one open.
 */
function useHandle<T extends Handle>(open: (() => T) | undefined, deps: readonly unknown[]): T | undefined {
  const [current, setCurrent] = useState<{ handle: T; deps: readonly unknown[] }>();
  useBrowserLayoutEffect(() => {
    if (open === undefined) {
      // Or what is closed by now would be given when the same is wanted again.
      setCurrent(undefined);
      return undefined;
    }
    const handle = open();
    setCurrent({ handle, deps });
    return () => void handle.close();
  }, deps);
  const isCurrent = open !== undefined && current?.deps.every((value, i) => Object.is(value, deps[i]));
  return isCurrent ? current?.handle : undefined;
}

/** The room, live while the component is there; undefined for the first render and without an id. */
export function useRoom(id: string | undefined): ChatRoom | undefined {
  const chat = useChat();
  return useHandle(id === undefined ? undefined : () => chat.room(id), [chat, id]);
}

/** The thread under a message, live while the component is there. */
export function useThread(room: ChatRoom | undefined, threadSeq: number | undefined): ChatThread | undefined {
  const open = room === undefined || threadSeq === undefined ? undefined : () => room.thread(threadSeq);
  return useHandle<ChatThread>(open, [room, threadSeq]);
}

/** The messages of a room or thread, and what there is before and after them. */
export const useMessages = (timeline: Timeline | undefined): MessagesView => useStore(timeline?.messages, noMessages);

/** Ids of who is typing, without the user. */
export const useTyping = (timeline: Timeline | undefined): readonly string[] => useStore(timeline?.typing, nobody);

/** What was begun and not sent, and how to change it. */
export function useDraft(timeline: Timeline | undefined): readonly [string, (text: string) => void] {
  return [useStore(timeline?.draft, ''), (text) => timeline?.setDraft(text)];
}

/** What is known of an opened room; undefined while nothing is. */
export const useOpenRoomView = (room: ChatRoom | undefined): RoomView | undefined => useStore(room?.view, undefined);

/** Who is in the room, in pages. */
export const useMembers = (room: ChatRoom | undefined): MembersView => useStore(room?.members, noMembers);
/** How far the others have read, and have it on a device. */
export const useReceipts = (room: ChatRoom | undefined): ReceiptsView => useStore(room?.receipts, noReceipts);
/** Pinned messages, the latest pinned first. */
export const usePins = (room: ChatRoom | undefined): readonly Message[] => useStore(room?.pins, none);
/** Threads of the room that the user follows. */
export const useThreads = (room: ChatRoom | undefined): readonly ThreadView[] => useStore(room?.threads, none);
/** What is known of an opened thread. */
export const useThreadView = (thread: ChatThread | undefined): ThreadView | undefined =>
  useStore(thread?.view, undefined);

/** Why the room is no longer there for the user, if it is so. */
export const useGone = (room: ChatRoom | undefined): { readonly code: number; readonly message: string } | undefined =>
  useStore(room?.gone, undefined);
