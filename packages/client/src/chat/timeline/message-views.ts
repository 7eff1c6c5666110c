/** Messages as they are shown. One whose parts did not change stays the same object, so that only what changed is drawn. */
import type { OutboxEntry } from '../outbox/outbox.ts';
import type { Message } from '../publications.ts';
import type { MessageState, MessageView } from '../views.ts';
import { applyChange, type Change } from './optimistic-changes.ts';
import type { OwnState } from './own-states.ts';

/** Everything that one view is made of. */
export interface ViewParts {
  readonly message: Message;
  readonly own: OwnState;
  readonly changes: readonly Change[];
  readonly state: MessageState;
}

interface Made {
  readonly parts: ViewParts;
  readonly view: MessageView;
}

export class MessageViews {
  #bySeq = new Map<number, Made>();
  readonly #byEntry = new WeakMap<OutboxEntry, MessageView>();

  of(parts: ViewParts): MessageView {
    const { seq } = parts.message;
    const made = this.#bySeq.get(seq);
    if (made && isSame(made.parts, parts)) return made.view;
    const view = toMessageView(parts);
    this.#bySeq.set(seq, { parts, view });
    return view;
  }

  ofEntry(entry: OutboxEntry, me: string): MessageView {
    let view = this.#byEntry.get(entry);
    if (!view) this.#byEntry.set(entry, (view = toOutgoingView(entry, me)));
    return view;
  }

  /** Forgets all but what is shown. */
  keep(shown: readonly MessageView[]): void {
    if (this.#bySeq.size < 2 * shown.length + 100) return;
    const kept = new Map<number, Made>();
    for (const { seq = 0 } of shown) {
      const made = this.#bySeq.get(seq);
      if (made) kept.set(seq, made);
    }
    this.#bySeq = kept;
  }
}

function isSame(a: ViewParts, b: ViewParts): boolean {
  const isSameOwn = a.own.reactions === b.own.reactions && a.own.votes === b.own.votes;
  return a.message === b.message && isSameOwn && a.changes === b.changes && a.state === b.state;
}

export function toMessageView(parts: ViewParts): MessageView {
  const { message, own } = parts.changes.reduce(applyChange, { message: parts.message, own: parts.own });
  const isOwn = parts.state !== 'received';
  return {
    key: (isOwn && message.clientId) || message.id,
    room: message.room,
    sender: message.sender,
    isOwn,
    state: parts.state,
    seq: message.seq,
    text: message.text ?? '',
    createdAt: message.createdAt,
    ...(message.replySeq !== undefined && { replySeq: message.replySeq }),
    ...(message.threadSeq !== undefined && { threadSeq: message.threadSeq }),
    message,
    attachments: message.attachments ?? [],
    uploads: [],
    reactions: Object.entries(message.reactions ?? {}).map(([emoji, count]) => ({
      emoji,
      count,
      isOwn: own.reactions.includes(emoji),
    })),
    ownVotes: own.votes,
    isEdited: message.editedAt !== undefined,
    isDeleted: message.deletedAt !== undefined,
  };
}

function toOutgoingView(entry: OutboxEntry, me: string): MessageView {
  const { content, failure } = entry;
  return {
    key: entry.clientId,
    room: entry.room,
    sender: me,
    isOwn: true,
    state: failure ? 'failed' : 'sending',
    ...(failure && { failure }),
    text: content.text ?? '',
    createdAt: entry.createdAt,
    ...(content.replySeq !== undefined && { replySeq: content.replySeq }),
    ...(entry.threadSeq !== undefined && { threadSeq: entry.threadSeq }),
    attachments: [],
    uploads: entry.uploads,
    reactions: [],
    ownVotes: [],
    isEdited: false,
    isDeleted: false,
  };
}
