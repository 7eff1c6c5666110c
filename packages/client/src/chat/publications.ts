/** What is published on the channels of chat. A test compares these with the server's own types. */
import type { Attachment, ChatApi, Draft, Member, Message, Room, RoomListItem } from './api.gen.ts';

/** The profile of a user, as others see it. */
export type User = ChatApi['user']['output']['user'];
/** A user’s own profile, with what only they see of it. */
export type Profile = ChatApi['profile']['output']['profile'];
/** Up to where the user has read a room, and what is unread in it. */
export type ReadState = ChatApi['markRead']['output'];
/** What the user did with one message: all of it. */
export type OwnState = ChatApi['message']['output']['own'];
/** Whether a user is online, and when they were last. */
export type UserPresence = ChatApi['presence']['output']['users'][number];
/** A ban, a mute or a shadow ban, in a room or in all. */
export type Restriction = ChatApi['restrictions']['output']['restrictions'][number];
/** A message that is to be sent later. */
export type Scheduled = ChatApi['scheduled']['output']['scheduled'][number];
export type { Attachment, Draft, Member, Message, Room, RoomListItem };

/** On `chat:room:{room}`. With an offset, which is the room's revision: state to keep. Without: a signal. */
export type RoomPublication =
  | { readonly type: 'message'; readonly message: Message }
  | { readonly type: 'member'; readonly member: Member; readonly memberCount: number }
  | { readonly type: 'room'; readonly room: Room }
  | { readonly type: 'typing'; readonly user: string; readonly threadSeq?: number; readonly stopped?: boolean }
  | {
      readonly type: 'receipts';
      readonly read?: Readonly<Record<string, number>>;
      readonly delivered?: Readonly<Record<string, number>>;
    };

/** On `chat:user:{user}`, for that user alone. */
export type UserPublication =
  | {
      readonly type: 'activity';
      readonly room: string;
      readonly rev: number;
      readonly lastSeq: number;
      readonly lastAt: number;
      readonly countable: number;
      readonly read?: ReadState;
      /** The line of the room reads otherwise, though nothing new was said. */
      readonly changed?: boolean;
    }
  | { readonly type: 'mention'; readonly message: Message }
  | { readonly type: 'room'; readonly item: RoomListItem }
  | { readonly type: 'roomGone'; readonly room: string }
  | { readonly type: 'draft'; readonly draft: Draft }
  | {
      readonly type: 'thread';
      readonly room: string;
      readonly threadSeq: number;
      readonly readSeq: number;
      readonly following: boolean;
    }
  | { readonly type: 'message'; readonly message: Message }
  | { readonly type: 'block'; readonly user: string; readonly blocked: boolean }
  | { readonly type: 'restriction'; readonly restriction: Restriction; readonly lifted?: true }
  | { readonly type: 'scheduled'; readonly scheduled: Scheduled; readonly state?: 'sent' | 'cancelled' }
  | ({ readonly type: 'own'; readonly room: string; readonly rev: number } & OwnState)
  | ({ readonly type: 'read' } & ReadState)
  | { readonly type: 'profile'; readonly profile: Profile };
