/** What an application holds of a room. Several handles share one `OpenRoom`. */
import { TidingsError } from '../../error.ts';
import type { Store } from '../../store.ts';
import type { ChatContext } from '../chat-context.ts';
import type { ChatInput, ChatRoom, ChatThread } from '../chat.ts';
import { newClientId } from '../client-id.ts';
import type { Drafts } from '../drafts.ts';
import type { Attachment, Message, RoomListItem } from '../publications.ts';
import { uploadFile } from '../uploads/upload.ts';
import type { MembersView, ReceiptsView, RoomView, ThreadView, UploadView } from '../views.ts';
import type { OpenRoom } from './open-room.ts';
import type { RoomList } from './room-list.ts';
import { ThreadHandle } from './thread-handle.ts';
import { TimelineHandle } from './timeline-handle.ts';

export interface RoomHandleNeighbours {
  readonly list: RoomList;
  readonly drafts: Drafts;
  /** The handle is no longer used. */
  onClosed(room: OpenRoom): void;
}

export class RoomHandle extends TimelineHandle implements ChatRoom {
  readonly id: string;
  readonly view: Store<RoomView | undefined>;
  readonly members: Store<MembersView>;
  readonly receipts: Store<ReceiptsView>;
  readonly pins: Store<readonly Message[]>;
  readonly threads: Store<readonly ThreadView[]>;
  readonly gone: ChatRoom['gone'];
  readonly #near: RoomHandleNeighbours;
  readonly #threads = new Set<ThreadHandle>();
  #isClosed = false;

  constructor(context: ChatContext, open: OpenRoom, near: RoomHandleNeighbours) {
    super(context, open, open.main, near.drafts);
    this.#near = near;
    this.id = open.id;
    this.view = open.view;
    this.members = open.members.view;
    this.receipts = open.receipts.view;
    this.pins = open.pins.view;
    this.threads = open.threads.view;
    this.gone = open.gone;
  }

  loadMoreMembers(): Promise<void> {
    return this.open.members.loadMore();
  }

  thread(threadSeq: number): ChatThread {
    const handle = new ThreadHandle(this.context, this.open, this.#near.drafts, threadSeq, (closed) =>
      this.#threads.delete(closed),
    );
    this.#threads.add(handle);
    return handle;
  }

  setVisible(isVisible: boolean): void {
    if (this.#isClosed) return;
    this.timeline.setVisible(this, isVisible);
    this.open.reads.setVisible(this, isVisible);
  }

  markRead(seq?: number): Promise<void> {
    return this.open.reads.read(seq);
  }

  markUnread(seq: number): Promise<void> {
    return this.open.markUnread(seq);
  }

  pin(seq: number): Promise<void> {
    return this.open.change(seq, { kind: 'pin', at: this.context.clock.now() }, () =>
      this.context.call('pin', { room: this.id, seq }),
    );
  }

  unpin(seq: number): Promise<void> {
    return this.open.change(seq, { kind: 'pin', at: undefined }, () =>
      this.context.call('unpin', { room: this.id, seq }),
    );
  }

  vote(seq: number, options: readonly string[]): Promise<void> {
    const rev = this.open.message(seq)?.rev ?? 0;
    return this.open.change(seq, { kind: 'vote', options, rev }, async () => {
      const { message, own } = await this.context.call('vote', { room: this.id, seq, options });
      this.open.heardVotes(seq, message.rev, own);
      return { message };
    });
  }

  async change(input: Omit<ChatInput<'changeRoom'>, 'room'>): Promise<void> {
    const { room } = await this.context.call('changeRoom', { ...input, room: this.id });
    this.#near.list.room(room);
  }

  async invite(users: readonly string[], { ask }: { readonly ask?: boolean } = {}): Promise<void> {
    const input = { room: this.id, users, ...(ask !== undefined && { ask }) };
    const { members } = await this.context.call('invite', input);
    for (const member of members) this.open.members.told(member);
  }

  async kick(user: string): Promise<void> {
    await this.context.call('kick', { room: this.id, user });
  }

  async leave(): Promise<void> {
    await this.context.call('leave', { room: this.id });
    this.#near.list.gone(this.id);
  }

  setPinned(isPinned: boolean): Promise<void> {
    return this.#set(this.context.call(isPinned ? 'pinRoom' : 'unpinRoom', { room: this.id }));
  }

  setArchived(isArchived: boolean): Promise<void> {
    return this.#set(this.context.call(isArchived ? 'archiveRoom' : 'unarchiveRoom', { room: this.id }));
  }

  setMuted(until?: number | false): Promise<void> {
    if (until === false) return this.#set(this.context.call('unmuteRoom', { room: this.id }));
    return this.#set(this.context.call('muteRoom', { room: this.id, ...(until !== undefined && { until }) }));
  }

  async upload(
    file: File,
    { signal, onProgress }: NonNullable<Parameters<ChatRoom['upload']>[1]> = {},
  ): Promise<Attachment> {
    const { name, type: contentType, size: totalBytes } = file;
    const known = { key: newClientId(), name, contentType, totalBytes };
    const tell = (sentBytes: number, state: UploadView['state'], failure?: TidingsError): void =>
      onProgress?.({ ...known, sentBytes, state, ...(failure && { failure }) });
    tell(0, 'uploading');
    try {
      const input = { room: this.id, name, contentType, bytes: file };
      const attachment = await uploadFile(this.context.connection, input, {
        ...(signal && { signal }),
        onProgress: (sentBytes) => tell(sentBytes, 'uploading'),
      });
      tell(totalBytes, 'uploaded');
      return attachment;
    } catch (error) {
      if (error instanceof TidingsError) tell(0, 'failed', error);
      throw error;
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.leaveTimeline();
    this.timeline.setVisible(this, false);
    this.open.reads.setVisible(this, false);
    for (const thread of [...this.#threads]) await thread.close();
    this.#near.onClosed(this.open);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #set(answer: Promise<{ readonly item: RoomListItem }>): Promise<void> {
    await this.#near.list.answered(
      this.id,
      answer.then(({ item }) => item),
    );
  }
}
