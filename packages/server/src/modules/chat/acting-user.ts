/** Who does what only a user can do, such as joining a room. */
import type { ModuleActor } from '../module.ts';
import { isChannelId } from './channel-names.ts';
import { ChatError } from './chat-error.ts';

/**
 * @returns the actor's user.
 * @throws ChatError invalid for a back end that names nobody; forbidden for clients without a user, or with an id that
 * cannot stand in the name of a channel.
 */
export function actingUser(actor: ModuleActor): string {
  if (actor.system) throw new ChatError('invalid', 'a user does this: name one in `as`');
  if (isChannelId(actor.user)) return actor.user;
  throw new ChatError('forbidden', actor.user === '' ? 'you are not signed in' : 'your user id cannot be used in chat');
}
