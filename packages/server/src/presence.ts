/** Who is on a channel, for clients that may know. */
import {
  errors,
  ProtocolError,
  type ClientInfo,
  type PresenceResult,
  type PresenceStatsResult,
} from '@tidings/protocol';
import { authorize, resourceOf } from './authorize.ts';
import type { ResolvedChannel } from './channels/channel-registry.ts';
import type { Client } from './client.ts';
import { resolveChannel, type Core } from './core.ts';

/** @throws ProtocolError 102, 103, 108. */
export async function presenceFromClient(core: Core, client: Client, channel = ''): Promise<PresenceResult> {
  const entries = await readAllowed(core, client, channel, () => listPresence(core, channel));
  return { presence: Object.fromEntries(entries) };
}

/** @throws ProtocolError 102, 103, 108. */
export async function presenceStatsFromClient(core: Core, client: Client, channel = ''): Promise<PresenceStatsResult> {
  const { clients, users } = await readAllowed(core, client, channel, () => countPresence(core, channel));
  return { num_clients: clients, num_users: users };
}

/** Asks before and after: among what was read may be who came after the permission went. */
async function readAllowed<T>(core: Core, client: Client, channel: string, read: () => Promise<T>): Promise<T> {
  const allowed = (): Promise<boolean> =>
    authorize(core, client, 'presence', resourceOf(channel, requirePresence(core, channel)));
  await allowed();
  const result = await read();
  await allowed();
  return result;
}

/** @throws ProtocolError 102, 108. */
export async function listPresence(core: Core, channel: string): Promise<Map<string, ClientInfo>> {
  requirePresence(core, channel);
  return core.presence.list(channel);
}

/** @throws ProtocolError 102, 108. */
export async function countPresence(core: Core, channel: string): Promise<{ clients: number; users: number }> {
  requirePresence(core, channel);
  return core.presence.stats(channel);
}

function requirePresence(core: Core, channel: string): ResolvedChannel {
  const resolved = resolveChannel(core, channel);
  if (!resolved.options.presence) {
    throw new ProtocolError(errors.notAvailable, { detail: `channel ${channel} has no presence` });
  }
  return resolved;
}
