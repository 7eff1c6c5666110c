/** The part of the composition root that opens ports: which routes and transports stand on which listener. */
import type { Config } from './config/schema.ts';
import type { Core } from './core.ts';
import type { EngineModules } from './engine-modules.ts';
import type { ApiKeys } from './http/api-keys.ts';
import { apiRoutes } from './http/api-routes.ts';
import { commandRoutes } from './http/command-routes.ts';
import { healthRoutes } from './http/health-routes.ts';
import { HttpServer } from './http/http-server.ts';
import { metricsRoutes } from './http/metrics-routes.ts';
import { openApiRoutes } from './http/openapi.ts';
import type { Prometheus } from './http/prometheus.ts';
import type { HttpRoute } from './http/route.ts';
import type { ServerApi } from './http/server-api.ts';
import { emulationRoutes } from './transports/emulation.ts';
import { httpStreamRoutes, uniHttpStreamRoutes } from './transports/http-stream.ts';
import { longPollRoutes } from './transports/long-poll.ts';
import type { SessionRegistry } from './transports/sessions.ts';
import { sseRoutes, uniSseRoutes } from './transports/sse.ts';
import type { Accept } from './transports/transport.ts';
import { WebsocketTransport } from './transports/websocket.ts';
import { version } from './version.ts';

export interface ListenersOptions {
  readonly config: Config;
  readonly core: Pick<Core, 'clock' | 'logger' | 'metrics' | 'nodeId' | 'rules'>;
  readonly accept: Accept;
  readonly sessions: SessionRegistry;
  readonly api: ServerApi;
  readonly modules: Pick<EngineModules, 'commands' | 'routes'>;
  readonly apiKeys: ApiKeys;
  readonly prometheus: Prometheus;
  /** Hands a request of a session to the node that has it. */
  readonly forward: (nodeId: string, session: string, frame: Uint8Array) => Promise<boolean>;
  readonly ready: () => { readonly ok: boolean; readonly reasons: string[] };
  /** Further routes of the public listener. */
  readonly routes: readonly HttpRoute[];
}

export interface Listeners {
  readonly public: HttpServer;
  readonly internal: HttpServer | undefined;
}

/** @throws Error for two routes of one method and path. */
export function createListeners(options: ListenersOptions): Listeners {
  const { config, core, ready } = options;
  const { clock, logger, metrics } = core;
  const { websocket, clientRoutes } = clientSide(options);
  const health = healthRoutes({ ready });
  const serverRoutes = serverSide(options, health);
  // Metrics tell more than the public should know: there they need a key, except in development.
  const metricRoutes = (open: boolean): HttpRoute[] =>
    config.metrics.enabled
      ? metricsRoutes({
          prometheus: options.prometheus,
          access: open ? { type: 'open' } : { type: 'key', keys: options.apiKeys },
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

/** What clients use. */
function clientSide({ config, core, accept, sessions, forward, modules, routes }: ListenersOptions): {
  readonly websocket: WebsocketTransport;
  readonly clientRoutes: readonly HttpRoute[];
} {
  const { clock, logger, nodeId } = core;
  const { limits, transports } = config;
  const { forwardHeaders } = transports;
  const shared = { accept, sessions, limits, clock, logger, forwardHeaders };
  return {
    websocket: new WebsocketTransport({
      accept,
      maxMessageBytes: limits.messageSize,
      compression: transports.compression,
      forwardHeaders,
      clock,
      pingIntervalMs: config.ping.interval,
      pongTimeoutMs: config.ping.pongTimeout,
      bidirectional: transports.websocket,
      unidirectional: transports.uniWebsocket,
    }),
    clientRoutes: [
      ...(transports.httpStream ? httpStreamRoutes(shared) : []),
      ...(transports.uniHttpStream ? uniHttpStreamRoutes(shared) : []),
      ...(transports.sse ? sseRoutes(shared) : []),
      ...(transports.uniSse ? uniSseRoutes(shared) : []),
      ...(transports.longPoll ? longPollRoutes(shared) : []),
      ...emulationRoutes({ nodeId, sessions, limits, forward }),
      ...modules.routes,
      ...routes,
    ],
  };
}

/** What back ends and operators use. */
function serverSide(
  { core, api, apiKeys: keys, modules: { commands } }: ListenersOptions,
  health: readonly HttpRoute[],
): HttpRoute[] {
  const { logger, metrics } = core;
  return [
    ...apiRoutes({ api, keys, metrics, logger }),
    ...commandRoutes({
      commands,
      keys,
      authRecord: (user) => core.rules.authRecord(user, undefined).record,
      metrics,
      logger,
    }),
    ...openApiRoutes(
      version,
      commands.groups.flatMap((group) => group.commands),
    ),
    ...health,
  ];
}
