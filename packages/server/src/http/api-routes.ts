/**
 * The server API over HTTP: `POST /api/<method>` with the request as body, and `POST /api` with `{method, params}` as
 * older libraries send it.
 *
 * Replies are `{"result"}` or `{"error":{code,message}}` with status 200; callers that prefer status codes send
 * `X-Centrifugo-Error-Mode: transport` and get the bare error with a status that fits.
 */
import { errors } from '@tidings/protocol';
import type { Logger } from '../lib/logger.ts';
import type { Metrics } from '../lib/metrics.ts';
import { ApiExecutor, encodeOutcome, unknownMethod, type ApiError, type ApiOutcome } from './api-executor.ts';
import type { ApiKeys } from './api-keys.ts';
import { apiMethodNames } from './api-methods.ts';
import { readBody } from './body.ts';
import { objectFields } from './raw-json.ts';
import { sendBody, sendJson } from './respond.ts';
import type { HttpExchange, HttpRoute } from './route.ts';
import type { ServerApi } from './server-api.ts';

export interface ApiRoutesOptions {
  readonly api: ServerApi;
  readonly keys: ApiKeys;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly maxBodyBytes?: number;
  /** Answer errors with status codes even if the caller does not ask for it. */
  readonly transportErrorMode?: boolean;
}

const defaultMaxBodyBytes = 8 * 1024 * 1024;
/** Commands in one body of the older form. */
const maxOldCommands = 10_000;

export function apiRoutes(options: ApiRoutesOptions): HttpRoute[] {
  const executor = new ApiExecutor(options.api, options.metrics, options.logger);
  const { keys, maxBodyBytes = defaultMaxBodyBytes, transportErrorMode = false } = options;

  async function call(method: string, exchange: HttpExchange): Promise<void> {
    keys.check(exchange);
    const text = await readText(exchange, maxBodyBytes, isJson);
    if (typeof text !== 'string') return refuse(exchange, method, text);
    const outcome = await executor.run(method, text || '{}', exchange.requestId);
    const byStatus = transportErrorMode || exchange.request.headers['x-centrifugo-error-mode'] === 'transport';
    if (byStatus && 'error' in outcome) sendJson(exchange.response, statusOf(outcome.error.code), outcome.error);
    else sendJsonText(exchange, encodeOutcome(outcome));
  }

  async function callOld(exchange: HttpExchange): Promise<void> {
    keys.check(exchange);
    const text = await readText(exchange, maxBodyBytes, isJsonLines);
    if (typeof text !== 'string') return refuse(exchange, '', text);
    const commands = isJson(text) ? [text] : text.split('\n').filter((line) => line.trim() !== '');
    if (commands.length === 0) {
      return refuse(exchange, '', badBody('the body is empty; expected {"method", "params"}'));
    }
    if (commands.length > maxOldCommands) {
      return refuse(exchange, '', badBody(`expected ${maxOldCommands} commands at most`));
    }
    const replies: string[] = [];
    for (const command of commands) replies.push(await runOld(executor, command, exchange.requestId));
    sendJsonText(exchange, replies.join('\n'));
  }

  function refuseUnknown(exchange: HttpExchange): void {
    keys.check(exchange);
    exchange.request.resume();
    const method = exchange.url.pathname.slice('/api/'.length);
    const error = executor.refused(method.slice(0, 64), exchange.requestId, unknownMethod(method));
    sendJson(exchange.response, 404, { error });
  }

  function refuse(exchange: HttpExchange, method: string, error: ApiError): void {
    sendJson(exchange.response, 400, { error: executor.refused(method, exchange.requestId, error) });
  }

  return [
    ...apiMethodNames.map((name): HttpRoute => ({
      method: 'POST',
      path: `/api/${name}`,
      audience: 'server',
      handle: (exchange) => call(name, exchange),
    })),
    { method: 'POST', path: '/api', audience: 'server', handle: callOld },
    { method: 'POST', path: '/api/*', audience: 'server', handle: refuseUnknown },
  ];
}

/** One command of the older form: `{"id", "method", "params"}` → `{"id", "result"}` or `{"id", "error"}`. */
async function runOld(executor: ApiExecutor, command: string, requestId: string): Promise<string> {
  const fields = command.trimStart().startsWith('{') ? objectFields(command) : new Map<string, string>();
  const method: unknown = JSON.parse(fields.get('method') ?? 'null');
  const id: unknown = JSON.parse(fields.get('id') ?? 'null');
  const params = fields.get('params') ?? 'null';
  const outcome: ApiOutcome =
    typeof method === 'string'
      ? await executor.run(method.toLowerCase(), params === 'null' ? '{}' : params, requestId)
      : { error: executor.refused('', requestId, badBody('method: expected the name of a method')) };
  const reply = encodeOutcome(outcome);
  return typeof id === 'number' && id !== 0 ? `{"id":${id},${reply.slice(1)}` : reply;
}

/**
 * Reads the body as JSON text.
 * @returns an empty text for an empty body; what is wrong with it.
 */
async function readText(
  exchange: HttpExchange,
  maxBytes: number,
  isValid: (text: string) => boolean,
): Promise<string | ApiError> {
  const bytes = await readBody(exchange.request, maxBytes);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return badBody('the body is not UTF-8');
  }
  if (text.trim() === '') return '';
  return isValid(text) ? text : badBody('the body is not JSON');
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** One command, or one on each line. */
function isJsonLines(text: string): boolean {
  return isJson(text) || text.split('\n').every((line) => line.trim() === '' || isJson(line));
}

function badBody(detail: string): ApiError {
  return { code: errors.badRequest.code, message: `${errors.badRequest.message}: ${detail}` };
}

function sendJsonText({ response }: HttpExchange, text: string): void {
  sendBody(response, 200, 'application/json; charset=utf-8', text);
}

/** Status for an error of the API where the caller asked for status codes. */
function statusOf(code: number): number {
  switch (code) {
    case errors.internal.code:
      return 500;
    case errors.unauthorized.code:
      return 401;
    case errors.permissionDenied.code:
      return 403;
    case errors.unknownChannel.code:
    case errors.methodNotFound.code:
      return 404;
    case errors.unrecoverablePosition.code:
      return 416;
    case errors.concurrentPagination.code:
      return 409;
    case errors.tooManyRequests.code:
      return 429;
    default:
      return 400;
  }
}
