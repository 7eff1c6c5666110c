/** From a command to its use case: one line per method of the protocol. */
import { closeCodes, type Command, type Reply, type RpcResult } from '@tidings/protocol';
import type { Client } from '../client.ts';
import type { Core } from '../core.ts';
import { Disconnect } from '../disconnect.ts';
import { historyFromClient } from '../history.ts';
import { presenceFromClient, presenceStatsFromClient } from '../presence.ts';
import { publishFromClient } from '../publish.ts';
import { refreshFromClient, subRefreshFromClient } from '../refresh.ts';
import { rpcFromClient } from '../rpc.ts';
import { subscribeFromClient } from '../subscribe.ts';
import { unsubscribeFromClient } from '../unsubscribe.ts';

export type Method = Exclude<keyof Command, 'id'>;

/** In the order of the protocol's table: the first that is present is the one meant. */
const methods = [
  'connect',
  'subscribe',
  'unsubscribe',
  'publish',
  'presence',
  'presence_stats',
  'history',
  'ping',
  'send',
  'rpc',
  'refresh',
  'sub_refresh',
] as const satisfies readonly Method[];

/** The method of a command; undefined for a pong. */
export function methodOf(command: Command): Method | undefined {
  for (const method of methods) if (command[method] !== undefined) return method;
  return undefined;
}

/**
 * Commands of one lane are handled in order, one after the other: those of one channel, RPC calls to the application,
 * and the connection's own.
 * @returns undefined for a call that begins at once and that others need not wait for: a module keeps order by itself.
 */
export function laneOf(core: Pick<Core, 'commands'>, command: Command, method: Method): string | undefined {
  switch (method) {
    case 'rpc':
      return core.commands.owns(command.rpc?.method ?? '') ? undefined : method;
    case 'subscribe':
    case 'unsubscribe':
    case 'publish':
    case 'presence':
    case 'presence_stats':
    case 'history':
    case 'sub_refresh':
      return channelLane(command[method]?.channel ?? '');
    default:
      return method;
  }
}

export function channelLane(channel: string): string {
  return `#${channel}`;
}

export interface Outcome {
  readonly reply: Reply;
  /** Called in the turn in which the reply is sent. */
  readonly live?: () => void;
}

/**
 * @param command of any method but `connect`.
 * @returns undefined if the method has no reply.
 * @throws ProtocolError, Disconnect.
 */
export function dispatch(core: Core, client: Client, command: Command): Promise<Outcome | undefined> {
  // Calls are what there may be most of: they go without a function that waits in between.
  if (command.rpc) return rpcFromClient(core, client, command.rpc).then(rpcOutcome);
  return dispatchOther(core, client, command);
}

function rpcOutcome(rpc: RpcResult): Outcome {
  return { reply: { rpc } };
}

async function dispatchOther(core: Core, client: Client, command: Command): Promise<Outcome | undefined> {
  if (command.subscribe) {
    const { result, live } = await subscribeFromClient(core, client, command.subscribe);
    return { reply: { subscribe: result }, live };
  }
  if (command.unsubscribe) {
    unsubscribeFromClient(core, client, command.unsubscribe);
    return { reply: { unsubscribe: {} } };
  }
  if (command.publish) {
    await publishFromClient(core, client, command.publish);
    return { reply: { publish: {} } };
  }
  if (command.presence)
    return { reply: { presence: await presenceFromClient(core, client, command.presence.channel) } };
  if (command.presence_stats) {
    return { reply: { presence_stats: await presenceStatsFromClient(core, client, command.presence_stats.channel) } };
  }
  if (command.history) return { reply: { history: await historyFromClient(core, client, command.history) } };
  if (command.ping) return { reply: { ping: {} } };
  if (command.refresh) return { reply: { refresh: await refreshFromClient(core, client, command.refresh) } };
  if (command.sub_refresh)
    return { reply: { sub_refresh: await subRefreshFromClient(core, client, command.sub_refresh) } };
  if (command.send)
    throw new Disconnect(closeCodes.notAvailable, 'a message was sent, but nothing handles messages; use rpc');
  return undefined;
}
