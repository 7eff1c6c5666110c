/** Staying longer: fresh tokens for a connection or a subscription, or the application's word. */
import {
  closeCodes,
  errors,
  ProtocolError,
  type Payload,
  type RefreshRequest,
  type RefreshResult,
  type SubRefreshRequest,
  type SubRefreshResult,
} from '@tidings/protocol';
import { InvalidTokenError } from './auth/authenticator.ts';
import type { Client } from './client.ts';
import { claimsOf } from './connect.ts';
import { hookClient, type Core } from './core.ts';
import { Disconnect } from './disconnect.ts';
import type { Subscription } from './hub/subscription.ts';
import { checkInfo } from './publish.ts';
import { verifySubscriptionToken } from './subscribe.ts';
import { version } from './version.ts';

/**
 * A client sends a fresh connection token.
 * @throws ProtocolError 107, 108, 109; Disconnect 3500 for an invalid token or another user's.
 */
export async function refreshFromClient(core: Core, client: Client, request: RefreshRequest): Promise<RefreshResult> {
  if (!request.token) throw new ProtocolError(errors.badRequest, { detail: 'token is missing' });
  if (!core.authenticator) throw new ProtocolError(errors.notAvailable, { detail: 'auth.jwt is not configured' });
  try {
    const identity = await core.authenticator.authenticate(request.token);
    if (identity.user !== client.user)
      throw new Disconnect(closeCodes.invalidToken, 'the refresh token is for another user');
    const times = lifetime(core, identity.expireAt, errors.tokenExpired);
    checkInfo(identity.info);
    client.renew({
      info: identity.info,
      expireAtMs: identity.expireAt ? identity.expireAt * 1000 : undefined,
      claims: claimsOf(identity),
    });
    core.permissions.identityChanged(client);
    return { client: client.id, version: `Tidings ${version}`, ...times };
  } catch (error) {
    if (error instanceof InvalidTokenError) throw new Disconnect(closeCodes.invalidToken, error.message);
    throw error;
  }
}

/**
 * A client sends a fresh subscription token.
 * @throws ProtocolError 103, 107, 108, 109; Disconnect 3500 for a token of another channel, user or client.
 */
export async function subRefreshFromClient(
  core: Core,
  client: Client,
  request: SubRefreshRequest,
): Promise<SubRefreshResult> {
  if (request.type) throw new ProtocolError(errors.notAvailable, { detail: 'track and untrack are not available' });
  const subscription = client.subscriptions.get(request.channel ?? '');
  if (!subscription) throw new ProtocolError(errors.permissionDenied, { detail: 'not subscribed to this channel' });
  if (!request.token) throw new ProtocolError(errors.badRequest, { detail: 'token is missing' });
  const claims = await verifySubscriptionToken(core, client, subscription.channel.name, request.token);
  const times = lifetime(core, claims.expireAt, errors.tokenExpired);
  extend(client, subscription, claims.expireAt, claims.info);
  return times;
}

/**
 * Asks the application whether an expired connection may stay.
 * @returns false if it must go.
 */
export async function refreshByHook(core: Core, client: Client): Promise<boolean> {
  if (!core.hooks.refresh) return false;
  const answer = await core.hooks.refresh(hookClient(client));
  if (answer?.expired || isPast(core, answer?.expireAt)) return false;
  checkInfo(answer?.info);
  client.renew({
    info: answer?.info ?? client.info,
    expireAtMs: answer?.expireAt ? answer.expireAt * 1000 : undefined,
    ...(answer?.meta !== undefined && { meta: answer.meta, claims: claimsOf(answer) }),
  });
  if (answer?.meta !== undefined) core.permissions.identityChanged(client);
  return true;
}

/** Asks the application whether an expired subscription may stay; false if it must end. */
export async function subRefreshByHook(core: Core, client: Client, subscription: Subscription): Promise<boolean> {
  if (!core.hooks.subRefresh || !subscription.channel.options.hooks.subRefresh) return false;
  const answer = await core.hooks.subRefresh({ ...hookClient(client), channel: subscription.channel.name });
  if (answer?.expired || isPast(core, answer?.expireAt)) return false;
  extend(client, subscription, answer?.expireAt, answer?.info);
  return true;
}

function extend(
  client: Client,
  subscription: Subscription,
  expireAt: number | undefined,
  info: Payload | undefined,
): void {
  checkInfo(info);
  const extra = (subscription.extra ??= {});
  if (info) extra.info = info;
  if (expireAt) extra.expireAtMs = expireAt * 1000;
  else delete extra.expireAtMs;
  client.reschedule();
}

/** An answer that is over already is a no: asking again at once would never end. */
function isPast(core: Core, expireAt: number | undefined): boolean {
  return expireAt !== undefined && expireAt !== 0 && expireAt * 1000 <= core.clock.now();
}

/**
 * `expires` and `ttl` in seconds for a result.
 * @throws ProtocolError `expired` if the time is past.
 */
export function lifetime(
  core: Core,
  expireAt: number | undefined,
  expired: { code: number; message: string; temporary: boolean },
): { expires?: boolean; ttl?: number } {
  if (!expireAt) return {};
  const ttl = expireAt - Math.floor(core.clock.now() / 1000);
  if (ttl <= 0) throw new ProtocolError(expired);
  return { expires: true, ttl };
}
