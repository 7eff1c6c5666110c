/** Made by `npm run generate` from the schemas of the server. Do not edit. Times are Unix milliseconds. */

/** A room, as everybody in it sees it. */
export interface Room {
  readonly id: string;
  readonly kind: 'direct' | 'group' | 'public' | 'broadcast' | 'livestream';
  readonly name?: string | undefined;
  readonly topic?: string | undefined;
  readonly data?: unknown;
  readonly createdBy: string;
  readonly createdAt: number;
  readonly lastSeq: number;
  readonly lastAt: number;
  readonly rev: number;
  readonly countable: number;
  readonly memberCount: number;
  readonly frozen?: boolean | undefined;
  readonly slowMs?: number | undefined;
  readonly retentionMs?: number | undefined;
  readonly deletedAt?: number | undefined;
}

/** Somebody in a room, or who was. */
export interface Member {
  readonly room: string;
  readonly user: string;
  readonly role: 'owner' | 'admin' | 'moderator' | 'member' | 'guest';
  readonly joinedAt: number;
  readonly state: 'member' | 'invited' | 'left' | 'kicked';
}

/** What a user has with a room: role, read mark, settings. */
export interface Membership {
  readonly room: string;
  readonly user: string;
  readonly role: 'owner' | 'admin' | 'moderator' | 'member' | 'guest';
  readonly joinedAt: number;
  readonly state: 'member' | 'invited' | 'left' | 'kicked';
  readonly readSeq: number;
  readonly deliveredSeq: number;
  readonly readCountable: number;
  readonly unread: number;
  readonly mentions: number;
  readonly pinned?: boolean | undefined;
  readonly archived?: boolean | undefined;
  readonly muteUntil?: number | undefined;
  readonly notify?: 'all' | 'mentions' | 'none' | undefined;
}

/** Whom a message names. */
export interface Mentions {
  readonly users?: readonly string[] | undefined;
  readonly here?: boolean | undefined;
  readonly room?: boolean | undefined;
}

/** A file of a message. */
export interface Attachment {
  readonly id: string;
  readonly name: string;
  readonly contentType: string;
  readonly bytes: number;
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  readonly url: string;
}

/** A poll, with the votes so far. */
export interface Poll {
  readonly question: string;
  readonly options: readonly {
    readonly id: string;
    readonly text: string;
    readonly votes: number;
  }[];
  readonly multiple?: boolean | undefined;
  readonly anonymous?: boolean | undefined;
  readonly closesAt?: number | undefined;
  readonly closedAt?: number | undefined;
  readonly voters: number;
}

/** A message as the server has it. */
export interface Message {
  readonly room: string;
  readonly seq: number;
  readonly id: string;
  readonly sender: string;
  readonly clientId?: string | undefined;
  readonly kind: 'text' | 'system' | 'poll' | 'hidden';
  readonly text?: string | undefined;
  readonly data?: unknown;
  readonly threadSeq?: number | undefined;
  readonly replySeq?: number | undefined;
  readonly thread?:
    | {
        readonly count: number;
        readonly lastSeq: number;
        readonly lastAt: number;
      }
    | undefined;
  readonly mentions?: Mentions | undefined;
  readonly attachments?: readonly Attachment[] | undefined;
  readonly reactions?: Readonly<Record<string, number>> | undefined;
  readonly poll?: Poll | undefined;
  readonly previews?:
    | readonly {
        readonly url: string;
        readonly title?: string | undefined;
        readonly description?: string | undefined;
        readonly siteName?: string | undefined;
      }[]
    | undefined;
  readonly silent?: boolean | undefined;
  readonly pinnedAt?: number | undefined;
  readonly version: number;
  readonly createdAt: number;
  readonly editedAt?: number | undefined;
  readonly deletedAt?: number | undefined;
  readonly rev: number;
}

/** A line of the list of rooms of a user. */
export interface RoomListItem {
  readonly room: Room;
  readonly membership: Membership;
  readonly lastMessage?: Message | undefined;
  readonly peer?: string | undefined;
}

/** What a user has begun to write. */
export interface Draft {
  readonly room: string;
  readonly threadSeq?: number | undefined;
  readonly text: string;
  readonly updatedAt: number;
}

/** Every command of chat by its name: what it takes, and what it answers. */
export interface ChatApi {
  /** Asks to upload a file for a message in a room. Its bytes are sent by POST to the URL, as they are. */
  upload: {
    input: {
      readonly room: string;
      readonly name: string;
      readonly bytes: number;
      readonly contentType?: string | undefined;
    };
    output: {
      readonly id: string;
      readonly url: string;
      readonly expiresAt: number;
    };
  };
  /** Links to attachments that work for an hour without a token, as `<img>` needs them. */
  attachmentUrls: {
    input: {
      readonly ids: readonly string[];
    };
    output: {
      readonly urls: readonly {
        readonly id: string;
        readonly url: string;
        readonly expiresAt: number;
      }[];
      readonly missing: readonly string[];
    };
  };
  /** Keeps what the user has begun to write in a room or thread, for all their devices. */
  setDraft: {
    input: {
      readonly room: string;
      readonly threadSeq?: number | undefined;
      readonly text: string;
    };
    output: {
      readonly draft: Draft;
    };
  };
  /** All drafts of the user, the latest first; there are at most `chat.limits.drafts`. */
  drafts: {
    input: Readonly<Record<string, never>>;
    output: {
      readonly drafts: readonly Draft[];
    };
  };
  /** Joins a room. Its history can be read; nothing of it is unread. */
  join: {
    input: {
      readonly room: string;
    };
    output: {
      readonly item: RoomListItem;
      readonly replayed?: boolean | undefined;
    };
  };
  /** Leaves a room. When the last owner leaves, the highest and longest member becomes owner. */
  leave: {
    input: {
      readonly room: string;
    };
    output: Readonly<Record<string, never>>;
  };
  /** Brings users into a room, or asks them; all of them or none. */
  invite: {
    input: {
      readonly room: string;
      readonly users: readonly string[];
      readonly ask?: boolean | undefined;
    };
    output: {
      readonly members: readonly Member[];
    };
  };
  /** Joins a room that the user was invited to. */
  acceptInvite: {
    input: {
      readonly room: string;
    };
    output: {
      readonly item: RoomListItem;
      readonly replayed?: boolean | undefined;
    };
  };
  /** Declines an invitation. */
  declineInvite: {
    input: {
      readonly room: string;
    };
    output: Readonly<Record<string, never>>;
  };
  /** Removes a member, who comes back only when invited; or withdraws an invitation. */
  kick: {
    input: {
      readonly room: string;
      readonly user: string;
    };
    output: Readonly<Record<string, never>>;
  };
  /** Gives a member another role. */
  changeRole: {
    input: {
      readonly room: string;
      readonly user: string;
      readonly role: 'owner' | 'admin' | 'moderator' | 'member' | 'guest';
    };
    output: {
      readonly member: Member;
    };
  };
  /** Makes another member the owner; who was it becomes admin. */
  transfer: {
    input: {
      readonly room: string;
      readonly user: string;
    };
    output: {
      readonly member: Member;
    };
  };
  /** Who is in a room, by user id. */
  members: {
    input: {
      readonly room: string;
      readonly after?: string | undefined;
      readonly limit?: number | undefined;
      readonly role?: 'owner' | 'admin' | 'moderator' | 'member' | 'guest' | undefined;
      readonly state?: 'member' | 'invited' | 'kicked' | undefined;
    };
    output: {
      readonly members: readonly Member[];
      readonly hasMore: boolean;
    };
  };
  /** One member. */
  member: {
    input: {
      readonly room: string;
      readonly user: string;
    };
    output: {
      readonly member: Member;
    };
  };
  /** Puts a room at the top of the user’s list. */
  pinRoom: {
    input: {
      readonly room: string;
    };
    output: {
      readonly item: RoomListItem;
    };
  };
  /** Takes a room from the top of the user’s list. */
  unpinRoom: {
    input: {
      readonly room: string;
    };
    output: {
      readonly item: RoomListItem;
    };
  };
  /** Puts a room aside in the user’s list. It stays there whatever comes. */
  archiveRoom: {
    input: {
      readonly room: string;
    };
    output: {
      readonly item: RoomListItem;
    };
  };
  /** Brings an archived room back. */
  unarchiveRoom: {
    input: {
      readonly room: string;
    };
    output: {
      readonly item: RoomListItem;
    };
  };
  /** The user is not notified of a room, for a while or until it is lifted. */
  muteRoom: {
    input: {
      readonly room: string;
      readonly until?: number | undefined;
    };
    output: {
      readonly item: RoomListItem;
    };
  };
  /** The user is notified of a room again. */
  unmuteRoom: {
    input: {
      readonly room: string;
    };
    output: {
      readonly item: RoomListItem;
    };
  };
  /** What the user is notified of in a room. */
  setNotify: {
    input: {
      readonly room: string;
      readonly notify: 'all' | 'mentions' | 'none';
    };
    output: {
      readonly item: RoomListItem;
    };
  };
  /** Sends a message. Sending again with the same `clientId` returns the first message. */
  send: {
    input: {
      readonly room: string;
      readonly clientId?: string | undefined;
      readonly text?: string | undefined;
      readonly data?: unknown;
      readonly mentions?: Mentions | undefined;
      readonly attachments?: readonly string[] | undefined;
      readonly replySeq?: number | undefined;
      readonly threadSeq?: number | undefined;
      readonly silent?: boolean | undefined;
    };
    output: {
      readonly message: Message;
      readonly replayed?: boolean | undefined;
      readonly differs?: boolean | undefined;
    };
  };
  /** A page of messages, in the order of the room: the latest, or before, after or around a seq. */
  messages: {
    input: {
      readonly room: string;
      readonly before?: number | undefined;
      readonly after?: number | undefined;
      readonly around?: number | undefined;
      readonly limit?: number | undefined;
      readonly threadSeq?: number | undefined;
    };
    output: {
      readonly messages: readonly Message[];
      readonly hasBefore: boolean;
      readonly hasAfter: boolean;
      readonly own: readonly {
        readonly seq: number;
        readonly reactions: readonly string[];
        readonly votes: readonly string[];
      }[];
    };
  };
  /** One message. */
  message: {
    input: {
      readonly room: string;
      readonly seq: number;
    };
    output: {
      readonly message: Message;
      readonly own: {
        readonly seq: number;
        readonly reactions: readonly string[];
        readonly votes: readonly string[];
      };
    };
  };
  /** Replaces what a message says. What it said is kept as a former version. */
  edit: {
    input: {
      readonly room: string;
      readonly seq: number;
      readonly text?: string | null | undefined;
      readonly data?: unknown;
      readonly mentions?: Mentions | null | undefined;
      readonly expectedVersion?: number | undefined;
    };
    output: {
      readonly message: Message;
    };
  };
  /** Former versions of a message, the latest first; for who wrote it and for moderators. */
  versions: {
    input: {
      readonly room: string;
      readonly seq: number;
      readonly before?: number | undefined;
      readonly limit?: number | undefined;
    };
    output: {
      readonly versions: readonly {
        readonly version: number;
        readonly text?: string | undefined;
        readonly data?: unknown;
        readonly mentions?: Mentions | undefined;
        readonly editedBy: string;
        readonly editedAt: number;
      }[];
      readonly hasMore: boolean;
    };
  };
  /** Deletes a message for all. A tombstone stays in its place. */
  delete: {
    input: {
      readonly room: string;
      readonly seq: number;
    };
    output: {
      readonly message: Message;
    };
  };
  /** Adds a reaction to a message. */
  react: {
    input: {
      readonly room: string;
      readonly seq: number;
      readonly emoji: string;
    };
    output: {
      readonly message: Message;
      readonly own: {
        readonly seq: number;
        readonly reactions: readonly string[];
        readonly votes: readonly string[];
      };
    };
  };
  /** Takes a reaction back. */
  unreact: {
    input: {
      readonly room: string;
      readonly seq: number;
      readonly emoji: string;
    };
    output: {
      readonly message: Message;
      readonly own: {
        readonly seq: number;
        readonly reactions: readonly string[];
        readonly votes: readonly string[];
      };
    };
  };
  /** Who reacted to a message. */
  reactions: {
    input: {
      readonly room: string;
      readonly seq: number;
      readonly emoji?: string | undefined;
      readonly after?:
        | {
            readonly emoji: string;
            readonly user: string;
          }
        | undefined;
      readonly limit?: number | undefined;
    };
    output: {
      readonly reactions: readonly {
        readonly emoji: string;
        readonly user: string;
        readonly at: number;
      }[];
      readonly hasMore: boolean;
    };
  };
  /** Pins a message in its room. */
  pin: {
    input: {
      readonly room: string;
      readonly seq: number;
    };
    output: {
      readonly message: Message;
    };
  };
  /** Takes a message from the pinned ones. */
  unpin: {
    input: {
      readonly room: string;
      readonly seq: number;
    };
    output: {
      readonly message: Message;
    };
  };
  /** Pinned messages of a room, the latest pinned first. */
  pins: {
    input: {
      readonly room: string;
      readonly before?:
        | {
            readonly pinnedAt: number;
            readonly seq: number;
          }
        | undefined;
      readonly limit?: number | undefined;
    };
    output: {
      readonly messages: readonly Message[];
      readonly hasMore: boolean;
      readonly own: readonly {
        readonly seq: number;
        readonly reactions: readonly string[];
        readonly votes: readonly string[];
      }[];
    };
  };
  /** Messages of all rooms that mention the user, the latest first. */
  mentions: {
    input: {
      readonly before?: string | undefined;
      readonly limit?: number | undefined;
    };
    output: {
      readonly mentions: readonly Message[];
      readonly next?: string | undefined;
    };
  };
  /** Puts a user out of a room, or of all, for a while or until it is lifted. */
  ban: {
    input: {
      readonly room?: string | undefined;
      readonly user: string;
      readonly until?: number | undefined;
      readonly reason?: string | undefined;
    };
    output: {
      readonly restriction: {
        readonly room?: string | undefined;
        readonly user: string;
        readonly kind: 'ban' | 'mute' | 'shadow';
        readonly reason?: string | undefined;
        readonly until?: number | undefined;
        readonly createdBy: string;
        readonly createdAt: number;
      };
    };
  };
  /** Lifts a ban. The user comes back the usual way. */
  unban: {
    input: {
      readonly room?: string | undefined;
      readonly user: string;
    };
    output: Readonly<Record<string, never>>;
  };
  /** A user may read but not write. */
  mute: {
    input: {
      readonly room?: string | undefined;
      readonly user: string;
      readonly until?: number | undefined;
      readonly reason?: string | undefined;
    };
    output: {
      readonly restriction: {
        readonly room?: string | undefined;
        readonly user: string;
        readonly kind: 'ban' | 'mute' | 'shadow';
        readonly reason?: string | undefined;
        readonly until?: number | undefined;
        readonly createdBy: string;
        readonly createdAt: number;
      };
    };
  };
  /** Lets a user write again. */
  unmute: {
    input: {
      readonly room?: string | undefined;
      readonly user: string;
    };
    output: Readonly<Record<string, never>>;
  };
  /** Nobody but the user sees what they write, and they are not told. */
  shadowBan: {
    input: {
      readonly room?: string | undefined;
      readonly user: string;
      readonly until?: number | undefined;
      readonly reason?: string | undefined;
    };
    output: {
      readonly restriction: {
        readonly room?: string | undefined;
        readonly user: string;
        readonly kind: 'ban' | 'mute' | 'shadow';
        readonly reason?: string | undefined;
        readonly until?: number | undefined;
        readonly createdBy: string;
        readonly createdAt: number;
      };
    };
  };
  /** Others see again what a user writes from now on. */
  unshadow: {
    input: {
      readonly room?: string | undefined;
      readonly user: string;
    };
    output: Readonly<Record<string, never>>;
  };
  /** Restrictions that hold now, by room, user and kind. */
  restrictions: {
    input: {
      readonly room?: string | undefined;
      readonly user?: string | undefined;
      readonly kind?: 'ban' | 'mute' | 'shadow' | undefined;
      readonly after?:
        | {
            readonly room?: string | undefined;
            readonly user: string;
            readonly kind: 'ban' | 'mute' | 'shadow';
          }
        | undefined;
      readonly limit?: number | undefined;
    };
    output: {
      readonly restrictions: readonly {
        readonly room?: string | undefined;
        readonly user: string;
        readonly kind: 'ban' | 'mute' | 'shadow';
        readonly reason?: string | undefined;
        readonly until?: number | undefined;
        readonly createdBy: string;
        readonly createdAt: number;
      }[];
      readonly hasMore: boolean;
    };
  };
  /** Blocks a user: neither writes to the other in their direct room, mentions do not reach, and they see no presence. */
  block: {
    input: {
      readonly user: string;
    };
    output: Readonly<Record<string, never>>;
  };
  /** Lifts a block. */
  unblock: {
    input: {
      readonly user: string;
    };
    output: Readonly<Record<string, never>>;
  };
  /** Whom the user blocks, by user id. */
  blocks: {
    input: {
      readonly after?: string | undefined;
      readonly limit?: number | undefined;
    };
    output: {
      readonly blocks: readonly {
        readonly user: string;
        readonly since: number;
      }[];
      readonly hasMore: boolean;
    };
  };
  /** Brings a message or a user before who moderates. */
  report: {
    input: {
      readonly room: string;
      readonly seq?: number | undefined;
      readonly user?: string | undefined;
      readonly reason: string;
    };
    output: {
      readonly id: string;
    };
  };
  /** Reports, the oldest first. */
  reports: {
    input: {
      readonly room?: string | undefined;
      readonly state?: 'open' | 'resolved' | undefined;
      readonly after?: string | undefined;
      readonly limit?: number | undefined;
    };
    output: {
      readonly reports: readonly {
        readonly id: string;
        readonly room: string;
        readonly seq?: number | undefined;
        readonly message?: Message | undefined;
        readonly user?: string | undefined;
        readonly reporter: string;
        readonly reason: string;
        readonly state: 'open' | 'resolved';
        readonly resolution?: string | undefined;
        readonly resolvedBy?: string | undefined;
        readonly createdAt: number;
        readonly resolvedAt?: number | undefined;
      }[];
      readonly hasMore: boolean;
    };
  };
  /** Closes a report, and with it deletes the message or restricts whom it is about. */
  resolveReport: {
    input: {
      readonly id: string;
      readonly resolution: string;
      readonly delete?: boolean | undefined;
      readonly restrict?:
        | {
            readonly kind: 'ban' | 'mute' | 'shadow';
            readonly until?: number | undefined;
            readonly reason?: string | undefined;
          }
        | undefined;
    };
    output: {
      readonly report: {
        readonly id: string;
        readonly room: string;
        readonly seq?: number | undefined;
        readonly message?: Message | undefined;
        readonly user?: string | undefined;
        readonly reporter: string;
        readonly reason: string;
        readonly state: 'open' | 'resolved';
        readonly resolution?: string | undefined;
        readonly resolvedBy?: string | undefined;
        readonly createdAt: number;
        readonly resolvedAt?: number | undefined;
      };
    };
  };
  /** Sends a poll. Sending again with the same `clientId` returns the first one. */
  createPoll: {
    input: {
      readonly room: string;
      readonly clientId?: string | undefined;
      readonly question: string;
      readonly options: readonly string[];
      readonly multiple?: boolean | undefined;
      readonly anonymous?: boolean | undefined;
      readonly closesAt?: number | undefined;
      readonly silent?: boolean | undefined;
    };
    output: {
      readonly message: Message;
      readonly replayed?: boolean | undefined;
      readonly differs?: boolean | undefined;
    };
  };
  /** Replaces what the user chose; with no options, takes it back. */
  vote: {
    input: {
      readonly room: string;
      readonly seq: number;
      readonly options: readonly string[];
    };
    output: {
      readonly message: Message;
      readonly own: readonly string[];
    };
  };
  /** Who chose what, unless the poll is anonymous, and what the asker chose. */
  votes: {
    input: {
      readonly room: string;
      readonly seq: number;
      readonly option?: string | undefined;
      readonly after?:
        | {
            readonly user: string;
            readonly option: string;
          }
        | undefined;
      readonly limit?: number | undefined;
    };
    output: {
      readonly own: readonly string[];
      readonly votes: readonly {
        readonly option: string;
        readonly user: string;
        readonly at: number;
      }[];
      readonly hasMore: boolean;
    };
  };
  /** Closes a poll for good. */
  closePoll: {
    input: {
      readonly room: string;
      readonly seq: number;
    };
    output: {
      readonly message: Message;
    };
  };
  /** Everything that is kept of a user, in pages; for back ends only. */
  exportUser: {
    input: {
      readonly user: string;
      readonly cursor?: string | undefined;
      readonly limit?: number | undefined;
    };
    output: {
      readonly records: readonly {
        readonly type: string;
      }[];
      readonly next?: string | undefined;
    };
  };
  /** Erases a user, in the background; `chat.user.erased` says when it is done. For back ends only. */
  eraseUser: {
    input: {
      readonly user: string;
      readonly mode: 'anonymise' | 'delete';
    };
    output: {
      readonly replayed?: boolean | undefined;
    };
  };
  /** Makes a room. The same `id` by the same user, and a direct room of the same two users, give the room that is there. */
  createRoom: {
    input: {
      readonly kind: 'direct' | 'group' | 'public' | 'broadcast' | 'livestream';
      readonly id?: string | undefined;
      readonly name?: string | undefined;
      readonly topic?: string | undefined;
      readonly data?: unknown;
      readonly members?: readonly string[] | undefined;
      readonly peer?: string | undefined;
      readonly owner?: string | undefined;
    };
    output: {
      readonly room: Room;
      readonly item?: RoomListItem | undefined;
      readonly replayed?: boolean | undefined;
    };
  };
  /** A room, and what the user has with it. */
  room: {
    input: {
      readonly room: string;
    };
    output: {
      readonly room: Room;
      readonly membership?: Membership | undefined;
    };
  };
  /** Rooms that anybody may find: public ones, broadcasts and livestreams, the latest active first. */
  findRooms: {
    input: {
      readonly kind?: 'public' | 'broadcast' | 'livestream' | undefined;
      readonly query?: string | undefined;
      readonly before?:
        | {
            readonly lastAt: number;
            readonly id: string;
          }
        | undefined;
      readonly limit?: number | undefined;
    };
    output: {
      readonly rooms: readonly Room[];
      readonly next?:
        | {
            readonly lastAt: number;
            readonly id: string;
          }
        | undefined;
    };
  };
  /** Changes a room; what is left out stays. */
  changeRoom: {
    input: {
      readonly room: string;
      readonly name?: string | null | undefined;
      readonly topic?: string | null | undefined;
      readonly data?: unknown;
      readonly slowMs?: number | undefined;
      readonly retentionMs?: number | null | undefined;
      readonly frozen?: boolean | undefined;
    };
    output: {
      readonly room: Room;
    };
  };
  /** Deletes a room and everything in it, for all. */
  deleteRoom: {
    input: {
      readonly room: string;
    };
    output: Readonly<Record<string, never>>;
  };
  /** Has a message sent later. Whether the user may send is asked again then. */
  schedule: {
    input: {
      readonly room: string;
      readonly clientId?: string | undefined;
      readonly text?: string | undefined;
      readonly data?: unknown;
      readonly mentions?: Mentions | undefined;
      readonly attachments?: readonly string[] | undefined;
      readonly replySeq?: number | undefined;
      readonly threadSeq?: number | undefined;
      readonly silent?: boolean | undefined;
      readonly sendAt: number;
    };
    output: {
      readonly scheduled: {
        readonly id: string;
        readonly room: string;
        readonly sendAt: number;
        readonly text?: string | undefined;
        readonly data?: unknown;
        readonly mentions?: Mentions | undefined;
        readonly attachments?: readonly string[] | undefined;
        readonly replySeq?: number | undefined;
        readonly threadSeq?: number | undefined;
        readonly silent?: boolean | undefined;
        readonly error?:
          | {
              readonly code: number;
              readonly message: string;
            }
          | undefined;
        readonly createdAt: number;
      };
      readonly replayed?: boolean | undefined;
    };
  };
  /** Messages of the user that are to be sent later, or could not be sent, in the order they are due. */
  scheduled: {
    input: {
      readonly room?: string | undefined;
      readonly after?:
        | {
            readonly sendAt: number;
            readonly id: string;
          }
        | undefined;
      readonly limit?: number | undefined;
    };
    output: {
      readonly scheduled: readonly {
        readonly id: string;
        readonly room: string;
        readonly sendAt: number;
        readonly text?: string | undefined;
        readonly data?: unknown;
        readonly mentions?: Mentions | undefined;
        readonly attachments?: readonly string[] | undefined;
        readonly replySeq?: number | undefined;
        readonly threadSeq?: number | undefined;
        readonly silent?: boolean | undefined;
        readonly error?:
          | {
              readonly code: number;
              readonly message: string;
            }
          | undefined;
        readonly createdAt: number;
      }[];
      readonly hasMore: boolean;
    };
  };
  /** Takes a scheduled message away. */
  cancelScheduled: {
    input: {
      readonly id: string;
    };
    output: Readonly<Record<string, never>>;
  };
  /** Gives a scheduled message another time, also one that could not be sent. */
  reschedule: {
    input: {
      readonly id: string;
      readonly sendAt: number;
    };
    output: {
      readonly scheduled: {
        readonly id: string;
        readonly room: string;
        readonly sendAt: number;
        readonly text?: string | undefined;
        readonly data?: unknown;
        readonly mentions?: Mentions | undefined;
        readonly attachments?: readonly string[] | undefined;
        readonly replySeq?: number | undefined;
        readonly threadSeq?: number | undefined;
        readonly silent?: boolean | undefined;
        readonly error?:
          | {
              readonly code: number;
              readonly message: string;
            }
          | undefined;
        readonly createdAt: number;
      };
    };
  };
  /** Marks everything up to a message as read. What was read stays so. */
  markRead: {
    input: {
      readonly room: string;
      readonly seq: number;
    };
    output: {
      readonly room: string;
      readonly readSeq: number;
      readonly readCountable: number;
      readonly deliveredSeq: number;
      readonly unread: number;
      readonly mentions: number;
    };
  };
  /** Marks a message, however old, and all behind it as unread. */
  markUnread: {
    input: {
      readonly room: string;
      readonly seq: number;
    };
    output: {
      readonly room: string;
      readonly readSeq: number;
      readonly readCountable: number;
      readonly deliveredSeq: number;
      readonly unread: number;
      readonly mentions: number;
    };
  };
  /** Says that everything up to a message reached a device of the user; for one room, or for many. */
  markDelivered: {
    input: {
      readonly room?: string | undefined;
      readonly seq?: number | undefined;
      readonly rooms?:
        | readonly {
            readonly room: string;
            readonly seq: number;
          }[]
        | undefined;
    };
    output: {
      readonly delivered: readonly {
        readonly room: string;
        readonly deliveredSeq: number;
      }[];
    };
  };
  /** How far the members of a room have read, and what was delivered to them; by user id. */
  receipts: {
    input: {
      readonly room: string;
      readonly seq?: number | undefined;
      readonly after?: string | undefined;
      readonly limit?: number | undefined;
    };
    output: {
      readonly receipts: readonly {
        readonly user: string;
        readonly readSeq: number;
        readonly deliveredSeq: number;
      }[];
      readonly hasMore: boolean;
    };
  };
  /** Unread messages and mentions of all rooms, for a badge; muted and archived rooms apart. */
  unread: {
    input: Readonly<Record<string, never>>;
    output: {
      readonly unread: number;
      readonly mentions: number;
      readonly rooms: number;
      readonly muted: {
        readonly unread: number;
        readonly mentions: number;
        readonly rooms: number;
      };
    };
  };
  /** Tells the room that the user is typing; to be repeated every 2 s. It ends with the message. */
  typing: {
    input: {
      readonly room: string;
      readonly threadSeq?: number | undefined;
      readonly stopped?: boolean | undefined;
    };
    output: Readonly<Record<string, never>>;
  };
  /** Who of these users is online. Those whom one may not see are left out. */
  presence: {
    input: {
      readonly users: readonly string[];
    };
    output: {
      readonly users: readonly {
        readonly user: string;
        readonly status: 'online' | 'offline';
        readonly lastSeenAt?: number | undefined;
      }[];
    };
  };
  /** Rooms of the user with latest message and unread counts: pinned first, then the latest. */
  rooms: {
    input: {
      readonly filter?: 'all' | 'unread' | 'archived' | 'pinned' | 'direct' | undefined;
      readonly after?: string | undefined;
      readonly limit?: number | undefined;
      readonly rooms?: readonly string[] | undefined;
    };
    output: {
      readonly rooms: readonly RoomListItem[];
      readonly next?: string | undefined;
    };
  };
  /** Where every room of the user stands, with drafts and settings: all that is needed after a time away. */
  sync: {
    input: {
      readonly since?:
        | {
            readonly rooms: readonly {
              readonly room: string;
              readonly rev: number;
              readonly epoch?: string | undefined;
            }[];
          }
        | undefined;
    };
    output: {
      readonly at: number;
      readonly rooms: readonly {
        readonly room: string;
        readonly rev: number;
        readonly epoch: string;
        readonly lastSeq?: number | undefined;
        readonly lastAt: number;
        readonly countable?: number | undefined;
        readonly readSeq?: number | undefined;
        readonly unread?: number | undefined;
        readonly mentions?: number | undefined;
        readonly invited?: boolean | undefined;
        readonly pinned?: boolean | undefined;
        readonly archived?: boolean | undefined;
        readonly muteUntil?: number | undefined;
        readonly notify?: 'mentions' | 'none' | undefined;
        readonly reset?: boolean | undefined;
      }[];
      readonly gone: readonly string[];
      readonly drafts: readonly Draft[];
      readonly moreDrafts?: boolean | undefined;
      readonly blocks: readonly string[];
      readonly invisible: boolean;
    };
  };
  /** Messages that hold all words, without case and accents, newest first; of the last word its beginning. */
  search: {
    input: {
      readonly query: string;
      readonly room?: string | undefined;
      readonly sender?: string | undefined;
      readonly before?: number | undefined;
      readonly after?: number | undefined;
      readonly limit?: number | undefined;
      readonly cursor?: string | undefined;
    };
    output: {
      readonly results: readonly {
        readonly message: Message;
        readonly snippet: {
          readonly text: string;
          readonly matches: readonly {
            readonly start: number;
            readonly length: number;
          }[];
        };
      }[];
      readonly next?: string | undefined;
    };
  };
  /** Threads of a room that the user follows, the one with the latest reply first. */
  threads: {
    input: {
      readonly room: string;
      readonly before?: number | undefined;
      readonly limit?: number | undefined;
    };
    output: {
      readonly threads: readonly {
        readonly room: string;
        readonly threadSeq: number;
        readonly readSeq: number;
        readonly following: boolean;
        readonly message: Message;
        readonly unread: number;
      }[];
      readonly hasMore: boolean;
    };
  };
  /** Marks the replies of a thread as read, up to a seq. */
  markThreadRead: {
    input: {
      readonly room: string;
      readonly threadSeq: number;
      readonly seq: number;
    };
    output: {
      readonly room: string;
      readonly threadSeq: number;
      readonly readSeq: number;
      readonly following: boolean;
    };
  };
  /** Follows a thread; who writes in one follows it anyway. */
  followThread: {
    input: {
      readonly room: string;
      readonly threadSeq: number;
    };
    output: {
      readonly room: string;
      readonly threadSeq: number;
      readonly readSeq: number;
      readonly following: boolean;
    };
  };
  /** Follows a thread no longer. */
  unfollowThread: {
    input: {
      readonly room: string;
      readonly threadSeq: number;
    };
    output: {
      readonly room: string;
      readonly threadSeq: number;
      readonly readSeq: number;
      readonly following: boolean;
    };
  };
  /** The user’s own profile. */
  profile: {
    input: Readonly<Record<string, never>>;
    output: {
      readonly profile: {
        readonly id: string;
        readonly name?: string | undefined;
        readonly avatar?: string | undefined;
        readonly data?: unknown;
        readonly locale?: string | undefined;
        readonly timeZone?: string | undefined;
        readonly lastSeenAt?: number | undefined;
        readonly deletedAt?: number | undefined;
        readonly invisible?: boolean | undefined;
      };
    };
  };
  /** Changes the user’s own profile; what is left out stays. */
  setProfile: {
    input: {
      readonly name?: string | null | undefined;
      readonly avatar?: string | null | undefined;
      readonly data?: unknown;
      readonly locale?: string | null | undefined;
      readonly timeZone?: string | null | undefined;
      readonly invisible?: boolean | undefined;
    };
    output: {
      readonly profile: {
        readonly id: string;
        readonly name?: string | undefined;
        readonly avatar?: string | undefined;
        readonly data?: unknown;
        readonly locale?: string | undefined;
        readonly timeZone?: string | undefined;
        readonly lastSeenAt?: number | undefined;
        readonly deletedAt?: number | undefined;
        readonly invisible?: boolean | undefined;
      };
    };
  };
  /** The profile of a user. */
  user: {
    input: {
      readonly id: string;
    };
    output: {
      readonly user: {
        readonly id: string;
        readonly name?: string | undefined;
        readonly avatar?: string | undefined;
        readonly data?: unknown;
        readonly locale?: string | undefined;
        readonly timeZone?: string | undefined;
        readonly lastSeenAt?: number | undefined;
        readonly deletedAt?: number | undefined;
      };
    };
  };
  /** Profiles of users, of those who have one. */
  users: {
    input: {
      readonly ids: readonly string[];
    };
    output: {
      readonly users: readonly {
        readonly id: string;
        readonly name?: string | undefined;
        readonly avatar?: string | undefined;
        readonly data?: unknown;
        readonly locale?: string | undefined;
        readonly timeZone?: string | undefined;
        readonly lastSeenAt?: number | undefined;
        readonly deletedAt?: number | undefined;
      }[];
    };
  };
  /** Users whose names hold all words as beginnings of words, without case and accents. Off unless permitted. */
  findUsers: {
    input: {
      readonly query: string;
      readonly limit?: number | undefined;
    };
    output: {
      readonly users: readonly {
        readonly id: string;
        readonly name?: string | undefined;
        readonly avatar?: string | undefined;
        readonly data?: unknown;
        readonly locale?: string | undefined;
        readonly timeZone?: string | undefined;
        readonly lastSeenAt?: number | undefined;
        readonly deletedAt?: number | undefined;
      }[];
    };
  };
  /** Makes and changes profiles of users; for back ends without `as`. */
  upsertUsers: {
    input: {
      readonly users: readonly {
        readonly id: string;
        readonly name?: string | null | undefined;
        readonly avatar?: string | null | undefined;
        readonly data?: unknown;
        readonly locale?: string | null | undefined;
        readonly timeZone?: string | null | undefined;
        readonly invisible?: boolean | undefined;
      }[];
    };
    output: {
      readonly users: readonly {
        readonly id: string;
        readonly name?: string | undefined;
        readonly avatar?: string | undefined;
        readonly data?: unknown;
        readonly locale?: string | undefined;
        readonly timeZone?: string | undefined;
        readonly lastSeenAt?: number | undefined;
        readonly deletedAt?: number | undefined;
        readonly invisible?: boolean | undefined;
      }[];
    };
  };
}
