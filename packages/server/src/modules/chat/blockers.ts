/** Who blocks the asker: those are not shown to them as they are, and the asker is not told why. */
import type { Kysely } from 'kysely';
import type { ModuleActor } from '../module.ts';
import type { ChatTables } from './tables.ts';

const usersPerStatement = 500;

/** Of these users, those who block the actor. Nobody blocks a back end that acts for itself, or who is not signed in. */
export async function blockersOf(
  db: Kysely<ChatTables>,
  actor: Pick<ModuleActor, 'user' | 'system'>,
  users: readonly string[],
): Promise<ReadonlySet<string>> {
  const blockers = new Set<string>();
  if (actor.system || actor.user === '') return blockers;
  for (let at = 0; at < users.length; at += usersPerStatement) {
    const rows = await db
      .selectFrom('chat_blocks')
      .select('user_id')
      .where('user_id', 'in', users.slice(at, at + usersPerStatement))
      .where('blocked_id', '=', actor.user)
      .execute();
    for (const { user_id } of rows) blockers.add(user_id);
  }
  return blockers;
}

interface Question {
  readonly users: Set<string>;
  readonly answer: Promise<ReadonlySet<string>>;
}

/** Asks about one user after the other: what one asker wants to know in one turn of the loop is one statement. */
export class Blockers {
  readonly #db: Kysely<ChatTables>;
  /** By who asks; not asked yet. */
  readonly #questions = new Map<string, Question>();

  constructor(db: Kysely<ChatTables>) {
    this.#db = db;
  }

  /** Whether `user` blocks the actor; as it is after this was called. */
  async has(user: string, actor: Pick<ModuleActor, 'user' | 'system'>): Promise<boolean> {
    let question = this.#questions.get(actor.user);
    if (!question) {
      const users = new Set<string>();
      question = { users, answer: this.#askSoon(actor, users) };
      this.#questions.set(actor.user, question);
    }
    question.users.add(user);
    return (await question.answer).has(user);
  }

  async #askSoon(
    actor: Pick<ModuleActor, 'user' | 'system'>,
    users: ReadonlySet<string>,
  ): Promise<ReadonlySet<string>> {
    await new Promise<void>((resolve) => void setImmediate(resolve));
    this.#questions.delete(actor.user);
    return blockersOf(this.#db, actor, [...users]);
  }
}
