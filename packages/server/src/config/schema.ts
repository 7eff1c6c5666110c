/**
 * The whole configuration, once. Types, defaults, names of environment variables, `tidings check-config`,
 * `tidings gen-config` and the reference page are all derived from this schema.
 *
 * Durations and sizes are read as `25s` and `64KB` and held as milliseconds and bytes.
 */
import { z } from 'zod';
import { chatEventGroups, chatSchema } from './chat-schema.ts';
import { duration, size } from './units.ts';

const port = () => z.int().min(0).max(65_535);

/** Text that no error, log line or summary may show. */
const secret = (minLength: number, description: string) =>
  z.string().min(minLength).meta({ secret: true, description });

/** Who may do something on a channel, in a word. A subscription token, a hook and the server API grant on top of this. */
export const accessWords = ['nobody', 'subscribers', 'authenticated', 'anyone'] as const;
export type AccessWord = (typeof accessWords)[number];

/** A rule may be this long. */
export const maxRuleLength = 4096;

const rule = () => z.string().trim().min(1).max(maxRuleLength);

/** One of the words, or a rule. Which it is, and whether the rule holds together, `check.ts` sees. */
const access = (description: string) => rule().default('nobody').describe(description);

const name = () =>
  z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'a name of letters, digits and _')
    .max(64);

/** Never, when the client asks for it, or for every subscription. */
const when = z.enum(['off', 'on-request', 'always']);

export const channelOptionsSchema = z
  .strictObject({
    allow: z
      .strictObject({
        subscribe: access('Who may subscribe.'),
        publish: access('Who may publish from a client; the rule also sees `data`.'),
        history: access('Who may read the history.'),
        presence: access('Who may see who is subscribed, and who comes and goes.'),
        announce: rule().default('anyone').describe('Whose subscription is shown to others.'),
        receive: rule()
          .default('anyone')
          .describe('Who is given a publication; the rule also sees `data`, `tags` and `publisher`.'),
      })
      .prefault({})
      .describe(
        'Who may do what from a client: nobody, subscribers, authenticated, anyone, or a rule. A subscription token, a hook and the server API grant on top of this, but for `receive`.',
      ),
    publish: z
      .strictObject({
        schema: name().optional().describe('Which of `rules.schemas` a publication of a client must keep.'),
        set: z
          .record(name(), rule())
          .default({})
          .describe('Fields that the server sets in what a client publishes, each by an expression.'),
      })
      .prefault({})
      .describe('What a publication of a client must be, and what the server adds to it.'),
    history: z
      .strictObject({
        size: z.int().min(0).max(100_000).default(0).describe('Publications kept; 0 keeps none.'),
        ttl: duration().default(300_000).describe('How long a publication is kept.'),
        metaTtl: duration()
          .default(30 * 86_400_000)
          .describe('How long the position of an unused channel is remembered.'),
      })
      .prefault({})
      .describe('What is kept of a channel.'),
    recovery: when.default('off').describe('Whether subscribers recover what they missed; needs history.'),
    recoveryMode: z
      .enum(['stream', 'cache'])
      .default('stream')
      .describe('stream: everything missed, or an explicit reset; cache: the latest publication.'),
    positioning: when.default('off').describe('Whether a gap in the stream is detected; needs history.'),
    delta: z.boolean().default(false).describe('Whether clients may ask for fossil deltas.'),
    joinLeave: when.default('off').describe('Whether subscribers are told who comes and goes.'),
    presence: z.boolean().default(false).describe('Whether it is known who is subscribed.'),
    tagsFilter: z.boolean().default(false).describe('Whether clients may filter publications by tags.'),
    payload: z
      .enum(['json', 'binary'])
      .default('json')
      .describe('json: every payload is checked to be JSON; binary: any bytes, base64 for JSON clients.'),
    hooks: z
      .strictObject({
        subscribe: z.boolean().default(false).describe('Ask the subscribe hook.'),
        publish: z.boolean().default(false).describe('Ask the publish hook.'),
        subRefresh: z.boolean().default(false).describe('Ask the subRefresh hook when a subscription expires.'),
      })
      .prefault({})
      .describe('Which hooks of the application decide on this channel.'),
    events: z.boolean().default(false).describe('Whether occupied and vacated events are sent.'),
    maxSubscribers: z.int().min(0).default(0).describe('Subscribers per node at most; 0 is no limit.'),
  })
  .describe('Options of all channels that match a pattern.');

const jwtSchema = z
  .strictObject({
    hmacSecret: secret(1, 'Secret for HS256, HS384, HS512; at least 32 characters.').optional(),
    publicKey: z.string().min(1).optional().describe('Public key in PEM for RS, PS, ES or EdDSA.'),
    jwksUrl: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe('Where public keys are published as a JWK set.'),
    jwksCacheTtl: duration().default(3_600_000).describe('How long a JWK set is used before it is fetched anew.'),
    issuer: z.string().optional().describe('Required value of the claim iss.'),
    audience: z.string().optional().describe('Required value of the claim aud.'),
  })
  .describe('How JSON Web Tokens are verified.');

const lifecycleEvents = ['connected', 'disconnected', 'occupied', 'vacated'] as const;

const hookSchema = z.strictObject({
  url: z.url({ protocol: /^https?$/ }).describe('Where the question is posted.'),
  timeout: duration().default(3_000).describe('Time limit of one attempt.'),
  retries: z.int().min(0).max(5).default(0).describe('Further attempts after a failure that is safe to repeat.'),
});

/** A field of a message: its type, or its type and limits. */
const fieldSchema = z.union([
  z.string(),
  z.strictObject({
    type: z.string().optional(),
    minLength: z.int().min(0).optional(),
    maxLength: z.int().min(0).optional(),
    min: z.number().optional(),
    max: z.number().optional(),
    enum: z
      .array(z.union([z.string(), z.number()]))
      .min(1)
      .optional(),
    maxItems: z.int().min(0).optional(),
    /** Fields of a nested object, instead of `type`. */
    fields: z.record(name(), z.unknown()).optional(),
    optional: z.boolean().optional(),
  }),
]);

const fact = z.array(z.union([z.string(), z.int(), z.boolean()])).min(1);

const relationSchema = z
  .strictObject({
    parameters: z
      .record(name(), z.string())
      .describe('What it is asked with, in order, each with its type: string, int or bool.'),
    from: z
      .enum(['config', 'api', 'table', 'function'])
      .default('config')
      .describe(
        'config: the facts listed here; api: kept in the store and changed by the server API; table: a table of the store, mirrored in memory; function: a function of the embedding program.',
      ),
    facts: z.array(fact).default([]).describe('Facts, for `from: config`.'),
    symmetric: z.boolean().default(false).describe('Whether (a, b) is also (b, a).'),
    table: z.string().min(1).optional().describe('Name of the table, for `from: table`.'),
    columns: z.array(z.string().min(1)).optional().describe('Columns of the table, one for each parameter, in order.'),
    where: rule()
      .optional()
      .describe('Which rows of the table count; a rule over `row`, such as `row.left_at == null`.'),
    whereColumns: z
      .record(z.string(), z.string())
      .default({})
      .describe('Types of the columns that `where` names, such as `left_at: int?`.'),
    cacheTtl: duration().default(30_000).describe('How long an answer is used, for `from: function`.'),
    cacheSize: z.int().min(1).default(100_000).describe('Answers kept at most, for `from: function`.'),
  })
  .describe('A lookup that rules may use.');

const asked = (what: string) => z.string().optional().describe(`A channel: may the user ${what}?`);

const expectationSchema = z.strictObject({
  subscribe: asked('subscribe'),
  publish: asked('publish `data`'),
  history: asked('read the history'),
  presence: asked('see who is subscribed'),
  announce: asked('be shown to others'),
  receive: asked('be given a publication of `data`'),
  data: z.unknown().optional().describe('What is published.'),
  tags: z.record(z.string(), z.string()).optional().describe('Tags of the publication, for `receive`.'),
  publisher: z.string().optional().describe('Who published it, for `receive`; the server if left out.'),
  subscribed: z.boolean().optional().describe('Whether the client is subscribed to the channel, for `subscribers`.'),
  is: z.enum(['allow', 'deny', 'invalid']).describe('What must come out; invalid: `data` does not keep the schema.'),
  because: z.string().optional().describe('Text that the reason of a denial must have.'),
  at: z.string().optional().describe('JSON pointer of what is wrong, for `invalid`.'),
  becomes: z.unknown().optional().describe('What the server makes of `data`, for an allowed publish.'),
});

const rulesSchema = z
  .strictObject({
    auth: z
      .record(name(), z.string())
      .default({})
      .describe(
        'What rules may ask of the user beside `auth.uid`: claims of the token, or fields of `meta`, each with its type.',
      ),
    relations: z.record(name(), relationSchema).default({}).describe('Lookups that rules may use, by name.'),
    schemas: z
      .record(name(), z.record(name(), fieldSchema))
      .default({})
      .describe('Messages by name: each field with its type and limits.'),
    tests: z
      .array(
        z.strictObject({
          name: z.string().optional().describe('What the test is called in the output.'),
          as: z.record(z.string(), z.unknown()).default({}).describe('The user: `uid` and claims.'),
          given: z.record(z.string(), z.array(fact)).default({}).describe('Facts by relation.'),
          now: z.string().optional().describe('The time, as in RFC 3339.'),
          expect: z.array(expectationSchema).min(1).describe('What must come out.'),
        }),
      )
      .default([])
      .describe('Examples that must hold; `tidings rules test` runs them.'),
  })
  .prefault({})
  .describe('The rules engine: what rules may refer to, and their tests. Rules themselves stand under `allow`.');

const limitsSchema = z
  .strictObject({
    connections: z.int().min(0).default(0).describe('Connections per node; 0 is no limit.'),
    connectionsPerUser: z.int().min(0).default(0).describe('Connections of one user per node; 0 is no limit.'),
    connectionsPerAddress: z.int().min(0).default(0).describe('Connections of one address per node; 0 is no limit.'),
    subscriptionsPerConnection: z.int().min(1).default(128).describe('Channels one connection may subscribe to.'),
    commandsPerSecondPerConnection: z
      .int()
      .min(0)
      .default(100)
      .describe('With a burst of twice as many; 0 is no limit.'),
    commandsPerSecondPerUser: z.int().min(0).default(0).describe('With a burst of twice as many; 0 is no limit.'),
    commandsPerFrame: z.int().min(1).default(512).describe('Commands in one frame or body at most.'),
    pendingCommandsPerConnection: z.int().min(1).default(512).describe('Commands that wait for an earlier one.'),
    // Four times what a chat message may have: JSON writes some characters as two, and there is a frame around it.
    messageSize: size().default(262_144).describe('The largest frame or body of a client; with chat at least 256 KB.'),
    channelNameLength: z
      .int()
      .min(1)
      .max(255)
      .default(255)
      .describe('Characters of a channel name at most (UTF-16 code units).'),
    bufferedBytesPerConnection: size()
      .default(1_048_576)
      .describe('A reader with more than this unread is closed (3008).'),
    recoveredPublications: z.int().min(1).default(300).describe('Publications recovered at most; more is a reset.'),
    historyPage: z.int().min(1).default(300).describe('Publications in one answer to a history request at most.'),
    errorsPerConnection: z
      .int()
      .min(0)
      .default(0)
      .describe('Errors after which a connection is closed (3509); 0 is no limit.'),
  })
  .describe('What one client may take. A limit that is reached is an error to that client and nothing to others.');

export const configSchema = z.strictObject({
  mode: z
    .enum(['development', 'production'])
    .default('production')
    .describe('development opens every channel without a prefix to anyone; never expose it.'),
  node: z
    .strictObject({ name: z.string().max(64).optional().describe('Name of this node in logs and metrics.') })
    .prefault({})
    .describe('This node.'),
  dataDir: z.string().default('./data').describe('Where files of the embedded default live.'),
  listen: z
    .strictObject({
      port: port().default(8000).describe('TCP port; 0 takes any free one.'),
      host: z.string().min(1).default('127.0.0.1').describe('Address to listen on; 0.0.0.0 or :: is every one.'),
      tls: z
        .strictObject({
          certFile: z.string().min(1).describe('Certificate chain, PEM.'),
          keyFile: z.string().min(1).describe('Private key, PEM.'),
        })
        .optional()
        .describe('Certificate and key in PEM; read again on SIGHUP.'),
      trustProxy: z.boolean().default(false).describe('Take the client address from X-Forwarded-For.'),
    })
    .prefault({})
    .describe('The public listener: transports, and the server API unless `internal` is set.'),
  internal: z
    .strictObject({
      port: port().describe('TCP port; 0 takes any free one.'),
      host: z.string().min(1).default('127.0.0.1').describe('Address to listen on.'),
    })
    .optional()
    .describe('A second listener for server API, metrics, health and admin; these then leave the public one.'),
  origins: z
    .array(z.string())
    .default([])
    .describe(
      'Browser origins that may connect, such as `https://app.example.com` or `https://*.example.com`; `*` is any.',
    ),
  auth: z
    .strictObject({
      anonymous: z.boolean().default(false).describe('Whether clients may connect without credentials.'),
      jwt: jwtSchema.optional().describe('Verifies connection tokens, and subscription tokens unless set apart.'),
      subscriptionJwt: jwtSchema.optional().describe('Verifies subscription tokens.'),
    })
    .prefault({})
    .describe('Who may connect.'),
  api: z
    .strictObject({
      keys: z.array(z.string().min(8)).default([]).meta({
        secret: true,
        description: 'Keys of the server API, sent as X-API-Key; several so that they can be changed one by one.',
      }),
    })
    .prefault({})
    .describe('The server API under /api.'),
  personalChannel: z
    .strictObject({
      enabled: z.boolean().default(false).describe('Whether every user gets one.'),
      prefix: z.string().default('').describe('The channel of user 42 is `<prefix>#42`.'),
    })
    .prefault({})
    .describe('Subscribes every user to a channel of their own, from the server side.'),
  channels: z
    .record(z.string(), channelOptionsSchema)
    .default({})
    .describe('Options by pattern: `chat:*`, `room:{id}`, `{name}`. The most specific pattern holds.'),
  rules: rulesSchema,
  store: z
    .strictObject({
      url: z.string().optional().meta({
        secret: true,
        description: 'postgres://user:password@host/database; without it a SQLite file in `dataDir`.',
      }),
      synchronous: z
        .enum(['full', 'normal'])
        .default('full')
        .describe('SQLite: full survives a power cut, normal is faster and survives a crash of the process.'),
      maxConnections: z.int().min(1).max(1000).default(10).describe('PostgreSQL: connections of this process at most.'),
      timeout: duration()
        .default(5_000)
        .describe('PostgreSQL: a database that does not answer by then is unavailable.'),
      migrate: z
        .enum(['auto', 'manual'])
        .default('auto')
        .describe('auto: the schema is brought up to date at the start; manual: by `tidings migrate`.'),
    })
    .prefault({})
    .describe('The database, for what must survive a restart.'),
  chat: chatSchema,
  limits: limitsSchema.prefault({}),
  ping: z
    .strictObject({
      interval: duration().default(25_000).describe('Time between pings; within it a dead connection is noticed.'),
      pongTimeout: duration().default(8_000).describe('A client that has not answered by then is closed (3012).'),
    })
    .prefault({})
    .describe('Pings of the server.'),
  timeouts: z
    .strictObject({
      connect: duration().default(10_000).describe('A connection that sent no connect command is closed (3502).'),
      handshake: duration().default(10_000).describe('An HTTP request must have arrived by then.'),
      expiryGrace: duration().default(25_000).describe('Time to refresh after expiry.'),
      positionCheck: duration().default(40_000).describe('How often an idle stream position is compared.'),
      presence: duration().default(60_000).describe('A presence entry not renewed for this long is gone.'),
    })
    .prefault({})
    .describe('How long the server waits.'),
  transports: z
    .strictObject({
      websocket: z.boolean().default(true).describe('Serve /connection/websocket.'),
      httpStream: z.boolean().default(true).describe('Serve /connection/http_stream and /emulation.'),
      sse: z.boolean().default(true).describe('Serve /connection/sse and /emulation.'),
      uniWebsocket: z.boolean().default(true).describe('Serve /connection/uni_websocket.'),
      uniHttpStream: z.boolean().default(true).describe('Serve /connection/uni_http_stream.'),
      uniSse: z.boolean().default(true).describe('Serve /connection/uni_sse.'),
      longPoll: z.boolean().default(true).describe('Serve long polling.'),
      forwardHeaders: z.array(z.string().toLowerCase()).default([]).describe('Request headers kept for hooks.'),
      compression: z
        .strictObject({
          enabled: z.boolean().default(false).describe('permessage-deflate on WebSocket; compressed once per fan-out.'),
          minBytes: size().default(256).describe('Smaller frames go uncompressed.'),
        })
        .prefault({})
        .describe('Compression of WebSocket frames.'),
    })
    .prefault({})
    .describe('Ways for a client to connect.'),
  hooks: z
    .strictObject({
      connect: hookSchema.optional().describe('Asked when a client connects; says who it is.'),
      refresh: hookSchema.optional().describe('Asked when a connection expires.'),
      subscribe: hookSchema.optional().describe('Asked on subscribe, for channels with hooks.subscribe.'),
      subRefresh: hookSchema
        .optional()
        .describe('Asked when a subscription expires, for channels with hooks.subRefresh.'),
      publish: hookSchema.optional().describe('Asked on publish, for channels with hooks.publish.'),
      rpc: hookSchema.optional().describe('Answers RPC of clients.'),
      secret: secret(8, 'Signs every request to the application (HMAC-SHA256).').optional(),
      concurrency: z.int().min(1).default(256).describe('Requests under way at once.'),
      queue: z.int().min(0).default(4096).describe('Requests that wait for a place; more fail at once.'),
      breaker: z
        .strictObject({
          failures: z.int().min(1).default(10).describe('Failures in a row that open the breaker.'),
          cooldown: duration().default(5_000).describe('How long it stays open before one attempt is let through.'),
        })
        .prefault({})
        .describe('Keeps an application that fails from being asked.'),
    })
    .prefault({})
    .describe('Questions to the application.'),
  events: z
    .strictObject({
      url: z
        .url({ protocol: /^https?$/ })
        .optional()
        .describe('Where events are posted; without it none are sent.'),
      secret: secret(8, 'Signs every delivery (HMAC-SHA256).').optional(),
      types: z
        .array(z.enum([...lifecycleEvents, 'chat.*', ...chatEventGroups]))
        .default([...lifecycleEvents, 'chat.*'])
        .describe('Which events are sent; `chat.*` is all of chat.'),
      timeout: duration().default(5_000).describe('Time limit of one attempt.'),
      maxBackoff: duration().default(60_000).describe('Longest wait between attempts.'),
      maxAttempts: z
        .int()
        .min(0)
        .default(1_500)
        .describe(
          'Failed attempts until an event becomes a dead letter; with the default of `maxBackoff`, after about a day. 0: they go on for ever.',
        ),
      maxQueued: z
        .int()
        .min(1)
        .default(1_000_000)
        .describe('Events waiting on disk; the oldest are dropped, loudly, beyond.'),
    })
    .prefault({})
    .describe('News to the application: at least once, signed, in order per connection or channel.'),
  broker: z
    .strictObject({
      maxBytes: size()
        .default(268_435_456)
        .describe(
          'Memory for history; beyond, the channels used least recently lose theirs and subscribers are reset.',
        ),
      maxChannels: z.int().min(1).default(2_000_000).describe('Stream positions remembered at most.'),
    })
    .prefault({})
    .describe('Bounds of the embedded broker.'),
  metrics: z
    .strictObject({ enabled: z.boolean().default(true).describe('Serve /metrics for Prometheus.') })
    .prefault({})
    .describe('Measurements.'),
  shutdown: z
    .strictObject({
      timeout: duration().default(15_000).describe('A drain ends after this long whatever happens.'),
      spread: duration().default(5_000).describe('Clients are told to reconnect spread over this long.'),
    })
    .prefault({})
    .describe('How the server goes.'),
  log: z
    .strictObject({
      level: z
        .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
        .default('info')
        .describe('The least important lines that are written.'),
    })
    .prefault({})
    .describe('The log, one JSON object a line on standard output.'),
});

/** What a person writes. */
export type ConfigInput = z.input<typeof configSchema>;
/** What the program reads: complete, in milliseconds and bytes. */
export type Config = z.output<typeof configSchema>;
export type ChannelOptions = z.output<typeof channelOptionsSchema>;
export type ChannelOptionsInput = z.input<typeof channelOptionsSchema>;
export type JwtConfig = z.output<typeof jwtSchema>;
export type HooksConfig = Config['hooks'];
export type EventsConfig = Config['events'];
