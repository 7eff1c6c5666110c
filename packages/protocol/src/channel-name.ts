/**
 * Names of channels: what a name must look like, and who may use a user-limited one. A name that ends in `#` and user
 * ids, such as `dialog#42,43`, is for these users alone; the server decides by it without asking anybody.
 */
/** In UTF-16 code units, as JavaScript counts. */
export const maxChannelNameLength = 255;

/** What is wrong with a name, in words; undefined if nothing is. */
export function channelNameProblem(name: string, maxLength: number = maxChannelNameLength): string | undefined {
  if (name === '') return 'channel name is empty';
  if (name.length > maxLength) return `channel name is longer than ${maxLength}`;
  if (!name.isWellFormed()) return 'channel name is not valid Unicode';
  for (let i = 0; i < name.length; i++) {
    if (isControl(name.charCodeAt(i))) return 'channel name has a control character';
  }
  return undefined;
}

function isControl(code: number): boolean {
  return code < 0x20 || (code >= 0x7f && code < 0xa0);
}

/**
 * The users behind the last `#`, separated by `,`.
 * @returns undefined without `#`; an empty id, which is what anonymous users have, is never among them.
 */
export function allowedUsers(channel: string): string[] | undefined {
  const at = channel.lastIndexOf('#');
  if (at < 0) return undefined;
  return channel
    .slice(at + 1)
    .split(',')
    .filter((user) => user !== '');
}

/**
 * The channel of one user: `prefix#user`.
 * @returns undefined if the id is empty or holds `#` or `,`: that channel would be open to other users.
 */
export function personalChannel(prefix: string, user: string): string | undefined {
  if (user === '' || user.includes('#') || user.includes(',')) return undefined;
  return `${prefix}#${user}`;
}
