/** A timeline that a test writes: all its messages are there, and it pages through them as the client does. */
import { WritableStore, type MessagesView, type MessageView, type Outgoing, type Timeline } from '@tidings/client';

const defaultPageSize = 50;

export interface TimelineScript {
  /** All messages, oldest first. */
  readonly messages: readonly MessageView[];
  readonly firstUnreadSeq?: number;
  readonly pageSize?: number;
  /** How long a page takes, in milliseconds. */
  readonly delayMs?: number;
}

export class ScriptedTimeline implements Timeline {
  readonly messages: WritableStore<MessagesView>;
  readonly typing = new WritableStore<readonly string[]>([]);
  readonly draft = new WritableStore('');
  /** What was done, by its name, for a test to look at. */
  readonly done: (readonly [name: string, ...args: unknown[]])[] = [];
  readonly me: string;
  readonly room: string;
  readonly #script: TimelineScript;
  readonly #pageSize: number;
  #all: readonly MessageView[];
  #from: number;
  #to: number;
  #sent = 0;

  constructor(room: string, me: string, script: TimelineScript) {
    this.room = room;
    this.me = me;
    this.#script = script;
    this.#pageSize = script.pageSize ?? defaultPageSize;
    this.#all = script.messages;
    this.#to = this.#all.length;
    this.#from = Math.max(0, this.#to - this.#pageSize);
    this.messages = new WritableStore(this.#view());
  }

  setDraft(text: string): void {
    this.draft.set(text);
  }

  setTyping(text: string): void {
    this.done.push(['setTyping', text]);
  }

  async loadBefore(): Promise<void> {
    if (this.#from === 0) return;
    await this.#load({ isLoadingBefore: true }, () => {
      this.#from = Math.max(0, this.#from - this.#pageSize);
    });
  }

  async loadAfter(): Promise<void> {
    if (this.#to === this.#all.length) return;
    await this.#load({ isLoadingAfter: true }, () => {
      this.#to = Math.min(this.#all.length, this.#to + this.#pageSize);
    });
  }

  async jumpTo(seq: number): Promise<void> {
    this.done.push(['jumpTo', seq]);
    const at = this.#all.findIndex((message) => message.seq === seq);
    if (at >= this.#from && at < this.#to) return;
    await this.#load({}, () => {
      this.#from = Math.max(0, at - this.#pageSize / 2);
      this.#to = Math.min(this.#all.length, at + this.#pageSize / 2);
    });
  }

  async jumpToLatest(): Promise<void> {
    if (this.#to === this.#all.length) return;
    await this.#load({}, () => {
      this.#to = this.#all.length;
      this.#from = Math.max(0, this.#to - this.#pageSize);
    });
  }

  send(outgoing: Outgoing): string {
    this.done.push(['send', outgoing]);
    const key = `own-${++this.#sent}`;
    this.append(
      messageView({ room: this.room, key, sender: this.me, isOwn: true, state: 'sending', text: outgoing.text ?? '' }),
    );
    return key;
  }

  retry(key: string): void {
    this.done.push(['retry', key]);
  }

  discard(key: string): void {
    this.done.push(['discard', key]);
    this.#change(this.#all.filter((message) => message.key !== key));
  }

  async edit(seq: number, text: string): Promise<void> {
    this.done.push(['edit', seq, text]);
    this.replace(seq, (message) => ({ ...message, text, isEdited: true }));
  }

  async delete(seq: number): Promise<void> {
    this.done.push(['delete', seq]);
    this.replace(seq, (message) => ({ ...message, text: '', isDeleted: true }));
  }

  async react(seq: number, emoji: string): Promise<void> {
    this.done.push(['react', seq, emoji]);
  }

  async unreact(seq: number, emoji: string): Promise<void> {
    this.done.push(['unreact', seq, emoji]);
  }

  async markRead(seq?: number): Promise<void> {
    this.done.push(['markRead', seq]);
  }

  /** A message comes in. */
  append(...messages: readonly MessageView[]): void {
    const wasAtEnd = this.#to === this.#all.length;
    this.#all = [...this.#all, ...messages];
    if (wasAtEnd) this.#to = this.#all.length;
    this.messages.set(this.#view());
  }

  replace(seq: number, change: (message: MessageView) => MessageView): void {
    this.#change(this.#all.map((message) => (message.seq === seq ? change(message) : message)));
  }

  /** Shows any state. */
  show(change: Partial<MessagesView>): void {
    this.messages.update((view) => ({ ...view, ...change }));
  }

  #change(all: readonly MessageView[]): void {
    this.#to += all.length - this.#all.length;
    this.#all = all;
    this.messages.set(this.#view());
  }

  async #load(during: Partial<MessagesView>, then: () => void): Promise<void> {
    this.show(during);
    await new Promise((resolve) => setTimeout(resolve, this.#script.delayMs ?? 0));
    then();
    this.messages.set(this.#view());
  }

  #view(): MessagesView {
    const { firstUnreadSeq } = this.#script;
    return {
      messages: this.#all.slice(this.#from, this.#to),
      hasBefore: this.#from > 0,
      hasAfter: this.#to < this.#all.length,
      status: 'live',
      isLoadingBefore: false,
      isLoadingAfter: false,
      ...(firstUnreadSeq !== undefined && { firstUnreadSeq }),
    };
  }
}

/** A message from what matters about it. */
export function messageView(parts: Partial<MessageView> & { readonly key: string }): MessageView {
  const { key, room = 'room', sender = 'ann', seq, text = '', createdAt = Date.now() } = parts;
  const stored = seq === undefined ? {} : { message: storedMessage(parts, seq) };
  return {
    room,
    sender,
    isOwn: false,
    state: 'received',
    text,
    createdAt,
    attachments: parts.message?.attachments ?? [],
    uploads: [],
    reactions: [],
    ownVotes: [],
    isEdited: false,
    isDeleted: false,
    ...stored,
    ...parts,
    key,
  };
}

function storedMessage(parts: Partial<MessageView>, seq: number): NonNullable<MessageView['message']> {
  const { room = 'room', sender = 'ann', text = '', createdAt = Date.now() } = parts;
  return { room, seq, id: `id-${seq}`, sender, kind: 'text', text, version: 1, createdAt, rev: seq };
}
