/** Reading the history of a channel, from a client and from the application. */
import { errors, ProtocolError, type HistoryRequest, type HistoryResult } from '@tidings/protocol';
import { authorize } from './authorize.ts';
import type { HistoryPage, HistoryQuery } from './brokers/broker.ts';
import type { ResolvedChannel } from './channels/channel-registry.ts';
import type { Client } from './client.ts';
import { resolveChannel, type Core } from './core.ts';
import { dataFor } from './hub/publication-encoder.ts';

/**
 * A client reads history.
 * @throws ProtocolError 102, 103, 108 if the channel has none, 112 if the position is of another stream.
 */
export async function historyFromClient(core: Core, client: Client, request: HistoryRequest): Promise<HistoryResult> {
  const channel = request.channel ?? '';
  const resolved = resolveChannel(core, channel);
  requireHistory(channel, resolved);
  await authorize(core, client, 'history', channel, resolved);
  const page = await readHistory(core, {
    channel,
    limit: Math.min(pageLimit(request.limit ?? 0), core.config.limits.historyPage),
    since: request.since && { offset: request.since.offset ?? 0, epoch: request.since.epoch ?? '' },
    reverse: request.reverse,
  });
  const { codec } = client.handshake.format;
  const publications = page.publications.map((publication) => dataFor(codec, resolved.options, publication));
  return { publications, epoch: page.position.epoch, offset: page.position.offset };
}

export interface HistoryRead {
  readonly channel: string;
  /** 0: only the position; -1: all. */
  readonly limit: number;
  readonly since?: { readonly offset: number; readonly epoch: string } | undefined;
  readonly reverse?: boolean | undefined;
}

/** @throws ProtocolError 102, 108, 112. */
export async function readHistory(core: Core, read: HistoryRead): Promise<HistoryPage> {
  const resolved = resolveChannel(core, read.channel);
  requireHistory(read.channel, resolved);
  const { options } = resolved;
  const { since, limit, reverse } = read;
  const position =
    since && since.epoch === '' ? await adoptEpoch(core, read.channel, since.offset, options.history.metaTtl) : since;
  const query: HistoryQuery = { limit, ...(position && { since: position }), ...(reverse && { reverse }) };
  const page = await core.broker.history.read(read.channel, query, options.history.metaTtl);
  if (position && position.epoch !== page.position.epoch) {
    throw new ProtocolError(errors.unrecoverablePosition, { detail: `channel ${read.channel} has another epoch` });
  }
  return page;
}

function requireHistory(channel: string, { options }: ResolvedChannel): void {
  if (options.history.size === 0) {
    throw new ProtocolError(errors.notAvailable, { detail: `channel ${channel} has no history` });
  }
}

/** A position without epoch belongs to whatever stream there is now. */
async function adoptEpoch(
  core: Core,
  channel: string,
  offset: number,
  metaTtlMs: number,
): Promise<{ offset: number; epoch: string }> {
  const top = await core.broker.history.read(channel, { limit: 0 }, metaTtlMs);
  return { offset, epoch: top.position.epoch };
}

function pageLimit(limit: number): number {
  return limit < 0 ? Number.MAX_SAFE_INTEGER : limit;
}
