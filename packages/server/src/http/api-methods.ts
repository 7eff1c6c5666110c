/**
 * The methods of the server API in one table: schema of the request, call, schema of the result, and what the
 * reference page says. Routes, validation and OpenAPI are made from it.
 */
import type { z } from 'zod';
import { fieldNames } from '../lib/describe-issues.ts';
import * as requests from './api-schema.ts';
import * as results from './api-results.ts';
import type { ServerApi } from './server-api.ts';

export interface ApiMethod {
  readonly name: string;
  readonly summary: string;
  readonly request: z.ZodType;
  readonly result: z.ZodType;
  /** Names of the request's fields on the wire. */
  readonly fields: readonly string[];
  /** Fields that hold any JSON value, kept as written. */
  readonly payloads: readonly string[];
  /** A valid request. */
  readonly example: unknown;
  /** Calls the API with a validated request; resolves to the result as it stands on the wire. */
  call(api: ServerApi, request: unknown): Promise<unknown>;
}

interface Definition<Request extends z.ZodType, Result extends z.ZodType> {
  readonly name: string;
  readonly summary: string;
  readonly request: Request;
  readonly result: Result;
  readonly payloads?: readonly string[];
  readonly example: z.input<Request> | Record<string, unknown>;
  call(api: ServerApi, request: z.output<Request>): Promise<z.input<Result>>;
}

/** Checks that call, request and result fit each other, then forgets their types: the table is used as a whole. */
function method<Request extends z.ZodType, Result extends z.ZodType>(
  definition: Definition<Request, Result>,
): ApiMethod {
  return {
    ...definition,
    fields: fieldNames(definition.request),
    payloads: definition.payloads ?? [],
    call: (api, request) => definition.call(api, request as z.output<Request>),
  };
}

const empty = async (call: Promise<void>): Promise<Record<string, never>> => {
  await call;
  return {};
};

const list: readonly ApiMethod[] = [
  method({
    name: 'publish',
    summary: 'Publishes to a channel.',
    request: requests.publishRequest,
    result: results.publishResult,
    payloads: ['data'],
    example: { channel: 'chat:lobby', data: { text: 'hello' } },
    call: (api, request) => api.publish(request),
  }),
  method({
    name: 'broadcast',
    summary: 'Publishes the same to many channels.',
    request: requests.broadcastRequest,
    result: results.broadcastResult,
    payloads: ['data'],
    example: { channels: ['user:1', 'user:2'], data: { text: 'hello' } },
    call: async (api, request) => ({ responses: [...(await api.broadcast(request)).responses] }),
  }),
  method({
    name: 'subscribe',
    summary: 'Subscribes connections of a user to a channel, from the server side.',
    request: requests.subscribeRequest,
    result: results.emptyResult,
    payloads: ['data', 'info'],
    example: { channel: 'chat:lobby', user: '42' },
    call: (api, request) => empty(api.subscribe(request)),
  }),
  method({
    name: 'unsubscribe',
    summary: 'Ends subscriptions of a user to a channel.',
    request: requests.unsubscribeRequest,
    result: results.emptyResult,
    example: { channel: 'chat:lobby', user: '42' },
    call: (api, request) => empty(api.unsubscribe(request)),
  }),
  method({
    name: 'disconnect',
    summary: 'Closes connections of a user.',
    request: requests.disconnectRequest,
    result: results.emptyResult,
    example: { user: '42', disconnect: { code: 3503, reason: 'force disconnect' } },
    call: (api, request) => empty(api.disconnect(request)),
  }),
  method({
    name: 'refresh',
    summary: 'Changes when connections of a user expire.',
    request: requests.refreshRequest,
    result: results.emptyResult,
    payloads: ['info'],
    example: { user: '42', expire_at: 1_900_000_000 },
    call: (api, request) => empty(api.refresh(request)),
  }),
  method({
    name: 'presence',
    summary: 'Lists who is subscribed to a channel.',
    request: requests.channelRequest,
    result: results.presenceResult,
    example: { channel: 'chat:lobby' },
    call: async (api, request) => ({ presence: { ...(await api.presence(request)).presence } }),
  }),
  method({
    name: 'presence_stats',
    summary: 'Counts who is subscribed to a channel.',
    request: requests.channelRequest,
    result: results.presenceStatsResult,
    example: { channel: 'chat:lobby' },
    call: async (api, request) => {
      const { clients, users } = await api.presenceStats(request);
      return { num_clients: clients, num_users: users };
    },
  }),
  method({
    name: 'history',
    summary: 'Reads the history of a channel.',
    request: requests.historyRequest,
    result: results.historyResult,
    example: { channel: 'chat:lobby', limit: 10, reverse: true },
    call: async (api, request) => {
      const { publications, epoch, offset } = await api.history(request);
      return {
        publications: publications.map(({ data, info, offset: at, tags }) => ({ data, info, offset: at, tags })),
        epoch,
        offset,
      };
    },
  }),
  method({
    name: 'history_remove',
    summary: 'Removes the history of a channel; its position stays.',
    request: requests.channelRequest,
    result: results.emptyResult,
    example: { channel: 'chat:lobby' },
    call: (api, request) => empty(api.historyRemove(request)),
  }),
  method({
    name: 'channels',
    summary: 'Lists channels that have subscribers, over all nodes.',
    request: requests.channelsRequest,
    result: results.channelsResult,
    example: { pattern: 'chat:*' },
    call: async (api, request) => {
      const { channels } = await api.channels(request);
      const entries = Object.entries(channels).map(([name, { clients }]) => [name, { num_clients: clients }] as const);
      return { channels: Object.fromEntries(entries) };
    },
  }),
  method({
    name: 'info',
    summary: 'Lists the nodes that are running.',
    request: requests.infoRequest,
    result: results.infoResult,
    example: {},
    call: async (api) => ({
      nodes: (await api.info()).nodes.map((node) => ({
        uid: node.id,
        name: node.name,
        version: node.version,
        num_clients: node.clients,
        num_users: node.users,
        num_subs: node.subscriptions,
        num_channels: node.channels,
        uptime: Math.floor(node.uptimeSeconds),
        process: node.process && { ...node.process },
      })),
    }),
  }),
  method({
    name: 'relation_add',
    summary: 'Adds facts to a relation that rules ask, and asks the rules again that rest on them.',
    request: requests.relationFactsRequest,
    result: results.relationChangeResult,
    example: { relation: 'member', facts: [['group-1', '42']] },
    call: (api, request) => api.relationAdd(request),
  }),
  method({
    name: 'relation_remove',
    summary: 'Removes facts from a relation; subscriptions that rules no longer allow end at once.',
    request: requests.relationFactsRequest,
    result: results.relationChangeResult,
    example: { relation: 'member', facts: [['group-1', '42']] },
    call: (api, request) => api.relationRemove(request),
  }),
  method({
    name: 'relation_list',
    summary: 'Lists facts of a relation, in pages.',
    request: requests.relationListRequest,
    result: results.relationListResult,
    example: { relation: 'member', limit: 100 },
    call: async (api, request) => {
      const { facts, next } = await api.relationList(request);
      return { facts: facts.map((fact) => fact.map((arg) => (typeof arg === 'bigint' ? Number(arg) : arg))), next };
    },
  }),
  method({
    name: 'event_dead_letters',
    summary: 'Lists events to the application that were given up, the oldest first, in pages.',
    request: requests.eventDeadLettersRequest,
    result: results.eventDeadLettersResult,
    example: { limit: 100 },
    call: async (api, request) => {
      const { letters, next } = await api.eventDeadLetters(request);
      const events = letters.map(({ diedAtMs, ...letter }) => ({ ...letter, died_at: diedAtMs }));
      return { events, next };
    },
  }),
  method({
    name: 'event_retry',
    summary: 'Has dead letters delivered again.',
    request: requests.eventChoiceRequest,
    result: results.eventRetryResult,
    example: { all: true },
    call: async (api, request) => ({ retried: await api.eventRetry(request) }),
  }),
  method({
    name: 'event_drop',
    summary: 'Forgets dead letters for good.',
    request: requests.eventChoiceRequest,
    result: results.eventDropResult,
    example: { ids: ['adcc0ab2-376a-4b42-9854-4f7dc7c4a9da'] },
    call: async (api, request) => ({ dropped: await api.eventDrop(request) }),
  }),
  method({
    name: 'rpc',
    summary: 'Calls a method that the application added to the server API.',
    request: requests.rpcRequest,
    result: results.rpcResult,
    payloads: ['params'],
    example: { method: 'rename', params: { name: 'new name' } },
    call: async (api, request) => ({ data: (await api.rpc(request)).data }),
  }),
];

export const apiMethods: ReadonlyMap<string, ApiMethod> = new Map(list.map((entry) => [entry.name, entry]));

/** A batch is made of the others; `api-executor.ts` takes it apart. */
export const batchMethodName = 'batch';

/** In the order of the reference page. */
export const apiMethodNames: readonly string[] = [...apiMethods.keys(), batchMethodName];
