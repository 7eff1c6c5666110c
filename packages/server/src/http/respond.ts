/** Answers: JSON, text, pages, and raw refusals on a socket that has no response object. */
import { STATUS_CODES, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** Sends a complete body. Does nothing if the client is gone or was answered already. */
export function sendBody(
  response: ServerResponse,
  status: number,
  contentType: string,
  body: string | Uint8Array,
): void {
  if (response.headersSent || response.destroyed) return;
  const bytes = typeof body === 'string' ? Buffer.from(body) : body;
  response.writeHead(status, { 'Content-Type': contentType, 'Content-Length': bytes.length });
  response.end(bytes);
}

export function sendJson(response: ServerResponse, status: number, value: unknown): void {
  sendBody(response, status, 'application/json; charset=utf-8', JSON.stringify(value));
}

/** The shape of every error that is not a reply of the server API. */
export function sendError(
  response: ServerResponse,
  status: number,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (response.headersSent || response.destroyed) return;
  for (const name in headers) response.setHeader(name, headers[name] as string);
  sendJson(response, status, { error: { message } });
}

/** Headers of everything a browser shows as a page: nobody frames it, it tells nobody where it was. */
export function setPageHeaders(response: ServerResponse, contentSecurityPolicy: string): void {
  response.setHeader('Content-Security-Policy', contentSecurityPolicy);
  response.setHeader('X-Frame-Options', 'DENY');
  response.setHeader('Referrer-Policy', 'no-referrer');
  response.setHeader('Cross-Origin-Opener-Policy', 'same-origin');
}

/**
 * Answers on the bare socket and closes it: for a request that could not be parsed, or an upgrade that is refused.
 * @param flushTimeoutMs a peer that does not read is cut off after this long.
 */
export function refuseRaw(socket: Duplex, status: number, message: string, flushTimeoutMs: number): void {
  socket.on('error', ignoreError);
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  const body = JSON.stringify({ error: { message } });
  const timed = socket as Socket;
  timed.setTimeout(flushTimeoutMs, () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Error'}\r\n` +
      'Connection: close\r\nContent-Type: application/json; charset=utf-8\r\n' +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    // HTTP sockets are half-open: without this a peer that never closes would keep it.
    () => socket.destroy(),
  );
}

/** One function for all sockets: listeners that capture nothing cost nothing. */
export function ignoreError(): void {}
