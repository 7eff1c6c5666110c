/**
 * What the application may ask of the engine: over HTTP (`api-routes.ts`), or as functions of an embedded engine.
 * Requests are typed by the schemas of `api-schema.ts`.
 */
import type { ClientInfo, ErrorMessage, Payload, Publication } from '@tidings/protocol';
import type { z } from 'zod';
import type * as schema from './api-schema.ts';

export type ApiPublishRequest = z.output<typeof schema.publishRequest>;
export type ApiBroadcastRequest = z.output<typeof schema.broadcastRequest>;
export type ApiSubscribeRequest = z.output<typeof schema.subscribeRequest>;
export type ApiUnsubscribeRequest = z.output<typeof schema.unsubscribeRequest>;
export type ApiDisconnectRequest = z.output<typeof schema.disconnectRequest>;
export type ApiRefreshRequest = z.output<typeof schema.refreshRequest>;
export type ApiChannelRequest = z.output<typeof schema.channelRequest>;
export type ApiHistoryRequest = z.output<typeof schema.historyRequest>;
export type ApiChannelsRequest = z.output<typeof schema.channelsRequest>;
export type ApiRelationFactsRequest = z.output<typeof schema.relationFactsRequest>;
export type ApiRelationListRequest = z.output<typeof schema.relationListRequest>;
export type ApiEventDeadLettersRequest = z.output<typeof schema.eventDeadLettersRequest>;
export type ApiEventChoiceRequest = z.output<typeof schema.eventChoiceRequest>;
export type ApiRpcRequest = z.output<typeof schema.rpcRequest>;

/** Position of the publication; empty without history. */
export interface ApiPublishResult {
  readonly offset?: number | undefined;
  readonly epoch?: string | undefined;
}
export interface ApiBroadcastResult {
  /** One for each channel, in order. */
  readonly responses: readonly ({ readonly result: ApiPublishResult } | { readonly error: ErrorMessage })[];
}
export interface ApiPresenceResult {
  /** By client id. */
  readonly presence: Readonly<Record<string, ClientInfo>>;
}
export interface ApiPresenceStatsResult {
  readonly clients: number;
  readonly users: number;
}
export interface ApiHistoryResult {
  readonly publications: readonly Publication[];
  /** Top of the stream. */
  readonly offset: number;
  readonly epoch: string;
}
export interface ApiChannelsResult {
  /** By channel. */
  readonly channels: Readonly<Record<string, { readonly clients: number }>>;
}
export interface ApiNode {
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly clients: number;
  readonly users: number;
  readonly subscriptions: number;
  readonly channels: number;
  readonly uptimeSeconds: number;
  /** `cpu` in percent of one core, `rss` in bytes. */
  readonly process?: { readonly cpu: number; readonly rss: number } | undefined;
}
export interface ApiInfoResult {
  readonly nodes: readonly ApiNode[];
}
export interface ApiRelationChangeResult {
  /** Facts that were not there before, or that were there. */
  readonly changed: number;
}
export interface ApiRelationListResult {
  /** In no order that means anything. */
  readonly facts: readonly (readonly (string | number | bigint | boolean)[])[];
  /** For the request of the next page; absent on the last one. */
  readonly next?: string | undefined;
}
/** An event to the application that was given up. */
export interface ApiDeadLetter {
  readonly id: string;
  readonly subject: string;
  readonly attempts: number;
  readonly problem: string;
  readonly diedAtMs: number;
  /** As it was to be delivered. */
  readonly event: Payload;
}
export interface ApiEventDeadLettersResult {
  /** The oldest first. */
  readonly letters: readonly ApiDeadLetter[];
  /** For the request of the next page; absent on the last one. */
  readonly next?: string | undefined;
}
export interface ApiRpcResult {
  readonly data?: Payload | undefined;
}

/**
 * Law: a method resolves when what it promises is done on every node, or throws `ProtocolError`, whose code and words
 * the caller gets. Anything else thrown is an internal error (100) and one line in the log. Payloads are JSON text as
 * bytes (`jsonPayload` makes them), or any bytes on channels with binary payloads. `broadcast` reports failures per
 * channel and throws only if it could not begin. Who is not connected, or not subscribed, is no error.
 */
export interface ServerApi {
  publish(request: ApiPublishRequest): Promise<ApiPublishResult>;
  broadcast(request: ApiBroadcastRequest): Promise<ApiBroadcastResult>;
  subscribe(request: ApiSubscribeRequest): Promise<void>;
  unsubscribe(request: ApiUnsubscribeRequest): Promise<void>;
  disconnect(request: ApiDisconnectRequest): Promise<void>;
  refresh(request: ApiRefreshRequest): Promise<void>;
  presence(request: ApiChannelRequest): Promise<ApiPresenceResult>;
  presenceStats(request: ApiChannelRequest): Promise<ApiPresenceStatsResult>;
  /** Without `limit`, or with 0: only the top position. */
  history(request: ApiHistoryRequest): Promise<ApiHistoryResult>;
  historyRemove(request: ApiChannelRequest): Promise<void>;
  channels(request: ApiChannelsRequest): Promise<ApiChannelsResult>;
  info(): Promise<ApiInfoResult>;
  /** Adds facts to a relation `from: api`: all or none. This node knows them when it resolves, others a moment later. */
  relationAdd(request: ApiRelationFactsRequest): Promise<ApiRelationChangeResult>;
  relationRemove(request: ApiRelationFactsRequest): Promise<ApiRelationChangeResult>;
  relationList(request: ApiRelationListRequest): Promise<ApiRelationListResult>;
  /** Over all nodes, like the two that follow. */
  eventDeadLetters(request: ApiEventDeadLettersRequest): Promise<ApiEventDeadLettersResult>;
  /** @returns how many there were. */
  eventRetry(request: ApiEventChoiceRequest): Promise<number>;
  /** @returns how many there were. */
  eventDrop(request: ApiEventChoiceRequest): Promise<number>;
  rpc(request: ApiRpcRequest): Promise<ApiRpcResult>;
}
