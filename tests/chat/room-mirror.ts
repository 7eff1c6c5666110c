/**
 * A client that keeps a room's state from what its channel says: live publications in order of their offsets, and after
 * a time away the room's history from its position; a reset where that no longer reaches back.
 */
import type { Position } from '../../packages/server/src/brokers/broker.ts';
import { roomChannel } from '../../packages/server/src/modules/chat/channel-names.ts';
import type { RoomHistory } from '../../packages/server/src/modules/chat/room-history.ts';
import type { Member, Message, Room, RoomPublication } from '../../packages/server/src/modules/chat/model.ts';

export class RoomMirror {
  readonly room: string;
  readonly messages = new Map<number, Message>();
  readonly members = new Map<string, Member>();
  info: Room | undefined;
  memberCount = 0;
  position: Position;
  isConnected = true;
  /** Publications that came live and were behind the position: the same told again. */
  repeated = 0;
  resets = 0;
  recoveries = 0;
  readonly #history: RoomHistory;

  /** A room that was not made yet. */
  constructor(room: string, history: RoomHistory) {
    this.room = room;
    this.#history = history;
    this.position = { offset: 0, epoch: '' };
  }

  /** @returns whether something was missed, so that it has to recover. */
  live(data: unknown, position: Position): boolean {
    if (!this.isConnected) return false;
    if (this.position.epoch === '') this.position = { offset: 0, epoch: position.epoch };
    if (position.epoch === this.position.epoch && position.offset <= this.position.offset) {
      this.repeated++;
      return false;
    }
    if (position.epoch !== this.position.epoch || position.offset !== this.position.offset + 1) return true;
    this.#apply(data as RoomPublication);
    this.position = position;
    return false;
  }

  /** As a subscription does that comes back with its position. */
  async recover(): Promise<void> {
    this.isConnected = true;
    this.recoveries++;
    const since = this.position.epoch === '' ? undefined : this.position;
    const page = await this.#history.read(roomChannel(this.room), { limit: -1, ...(since && { since }) });
    if (page.position.epoch === 'none') return;
    if (since && page.complete === false) {
      this.resets++;
      this.messages.clear();
      this.members.clear();
      const all = await this.#history.read(roomChannel(this.room), { limit: -1 });
      this.#replay(all.publications, 0);
      this.position = all.position;
      return;
    }
    this.#replay(page.publications, since?.offset ?? 0);
    this.position = page.position;
  }

  #replay(publications: readonly { readonly offset?: number | undefined; readonly data: Uint8Array }[], from: number) {
    let last = from;
    for (const { offset = 0, data } of publications) {
      if (offset <= last) throw new Error(`history of ${this.room}: offset ${offset} behind ${last}`);
      last = offset;
      this.#apply(JSON.parse(new TextDecoder().decode(data)) as RoomPublication);
    }
  }

  #apply(publication: RoomPublication): void {
    if (publication.type === 'message') this.messages.set(publication.message.seq, publication.message);
    if (publication.type === 'room') this.info = publication.room;
    if (publication.type === 'member') {
      this.members.set(publication.member.user, publication.member);
      this.memberCount = publication.memberCount;
    }
  }
}
