/** Reading the history of a channel, from a client and from the application. */
import { errors, ProtocolError, type HistoryRequest, type HistoryResult, type Publication } from '@tidings/protocol';
import { actorOf, authorize, resourceOf } from './authorize.ts';
import type { HistoryPage, HistoryQuery } from './brokers/broker.ts';
import { historyOf } from './channel-owner.ts';
import type { ResolvedChannel } from './channels/channel-registry.ts';
import type { Client } from './client.ts';
import { resolveChannel, type Core } from './core.ts';
import { dataFor } from './hub/publication-encoder.ts';

/**
 * A client reads history.
 * @throws ProtocolError 100 if nobody can say at present what the client may have, 102, 103, 108 if the channel has none,
 * 112 if the position is of another stream.
 */
export async function historyFromClient(core: Core, client: Client, request: HistoryRequest): Promise<HistoryResult> {
  const channel = request.channel ?? '';
  requireHistory(channel, resolveChannel(core, channel));
  const read = {
    channel,
    limit: Math.min(pageLimit(request.limit ?? 0), core.config.limits.historyPage),
    since: request.since && { offset: request.since.offset ?? 0, epoch: request.since.epoch ?? '' },
    reverse: request.reverse,
  };
  const allowed = (): Promise<boolean> =>
    authorize(core, client, 'history', resourceOf(channel, resolveChannel(core, channel)));
  await allowed();
  const page = await readVisible(core, client, read);
  // Once more: among what was read may be what came after the permission went.
  await allowed();
  const { codec } = client.handshake.format;
  const { options } = resolveChannel(core, channel);
  const publications = page.publications.map((publication) => dataFor(codec, options, publication));
  return { publications, epoch: page.position.epoch, offset: page.position.offset };
}

/** Publications looked through for one answer, in pages; a client that may see few of them asks again behind the last. */
const maxPages = 10;

/**
 * As many publications as asked for, of those that this client may have. Fewer are the end of the history, or that too
 * much lies between.
 */
async function readVisible(core: Core, client: Client, read: HistoryRead): Promise<HistoryPage> {
  const visible: Publication[] = [];
  let { since } = read;
  for (let pages = 1; ; pages++) {
    const page = await readHistory(core, { ...read, since });
    const found = await visibleTo(core, client, read.channel, page.publications);
    visible.push(...found.slice(0, read.limit - visible.length));
    const last = page.publications.at(-1);
    const isEnd = last?.offset === undefined || page.publications.length < read.limit;
    if (isEnd || visible.length === read.limit || pages === maxPages) return { ...page, publications: visible };
    since = { offset: last.offset ?? 0, epoch: page.position.epoch };
  }
}

/** Those that the client may have now, after they were read: what changed meanwhile counts. */
async function visibleTo(
  core: Core,
  client: Client,
  channel: string,
  publications: readonly Publication[],
): Promise<readonly Publication[]> {
  const on = resourceOf(channel, resolveChannel(core, channel));
  if (!core.rules.concern(on)?.receive) return publications;
  const { filter } = await core.rules.receive(actorOf(client, channel), on);
  if (!filter) return publications;
  try {
    return publications.filter((publication) => known(filter(publication), channel));
  } finally {
    core.rules.release(filter);
  }
}

/**
 * The verdict of a receive filter.
 * @throws ProtocolError 100 if nobody can say at present: leaving the publication out would be silence.
 */
export function known(verdict: boolean | undefined, channel: string): boolean {
  if (verdict !== undefined) return verdict;
  const detail = `the receive rule of ${channel} asks for facts that nobody can tell at present`;
  throw new ProtocolError(errors.internal, { detail });
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
  const page = await historyOf(core, read.channel).read(read.channel, query, options.history.metaTtl);
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
  const top = await historyOf(core, channel).read(channel, { limit: 0 }, metaTtlMs);
  return { offset, epoch: top.position.epoch };
}

function pageLimit(limit: number): number {
  return limit < 0 ? Number.MAX_SAFE_INTEGER : limit;
}
