/** Hooks for what is not of one room: the connection, the list of rooms, people. Each shows one store of the client. */
import type {
  Chat,
  ChatNotice,
  ConnectionState,
  PresenceView,
  Profile,
  RoomsView,
  RoomView,
  UnreadView,
  User,
} from '@tidings/client';
import { useEffect, useMemo, useRef } from 'react';
import { useTidings } from '../context.ts';
import { useStore, useStores } from './use-store.ts';

/** The chat of the client, for everything that is done: `useChat().join(room)`. */
export const useChat = (): Chat => useTidings().source.chat;

/** Whether there is a connection, since when, and why not. */
export const useConnection = (): ConnectionState => useStore(useTidings().source.connection.state);

/** Id of the user; undefined before the first token. */
export const useMe = (): string | undefined => useStore(useChat().me);

/** The user’s own profile, with what only they see of it. */
export const useProfile = (): Profile | undefined => useStore(useChat().profile);
/** The list of rooms. */
export const useRooms = (): RoomsView => useStore(useChat().rooms);
/** Totals for badges. */
export const useUnread = (): UnreadView => useStore(useChat().unread);

/** How many messages wait to be sent. */
export const useOutgoing = (): number => useStore(useChat().outgoing);

/** One line of the list of rooms, without opening the room. */
export function useRoomView(id: string | undefined): RoomView | undefined {
  const { rooms, archived, invites } = useRooms();
  const has = (room: RoomView): boolean => room.id === id;
  return rooms.find(has) ?? archived.find(has) ?? invites.find(has);
}

/** The profile of a user; undefined while it is not known. */
export function useUser(id: string | undefined): User | undefined {
  const chat = useChat();
  return useStore(
    useMemo(() => (id === undefined ? undefined : chat.user(id)), [chat, id]),
    undefined,
  );
}

/** Several profiles at once, in the order of the ids. */
export function useUsers(ids: readonly string[]): readonly (User | undefined)[] {
  const chat = useChat();
  // Ids hold no spaces, so that this says whether they are the same ones.
  const key = ids.join(' ');
  const stores = useMemo(() => (key === '' ? [] : key.split(' ').map((id) => chat.user(id))), [chat, key]);
  return useStores(stores);
}

/** What a user is called: their name, or their id while nothing else is known. */
export function useName(id: string): string {
  return useUser(id)?.name ?? id;
}

/** Live while the component is there. */
export function usePresence(user: string | undefined): PresenceView | undefined {
  const chat = useChat();
  return useStore(
    useMemo(() => (user === undefined ? undefined : chat.presence(user)), [chat, user]),
    undefined,
  );
}

/** Calls `listener` with what is to be told to the person; once, however many tabs are open. */
export function useNotices(listener: (notice: ChatNotice) => void): void {
  const chat = useChat();
  const latest = useRef(listener);
  useEffect(() => {
    latest.current = listener;
  });
  useEffect(() => chat.onNotice((notice) => latest.current(notice)), [chat]);
}
