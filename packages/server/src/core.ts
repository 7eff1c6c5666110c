/** What the use cases work with. Made once by the composition root; only `config` and `channels` change, at reload. */
import type { Authenticator } from './auth/authenticator.ts';
import type { Authorizer, Rules } from './auth/authorizer.ts';
import type { HookClient, Hooks } from './auth/hooks.ts';
import type { Broker } from './brokers/broker.ts';
import type { ChannelOwner } from './channel-owner.ts';
import type { ChannelRegistry, ResolvedChannel } from './channels/channel-registry.ts';
import type { Client } from './client.ts';
import type { Clients } from './clients.ts';
import type { Commands } from './commands.ts';
import type { Config } from './config/schema.ts';
import type { EventSink } from './events/event-sink.ts';
import type { Hub } from './hub/hub.ts';
import type { Interest } from './hub/interest.ts';
import type { Clock } from './lib/clock.ts';
import type { Logger } from './lib/logger.ts';
import type { Metrics } from './lib/metrics.ts';
import type { Permissions } from './permissions.ts';
import type { PresenceStore } from './presence/presence-store.ts';
import { channelNameProblem, errors, ProtocolError } from '@tidings/protocol';

export interface Core {
  readonly config: Config;
  readonly channels: ChannelRegistry;
  /** Modules by the channel patterns they own. */
  readonly owners: ReadonlyMap<string, ChannelOwner>;
  /** What clients and back ends ask of modules. */
  readonly commands: Commands;
  readonly nodeId: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly hub: Hub;
  readonly interest: Interest;
  readonly broker: Broker;
  readonly presence: PresenceStore;
  readonly clients: Clients;
  readonly authenticator: Authenticator | undefined;
  /** Decides on actions of clients; the rules, unless the embedding program has its own. */
  readonly authorizer: Authorizer;
  readonly rules: Rules;
  readonly permissions: Permissions;
  readonly hooks: Hooks;
  readonly events: EventSink;
}

/**
 * The options of a channel a client or back end named.
 * @throws ProtocolError 107 for a name that cannot be one, 102 if no pattern matches.
 */
export function resolveChannel(core: Core, channel: string | undefined): ResolvedChannel {
  const name = channel ?? '';
  const problem = channelNameProblem(name, core.config.limits.channelNameLength);
  if (problem !== undefined) throw new ProtocolError(errors.badRequest, { detail: problem });
  const resolved = core.channels.find(name);
  if (!resolved) {
    throw new ProtocolError(errors.unknownChannel, {
      detail: `no pattern in the configuration matches channel ${JSON.stringify(channel)}`,
    });
  }
  return resolved;
}

/** What hooks are told about the asking client. */
export function hookClient(client: Client): HookClient {
  return {
    client: client.id,
    user: client.user,
    transport: client.handshake.transport,
    protocol: client.handshake.format.codec,
    address: client.handshake.address,
    headers: client.handshake.headers,
    meta: client.meta,
  };
}
