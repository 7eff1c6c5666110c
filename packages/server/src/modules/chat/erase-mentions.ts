/**
 * The id of an erased user in the mentions of messages, whoever wrote them, and of their former versions. Notes do not lead
 * to all of them: there is none of a user who was no member, and none any more of what an edit has taken out or hidden. So
 * all messages are looked through.
 */
import { sql, type RawBuilder, type Selectable } from 'kysely';
import type { Chat } from './chat.ts';
import type { MessageBody } from './mappers.ts';
import { changeMessage } from './message-access.ts';
import type { ChatTables } from './tables.ts';

type Erasure = Pick<Selectable<ChatTables['chat_erasures']>, 'user_id' | 'pseudonym'>;

/** Whether a row, which is called `message`, or one of its former versions may mention the user: it is looked at again. */
export function mayMention(user: string): RawBuilder<unknown> {
  return sql`${mayName('message.body', user)} or message.version > 1 and exists (
    select 1 from chat_message_versions as former where former.room_id = message.room_id
    and former.seq = message.seq and ${mayName('former.body', user)})`;
}

/** In these messages of a room. */
export function eraseMentions(
  chat: Chat,
  { user_id: user, pseudonym }: Erasure,
  id: string,
  seqs: readonly number[],
): Promise<void> {
  const needs = { rooms: [id], messages: seqs.map((seq) => [id, seq] as const), alone: true };
  return chat.writer.run(needs, async (tx) => {
    await tx.findRoom(id);
    for (const seq of seqs) {
      const row = await tx.message(id, seq);
      const body = row && rename(row.body, user, pseudonym);
      if (row && body !== undefined) changeMessage(tx, row, { body }, 'message.changed', '');
    }
    const versions = await tx.read
      .selectFrom('chat_message_versions')
      .select(['seq', 'version', 'body'])
      .where('room_id', '=', id)
      .where('seq', 'in', seqs)
      .where(mayName('body', user))
      .execute();
    for (const { body: before, ...key } of versions) {
      const body = rename(before, user, pseudonym);
      if (body === undefined) continue;
      await tx.write
        .updateTable('chat_message_versions')
        .set({ body })
        .where((eb) => eb.and({ room_id: id, ...key }))
        .execute();
    }
    await tx.write
      .deleteFrom('chat_mentions')
      .where('user_id', '=', user)
      .where('room_id', '=', id)
      .where('seq', 'in', seqs)
      .execute();
  });
}

/** Whether the JSON of a body holds the id as a text of its own, perhaps in other letters: it is looked at again. */
function mayName(column: string, user: string): RawBuilder<boolean> {
  const pattern = `%${JSON.stringify(user).replaceAll(/[\\%_]/g, String.raw`\$&`)}%`;
  return sql<boolean>`${sql.ref(column)} like ${pattern} escape '\\'`;
}

/** @returns undefined if the body does not mention the user. */
function rename(json: string, user: string, pseudonym: string): string | undefined {
  const body = JSON.parse(json) as MessageBody;
  const { users } = body.mentions ?? {};
  if (!users?.includes(user)) return undefined;
  const renamed = users.map((name) => (name === user ? pseudonym : name));
  return JSON.stringify({ ...body, mentions: { ...body.mentions, users: renamed } });
}
