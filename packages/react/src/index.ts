/** Public exports of `@tidings/react`. Styles: `@tidings/react/styles.css`. */
export { TidingsProvider, type TidingsProviderProps } from './provider.tsx';
export { useFormats, useLabels, useTidings, type TidingsContextValue, type TidingsSource } from './context.ts';
export { createFormats, type Formats } from './formats.ts';
export { englishLabels, type Labels } from './labels.ts';
export { useConversation, type Composing, type Conversation } from './conversation.ts';

export {
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
} from './hooks/use-chat.ts';
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
} from './hooks/use-room.ts';
export { useAttachmentUrl } from './hooks/use-attachment-url.ts';
export { useFindUsers, type FindUsersOptions, type FindUsersState } from './hooks/use-find-users.ts';
export { useNow } from './hooks/use-now.ts';
export { useSearch, type SearchOptions, type SearchResult, type SearchState } from './hooks/use-search.ts';
export { useStore, useStores } from './hooks/use-store.ts';

export { Avatar, type AvatarProps } from './components/avatar.tsx';
export { Composer, type ComposerProps } from './components/composer.tsx';
export { ConnectionBanner, type ConnectionBannerProps } from './components/connection-banner.tsx';
export { emojiGroups, quickReactions, type EmojiGroup } from './text/emoji.ts';
export { EmojiPicker, type EmojiPickerProps } from './components/emoji-picker.tsx';
export { Icon, type IconName, type IconProps } from './components/icon.tsx';
export { MemberList, type MemberListProps } from './components/member-list.tsx';
export {
  MessageList,
  type MessageListHandle,
  type MessageListProps,
  type MessagePlace,
} from './components/message-list.tsx';
export { Message, type MessageProps } from './components/message.tsx';
export { MessageText, type MessageTextProps } from './components/message-text.tsx';
export { Poll, type PollProps } from './components/poll.tsx';
export { PollComposer, type PollComposerProps } from './components/poll-composer.tsx';
export { Presence, type PresenceProps } from './components/presence.tsx';
export { Room, type RoomProps } from './components/room.tsx';
export { RoomHeader, type RoomHeaderProps } from './components/room-header.tsx';
export { RoomList, type RoomListProps } from './components/room-list.tsx';
export { RoomListItem, type RoomListItemProps } from './components/room-list-item.tsx';
export { SearchPanel, type SearchPanelProps } from './components/search-panel.tsx';
export { Thread, type ThreadProps } from './components/thread.tsx';
export { TypingIndicator, type TypingIndicatorProps } from './components/typing-indicator.tsx';
export { UnreadBadge, type UnreadBadgeProps } from './components/unread-badge.tsx';
