/**
 * The server API over HTTP: `POST /api/<method>` with the request as body, and `POST /api` with `{method, params}` as
 * older libraries send it.
 *
 * Replies are `{"result"}` or `{"error":{code,message}}` with status 200; callers that prefer status codes send
 * `X-Centrifugo-Error-Mode: transport` and get the bare error with a status that fits.
 */
import type { Logger } from '../lib/logger.ts';
import type { Metrics } from '../lib/metrics.ts';
import { ApiCalls, encodeOutcome, type ApiError, type ApiOutcome } from './api-calls.ts';
import { ApiExecutor, unknownMethod } from './api-executor.ts';
import type { ApiKeys } from './api-keys.ts';
import { apiMethodNames } from './api-methods.ts';
import {
  badBody,
  defaultMaxBodyBytes,
  isJson,
  isJsonLines,
  readJsonText,
  sendJsonText,
  sendOutcome,
} from './json-body.ts';
import { objectFields } from '../lib/raw-json.ts';
import { sendJson } from './respond.ts';
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

/** Commands in one body of the older form. */
const maxOldCommands = 10_000;

export function apiRoutes(options: ApiRoutesOptions): HttpRoute[] {
  const calls = new ApiCalls(options.metrics, options.logger);
  const executor = new ApiExecutor(options.api, calls);
  const { keys, maxBodyBytes = defaultMaxBodyBytes, transportErrorMode = false } = options;

  async function call(method: string, exchange: HttpExchange): Promise<void> {
    keys.check(exchange);
    const text = await readJsonText(exchange, maxBodyBytes);
    if (typeof text !== 'string') return refuse(exchange, method, text);
    const outcome = await executor.run(method, text || '{}', exchange.requestId);
    sendOutcome(exchange, outcome, { byStatus: transportErrorMode });
  }

  async function callOld(exchange: HttpExchange): Promise<void> {
    keys.check(exchange);
    const text = await readJsonText(exchange, maxBodyBytes, isJsonLines);
    if (typeof text !== 'string') return refuse(exchange, '', text);
    const commands = isJson(text) ? [text] : text.split('\n').filter((line) => line.trim() !== '');
    if (commands.length === 0) {
      return refuse(exchange, '', badBody('the body is empty; expected {"method", "params"}'));
    }
    if (commands.length > maxOldCommands) {
      return refuse(exchange, '', badBody(`expected ${maxOldCommands} commands at most`));
    }
    const replies: string[] = [];
    for (const command of commands) replies.push(await runOld(executor, calls, command, exchange.requestId));
    sendJsonText(exchange, replies.join('\n'));
  }

  function refuseUnknown(exchange: HttpExchange): void {
    keys.check(exchange);
    exchange.request.resume();
    const method = exchange.url.pathname.slice('/api/'.length);
    const error = calls.refused(method.slice(0, 64), exchange.requestId, unknownMethod(method));
    sendJson(exchange.response, 404, { error });
  }

  function refuse(exchange: HttpExchange, method: string, error: ApiError): void {
    sendJson(exchange.response, 400, { error: calls.refused(method, exchange.requestId, error) });
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
async function runOld(executor: ApiExecutor, calls: ApiCalls, command: string, requestId: string): Promise<string> {
  const fields = command.trimStart().startsWith('{') ? objectFields(command) : new Map<string, string>();
  const method: unknown = JSON.parse(fields.get('method') ?? 'null');
  const id: unknown = JSON.parse(fields.get('id') ?? 'null');
  const params = fields.get('params') ?? 'null';
  const outcome: ApiOutcome =
    typeof method === 'string'
      ? await executor.run(method.toLowerCase(), params === 'null' ? '{}' : params, requestId)
      : { error: calls.refused('', requestId, badBody('method: expected the name of a method')) };
  const reply = encodeOutcome(outcome);
  return typeof id === 'number' && id !== 0 ? `{"id":${id},${reply.slice(1)}` : reply;
}
