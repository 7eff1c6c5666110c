/** What tests of the engine share: payloads, tokens, several nodes in one process, and reading what a client was sent. */
import { createHmac } from 'node:crypto';
import type { Payload, Publication, Push, Reply, SubscribeRequest, SubscribeResult } from '@tidings/protocol';
import { MemoryBroker, MemoryBus } from '../brokers/memory.ts';
import type { ConfigInput } from '../config/schema.ts';
import type { EngineOptions } from '../engine.ts';
import { FakeClock, settle } from '../lib/clock.ts';
import { createLogger } from '../lib/logger.ts';
import { MemoryPresenceStore, PresenceTable } from '../presence/memory.ts';
import { createTestEngine, type TestEngine } from '../testing.ts';
import type { MemoryClient } from '../transports/memory.ts';
import { FaultyBroker } from './faulty-broker.ts';

/** Where every `FakeClock` starts, Unix seconds. */
export const startSeconds = 1_700_000_000;

export function json(value: unknown): Payload {
  return new TextEncoder().encode(JSON.stringify(value));
}

export function text(payload: Payload | undefined): string {
  return new TextDecoder().decode(payload);
}

/** The values that publications carry. */
export function values(publications: readonly (Publication | undefined)[] | undefined): unknown[] {
  return (publications ?? []).map((publication) => JSON.parse(text(publication?.data)) as unknown);
}

const hmacSecret = 'a secret of thirty-two bytes or more';
export const jwt = { hmacSecret };

/** A token signed with the secret of `jwt`. */
export function token(claims: object): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'HS256' })}.${part(claims)}`;
  return `${signed}.${createHmac('sha256', hmacSecret).update(signed).digest('base64url')}`;
}

/** Anybody may do everything. */
export const open = {
  allow: { subscribe: 'anyone', publish: 'anyone', history: 'anyone', presence: 'anyone' },
} as const satisfies NonNullable<ConfigInput['channels']>[string];

/** Anybody may do everything, and what was missed is recovered. */
export const recoverable = {
  ...open,
  history: { size: 1_000, ttl: '1h' },
  recovery: 'on-request',
  positioning: 'on-request',
} as const satisfies NonNullable<ConfigInput['channels']>[string];

/** Subscribes; throws if it was refused. */
export async function subscribe(
  client: MemoryClient,
  channel: string,
  request: SubscribeRequest = {},
): Promise<SubscribeResult> {
  const reply = await client.request({ subscribe: { ...request, channel } });
  if (!reply.subscribe) throw new Error(`subscribe failed: ${JSON.stringify(reply.error)}`);
  return reply.subscribe;
}

/** The error code of a reply; undefined if it is a result. */
export async function codeOf(reply: Promise<Reply>): Promise<number | undefined> {
  return (await reply).error?.code;
}

/** How a connection ended, as close code. */
export async function closeCodeOf(client: MemoryClient): Promise<number> {
  return (await client.closed).code;
}

/** Takes what a client was sent so far, in order. */
export async function taken(client: MemoryClient): Promise<Reply[]> {
  await settle();
  const replies: Reply[] = [];
  while (client.inbox.length > 0) replies.push(await client.next());
  return replies;
}

/** Takes the pushes a client was sent so far, in order. */
export async function pushes(client: MemoryClient): Promise<Push[]> {
  return (await taken(client)).flatMap(({ push }) => (push ? [push] : []));
}

/** Takes the publications a client was sent so far, in order. */
export async function publications(client: MemoryClient): Promise<Publication[]> {
  return (await pushes(client)).flatMap(({ pub }) => (pub ? [pub] : []));
}

/** A broker that can misbehave, and tells which channels its node wants. */
export class WatchedBroker extends FaultyBroker {
  readonly wanted = new Set<string>();

  override async subscribe(channel: string): Promise<void> {
    await super.subscribe(channel);
    this.wanted.add(channel);
  }

  override async unsubscribe(channel: string): Promise<void> {
    this.wanted.delete(channel);
    await super.unsubscribe(channel);
  }
}

export interface TestNode extends TestEngine {
  readonly broker: WatchedBroker;
}

/** An engine whose broker can misbehave. */
export async function createWatchedEngine(
  options: Partial<Omit<EngineOptions, 'clock' | 'broker'>> & { readonly config?: ConfigInput } = {},
): Promise<TestNode> {
  const [node] = (await createTestNodes(1, options)) as [TestNode];
  return node;
}

/** Nodes of one cluster, that share a clock, a bus and a presence table. */
export async function createTestNodes(
  count: number,
  options: Partial<Omit<EngineOptions, 'clock' | 'broker'>> & { readonly config?: ConfigInput } = {},
): Promise<TestNode[]> {
  const clock = new FakeClock();
  const logger = createLogger('silent');
  const bus = new MemoryBus({ clock, logger });
  const table = new PresenceTable(clock);
  const nodes: TestNode[] = [];
  for (let i = 0; i < count; i++) {
    const broker = new WatchedBroker(new MemoryBroker({ clock, logger, bus, nodeId: `node-${i}` }));
    const presence = options.presence ?? new MemoryPresenceStore({ clock, table });
    nodes.push(Object.assign(await createTestEngine({ ...options, clock, broker, presence }), { broker }));
  }
  return nodes;
}
