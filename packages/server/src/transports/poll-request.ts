/** What a long-polling client asks, from the query of a `GET` or the JSON body of a `POST`. */
import { z } from 'zod';
import type { ConnectRequest, SubscribeRequest } from '@tidings/protocol';
import { readBody } from '../http/body.ts';
import { HttpError } from '../http/http-error.ts';
import type { HttpExchange } from '../http/route.ts';
import { decodeRequest } from './http-request.ts';
import { decodeCursor, type PollPosition } from './poll-cursor.ts';

const schema = z.strictObject({
  channels: z.array(z.string().min(1)).default([]),
  token: z.string().optional(),
  cursor: z.string().optional(),
  /** How long an answer may take if nothing happens. */
  timeoutSeconds: z.number().min(1).max(60).default(25),
  /** Publications of one answer at most; the rest comes with the next poll. */
  limit: z.int().min(1).optional(),
  /** For the connect hook. */
  data: z.unknown().optional(),
});

export interface PollRequest {
  readonly connect: ConnectRequest;
  /** Where the client stands; a channel that is not in it starts now. */
  readonly positions: ReadonlyMap<string, PollPosition>;
  readonly channels: ReadonlySet<string>;
  readonly timeoutMs: number;
  readonly limit: number;
}

/**
 * Reads a poll.
 * @param maxBytes the largest body.
 * @throws HttpError 400 for what does not fit the schema or a damaged cursor, 413 too large.
 */
export async function readPollRequest(exchange: HttpExchange, maxBytes: number): Promise<PollRequest> {
  const fromQuery = exchange.request.method === 'GET';
  const raw = fromQuery ? readQuery(exchange.url.searchParams) : await readJson(exchange, maxBytes);
  const parsed = schema.safeParse(raw);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const path = issue?.path.join('.') || 'body';
    throw new HttpError(400, `${fromQuery && path === 'timeoutSeconds' ? 'timeout' : path}: ${issue?.message}`);
  }
  const { cursor, timeoutSeconds, limit = Infinity, data } = parsed.data;
  const positions = cursor ? decodeRequest(() => decodeCursor(cursor)) : new Map<string, PollPosition>();
  const channels = new Set(parsed.data.channels);
  const token = parsed.data.token ?? bearer(exchange.request.headers.authorization);
  return {
    connect: {
      ...(token && { token }),
      ...(data !== undefined && { data: new TextEncoder().encode(JSON.stringify(data)) }),
      subs: subscriptions(channels, positions),
    },
    positions,
    channels,
    timeoutMs: timeoutSeconds * 1000,
    limit,
  };
}

/** The channels asked for and, so that they recover too, those that the server had subscribed the client to. */
function subscriptions(
  channels: ReadonlySet<string>,
  positions: ReadonlyMap<string, PollPosition>,
): Record<string, SubscribeRequest> {
  const wanted = new Set(channels);
  for (const [channel, { serverSide }] of positions) if (serverSide) wanted.add(channel);
  return Object.fromEntries([...wanted].map((channel) => [channel, subscription(positions.get(channel))]));
}

function subscription(position: PollPosition | undefined): SubscribeRequest {
  if (!position?.epoch) return { recoverable: true };
  return { recoverable: true, recover: true, epoch: position.epoch, offset: position.offset };
}

function readQuery(query: URLSearchParams): Record<string, unknown> {
  const number = (name: string) => (query.has(name) ? Number(query.get(name)) : undefined);
  return {
    channels: query.get('channels')?.split(',').filter(Boolean),
    token: query.get('token') ?? undefined,
    cursor: query.get('cursor') ?? undefined,
    timeoutSeconds: number('timeout'),
    limit: number('limit'),
  };
}

async function readJson(exchange: HttpExchange, maxBytes: number): Promise<unknown> {
  const body = await readBody(exchange.request, maxBytes);
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    throw new HttpError(400, 'body: not valid JSON');
  }
}

/** A token in a header stays out of the logs of proxies. */
function bearer(authorization: string | undefined): string | undefined {
  return /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
}
