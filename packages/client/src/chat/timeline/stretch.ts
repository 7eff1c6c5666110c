/**
 * A stretch of a timeline without holes, and how what is heard of messages goes into it. Pure. Publications, answers, the
 * cache and other tabs may come in any order, twice or late: of two versions of a message the one with the higher `rev`
 * stays, and order is that of `seq`.
 */
import type { Message } from '../publications.ts';

export interface Stretch {
  /** By seq. */
  readonly messages: readonly Message[];
  /** There are older ones that are not here. */
  readonly hasBefore: boolean;
  /** There are newer ones that are not here. */
  readonly hasAfter: boolean;
}

export const emptyStretch: Stretch = { messages: [], hasBefore: false, hasAfter: false };

/**
 * Of two versions of a message, the one to keep. What others see of a message for its sender alone (`hidden`) never
 * takes the place of what its sender sees.
 */
export function newerOf(known: Message, heard: Message): Message {
  if (heard.kind === 'hidden' && known.kind !== 'hidden') return known;
  if (heard.rev > known.rev) return heard;
  return heard.rev === known.rev && known.kind === 'hidden' && heard.kind !== 'hidden' ? heard : known;
}

/**
 * Messages that were heard of, in any order. Those outside the stretch are left out, for what lies between is not known.
 * @returns the same object if nothing changed.
 */
export function mergeMessages(stretch: Stretch, heard: readonly Message[]): Stretch {
  let messages: Message[] | undefined;
  for (const message of heard) {
    const now: readonly Message[] = messages ?? stretch.messages;
    const at = placeOf(now, message.seq);
    const known = now[at];
    if (known?.seq === message.seq) {
      const newer = newerOf(known, message);
      if (newer !== known) (messages ??= [...stretch.messages])[at] = newer;
      continue;
    }
    if (at === 0 && stretch.hasBefore && now.length > 0) continue;
    if (at === now.length && stretch.hasAfter) continue;
    (messages ??= [...stretch.messages]).splice(at, 0, message);
  }
  return messages ? { ...stretch, messages } : stretch;
}

/** @param page read with `before` the first message of the stretch. */
export function prependPage(stretch: Stretch, page: Stretch): Stretch {
  const joined = mergeMessages({ ...stretch, hasBefore: false }, page.messages);
  return { ...joined, hasBefore: page.hasBefore };
}

/** @param page read with `after` the last message of the stretch. */
export function appendPage(stretch: Stretch, page: Stretch): Stretch {
  const joined = mergeMessages({ ...stretch, hasAfter: false }, page.messages);
  return { ...joined, hasAfter: page.hasAfter };
}

/** At most `max` messages; those at `from` go. */
export function trimStretch(stretch: Stretch, max: number, from: 'start' | 'end'): Stretch {
  const { messages } = stretch;
  if (messages.length <= max) return stretch;
  if (from === 'start') return { ...stretch, messages: messages.slice(-max), hasBefore: true };
  return { ...stretch, messages: messages.slice(0, max), hasAfter: true };
}

/** Where a message of this seq stands, or would stand. */
export function placeOf(messages: readonly Message[], seq: number): number {
  // Most are new ones at the end.
  const last = messages.at(-1);
  if (!last || last.seq < seq) return messages.length;
  let [low, high] = [0, messages.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((messages[middle]?.seq ?? 0) < seq) low = middle + 1;
    else high = middle;
  }
  return low;
}
