/**
 * The rooms of the user: from the cache at once, then brought up to date by one `chat.sync`, then kept so by the user's
 * own channel. What that channel only hints at (`activity` says that there is something, not what) is asked for line by
 * line, many in a call.
 *
 * The membership of a line has no revision. An answer that was on its way while something else was heard of the room
 * leaves the membership as it is, and the line is asked for again.
 */
import { TidingsError } from '../../error.ts';
import { WritableStore } from '../../store.ts';
import type { ChatContext } from '../chat-context.ts';
import type { ChatOutput } from '../chat.ts';
import { Coalesced } from '../coalesced.ts';
import type { Draft, Message, ReadState, RoomListItem, User, UserPublication } from '../publications.ts';
import type { RoomsView, RoomView, UnreadView } from '../views.ts';
import { LineRequests } from './line-requests.ts';
import {
  isSameLine,
  isSameMembership,
  mergeLine,
  withActivity,
  withMessage,
  withRead,
  withReadUpTo,
  withSynced,
  type RoomCounters,
} from './room-lines.ts';
import { inOrder, RoomViews, sameList, toUnread } from './room-views.ts';

type Activity = Extract<UserPublication, { type: 'activity' }>;

const keepMs = 500;
const [minRetryMs, maxRetryMs] = [1_000, 30_000];
/** `muteUntil` of a room that stays muted. */
const forGood = -1;
/** The longest wait that a timer takes. */
const maxTimerMs = 2 ** 31 - 1;

/** What the list asks of the rest of chat. */
export interface RoomListNeighbours {
  user(id: string): User | undefined;
  wantUser(id: string): void;
  draft(room: string): Draft | undefined;
  /**
   * A line as the server has it now.
   * @param before undefined for a room that was not in the list.
   * @param isNews it is so by something that happened just now.
   */
  onLine(line: RoomListItem, before: RoomListItem | undefined, isNews: boolean): void;
  /** A new message that came without its line. */
  onMessage(message: Message): void;
  onGone(room: string): void;
  onSynced(snapshot: ChatOutput<'sync'>): void;
}

export class RoomList {
  readonly rooms = new WritableStore<RoomsView>({ rooms: [], archived: [], invites: [], status: 'loading' });
  readonly unread = new WritableStore<UnreadView>({ messages: 0, mentions: 0, rooms: 0 });
  readonly #context: ChatContext;
  readonly #near: RoomListNeighbours;
  readonly #lines = new Map<string, RoomListItem>();
  /** Rises with whatever is heard of what the user has with a room. */
  readonly #heard = new Map<string, number>();
  readonly #views = new RoomViews();
  readonly #byId = new Map<string, RoomView>();
  readonly #flush: Coalesced;
  readonly #keep: Coalesced;
  readonly #requests: LineRequests;
  readonly #changed = new Set<string>();
  #status: RoomsView['status'] = 'loading';
  #failure: TidingsError | undefined;
  /** The list may have missed something, and is to be compared with the server. */
  #isStale = true;
  #wasLive = false;
  #isSyncing = false;
  /** Rises when something was missed: a sync that began before does not know of it. */
  #gaps = 0;
  /** Rooms in which something happened before the list was live, up to which message: that is news all the same. */
  readonly #early = new Map<string, number>();
  #retryMs = minRetryMs;
  #retryTimer: unknown;
  #muteTimer: unknown;

  constructor(context: ChatContext, near: RoomListNeighbours) {
    this.#context = context;
    this.#near = near;
    this.#flush = new Coalesced(context.clock, 0, () => this.show());
    this.#keep = new Coalesced(context.clock, keepMs, () => this.keep());
    this.#requests = new LineRequests(context, {
      heardOf: (room) => this.#heard.get(room) ?? 0,
      answered: (room, line, isCurrent) => this.#lineCame(room, line, isCurrent),
      settled: () => this.#becomeLive(),
    });
  }

  line(room: string): RoomListItem | undefined {
    return this.#lines.get(room);
  }

  view(room: string): RoomView | undefined {
    return this.#byId.get(room);
  }

  /** Whether every line is as the server has it, but for what it has not told yet. */
  get isCurrent(): boolean {
    return !this.#isStale && this.#requests.isIdle;
  }

  recall(lines: readonly RoomListItem[]): void {
    for (const line of lines) if (!this.#lines.has(line.room.id)) this.#lines.set(line.room.id, line);
    if (this.#status === 'loading' && lines.length > 0) this.#status = 'cached';
    this.show();
  }

  /** The user's channel is live. @param isWhole nothing was missed since what is known. */
  live(isWhole: boolean): void {
    if (!isWhole) {
      this.#isStale = true;
      this.#gaps++;
    } else if (!this.#wasLive) this.#isStale = false;
    this.#wasLive = true;
    this.#requests.want([]);
    if (this.#isStale) void this.#sync();
    else this.#setStatus('live');
  }

  /** There is nothing to be had, and this is why. */
  fail(failure: TidingsError): void {
    this.#failure = failure;
    this.#setStatus('failed');
  }

  activity(activity: Activity): void {
    const line = this.#lines.get(activity.room);
    if (activity.read) this.#hear(activity.room);
    if (this.#status !== 'live') this.#early.set(activity.room, activity.lastSeq);
    if (line) this.#put(withActivity(line, activity));
    // One's own activity is known by the message itself.
    if (activity.changed || !line?.lastMessage || line.lastMessage.seq < activity.lastSeq) this.want(activity.room);
  }

  read(read: ReadState): void {
    this.#hear(read.room);
    const line = this.#lines.get(read.room);
    if (line) this.#put(withRead(line, read));
    else this.want(read.room);
  }

  /** A line that the server told of on the user's channel. */
  told(item: RoomListItem): void {
    this.#hear(item.room.id);
    this.#put(mergeLine(this.#lines.get(item.room.id), item), { isNews: true });
  }

  gone(room: string): void {
    this.#hear(room);
    this.#remove(room);
  }

  /** A message of an open room, or the user's own. */
  message(message: Message): void {
    const line = this.#lines.get(message.room);
    if (!line) return;
    this.#put(withMessage(line, message, this.#context.me.get() ?? ''));
    if (message.threadSeq === undefined && message.seq > (line.lastMessage?.seq ?? 0)) this.#near.onMessage(message);
  }

  /** Of an open room. */
  room(room: RoomListItem['room']): void {
    const line = this.#lines.get(room.id);
    if (line) this.#put(mergeLine(line, { room, membership: line.membership }));
  }

  /** Of an open room: somebody came or went. @param rev the room's revision then. */
  counted(id: string, memberCount: number, rev: number): void {
    const line = this.#lines.get(id);
    if (line && line.room.rev < rev) this.#put({ ...line, room: { ...line.room, memberCount, rev } });
  }

  /** Asks the server for the line. */
  want(room: string): void {
    this.#requests.want([room]);
  }

  /**
   * The answer of a command that changes what the user has with a room. It may be late: what was heard since is newer.
   * What is shown is of it when this returns.
   * @param room undefined if it is not known before the answer.
   */
  async answered(room: string | undefined, answer: Promise<RoomListItem>): Promise<RoomListItem> {
    const heard = room === undefined ? undefined : this.#heard.get(room);
    const item = await answer;
    const { id } = item.room;
    const known = this.#lines.get(id);
    if (!known || this.#heard.get(id) === heard) this.told(item);
    else {
      this.#put(mergeLine(known, item, false), { isNews: true });
      if (!isSameMembership(known, item)) this.want(id);
    }
    this.#flush.flush();
    return item;
  }

  /**
   * The user marks a room as read or unread. Reading is shown at once, and taken back if `work` fails.
   * @param unread how many messages stay unread, as far as is known; undefined: the server will say.
   */
  async marked(room: string, seq: number, unread: number | undefined, work: () => Promise<ReadState>): Promise<void> {
    const before = this.#lines.get(room);
    if (before && unread !== undefined) this.#put(withReadUpTo(before, seq, unread));
    const heard = this.#heard.get(room);
    try {
      const state = await work();
      if (this.#heard.get(room) === heard) this.read(state);
      else if (this.#lines.get(room)?.membership.readSeq !== state.readSeq) this.want(room);
      this.#flush.flush();
    } catch (error) {
      if (before) this.want(room);
      throw error;
    }
  }

  delivered(marks: ChatOutput<'markDelivered'>['delivered']): void {
    for (const { room, deliveredSeq } of marks) {
      const line = this.#lines.get(room);
      if (!line || line.membership.deliveredSeq >= deliveredSeq) continue;
      this.#put({ ...line, membership: { ...line.membership, deliveredSeq } });
    }
  }

  lines(): IterableIterator<RoomListItem> {
    return this.#lines.values();
  }

  /** A profile or a draft became another one. */
  changed(): void {
    this.#flush.want();
  }

  /** Makes what is shown anew, now. */
  show(): void {
    this.#flush.cancel();
    const nowMs = this.#context.clock.now();
    let unmuteAtMs = Infinity;
    this.#byId.clear();
    for (const [id, line] of this.#lines) {
      const { muteUntil } = line.membership;
      const isMuted = muteUntil !== undefined && (muteUntil === forGood || muteUntil > nowMs);
      if (isMuted && muteUntil > 0) unmuteAtMs = Math.min(unmuteAtMs, muteUntil);
      if (line.peer !== undefined) this.#near.wantUser(line.peer);
      const peer = line.peer === undefined ? undefined : this.#near.user(line.peer);
      this.#byId.set(id, this.#views.of({ line, peer, draft: this.#near.draft(id), isMuted }));
    }
    const ordered = inOrder([...this.#byId.values()]);
    const before = this.rooms.get();
    const view: RoomsView = {
      rooms: sameList(
        before.rooms,
        ordered.filter((room) => !room.isArchived && !room.isInvited),
      ),
      archived: sameList(
        before.archived,
        ordered.filter((room) => room.isArchived && !room.isInvited),
      ),
      invites: sameList(
        before.invites,
        ordered.filter((room) => room.isInvited),
      ),
      status: this.#status,
      ...(this.#failure && { failure: this.#failure }),
    };
    const keys = Object.keys({ ...before, ...view }) as (keyof RoomsView)[];
    if (keys.some((key) => before[key] !== view[key])) this.rooms.set(view);
    this.unread.set(toUnread(view, this.unread.get()));
    this.#context.clock.clearTimeout(this.#muteTimer);
    if (unmuteAtMs !== Infinity) {
      this.#muteTimer = this.#context.clock.setTimeout(() => this.show(), Math.min(unmuteAtMs - nowMs, maxTimerMs));
    }
  }

  /** Writes to the device what has changed. */
  keep(): void {
    this.#keep.cancel();
    const lines = [...this.#changed].flatMap((id) => this.#lines.get(id) ?? []);
    this.#changed.clear();
    if (lines.length > 0) this.#context.remember((cache) => cache.putRooms(lines));
  }

  close(): void {
    this.keep();
    this.#flush.cancel();
    this.#requests.close();
    this.#context.clock.clearTimeout(this.#retryTimer);
    this.#context.clock.clearTimeout(this.#muteTimer);
  }

  #hear(room: string): void {
    this.#heard.set(room, (this.#heard.get(room) ?? 0) + 1);
  }

  /** @param fromServer the line is as the server says, and whether something in it happened just now. */
  #put(line: RoomListItem, fromServer?: { readonly isNews: boolean }): void {
    const { id } = line.room;
    const before = this.#lines.get(id);
    if (!before || !isSameLine(line, before)) {
      this.#lines.set(id, line);
      this.#changed.add(id);
      this.#keep.want();
      this.#flush.want();
    }
    if (fromServer) this.#near.onLine(line, before, fromServer.isNews);
  }

  #remove(room: string): void {
    if (!this.#lines.delete(room)) return;
    this.#views.forget(room);
    this.#changed.delete(room);
    this.#context.remember((cache) => cache.removeRooms([room]));
    this.#flush.want();
    this.#near.onGone(room);
  }

  #lineCame(room: string, line: RoomListItem | undefined, isCurrent: boolean): void {
    if (line) this.#put(mergeLine(this.#lines.get(room), line, isCurrent), { isNews: this.#isNews(line) });
    else if (isCurrent) this.#remove(room);
    if (!isCurrent) this.want(room);
  }

  #becomeLive(): void {
    if (this.isCurrent) this.#setStatus('live');
  }

  /** Whether a line that was asked for is so because something happened, and not because the list is being read. */
  #isNews({ room, lastMessage }: RoomListItem): boolean {
    return this.#status === 'live' || (lastMessage?.seq ?? 0) >= (this.#early.get(room.id) ?? Infinity);
  }

  /** Compares with the server where every room stands, and asks for the lines that differ. */
  async #sync(): Promise<void> {
    if (this.#isSyncing) return;
    this.#isSyncing = true;
    this.#context.clock.clearTimeout(this.#retryTimer);
    const gaps = this.#gaps;
    const [known, heard] = [new Map(this.#lines), new Map(this.#heard)];
    const isUntouched = (room: string): boolean => this.#heard.get(room) === heard.get(room);
    try {
      const snapshot = await this.#context.call('sync', {});
      const there = new Map(snapshot.rooms.map((counters) => [counters.room, counters]));
      for (const [id, { room }] of known) {
        const counters = there.get(id);
        if (!counters && isUntouched(id)) this.#remove(id);
        // It is another room of the same id, or the server has lost what came last.
        else if (counters && counters.rev < room.rev) this.#remove(id);
      }
      const latestFirst = snapshot.rooms.toSorted((a, b) => b.lastAt - a.lastAt);
      this.#requests.want(latestFirst.filter((room) => this.#differs(room)).map(({ room }) => room));
      for (const counters of snapshot.rooms) {
        const line = this.#lines.get(counters.room);
        if (line) this.#put(withSynced(line, counters, isUntouched(counters.room)));
      }
      this.#near.onSynced(snapshot);
      this.#isStale = gaps !== this.#gaps;
      this.#retryMs = minRetryMs;
      this.#becomeLive();
    } catch (error) {
      this.#syncFailed(error);
    } finally {
      this.#isSyncing = false;
    }
    if (gaps !== this.#gaps) void this.#sync();
  }

  #differs({ room, rev, invited = false }: RoomCounters): boolean {
    const line = this.#lines.get(room);
    if (!line) return true;
    return line.room.rev !== rev || (line.membership.state === 'invited') !== invited;
  }

  #syncFailed(error: unknown): void {
    const failure = error instanceof TidingsError ? error : TidingsError.of('invalid', String(error), { cause: error });
    if (!failure.isTemporary) return this.fail(failure);
    // Without a connection, `live` comes back to it.
    if (this.#context.connection.state.get().status !== 'online') return;
    this.#retryTimer = this.#context.clock.setTimeout(() => void this.#sync(), this.#retryMs);
    this.#retryMs = Math.min(2 * this.#retryMs, maxRetryMs);
  }

  #setStatus(status: RoomsView['status']): void {
    if (status === 'live') {
      this.#failure = undefined;
      this.#early.clear();
    }
    this.#status = status;
    this.show();
  }
}
