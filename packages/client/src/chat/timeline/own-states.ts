/** What the user did with the messages of a room: reactions and votes. Messages are told to all alike, this is told beside. */
import type { Message } from '../publications.ts';

export interface OwnState {
  readonly reactions: readonly string[];
  readonly votes: readonly string[];
}

interface Known extends OwnState {
  /** Of the message, when it was so. */
  readonly rev: number;
}

const nothing: OwnState = { reactions: [], votes: [] };

export class OwnStates {
  readonly #bySeq = new Map<number, Known>();

  of(seq: number): OwnState {
    return this.#bySeq.get(seq) ?? nothing;
  }

  /** @returns whether something changed. */
  heard(seq: number, rev: number, { reactions, votes }: OwnState): boolean {
    const known = this.#bySeq.get(seq);
    if (known && known.rev > rev) return false;
    const before = known ?? nothing;
    const isKept = isSame(before.reactions, reactions) && isSame(before.votes, votes);
    // The same arrays, so that what is shown of it stays the same.
    this.#bySeq.set(seq, isKept ? { ...before, rev } : { rev, reactions, votes });
    return !isKept;
  }

  /** Whether the message has changed since, in a way that may be the user's doing on another device. */
  isDoubtful({ seq, rev, reactions, poll }: Message): boolean {
    const known = this.#bySeq.get(seq);
    const isOfInterest = reactions !== undefined || poll !== undefined || (known?.reactions.length ?? 0) > 0;
    return isOfInterest && (known?.rev ?? 0) < rev;
  }

  /** @param own those of `messages` with which the user did something. */
  heardPage(messages: readonly Message[], own: readonly (OwnState & { readonly seq: number })[]): void {
    const bySeq = new Map(own.map((state) => [state.seq, state]));
    for (const { seq, rev } of messages) this.heard(seq, rev, bySeq.get(seq) ?? nothing);
  }

  /** For the cache. */
  reactions(messages: readonly Message[]): Record<number, readonly string[]> {
    const found: Record<number, readonly string[]> = {};
    for (const { seq } of messages) {
      const { reactions } = this.of(seq);
      if (reactions.length > 0) found[seq] = reactions;
    }
    return found;
  }
}

function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((item, at) => item === b[at]);
}
