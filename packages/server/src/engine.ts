/**
 * The composition root: the only file that knows implementations. Builds an engine from a configuration, starts it,
 * reloads it and brings it down gently.
 */
import { closeCodes } from '@tidings/protocol';
import type { Authorizer } from './auth/authorizer.ts';
import type { Hooks } from './auth/hooks.ts';
import { createHttpHooks, type HttpHooks } from './auth/http-hooks.ts';
import { JwtAuthenticator } from './auth/jwt.ts';
import { OptionsAuthorizer } from './auth/options-authorizer.ts';
import type { Broker } from './brokers/broker.ts';
import { MemoryBroker } from './brokers/memory.ts';
import { ChannelRegistry } from './channels/channel-registry.ts';
import { Clients } from './clients.ts';
import { Cluster, NoSuchNodeError } from './cluster.ts';
import { drainAll, startAll, stopAll, type Component } from './component.ts';
import { parseConfig } from './config/parse.ts';
import type { HookName } from './config/check.ts';
import type { Config, ConfigInput } from './config/schema.ts';
import { Connection, type ConnectionContext } from './connection/connection.ts';
import { Heartbeat } from './connection/heartbeat.ts';
import { ConnectionLimits } from './connection/limits.ts';
import { Flusher } from './connection/outbox.ts';
import type { Core } from './core.ts';
import { EngineApi, type ApiRpcHandler } from './engine-api.ts';
import type { EventSink } from './events/event-sink.ts';
import { FunctionEvents, type DeliveredEvent } from './events/function-events.ts';
import { noEvents } from './events/no-events.ts';
import { WebhookEvents } from './events/webhook-events.ts';
import { ApiKeys } from './http/api-keys.ts';
import { apiRoutes } from './http/api-routes.ts';
import { healthRoutes } from './http/health-routes.ts';
import { HttpServer } from './http/http-server.ts';
import { jsonPayload } from './http/json-payload.ts';
import { metricsRoutes } from './http/metrics-routes.ts';
import { openApiRoutes } from './http/openapi.ts';
import { Prometheus, type Gauges } from './http/prometheus.ts';
import type { HttpRoute } from './http/route.ts';
import type { ApiPublishRequest, ApiPublishResult, ServerApi } from './http/server-api.ts';
import { Hub } from './hub/hub.ts';
import { Interest } from './hub/interest.ts';
import { PositionCheck } from './hub/position-check.ts';
import { systemClock, type Clock } from './lib/clock.ts';
import { createLogger, type Logger } from './lib/logger.ts';
import { Metrics } from './lib/metrics.ts';
import { MemoryPresenceStore } from './presence/memory.ts';
import type { PresenceStore } from './presence/presence-store.ts';
import { emulationRoutes } from './transports/emulation.ts';
import { httpStreamRoutes, uniHttpStreamRoutes } from './transports/http-stream.ts';
import { longPollRoutes } from './transports/long-poll.ts';
import { SessionRegistry } from './transports/sessions.ts';
import { sseRoutes, uniSseRoutes } from './transports/sse.ts';
import type { Accept, Socket, SocketEvents } from './transports/transport.ts';
import { WebsocketTransport } from './transports/websocket.ts';
import { version } from './version.ts';

export interface EngineOptions {
  /** As a person writes it, or as `loadConfig` returned it. */
  readonly config: ConfigInput | Config;
  /** Questions to the application as functions; each replaces the HTTP hook of its name. */
  readonly hooks?: Hooks;
  /** Who may do what; default: the `allow` options of channels. */
  readonly authorizer?: Authorizer;
  /** Called for every lifecycle event, in order per subject, instead of `events.url`. */
  readonly onEvent?: (event: DeliveredEvent) => void | Promise<void>;
  /** Answers `rpc` of the server API. */
  readonly onApiRpc?: ApiRpcHandler;
  /** Further routes of the public listener, such as pages. */
  readonly routes?: readonly HttpRoute[];
  readonly logger?: Logger;
  readonly clock?: Clock;
  /** Default: in memory, this node alone. */
  readonly broker?: Broker;
  readonly presence?: PresenceStore;
  /** false: no listener is opened; clients come by `accept`. */
  readonly listen?: boolean;
}

export interface Address {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
}

/** A real-time engine in this process. */
export interface Engine {
  /** The server API as functions. */
  readonly api: ServerApi;
  readonly metrics: Metrics;
  readonly nodeId: string;
  /** Where the public listener is; undefined while it is not. */
  readonly address: Address | undefined;
  readonly internalAddress: Address | undefined;
  /** Takes a socket of a transport that the engine does not know of. */
  readonly accept: Accept;
  /** Publishes a JSON value. @throws ProtocolError */
  publish(
    channel: string,
    value: unknown,
    options?: Omit<ApiPublishRequest, 'channel' | 'data'>,
  ): Promise<ApiPublishResult>;
  /** @throws if a listener cannot be opened or a component does not start; nothing is left running. */
  start(): Promise<void>;
  /** Stops accepting, asks clients to reconnect elsewhere spread over time, flushes; ends within `shutdown.timeout`. */
  drain(): Promise<void>;
  stop(): Promise<void>;
  /**
   * Takes over a new configuration without dropping anybody: channels, secrets, limits, origins, hooks, TLS files.
   * Listeners, transports, events and the data folder need a restart.
   * @throws ConfigError, and goes on with the old one.
   */
  reload(config: ConfigInput | Config): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

/** Clients told to reconnect in one step of a drain are this far apart in time. */
const drainStepMs = 50;

/** @throws ConfigError */
export function createEngine(options: EngineOptions): Engine {
  return new ComposedEngine(options);
}

class ComposedEngine implements Engine {
  readonly api: EngineApi;
  readonly metrics = new Metrics();
  readonly nodeId: string;
  readonly #options: EngineOptions;
  readonly #core: Mutable<Core>;
  readonly #context: ConnectionContext;
  readonly #cluster: Cluster;
  readonly #components: readonly Component[];
  readonly #sessions = new SessionRegistry();
  readonly #apiKeys: ApiKeys;
  readonly #prometheus: Prometheus;
  readonly #public: HttpServer | undefined;
  readonly #internal: HttpServer | undefined;
  #httpHooks: HttpHooks;
  #authenticator: JwtAuthenticator | undefined;
  #state: 'created' | 'running' | 'draining' | 'stopped' = 'created';
  #startedMs = 0;

  constructor(options: EngineOptions) {
    this.#options = options;
    const config = this.#parse(options.config);
    const clock = options.clock ?? systemClock;
    const logger = options.logger ?? createLogger(config.log.level);
    const broker = options.broker ?? new MemoryBroker({ clock, logger, ...config.broker });
    const presence = options.presence ?? new MemoryPresenceStore({ clock });
    const { metrics } = this;
    this.nodeId = broker.nodeId;
    this.#httpHooks = createHttpHooks(config.hooks, { clock, logger, metrics });
    const events = this.#createEvents(config, clock, logger);
    const hub = new Hub(metrics);
    const interest = new Interest(broker, {
      occupied: (channel) => this.#channelEvent('occupied', channel),
      vacated: (channel) => this.#channelEvent('vacated', channel),
    });
    this.#core = {
      config,
      channels: new ChannelRegistry(config.channels),
      nodeId: this.nodeId,
      clock,
      logger,
      metrics,
      hub,
      interest,
      broker,
      presence,
      clients: new Clients(),
      authenticator: (this.#authenticator = this.#createAuthenticator(config, clock, logger)),
      authorizer: options.authorizer ?? new OptionsAuthorizer(),
      hooks: { ...this.#httpHooks, ...options.hooks },
      events,
    };
    const heartbeat = new Heartbeat(clock, { logger });
    this.#context = {
      core: this.#core,
      flusher: new Flusher(metrics),
      heartbeat,
      limits: new ConnectionLimits(config.limits),
    };
    this.api = new EngineApi(this.#core, () => this.#cluster, options.onApiRpc);
    this.#cluster = new Cluster({
      broker,
      clock,
      logger,
      self: () => this.#nodeInfo(),
      methods: {
        ...this.api.clusterMethods,
        emulation: ({ session, frame }: { session: string; frame: Uint8Array }) =>
          this.#sessions.deliver(session, frame),
      },
    });
    broker.onEvent({
      publication: (channel, publication, position) => void hub.deliver(channel, publication, position),
      join: (channel, info) => hub.deliverPresence('join', channel, info),
      leave: (channel, info) => hub.deliverPresence('leave', channel, info),
      control: (message) => this.#cluster.receive(message),
      gap: (channel) => hub.gap(channel),
    });
    this.#apiKeys = new ApiKeys({ keys: config.api.keys, development: config.mode === 'development', clock, logger });
    this.#prometheus = new Prometheus({ metrics, gauges: () => this.#gauges(), version });
    const listeners = options.listen === false ? undefined : this.#createListeners(config, clock, logger);
    this.#public = listeners?.public;
    this.#internal = listeners?.internal;
    this.#components = [
      broker,
      presence,
      events,
      this.#cluster,
      new PositionCheck({ hub, broker, clock, logger, intervalMs: () => this.#core.config.timeouts.positionCheck }),
      this.#prometheus,
      { name: 'heartbeat', start: async () => heartbeat.start(), stop: async () => heartbeat.stop() },
      ...[this.#internal, this.#public].filter((listener) => listener !== undefined),
    ];
  }

  get address(): Address | undefined {
    return this.#addressOf(this.#public);
  }

  get internalAddress(): Address | undefined {
    return this.#addressOf(this.#internal);
  }

  readonly accept: Accept = (socket: Socket): SocketEvents => {
    const { limits } = this.#context;
    const refuse = (reason: { code: number; reason: string }): SocketEvents => {
      socket.close(reason);
      this.metrics.connectionsClosed.add(reason.code);
      return { message: () => {}, closed: () => {} };
    };
    if (this.#state !== 'running') return refuse(closeCodes.shutdown);
    if (!limits.admitAddress(socket.handshake.address)) {
      this.#core.logger.info(
        { address: socket.handshake.address, code: closeCodes.connectionLimit.code },
        'too many connections',
      );
      return refuse(closeCodes.connectionLimit);
    }
    return new Connection(this.#context, socket);
  };

  publish(
    channel: string,
    value: unknown,
    options: Omit<ApiPublishRequest, 'channel' | 'data'> = {},
  ): Promise<ApiPublishResult> {
    return this.api.publish({ ...options, channel, data: jsonPayload(value) });
  }

  async start(): Promise<void> {
    if (this.#state !== 'created') throw new Error(`the engine is ${this.#state}; make a new one`);
    this.#startedMs = this.#core.clock.now();
    this.#state = 'running';
    try {
      await startAll(this.#components);
    } catch (error) {
      this.#state = 'stopped';
      this.#httpHooks.stop();
      this.#authenticator?.stop();
      throw error;
    }
  }

  async drain(): Promise<void> {
    if (this.#state !== 'running') return;
    this.#state = 'draining';
    const { clock, config, logger, clients } = this.#core;
    logger.info({ connections: clients.size }, 'draining');
    const until = new AbortController();
    const timer = clock.setTimeout(() => until.abort(), config.shutdown.timeout);
    const listeners: Component[] = [this.#public, this.#internal].filter((listener) => listener !== undefined);
    // The public listener first: whoever is sent away must find the door closed and go elsewhere. The internal one
    // last: it says how far the drain is, and back ends may publish until the end.
    await Promise.all([this.#public?.drain(until.signal), this.#sendAway(until.signal)]);
    await drainAll(
      this.#components.filter((component) => !listeners.includes(component)),
      until.signal,
    );
    await this.#internal?.drain(until.signal);
    clock.clearTimeout(timer);
    logger.info({ connections: clients.size }, 'drained');
  }

  async stop(): Promise<void> {
    if (this.#state === 'stopped' || this.#state === 'created') return;
    this.#state = 'stopped';
    for (const client of [...this.#core.clients.all()]) client.disconnect(closeCodes.shutdown);
    this.#context.flusher.flush();
    await stopAll(this.#components);
    this.#httpHooks.stop();
    this.#authenticator?.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async reload(input: ConfigInput | Config): Promise<void> {
    const config = this.#parse(input);
    const { clock, logger, hub } = this.#core;
    const authenticator = this.#createAuthenticator(config, clock, logger);
    const httpHooks = createHttpHooks(config.hooks, { clock, logger, metrics: this.metrics });
    const channels = new ChannelRegistry(config.channels);
    await this.#public?.reloadTls();
    // From here on nothing fails: old and new are never mixed.
    const oldHooks = this.#httpHooks;
    this.#httpHooks = httpHooks;
    this.#core.config = config;
    this.#core.channels = channels;
    this.#core.authenticator = authenticator;
    const oldAuthenticator = this.#authenticator;
    this.#authenticator = authenticator;
    this.#core.hooks = { ...httpHooks, ...this.#options.hooks };
    for (const channel of hub.channels.values())
      channel.options = channels.find(channel.name)?.options ?? channel.options;
    this.#apiKeys.setKeys(config.api.keys);
    this.#context.limits.replace(config.limits);
    this.#public?.setOrigins(config.origins);
    this.#internal?.setOrigins(config.origins);
    logger.level = config.log.level;
    // Calls under way may finish; they hold what they need.
    clock.setTimeout(() => {
      oldHooks.stop();
      oldAuthenticator?.stop();
    }, config.shutdown.timeout);
    logger.info('configuration reloaded');
  }

  #parse(input: ConfigInput | Config): Config {
    const hooks = new Set(Object.keys(this.#options.hooks ?? {}) as HookName[]);
    return parseConfig(input as ConfigInput, { hooks }).config;
  }

  #createAuthenticator(config: Config, clock: Clock, logger: Logger): JwtAuthenticator | undefined {
    const { jwt, subscriptionJwt } = config.auth;
    if (!jwt && !subscriptionJwt) return undefined;
    return new JwtAuthenticator({
      connection: jwt,
      subscription: subscriptionJwt,
      clock,
      logger,
      metrics: this.metrics,
    });
  }

  #createEvents(config: Config, clock: Clock, logger: Logger): EventSink {
    const { metrics, nodeId } = this;
    const { onEvent } = this.#options;
    if (onEvent)
      return new FunctionEvents({ handler: onEvent, nodeId, clock, logger, metrics, types: config.events.types });
    if (!config.events.url) return noEvents;
    return new WebhookEvents({ config: config.events, dataDir: config.dataDir, nodeId, clock, logger, metrics });
  }

  #createListeners(
    config: Config,
    clock: Clock,
    logger: Logger,
  ): { public: HttpServer; internal: HttpServer | undefined } {
    const { metrics } = this;
    const { accept } = this;
    const shared = {
      accept,
      sessions: this.#sessions,
      limits: config.limits,
      clock,
      logger,
      forwardHeaders: config.transports.forwardHeaders,
    };
    const websocket = new WebsocketTransport({
      accept,
      maxMessageBytes: config.limits.messageSize,
      compression: config.transports.compression,
      forwardHeaders: config.transports.forwardHeaders,
      clock,
      pingIntervalMs: config.ping.interval,
      pongTimeoutMs: config.ping.pongTimeout,
      bidirectional: config.transports.websocket,
      unidirectional: config.transports.uniWebsocket,
    });
    const { transports } = config;
    const clientRoutes: HttpRoute[] = [
      ...(transports.httpStream ? httpStreamRoutes(shared) : []),
      ...(transports.uniHttpStream ? uniHttpStreamRoutes(shared) : []),
      ...(transports.sse ? sseRoutes(shared) : []),
      ...(transports.uniSse ? uniSseRoutes(shared) : []),
      ...(transports.longPoll ? longPollRoutes(shared) : []),
      ...emulationRoutes({
        nodeId: this.nodeId,
        sessions: this.#sessions,
        limits: config.limits,
        forward: (nodeId, session, frame) => this.#forward(nodeId, session, frame),
      }),
      ...(this.#options.routes ?? []),
    ];
    const health = healthRoutes({ ready: () => this.#ready() });
    const serverRoutes: HttpRoute[] = [
      ...apiRoutes({ api: this.api, keys: this.#apiKeys, metrics, logger }),
      ...openApiRoutes(version),
      ...health,
    ];
    // Metrics tell more than the public should know: there they need a key, except in development.
    const metricRoutes = (open: boolean): HttpRoute[] =>
      config.metrics.enabled
        ? metricsRoutes({
            prometheus: this.#prometheus,
            access: open ? { type: 'open' } : { type: 'key', keys: this.#apiKeys },
          })
        : [];
    const base = {
      trustProxy: config.listen.trustProxy,
      origins: config.origins,
      development: config.mode === 'development',
      handshakeTimeoutMs: config.timeouts.handshake,
      clock,
      logger,
      metrics,
    };
    const { internal } = config;
    return {
      public: new HttpServer({
        ...base,
        name: 'public listener',
        host: config.listen.host,
        port: config.listen.port,
        tls: config.listen.tls,
        routes: [
          ...clientRoutes,
          ...(internal ? health : [...serverRoutes, ...metricRoutes(config.mode === 'development')]),
        ],
        upgrades: [...websocket.upgrades],
      }),
      internal:
        internal &&
        new HttpServer({
          ...base,
          name: 'internal listener',
          host: internal.host,
          port: internal.port,
          routes: [...serverRoutes, ...metricRoutes(true)],
          upgrades: [],
        }),
    };
  }

  /** Tells clients to reconnect, a few at a time, so that they do not all arrive elsewhere at once. */
  async #sendAway(until: AbortSignal): Promise<void> {
    const { clients, clock, config } = this.#core;
    const waiting = [...clients.all()];
    const steps = Math.max(1, Math.floor(config.shutdown.spread / drainStepMs));
    const perStep = Math.max(1, Math.ceil(waiting.length / steps));
    while (waiting.length > 0) {
      const share = until.aborted ? waiting.splice(0) : waiting.splice(0, perStep);
      for (const client of share) client.disconnect(closeCodes.shutdown);
      if (waiting.length > 0) await new Promise<void>((resolve) => clock.setTimeout(resolve, drainStepMs));
    }
    this.#context.flusher.flush();
  }

  async #forward(nodeId: string, session: string, frame: Uint8Array): Promise<boolean> {
    try {
      return (await this.#cluster.call(nodeId, 'emulation', { session, frame })) === true;
    } catch (error) {
      if (error instanceof NoSuchNodeError) return false;
      throw error;
    }
  }

  #channelEvent(type: 'occupied' | 'vacated', channel: string): void {
    if (this.#core.channels.find(channel)?.options.events) this.#core.events.emit({ type, channel });
  }

  #ready(): { ok: boolean; reasons: string[] } {
    return this.#state === 'running'
      ? { ok: true, reasons: [] }
      : { ok: false, reasons: [`the node is ${this.#state}`] };
  }

  #gauges(): Gauges {
    const { clients, hub } = this.#core;
    return {
      connections: Object.fromEntries(clients.countByTransport),
      users: clients.userCount,
      subscriptions: hub.subscriptionCount,
      channels: hub.channelCount,
      sessions: this.#sessions.size,
    };
  }

  #nodeInfo() {
    const { clients, hub, clock, config } = this.#core;
    return {
      uid: this.nodeId,
      name: config.node.name ?? this.nodeId.slice(0, 8),
      version,
      clients: clients.size,
      users: clients.userCount,
      subscriptions: hub.subscriptionCount,
      channels: hub.channelCount,
      uptime: Math.floor((clock.now() - this.#startedMs) / 1000),
    };
  }

  #addressOf(listener: HttpServer | undefined): Address | undefined {
    const bound = listener?.address;
    return bound && { ...bound, tls: listener === this.#public && this.#core.config.listen.tls !== undefined };
  }
}
