/**
 * Details of a subscription or connection as tokens and hook results write them (snake_case, JSON or base64), and their
 * form inside. Field names follow Centrifugo, so that its tokens and back ends serve unchanged.
 */
import type { Payload } from '@tidings/protocol';
import { z } from 'zod';
import { toJsonBytes } from './exact-json.ts';
import type { GrantOverride, SubscriptionGrant } from './identity.ts';

/** Unix seconds; some libraries write fractions. */
export const unixSeconds = z.number().min(0);

// Libraries that omit zero values write `{}` for false.
const flag = z.strictObject({ value: z.boolean().default(false) }).nullish();

export const overrideShape = {
  presence: flag,
  join_leave: flag,
  force_push_join_leave: flag,
  recovery: flag,
  force_recovery: flag,
  positioning: flag,
  force_positioning: flag,
};

export const infoShape = { info: z.unknown().optional(), b64info: z.base64().nullish() };
export const dataShape = { data: z.unknown().optional(), b64data: z.base64().nullish() };

/** Fields of a grant; whether others are ignored or an error is up to the reader. */
export const grantShape = {
  ...infoShape,
  ...dataShape,
  expire_at: unixSeconds.nullish(),
};

type Flag = z.output<typeof flag>;
type RawOverride = { readonly [name in keyof typeof overrideShape]?: Flag };

export interface RawGrant {
  readonly info?: unknown;
  readonly b64info?: string | null | undefined;
  readonly data?: unknown;
  readonly b64data?: string | null | undefined;
  readonly expire_at?: number | null | undefined;
  readonly override?: RawOverride | null | undefined;
}

/**
 * A payload given as JSON value or as base64; base64 wins, as in Centrifugo.
 * @returns undefined if neither is given, or JSON null.
 */
export function toPayload(json: unknown, base64: string | null | undefined): Payload | undefined {
  if (base64) return Uint8Array.from(Buffer.from(base64, 'base64'));
  return json === undefined || json === null ? undefined : toJsonBytes(json);
}

/** @returns whole seconds; undefined for absent and 0, which both mean never. */
export function toExpireAt(seconds: number | null | undefined): number | undefined {
  return seconds ? Math.max(1, Math.floor(seconds)) : undefined;
}

export function toGrant(raw: RawGrant): SubscriptionGrant {
  const info = toPayload(raw.info, raw.b64info);
  const data = toPayload(raw.data, raw.b64data);
  const expireAt = toExpireAt(raw.expire_at);
  const override = raw.override ? toOverride(raw.override) : undefined;
  return {
    ...(info && { info }),
    ...(data && { data }),
    ...(expireAt !== undefined && { expireAt }),
    ...(override && { override }),
  };
}

function toOverride(raw: RawOverride): GrantOverride {
  const presence = raw.presence;
  const joinLeave = raw.join_leave ?? raw.force_push_join_leave;
  const recovery = raw.recovery ?? raw.force_recovery;
  const positioning = raw.positioning ?? raw.force_positioning;
  return {
    ...(presence && { presence: presence.value }),
    ...(joinLeave && { joinLeave: joinLeave.value }),
    ...(recovery && { recovery: recovery.value }),
    ...(positioning && { positioning: positioning.value }),
  };
}

/** Server-side subscriptions from a list of channels and a map with details; the map wins. */
export function toSubs(
  channels: readonly string[] | null | undefined,
  subs: Readonly<Record<string, RawGrant>> | null | undefined,
): Readonly<Record<string, SubscriptionGrant>> | undefined {
  const grants = new Map<string, SubscriptionGrant>();
  for (const channel of channels ?? []) grants.set(channel, {});
  for (const [channel, raw] of Object.entries(subs ?? {})) grants.set(channel, toGrant(raw));
  // `fromEntries` defines properties: a channel named `__proto__` is a channel.
  return grants.size > 0 ? Object.fromEntries(grants) : undefined;
}

/** The first thing wrong, in words: `subs.news.expire_at: expected number`. Never the value: it may be secret. */
export function firstIssue(error: z.core.$ZodError): { readonly path: string; readonly message: string } {
  const issue = error.issues[0];
  return { path: issue?.path.map(String).join('.') ?? '', message: issue?.message ?? 'invalid' };
}
