/**
 * The messages of a room, or of a thread, as one stretch without holes: live at its end, paged both ways, read anew after
 * a reset. What is heard while a page is on its way is applied again behind the page, which may be older.
 *
 * The stretch is as the server has it at the position of the room's channel, or later. While it is not (`isStale`), it is
 * shown, and not kept.
 */
import { TidingsError } from '../../error.ts';
import { WritableStore } from '../../store.ts';
import type { ChatContext } from '../chat-context.ts';
import type { ChatInput, ChatOutput } from '../chat.ts';
import { Coalesced } from '../coalesced.ts';
import type { OutboxEntry } from '../outbox/outbox.ts';
import type { Message } from '../publications.ts';
import type { MessagesView, MessageView } from '../views.ts';
import { MessageViews, type ViewParts } from './message-views.ts';
import { appendPage, emptyStretch, mergeMessages, placeOf, prependPage, trimStretch, type Stretch } from './stretch.ts';

const pageSize = 50;
/** What every server gives at once: `chat.limits.page` is no less. */
const largePage = 100;
/** Messages of one timeline in memory; those that are farthest from the reader go, and can be loaded again. */
export const maxTimelineMessages = 1_000;
const [minRetryMs, maxRetryMs] = [1_000, 30_000];

/** What a timeline asks of the room it belongs to. */
export interface TimelineRoom {
  readonly id: string;
  partsOf(message: Message): ViewParts;
  /** A page was read. */
  onPage(page: ChatOutput<'messages'>): void;
  /** Up to where the user had read when the room was opened. */
  readonly readSeqAtOpening: number | undefined;
  /** After each change of what is shown. */
  onShown(timeline: TimelineState): void;
}

type Page = Pick<ChatInput<'messages'>, 'before' | 'after' | 'around' | 'limit'>;

export class TimelineState {
  readonly messages: WritableStore<MessagesView>;
  readonly threadSeq: number | undefined;
  readonly #context: ChatContext;
  readonly #room: TimelineRoom;
  readonly #views = new MessageViews();
  readonly #flush: Coalesced;
  #retryTimer: unknown;
  /** What is heard while pages are on their way. */
  readonly #waiting = new Set<Message[]>();
  /** Who looks at the end. */
  readonly #lookers = new Set<object>();
  /** The reader has asked for older ones, and was not seen at the end since. */
  #isReaderAtStart = false;
  #stretch: Stretch = emptyStretch;
  #status: MessagesView['status'] = 'loading';
  #failure: TidingsError | undefined;
  #isStale = true;
  #isLoadingBefore = false;
  #isLoadingAfter = false;
  /** Rises when the stretch becomes another one: pages for the former are of no use. */
  #generation = 0;
  #retryMs = minRetryMs;

  constructor(context: ChatContext, room: TimelineRoom, threadSeq?: number) {
    this.#context = context;
    this.#room = room;
    this.threadSeq = threadSeq;
    this.#flush = new Coalesced(context.clock, 0, () => this.show());
    this.messages = new WritableStore(this.#view([]));
  }

  get stretch(): Stretch {
    return this.#stretch;
  }

  /** Whether the stretch is as the server has it. */
  get isCurrent(): boolean {
    return !this.#isStale;
  }

  /** Whether a message of this seq would be new in the stretch. */
  lacks(seq: number): boolean {
    const { messages, hasBefore } = this.#stretch;
    const at = placeOf(messages, seq);
    return messages[at]?.seq !== seq && (at > 0 || !hasBefore);
  }

  /** Whether the person looks at what comes. */
  setVisible(looker: object, isVisible: boolean): void {
    if (isVisible) {
      this.#lookers.add(looker);
      this.#isReaderAtStart = false;
    } else this.#lookers.delete(looker);
  }

  /** Of this device, not yet compared. Left out if the server was faster. */
  showCached(stretch: Stretch): void {
    if (this.#status !== 'loading') return;
    this.#stretch = stretch;
    this.#isStale = false;
    this.#status = 'cached';
    this.show();
  }

  /** The channel is live, and nothing was missed since. */
  onRecovered(): void {
    if (this.#isStale) {
      void this.reload();
      return;
    }
    this.#status = 'live';
    this.changed();
  }

  /** Messages of the room, of whatever timeline. */
  receive(messages: readonly Message[]): void {
    const mine = messages.filter(({ threadSeq }) => threadSeq === this.threadSeq);
    if (mine.length === 0) return;
    for (const waiting of this.#waiting) waiting.push(...mine);
    const merged = mergeMessages(this.#stretch, mine);
    if (merged === this.#stretch || this.#status === 'loading') return;
    this.#stretch = this.#trim(merged);
    this.changed();
  }

  /** What is shown is to be made anew, soon. */
  changed(): void {
    this.#flush.want();
  }

  /** Reads the stretch anew, keeping the reader's place; goes on trying while that may help. */
  async reload(): Promise<void> {
    this.#isStale = true;
    this.#context.clock.clearTimeout(this.#retryTimer);
    const generation = ++this.#generation;
    try {
      await this.#replace(() => this.#readAnew());
      this.#retryMs = minRetryMs;
    } catch (error) {
      if (generation !== this.#generation) return;
      const failure = toFailure(error);
      if (!failure.isTemporary) this.#fail(failure);
      else if (this.#context.connection.state.get().status === 'online') this.#retryLater();
      // Otherwise the channel says when it is back.
    }
  }

  async loadBefore(): Promise<void> {
    const first = this.#stretch.messages[0];
    if (!this.#stretch.hasBefore || !first || this.#isLoadingBefore) return;
    this.#isLoadingBefore = true;
    this.#isReaderAtStart = this.#lookers.size === 0;
    this.show();
    try {
      await this.#extend({ before: first.seq, limit: pageSize }, (page) =>
        trimStretch(prependPage(this.#stretch, page), maxTimelineMessages, 'end'),
      );
    } finally {
      this.#isLoadingBefore = false;
      this.show();
    }
  }

  async loadAfter(): Promise<void> {
    const last = this.#stretch.messages.at(-1);
    if (!this.#stretch.hasAfter || !last || this.#isLoadingAfter) return;
    this.#isLoadingAfter = true;
    this.#isReaderAtStart = false;
    this.show();
    try {
      await this.#extend({ after: last.seq, limit: pageSize }, (page) =>
        trimStretch(appendPage(this.#stretch, page), maxTimelineMessages, 'start'),
      );
    } finally {
      this.#isLoadingAfter = false;
      this.show();
    }
  }

  async jumpTo(seq: number): Promise<void> {
    const { messages, hasBefore, hasAfter } = this.#stretch;
    const [first, last] = [messages[0]?.seq ?? 0, messages.at(-1)?.seq ?? 0];
    if (messages.length > 0 && (seq >= first || !hasBefore) && (seq <= last || !hasAfter)) return;
    await this.#jump({ around: seq, limit: pageSize });
  }

  async jumpToLatest(): Promise<void> {
    this.#isReaderAtStart = false;
    if (this.#stretch.hasAfter) await this.#jump({ limit: pageSize });
    else if (this.#status === 'failed') {
      this.anew();
      await this.reload();
    }
  }

  /** It had failed, and is read again. */
  anew(): void {
    this.#status = 'loading';
    this.#failure = undefined;
    this.show();
  }

  /** Reads these messages once more, for what is told beside them, and leaves the stretch as it is. */
  async reread(first: number, last: number): Promise<void> {
    for (let before = last + 1; before > first;) {
      const { messages, hasBefore } = await this.#read({ before, limit: largePage });
      this.receive(messages);
      const top = messages[0];
      if (!top || !hasBefore) return;
      before = top.seq;
    }
  }

  close(): void {
    this.#generation++;
    this.#flush.cancel();
    this.#context.clock.clearTimeout(this.#retryTimer);
  }

  /** Makes what is shown anew, now. */
  show(): void {
    this.#flush.cancel();
    const me = this.#context.me.get();
    const views: MessageView[] = [];
    const arrived = new Set<string>();
    for (const message of this.#stretch.messages) {
      if (message.kind === 'hidden') continue;
      const isOwn = message.sender !== '' && message.sender === me;
      if (isOwn && message.clientId !== undefined) arrived.add(message.clientId);
      views.push(this.#views.of(this.#room.partsOf(message)));
    }
    this.#views.keep(views);
    if (!this.#stretch.hasAfter) {
      for (const entry of this.#entries()) {
        if (!arrived.has(entry.clientId)) views.push(this.#views.ofEntry(entry, me ?? ''));
      }
    }
    this.messages.set(this.#view(views));
    this.#room.onShown(this);
  }

  #entries(): readonly OutboxEntry[] {
    const { id } = this.#room;
    return this.#context.outbox.entries
      .get()
      .filter(({ room, threadSeq }) => room === id && threadSeq === this.threadSeq);
  }

  /** The same view, or the same list in it, if nothing of it changed. */
  #view(views: readonly MessageView[]): MessagesView {
    const before = this.messages?.get();
    const isSame = before?.messages.length === views.length && views.every((view, at) => view === before.messages[at]);
    const firstUnreadSeq = this.#firstUnread();
    const view: MessagesView = {
      messages: isSame && before ? before.messages : views,
      hasBefore: this.#stretch.hasBefore,
      hasAfter: this.#stretch.hasAfter,
      status: this.#status,
      isLoadingBefore: this.#isLoadingBefore,
      isLoadingAfter: this.#isLoadingAfter,
      ...(this.#failure && { failure: this.#failure }),
      ...(firstUnreadSeq !== undefined && { firstUnreadSeq }),
    };
    const keys = Object.keys({ ...before, ...view }) as (keyof MessagesView)[];
    return before && keys.every((key) => before[key] === view[key]) ? before : view;
  }

  #firstUnread(): number | undefined {
    const readSeq = this.#room.readSeqAtOpening;
    const { messages, hasBefore } = this.#stretch;
    if (readSeq === undefined) return undefined;
    // Above what is loaded: near enough to jump to.
    if (hasBefore && (messages[0]?.seq ?? 0) > readSeq + 1) return readSeq + 1;
    const me = this.#context.me.get();
    const from = placeOf(messages, readSeq + 1);
    for (let at = from; at < messages.length; at++) {
      const message = messages[at];
      if (message && message.kind !== 'hidden' && message.sender !== me) return message.seq;
    }
    return undefined;
  }

  async #jump(page: Page): Promise<void> {
    this.#isReaderAtStart = false;
    for (let attempt = 0; attempt < 3; attempt++) if (await this.#replace(() => this.#read(page))) return;
    throw TidingsError.of('network', 'the timeline was read anew meanwhile');
  }

  /** Another stretch instead of this one. @returns false if yet another was faster: this one may have a hole behind it. */
  async #replace(read: () => Promise<Stretch>): Promise<boolean> {
    const generation = this.#generation;
    const heard = this.#listen();
    try {
      const stretch = await read();
      if (generation !== this.#generation) return false;
      this.#generation++;
      this.#stretch = this.#trim(mergeMessages(stretch, heard));
      this.#isStale = false;
      this.#status = 'live';
      this.#failure = undefined;
      this.show();
      return true;
    } finally {
      this.#waiting.delete(heard);
    }
  }

  async #extend(input: Page, join: (page: Stretch) => Stretch): Promise<void> {
    const generation = this.#generation;
    const heard = this.#listen();
    try {
      const page = await this.#read(input);
      const { messages } = this.#stretch;
      const [first, last] = [messages[0]?.seq, messages.at(-1)?.seq];
      // If the edge was trimmed meanwhile, there is a hole between the stretch and the page.
      const isAtEdge = input.before === undefined ? input.after === last : input.before === first;
      if (generation !== this.#generation || !isAtEdge) return;
      this.#stretch = mergeMessages(join(page), heard);
    } finally {
      this.#waiting.delete(heard);
    }
  }

  /** What is farthest from the reader goes. */
  #trim(stretch: Stretch): Stretch {
    return trimStretch(stretch, maxTimelineMessages, this.#isReaderAtStart ? 'end' : 'start');
  }

  #listen(): Message[] {
    const heard: Message[] = [];
    this.#waiting.add(heard);
    return heard;
  }

  async #read(input: Page): Promise<Stretch> {
    const { threadSeq } = this;
    const place = { room: this.#room.id, ...(threadSeq !== undefined && { threadSeq }) };
    const page = await this.#context.call('messages', { ...place, ...input });
    this.#room.onPage(page);
    const { messages, hasBefore, hasAfter } = page;
    return { messages, hasBefore, hasAfter };
  }

  /** The same part of the timeline as now: around it if the reader is back in it, else from the end. */
  async #readAnew(): Promise<Stretch> {
    const { messages, hasAfter } = this.#stretch;
    const old = this.#status === 'live' ? messages : [];
    if (hasAfter) {
      const middle = messages[messages.length >> 1]?.seq;
      if (middle !== undefined) return this.#read({ around: middle, limit: largePage });
    }
    const first = old[0]?.seq ?? 0;
    let stretch = await this.#read({ limit: old.length > pageSize ? largePage : pageSize });
    while (stretch.hasBefore && stretch.messages.length < old.length) {
      const top = stretch.messages[0];
      // No more of it is here than was, and only if it is the same place.
      if (!top || top.seq <= first || top.seq > (old.at(-1)?.seq ?? 0)) break;
      stretch = prependPage(stretch, await this.#read({ before: top.seq, limit: largePage }));
    }
    return stretch;
  }

  #retryLater(): void {
    const delayMs = this.#retryMs;
    this.#retryMs = Math.min(2 * delayMs, maxRetryMs);
    this.#retryTimer = this.#context.clock.setTimeout(() => {
      if (this.#isStale) void this.reload();
    }, delayMs);
  }

  /** For good: there is nothing to be read. */
  fail({ code, message }: { readonly code: number; readonly message: string }): void {
    this.#generation++;
    this.#isStale = true;
    this.#fail(new TidingsError(code, message));
  }

  #fail(failure: TidingsError): void {
    this.#status = 'failed';
    this.#failure = failure;
    this.show();
  }
}

function toFailure(error: unknown): TidingsError {
  return error instanceof TidingsError ? error : TidingsError.of('invalid', String(error), { cause: error });
}
