/** Asks the authorizer, counts and explains denials. Every use case that touches a channel passes here. */
import { allowedUsers, errors, ProtocolError } from '@tidings/protocol';
import type { Action, Decision } from './auth/authorizer.ts';
import type { ResolvedChannel } from './channels/channel-registry.ts';
import type { Client } from './client.ts';
import type { Core } from './core.ts';

/**
 * @throws ProtocolError with the code of the denial; the client learns nothing more, the log gets the reason.
 */
export async function authorize(
  core: Core,
  client: Client,
  action: Action,
  channel: string,
  resolved: ResolvedChannel,
): Promise<void> {
  // Being named in the channel is the permission to subscribe.
  if (requireNamed(core, client, action, channel) && action === 'subscribe') return;
  const actor = {
    client: client.id,
    user: client.user,
    meta: client.meta,
    subscribed: client.subscriptions.has(channel),
  };
  const resource = { channel, options: resolved.options, variables: resolved.variables };
  let decision: Decision;
  try {
    decision = await core.authorizer.decide(actor, action, resource);
  } catch (error) {
    core.logger.error({ channel, action, err: error }, 'the authorizer failed');
    return deny(core, action, errors.permissionDenied, 'the authorizer failed');
  }
  if (!decision.allow) deny(core, action, decision.error, decision.because);
}

/**
 * A user-limited channel is for the users it names, whatever a hook says.
 * @returns whether the channel is user-limited.
 * @throws ProtocolError 103 if it is, and not for this client's user.
 */
export function requireNamed(core: Core, client: Client, action: Action, channel: string): boolean {
  const users = allowedUsers(channel);
  if (!users) return false;
  if (client.user === '' || !users.includes(client.user)) {
    return deny(core, action, errors.permissionDenied, `channel ${channel} is limited to the users named behind #`);
  }
  return true;
}

function deny(
  core: Core,
  action: Action,
  error: ConstructorParameters<typeof ProtocolError>[0],
  because: string,
): never {
  core.metrics.denials.add(action);
  throw new ProtocolError(error, { detail: because });
}
