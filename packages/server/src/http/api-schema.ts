/**
 * The server API, once: validation, TypeScript types and the OpenAPI document are derived from these schemas. On the
 * wire names are snake_case and shapes are those of Centrifugo, so that its server libraries work; what comes out of
 * validation is the camelCase request of `server-api.ts`.
 *
 * Payload fields (`data`, `info`, `params`) are already bytes when a schema sees them: `api-executor.ts` cuts their
 * exact text out of the body first.
 *
 * Source: `centrifugal/centrifugo`, `internal/apiproto/api.proto`.
 */
import type { Payload } from '@tidings/protocol';
import { z } from 'zod';

/** The type of an object in which what may be undefined may as well be left out. */
type Sparse<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: T[K];
};
const sparse = <T extends object>(fields: T): Sparse<T> => fields as Sparse<T>;

const payload = (description: string) =>
  z.custom<Payload>((value) => value instanceof Uint8Array, { error: 'expected any JSON value' }).meta({ description });

/** Libraries of some languages send null for what is not set. */
const optional = <T extends z.ZodType>(schema: T) =>
  z.preprocess((value) => (value === null ? undefined : value), schema.optional()).optional();

const base64 = (description: string) =>
  optional(
    z
      .string()
      .refine((text) => text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text), {
        error: 'expected base64 with padding',
      })
      // An empty text is a field not set: the payload beside it counts.
      .transform((text) => (text === '' ? undefined : new Uint8Array(Buffer.from(text, 'base64')))),
  ).meta({ description, contentEncoding: 'base64' });

const channel = z.string().min(1, { error: 'expected a channel name' }).describe('Name of the channel.');
const offset = z.int().min(0);
const unixSeconds = (description: string) =>
  optional(z.int().min(0)).describe(`${description} Unix time in seconds; 0 is never.`);

const position = z.strictObject({
  offset: offset.default(0).describe('Offset of a publication in the stream.'),
  epoch: z.string().default('').describe('Life of the stream the offset belongs to.'),
});

const targetFields = {
  user: optional(z.string()).describe('All connections of this user; an empty text means anonymous connections.'),
  client: optional(z.string()).describe('Only the connection with this client id.'),
  session: optional(z.string()).describe('Only the connection with this session id.'),
};
interface Target {
  user?: string | undefined;
  client?: string | undefined;
  session?: string | undefined;
}
/** Without it a forgotten field would mean every anonymous connection. */
const hasTarget = (target: Target): boolean => Boolean(target.user !== undefined || target.client || target.session);
const targetError = { error: 'say whom: one of user, client, session is required' };

const publicationFields = {
  data: payload('What is published: any JSON value, delivered exactly as written.').optional(),
  b64data: base64('Instead of `data`: bytes in base64, for channels with binary payloads.'),
  skip_history: optional(z.boolean()).describe('Deliver only to who is there now; keep nothing.'),
  tags: optional(z.record(z.string(), z.string())).describe(
    'Texts that travel with the publication; clients may filter by them.',
  ),
  idempotency_key: optional(z.string().max(512)).describe(
    'A repetition with the same key on the same channel within five minutes publishes nothing and returns the first result.',
  ),
  delta: optional(z.boolean()).describe('Accepted for compatibility; the options of the channel decide about deltas.'),
  version: optional(z.int().min(0)).describe(
    'Publish only if it is above the latest version of the channel; 0 is no version.',
  ),
  version_epoch: optional(z.string()).describe('Versions are compared within one version epoch only.'),
};
const dataError = { error: 'required: any JSON value, or bytes as b64data', path: ['data'] };
interface PublicationFields {
  data?: Payload | undefined;
  b64data?: Payload | undefined;
  skip_history?: boolean | undefined;
  tags?: Record<string, string> | undefined;
  idempotency_key?: string | undefined;
  version?: number | undefined;
  version_epoch?: string | undefined;
}
const hasData = (fields: PublicationFields): boolean => (fields.b64data ?? fields.data) !== undefined;
const publicationOf = (fields: PublicationFields) => ({
  data: (fields.b64data ?? fields.data) as Payload,
  skipHistory: fields.skip_history,
  tags: fields.tags,
  idempotencyKey: fields.idempotency_key,
  version: fields.version,
  versionEpoch: fields.version_epoch,
});

const switched = (description: string) =>
  optional(
    z.union([z.boolean(), z.strictObject({ value: z.boolean().default(false) })], {
      error: 'expected true, false or {"value": true}',
    }),
  )
    .transform((value) => (typeof value === 'object' ? value.value : value))
    .describe(description);

export const publishRequest = z
  .strictObject({ channel, ...publicationFields })
  .refine(hasData, dataError)
  .transform((fields) => sparse({ channel: fields.channel, ...publicationOf(fields) }));

export const broadcastRequest = z
  .strictObject({
    channels: z.array(channel).min(1).max(100_000).describe('Channels to publish to.'),
    ...publicationFields,
  })
  .refine(hasData, dataError)
  .transform((fields) => sparse({ channels: fields.channels, ...publicationOf(fields) }));

export const subscribeRequest = z
  .strictObject({
    channel,
    ...targetFields,
    info: payload('Shown to others as `chan_info`.').optional(),
    b64info: base64('Instead of `info`: bytes in base64.'),
    data: payload('Sent to the client with the subscription.').optional(),
    b64data: base64('Instead of `data`: bytes in base64.'),
    recover_since: optional(position).describe('Send what was published behind this position.'),
    override: optional(
      z.strictObject({
        presence: switched('Appear in presence.'),
        join_leave: switched('Let others see join and leave.'),
        force_recovery: switched('Recover what was missed.'),
        force_positioning: switched('Detect a gap in the stream.'),
        force_push_join_leave: switched('Send this client join and leave of others.'),
      }),
    ).describe('Channel options for this subscription only; each `true`, `false` or `{"value": true}`.'),
    expire_at: unixSeconds('When the subscription ends.'),
  })
  .refine(hasTarget, targetError)
  .transform((fields) =>
    sparse({
      channel: fields.channel,
      user: fields.user,
      client: fields.client,
      session: fields.session,
      info: fields.b64info ?? fields.info,
      data: fields.b64data ?? fields.data,
      recoverSince: fields.recover_since,
      override:
        fields.override &&
        sparse({
          presence: fields.override.presence,
          joinLeave: fields.override.join_leave,
          recovery: fields.override.force_recovery,
          positioning: fields.override.force_positioning,
          pushJoinLeave: fields.override.force_push_join_leave,
        }),
      expireAt: fields.expire_at,
    }),
  );

export const unsubscribeRequest = z.strictObject({ channel, ...targetFields }).refine(hasTarget, targetError);

export const disconnectRequest = z
  .strictObject({
    ...targetFields,
    whitelist: optional(z.array(z.string()).max(10_000)).describe('Client ids that stay connected.'),
    disconnect: optional(
      z.strictObject({
        code: z
          .int()
          .min(3000)
          .max(4999)
          .describe('Close code. Clients reconnect after 3000 to 3499 and 4000 to 4499, not after the others.'),
        reason: z
          .string()
          .refine((text) => Buffer.byteLength(text) <= 123, {
            error: 'expected 123 bytes at most, the limit of a close frame',
          })
          .default('')
          .describe('Shown to the client.'),
        reconnect: optional(z.boolean()).describe('Accepted for old libraries; the code decides.'),
      }),
    ).describe('Code and reason; without it 3503, force disconnect.'),
  })
  .refine(hasTarget, targetError)
  .transform(({ disconnect, ...fields }) =>
    sparse({
      ...fields,
      disconnect: disconnect && { code: disconnect.code, reason: disconnect.reason },
    }),
  );

export const refreshRequest = z
  .strictObject({
    ...targetFields,
    expired: optional(z.boolean()).describe('Close the connection as expired.'),
    expire_at: unixSeconds('When the connection expires from now on.'),
    info: payload('Replaces the info of the connection.').optional(),
  })
  .refine(hasTarget, targetError)
  .transform(({ expire_at, ...fields }) => sparse({ ...fields, expireAt: expire_at }));

export const channelRequest = z.strictObject({ channel });

export const historyRequest = z.strictObject({
  channel,
  limit: optional(z.int().min(-1)).describe(
    'Publications at most; 0 or absent: only the top position; -1: all that are kept.',
  ),
  since: optional(position).describe('Only what lies behind this position, or with `reverse` before it.'),
  reverse: optional(z.boolean()).describe('Newest first.'),
});

export const channelsRequest = z.strictObject({
  pattern: optional(z.string()).describe('Only channels that match: `*` stands for any text, `?` for one character.'),
});

export const infoRequest = z.strictObject({});

const relation = z.string().min(1, { error: 'expected the name of a relation' }).describe('Name of the relation.');
const facts = z
  .array(z.array(z.union([z.string(), z.int(), z.boolean()])).min(1))
  .min(1)
  .max(1_000)
  .describe('Facts, each a list with one value for each parameter of the relation, in order.');

export const relationFactsRequest = z.strictObject({ relation, facts });

export const relationListRequest = z
  .strictObject({
    relation,
    limit: optional(z.int().min(1).max(1_000)).describe('Facts at most; 1000 unless given.'),
    after: optional(z.string()).describe('`next` of the page before.'),
  })
  .transform((fields) => sparse(fields));

export const eventDeadLettersRequest = z
  .strictObject({
    limit: optional(z.int().min(1).max(1_000)).describe('Dead letters at most; 100 unless given.'),
    after: optional(z.string().regex(/^\d{1,16}-/)).describe('`next` of the page before.'),
  })
  .transform((fields) => sparse(fields));

export const eventChoiceRequest = z
  .strictObject({
    ids: optional(z.array(z.string().min(1)).min(1).max(1_000)).describe('Ids of events.'),
    all: optional(z.literal(true)).describe('All there are now.'),
  })
  .refine(({ ids, all }) => (ids === undefined) !== (all === undefined), {
    error: 'say which: either ids, or "all": true',
  })
  .transform(({ ids }) => sparse({ ids }));

export const rpcRequest = z.strictObject({
  method: z.string().min(1, { error: 'expected a method name' }).describe('Method of the application.'),
  params: payload('Parameters: any JSON value.').optional(),
});
