/** Names of the channels that chat owns. */

export const roomPattern = 'chat:room:{room}';
export const userPattern = 'chat:user:{user}';
export const presencePattern = 'chat:presence:{user}';

/** Stands for all rooms; no room can be called so. */
export const everyRoom = '*';

export function roomChannel(room: string): string {
  return `chat:room:${room}`;
}

export function userChannel(user: string): string {
  return `chat:user:${user}`;
}

export function presenceChannel(user: string): string {
  return `chat:presence:${user}`;
}

/** @returns undefined for a channel that is no room's. */
export function roomOfChannel(channel: string): string | undefined {
  return channel.startsWith('chat:room:') ? channel.slice('chat:room:'.length) : undefined;
}

/**
 * Whether an id can stand in a channel's name: a variable of a pattern has no colon, and `#` limits a channel to users.
 * Ids of users come from tokens; whoever has another kind of id has no chat.
 */
export function isChannelId(id: string): boolean {
  return id.length > 0 && id.length <= 128 && !/[:#,*\s\p{Cc}]/u.test(id) && id.isWellFormed();
}
