/** The channels that chat owns, and who may subscribe to them. */
import { errors } from '@tidings/protocol';
import type { Decision, OwnerDecision } from '../../auth/authorizer.ts';
import type { ModuleActor, ModuleChannels } from '../module.ts';
import { Blockers } from './blockers.ts';
import { isChannelId, presencePattern, roomPattern, userPattern } from './channel-names.ts';
import type { Chat } from './chat.ts';
import { ChatError } from './chat-error.ts';
import { offlineState } from './presence.ts';
import { accessRoom } from './room-access.ts';
import { RoomHistory } from './room-history.ts';

const allowed: Decision = { allow: true };

function denied(because: string): Decision {
  return { allow: false, error: errors.permissionDenied, because };
}

export function chatChannels(chat: Chat): readonly ModuleChannels[] {
  const blockers = new Blockers(chat.db);
  return [
    {
      pattern: roomPattern,
      options: { recovery: 'always', positioning: 'always', history: { size: 1 } },
      history: new RoomHistory(chat.context.store),
      async decide(actor, action, { room = '' }) {
        if (action === 'publish') return denied('messages are sent by chat.send');
        if (action === 'presence') return denied('chat says by its own channels who is there');
        if (actor.user !== '' && !isChannelId(actor.user)) return denied('a user id that cannot be used in chat');
        return (await mayRead(chat, actor, room)) ? allowed : denied('readRoom');
      },
    },
    {
      pattern: userPattern,
      // Nobody is shown who is there: it tells all nodes which devices a user has.
      options: { recovery: 'always', positioning: 'always', presence: true, history: { size: 200, ttl: '10m' } },
      decide(actor, action, { user }) {
        if (action === 'publish' || action === 'presence') return denied('the channel is for reading');
        return actor.system || (actor.user !== '' && actor.user === user)
          ? allowed
          : denied('the channel of another user');
      },
      onSubscription({ user, client }, _variables, subscribed) {
        if (user !== '' && client !== undefined) chat.presence.device(user, client, subscribed);
      },
    },
    {
      pattern: presencePattern,
      options: { recovery: 'always', recoveryMode: 'cache', history: { size: 1, ttl: '24h' } },
      decide(actor, action, { user = '' }): OwnerDecision | Promise<OwnerDecision> {
        // Its history is the latest, which comes with the subscription; read alone, it would be there for who is blocked.
        if (action !== 'subscribe') return denied('the channel is for subscribing; the latest comes with it');
        if (!chat.permissions.allows('seePresence', actor, { targetUser: user })) return denied('seePresence');
        if (actor.user === '' || actor.user === user) return allowed;
        return blockers.has(user, actor).then((isBlocked) => (isBlocked ? unseen(user) : allowed));
      },
      onSubscription(_actor, { user = '' }) {
        chat.presence.watched(user);
      },
    },
  ];
}

/** Whom the user blocks sees nothing of them, as of somebody who is invisible, and is not told why. */
function unseen(user: string): OwnerDecision {
  return { allow: true, only: JSON.stringify(offlineState(user, undefined)) };
}

async function mayRead(chat: Chat, actor: ModuleActor, room: string): Promise<boolean> {
  try {
    await accessRoom(chat, actor, room);
    return true;
  } catch (error) {
    // What keeps somebody out; that the database cannot be asked is another matter.
    if (error instanceof ChatError) return false;
    throw error;
  }
}
