/**
 * What hooks say over HTTP: the JSON of requests to the application and of its answers. Shapes are those of
 * Centrifugo's proxy protocol (`internal/proxyproto/proxy.proto`), so that existing back ends serve unchanged; Tidings
 * adds `address`, and `token` on connect.
 *
 * An answer is `{"result": {…}}`, `{"error": {code, message, temporary}}` or `{"disconnect": {code, reason}}`. It is read
 * strictly: a misspelt `expireAt` must not quietly mean "never". Fields of the proxy protocol that only give more
 * rights or save bytes (`caps`, `allow`, `labels`, `delta`) are known and ignored; those that restrict or promise
 * something (`server_tags_filter`, `idempotency_key`, `version`) are refused until Tidings keeps them.
 */
import { ProtocolError, type Payload } from '@tidings/protocol';
import { z } from 'zod';
import { decodeUtf8, jsonText, parseExactJson } from './exact-json.ts';
import {
  dataShape,
  firstIssue,
  grantShape,
  infoShape,
  overrideShape,
  toExpireAt,
  toGrant,
  toPayload,
  toSubs,
  unixSeconds,
} from './grant.ts';
import {
  HookDisconnect,
  type PublishHookResult,
  type RefreshHookResult,
  type RpcHookResult,
  type SubscribeHookResult,
} from './hooks.ts';
import type { Identity } from './identity.ts';

/** The application's answer cannot be understood. The message says where; for the log only. */
export class HookAnswerError extends Error {
  constructor(detail: string, options?: { cause?: unknown }) {
    super(detail, options);
    this.name = 'HookAnswerError';
  }
}

/**
 * The body of a request.
 * @param fields absent ones are left out.
 * @param data the client's payload: embedded as it is if it is JSON, else base64 in `b64data`; `encoding` says which.
 */
export function encodeHookRequest(fields: Readonly<Record<string, unknown>>, data: Payload | undefined): string {
  const text = data && jsonText(data);
  if (data === undefined || text === undefined) {
    const b64data = data && Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64');
    return JSON.stringify({ ...fields, encoding: data ? 'binary' : 'json', b64data });
  }
  // Joined as text, because a parse would round large numbers. `text` was parsed: it is one value and nothing more.
  return `${JSON.stringify({ ...fields, encoding: 'json' }).slice(0, -1)},"data":${text}}`;
}

const errorSchema = z.strictObject({
  code: z.int().min(1).max(0xffff_ffff),
  message: z.string().default(''),
  temporary: z.boolean().default(false),
});

/** What a WebSocket close frame takes (RFC 6455 §7.4.2, §5.5). */
const maxReasonBytes = 123;
const disconnectSchema = z.strictObject({
  code: z.int().min(3000).max(4999),
  reason: z
    .string()
    .refine((reason) => Buffer.byteLength(reason) <= maxReasonBytes, `longer than ${maxReasonBytes} bytes`)
    .default(''),
  // Of older back ends; the code says it.
  reconnect: z.boolean().optional(),
});

const ignored = z.unknown().optional();
const override = z.strictObject(overrideShape).nullish();
const tags = z.record(z.string(), z.string()).nullish();

const connectResult = z.strictObject({
  user: z.string().default(''),
  expire_at: unixSeconds.nullish(),
  ...infoShape,
  ...dataShape,
  channels: z.array(z.string().min(1)).nullish(),
  subs: z.record(z.string().min(1), z.strictObject({ ...grantShape, override })).nullish(),
  meta: z.unknown().optional(),
  caps: ignored,
  labels: ignored,
});
const refreshResult = z.strictObject({
  expired: z.boolean().nullish(),
  expire_at: unixSeconds.nullish(),
  ...infoShape,
  meta: z.unknown().optional(),
  caps: ignored,
});
const subscribeResult = z.strictObject({ ...grantShape, override, allow: ignored });
const publishResult = z.strictObject({ ...dataShape, tags, skip_history: z.boolean().nullish(), delta: ignored });
const rpcResult = z.strictObject({ ...dataShape });

/**
 * Reads an answer.
 * @returns the result, or undefined if there is none.
 * @throws ProtocolError or HookDisconnect if the application decided so; HookAnswerError if it makes no sense.
 */
function readResult<T extends z.ZodType>(body: Uint8Array, schema: T): z.output<T> | undefined {
  const envelope = z.strictObject({
    result: schema.nullish(),
    error: errorSchema.nullish(),
    disconnect: disconnectSchema.nullish(),
  });
  let value: unknown;
  try {
    value = parseExactJson(decodeUtf8(body));
  } catch (cause) {
    throw new HookAnswerError('the answer is not JSON', { cause });
  }
  const parsed = envelope.safeParse(value);
  if (!parsed.success) {
    const { path, message } = firstIssue(parsed.error);
    throw new HookAnswerError(`${path || 'the answer'}: ${message}`);
  }
  const { result, error, disconnect } = parsed.data;
  if (disconnect) throw new HookDisconnect(disconnect.code, disconnect.reason);
  if (error) throw new ProtocolError(error, { detail: 'refused by a hook' });
  return result ?? undefined;
}

/** @returns undefined when the application does not decide. */
export function readConnect(body: Uint8Array): Identity | undefined {
  const result = readResult(body, connectResult);
  if (!result) return undefined;
  const { info, data, expireAt } = toGrant(result);
  const subs = toSubs(result.channels, result.subs);
  return {
    user: result.user,
    ...(info && { info }),
    ...(data && { data }),
    ...(expireAt !== undefined && { expireAt }),
    ...(result.meta !== undefined && result.meta !== null && { meta: result.meta }),
    ...(subs && { subs }),
  };
}

/** Refresh of connections and subscriptions. An answer without result ends them, as in Centrifugo. */
export function readRefresh(body: Uint8Array): RefreshHookResult {
  const result = readResult(body, refreshResult);
  if (!result || result.expired) return { expired: true };
  const info = toPayload(result.info, result.b64info);
  const expireAt = toExpireAt(result.expire_at);
  return {
    ...(info && { info }),
    ...(expireAt !== undefined && { expireAt }),
    ...(result.meta !== undefined && result.meta !== null && { meta: result.meta }),
  };
}

export function readSubscribe(body: Uint8Array): SubscribeHookResult | undefined {
  const result = readResult(body, subscribeResult);
  return result && toGrant(result);
}

export function readPublish(body: Uint8Array): PublishHookResult | undefined {
  const result = readResult(body, publishResult);
  if (!result) return undefined;
  const data = toPayload(result.data, result.b64data);
  return {
    ...(data && { data }),
    ...(result.tags && { tags: result.tags }),
    ...(result.skip_history && { skipHistory: true }),
  };
}

export function readRpc(body: Uint8Array): RpcHookResult | undefined {
  const result = readResult(body, rpcResult);
  if (!result) return undefined;
  const data = toPayload(result.data, result.b64data);
  return data ? { data } : {};
}
