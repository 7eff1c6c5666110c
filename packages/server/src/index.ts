/** Public exports of `@tidings/server`: an engine to embed, its configuration, and the seams to extend it. */
export { createEngine, type Address, type Engine, type EngineOptions } from './engine.ts';
export type { Actor, Action, Authorizer, Decision, Resource } from './auth/authorizer.ts';
export type * from './auth/hooks.ts';
export { HookDisconnect } from './auth/hooks.ts';
export type { Identity, SubscriptionGrant } from './auth/identity.ts';
export { verifySignature } from './lib/signature.ts';
export type * from './brokers/broker.ts';
export { MemoryBroker, MemoryBus } from './brokers/memory.ts';
export type { Component } from './component.ts';
export {
  ConfigError,
  formatProblem,
  formatWarning,
  type ConfigProblem,
  type ConfigWarning,
} from './config/config-error.ts';
export { configTree, describeConfig, formatValue, type ConfigKey, type ConfigNode } from './config/describe.ts';
export { developmentConfig } from './config/development.ts';
export { loadConfig, type LoadConfigOptions, type LoadedConfig } from './config/load.ts';
export { nearest } from './config/nearest.ts';
export { parseConfig } from './config/parse.ts';
export type { ChannelOptions, Config, ConfigInput } from './config/schema.ts';
export { formatDuration, formatSize, parseDurationMs } from './config/units.ts';
export type { DeliveredEvent } from './events/function-events.ts';
export type { LifecycleEvent } from './events/event-sink.ts';
export { jsonPayload } from './http/json-payload.ts';
export type { HttpExchange, HttpRoute } from './http/route.ts';
export type * from './http/server-api.ts';
export { staticRoutes, type StaticRoutesOptions } from './http/static-routes.ts';
export { systemClock, type Clock } from './lib/clock.ts';
export { createLogger, type Logger } from './lib/logger.ts';
export type { PresenceStore } from './presence/presence-store.ts';
export { MemoryPresenceStore } from './presence/memory.ts';
export type { Accept, Handshake, Socket, SocketEvents } from './transports/transport.ts';
export { version } from './version.ts';
