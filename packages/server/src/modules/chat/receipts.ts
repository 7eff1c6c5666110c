/**
 * Marks that moved, told live on the room's channel: in small rooms at once, in larger ones together every two seconds,
 * the latest mark of each user. They have no revision and are not stored: `receipts` reads what is in the database.
 *
 * A publication reaches everybody who is subscribed, so nothing is told unless all of them may see receipts, whoever
 * they are. Where nothing is told, clients ask for them.
 */
import { roles, type RoomPublication } from './model.ts';
import type { ModuleActor } from '../module.ts';
import { roomChannel } from './channel-names.ts';
import type { Chat, Receipts } from './chat.ts';
import type { MemberRow, RoomRow } from './chat-writer.ts';
import { Paced } from './paced.ts';

const smallRoom = 100;
const smallRoomMs = 250;
const largeRoomMs = 2_000;
/** Users in one publication; the others follow in the next. */
const maxUsers = 500;
/** Of who is no member; undefined: they never were one. */
const otherStates = [undefined, 'invited', 'left', 'kicked'] as const;

interface Pending {
  readonly read: Map<string, number>;
  readonly delivered: Map<string, number>;
}

export class LiveReceipts implements Receipts {
  readonly #chat: Pick<Chat, 'config' | 'context' | 'permissions'>;
  readonly #pending = new Map<string, Pending>();
  readonly #paced: Paced;

  constructor(chat: Pick<Chat, 'config' | 'context' | 'permissions'>) {
    this.#chat = chat;
    const { clock, logger } = chat.context;
    this.#paced = new Paced({ clock, logger, failure: 'receipts could not be told', run: (room) => this.#tell(room) });
  }

  note(actor: ModuleActor, room: RoomRow, member: MemberRow, moved: { read?: number; delivered?: number }): void {
    if (!this.#isSeenByAll(actor, room, member)) return;
    let pending = this.#pending.get(room.id);
    if (!pending) this.#pending.set(room.id, (pending = { read: new Map(), delivered: new Map() }));
    if (moved.read !== undefined) pending.read.set(member.user_id, moved.read);
    if (moved.delivered !== undefined) pending.delivered.set(member.user_id, moved.delivered);
    this.#paced.want(room.id, room.member_count > smallRoom ? largeRoomMs : smallRoomMs);
  }

  /**
   * Somebody sent a message, and so has read up to it: a mark of theirs that waits to be told must not come behind it.
   * @param json of its `RoomPublication`.
   */
  sent(room: string, user: string, json: string): void {
    const pending = this.#pending.get(room);
    if (!pending?.read.has(user) && !pending?.delivered.has(user)) return;
    const publication = JSON.parse(json) as RoomPublication;
    if (publication.type !== 'message' || publication.message.threadSeq !== undefined) return;
    const { seq } = publication.message;
    for (const marks of [pending.read, pending.delivered]) {
      if ((marks.get(user) ?? seq) < seq) marks.set(user, seq);
    }
  }

  idle(): Promise<void> {
    return this.#paced.idle();
  }

  async stop(): Promise<void> {
    await this.#paced.stop();
    this.#pending.clear();
  }

  /** In rooms where many write to many, receipts would outgrow the messages. */
  #isSeenByAll(actor: ModuleActor, room: RoomRow, member: MemberRow): boolean {
    const { permissions, config } = this.#chat;
    if (room.kind === 'livestream' || room.kind === 'broadcast') return false;
    if (room.member_count > config.limits.notifiedMembers) return false;
    // Of those who are subscribed nothing is known here but what they can be in the room.
    if (permissions.dependsOnUser('seeReceipts')) return false;
    const seenBy = (role: string) => permissions.allows('seeReceipts', actor, { room, member: { ...member, role } });
    if (!roles.every(seenBy)) return false;
    // Who is no member may be subscribed to an open room.
    return otherStates.every((state) => {
      const subject = { room, member: state && { ...member, state } };
      const mayRead = permissions.dependsOnUser('readRoom') || permissions.allows('readRoom', actor, subject);
      return !mayRead || permissions.allows('seeReceipts', actor, subject);
    });
  }

  async #tell(room: string): Promise<void> {
    const pending = this.#pending.get(room);
    if (!pending) return;
    const read = [...pending.read].slice(0, maxUsers);
    const delivered = [...pending.delivered].slice(0, maxUsers);
    const json = JSON.stringify({
      type: 'receipts',
      ...(read.length > 0 && { read: Object.fromEntries(read) }),
      ...(delivered.length > 0 && { delivered: Object.fromEntries(delivered) }),
    });
    await this.#chat.context.publish(roomChannel(room), json);
    // What moved on meanwhile stays for the next.
    for (const [user, seq] of read) if (pending.read.get(user) === seq) pending.read.delete(user);
    for (const [user, seq] of delivered) if (pending.delivered.get(user) === seq) pending.delivered.delete(user);
    if (pending.read.size + pending.delivered.size === 0) this.#pending.delete(room);
    else this.#paced.want(room, largeRoomMs);
  }
}
