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
    if (known ? known.rev > rev : reactions.length + votes.length === 0) return false;
    if (known && isSame(known.reactions, reactions) && isSame(known.votes, votes)) return false;
    this.#bySeq.set(seq, { rev, reactions, votes });
    return true;
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
