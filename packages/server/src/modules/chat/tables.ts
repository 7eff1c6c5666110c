/**
 * The tables of chat, as Kysely types. Made by `migrations/`. Portable: ids are text (UUIDv7 where we make them), times
 * Unix milliseconds in bigint, JSON is text, booleans are 0 and 1.
 */
type Json = string;
type Flag = 0 | 1;

export interface ChatTables {
  chat_users: {
    id: string;
    name: string | null;
    avatar: string | null;
    data: Json | null;
    locale: string | null;
    time_zone: string | null;
    invisible: Flag;
    last_seen_at: number | null;
    created_at: number;
    deleted_at: number | null;
  };
  /** What users are found by: words of their names, and the name as a whole. PK (word, user_id) · IX (user_id) */
  chat_user_words: { word: string; user_id: string };
  chat_rooms: {
    id: string;
    /** New when the numbering starts anew; the epoch of the room's channel. */
    epoch: string;
    kind: string;
    /** `a\u0001b` of a direct room, sorted; UNIQUE. */
    dm_key: string | null;
    name: string | null;
    topic: string | null;
    data: Json | null;
    created_by: string;
    created_at: number;
    last_seq: number;
    last_at: number;
    /** Cumulative count of countable messages. */
    ucount: number;
    rev: number;
    /** Changes up to here can no longer be replayed one by one: a client behind it gets a reset. */
    min_rev: number;
    /** The room's own row changed last at this revision. */
    changed_rev: number;
    member_count: number;
    slow_ms: number;
    retention_ms: number | null;
    frozen: Flag;
    deleted_at: number | null;
  };
  /** PK (room_id, user_id) · IX (user_id, state, room_id) · IX (room_id, rev) · IX (room_id) of those kicked */
  chat_members: {
    room_id: string;
    user_id: string;
    role: string;
    state: string;
    joined_seq: number;
    joined_at: number;
    read_seq: number;
    read_ucount: number;
    delivered_seq: number;
    /** Unread mentions: raised when mentioned, set anew when read. */
    mention_count: number;
    mute_until: number | null;
    notify: string;
    pinned: Flag;
    archived: Flag;
    rev: number;
    updated_at: number;
    /** When the member last sent; for slow mode. */
    sent_at: number;
  };
  /** PK (room_id, seq) · UQ (client_id, room_id, sender_id) · IX (room_id, rev) of changed ones · IX (room_id, thread_seq, seq) */
  chat_messages: {
    room_id: string;
    seq: number;
    id: string;
    sender_id: string;
    client_id: string | null;
    /** Hash of what the client sent, to tell a repeat from another message under the same client id. */
    client_hash: string | null;
    ucount: number;
    /** The room's revision of its latest change. */
    rev: number;
    /** The revision it was sent with. */
    first_rev: number;
    kind: string;
    thread_seq: number | null;
    reply_seq: number | null;
    /** JSON: text, data, mentions, attachments, previews. */
    body: Json;
    /** JSON: emoji → count. */
    reactions: Json | null;
    /** JSON: a `Poll`. */
    poll: Json | null;
    thread_count: number;
    thread_last_seq: number;
    thread_last_at: number;
    silent: Flag;
    /** 1: for its sender alone (shadow ban). */
    shadow: Flag;
    version: number;
    pinned_at: number | null;
    created_at: number;
    edited_at: number | null;
    deleted_at: number | null;
  };
  /** Former texts. PK (room_id, seq, version) */
  chat_message_versions: {
    room_id: string;
    seq: number;
    version: number;
    body: Json;
    edited_by: string;
    edited_at: number;
  };
  /** PK (room_id, seq, emoji, user_id) */
  chat_reactions: { room_id: string; seq: number; emoji: string; user_id: string; created_at: number };
  /** Who was mentioned where, `*`: everybody in the room. PK (user_id, room_id, seq) · IX (user_id, message_id) */
  chat_mentions: { user_id: string; room_id: string; seq: number; message_id: string };
  /** PK (room_id, thread_seq, user_id) */
  chat_thread_members: {
    room_id: string;
    thread_seq: number;
    user_id: string;
    read_seq: number;
    following: Flag;
    updated_at: number;
  };
  /** PK (user_id, room_id, thread_seq); thread 0 is the room itself. */
  chat_drafts: { user_id: string; room_id: string; thread_seq: number; text: string; updated_at: number };
  /** PK id · IX (room_id) · IX (user_id). message_seq null: uploaded, not sent yet; -1: its message is gone, the file may go. */
  chat_attachments: {
    id: string;
    room_id: string;
    user_id: string;
    message_seq: number | null;
    name: string;
    content_type: string;
    bytes: number;
    storage_key: string;
    created_at: number;
    /** Of a picture, as shown, in pixels. Both or none. */
    width: number | null;
    height: number | null;
  };
  /** PK (room_id, seq, user_id, option_id) */
  chat_poll_votes: { room_id: string; seq: number; user_id: string; option_id: string; created_at: number };
  /** PK (scope, user_id, kind); scope is a room id or `*`. */
  chat_restrictions: {
    scope: string;
    user_id: string;
    /** ban | mute | shadow */
    kind: string;
    reason: string | null;
    until: number | null;
    created_by: string;
    created_at: number;
  };
  /** PK (user_id, blocked_id) */
  chat_blocks: { user_id: string; blocked_id: string; created_at: number };
  /** PK id · IX (state, created_at) */
  chat_reports: {
    id: string;
    room_id: string;
    seq: number | null;
    reported_user: string | null;
    reporter: string;
    reason: string;
    state: string;
    resolution: string | null;
    resolved_by: string | null;
    created_at: number;
    resolved_at: number | null;
  };
  /** Messages to be sent later. PK id · IX (run_at) */
  chat_scheduled: {
    id: string;
    room_id: string;
    user_id: string;
    input: Json;
    run_at: number;
    lease_until: number;
    attempts: number;
    error: string | null;
    created_at: number;
  };
  /** What was committed and is still to be told. PK id · IX (created_at) */
  chat_outbox: {
    id: string;
    room_id: string;
    /** Orders rows of one process and millisecond. */
    rev: number;
    /** Entries of one transaction, as `outbox-entry.ts` writes them. */
    entry: string;
    created_at: number;
  };
  /** Uploads that are not finished. PK id · IX (user_id) · IX (expires_at) */
  chat_uploads: {
    id: string;
    room_id: string;
    user_id: string;
    name: string;
    /** As announced. */
    bytes: number;
    secret_hash: string;
    /** open | receiving | gone */
    state: string;
    /** Of the request that sends it. */
    claim: string | null;
    expires_at: number;
  };
  /** What all nodes share. PK name */
  chat_secrets: { name: string; value: string };
  /** Messages in the search index. PK id · UQ (room_id, seq) */
  chat_search: {
    /** Sorts by when the message was sent: milliseconds times 1024, and a number. */
    id: number;
    room_id: string;
    seq: number;
    sender_id: string;
  };
  /** How far each room is in the search index. PK room_id · UQ number */
  chat_search_rooms: {
    room_id: string;
    /** Stands for the room in the index. */
    number: number;
    /** Messages up to here are in it … */
    seq: number;
    /** … as they were at this revision. */
    rev: number;
  };
  /** Which node does a periodic job. PK name */
  chat_leases: { name: string; holder: string; until: number };
  /** Polls that are open and close by themselves. PK (room_id, seq) · IX (closes_at) */
  chat_poll_closings: { room_id: string; seq: number; closes_at: number };
  /** Users whose traces are being removed. PK user_id */
  chat_erasures: {
    user_id: string;
    /** anonymise | delete */
    mode: string;
    /** What stands in the user's place from now on. */
    pseudonym: string;
    /** What is being gone through; how far, says `cursor`. */
    stage: string;
    cursor: string;
    created_at: number;
  };
  /** Messages by what the imported file calls them. PK (room_id, id) */
  chat_import_ids: { room_id: string; id: string; seq: number };
}
