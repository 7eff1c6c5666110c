/**
 * Uploads in two steps. `chat.upload` checks who wants to upload what, and answers with a URL that holds a secret; the
 * bytes go there in one plain HTTP request, so that a client can show how far it is. The row of an upload is written
 * before the first byte and goes with the row of the finished attachment: whatever dies in between, a row tells the sweep
 * what may lie around.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { sql } from 'kysely';
import { newSecret, newSortableId } from '../../../lib/ids.ts';
import type { Store } from '../../../stores/store.ts';
import type { ModuleActor } from '../../module.ts';
import type { Chat } from '../chat.ts';
import { ChatError } from '../chat-error.ts';
import type { ChatTransaction } from '../chat-writer.ts';
import { attachmentUrl } from '../claim-attachments.ts';
import type { Attachment } from '../model.ts';
import { checkRestrictions } from '../sender-restrictions.ts';
import type { ChatTables } from '../tables.ts';
import { cleanFileName } from './file-name.ts';
import { notAllowed, type Received } from './receive-file.ts';
import { isAllowed } from './sniff.ts';

/** The sending of the bytes must begin by then. */
export const uploadValidMs = 600_000;
/** … and end by then after it began. */
export const uploadMaxMs = 3_600_000;

export interface UploadInput {
  readonly room: string;
  readonly name: string;
  readonly bytes: number;
  readonly contentType?: string | undefined;
}

export interface UploadGrant {
  readonly id: string;
  /** Path to POST the bytes to. Holds a secret. */
  readonly url: string;
  readonly expiresAt: number;
}

export type UploadRow = ChatTables['chat_uploads'];

/**
 * @throws ChatError roomNotFound, notMember, forbidden, frozen, banned, muted, tooLarge, tooMany, contentTypeNotAllowed.
 */
export async function requestUpload(chat: Chat, actor: ModuleActor, input: UploadInput): Promise<UploadGrant> {
  const { limits, uploads } = chat.config;
  if (input.bytes > limits.uploadSize) {
    throw new ChatError('tooLarge', `${input.bytes} bytes; at most ${limits.uploadSize}`);
  }
  if (input.contentType !== undefined && !isAllowed(input.contentType, uploads.contentTypes)) {
    throw notAllowed(input.contentType, uploads.contentTypes);
  }
  const secret = newSecret();
  const needs = {
    rooms: [input.room],
    members: [[input.room, actor.user] as const],
    ...(!actor.system && { restrictions: [actor.user] }),
    // What waits is counted.
    alone: true,
  };
  return chat.writer.run(needs, async (tx) => {
    const room = await tx.room(input.room);
    const member = await tx.member(room.id, actor.user);
    chat.permissions.require('upload', actor, { room, member });
    checkRestrictions(chat, tx, actor, room, member);
    if (!actor.system) await checkWaiting(chat, tx, actor.user);
    const id = newSortableId(tx.nowMs);
    const expiresAt = tx.nowMs + uploadValidMs;
    await tx.write
      .insertInto('chat_uploads')
      .values({
        id,
        room_id: room.id,
        user_id: actor.user,
        name: cleanFileName(input.name),
        bytes: input.bytes,
        secret_hash: hashOf(secret),
        state: 'open',
        claim: null,
        expires_at: expiresAt,
      })
      .execute();
    return { id, url: `${attachmentUrl(id)}?upload=${secret}`, expiresAt };
  });
}

async function checkWaiting(chat: Chat, tx: ChatTransaction, user: string): Promise<void> {
  if (chat.context.store.dialect === 'postgres') {
    // Uploads of one user in two rooms at once must not both be the last one.
    await sql`select pg_advisory_xact_lock(hashtextextended(${`chat-uploads:${user}`}, 0))`.execute(tx.write);
  }
  const [{ sent }, { open }] = await Promise.all([
    tx.read
      .selectFrom('chat_attachments')
      .select((eb) => eb.fn.countAll<number>().as('sent'))
      .where('user_id', '=', user)
      .where('message_seq', 'is', null)
      .executeTakeFirstOrThrow(),
    tx.read
      .selectFrom('chat_uploads')
      .select((eb) => eb.fn.countAll<number>().as('open'))
      .where('user_id', '=', user)
      .where('state', '<>', 'gone')
      // One that began in time may still come in long after.
      .where((eb) => eb.or([eb('expires_at', '>', tx.nowMs), eb('state', '=', 'receiving')]))
      .executeTakeFirstOrThrow(),
  ]);
  const { uploadsPerUser } = chat.config.limits;
  if (sent + open >= uploadsPerUser) {
    throw new ChatError('tooMany', `${sent + open} uploads wait to be sent; at most ${uploadsPerUser}`);
  }
}

/**
 * Takes the upload for one request: two that send to one URL do not both write. A request that fails gives it back.
 * @throws ChatError attachmentNotFound for an upload that is not there, has another secret, or has expired; conflict for
 * one that another request is sending.
 */
export async function claimUpload(chat: Chat, id: string, secret: string): Promise<UploadRow> {
  const row = await chat.db.selectFrom('chat_uploads').selectAll().where('id', '=', id).executeTakeFirst();
  if (!row || !sameHash(row.secret_hash, hashOf(secret))) throw new ChatError('attachmentNotFound');
  const now = chat.context.clock.now();
  if (row.state === 'gone' || row.expires_at <= now)
    throw new ChatError('attachmentNotFound', 'the upload has expired');
  const claim = randomBytes(12).toString('base64url');
  const claimed = await chat.db
    .updateTable('chat_uploads')
    .set({ state: 'receiving', claim })
    .where('id', '=', id)
    .where('state', '=', 'open')
    .returningAll()
    .executeTakeFirst();
  if (!claimed) throw new ChatError('conflict', 'the upload is being sent by another request');
  return claimed;
}

/** The bytes did not come whole: the same URL may be tried again until it expires. */
export async function releaseUpload(chat: Chat, { id, claim }: UploadRow): Promise<void> {
  await chat.db
    .updateTable('chat_uploads')
    .set({ state: 'open', claim: null })
    .where('id', '=', id)
    .where('state', '=', 'receiving')
    .where('claim', '=', claim)
    .execute();
}

/** After a process died, what it was receiving may be sent again. */
export async function reopenUploads(store: Store): Promise<void> {
  await store
    .database<ChatTables>()
    .updateTable('chat_uploads')
    .set({ state: 'open', claim: null })
    .where('state', '=', 'receiving')
    .execute();
}

/**
 * The file is in the storage: the upload becomes an attachment that waits to be sent.
 * @throws ChatError attachmentNotFound if the upload expired meanwhile; the file may go then.
 */
export function completeUpload(chat: Chat, upload: UploadRow, received: Received): Promise<Attachment> {
  const { store, clock } = chat.context;
  return store.transaction<ChatTables, Attachment>(async (db) => {
    const gone = await db
      .deleteFrom('chat_uploads')
      .where('id', '=', upload.id)
      .where('state', '=', 'receiving')
      .where('claim', '=', upload.claim)
      .returning('id')
      .execute();
    if (gone.length === 0) throw new ChatError('attachmentNotFound', 'the upload has expired');
    const { id, name } = upload;
    const { contentType, bytes, size } = received;
    await db
      .insertInto('chat_attachments')
      .values({
        id,
        room_id: upload.room_id,
        user_id: upload.user_id,
        message_seq: null,
        name,
        content_type: contentType,
        bytes,
        storage_key: storageKey(id),
        created_at: clock.now(),
        width: size?.width ?? null,
        height: size?.height ?? null,
      })
      .execute();
    return { id, name, contentType, bytes, ...size, url: attachmentUrl(id) };
  });
}

/** The last digits are random: folders fill evenly. */
export function storageKey(id: string): string {
  return `${id.slice(-2)}/${id}`;
}

function hashOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}

function sameHash(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}
