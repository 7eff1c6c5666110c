/**
 * Runs calls of the server API: cuts payloads out of the JSON text, validates, calls, and encodes the outcome. Where
 * the text came from, `POST /api/<method>` or the older `POST /api`, is the business of `api-routes.ts`.
 */
import { errors, ProtocolError } from '@tidings/protocol';
import { z } from 'zod';
import { settle } from '../lib/clock.ts';
import { describeIssues } from '../lib/describe-issues.ts';
import type { ApiCalls, ApiError, ApiOutcome } from './api-calls.ts';
import { apiMethodNames, apiMethods, batchMethodName, type ApiMethod } from './api-methods.ts';
import { encodeJson, rawPayload } from './json-payload.ts';
import { arrayItems, objectFields } from '../lib/raw-json.ts';
import type { ServerApi } from './server-api.ts';

/** Commands in one batch. */
export const maxBatchCommands = 10_000;
/** Commands of a parallel batch that are under way at once. */
const batchConcurrency = 64;
const commandsPerTurn = 256;

const batchEnvelope = z.object({
  commands: z.array(z.unknown()).max(maxBatchCommands, { error: `expected ${maxBatchCommands} commands at most` }),
  parallel: z.boolean().nullish(),
});

export class ApiExecutor {
  readonly #api: ServerApi;
  readonly #calls: ApiCalls;

  constructor(api: ServerApi, calls: ApiCalls) {
    this.#api = api;
    this.#calls = calls;
  }

  /**
   * Runs one method. Never throws: every failure is an error of the outcome.
   * @param name of a method; an unknown one is error 104.
   * @param text the request: valid JSON.
   */
  run(name: string, text: string, requestId: string): Promise<ApiOutcome> {
    if (name === batchMethodName) return this.#calls.run(name, requestId, () => this.#batch(text, requestId));
    const method = apiMethods.get(name);
    // Names that callers made up must not become labels.
    if (!method) {
      return this.#calls.run('unknown', requestId, async () => {
        throw new ProtocolError({ ...unknownMethod(name), temporary: false });
      });
    }
    return this.#calls.run(name, requestId, async () =>
      encodeJson(await method.call(this.#api, decodeRequest(method, text))),
    );
  }

  async #batch(text: string, requestId: string): Promise<string> {
    const envelope = batchEnvelope.safeParse(JSON.parse(text));
    if (!envelope.success) throw badRequest(envelope.error.issues, ['commands', 'parallel']);
    const commands = arrayItems(objectFields(text).get('commands') ?? '[]');
    const replies: string[] = [];
    let next = 0;
    const work = async (): Promise<void> => {
      while (next < commands.length) {
        const index = next++;
        replies[index] = await this.#command(commands[index] as string, requestId);
        // Commands that resolve at once would keep sockets waiting until the last.
        if (index % commandsPerTurn === commandsPerTurn - 1) await settle();
      }
    };
    const workers = envelope.data.parallel ? Math.min(batchConcurrency, commands.length) : 1;
    await Promise.all(Array.from({ length: workers }, work));
    return `{"replies":[${replies.join(',')}]}`;
  }

  /** One command of a batch: `{"publish":{…}}` → `{"publish":{…}}` or `{"error":{…}}`. */
  async #command(text: string, requestId: string): Promise<string> {
    const fields = text.startsWith('{') ? [...objectFields(text)].filter(([, value]) => value !== 'null') : [];
    const [first] = fields;
    if (!first || fields.length > 1) {
      const message = `bad request: a command is an object with one method, such as {"publish":{…}}; valid: ${[...apiMethods.keys()].join(', ')}`;
      return JSON.stringify({
        error: this.#calls.refused(batchMethodName, requestId, { code: errors.badRequest.code, message }),
      });
    }
    const [name, request] = first;
    if (name === batchMethodName) {
      return JSON.stringify({ error: this.#calls.refused(name, requestId, unknownMethod(name)) });
    }
    const outcome = await this.run(name, request, requestId);
    return 'error' in outcome ? JSON.stringify(outcome) : `{${JSON.stringify(name)}:${outcome.result}}`;
  }
}

export function unknownMethod(name: string): ApiError {
  const { code, message } = errors.methodNotFound;
  return { code, message: `${message}: ${name.slice(0, 64)}; valid: ${apiMethodNames.join(', ')}` };
}

/**
 * Validates a request.
 * @param text valid JSON.
 * @throws ProtocolError 107 naming the field and what is valid.
 */
export function decodeRequest(method: ApiMethod, text: string): unknown {
  const value: unknown = JSON.parse(text);
  if (typeof value !== 'object' || value === null || (Array.isArray(value) && value.length > 0)) {
    throw new ProtocolError(errors.badRequest, { detail: 'the request is not a JSON object' });
  }
  // PHP writes an empty map as [].
  const request: Record<string, unknown> = Array.isArray(value) ? {} : { ...value };
  if (method.payloads.some((name) => name in request)) {
    const texts = objectFields(text);
    for (const name of method.payloads) {
      const payload = texts.get(name);
      if (payload !== undefined) request[name] = rawPayload(payload);
    }
  }
  for (const name in request) {
    // A field set to nothing says nothing, so a library newer than this server keeps working; a field that says
    // something we would ignore is refused.
    if (!method.fields.includes(name) && isZero(request[name])) delete request[name];
    // The schema library leaves this name out without a word.
    else if (isObject(request[name]) && Object.hasOwn(request[name], '__proto__')) {
      throw new ProtocolError(errors.badRequest, { detail: `${name}: __proto__ cannot be a name here` });
    }
  }
  const result = method.request.safeParse(request);
  if (!result.success) throw badRequest(result.error.issues, method.fields);
  return result.data;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}

function isZero(value: unknown): boolean {
  if (!value) return true;
  return typeof value === 'object' && Object.keys(value).length === 0;
}

function badRequest(issues: readonly z.core.$ZodIssue[], fields: readonly string[]): ProtocolError {
  return new ProtocolError(errors.badRequest, { detail: describeIssues(issues, fields) });
}
