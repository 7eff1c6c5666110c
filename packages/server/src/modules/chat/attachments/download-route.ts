/**
 * `GET /chat/attachments/{id}?expires=…&signature=…`: the bytes of an attachment, for whoever has a link. What is behind
 * it is of somebody unknown, so it is never shown as a page of this server.
 */
import { pipeline } from 'node:stream/promises';
import { HttpError } from '../../../http/http-error.ts';
import type { HttpExchange, HttpRoute } from '../../../http/route.ts';
import type { Chat } from '../chat.ts';
import { attachmentUrl } from '../claim-attachments.ts';
import { findAttachments, type AttachmentState } from './attachment-links.ts';
import { AttachmentMissingError } from './attachment-storage.ts';
import { parseRange } from './byte-range.ts';
import { contentDisposition } from './file-name.ts';
import { isInline } from './sniff.ts';

/** Who does not read for so long is cut off. */
const idleTimeoutMs = 60_000;

export function downloadRoutes(chat: Chat): readonly HttpRoute[] {
  return (['GET', 'HEAD'] as const).map((method) => ({
    method,
    path: attachmentUrl('*'),
    audience: 'client',
    handle: (exchange) => download(chat, exchange),
  }));
}

async function download(chat: Chat, { url, request, response }: HttpExchange): Promise<void> {
  const row = await requireAttachment(chat, url);
  const etag = `"${row.id}"`;
  setHeaders(response, row, Number(url.searchParams.get('expires')) - chat.context.clock.now());
  response.setHeader('ETag', etag);
  if (matches(request.headers['if-none-match'], etag)) {
    response.writeHead(304).end();
    return;
  }
  const wanted = ifRangeHolds(request.headers['if-range'], etag) ? request.headers.range : undefined;
  const range = parseRange(wanted, row.bytes);
  if (range === 'unsatisfiable') {
    throw new HttpError(416, `the file has ${row.bytes} bytes`, {
      headers: { 'Content-Range': `bytes */${row.bytes}` },
    });
  }
  const { first, last } = range ?? { first: 0, last: row.bytes - 1 };
  const status = range ? 206 : 200;
  const headers = {
    'Content-Length': last - first + 1,
    ...(range && { 'Content-Range': `bytes ${first}-${last}/${row.bytes}` }),
  };
  if (request.method === 'HEAD') {
    response.writeHead(status, headers).end();
    return;
  }
  const body = await chat.attachments.storage.read(row.storage_key, { first, last }).catch((error: unknown) => {
    if (!(error instanceof AttachmentMissingError)) throw error;
    chat.context.logger.error({ err: error, attachment: row.id }, 'the file of an attachment is gone');
    throw notFound();
  });
  response.writeHead(status, headers);
  response.setTimeout(idleTimeoutMs, () => response.destroy());
  try {
    await pipeline(body, response);
  } catch (error) {
    // The head is out: the reader sees by the length that it is not whole.
    response.destroy();
    chat.context.logger.debug({ err: error, attachment: row.id }, 'an attachment was not sent whole');
  }
}

async function requireAttachment(chat: Chat, url: URL): Promise<AttachmentState> {
  const id = url.pathname.slice(attachmentUrl('').length);
  const expires = url.searchParams.get('expires') ?? '';
  const signature = url.searchParams.get('signature') ?? '';
  if (!chat.attachments.signer.verify(id, expires, signature)) {
    throw new HttpError(403, 'this is no link to an attachment; chat.attachmentUrls makes one');
  }
  if (Number(expires) <= chat.context.clock.now()) {
    throw new HttpError(403, 'the link has expired; chat.attachmentUrls makes a new one');
  }
  const [row] = await findAttachments(chat, [id]);
  if (!row) throw notFound();
  return row;
}

function notFound(): HttpError {
  return new HttpError(404, 'there is no such attachment');
}

function setHeaders(response: HttpExchange['response'], row: AttachmentState, leftMs: number): void {
  const inline = isInline(row.content_type);
  const text = row.content_type.startsWith('text/');
  response.setHeader('Content-Type', text ? `${row.content_type}; charset=utf-8` : row.content_type);
  response.setHeader('X-Content-Type-Options', 'nosniff');
  response.setHeader('Content-Disposition', contentDisposition(inline ? 'inline' : 'attachment', row.name));
  response.setHeader('Content-Security-Policy', contentSecurityPolicy(row.content_type));
  response.setHeader('Referrer-Policy', 'no-referrer');
  // The link is the permission: pages of the application, which has another origin, may show it.
  response.setHeader('Cross-Origin-Resource-Policy', 'cross-origin');
  response.setHeader('Cache-Control', `private, max-age=${Math.floor(leftMs / 1000)}`);
  response.setHeader('Accept-Ranges', 'bytes');
}

/**
 * Nothing of it runs or loads anything, but for what browsers do of their own when a link is opened: the page that they
 * put around sound and film loads the file once more, from this origin; and their viewers show no PDF in a sandbox, but
 * an empty page. What a PDF may do outside of one is theirs to bound, and it is never taken for a page.
 */
function contentSecurityPolicy(contentType: string): string {
  if (contentType === 'application/pdf') return "default-src 'none'";
  return /^(?:audio|video)\//.test(contentType)
    ? "sandbox allow-same-origin; default-src 'none'; media-src 'self'"
    : "sandbox; default-src 'none'";
}

function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.split(',').some((one) => one.trim() === '*' || one.trim().replace(/^W\//, '') === etag);
}

function ifRangeHolds(header: string | string[] | undefined, etag: string): boolean {
  return header === undefined || (typeof header === 'string' && header.trim() === etag);
}
