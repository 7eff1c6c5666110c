/** Public exports of `@tidings/vue`. */
export { provideTidings, useTidings, type TidingsSource } from './context.ts';
export { useStore, useStores } from './use-store.ts';
export {
  useAttachmentUrl,
  useChat,
  useConnection,
  useMe,
  useName,
  useNotices,
  useOutgoing,
  usePresence,
  useProfile,
  useRooms,
  useRoomView,
  useUnread,
  useUser,
  useUsers,
} from './use-chat.ts';
export {
  useDraft,
  useGone,
  useMembers,
  useMessages,
  useOpenRoomView,
  usePins,
  useReceipts,
  useRoom,
  useThread,
  useThreads,
  useThreadView,
  useTyping,
} from './use-room.ts';
