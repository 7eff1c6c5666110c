/**
 * The composition root: the only file that knows implementations. Builds an engine from a configuration, starts it,
 * reloads it and brings it down gently.
 */
import { join } from 'node:path';
import { closeCodes } from '@tidings/protocol';
import type { Authorizer } from './auth/authorizer.ts';
import type { Hooks } from './auth/hooks.ts';
import { createHttpHooks, type HttpHooks } from './auth/http-hooks.ts';
import { JwtAuthenticator } from './auth/jwt.ts';
import type { Broker } from './brokers/broker.ts';
import { MemoryBroker } from './brokers/memory.ts';
import { historyOf } from './channel-owner.ts';
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
import { createListeners } from './engine-listeners.ts';
import { EngineModules } from './engine-modules.ts';
import { EngineRules, needsStore } from './engine-rules.ts';
import { storeComponent } from './engine-store.ts';
import type { EventSink } from './events/event-sink.ts';
import { FunctionEvents, type DeliveredEvent } from './events/function-events.ts';
import { noEvents } from './events/no-events.ts';
import { WebhookEvents } from './events/webhook-events.ts';
import { ApiKeys } from './http/api-keys.ts';
import type { HttpServer } from './http/http-server.ts';
import { jsonPayload } from './http/json-payload.ts';
import { Prometheus, type Gauges } from './http/prometheus.ts';
import type { HttpRoute } from './http/route.ts';
import type { ApiPublishRequest, ApiPublishResult, ServerApi } from './http/server-api.ts';
import { Hub } from './hub/hub.ts';
import { Interest } from './hub/interest.ts';
import { PositionCheck } from './hub/position-check.ts';
import { systemClock, type Clock } from './lib/clock.ts';
import { createLogger, type Logger } from './lib/logger.ts';
import { Metrics } from './lib/metrics.ts';
import { createChatModule } from './modules/chat/chat-module.ts';
import type { ReviewMessage } from './modules/chat/moderation-hook.ts';
import type { ModuleFactory } from './modules/module.ts';
import { Permissions } from './permissions.ts';
import { MemoryPresenceStore } from './presence/memory.ts';
import type { PresenceStore } from './presence/presence-store.ts';
import type { RelationFunction } from './rules/relations/function.ts';
import { relationMigrations } from './rules/relations/migrations.ts';
import { createStore } from './stores/create-store.ts';
import type { Store } from './stores/store.ts';
import { SessionRegistry } from './transports/sessions.ts';
import type { Accept, Socket, SocketEvents } from './transports/transport.ts';
import { version } from './version.ts';

export interface EngineOptions {
  /** As a person writes it, or as `loadConfig` returned it. */
  readonly config: ConfigInput | Config;
  /** Questions to the application as functions; each replaces the HTTP hook of its name. */
  readonly hooks?: Hooks;
  /** Decides what clients may do, in place of the `allow` options of channels; who is shown and given what, they still say. */
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
  /** Answers for relations `from: function`, by name. */
  readonly relations?: Readonly<Record<string, RelationFunction>>;
  /** The database; default: what `store` of the configuration says, opened if something is kept there. */
  readonly store?: Store;
  /** Looks at every chat message before it is stored, in place of `chat.moderation.hook`. */
  readonly reviewMessage?: ReviewMessage;
  /** Features of your own on top of the engine, beside those that the configuration switches on. */
  readonly modules?: readonly ModuleFactory[];
  /** false: no listener is opened; clients come by `accept`. */
  readonly listen?: boolean;
}

export interface Address {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
}

/** A fact of a relation: a value for each of its parameters, in order. */
export type RelationFact = readonly (string | number | bigint | boolean)[];

/** What an embedding program does with relations. Each throws `ProtocolError` 107 for what is no such relation or fact. */
export interface EngineRelations {
  /** Adds facts to a relation `from: api`. @returns how many were not there before. */
  add(relation: string, facts: readonly RelationFact[]): Promise<number>;
  /** Removes facts from a relation `from: api`. @returns how many were there. */
  remove(relation: string, facts: readonly RelationFact[]): Promise<number>;
  /**
   * Says that what a function answered is no longer true: it is asked again, on every node, and subscriptions that its
   * answer no longer allows end.
   * @param fact without it, every answer.
   */
  invalidate(relation: string, fact?: RelationFact): Promise<void>;
}

/** A real-time engine in this process. */
export interface Engine {
  /** The server API as functions. */
  readonly api: ServerApi;
  readonly relations: EngineRelations;
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
  /**
   * Runs a command of a module, such as `chat.send`, as `POST /api/chat/send` does.
   * @param options.as id of the user who acts, with that user's permissions; without it the program itself, which may do
   * everything.
   * @throws ProtocolError
   */
  call(command: string, input: unknown, options?: { readonly as?: string }): Promise<unknown>;
  /** @throws if a listener cannot be opened or a component does not start; nothing is left running. */
  start(): Promise<void>;
  /** Stops accepting, asks clients to reconnect elsewhere spread over time, flushes; ends within `shutdown.timeout`. */
  drain(): Promise<void>;
  stop(): Promise<void>;
  /**
   * Takes over a new configuration without dropping anybody: channels, secrets, limits, origins, hooks, TLS files.
   * Listeners, transports, events, chat, the database and the data folder need a restart.
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
  readonly relations: EngineRelations;
  readonly metrics = new Metrics();
  readonly nodeId: string;
  readonly #options: EngineOptions;
  readonly #core: Mutable<Core>;
  readonly #rules: EngineRules;
  readonly #modules: EngineModules;
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
    const isModular = config.chat.enabled || (options.modules ?? []).length > 0;
    const store =
      options.store ?? (isModular || needsStore(config) ? createStore(config, { clock, logger }) : undefined);
    this.#rules = new EngineRules({
      config,
      functions: options.relations,
      store,
      actionsElsewhere: options.authorizer !== undefined,
      clock,
      logger,
      metrics,
    });
    const rules = this.#rules.authorizer;
    this.#modules = new EngineModules({
      factories: [
        ...(config.chat.enabled
          ? [
              createChatModule(config.chat, {
                auth: this.#rules.auth,
                hooks: config.hooks,
                ...(options.reviewMessage && { reviewMessage: options.reviewMessage }),
              }),
            ]
          : []),
        ...(options.modules ?? []),
      ],
      config,
      store,
      clock,
      logger,
      nodeId: this.nodeId,
      presence,
      metrics,
      core: () => this.#core,
      cluster: () => this.#cluster,
    });
    const modules = this.#modules;
    const core: Omit<Core, 'permissions'> = {
      config,
      channels: new ChannelRegistry(config.channels, modules.patterns),
      owners: modules.owners,
      commands: modules.commands,
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
      authorizer: options.authorizer ?? rules,
      rules,
      hooks: { ...this.#httpHooks, ...options.hooks },
      events,
    };
    this.#core = Object.assign(core, { permissions: new Permissions(() => this.#core, rules) });
    const heartbeat = new Heartbeat(clock, { logger });
    this.#context = {
      core: this.#core,
      flusher: new Flusher(metrics),
      heartbeat,
      limits: new ConnectionLimits(config.limits),
    };
    const { facts } = this.#rules;
    this.api = new EngineApi({ core: this.#core, cluster: () => this.#cluster, facts, rpc: options.onApiRpc });
    this.relations = {
      add: (relation, added) => facts.add(relation, added),
      remove: (relation, removed) => facts.remove(relation, removed),
      invalidate: (relation, fact) => this.api.relationInvalidate(relation, fact),
    };
    this.#cluster = new Cluster({
      broker,
      clock,
      logger,
      self: () => this.#nodeInfo(),
      methods: {
        ...this.api.clusterMethods,
        ...modules.clusterMethods,
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
    const listeners =
      options.listen === false
        ? undefined
        : createListeners({
            config,
            core: this.#core,
            accept: this.accept,
            sessions: this.#sessions,
            api: this.api,
            modules,
            apiKeys: this.#apiKeys,
            prometheus: this.#prometheus,
            forward: (nodeId, session, frame) => this.#forward(nodeId, session, frame),
            ready: () => this.#ready(),
            routes: options.routes ?? [],
          });
    this.#public = listeners?.public;
    this.#internal = listeners?.internal;
    this.#components = [
      broker,
      presence,
      events,
      ...(store ? [storeComponent(store, config, [relationMigrations, ...modules.migrations])] : []),
      ...this.#rules.components,
      this.#core.permissions,
      this.#cluster,
      ...modules.components,
      new PositionCheck({
        hub,
        historyOf: (channel) => historyOf(this.#core, channel),
        clock,
        logger,
        intervalMs: () => this.#core.config.timeouts.positionCheck,
      }),
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

  async call(command: string, input: unknown, { as: user }: { readonly as?: string } = {}): Promise<unknown> {
    const { commands, rules } = this.#core;
    const auth = rules.authRecord(user ?? '', undefined).record;
    return commands.run(command, { user: user ?? '', system: user === undefined, client: undefined, auth }, input);
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
    // Modules before what they hand their events to.
    await drainAll(this.#components.filter((component) => !listeners.includes(component)).toReversed(), until.signal);
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
    const { clock, logger, hub, permissions } = this.#core;
    const authenticator = this.#createAuthenticator(config, clock, logger);
    const httpHooks = createHttpHooks(config.hooks, { clock, logger, metrics: this.metrics });
    const channels = new ChannelRegistry(config.channels, this.#modules.patterns);
    await this.#public?.reloadTls();
    permissions.hold();
    const rules = await this.#rules.reload(config).catch((error: unknown) => {
      permissions.reloaded(false);
      throw error;
    });
    // From here on nothing fails: old and new are never mixed.
    rules.commit();
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
    permissions.reloaded(true);
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
      return new FunctionEvents({
        handler: onEvent,
        nodeId,
        clock,
        logger,
        metrics,
        types: config.events.types,
        deadLetters: { file: join(config.dataDir, 'events.sqlite'), maxAttempts: config.events.maxAttempts },
      });
    if (!config.events.url) return noEvents;
    return new WebhookEvents({ config: config.events, dataDir: config.dataDir, nodeId, clock, logger, metrics });
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
