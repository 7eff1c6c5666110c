/**
 * Profiles of users: what a client shows beside an id. They are optional, anybody with an id can chat. A change is not
 * told to everybody who may have seen the user, only to the user's own devices and the application.
 */
import type { Selectable } from 'kysely';
import type { ModuleActor } from '../module.ts';
import { actingUser } from './acting-user.ts';
import { blockersOf } from './blockers.ts';
import type { Chat } from './chat.ts';
import { ChatError } from './chat-error.ts';
import type { ChatTransaction } from './chat-writer.ts';
import type { Profile, User } from './model.ts';
import { toStoredJson } from './stored-json.ts';
import type { ChatTables } from './tables.ts';
import { writeUserWords } from './user-words.ts';

export type UserRow = Selectable<ChatTables['chat_users']>;

export interface ProfileInput {
  /** Left out: it stays. Null: it goes. */
  readonly name?: string | null | undefined;
  readonly avatar?: string | null | undefined;
  readonly data?: unknown;
  readonly locale?: string | null | undefined;
  readonly timeZone?: string | null | undefined;
  readonly invisible?: boolean | undefined;
}

/** @param lastSeen whether the asker may know when the user was last seen. */
export function toUser(row: UserRow, lastSeen: boolean): User {
  return {
    id: row.id,
    ...(row.name !== null && { name: row.name }),
    ...(row.avatar !== null && { avatar: row.avatar }),
    ...(row.data !== null && { data: JSON.parse(row.data) as unknown }),
    ...(row.locale !== null && { locale: row.locale }),
    ...(row.time_zone !== null && { timeZone: row.time_zone }),
    ...(lastSeen && row.last_seen_at !== null && { lastSeenAt: row.last_seen_at }),
    ...(row.deleted_at !== null && { deletedAt: row.deleted_at }),
  };
}

function toProfile(row: UserRow): Profile {
  return { ...toUser(row, true), ...(row.invisible === 1 && { invisible: true }) };
}

/** @throws ChatError invalid, deleted for a user who was erased, tooLarge. */
export async function setProfile(
  chat: Chat,
  actor: ModuleActor,
  input: ProfileInput,
): Promise<{ readonly profile: Profile }> {
  const user = actingUser(actor);
  const change = toColumns(chat, input);
  const profile = await chat.writer.run({}, async (tx) => toProfile(await upsert(tx, user, change, user)));
  if (input.invisible !== undefined) await chat.presence.visibilityChanged(user);
  return { profile };
}

/**
 * Makes and changes profiles of any users, all or none.
 * @throws ChatError forbidden for clients, invalid for a user named twice, deleted, tooLarge.
 */
export async function upsertUsers(
  chat: Chat,
  actor: ModuleActor,
  { users }: { readonly users: readonly (ProfileInput & { readonly id: string })[] },
): Promise<{ readonly users: Profile[] }> {
  if (!actor.system) throw new ChatError('forbidden', 'upsertUsers is for back ends');
  if (new Set(users.map(({ id }) => id)).size < users.length) throw new ChatError('invalid', 'a user is named twice');
  const changes = users.map(({ id, ...input }) => ({ id, change: toColumns(chat, input) }));
  const profiles = await chat.writer.run({}, async (tx) => {
    const done: Profile[] = [];
    for (const { id, change } of changes) done.push(toProfile(await upsert(tx, id, change, '')));
    return done;
  });
  for (const { id, invisible } of users) if (invisible !== undefined) await chat.presence.visibilityChanged(id);
  return { users: profiles };
}

/** The asker's own; of who never set one, just the id. */
export async function readProfile(chat: Chat, actor: ModuleActor): Promise<{ readonly profile: Profile }> {
  const user = actingUser(actor);
  const [row] = await readRows(chat, [user]);
  return { profile: row ? toProfile(row) : { id: user } };
}

/** Profiles of those who have one, in the order asked for. */
export async function readUsers(
  chat: Chat,
  actor: ModuleActor,
  { ids }: { readonly ids: readonly string[] },
): Promise<{ readonly users: User[] }> {
  const rows = new Map((await readRows(chat, ids)).map((row) => [row.id, row]));
  const blockers = await blockersOf(chat.db, actor, ids);
  return {
    users: [...new Set(ids)].flatMap((id) => {
      const row = rows.get(id);
      return row ? [toUser(row, !blockers.has(id) && maySeeLast(chat, actor, row))] : [];
    }),
  };
}

/** @throws ChatError userNotFound for who has no profile. */
export async function readUser(
  chat: Chat,
  actor: ModuleActor,
  { id }: { readonly id: string },
): Promise<{ readonly user: User }> {
  const { users } = await readUsers(chat, actor, { ids: [id] });
  const [user] = users;
  if (!user) throw new ChatError('userNotFound', id);
  return { user };
}

/** Who is invisible was never seen by others. Nor is who blocks the asker, which the caller knows. */
function maySeeLast(chat: Chat, actor: ModuleActor, { id, invisible }: UserRow): boolean {
  if (actor.system || actor.user === id) return true;
  return invisible === 0 && chat.permissions.allows('seePresence', actor, { targetUser: id });
}

function readRows({ db }: Chat, ids: readonly string[]): Promise<UserRow[]> {
  return db.selectFrom('chat_users').selectAll().where('id', 'in', ids).execute();
}

type ProfileColumns = Partial<Pick<UserRow, 'name' | 'avatar' | 'data' | 'locale' | 'time_zone' | 'invisible'>>;

function toColumns({ config }: Chat, input: ProfileInput): ProfileColumns {
  const { name, avatar, data, locale, timeZone, invisible } = input;
  return {
    ...(name !== undefined && { name }),
    ...(avatar !== undefined && { avatar }),
    ...(data !== undefined && { data: toStoredJson(data, config.limits.messageSize) }),
    ...(locale !== undefined && { locale }),
    ...(timeZone !== undefined && { time_zone: timeZone }),
    ...(invisible !== undefined && { invisible: invisible ? 1 : 0 }),
  };
}

/** A change that changes nothing is told to nobody. */
async function upsert(tx: ChatTransaction, id: string, change: ProfileColumns, by: string): Promise<UserRow> {
  const before = await tx.read.selectFrom('chat_users').selectAll().where('id', '=', id).executeTakeFirst();
  if (before && before.deleted_at !== null) throw new ChatError('deleted', `user ${id}`);
  const columns = Object.keys(change) as (keyof ProfileColumns)[];
  if (before && columns.every((column) => change[column] === before[column])) return before;
  const row = await tx.write
    .insertInto('chat_users')
    .values({ ...newUser, id, created_at: tx.nowMs, ...change })
    // Only what is named: two devices may change different parts at once.
    .onConflict((conflict) =>
      columns.length === 0 ? conflict.column('id').doUpdateSet({ id }) : conflict.column('id').doUpdateSet(change),
    )
    .returningAll()
    .executeTakeFirstOrThrow();
  if (change.name !== undefined) await writeUserWords(tx.write, [row]);
  tx.tell(id, { type: 'profile', profile: toProfile(row) });
  // What is the user's alone stays so.
  tx.report(`user:${id}`, 'user.changed', { by, type: 'user', user: toUser(row, false) });
  return row;
}

const newUser = {
  name: null,
  avatar: null,
  data: null,
  locale: null,
  time_zone: null,
  invisible: 0,
  last_seen_at: null,
  deleted_at: null,
} as const;
