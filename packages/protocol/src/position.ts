/**
 * Recovery decided: has a client that comes back been given all it missed? Pure functions, used where a subscription
 * starts: read the history, decide, then merge what arrived live meanwhile.
 */
import type { Publication, StreamPosition } from './messages.ts';

export interface RecoveryAttempt {
  /** Where the client was. An empty epoch agrees with any. */
  readonly request: StreamPosition;
  /** Where the stream is. */
  readonly top: { readonly offset: number; readonly epoch: string };
  /** What history has behind the requested offset, in order, before any filter. */
  readonly publications: readonly Publication[];
}

/**
 * Whether the publications are exactly those the client missed: recovery is whole or it is none.
 */
export function isRecovered({ request, top, publications }: RecoveryAttempt): boolean {
  const epoch = request.epoch ?? '';
  const offset = request.offset ?? 0;
  if (epoch !== '' && epoch !== top.epoch) return false;
  if (publications.length === 0) return top.offset === offset;
  return (
    publications.length === top.offset - offset &&
    publications.every((publication, index) => publication.offset === offset + 1 + index)
  );
}

export interface MergedPublications {
  /** In order of offset, each once. */
  readonly publications: Publication[];
  /** Buffered ones without an offset, in order: signals that no position counts, to be delivered behind the others. */
  readonly ephemeral: Publication[];
  /** False if an offset is missing; the client must then start over. */
  readonly ok: boolean;
}

/**
 * Joins what history gave with what arrived live while it was read.
 * @param recovered from history.
 * @param buffered arrived live; may repeat what history has, come late or twice.
 * @param after the offset the run follows on: lower ones are dropped, and the first must be the next. Without it the
 *   run may start anywhere.
 */
export function mergePublications(
  recovered: readonly Publication[],
  buffered: readonly Publication[],
  after?: number,
): MergedPublications {
  const byOffset = new Map<number, Publication>();
  const ephemeral: Publication[] = [];
  for (const publication of [...recovered, ...buffered]) {
    const offset = publication.offset ?? 0;
    if (offset === 0) ephemeral.push(publication);
    else if (offset > (after ?? 0) && !byOffset.has(offset)) byOffset.set(offset, publication);
  }
  const offsets = [...byOffset.keys()].toSorted((a, b) => a - b);
  const first = after === undefined ? offsets[0] : after + 1;
  const ok = offsets.every((offset, index) => offset === (first as number) + index);
  return { publications: offsets.map((offset) => byOffset.get(offset) as Publication), ephemeral, ok };
}
