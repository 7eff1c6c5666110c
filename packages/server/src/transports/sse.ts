/**
 * Messages as server-sent events, JSON only. For browsers and proxies that pass `EventSource` where nothing else passes.
 * What the client sends later comes by `POST /emulation`; the unidirectional flavour sends nothing later.
 */
import { formats } from '@tidings/protocol';
import { readBody } from '../http/body.ts';
import { HttpError } from '../http/http-error.ts';
import type { HttpExchange, HttpRoute } from '../http/route.ts';
import { connectFrame } from './connect-frame.ts';
import { decodeRequest } from './http-request.ts';
import { openStream, type HttpTransportOptions } from './streaming-response.ts';

const contentType = 'text/event-stream; charset=utf-8';
/** An empty line at once, so that the peer sees the stream open before there is a message. */
const prelude = '\r\n';

/** `GET /connection/sse?cf_connect=<commands>`, or `POST` with the commands as body. */
export function sseRoutes(options: HttpTransportOptions): HttpRoute[] {
  async function handle(exchange: HttpExchange): Promise<void> {
    const first = await initialData(exchange, options);
    if (first.length === 0) throw new HttpError(400, 'the connect command is missing: put it in cf_connect');
    openStream(exchange, { transport: 'sse', format: formats.sse, contentType, prelude, first }, options);
  }
  return bothMethods('/connection/sse', handle);
}

/** `GET /connection/uni_sse?cf_connect=<ConnectRequest>`, or `POST` with the ConnectRequest as body. */
export function uniSseRoutes(options: HttpTransportOptions): HttpRoute[] {
  async function handle(exchange: HttpExchange): Promise<void> {
    const data = await initialData(exchange, options);
    const first = decodeRequest(() => connectFrame('json', data));
    openStream(exchange, { transport: 'uni_sse', format: formats.uniSse, contentType, prelude, first }, options);
  }
  return bothMethods('/connection/uni_sse', handle);
}

async function initialData(exchange: HttpExchange, options: HttpTransportOptions): Promise<string | Uint8Array> {
  if (exchange.request.method === 'POST') return readBody(exchange.request, options.limits.messageSize);
  return exchange.url.searchParams.get('cf_connect') ?? '';
}

function bothMethods(path: string, handle: HttpRoute['handle']): HttpRoute[] {
  return [
    { method: 'GET', path, audience: 'client', handle },
    { method: 'POST', path, audience: 'client', handle },
  ];
}
