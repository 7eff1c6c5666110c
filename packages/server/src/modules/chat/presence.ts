/**
 * Who is online, told to those who watch. A user is online from their first device until `presenceGrace` after the last,
 * however many devices and nodes there are; who is invisible is offline to all others.
 *
 * Two things stand in the presence store, which all nodes share: the devices, as subscribers of the user's own channel
 * (the engine keeps them, and lets those of a dead node expire), and a mark: what was told last is "online". Whoever finds
 * that the two disagree tells, and sets the mark right. Every step may be repeated.
 */
import type { TimerId } from '../../lib/clock.ts';
import { GatedLogger } from '../../lib/log-gate.ts';
import { presenceChannel, userChannel } from './channel-names.ts';
import type { Chat, UserPresences } from './chat.ts';
import { LastSeen } from './last-seen.ts';
import type { UserPresence } from './model.ts';

/** How often those who are watched, or in doubt, are looked at. */
const sweepMs = 15_000;
/** A mark that nobody renews for so long is gone: nobody watched. */
const markTtlMs = 24 * 3_600_000;
const renewMarkMs = 3_600_000;
const seenEveryMs = 60_000;
/** Questions to the presence store at once. */
const questionsAtOnce = 100;
/** Users in doubt that nobody watches. */
const maxDoubtful = 10_000;
/** The mark's client id. */
const markId = 'online';

/** A user with devices on this node, or who had some within the grace. */
interface Local {
  readonly devices: Set<string>;
  /** Left here; the store may not know yet. */
  readonly gone: Set<string>;
  graceTimer: TimerId;
  leftAtMs: number;
  renewedAtMs: number;
  seenAtMs: number;
}

/** What this node knows of a user who left it. */
interface Leaving {
  readonly gone: ReadonlySet<string>;
  readonly leftAtMs: number;
}

type PresenceChat = Pick<Chat, 'config' | 'context' | 'db' | 'writer'>;

export class Presences implements UserPresences {
  readonly #chat: PresenceChat;
  readonly #log: GatedLogger;
  readonly #seen: LastSeen;
  readonly #local = new Map<string, Local>();
  /** Watched by somebody on this node. */
  readonly #watched = new Set<string>();
  /** Marked as online without a device, and since when; undefined: to be looked at. */
  readonly #doubtful = new Map<string, number | undefined>();
  /** What failed and is to be done again. */
  readonly #unsettled = new Map<string, Leaving | undefined>();
  /** One thing at a time for each user. */
  readonly #queues = new Map<string, Promise<void>>();
  #sweepTimer: TimerId;
  #sweeping: Promise<void> | undefined;
  #stopped = true;

  constructor(chat: PresenceChat) {
    this.#chat = chat;
    const { clock, logger } = chat.context;
    this.#log = new GatedLogger(logger, clock);
    this.#seen = new LastSeen({ clock, logger, writer: chat.writer });
  }

  start(): void {
    this.#stopped = false;
    this.#sweepLater();
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.#queues.size > 0 || this.#sweeping) {
      await Promise.all([...this.#queues.values(), this.#sweeping]);
    }
  }

  /** Who is here now was seen. They are not told to be gone: most come back on another node. */
  async stop(): Promise<void> {
    const { clock } = this.#chat.context;
    this.#stopped = true;
    clock.clearTimeout(this.#sweepTimer);
    for (const [user, local] of this.#local) {
      clock.clearTimeout(local.graceTimer);
      this.#seen.note(user, local.devices.size > 0 ? clock.now() : local.leftAtMs, true);
    }
    this.#local.clear();
    await this.idle();
    await this.#seen.flush();
  }

  device(user: string, client: string, isHere: boolean): void {
    if (this.#stopped) return;
    if (isHere) this.#came(user, client);
    else this.#went(user, client);
  }

  watched(user: string): void {
    if (this.#chat.context.isOccupied(presenceChannel(user))) this.#watched.add(user);
    else this.#watched.delete(user);
  }

  async visibilityChanged(user: string): Promise<void> {
    await this.#settle(user, undefined);
  }

  async states(users: readonly string[]): Promise<UserPresence[]> {
    const marks = new Map<string, boolean>();
    const asked = [...new Set(users)];
    await inTurns(asked, async (user) => {
      const isMarked = await this.#isMarked(user);
      marks.set(user, isMarked);
      if (isMarked && !this.#local.has(user)) this.#doubt(user);
    });
    const offline = asked.filter((user) => !marks.get(user));
    const lastSeen = await this.#lastSeen(offline);
    return users.map((user) => {
      if (marks.get(user)) return { user, status: 'online' };
      return offlineState(user, lastSeen.get(user));
    });
  }

  #came(user: string, client: string): void {
    const { clock } = this.#chat.context;
    const nowMs = clock.now();
    let local = this.#local.get(user);
    if (local) {
      clock.clearTimeout(local.graceTimer);
      local.graceTimer = undefined;
      local.devices.add(client);
      local.gone.delete(client);
      return;
    }
    local = {
      devices: new Set([client]),
      gone: new Set(),
      graceTimer: undefined,
      leftAtMs: nowMs,
      renewedAtMs: nowMs,
      seenAtMs: nowMs,
    };
    this.#local.set(user, local);
    this.#seen.note(user, nowMs, false);
    void this.#settle(user, undefined);
  }

  #went(user: string, client: string): void {
    const { clock } = this.#chat.context;
    const local = this.#local.get(user);
    if (!local?.devices.delete(client)) return;
    local.gone.add(client);
    if (local.devices.size > 0) return;
    local.leftAtMs = clock.now();
    local.graceTimer = clock.setTimeout(() => {
      this.#local.delete(user);
      const { gone, leftAtMs } = local;
      void this.#settle(user, { gone, leftAtMs });
    }, this.#chat.config.presenceGrace);
  }

  /** Brings what was told in line with what is. Never throws; what failed is done again at the next sweep. */
  #settle(user: string, leaving: Leaving | undefined): Promise<void> {
    const before = this.#queues.get(user) ?? Promise.resolve();
    const done = before.then(async () => {
      try {
        this.#unsettled.delete(user);
        await this.#align(user, leaving);
      } catch (error) {
        this.#unsettled.set(user, leaving);
        this.#log.warn({ err: error }, 'presence of a user could not be told; it is tried again');
      }
    });
    this.#queues.set(user, done);
    return done.finally(() => {
      if (this.#queues.get(user) === done) this.#queues.delete(user);
    });
  }

  async #align(user: string, leaving: Leaving | undefined): Promise<void> {
    const [isHere, isMarked] = await Promise.all([this.#hasDevices(user, leaving?.gone), this.#isMarked(user)]);
    if (leaving && !isHere) this.#seen.note(user, leaving.leftAtMs, true);
    const isInvisible = isHere && (await this.#isInvisible(user));
    if (isHere && !isInvisible) {
      if (isMarked) return;
      await this.#publish({ user, status: 'online' });
      await this.#mark(user);
      // They may have hidden meanwhile, seen no mark, and said nothing.
      if (!(await this.#isInvisible(user))) return;
    } else if (!isMarked) return;
    const lastSeenAt = await this.#lastSeenAt(user, leaving);
    await this.#publish(offlineState(user, lastSeenAt));
    await this.#unmark(user);
    // A device may have come to another node, which saw the mark and said nothing.
    if (await this.#hasDevices(user, leaving?.gone)) {
      if (!(await this.#isInvisible(user))) {
        await this.#publish({ user, status: 'online' });
        await this.#mark(user);
      }
    }
  }

  /** @returns when they were last seen; undefined for who is invisible. */
  async #lastSeenAt(user: string, leaving: Leaving | undefined): Promise<number | undefined> {
    if (await this.#isInvisible(user)) return undefined;
    return leaving?.leftAtMs ?? (await this.#lastSeen([user])).get(user);
  }

  async #hasDevices(user: string, gone: ReadonlySet<string> | undefined): Promise<boolean> {
    const local = this.#local.get(user);
    if (local) return true;
    const { presence } = this.#chat.context;
    if (!gone) return (await presence.stats(userChannel(user))).clients > 0;
    const devices = await presence.list(userChannel(user));
    return [...devices.keys()].some((client) => !gone.has(client));
  }

  async #isMarked(user: string): Promise<boolean> {
    return (await this.#chat.context.presence.stats(presenceChannel(user))).clients > 0;
  }

  #mark(user: string): Promise<void> {
    return this.#chat.context.presence.touch(presenceChannel(user), { user, client: markId }, markTtlMs);
  }

  #unmark(user: string): Promise<void> {
    return this.#chat.context.presence.remove(presenceChannel(user), markId);
  }

  async #isInvisible(user: string): Promise<boolean> {
    const row = await this.#chat.db
      .selectFrom('chat_users')
      .select('invisible')
      .where('id', '=', user)
      .executeTakeFirst();
    return row?.invisible === 1;
  }

  /** Of those who may be seen. */
  async #lastSeen(users: readonly string[]): Promise<Map<string, number>> {
    if (users.length === 0) return new Map();
    const rows = await this.#chat.db
      .selectFrom('chat_users')
      .select(['id', 'last_seen_at', 'invisible'])
      .where('id', 'in', users)
      .execute();
    const hidden = new Set(rows.filter(({ invisible }) => invisible === 1).map(({ id }) => id));
    const seen = new Map(rows.flatMap(({ id, last_seen_at: at }) => (at === null ? [] : [[id, at]])));
    for (const user of users) {
      const pending = this.#seen.pendingOf(user);
      if (pending !== undefined) seen.set(user, pending);
      if (hidden.has(user)) seen.delete(user);
    }
    return seen;
  }

  #publish(state: UserPresence): Promise<void> {
    return this.#chat.context.publish(presenceChannel(state.user), JSON.stringify(state));
  }

  #doubt(user: string): void {
    if (!this.#doubtful.has(user) && this.#doubtful.size < maxDoubtful) this.#doubtful.set(user, undefined);
  }

  #sweepLater(): void {
    if (this.#stopped) return;
    this.#sweepTimer = this.#chat.context.clock.setTimeout(() => {
      this.#sweeping = this.#sweep().finally(() => {
        this.#sweeping = undefined;
        this.#sweepLater();
      });
    }, sweepMs);
  }

  async #sweep(): Promise<void> {
    const { clock, logger } = this.#chat.context;
    try {
      const unsettled = new Map(this.#unsettled);
      await inTurns([...unsettled.keys()], (user) => this.#settle(user, unsettled.get(user)));
      for (const user of this.#watched) {
        this.watched(user);
        if (this.#watched.has(user) && !this.#local.has(user) && !this.#doubtful.has(user)) {
          this.#doubtful.set(user, undefined);
        }
      }
      await inTurns([...this.#doubtful.keys()], (user) => this.#look(user));
      await this.#renew(clock.now());
    } catch (error) {
      logger.warn({ err: error }, 'presence could not be looked through; it is tried again');
    }
  }

  /** Whose last device is gone without a word, such as with its node, is offline after the grace. */
  async #look(user: string): Promise<void> {
    const nowMs = this.#chat.context.clock.now();
    const sinceMs = this.#doubtful.get(user);
    if (this.#local.has(user) || !(await this.#isMarked(user)) || (await this.#hasDevices(user, undefined))) {
      this.#doubtful.delete(user);
      return;
    }
    if (sinceMs === undefined) {
      this.#doubtful.set(user, nowMs);
      return;
    }
    if (nowMs - sinceMs < this.#chat.config.presenceGrace) return;
    this.#doubtful.delete(user);
    await this.#settle(user, undefined);
  }

  async #renew(nowMs: number): Promise<void> {
    const old: string[] = [];
    for (const [user, local] of this.#local) {
      if (local.devices.size === 0) continue;
      if (nowMs - local.seenAtMs >= seenEveryMs) {
        local.seenAtMs = nowMs;
        this.#seen.note(user, nowMs, false);
      }
      if (nowMs - local.renewedAtMs >= renewMarkMs) old.push(user);
    }
    await inTurns(old, async (user) => {
      const local = this.#local.get(user);
      if (!local) return;
      if (await this.#isMarked(user)) await this.#mark(user);
      local.renewedAtMs = nowMs;
    });
  }
}

/** @param lastSeenAt Unix milliseconds; undefined for who is not to be seen. */
export function offlineState(user: string, lastSeenAt: number | undefined): UserPresence {
  return { user, status: 'offline', ...(lastSeenAt !== undefined && { lastSeenAt }) };
}

async function inTurns(users: readonly string[], ask: (user: string) => Promise<void>): Promise<void> {
  for (let at = 0; at < users.length; at += questionsAtOnce) {
    await Promise.all(users.slice(at, at + questionsAtOnce).map(ask));
  }
}
