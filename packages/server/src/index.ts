/** Public exports of `@tidings/server`: an engine to embed, its configuration, and the seams to extend it. */
export {
  createEngine,
  type Address,
  type Engine,
  type EngineOptions,
  type EngineRelations,
  type RelationFact,
} from './engine.ts';
export type { Action, Actor, Authorizer, AuthRecord, Decision, Resource } from './auth/authorizer.ts';
export type * from './auth/hooks.ts';
export { migrationSets } from './engine-store.ts';
export { exportUser, type ExportPage, type ExportRecord } from './modules/chat/export-user.ts';
export { filesIn } from './modules/chat/import/files-in.ts';
export { importChat, ImportError, type ImportCounts, type ImportOptions } from './modules/chat/import/import-chat.ts';
export type { ImportFile, ReadImportFile } from './modules/chat/import/store-files.ts';
export type { ModerationAnswer, ModerationQuestion, ReviewMessage } from './modules/chat/moderation-hook.ts';
export type { ChatTables } from './modules/chat/tables.ts';
export type * from './modules/module.ts';
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
export { nearest } from './lib/nearest.ts';
export { parseConfig } from './config/parse.ts';
export type { ChannelOptions, Config, ConfigInput } from './config/schema.ts';
export { formatDuration, formatSize, parseDurationMs } from './config/units.ts';
export type { DeliveredEvent, DeliveredModuleEvent } from './events/function-events.ts';
export type { LifecycleEvent } from './events/event-sink.ts';
export { readBody } from './http/body.ts';
export { HttpError } from './http/http-error.ts';
export { jsonPayload } from './http/json-payload.ts';
export { isLocalRequest } from './http/local-request.ts';
export type { HttpExchange, HttpRoute } from './http/route.ts';
export type * from './http/server-api.ts';
export { staticRoutes, type StaticRoutesOptions } from './http/static-routes.ts';
export { systemClock, type Clock } from './lib/clock.ts';
export { createLogger, type Logger } from './lib/logger.ts';
export type { PresenceStore } from './presence/presence-store.ts';
export { MemoryPresenceStore } from './presence/memory.ts';
export { authRecord } from './rules/auth-record.ts';
export { countCoverage, coveragePercent, type CoverageCount, type CoveredCondition } from './rules/coverage.ts';
export { explain, formatValue as formatRuleValue, reasonOf, type Explanation } from './rules/explain.ts';
export { formatRule } from './rules/format.ts';
export { factProblem, GivenFacts } from './rules/given-facts.ts';
export {
  parseRuleTime,
  Rehearsal,
  ruleActions,
  type RuleAction,
  type RuleAnswer,
  type RuleQuestion,
} from './rules/rehearsal.ts';
export type { RelationFunction } from './rules/relations/function.ts';
export {
  rulesOf,
  runRuleTests,
  type ExpectationResult,
  type ListedRule,
  type RuleCoverageResult,
  type RuleTestReport,
  type RuleTestResult,
} from './rules/rule-tests.ts';
export { usageOf, type RuleUsage } from './rules/rule-usage.ts';
export { compileRuleset, type Rule, type Ruleset } from './rules/ruleset.ts';
export { childrenOf, type Span as RuleSpan, type TypedExpr } from './rules/syntax.ts';
export { formatType } from './rules/types.ts';
export { Failure, type Value } from './rules/value.ts';
export { createStore } from './stores/create-store.ts';
export * from './stores/store.ts';
export type { Accept, Handshake, Socket, SocketEvents } from './transports/transport.ts';
export { version } from './version.ts';
