/**
 * Commands of modules for back ends: `POST /api/chat/send` with the command's input as body. With `as`, the id of a user,
 * it is that user who acts, with that user's permissions; without, the back end itself, which may do everything.
 *
 * Keys, replies and errors are those of the server API (`api-routes.ts`).
 */
import { errors, ProtocolError } from '@tidings/protocol';
import type { AuthRecord } from '../auth/authorizer.ts';
import type { Caller, CommandGroup, Commands } from '../commands.ts';
import type { Logger } from '../lib/logger.ts';
import type { Metrics } from '../lib/metrics.ts';
import { nearest } from '../lib/nearest.ts';
import { ApiCalls, type ApiError } from './api-calls.ts';
import type { ApiKeys } from './api-keys.ts';
import { defaultMaxBodyBytes, readJsonText, sendOutcome } from './json-body.ts';
import { sendJson } from './respond.ts';
import type { HttpExchange, HttpRoute } from './route.ts';

export interface CommandRoutesOptions {
  readonly commands: Commands;
  readonly keys: ApiKeys;
  /** What rules see of a user of whom nothing but the id is known. */
  readonly authRecord: (user: string) => AuthRecord;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly maxBodyBytes?: number;
}

/** User ids are as long as those of tokens may be; this keeps a mistake out of logs and rows. */
const maxUserLength = 255;

/** The path of a command: `chat.send` → `/api/chat/send`. */
export function commandPath(name: string): string {
  return `/api/${name.replaceAll('.', '/')}`;
}

export function commandRoutes(options: CommandRoutesOptions): HttpRoute[] {
  const { commands, keys, authRecord, logger, metrics, maxBodyBytes = defaultMaxBodyBytes } = options;
  const calls = new ApiCalls(metrics, logger);

  async function call(group: CommandGroup, name: string, exchange: HttpExchange): Promise<void> {
    keys.check(exchange);
    const text = await readJsonText(exchange, maxBodyBytes);
    if (typeof text !== 'string') {
      sendJson(exchange.response, 400, { error: calls.refused(name, exchange.requestId, text) });
      return;
    }
    const outcome = await calls.run(name, exchange.requestId, async () => {
      const { caller, input } = readRequest(text || '{}', authRecord);
      return JSON.stringify((await commands.run(name, caller, input)) ?? {});
    });
    sendOutcome(exchange, outcome, { byStatus: false, status: (code) => group.httpStatus(code) });
  }

  function refuseUnknown({ module, commands: known }: CommandGroup, exchange: HttpExchange): void {
    keys.check(exchange);
    exchange.request.resume();
    const { pathname } = exchange.url;
    const paths = known.map(({ name }) => commandPath(name));
    const error = calls.refused(module, exchange.requestId, unknownPath(pathname, paths));
    sendJson(exchange.response, 404, { error });
  }

  return commands.groups.flatMap((group) => [
    ...group.commands.map(({ name }): HttpRoute => ({
      method: 'POST',
      path: commandPath(name),
      audience: 'server',
      handle: (exchange) => call(group, name, exchange),
    })),
    {
      method: 'POST',
      path: `/api/${group.module}/*`,
      audience: 'server',
      handle: (exchange: HttpExchange) => refuseUnknown(group, exchange),
    },
  ]);
}

/**
 * @param text valid JSON.
 * @throws ProtocolError 107 for what is no object, or an `as` that is no user.
 */
function readRequest(
  text: string,
  authRecord: CommandRoutesOptions['authRecord'],
): { readonly caller: Caller; readonly input: unknown } {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null || (Array.isArray(value) && value.length > 0)) {
    throw new ProtocolError(errors.badRequest, { detail: 'the request is not a JSON object' });
  }
  // PHP writes an empty map as [].
  if (Array.isArray(value)) return { caller: backEnd(authRecord), input: {} };
  if (!Object.hasOwn(value, 'as')) return { caller: backEnd(authRecord), input: value };
  const { as: user, ...input } = value as { as: unknown };
  // Nothing but a missing field may mean everything.
  if (typeof user !== 'string' || user === '' || user.length > maxUserLength || !user.isWellFormed()) {
    throw new ProtocolError(errors.badRequest, {
      detail: `as: expected the id of a user, of 1 to ${maxUserLength} characters; without it the back end itself acts`,
    });
  }
  return { caller: { user, system: false, client: undefined, auth: authRecord(user) }, input };
}

function backEnd(authRecord: CommandRoutesOptions['authRecord']): Caller {
  return { user: '', system: true, client: undefined, auth: authRecord('') };
}

function unknownPath(path: string, known: readonly string[]): ApiError {
  const { code, message } = errors.methodNotFound;
  const meant = nearest(path, known);
  const hint = meant === undefined ? `valid: ${known.join(', ')}` : `did you mean ${meant}?`;
  return { code, message: `${message}: ${path.slice(0, 64)}; ${hint}` };
}
