/** The first tables of chat. `tables.ts` says what the columns mean. */
import { sql, type Kysely, type RawBuilder } from 'kysely';
import type { Migration, StoreDialect } from '../../../stores/store.ts';

/** Column types and table options, where the two databases differ. */
function kinds(dialect: StoreDialect) {
  const postgres = dialect === 'postgres';
  return {
    // Ids are compared and sorted by code points on both.
    text: postgres ? sql`text collate "C"` : sql`text`,
    int: postgres ? sql`bigint` : sql`integer`,
    // Small rows live in the order of their key. Messages do not: appending them is what chat does all day, and three
    // times cheaper where they come, while a page of 50 costs 50 lookups more.
    clustered: postgres ? sql`` : sql`without rowid`,
  };
}

export const firstTables: Migration = {
  id: '0001-chat',
  async up(db: Kysely<unknown>, dialect: StoreDialect): Promise<void> {
    const { text, int, clustered } = kinds(dialect);
    const table = async (name: string, columns: readonly string[], ...constraints: string[]): Promise<void> => {
      const lines = [...columns.map((column) => columnSql(column, text, int)), ...constraints.map((c) => sql.raw(c))];
      await sql`create table ${sql.table(name)} (${sql.join(lines)}) ${name === 'chat_messages' ? sql`` : clustered}`.execute(
        db,
      );
    };
    const index = (statement: string) => sql.raw(`create index ${statement}`).execute(db);
    const unique = (statement: string) => sql.raw(`create unique index ${statement}`).execute(db);

    await table(
      'chat_users',
      [
        'id text',
        'name text?',
        'avatar text?',
        'data text?',
        'locale text?',
        'time_zone text?',
        'invisible int =0',
        'last_seen_at int?',
        'created_at int',
        'deleted_at int?',
      ],
      'primary key (id)',
    );
    await table(
      'chat_rooms',
      [
        'id text',
        'epoch text',
        'kind text',
        'dm_key text?',
        'name text?',
        'topic text?',
        'data text?',
        'created_by text',
        'created_at int',
        'last_seq int =0',
        'last_at int',
        'ucount int =0',
        'rev int =0',
        'min_rev int =0',
        'changed_rev int =0',
        'member_count int =0',
        'slow_ms int =0',
        'retention_ms int?',
        'frozen int =0',
        'deleted_at int?',
      ],
      'primary key (id)',
    );
    await unique('chat_rooms_dm on chat_rooms (dm_key) where dm_key is not null');
    await index(
      `chat_rooms_found on chat_rooms (last_at) where kind in ('public', 'broadcast', 'livestream') and deleted_at is null`,
    );
    await table(
      'chat_members',
      [
        'room_id text',
        'user_id text',
        'role text',
        'state text',
        'joined_seq int =0',
        'joined_at int',
        'read_seq int =0',
        'read_ucount int =0',
        'delivered_seq int =0',
        'mention_count int =0',
        'mute_until int?',
        `notify text ='all'`,
        'pinned int =0',
        'archived int =0',
        'rev int =0',
        'updated_at int',
        'sent_at int =0',
      ],
      'primary key (room_id, user_id)',
    );
    await index('chat_members_user on chat_members (user_id, state, room_id)');
    await index('chat_members_rev on chat_members (room_id, rev)');
    await table(
      'chat_messages',
      [
        'room_id text',
        'seq int',
        'id text',
        'sender_id text',
        'client_id text?',
        'client_hash text?',
        'ucount int',
        'rev int',
        'first_rev int',
        'kind text',
        'thread_seq int?',
        'reply_seq int?',
        'body text',
        'reactions text?',
        'poll text?',
        'thread_count int =0',
        'thread_last_seq int =0',
        'thread_last_at int =0',
        'silent int =0',
        'shadow int =0',
        'version int =1',
        'pinned_at int?',
        'created_at int',
        'edited_at int?',
        'deleted_at int?',
      ],
      'primary key (room_id, seq)',
    );
    await unique('chat_messages_client on chat_messages (room_id, sender_id, client_id)');
    // Of messages that nobody changed, the order of `seq` is that of `rev`: they need no entry.
    await index('chat_messages_changed on chat_messages (room_id, rev) where rev <> first_rev');
    await index('chat_messages_thread on chat_messages (room_id, thread_seq, seq) where thread_seq is not null');
    await index('chat_messages_pinned on chat_messages (room_id, pinned_at) where pinned_at is not null');
    await table(
      'chat_message_versions',
      ['room_id text', 'seq int', 'version int', 'body text', 'edited_by text', 'edited_at int'],
      'primary key (room_id, seq, version)',
    );
    await table(
      'chat_reactions',
      ['room_id text', 'seq int', 'emoji text', 'user_id text', 'created_at int'],
      'primary key (room_id, seq, emoji, user_id)',
    );
    await index('chat_reactions_user on chat_reactions (user_id)');
    await table(
      'chat_mentions',
      ['user_id text', 'room_id text', 'seq int', 'message_id text'],
      'primary key (user_id, room_id, seq)',
    );
    await index('chat_mentions_message on chat_mentions (user_id, message_id)');
    await index('chat_mentions_room on chat_mentions (room_id, seq)');
    await table(
      'chat_thread_members',
      ['room_id text', 'thread_seq int', 'user_id text', 'read_seq int =0', 'following int =1', 'updated_at int'],
      'primary key (room_id, thread_seq, user_id)',
    );
    await index('chat_thread_members_user on chat_thread_members (user_id, room_id)');
    await table(
      'chat_drafts',
      ['user_id text', 'room_id text', 'thread_seq int =0', 'text text', 'updated_at int'],
      'primary key (user_id, room_id, thread_seq)',
    );
    await table(
      'chat_attachments',
      [
        'id text',
        'room_id text',
        'user_id text',
        'message_seq int?',
        'name text',
        'content_type text',
        'bytes int',
        'storage_key text',
        'created_at int',
      ],
      'primary key (id)',
    );
    await index('chat_attachments_room on chat_attachments (room_id, message_seq)');
    await index('chat_attachments_user on chat_attachments (user_id, message_seq)');
    await table(
      'chat_poll_votes',
      ['room_id text', 'seq int', 'user_id text', 'option_id text', 'created_at int'],
      'primary key (room_id, seq, user_id, option_id)',
    );
    await index('chat_poll_votes_user on chat_poll_votes (user_id)');
    await table(
      'chat_restrictions',
      ['scope text', 'user_id text', 'kind text', 'reason text?', 'until int?', 'created_by text', 'created_at int'],
      'primary key (scope, user_id, kind)',
    );
    await index('chat_restrictions_user on chat_restrictions (user_id)');
    await table(
      'chat_blocks',
      ['user_id text', 'blocked_id text', 'created_at int'],
      'primary key (user_id, blocked_id)',
    );
    await index('chat_blocks_blocked on chat_blocks (blocked_id)');
    await table(
      'chat_reports',
      [
        'id text',
        'room_id text',
        'seq int?',
        'reported_user text?',
        'reporter text',
        'reason text',
        'state text',
        'resolution text?',
        'resolved_by text?',
        'created_at int',
        'resolved_at int?',
      ],
      'primary key (id)',
    );
    await index('chat_reports_state on chat_reports (state, created_at)');
    await table(
      'chat_scheduled',
      [
        'id text',
        'room_id text',
        'user_id text',
        'input text',
        'run_at int',
        'lease_until int =0',
        'attempts int =0',
        'error text?',
        'created_at int',
      ],
      'primary key (id)',
    );
    await index('chat_scheduled_due on chat_scheduled (run_at)');
    await index('chat_scheduled_user on chat_scheduled (user_id)');
    await table(
      'chat_outbox',
      ['id text', 'room_id text', 'rev int', 'entry text', 'created_at int'],
      'primary key (id)',
    );
    await index('chat_outbox_age on chat_outbox (created_at)');
  },
};

/** `name type`, `?` behind it if it may be null, ` =value` for a default. */
function columnSql(column: string, text: RawBuilder<unknown>, int: RawBuilder<unknown>): RawBuilder<unknown> {
  const match = /^(\w+) (text|int)(\?)?(?: =(.+))?$/.exec(column);
  if (!match) throw new Error(`a column that is not understood: ${column}`);
  const [, name = '', type, nullable, initial] = match;
  const declared = sql`${sql.id(name)} ${type === 'text' ? text : int}`;
  if (nullable) return declared;
  return initial === undefined ? sql`${declared} not null` : sql`${declared} not null default ${sql.raw(initial)}`;
}
