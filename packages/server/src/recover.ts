/** What a subscriber missed, read from history and from what came while it was being read. */
import { closeCodes, isRecovered, mergePublications, type Publication, type SubscribeRequest } from '@tidings/protocol';
import type { HistoryPage, Position } from './brokers/broker.ts';
import { historyOf } from './channel-owner.ts';
import type { Core } from './core.ts';
import { Disconnect } from './disconnect.ts';
import { subscriptionFlags as flags, type Subscription } from './hub/subscription.ts';

export interface Missed {
  /** Where the subscription stands behind `publications`. */
  readonly position: Position;
  readonly wasRecovering: boolean;
  readonly recovered: boolean;
  readonly cache: boolean;
  readonly publications: readonly Publication[];
}

/**
 * Everything behind the client's position, or none of it: never a part.
 * @returns undefined if the subscription has no position.
 * @throws Disconnect 3010 if publications were lost between history and live.
 */
export async function readMissed(
  core: Core,
  subscription: Subscription,
  request: SubscribeRequest,
): Promise<Missed | undefined> {
  if (!subscription.has(flags.positioned)) return undefined;
  const { channel } = subscription;
  const { options } = channel;
  const wasRecovering = subscription.has(flags.recoverable) && request.recover === true;
  const cache = options.recoveryMode === 'cache' && subscription.has(flags.recoverable);
  const metaTtlMs = options.history.metaTtl;
  const from = { offset: request.offset ?? 0, epoch: request.epoch ?? '' };
  const history = historyOf(core, channel.name);

  if (cache) {
    const page = await history.read(channel.name, { limit: 1, reverse: true }, metaTtlMs);
    const { position, publications: buffered } = join(subscription, page, []);
    const latest = buffered.at(-1) ?? page.publications[0];
    const current = latest?.offset === position.offset;
    const clientHasIt = from.offset > 0 && from.offset === position.offset && from.epoch === position.epoch;
    return {
      position,
      wasRecovering,
      cache,
      recovered: wasRecovering && (current || clientHasIt),
      publications: latest && current && !clientHasIt ? [latest] : [],
    };
  }

  if (!wasRecovering) {
    const page = await history.read(channel.name, { limit: 0 }, metaTtlMs);
    return { position: page.position, wasRecovering, cache, recovered: false, publications: [] };
  }

  let { epoch } = from;
  if (epoch === '') epoch = (await history.read(channel.name, { limit: 0 }, metaTtlMs)).position.epoch;
  const limit = core.config.limits.recoveredPublications;
  // One more than allowed shows that there is too much.
  const page = await history.read(channel.name, { since: { offset: from.offset, epoch }, limit: limit + 1 }, metaTtlMs);
  const { position, publications } = page;
  const complete =
    page.complete ?? isRecovered({ request: { offset: from.offset, epoch }, top: position, publications });
  if (publications.length > limit || !complete) {
    core.metrics.recoveries.add('reset');
    return { position, wasRecovering, cache, recovered: false, publications: [] };
  }
  core.metrics.recoveries.add('recovered');
  return { ...join(subscription, page, publications), wasRecovering, cache, recovered: true };
}

/** Appends what the buffer holds behind the page. */
function join(
  subscription: Subscription,
  page: HistoryPage,
  recovered: readonly Publication[],
): { position: Position; publications: Publication[] } {
  const { offset, epoch } = page.position;
  const live = mergePublications([], subscription.buffer ?? [], offset);
  if (!live.ok)
    throw new Disconnect(closeCodes.insufficientState, `publications of ${subscription.channel.name} did not arrive`);
  return {
    position: { offset: live.publications.at(-1)?.offset ?? offset, epoch },
    publications: [...recovered, ...live.publications],
  };
}
