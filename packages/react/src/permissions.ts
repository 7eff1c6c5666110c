/**
 * What is worth offering to the user. The server decides by its rules; these follow its defaults, so that nobody is offered
 * what would be refused.
 */
import type { MessageView, RoomView } from '@tidings/client';

const moderators: readonly string[] = ['owner', 'admin', 'moderator'];

export function isModerator(room: RoomView | undefined): boolean {
  return room?.kind !== 'direct' && moderators.includes(room?.membership?.role ?? '');
}

/** Why the user cannot write in a room: undefined if they can. */
export function writeObstacle(room: RoomView | undefined): 'notMember' | 'readOnly' | 'frozen' | undefined {
  // Nothing is known yet: what is written waits anyway.
  if (room === undefined) return undefined;
  if (room.membership === undefined || room.membership.state !== 'member') return 'notMember';
  if (isModerator(room)) return undefined;
  if (room.membership.role === 'guest' || room.kind === 'broadcast') return 'readOnly';
  return room.room.frozen === true ? 'frozen' : undefined;
}

/** Whether `@here` and `@room` are more than words. In a direct room there is nobody else. */
export function canMentionEverybody(room: RoomView | undefined): boolean {
  return room?.kind === 'group' || isModerator(room);
}

export interface MessagePermissions {
  readonly canReact: boolean;
  readonly canReply: boolean;
  readonly canEdit: boolean;
  readonly canDelete: boolean;
  readonly canPin: boolean;
  readonly canMarkUnread: boolean;
}

const nothing: MessagePermissions = {
  canReact: false,
  canReply: false,
  canEdit: false,
  canDelete: false,
  canPin: false,
  canMarkUnread: false,
};

export function messagePermissions(view: MessageView, room: RoomView | undefined): MessagePermissions {
  const isMember = room?.membership?.state === 'member';
  if (view.seq === undefined || view.isDeleted || !isMember || view.message?.kind === 'system') return nothing;
  const canWrite = writeObstacle(room) === undefined;
  return {
    canReact: true,
    canReply: canWrite,
    canEdit: view.isOwn && canWrite && view.message?.kind === 'text',
    canDelete: view.isOwn || isModerator(room),
    canPin: room.kind === 'direct' || isModerator(room),
    canMarkUnread: !view.isOwn && view.threadSeq === undefined,
  };
}
