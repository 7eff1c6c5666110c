/**
 * Publishing, from a client and from the application.
 *
 * Path of a message: transport → connection → **use case** → broker → hub → outbox → transport.
 */
import { errors, isJson, ProtocolError, type ClientInfo, type Payload, type PublishRequest } from '@tidings/protocol';
import { actorOf, authorize, requireNamed, resourceOf } from './authorize.ts';
import type { Draft, PublishOptions, PublishResult } from './brokers/broker.ts';
import { ownerOf } from './channel-owner.ts';
import type { ResolvedChannel } from './channels/channel-registry.ts';
import type { Client } from './client.ts';
import { hookClient, resolveChannel, type Core } from './core.ts';
import type { ChannelOptions } from './config/schema.ts';
import type { Handshake } from './transports/transport.ts';

/** How long an idempotency key is remembered if the caller does not say. */
export const defaultIdempotencyTtlMs = 300_000;

export interface ServerPublication {
  readonly channel: string;
  readonly data: Payload;
  readonly tags?: Record<string, string> | undefined;
  readonly skipHistory?: boolean | undefined;
  readonly idempotencyKey?: string | undefined;
  readonly version?: number | undefined;
  readonly versionEpoch?: string | undefined;
}

/**
 * A client publishes.
 * @throws ProtocolError 102, 103, 107 (with the place if a schema is not kept), or what the publish hook answers.
 */
export async function publishFromClient(core: Core, client: Client, request: PublishRequest): Promise<void> {
  const channel = request.channel ?? '';
  const resolved = resolveChannel(core, channel);
  let { data } = request;
  if (!data || data.length === 0) throw new ProtocolError(errors.badRequest, { detail: 'data is missing' });
  if (request.key || request.type)
    throw new ProtocolError(errors.notAvailable, { detail: 'map publications are not available' });
  const on = resourceOf(channel, resolved);
  // Before the permission, because a rule may ask what is in the message.
  const message = core.rules.read(on, data);
  let tags: Record<string, string> | undefined;
  let skipHistory = false;
  const owner = core.owners.get(resolved.pattern);
  if (core.hooks.publish && resolved.options.hooks.publish && !owner) {
    requireNamed(core, client, 'publish', on);
    // The hook sees what would be published; what it puts in its place stands.
    if (message) data = (await core.rules.stamp(actorOf(client, channel), on, message)) ?? data;
    const answer = await core.hooks.publish({ ...hookClient(client), channel, data });
    data = answer?.data ?? data;
    tags = answer?.tags;
    skipHistory = answer?.skipHistory ?? false;
  } else {
    await authorize(core, client, 'publish', message ? { ...on, data: message.data } : on);
    if (message) data = (await core.rules.stamp(actorOf(client, channel), on, message)) ?? data;
  }
  // The JSON codec let only JSON through; Protobuf clients and hooks may send anything.
  if (data !== request.data || client.handshake.format.codec !== 'json') checkPayload(resolved, channel, data);
  const draft: Draft = tags
    ? { data, tags, info: clientInfo(client, channel) }
    : { data, info: clientInfo(client, channel) };
  core.metrics.publications.add('client');
  // What the broker kept would be no part of the module's own history.
  await core.broker.publish(channel, draft, historyOptions(resolved.options, skipHistory || !!owner?.history));
}

/**
 * The application publishes; nobody is asked.
 * @throws ProtocolError 102, 107, 103 on a channel of a module, which alone publishes there.
 */
export async function publishFromServer(core: Core, publication: ServerPublication): Promise<PublishResult> {
  const { channel, data, tags } = publication;
  const resolved = resolveChannel(core, channel);
  const owner = ownerOf(core, channel);
  if (owner) {
    throw new ProtocolError(errors.permissionDenied, {
      detail: `channel ${channel} belongs to ${owner.module}; use the commands of ${owner.module}`,
    });
  }
  checkPayload(resolved, channel, data);
  core.metrics.publications.add('server');
  return core.broker.publish(channel, tags ? { data, tags } : { data }, {
    ...historyOptions(resolved.options, publication.skipHistory ?? false),
    ...(publication.idempotencyKey && {
      idempotencyKey: publication.idempotencyKey,
      idempotencyTtlMs: defaultIdempotencyTtlMs,
    }),
    ...(publication.version && { version: publication.version }),
    ...(publication.versionEpoch && { versionEpoch: publication.versionEpoch }),
  });
}

/** Who published or came or went, as others see it. */
export function clientInfo(client: Client, channel: string): ClientInfo {
  const info: ClientInfo = { user: client.user, client: client.id };
  if (client.info) info.conn_info = client.info;
  const channelInfo = client.subscriptions.get(channel)?.extra?.info;
  if (channelInfo) info.chan_info = channelInfo;
  return info;
}

/**
 * Info goes into the frames of everybody who sees the client; what is not JSON would break those of JSON clients.
 * @throws ProtocolError 107.
 */
export function checkInfo(info: Payload | undefined): void {
  if (info && !isJson(info)) throw new ProtocolError(errors.badRequest, { detail: 'info is not JSON' });
}

/**
 * Data of the application for one client; what is not JSON would break the frame of a JSON client.
 * @throws ProtocolError 107.
 */
export function checkData({ format }: Handshake, data: Payload | undefined): void {
  if (data && format.codec === 'json' && !isJson(data)) {
    throw new ProtocolError(errors.badRequest, { detail: 'data for a JSON client is not JSON' });
  }
}

/** What a channel's options say about history, for the broker. */
export function historyOptions(options: ChannelOptions, skipHistory = false): PublishOptions {
  return {
    historySize: skipHistory ? 0 : options.history.size,
    historyTtlMs: options.history.ttl,
    historyMetaTtlMs: options.history.metaTtl,
  };
}

function checkPayload(resolved: ResolvedChannel, channel: string, data: Payload): void {
  if (data.length === 0) throw new ProtocolError(errors.badRequest, { detail: 'data is empty' });
  // One publication that is not JSON would break the frames of every JSON subscriber.
  if (resolved.options.payload === 'json' && !isJson(data)) {
    throw new ProtocolError(errors.badRequest, {
      detail: `data is not JSON; channel ${channel} (pattern ${resolved.pattern}) has payload: json`,
    });
  }
}
