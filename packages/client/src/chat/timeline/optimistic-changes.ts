/**
 * What the user has just done to messages, shown before the server has answered, and gone again if it refuses. A change
 * lies on top of the message as the server has it, so that taking it back is leaving it out.
 */
import type { Message } from '../publications.ts';
import type { OwnState } from './own-states.ts';

export type Change =
  | { readonly kind: 'edit'; readonly text: string; readonly version: number; readonly at: number }
  | { readonly kind: 'delete'; readonly at: number }
  /** `count`: as it was, so that nothing is counted twice if the publication is faster than the answer. */
  | { readonly kind: 'react'; readonly emoji: string; readonly isOn: boolean; readonly count: number }
  | { readonly kind: 'pin'; readonly at: number | undefined }
  /** `rev` of the message: a later one counts the votes itself. */
  | { readonly kind: 'vote'; readonly options: readonly string[]; readonly rev: number };

/** A message as it is to be shown, and what the user did with it. */
export interface Changed {
  readonly message: Message;
  readonly own: OwnState;
}

export function applyChange({ message, own }: Changed, change: Change): Changed {
  switch (change.kind) {
    case 'edit':
      if (message.version > change.version || message.deletedAt !== undefined) return { message, own };
      return { message: { ...message, text: change.text, editedAt: change.at }, own };
    case 'delete':
      return { message: message.deletedAt === undefined ? tombstone(message, change.at) : message, own };
    case 'pin': {
      const { pinnedAt: _, ...rest } = message;
      return { message: change.at === undefined ? rest : { ...rest, pinnedAt: change.at }, own };
    }
    case 'react':
      return applyReaction({ message, own }, change);
    case 'vote':
      return applyVote({ message, own }, change);
  }
}

function applyVote({ message, own }: Changed, { options, rev }: Extract<Change, { kind: 'vote' }>): Changed {
  const { poll } = message;
  if (!poll) return { message, own };
  const now = { ...own, votes: options };
  if (message.rev > rev) return { message, own: now };
  const counted = poll.options.map((option) => {
    const moved = Number(options.includes(option.id)) - Number(own.votes.includes(option.id));
    return { ...option, votes: option.votes + moved };
  });
  const voters = poll.voters + Number(options.length > 0) - Number(own.votes.length > 0);
  return { message: { ...message, poll: { ...poll, options: counted, voters } }, own: now };
}

function applyReaction({ message, own }: Changed, change: Extract<Change, { kind: 'react' }>): Changed {
  const { emoji, isOn, count } = change;
  const { [emoji]: now = 0, ...others } = message.reactions ?? {};
  const shown = isOn ? Math.max(now, count + 1) : Math.min(now, count - 1);
  // In its place if it is there, so that nothing jumps.
  const reactions =
    shown <= 0 ? others : now > 0 ? { ...message.reactions, [emoji]: shown } : { ...others, [emoji]: shown };
  const without = own.reactions.filter((other) => other !== emoji);
  return { message: { ...message, reactions }, own: { ...own, reactions: isOn ? [...without, emoji] : without } };
}

function tombstone(message: Message, deletedAt: number): Message {
  const { room, seq, id, sender, clientId, kind, threadSeq, replySeq, thread, version, createdAt, rev } = message;
  return {
    ...{ room, seq, id, sender, kind, version, createdAt, rev, deletedAt },
    ...(clientId !== undefined && { clientId }),
    ...(threadSeq !== undefined && { threadSeq }),
    ...(replySeq !== undefined && { replySeq }),
    ...(thread && { thread }),
  };
}

const none: readonly Change[] = [];

/** The changes of a room that wait for an answer. */
export class OptimisticChanges {
  readonly #bySeq = new Map<number, readonly Change[]>();
  readonly #onChange: () => void;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
  }

  /** The same array until something changes. */
  of(seq: number): readonly Change[] {
    return this.#bySeq.get(seq) ?? none;
  }

  /** Shows the change until `work` has ended. */
  async during<T>(seq: number, change: Change, work: () => Promise<T>): Promise<T> {
    this.#bySeq.set(seq, [...this.of(seq), change]);
    this.#onChange();
    try {
      return await work();
    } finally {
      const left = this.of(seq).filter((other) => other !== change);
      if (left.length > 0) this.#bySeq.set(seq, left);
      else this.#bySeq.delete(seq);
      this.#onChange();
    }
  }
}
