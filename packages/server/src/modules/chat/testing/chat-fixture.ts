/**
 * Chat on a database of its own, without an engine around it: what it publishes and reports is written down, and time
 * stands still until it is turned. Use with `await using`.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { z } from 'zod';
import { chatSchema } from '../../../config/chat-schema.ts';
import { FakeClock } from '../../../lib/clock.ts';
import { newEpoch } from '../../../lib/ids.ts';
import { createLogger } from '../../../lib/logger.ts';
import { CounterMap } from '../../../lib/metrics.ts';
import { MemoryPresenceStore } from '../../../presence/memory.ts';
import { SqliteStore } from '../../../stores/sqlite.ts';
import type { Store } from '../../../stores/store.ts';
import type { Position } from '../../../brokers/broker.ts';
import type { ModuleActor, ModuleContext, ModuleEvent } from '../../module.ts';
import type { Chat } from '../chat.ts';
import { ChatError } from '../chat-error.ts';
import { createChatModule, type ChatModule, type ChatParts } from '../chat-module.ts';
import type { MemberRow, RoomRow } from '../chat-writer.ts';
import type { Role, RoomKind } from '../model.ts';

export interface ChatFixtureOptions {
  /** What would stand under `chat` in the configuration. */
  readonly config?: z.input<typeof chatSchema>;
  /** Started; its owner stops it. Default: a SQLite file of the fixture. */
  readonly store?: Store;
  readonly clock?: FakeClock;
  readonly parts?: ChatParts;
  /** Whether `activity`, which follows every message, is published. */
  readonly activity?: boolean;
  /** Replaces parts of what the engine gives: a `publish` that fails, for instance. */
  readonly context?: Partial<ModuleContext>;
}

/** What was published, as it would arrive. */
export interface Published {
  readonly channel: string;
  readonly data: unknown;
  readonly position: Position | undefined;
}

export interface ReportedEvent extends ModuleEvent {
  readonly data: Record<string, unknown>;
}

/** Runs a command of one actor: `await chat.as('anna')('send', { room: 'room', text: 'hello' })`. */
// eslint-disable-next-line typescript/no-explicit-any
export type RunCommand = (name: string, input?: unknown) => Promise<any>;

export interface RoomOptions {
  readonly id?: string;
  readonly kind?: RoomKind;
  /** Users, or users with their roles; the first is the owner unless roles say otherwise. */
  readonly members?: readonly (string | readonly [user: string, role: Role])[];
  readonly row?: Partial<RoomRow>;
}

export async function createChat(options: ChatFixtureOptions = {}): Promise<ChatFixture> {
  const clock = options.clock ?? new FakeClock();
  const logger = createLogger('silent');
  const folder = await mkdtemp(join(tmpdir(), 'tidings-chat-'));
  const own = options.store === undefined;
  const store =
    options.store ??
    new SqliteStore({ file: join(folder, 'chat.sqlite'), synchronous: 'off', timeoutMs: 5_000, clock, logger });
  if (own) await store.start();
  const presence = new MemoryPresenceStore({ clock });
  await presence.start();
  const publications: Published[] = [];
  const events: ReportedEvent[] = [];
  const reconsidered: { channel: string; user: string | undefined }[] = [];
  const occupied = new Set<string>();
  const context: ModuleContext = {
    nodeId: 'node-1',
    clock,
    logger,
    store,
    presence,
    dataDir: folder,
    operations: new CounterMap(),
    async publish(channel, json, publishOptions) {
      publications.push({ channel, data: JSON.parse(json) as unknown, position: publishOptions?.position });
    },
    async reconsider(channel, user) {
      reconsidered.push({ channel, user });
    },
    async reconsiderUser(pattern, user) {
      reconsidered.push({ channel: pattern, user });
    },
    isOccupied: (channel) => occupied.has(channel),
    isHeard: () => true,
    wantsEvent: () => true,
    async emit(event) {
      events.push({ ...event, data: JSON.parse(event.json) as Record<string, unknown> });
    },
    ...options.context,
  };
  const config = chatSchema.parse(options.config ?? { enabled: true });
  const module = createChatModule(config, { periodicWork: false, ...options.parts })(
    options.activity ? context : withoutActivity(context),
  );
  await store.migrate([module.migrations]);
  await module.start();
  const remove = async () => {
    await module.stop();
    await presence.stop();
    if (own) await store.stop();
    await rm(folder, { recursive: true, force: true });
  };
  return new ChatFixture({ clock, store, context, module, publications, events, reconsidered, occupied, remove });
}

function withoutActivity(context: ModuleContext): ModuleContext {
  return {
    ...context,
    publish: async (channel, json, options) => {
      if (!json.startsWith('{"type":"activity"')) await context.publish(channel, json, options);
    },
  };
}

interface FixtureParts {
  readonly clock: FakeClock;
  readonly store: Store;
  readonly context: ModuleContext;
  readonly module: ChatModule;
  readonly publications: Published[];
  readonly events: ReportedEvent[];
  readonly reconsidered: { channel: string; user: string | undefined }[];
  readonly occupied: Set<string>;
  readonly remove: () => Promise<void>;
}

export class ChatFixture {
  readonly clock: FakeClock;
  readonly store: Store;
  readonly context: ModuleContext;
  readonly module: ChatModule;
  /** Everything published, in order. */
  readonly publications: Published[];
  /** Everything reported to the application, in order. */
  readonly events: ReportedEvent[];
  /** What `reconsider` was called with, and `reconsiderUser`. */
  readonly reconsidered: { channel: string; user: string | undefined }[];
  /** Channels that somebody on this node is subscribed to. */
  readonly occupied: Set<string>;
  /** The application's back end. */
  readonly system: RunCommand;
  readonly #remove: () => Promise<void>;

  constructor(parts: FixtureParts) {
    this.clock = parts.clock;
    this.store = parts.store;
    this.context = parts.context;
    this.module = parts.module;
    this.publications = parts.publications;
    this.events = parts.events;
    this.reconsidered = parts.reconsidered;
    this.occupied = parts.occupied;
    this.#remove = parts.remove;
    this.system = (name, input) => this.call(systemActor, name, input);
  }

  get chat(): Chat {
    return this.module.chat;
  }

  /** The commands of a user. */
  as(user: string, auth: Readonly<Record<string, unknown>> = {}): RunCommand {
    const actor = userActor(user, auth);
    return (name, input) => this.call(actor, name, input);
  }

  /**
   * Runs a command as the engine does: the input is checked before, and here the output too. Resolves after what it
   * caused was told.
   */
  async call(actor: ModuleActor, name: string, input: unknown = {}): Promise<unknown> {
    const command = this.module.commands.find((other) => other.name === name);
    if (!command) throw new Error(`there is no command ${name}`);
    const read = command.input.safeParse(input);
    if (!read.success) throw new ChatError('invalid', read.error.issues.map(({ message }) => message).join('; '));
    const output = await command.run(actor, read.data);
    await this.module.idle();
    // As it arrives: without what JSON leaves out.
    return command.output.parse(JSON.parse(JSON.stringify(output)));
  }

  /** What was published on a channel, without positions. */
  published(channel: string): unknown[] {
    return this.publications.filter((one) => one.channel === channel).map(({ data }) => data);
  }

  /** Types of the events reported so far. */
  get eventTypes(): string[] {
    return this.events.map(({ type }) => type);
  }

  /** Forgets what was published and reported. */
  forget(): void {
    this.publications.length = 0;
    this.events.length = 0;
    this.reconsidered.length = 0;
  }

  /** Writes a room and its members as if they had always been there: nothing is published. @returns its id. */
  async room({ id = 'room', kind = 'group', members = [], row = {} }: RoomOptions = {}): Promise<string> {
    const now = this.clock.now();
    const users = members.map((member, at): [string, Role] =>
      typeof member === 'string' ? [member, at === 0 ? 'owner' : 'member'] : [member[0], member[1]],
    );
    await this.chat.writer.run({ rooms: [id] }, (tx) => {
      tx.insertRoom({
        ...emptyRoom,
        id,
        epoch: newEpoch(),
        kind,
        dm_key:
          kind === 'direct'
            ? users
                .map(([user]) => user)
                .toSorted()
                .join('\u0001')
            : null,
        created_by: users[0]?.[0] ?? '',
        created_at: now,
        last_at: now,
        member_count: users.length,
        ...row,
      });
      for (const [user_id, role] of users) {
        tx.insertMember({ ...emptyMember, room_id: id, user_id, role, joined_at: now, updated_at: now });
      }
    });
    return id;
  }

  async roomRow(id = 'room'): Promise<RoomRow> {
    return this.chat.db.selectFrom('chat_rooms').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
  }

  async memberRow(user: string, room = 'room'): Promise<MemberRow> {
    return this.chat.db
      .selectFrom('chat_members')
      .selectAll()
      .where('room_id', '=', room)
      .where('user_id', '=', user)
      .executeTakeFirstOrThrow();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#remove();
  }
}

export const systemActor: ModuleActor = { user: '', system: true, client: undefined, auth: { uid: '' } };

export function userActor(user: string, auth: Readonly<Record<string, unknown>> = {}): ModuleActor {
  return { user, system: false, client: undefined, auth: { ...auth, uid: user } };
}

/** What a row has that nothing was said about. */
export const emptyRoom = {
  name: null,
  topic: null,
  data: null,
  last_seq: 0,
  ucount: 0,
  rev: 0,
  min_rev: 0,
  changed_rev: 0,
  slow_ms: 0,
  retention_ms: null,
  frozen: 0,
  deleted_at: null,
} as const;

export const emptyMember = {
  state: 'member',
  joined_seq: 0,
  read_seq: 0,
  read_ucount: 0,
  delivered_seq: 0,
  mention_count: 0,
  mute_until: null,
  notify: 'all',
  pinned: 0,
  archived: 0,
  rev: 0,
  sent_at: 0,
} as const;
