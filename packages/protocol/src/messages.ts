/**
 * The messages of the Centrifuge client protocol v2, as plain values.
 *
 * Field names are those of the JSON form (snake_case), so that a value, its JSON and the public definitions read the
 * same. An absent field means zero, as in both codecs. `Uint8Array` fields hold application payloads: raw JSON text
 * in the JSON codec, any bytes in the Protobuf codec. uint64 and int64 fields are JavaScript numbers: codecs reject
 * values above `Number.MAX_SAFE_INTEGER`.
 *
 * Map subscriptions and shared poll are not part of this table yet; their fields are read and ignored.
 *
 * Source: `centrifugal/protocol`, `definitions/client.proto`.
 */

/** An application payload. */
export type Payload = Uint8Array;

export interface ErrorMessage {
  code: number;
  message: string;
  temporary?: boolean;
}

export interface ClientInfo {
  user: string;
  client: string;
  conn_info?: Payload;
  chan_info?: Payload;
}

export interface Publication {
  data: Payload;
  info?: ClientInfo;
  offset?: number;
  tags?: Record<string, string>;
  delta?: boolean;
  /** Unix time in milliseconds. */
  time?: number;
  channel?: string;
  key?: string;
  removed?: boolean;
  score?: number;
  epoch?: string;
  version?: number;
}

/** A condition on the tags of a publication; see `tags-filter.ts`. */
export interface FilterNode {
  /** `and`, `or`, `not`; empty for a leaf. */
  op?: string;
  key?: string;
  /** `eq`, `neq`, `in`, `nin`, `ex`, `nex`, `sw`, `ew`, `ct`, `lt`, `lte`, `gt`, `gte`. */
  cmp?: string;
  val?: string;
  vals?: string[];
  nodes?: FilterNode[];
}

export interface StreamPosition {
  offset?: number;
  epoch?: string;
}

export interface ConnectRequest {
  token?: string;
  data?: Payload;
  subs?: Record<string, SubscribeRequest>;
  name?: string;
  version?: string;
  headers?: Record<string, string>;
  flag?: number;
}

export interface SubscribeRequest {
  channel?: string;
  token?: string;
  recover?: boolean;
  epoch?: string;
  offset?: number;
  data?: Payload;
  positioned?: boolean;
  recoverable?: boolean;
  join_leave?: boolean;
  delta?: string;
  tf?: FilterNode;
  flag?: number;
  type?: number;
  phase?: number;
  cursor?: string;
  limit?: number;
  asc?: boolean;
}

export interface UnsubscribeRequest {
  channel?: string;
}
export interface PublishRequest {
  channel?: string;
  data?: Payload;
  type?: number;
  key?: string;
  removed?: boolean;
}
export interface PresenceRequest {
  channel?: string;
}
export interface PresenceStatsRequest {
  channel?: string;
}
export interface HistoryRequest {
  channel?: string;
  limit?: number;
  since?: StreamPosition;
  reverse?: boolean;
}
export type PingRequest = Record<string, never>;
export interface SendRequest {
  data?: Payload;
}
export interface RpcRequest {
  data?: Payload;
  method?: string;
}
export interface RefreshRequest {
  token?: string;
}
export interface SubRefreshRequest {
  channel?: string;
  token?: string;
  /** 0 refresh, 1 track, 2 untrack; only 0 is served. */
  type?: number;
}

/** What a client sends. The first method that is present wins; with none, the command is a pong. */
export interface Command {
  id?: number;
  connect?: ConnectRequest;
  subscribe?: SubscribeRequest;
  unsubscribe?: UnsubscribeRequest;
  publish?: PublishRequest;
  presence?: PresenceRequest;
  presence_stats?: PresenceStatsRequest;
  history?: HistoryRequest;
  ping?: PingRequest;
  send?: SendRequest;
  rpc?: RpcRequest;
  refresh?: RefreshRequest;
  sub_refresh?: SubRefreshRequest;
}

export interface ConnectResult {
  client?: string;
  version?: string;
  expires?: boolean;
  /** Seconds. */
  ttl?: number;
  data?: Payload;
  subs?: Record<string, SubscribeResult>;
  /** Seconds between pings of the server. */
  ping?: number;
  pong?: boolean;
  session?: string;
  node?: string;
  time?: number;
  flag?: number;
}

export interface SubscribeResult {
  expires?: boolean;
  /** Seconds. */
  ttl?: number;
  recoverable?: boolean;
  epoch?: string;
  publications?: Publication[];
  recovered?: boolean;
  offset?: number;
  positioned?: boolean;
  data?: Payload;
  was_recovering?: boolean;
  delta?: boolean;
  id?: number;
  type?: number;
  phase?: number;
}

export interface HistoryResult {
  publications: Publication[];
  epoch: string;
  offset: number;
}
export interface PresenceResult {
  presence: Record<string, ClientInfo>;
}
export interface PresenceStatsResult {
  num_clients: number;
  num_users: number;
}
export interface RpcResult {
  data?: Payload;
}
export interface RefreshResult {
  client?: string;
  version?: string;
  expires?: boolean;
  ttl?: number;
}
export interface SubRefreshResult {
  expires?: boolean;
  ttl?: number;
}
/** A result without fields. */
export type EmptyResult = Record<string, never>;

export interface Join {
  info: ClientInfo;
}
export interface Leave {
  info: ClientInfo;
}
export interface Unsubscribe {
  code: number;
  reason?: string;
}
export interface Message {
  data?: Payload;
}
export interface Subscribe {
  recoverable?: boolean;
  epoch?: string;
  offset?: number;
  positioned?: boolean;
  data?: Payload;
}
export interface Connect {
  client?: string;
  version?: string;
  data?: Payload;
  subs?: Record<string, SubscribeResult>;
  expires?: boolean;
  ttl?: number;
  ping?: number;
  pong?: boolean;
  session?: string;
  node?: string;
  time?: number;
}
export interface Disconnect {
  code: number;
  reason?: string;
  reconnect?: boolean;
}
export interface Refresh {
  expires?: boolean;
  ttl?: number;
}

/** What the server sends without having been asked. Exactly one kind is present. */
export interface Push {
  id?: number;
  channel?: string;
  pub?: Publication;
  join?: Join;
  leave?: Leave;
  unsubscribe?: Unsubscribe;
  message?: Message;
  subscribe?: Subscribe;
  connect?: Connect;
  disconnect?: Disconnect;
  refresh?: Refresh;
}

/** What the server sends on a bidirectional connection. An empty reply is a ping. */
export interface Reply {
  id?: number;
  error?: ErrorMessage;
  push?: Push;
  connect?: ConnectResult;
  subscribe?: SubscribeResult;
  unsubscribe?: EmptyResult;
  publish?: EmptyResult;
  presence?: PresenceResult;
  presence_stats?: PresenceStatsResult;
  history?: HistoryResult;
  ping?: EmptyResult;
  rpc?: RpcResult;
  refresh?: RefreshResult;
  sub_refresh?: SubRefreshResult;
}

/** The body of `POST /emulation`: commands for a connection whose own direction is server → client only. */
export interface EmulationRequest {
  node?: string;
  session?: string;
  /** A frame of commands, as the connection's codec reads it. */
  data?: Payload;
}
