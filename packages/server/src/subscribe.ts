/**
 * Subscribing: may they, from which position, and what did they miss.
 *
 * The order matters. The subscription joins the hub first and buffers; then history is read; then the result is made
 * of both, so that nothing falls between. `live` ends the buffering in the same turn in which the result is sent.
 */
import {
  closeCodes,
  compileTagsFilter,
  DecodeError,
  errors,
  ProtocolError,
  quotePayload,
  unsubscribeCodes,
  type Publication,
  type SubscribeRequest,
  type SubscribeResult,
} from '@tidings/protocol';
import { InvalidTokenError, type SubscriptionClaims } from './auth/authenticator.ts';
import type { SubscriptionGrant } from './auth/identity.ts';
import { authorize, requireNamed, resourceOf } from './authorize.ts';
import { announceToOwner } from './channel-owner.ts';
import type { ResolvedChannel } from './channels/channel-registry.ts';
import type { Client } from './client.ts';
import type { ChannelOptions } from './config/schema.ts';
import { hookClient, resolveChannel, type Core } from './core.ts';
import { Disconnect } from './disconnect.ts';
import { dataFor } from './hub/publication-encoder.ts';
import { Subscription, subscriptionFlags as flags } from './hub/subscription.ts';
import { known } from './history.ts';
import { checkData, checkInfo, clientInfo } from './publish.ts';
import { readMissed, type Missed } from './recover.ts';
import { endSubscription, tellUnsubscribed } from './unsubscribe.ts';

/** `flag` of a subscribe request: answer 112 instead of `recovered: false`. */
const flagRejectUnrecovered = 2;

const encoder = new TextEncoder();

export interface Subscribed {
  readonly result: SubscribeResult;
  /** To be called in the turn in which the result is sent: what came meanwhile follows it. */
  live(): void;
}

interface Permit extends SubscriptionGrant {
  /** Whether the client itself refreshes with a token, or the hook is asked. */
  readonly refresh: 'client' | 'hook' | undefined;
  /** By the options of the channel, and not by token, hook or server. */
  readonly byOptions?: boolean;
}

/**
 * A client subscribes.
 * @throws ProtocolError 102, 103, 105, 106, 107, 108, 109, 110, 112 or what the subscribe hook answers; Disconnect for a
 * token of somebody else.
 */
export async function subscribeFromClient(core: Core, client: Client, request: SubscribeRequest): Promise<Subscribed> {
  const channel = request.channel ?? '';
  const resolved = resolveChannel(core, channel);
  refuseUnavailable(request);
  if (client.subscriptions.has(channel))
    throw new ProtocolError(errors.alreadySubscribed, { detail: `already subscribed to ${channel}` });
  const limit = core.config.limits.subscriptionsPerConnection;
  if (client.subscriptions.size + client.subscribing >= limit) {
    throw new ProtocolError(errors.limitExceeded, { detail: `a connection may have ${limit} subscriptions` });
  }
  const release = reserve(client);
  try {
    const permit = await permitClient(core, client, request, resolved);
    return await subscribe(core, client, channel, resolved, request, permit, false, release);
  } finally {
    release();
  }
}

/**
 * The server subscribes a client: by token claim, hook result or server API. Nobody is asked for permission, but the
 * module that owns the channel.
 * @param request where to recover from, if the client said so.
 * @throws ProtocolError 102, 103 by a module, 107, 110; Disconnect 3505 beyond the limit.
 */
export async function subscribeFromServer(
  core: Core,
  client: Client,
  channel: string,
  grant: SubscriptionGrant,
  request: SubscribeRequest,
): Promise<Subscribed> {
  const resolved = resolveChannel(core, channel);
  const limit = core.config.limits.subscriptionsPerConnection;
  if (client.subscriptions.size + client.subscribing >= limit) {
    throw new Disconnect(closeCodes.channelLimit, `a connection may have ${limit} subscriptions`);
  }
  const release = reserve(client);
  try {
    const { override, ...others } = grant;
    // What the options of a module's channel say is the module's word.
    const permit = override && !core.owners.has(resolved.pattern) ? grant : others;
    return await subscribe(core, client, channel, resolved, request, { ...permit, refresh: 'hook' }, true, release);
  } finally {
    release();
  }
}

/** Counts a subscription in the making towards the limit, until it stands among the others or has failed. */
function reserve(client: Client): () => void {
  let held = true;
  client.subscribing++;
  return () => {
    if (held) client.subscribing--;
    held = false;
  };
}

function refuseUnavailable(request: SubscribeRequest): void {
  if (request.type)
    throw new ProtocolError(errors.notAvailable, {
      detail: `subscription type ${request.type} is not available; valid: 0`,
    });
  if (request.delta && request.delta !== 'fossil') {
    throw new Disconnect(
      closeCodes.badRequest,
      `unknown delta ${JSON.stringify(request.delta.slice(0, 32))}; valid: "fossil"`,
    );
  }
}

async function permitClient(
  core: Core,
  client: Client,
  request: SubscribeRequest,
  resolved: ResolvedChannel,
): Promise<Permit> {
  const channel = request.channel as string;
  // The module is asked in the turn of joining; a token for its channel says nothing.
  if (core.owners.has(resolved.pattern)) return { refresh: undefined };
  if (core.hooks.subscribe && resolved.options.hooks.subscribe) {
    requireNamed(core, client, 'subscribe', resourceOf(channel, resolved));
    const answer = await core.hooks.subscribe({
      ...hookClient(client),
      channel,
      token: request.token,
      data: request.data,
    });
    return { ...answer, refresh: 'hook' };
  }
  if (request.token)
    return { ...(await verifySubscriptionToken(core, client, channel, request.token)), refresh: 'client' };
  const byOptions = await authorize(core, client, 'subscribe', resourceOf(channel, resolved));
  return { refresh: undefined, byOptions };
}

/**
 * Verifies a subscription token, and that it is this client's for this channel. A token that names neither user nor
 * client is an anonymous client's, so that one that leaked by forgetting `sub` lets nobody else in.
 * @throws ProtocolError 103 for an invalid token, 109 for an expired one; Disconnect 3500 for somebody else's.
 */
export async function verifySubscriptionToken(
  core: Core,
  client: Client,
  channel: string,
  token: string,
): Promise<SubscriptionClaims> {
  const claims = await readSubscriptionToken(core, token);
  const refuse = (detail: string): never => {
    throw new Disconnect(closeCodes.invalidToken, detail);
  };
  if (claims.channel !== channel) refuse(`subscription token is for channel ${claims.channel}, not ${channel}`);
  if (claims.client !== undefined && claims.client !== client.id) refuse('subscription token is for another client');
  const user = claims.user ?? (claims.client === undefined ? '' : client.user);
  if (user !== client.user) refuse('subscription token is for another user');
  return claims;
}

async function readSubscriptionToken(core: Core, token: string): Promise<SubscriptionClaims> {
  if (!core.authenticator)
    throw new ProtocolError(errors.permissionDenied, {
      detail: 'subscription tokens need auth.jwt or auth.subscriptionJwt',
    });
  try {
    return await core.authenticator.authorizeSubscription(token);
  } catch (error) {
    if (error instanceof InvalidTokenError) throw new ProtocolError(errors.permissionDenied, { detail: error.message });
    throw error;
  }
}

async function subscribe(
  core: Core,
  client: Client,
  channel: string,
  resolved: ResolvedChannel,
  request: SubscribeRequest,
  permit: Permit,
  serverSide: boolean,
  release: () => void,
): Promise<Subscribed> {
  const { options } = resolved;
  if (permit.expireAt && permit.expireAt * 1000 <= core.clock.now()) {
    throw new ProtocolError(errors.expired, { detail: 'the permission to subscribe has expired' });
  }
  checkInfo(permit.info);
  checkData(client.handshake, permit.data);
  const filter = tagsFilter(options, request);
  await core.interest.acquire(channel);
  if (client.isClosed || client.subscriptions.has(channel)) {
    core.interest.release(channel);
    throw new ProtocolError(client.isClosed ? errors.internal : errors.alreadySubscribed, {
      detail: 'subscribed or closed meanwhile',
    });
  }
  const present = core.hub.channels.get(channel)?.subscribers.length ?? 0;
  if (options.maxSubscribers > 0 && present >= options.maxSubscribers) {
    core.interest.release(channel);
    throw new ProtocolError(errors.limitExceeded, {
      detail: `channel ${channel} has ${options.maxSubscribers} subscribers on this node`,
    });
  }
  const hubChannel = core.hub.channel(channel, options);
  const subscription = new Subscription(
    hubChannel,
    client.recipient,
    client,
    subscriptionBits(options, request, permit, serverSide),
  );
  if (filter) subscription.set(flags.delta, false);
  if (permit.info || filter || permit.expireAt || permit.override) {
    subscription.extra = {
      ...(permit.info && { info: permit.info }),
      ...(filter && { filter }),
      ...(permit.expireAt && { expireAtMs: permit.expireAt * 1000 }),
      ...(permit.override && { override: permit.override }),
    };
  }
  const { generation } = core.permissions;
  core.hub.join(subscription);
  client.subscriptions.set(channel, subscription);
  release();
  let touched = false;
  const removeEntry = (): void => {
    core.presence.remove(channel, client.id).catch((error: unknown) => {
      core.logger.warn({ channel, client: client.id, err: error }, 'presence was not removed');
    });
  };
  try {
    // Once more, and in the turn of joining: what changed since the permission was given counts.
    const admission = core.permissions.admit(client, subscription, resolved);
    if (admission) await admission;
    if (subscription.has(flags.presence)) {
      touched = true;
      await core.presence.touch(channel, clientInfo(client, channel), core.config.timeouts.presence);
    }
    const missed = await readMissed(core, subscription, request);
    if (missed?.wasRecovering && !missed.recovered && ((request.flag ?? 0) & flagRejectUnrecovered) !== 0) {
      throw new ProtocolError(errors.unrecoverablePosition, {
        detail: `channel ${channel} no longer reaches back to offset ${request.offset ?? 0}`,
      });
    }
    if (subscription.index < 0) {
      throw new ProtocolError(subscription.has(flags.lost) ? errors.permissionDenied : errors.internal, {
        detail: 'left while subscribing',
      });
    }
    return {
      result: describe(core, subscription, permit, request, missed),
      live: () => {
        goLive(core, client, subscription, missed);
        if (subscription.index < 0) {
          if (touched) removeEntry();
          return;
        }
        if (touched !== subscription.has(flags.presence)) core.permissions.present(client, subscription, !touched);
        if (generation !== core.permissions.generation) core.permissions.review(client, subscription);
      },
    };
  } catch (error) {
    // It ended while its entry was on the way and the entry came last, or it was hidden meanwhile.
    if (touched && (subscription.index < 0 || !subscription.has(flags.presence))) removeEntry();
    endSubscription(core, client, subscription);
    throw error;
  }
}

function tagsFilter(
  options: ChannelOptions,
  request: SubscribeRequest,
): ReturnType<typeof compileTagsFilter> | undefined {
  if (!request.tf) return undefined;
  if (!options.tagsFilter) throw new ProtocolError(errors.badRequest, { detail: 'this channel has no tagsFilter' });
  try {
    return compileTagsFilter(request.tf);
  } catch (error) {
    if (error instanceof DecodeError) throw new ProtocolError(errors.badRequest, { detail: error.message });
    throw error;
  }
}

function subscriptionBits(
  options: ChannelOptions,
  request: SubscribeRequest,
  permit: Permit,
  serverSide: boolean,
): number {
  const { override } = permit;
  const wanted = (when: ChannelOptions['recovery'], asked: boolean | undefined, forced: boolean | undefined): boolean =>
    forced ?? (when === 'always' || (when === 'on-request' && asked === true));
  const hasHistory = options.history.size > 0;
  // What the server subscribes to has no request of its own: there "on request" means yes.
  const recoverable = hasHistory && wanted(options.recovery, request.recoverable || serverSide, override?.recovery);
  const positioned =
    hasHistory && (recoverable || wanted(options.positioning, request.positioned || serverSide, override?.positioning));
  const joinLeave = wanted(options.joinLeave, request.join_leave || serverSide, override?.joinLeave);
  return (
    (serverSide ? flags.serverSide : 0) |
    (recoverable ? flags.recoverable : 0) |
    (positioned ? flags.positioned : 0) |
    (joinLeave ? flags.joinLeave : 0) |
    ((override?.presence ?? options.presence) ? flags.presence : 0) |
    ((override?.joinLeave ?? options.joinLeave !== 'off') ? flags.announced : 0) |
    (options.delta && options.payload === 'json' && request.delta === 'fossil' ? flags.delta : 0) |
    (permit.refresh === 'client' ? flags.clientRefresh : 0) |
    (permit.byOptions ? flags.allowed : 0)
  );
}

function describe(
  core: Core,
  subscription: Subscription,
  permit: Permit,
  request: SubscribeRequest,
  missed: Missed | undefined,
): SubscribeResult {
  const result: SubscribeResult = {};
  const clientRefresh = subscription.has(flags.clientRefresh);
  if (permit.expireAt && clientRefresh) {
    result.expires = true;
    result.ttl = Math.max(1, permit.expireAt - Math.floor(core.clock.now() / 1000));
  }
  if (permit.data) result.data = permit.data;
  if (subscription.has(flags.delta)) result.delta = true;
  if (!missed) return result;
  result.epoch = missed.position.epoch;
  if (subscription.has(flags.positioned)) result.positioned = true;
  if (subscription.has(flags.recoverable)) result.recoverable = true;
  if (missed.wasRecovering) result.was_recovering = true;
  if (missed.recovered) result.recovered = true;
  const offset =
    missed.recovered && missed.wasRecovering && !missed.cache ? (request.offset ?? 0) : missed.position.offset;
  if (offset) result.offset = offset;
  if (missed.publications.length > 0) {
    result.publications = missed.publications
      .filter((publication) => known(subscription.takes(publication), subscription.channel.name))
      .map((publication) => shape(subscription, publication));
  }
  return result;
}

/** A recovered publication as this subscription wants its data. */
function shape(subscription: Subscription, publication: Publication): Publication {
  const { codec } = subscription.recipient.format;
  if (codec === 'json' && subscription.has(flags.delta))
    return { ...publication, data: quotePayload(publication.data) };
  return dataFor(codec, subscription.channel.options, publication);
}

function goLive(core: Core, client: Client, subscription: Subscription, missed: Missed | undefined): void {
  if (subscription.index < 0) {
    // The result was on its way already: without a word the client would wait for ever.
    if (subscription.has(flags.lost)) tellUnsubscribed(core, client, subscription, unsubscribeCodes.permissionLost);
    if (subscription.has(flags.unknown))
      tellUnsubscribed(core, client, subscription, unsubscribeCodes.permissionUnknown);
    return;
  }
  const last = missed?.publications.findLast((publication) => subscription.takes(publication));
  core.hub.goLive(subscription, missed?.position, last?.data, core.clock.now());
  if (subscription.index < 0) return;
  if (subscription.extra?.only !== undefined) {
    const { name: channel, options } = subscription.channel;
    const pub = dataFor(subscription.recipient.format.codec, options, {
      data: encoder.encode(subscription.extra.only),
    });
    client.push({ channel, pub });
  }
  announceToOwner(core, client, subscription);
  if (subscription.extra?.expireAtMs || subscription.has(flags.presence)) client.reschedule();
  if (subscription.has(flags.announced)) {
    const { name } = subscription.channel;
    core.broker.publishJoin(name, clientInfo(client, name)).catch((error: unknown) => {
      core.logger.warn({ channel: name, client: client.id, err: error }, 'join was not announced');
    });
  }
}
