/** Every word that the components say, in one place, so that one object translates them all. */
import type { TidingsError } from '@tidings/client';

/** The words in English; `TidingsProvider` takes others in their place. */
export const englishLabels = {
  // Connection
  connecting: 'Connecting…',
  reconnecting: 'Reconnecting…',
  offline: 'You are offline. What you write is sent when you are back.',
  offlineWaiting: (count: number) =>
    count === 1
      ? 'You are offline. 1 message is sent when you are back.'
      : `You are offline. ${count} messages are sent when you are back.`,
  backOnline: 'Back online',
  closed: 'The connection was closed.',

  // Rooms
  rooms: 'Conversations',
  noRooms: 'No conversations yet',
  invites: 'Invitations',
  archivedRooms: 'Archived',
  acceptInvite: 'Join',
  declineInvite: 'Decline',
  pinned: 'Pinned',
  muted: 'Muted',
  draft: 'Draft',
  unreadCount: (count: number) => (count === 1 ? '1 unread message' : `${count} unread messages`),
  mentionCount: (count: number) => (count === 1 ? '1 mention' : `${count} mentions`),
  you: 'You',
  untitledRoom: 'Conversation',
  memberCount: (count: number) => (count === 1 ? '1 member' : `${count} members`),
  loading: 'Loading…',
  failedToLoad: 'This could not be loaded.',
  tryAgain: 'Try again',

  // Messages
  messages: 'Messages',
  messagesOf: (title: string) => `Messages in ${title}`,
  noMessages: 'Nothing here yet. Say hello!',
  beginning: 'This is the beginning.',
  newMessages: 'New',
  jumpToLatest: 'Jump to the latest message',
  newBelow: (count: number) => (count === 1 ? '1 new message' : `${count} new messages`),
  jumpToUnread: 'Jump to the first unread message',
  unreadAbove: (count: number) => (count === 1 ? '1 new message' : `${count} new messages`),
  messageBy: (name: string, time: string, text: string) => `${name}, ${time}: ${text}`,
  announce: (name: string, text: string) => `${name}: ${text}`,
  edited: 'edited',
  deleted: 'This message was deleted',
  replyTo: (name: string) => `In reply to ${name}`,
  showQuoted: 'Show the quoted message',
  quotedUnknown: 'Earlier message',
  replies: (count: number) => (count === 1 ? '1 reply' : `${count} replies`),
  reactWith: (emoji: string) => `React with ${emoji}`,
  reaction: (emoji: string, count: number, isOwn: boolean) =>
    `${emoji}, ${count === 1 ? '1 reaction' : `${count} reactions`}${isOwn ? ', one of them yours' : ''}`,
  addReaction: 'Add a reaction',
  pinnedMessage: 'Pinned',
  showMore: 'Show more',
  showLess: 'Show less',
  sending: 'Sending',
  sent: 'Sent',
  delivered: 'Delivered',
  read: 'Read',
  failed: 'Not sent',
  failure: (error: TidingsError) => error.message,
  retry: 'Send again',
  discard: 'Discard',

  // Actions
  moreActions: 'More actions',
  reply: 'Reply',
  replyInThread: 'Reply in thread',
  edit: 'Edit',
  delete: 'Delete',
  deleteQuestion: 'Delete this message for everybody?',
  copyText: 'Copy text',
  pin: 'Pin',
  unpin: 'Unpin',
  markUnread: 'Mark as unread',
  cancel: 'Cancel',
  close: 'Close',
  actionFailed: (error: TidingsError) => `That did not work: ${error.message}`,

  // Attachments
  image: (name: string) => `Image ${name}`,
  openImage: (name: string) => `Open image ${name}`,
  download: 'Download',
  photo: 'Photo',
  uploading: (name: string) => `Uploading ${name}`,
  removeFile: (name: string) => `Remove ${name}`,

  // Composer
  writeMessage: 'Write a message',
  writeTo: (title: string) => `Message ${title}`,
  writeReply: 'Reply',
  send: 'Send',
  save: 'Save',
  attachFiles: 'Attach files',
  dropFiles: 'Drop files to attach them',
  tooManyFiles: (max: number) => `At most ${max} files can be sent with one message.`,
  fileTooLarge: (name: string, limit: string) => `${name} is larger than ${limit}.`,
  insertEmoji: 'Insert an emoji',
  editing: 'Editing a message',
  replyingTo: (name: string) => `Replying to ${name}`,
  suggestions: 'Suggestions',
  suggestionCount: (count: number) => (count === 1 ? '1 suggestion' : `${count} suggestions`),
  everybodyHere: 'Everybody who is online',
  everybody: 'Everybody in this conversation',
  slowMode: (seconds: number) => `Slow mode: you can write again in ${seconds} s.`,
  frozen: 'Only moderators can write here right now.',
  readOnly: 'You can read here, but not write.',
  notMember: 'Join this conversation to write.',
  join: 'Join',
  gone: 'This conversation is no longer available.',

  // Emoji
  searchEmoji: 'Search emoji',
  noEmoji: 'No emoji found',

  // Threads
  thread: 'Thread',
  closeThread: 'Close the thread',
  follow: 'Follow',
  unfollow: 'Unfollow',
  noReplies: 'No replies yet',

  // People
  typing: (names: readonly string[]) =>
    names.length === 1
      ? `${names[0]} is typing…`
      : names.length === 2
        ? `${names[0]} and ${names[1]} are typing…`
        : 'Several people are typing…',
  online: 'Online',
  offlineUser: 'Offline',
  lastSeen: (ago: string) => `Last seen ${ago}`,
  members: 'Members',
  roles: { owner: 'Owner', admin: 'Admin', moderator: 'Moderator', member: 'Member', guest: 'Guest' },
  invited: 'Invited',
  showMoreMembers: 'Show more members',

  // Search
  searchMessages: 'Search messages',
  noResults: 'Nothing found',
  resultCount: (count: number) => (count === 1 ? '1 result' : `${count} results`),
  moreResults: 'More results',

  // Polls
  poll: 'Poll',
  createPoll: 'Create a poll',
  question: 'Question',
  option: (number: number) => `Option ${number}`,
  addOption: 'Add an option',
  removeOption: (number: number) => `Remove option ${number}`,
  multipleChoice: 'Several answers',
  anonymousPoll: 'Anonymous',
  votes: (count: number) => (count === 1 ? '1 vote' : `${count} votes`),
  voters: (count: number) => (count === 1 ? '1 person voted' : `${count} people voted`),
  pollClosed: 'Closed',
  pollCloses: (when: string) => `Closes ${when}`,
  closePoll: 'Close the poll',
};

/** Every word that the components say. */
export type Labels = typeof englishLabels;
