/** Asks the authorizer, counts and explains denials. Every use case that touches a channel passes here. */
import { allowedUsers, errors, ProtocolError } from '@tidings/protocol';
import type { Action } from './auth/authorizer.ts';
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
  const users = allowedUsers(channel);
  if (users) {
    if (client.user === '' || !users.includes(client.user)) {
      return deny(core, action, errors.permissionDenied, `channel ${channel} is limited to the users named behind #`);
    }
    // Being named in the channel is the permission to subscribe.
    if (action === 'subscribe') return;
  }
  const actor = {
    client: client.id,
    user: client.user,
    meta: client.meta,
    subscribed: client.subscriptions.has(channel),
  };
  const resource = { channel, options: resolved.options, variables: resolved.variables };
  const decision = await core.authorizer.decide(actor, action, resource);
  if (!decision.allow) deny(core, action, decision.error, decision.because);
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
