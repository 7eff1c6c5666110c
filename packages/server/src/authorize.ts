/** Asks the authorizer, counts and explains denials. Every use case that touches a channel passes here. */
import { allowedUsers, errors, ProtocolError } from '@tidings/protocol';
import type { Action, Actor, Decision, Resource } from './auth/authorizer.ts';
import type { ResolvedChannel } from './channels/channel-registry.ts';
import type { Client } from './client.ts';
import type { Core } from './core.ts';

/** The acting client, as those who decide see it. */
export function actorOf(client: Client, channel: string): Actor {
  return {
    client: client.id,
    user: client.user,
    meta: client.meta,
    // Made when a rule first asks: most connections never need it.
    get auth() {
      return client.auth;
    },
    subscribed: client.subscriptions.has(channel),
  };
}

/** The channel, as those who decide see it. */
export function resourceOf(channel: string, { pattern, options, variables }: ResolvedChannel): Resource {
  return { channel, pattern, options, variables };
}

/**
 * @returns false if the channel names its users, who may subscribe whatever the options say, or belongs to a module.
 * @throws ProtocolError with the code of the denial; the client learns nothing more, the log gets the reason.
 */
export async function authorize(core: Core, client: Client, action: Action, on: Resource): Promise<boolean> {
  const owner = core.owners.get(on.pattern);
  if (owner) {
    const answer = await owner.decide(actorOf(client, on.channel), action, on.variables);
    if (!answer.allow) deny(core, action, on, answer);
    return false;
  }
  // Being named in the channel is the permission to subscribe.
  if (requireNamed(core, client, action, on) && action === 'subscribe') return false;
  let decision: Decision;
  try {
    decision = await core.authorizer.decide(actorOf(client, on.channel), action, on);
  } catch (error) {
    core.logger.error({ channel: on.channel, action, err: error }, 'the authorizer failed');
    return deny(core, action, on, { error: errors.permissionDenied, because: 'the authorizer failed' });
  }
  return decision.allow || deny(core, action, on, decision);
}

/**
 * A user-limited channel is for the users it names, whatever a hook says.
 * @returns whether the channel is user-limited.
 * @throws ProtocolError 103 if it is, and not for this client's user.
 */
export function requireNamed(core: Core, client: Client, action: Action, on: Resource): boolean {
  const users = allowedUsers(on.channel);
  if (!users) return false;
  if (client.user === '' || !users.includes(client.user)) {
    return deny(core, action, on, {
      error: errors.permissionDenied,
      because: `channel ${on.channel} is limited to the users named behind #`,
    });
  }
  return true;
}

/** Counts a denial; that nobody can say at present is none. @throws ProtocolError with its code. */
export function deny(
  core: Core,
  action: Action,
  { pattern }: Resource,
  { error, because }: Pick<Decision & { readonly allow: false }, 'error' | 'because'>,
): never {
  if (!error.temporary) {
    core.metrics.denials.add(action);
    core.metrics.channelDenials.add(pattern, action);
  }
  throw new ProtocolError(error, { detail: because });
}
