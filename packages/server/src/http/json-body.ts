/** Bodies of the server API: JSON text in, kept as it was written; the outcome of a call out, as the caller asked for it. */
import { errors } from '@tidings/protocol';
import { encodeOutcome, type ApiError, type ApiOutcome } from './api-calls.ts';
import { readBody } from './body.ts';
import { sendBody, sendJson } from './respond.ts';
import type { HttpExchange } from './route.ts';

export const defaultMaxBodyBytes: number = 8 * 1024 * 1024;

/**
 * Reads the body as JSON text.
 * @returns an empty text for an empty body; what is wrong with it.
 */
export async function readJsonText(
  exchange: HttpExchange,
  maxBytes: number,
  isValid: (text: string) => boolean = isJson,
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

export function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** One command, or one on each line. */
export function isJsonLines(text: string): boolean {
  return isJson(text) || text.split('\n').every((line) => line.trim() === '' || isJson(line));
}

export function badBody(detail: string): ApiError {
  return { code: errors.badRequest.code, message: `${errors.badRequest.message}: ${detail}` };
}

export function sendJsonText({ response }: HttpExchange, text: string): void {
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

/**
 * Answers a call: status 200 with `result` or `error`, or, for callers that prefer status codes, the bare error with a
 * status that fits.
 * @param status for codes that the engine does not know.
 */
export function sendOutcome(
  exchange: HttpExchange,
  outcome: ApiOutcome,
  { byStatus, status }: { readonly byStatus: boolean; readonly status?: (code: number) => number | undefined },
): void {
  const wanted = byStatus || exchange.request.headers['x-centrifugo-error-mode'] === 'transport';
  if (wanted && 'error' in outcome) {
    const { code } = outcome.error;
    sendJson(exchange.response, status?.(code) ?? statusOf(code), outcome.error);
  } else sendJsonText(exchange, encodeOutcome(outcome));
}
