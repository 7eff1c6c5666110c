/** `POST /chat/attachments/{id}?upload={secret}`: the bytes of an upload, as they are, in the body. */
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { sendJson } from '../../../http/respond.ts';
import { HttpError } from '../../../http/http-error.ts';
import type { HttpExchange, HttpRoute } from '../../../http/route.ts';
import { OverloadedError } from '../../../lib/semaphore.ts';
import type { Chat } from '../chat.ts';
import { ChatError, chatErrors } from '../chat-error.ts';
import { attachmentUrl } from '../claim-attachments.ts';
import type { Attachment } from '../model.ts';
import { receiveFile } from './receive-file.ts';
import { claimUpload, completeUpload, releaseUpload, storageKey, uploadMaxMs, type UploadRow } from './uploads.ts';

/** Who sends nothing for so long is cut off. */
const stallMs = 30_000;
/** How long an answer may take to reach who is still sending, before the connection ends. */
const lingerMs = 5_000;
const waitForPlaceMs = 5_000;

const statuses: Readonly<Record<number, number>> = {
  [chatErrors.attachmentNotFound.code]: 404,
  [chatErrors.conflict.code]: 409,
  [chatErrors.tooLarge.code]: 413,
  [chatErrors.contentTypeNotAllowed.code]: 415,
  [chatErrors.unavailable.code]: 503,
  [chatErrors.full.code]: 507,
};

export function uploadRoute(chat: Chat): HttpRoute {
  return {
    method: 'POST',
    path: attachmentUrl('*'),
    audience: 'client',
    // Photographs over a slow network take longer than any other request; who stops sending is cut off here.
    untimed: true,
    async handle(exchange) {
      try {
        sendJson(exchange.response, 200, { attachment: await upload(chat, exchange) });
      } catch (error) {
        refuse(chat, exchange, error);
      }
    },
  };
}

async function upload(chat: Chat, { url, request }: HttpExchange): Promise<Attachment> {
  const secret = url.searchParams.get('upload');
  if (secret === null) throw new HttpError(400, 'the URL is the one that chat.upload answers with');
  const id = url.pathname.slice(attachmentUrl('').length);
  if (request.headers['content-encoding'] !== undefined) {
    throw new HttpError(415, 'the file is sent as it is, without Content-Encoding');
  }
  const row = await claimUpload(chat, id, secret);
  try {
    const declared = request.headers['content-length'];
    if (declared !== undefined && Number(declared) !== row.bytes) {
      throw new ChatError('invalid', `${row.bytes} bytes were announced, and Content-Length is ${declared}`);
    }
    return await receive(chat, row, request);
  } catch (error) {
    await releaseUpload(chat, row).catch(() => {
      // Then it stays taken until it expires.
    });
    throw error;
  }
}

async function receive(chat: Chat, row: UploadRow, request: HttpExchange['request']): Promise<Attachment> {
  const { attachments, config, context } = chat;
  const leave = await attachments.places.acquire(waitForPlaceMs);
  const path = join(attachments.incomingFolder, `${row.id}.${row.claim}`);
  try {
    await mkdir(attachments.incomingFolder, { recursive: true });
    const received = await receiveFile(request, {
      path,
      bytes: row.bytes,
      contentTypes: config.uploads.contentTypes,
      clock: context.clock,
      stallMs,
      maxMs: uploadMaxMs,
    });
    const key = storageKey(row.id);
    await attachments.storage.put(key, received);
    try {
      return await completeUpload(chat, row, received);
    } catch (error) {
      // Expired: the sweep was faster. Whether anything else was written is not known here, and while it was not, the row
      // of the upload tells the sweep.
      if (error instanceof ChatError) await attachments.storage.delete(key).catch(() => {});
      throw error;
    }
  } finally {
    await rm(path, { force: true });
    leave();
  }
}

/** Answers, then ends the connection if the rest of the body keeps coming. */
function refuse(chat: Chat, { request, response, requestId }: HttpExchange, error: unknown): void {
  const { clock, logger } = chat.context;
  if (!request.complete && !request.destroyed) {
    request.on('error', () => {});
    request.resume();
    const timer = clock.setTimeout(() => {
      if (!request.complete) request.destroy();
    }, lingerMs);
    request.once('close', () => clock.clearTimeout(timer));
  }
  if (error instanceof HttpError) throw error;
  if (error instanceof ChatError) {
    sendJson(response, statuses[error.code] ?? 400, { error: { code: error.code, message: error.message } });
    return;
  }
  if (error instanceof OverloadedError) {
    throw new HttpError(503, 'too many uploads at once', { headers: { 'Retry-After': '10' } });
  }
  // It went away, or was cut off: there is nobody to answer.
  if (request.destroyed && !request.complete) return;
  logger.error({ err: error, requestId }, 'an upload could not be kept');
  throw new HttpError(503, 'the file could not be kept; try again', { headers: { 'Retry-After': '10' } });
}
