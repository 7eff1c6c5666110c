/** Leaving a channel: on the client's word, the server's, or because the connection ended. */
import { type CloseReason, type UnsubscribeRequest } from '@tidings/protocol';
import { takeLeaveOfOwner } from './channel-owner.ts';
import type { Client } from './client.ts';
import { resolveChannel, type Core } from './core.ts';
import { subscriptionFlags as flags, type Subscription } from './hub/subscription.ts';
import { clientInfo } from './publish.ts';

/**
 * A client unsubscribes; not being subscribed is no error.
 * @throws ProtocolError 102, 107.
 */
export function unsubscribeFromClient(core: Core, client: Client, request: UnsubscribeRequest): void {
  const subscription = client.subscriptions.get(request.channel ?? '');
  // First, because a channel that a new configuration no longer has must be left all the same.
  if (subscription) endSubscription(core, client, subscription);
  else resolveChannel(core, request.channel);
}

/** The server ends a subscription and tells the client. */
export function unsubscribeFromServer(
  core: Core,
  client: Client,
  subscription: Subscription,
  reason: CloseReason,
): void {
  endSubscription(core, client, subscription);
  tellUnsubscribed(core, client, subscription, reason);
}

/** Tells the client that its subscription has ended. */
export function tellUnsubscribed(core: Core, client: Client, { channel }: Subscription, reason: CloseReason): void {
  core.metrics.unsubscribes.add(reason.code);
  client.push({ channel: channel.name, unsubscribe: { code: reason.code, reason: reason.reason } });
}

/** Takes the subscription out of everything that knows of it. Twice does nothing. */
export function endSubscription(core: Core, client: Client, subscription: Subscription): void {
  const { name } = subscription.channel;
  if (client.subscriptions.get(name) !== subscription) return;
  const info = clientInfo(client, name);
  const wasLive = subscription.buffer === undefined;
  client.subscriptions.delete(name);
  core.hub.leave(subscription);
  core.permissions.forget(subscription);
  core.interest.release(name);
  takeLeaveOfOwner(core, client, subscription);
  const failed = (error: unknown): void => {
    core.logger.warn({ channel: name, client: client.id, err: error }, 'leave was not announced');
  };
  if (subscription.has(flags.presence)) core.presence.remove(name, client.id).catch(failed);
  // Who was never announced does not leave.
  if (subscription.has(flags.announced) && wasLive) core.broker.publishLeave(name, info).catch(failed);
}
