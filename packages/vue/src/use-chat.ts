/** Composables for what is not of one room: the connection, the list of rooms, people. */
import type {
  Attachment,
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
import {
  computed,
  onScopeDispose,
  shallowRef,
  toValue,
  watch,
  type ComputedRef,
  type MaybeRefOrGetter,
  type ShallowRef,
} from 'vue';
import { useTidings } from './context.ts';
import { useStore, useStores } from './use-store.ts';

/** The chat of the client, for everything that is done: `useChat().join(room)`. */
export const useChat = (): Chat => useTidings().chat;

/** Whether there is a connection, since when, and why not. */
export const useConnection = (): Readonly<ShallowRef<ConnectionState>> => useStore(useTidings().connection.state);

/** Id of the user; undefined before the first token. */
export const useMe = (): Readonly<ShallowRef<string | undefined>> => useStore(useChat().me);

/** The user's own profile, with what only they see of it. */
export const useProfile = (): Readonly<ShallowRef<Profile | undefined>> => useStore(useChat().profile);

/** The list of rooms. */
export const useRooms = (): Readonly<ShallowRef<RoomsView>> => useStore(useChat().rooms);

/** Totals for badges. */
export const useUnread = (): Readonly<ShallowRef<UnreadView>> => useStore(useChat().unread);

/** How many messages wait to be sent. */
export const useOutgoing = (): Readonly<ShallowRef<number>> => useStore(useChat().outgoing);

/** One line of the list of rooms, without opening the room. */
export function useRoomView(id: MaybeRefOrGetter<string | undefined>): ComputedRef<RoomView | undefined> {
  const list = useRooms();
  return computed(() => {
    const { rooms, archived, invites } = list.value;
    const has = (room: RoomView): boolean => room.id === toValue(id);
    return rooms.find(has) ?? archived.find(has) ?? invites.find(has);
  });
}

/** The profile of a user; undefined while it is not known. */
export function useUser(id: MaybeRefOrGetter<string | undefined>): Readonly<ShallowRef<User | undefined>> {
  const chat = useChat();
  return useStore(() => storeOf(id, (user) => chat.user(user)), undefined);
}

/** Several profiles at once, in the order of the ids. */
export function useUsers(
  ids: MaybeRefOrGetter<readonly string[]>,
): Readonly<ShallowRef<readonly (User | undefined)[]>> {
  const chat = useChat();
  return useStores(() => toValue(ids).map((id) => chat.user(id)));
}

/** What a user is called: their name, or their id while nothing else is known. */
export function useName(id: MaybeRefOrGetter<string>): ComputedRef<string> {
  const user = useUser(id);
  return computed(() => user.value?.name ?? toValue(id));
}

/** Whether a user is online; live while the component is there. */
export function usePresence(
  user: MaybeRefOrGetter<string | undefined>,
): Readonly<ShallowRef<PresenceView | undefined>> {
  const chat = useChat();
  return useStore(() => storeOf(user, (id) => chat.presence(id)), undefined);
}

/** Calls `listener` with what is to be told to the person; once, however many tabs are open. */
export function useNotices(listener: (notice: ChatNotice) => void): void {
  onScopeDispose(useChat().onNotice(listener));
}

/** How often a link that is shown is looked after; the client keeps those that still work. */
const renewMs = 4 * 60_000;

/** A link that works without a token, for `<img>` and `<a>`; undefined until it is there. */
export function useAttachmentUrl(
  attachment: MaybeRefOrGetter<Attachment | undefined>,
): Readonly<ShallowRef<string | undefined>> {
  const chat = useChat();
  const url = shallowRef<string>();
  watch(
    () => toValue(attachment),
    (current, _before, onCleanup) => {
      url.value = undefined;
      if (current === undefined) return;
      let isWanted = true;
      const ask = (): void => {
        chat.attachmentUrl(current).then(
          (found) => isWanted && (url.value = found),
          // Without a link the place stays as it is.
          () => {},
        );
      };
      ask();
      const timer = setInterval(ask, renewMs);
      onCleanup(() => {
        isWanted = false;
        clearInterval(timer);
      });
    },
    { immediate: true },
  );
  return url;
}

function storeOf<T>(id: MaybeRefOrGetter<string | undefined>, find: (id: string) => T): T | undefined {
  const value = toValue(id);
  return value === undefined ? undefined : find(value);
}
