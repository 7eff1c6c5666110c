/**
 * Tells the members of a room, on their own channels, that something new is there, so that room lists and badges move
 * without a subscription to every room. At once, then at most four times a second and room; with the counters of the room
 * as they are then. In large rooms only those who look are told, by the room's own channel.
 *
 * Who sends has read up to their message: their devices are told so with it, since sending tells nobody else.
 *
 * Members are also told, as `changed`, that the line of the room reads otherwise though nothing new was said: the room was
 * changed, or one of its latest messages was edited or deleted.
 */
import type { Chat } from './chat.ts';
import { ActivityLook, type SeenRoom } from './activity-look.ts';
import { userChannel } from './channel-names.ts';
import type { ChatEventName } from './chat-writer.ts';
import { isCrowd } from './membership.ts';
import type { RoomPublication, UserPublication } from './model.ts';
import { Paced } from './paced.ts';
import { toReadState } from './read-markers.ts';
import { maxLookedThrough } from './room-list-item.ts';

const everyMs = 250;
/** Users of all rooms whose members are remembered. */
const maxRemembered = 200_000;

/** Members of a room, as of a revision and number that change with them. */
interface MemberList {
  readonly rev: number;
  readonly count: number;
  readonly users: readonly string[];
}

type Activity = Extract<UserPublication, { type: 'activity' }>;

/** What was noticed of a room and is to be told. */
interface News {
  /** The members are told. */
  loud: boolean;
  readonly senders: Set<string>;
  /** The latest message that was edited or deleted; Infinity: the room itself was changed; 0: neither. */
  changedSeq: number;
}

const nothing = (): News => ({ loud: false, senders: new Set(), changedSeq: 0 });

export class RoomActivity {
  readonly #chat: Pick<Chat, 'config' | 'context' | 'db'>;
  readonly #paced: Paced;
  readonly #look: ActivityLook;
  readonly #news = new Map<string, News>();
  /** The one used last is the last. */
  readonly #members = new Map<string, MemberList>();
  #remembered = 0;

  constructor(chat: Pick<Chat, 'config' | 'context' | 'db'>) {
    this.#chat = chat;
    this.#look = new ActivityLook(chat.db, chat.context.store);
    const { clock, logger } = chat.context;
    this.#paced = new Paced({ clock, logger, failure: 'activity could not be told', run: (room) => this.#tell(room) });
  }

  /** Something was told on a room's channel. @param json of a `RoomPublication`. Never throws. */
  noticed(room: string, json: string, event: ChatEventName, by: string): void {
    const changedSeq = event === 'message.sent' ? 0 : changedIn(json, event);
    if (changedSeq === undefined) return;
    const news = this.#news.get(room) ?? nothing();
    this.#news.set(room, news);
    news.changedSeq = Math.max(news.changedSeq, changedSeq);
    if (event === 'message.sent') {
      news.loud ||= !isQuiet(json);
      if (by !== '') news.senders.add(by);
    }
    this.#paced.want(room, everyMs);
  }

  idle(): Promise<void> {
    return this.#paced.idle();
  }

  stop(): Promise<void> {
    return this.#paced.stop();
  }

  async #tell(id: string): Promise<void> {
    const news = this.#news.get(id);
    this.#news.delete(id);
    if (!news) return;
    try {
      await this.#tellNews(id, news);
    } catch (error) {
      const since = this.#news.get(id) ?? nothing();
      this.#news.set(id, {
        loud: news.loud || since.loud,
        senders: new Set([...news.senders, ...since.senders]),
        changedSeq: Math.max(news.changedSeq, since.changedSeq),
      });
      throw error;
    }
  }

  async #tellNews(id: string, { loud, senders, changedSeq }: News): Promise<void> {
    const { config, context } = this.#chat;
    const { room, senders: members } = await this.#look.read(id, [...senders]);
    if (!room || room.deleted_at !== null) return;
    // An older message does not stand in the list.
    const changed = changedSeq > 0 && changedSeq >= room.last_seq - maxLookedThrough;
    const activity: Activity = {
      type: 'activity',
      room: id,
      rev: room.rev,
      lastSeq: room.last_seq,
      lastAt: room.last_at,
      countable: room.ucount,
      ...(changed && { changed }),
    };
    const json = JSON.stringify(activity);
    const told = new Map<string, string>();
    if ((loud || changed) && room.member_count <= config.limits.notifiedMembers) {
      for (const user of await this.#membersOf(id, room)) told.set(user, json);
    }
    for (const member of members) {
      const own: Activity = { ...activity, read: toReadState(member, room) };
      told.set(member.user_id, JSON.stringify(own));
    }
    const outcomes = await Promise.allSettled(
      [...told].map(([user, text]) => context.publish(userChannel(user), text)),
    );
    const failed = outcomes.find(({ status }) => status === 'rejected');
    if (failed) throw (failed as PromiseRejectedResult).reason;
  }

  /**
   * Every node sees by the revision and the count whether its list still holds: who joins or leaves changes them. In
   * crowds they take no revision.
   */
  async #membersOf(room: string, now: SeenRoom): Promise<readonly string[]> {
    const known = this.#members.get(room);
    if (known) this.#forget(room, known);
    const [rev, count] = [now.members_rev ?? 0, now.member_count];
    let list = known;
    if (!list || list.rev !== rev || list.count !== count || isCrowd(now)) {
      const rows = await this.#chat.db
        .selectFrom('chat_members')
        .select('user_id')
        .where('room_id', '=', room)
        .where('state', '=', 'member')
        .execute();
      list = { rev, count, users: rows.map(({ user_id }) => user_id) };
    }
    const meanwhile = this.#members.get(room);
    if (meanwhile) this.#forget(room, meanwhile);
    this.#members.set(room, list);
    this.#remembered += list.users.length;
    for (const [oldest, old] of this.#members) {
      if (this.#remembered <= maxRemembered) break;
      this.#forget(oldest, old);
    }
    return list.users;
  }

  #forget(room: string, { users }: MemberList): void {
    this.#members.delete(room);
    this.#remembered -= users.length;
  }
}

/**
 * Which message now reads otherwise; Infinity for the room itself. Undefined for what changes nothing in a list of rooms,
 * and for a message that only its sender sees.
 */
function changedIn(json: string, event: ChatEventName): number | undefined {
  if (event === 'room.changed') return Number.POSITIVE_INFINITY;
  if ((event !== 'message.edited' && event !== 'message.deleted') || isQuiet(json)) return undefined;
  const publication = JSON.parse(json) as RoomPublication;
  return publication.type === 'message' ? publication.message.seq : undefined;
}

/** Whether nobody is to be called by this message: a silent one, or one that only its sender sees. */
function isQuiet(json: string): boolean {
  // Most have neither word in them, and need not be parsed.
  if (!json.includes('"silent":true') && !json.includes('"kind":"hidden"')) return false;
  const publication = JSON.parse(json) as RoomPublication;
  return (
    publication.type === 'message' && (publication.message.silent === true || publication.message.kind === 'hidden')
  );
}
