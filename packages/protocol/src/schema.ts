/**
 * The fields of every message, once: both codecs work from this table, and so do the tests. The compiler holds it and
 * `messages.ts` together: a field that an interface has and the table has not does not compile, nor the reverse.
 *
 * Source: `centrifugal/protocol`, `definitions/client.proto`.
 */
import type {
  ClientInfo,
  Command,
  Connect,
  ConnectRequest,
  ConnectResult,
  Disconnect,
  EmptyResult,
  EmulationRequest,
  ErrorMessage,
  FilterNode,
  HistoryRequest,
  HistoryResult,
  Join,
  Leave,
  Message,
  PingRequest,
  PresenceRequest,
  PresenceResult,
  PresenceStatsRequest,
  PresenceStatsResult,
  Publication,
  PublishRequest,
  Push,
  Refresh,
  RefreshRequest,
  RefreshResult,
  Reply,
  RpcRequest,
  RpcResult,
  SendRequest,
  StreamPosition,
  SubRefreshRequest,
  SubRefreshResult,
  Subscribe,
  SubscribeRequest,
  SubscribeResult,
  Unsubscribe,
  UnsubscribeRequest,
} from './messages.ts';

export type NumberType = 'uint32' | 'int32' | 'uint64' | 'int64' | 'sint64';
export type ScalarType = NumberType | 'bool' | 'string' | 'bytes';

export interface Field {
  /** Name in JSON and in `messages.ts`. */
  readonly name: string;
  /** Field number in Protobuf. */
  readonly number: number;
  readonly type: ScalarType | MessageSchema;
  /** `map` has string keys. */
  readonly shape: 'single' | 'list' | 'map';
  /** A decoded value always has the field: where the bytes have it not, it is zero. */
  readonly required: boolean;
  /** JSON carries the field even if it is zero. */
  readonly always: boolean;
}

export interface MessageSchema {
  readonly name: string;
  /** In the order of their numbers. */
  readonly fields: readonly Field[];
  readonly required: readonly Field[];
  readonly byName: ReadonlyMap<string, Field>;
  readonly byNumber: readonly (Field | undefined)[];
}

/** A message as the codecs see it. */
export type MessageValue = Record<string, unknown>;

/** A filter may stand in a filter; this many deep, the outermost included. */
export const maxFilterDepth = 32;

type FieldType = ScalarType | MessageSchema | 'self';
interface OptionalField {
  readonly number: number;
  readonly type: FieldType;
  readonly shape: Field['shape'];
  readonly required?: never;
  readonly always?: never;
}
interface RequiredField extends Omit<OptionalField, 'required' | 'always'> {
  readonly required: true;
  readonly always: boolean;
}
type Fields<T> = { readonly [K in keyof T]-?: Record<never, never> extends Pick<T, K> ? OptionalField : RequiredField };

const optional = (number: number, type: FieldType): OptionalField => ({ number, type, shape: 'single' });
const list = (number: number, type: FieldType): OptionalField => ({ number, type, shape: 'list' });
const map = (number: number, type: FieldType): OptionalField => ({ number, type, shape: 'map' });
const required = (number: number, type: FieldType): RequiredField => ({
  ...optional(number, type),
  required: true,
  always: false,
});
const always = (number: number, type: FieldType): RequiredField => ({ ...required(number, type), always: true });

function message<T>(name: string, definitions: Fields<T>): MessageSchema {
  const fields: Field[] = [];
  const byNumber: (Field | undefined)[] = [];
  const schema = { name, fields, required: [] as Field[], byName: new Map<string, Field>(), byNumber };
  for (const [fieldName, definition] of Object.entries<OptionalField | RequiredField>(definitions)) {
    const field: Field = {
      name: fieldName,
      number: definition.number,
      type: definition.type === 'self' ? schema : definition.type,
      shape: definition.shape,
      required: definition.required ?? false,
      always: definition.always ?? false,
    };
    fields.push(field);
    if (field.required) schema.required.push(field);
    schema.byName.set(fieldName, field);
    byNumber[field.number] = field;
  }
  for (let i = 0; i < byNumber.length; i++) byNumber[i] ??= undefined;
  return schema;
}

const error = message<ErrorMessage>('Error', {
  code: required(1, 'uint32'),
  message: required(2, 'string'),
  temporary: optional(3, 'bool'),
});

const clientInfo = message<ClientInfo>('ClientInfo', {
  user: always(1, 'string'),
  client: always(2, 'string'),
  conn_info: optional(3, 'bytes'),
  chan_info: optional(4, 'bytes'),
});

const publication = message<Publication>('Publication', {
  data: required(4, 'bytes'),
  info: optional(5, clientInfo),
  offset: optional(6, 'uint64'),
  tags: map(7, 'string'),
  delta: optional(8, 'bool'),
  time: optional(9, 'int64'),
  channel: optional(10, 'string'),
  key: optional(11, 'string'),
  removed: optional(12, 'bool'),
  score: optional(13, 'sint64'),
  epoch: optional(14, 'string'),
  version: optional(16, 'uint64'),
});

const filterNode = message<FilterNode>('FilterNode', {
  op: optional(1, 'string'),
  key: optional(2, 'string'),
  cmp: optional(3, 'string'),
  val: optional(4, 'string'),
  vals: list(5, 'string'),
  nodes: list(6, 'self'),
});

const streamPosition = message<StreamPosition>('StreamPosition', {
  offset: optional(1, 'uint64'),
  epoch: optional(2, 'string'),
});

const subscribeRequest = message<SubscribeRequest>('SubscribeRequest', {
  channel: optional(1, 'string'),
  token: optional(2, 'string'),
  recover: optional(3, 'bool'),
  epoch: optional(6, 'string'),
  offset: optional(7, 'uint64'),
  data: optional(8, 'bytes'),
  positioned: optional(9, 'bool'),
  recoverable: optional(10, 'bool'),
  join_leave: optional(11, 'bool'),
  delta: optional(12, 'string'),
  tf: optional(13, filterNode),
  flag: optional(14, 'int64'),
  type: optional(15, 'int32'),
  phase: optional(16, 'int32'),
  cursor: optional(17, 'string'),
  limit: optional(18, 'int32'),
  asc: optional(19, 'bool'),
});

const subscribeResult = message<SubscribeResult>('SubscribeResult', {
  expires: optional(1, 'bool'),
  ttl: optional(2, 'uint32'),
  recoverable: optional(3, 'bool'),
  epoch: optional(6, 'string'),
  publications: list(7, publication),
  recovered: optional(8, 'bool'),
  offset: optional(9, 'uint64'),
  positioned: optional(10, 'bool'),
  data: optional(11, 'bytes'),
  was_recovering: optional(12, 'bool'),
  delta: optional(13, 'bool'),
  id: optional(14, 'int64'),
  type: optional(15, 'int32'),
  phase: optional(16, 'int32'),
});

const empty = (name: string): MessageSchema => message<EmptyResult>(name, {});

export const commandSchema: MessageSchema = message<Command>('Command', {
  id: optional(1, 'uint32'),
  connect: optional(
    4,
    message<ConnectRequest>('ConnectRequest', {
      token: optional(1, 'string'),
      data: optional(2, 'bytes'),
      subs: map(3, subscribeRequest),
      name: optional(4, 'string'),
      version: optional(5, 'string'),
      headers: map(6, 'string'),
      flag: optional(7, 'int64'),
    }),
  ),
  subscribe: optional(5, subscribeRequest),
  unsubscribe: optional(6, message<UnsubscribeRequest>('UnsubscribeRequest', { channel: optional(1, 'string') })),
  publish: optional(
    7,
    message<PublishRequest>('PublishRequest', {
      channel: optional(1, 'string'),
      data: optional(2, 'bytes'),
      type: optional(3, 'int32'),
      key: optional(4, 'string'),
      removed: optional(5, 'bool'),
    }),
  ),
  presence: optional(8, message<PresenceRequest>('PresenceRequest', { channel: optional(1, 'string') })),
  presence_stats: optional(
    9,
    message<PresenceStatsRequest>('PresenceStatsRequest', { channel: optional(1, 'string') }),
  ),
  history: optional(
    10,
    message<HistoryRequest>('HistoryRequest', {
      channel: optional(1, 'string'),
      limit: optional(7, 'int32'),
      since: optional(8, streamPosition),
      reverse: optional(9, 'bool'),
    }),
  ),
  ping: optional(11, message<PingRequest>('PingRequest', {})),
  send: optional(12, message<SendRequest>('SendRequest', { data: optional(1, 'bytes') })),
  rpc: optional(13, message<RpcRequest>('RPCRequest', { data: optional(1, 'bytes'), method: optional(2, 'string') })),
  refresh: optional(14, message<RefreshRequest>('RefreshRequest', { token: optional(1, 'string') })),
  sub_refresh: optional(
    15,
    message<SubRefreshRequest>('SubRefreshRequest', {
      channel: optional(1, 'string'),
      token: optional(2, 'string'),
      type: optional(3, 'int32'),
    }),
  ),
});

export const pushSchema: MessageSchema = message<Push>('Push', {
  id: optional(1, 'int64'),
  channel: optional(2, 'string'),
  pub: optional(4, publication),
  join: optional(5, message<Join>('Join', { info: required(1, clientInfo) })),
  leave: optional(6, message<Leave>('Leave', { info: required(1, clientInfo) })),
  unsubscribe: optional(
    7,
    message<Unsubscribe>('Unsubscribe', { code: required(2, 'uint32'), reason: optional(3, 'string') }),
  ),
  message: optional(8, message<Message>('Message', { data: optional(1, 'bytes') })),
  subscribe: optional(
    9,
    message<Subscribe>('Subscribe', {
      recoverable: optional(1, 'bool'),
      epoch: optional(4, 'string'),
      offset: optional(5, 'uint64'),
      positioned: optional(6, 'bool'),
      data: optional(7, 'bytes'),
    }),
  ),
  connect: optional(
    10,
    message<Connect>('Connect', {
      client: optional(1, 'string'),
      version: optional(2, 'string'),
      data: optional(3, 'bytes'),
      subs: map(4, subscribeResult),
      expires: optional(5, 'bool'),
      ttl: optional(6, 'uint32'),
      ping: optional(7, 'uint32'),
      pong: optional(8, 'bool'),
      session: optional(9, 'string'),
      node: optional(10, 'string'),
      time: optional(11, 'int64'),
    }),
  ),
  disconnect: optional(
    11,
    message<Disconnect>('Disconnect', {
      code: required(1, 'uint32'),
      reason: optional(2, 'string'),
      reconnect: optional(3, 'bool'),
    }),
  ),
  refresh: optional(12, message<Refresh>('Refresh', { expires: optional(1, 'bool'), ttl: optional(2, 'uint32') })),
});

export const replySchema: MessageSchema = message<Reply>('Reply', {
  id: optional(1, 'uint32'),
  error: optional(2, error),
  push: optional(4, pushSchema),
  connect: optional(
    5,
    message<ConnectResult>('ConnectResult', {
      client: optional(1, 'string'),
      version: optional(2, 'string'),
      expires: optional(3, 'bool'),
      ttl: optional(4, 'uint32'),
      data: optional(5, 'bytes'),
      subs: map(6, subscribeResult),
      ping: optional(7, 'uint32'),
      pong: optional(8, 'bool'),
      session: optional(9, 'string'),
      node: optional(10, 'string'),
      time: optional(11, 'int64'),
      flag: optional(12, 'int64'),
    }),
  ),
  subscribe: optional(6, subscribeResult),
  unsubscribe: optional(7, empty('UnsubscribeResult')),
  publish: optional(8, empty('PublishResult')),
  presence: optional(
    9,
    message<PresenceResult>('PresenceResult', { presence: { ...always(1, clientInfo), shape: 'map' } }),
  ),
  presence_stats: optional(
    10,
    message<PresenceStatsResult>('PresenceStatsResult', {
      num_clients: always(1, 'uint32'),
      num_users: always(2, 'uint32'),
    }),
  ),
  history: optional(
    11,
    message<HistoryResult>('HistoryResult', {
      publications: { ...always(1, publication), shape: 'list' },
      epoch: always(2, 'string'),
      offset: always(3, 'uint64'),
    }),
  ),
  ping: optional(12, empty('PingResult')),
  rpc: optional(13, message<RpcResult>('RPCResult', { data: optional(1, 'bytes') })),
  refresh: optional(
    14,
    message<RefreshResult>('RefreshResult', {
      client: optional(1, 'string'),
      version: optional(2, 'string'),
      expires: optional(3, 'bool'),
      ttl: optional(4, 'uint32'),
    }),
  ),
  sub_refresh: optional(
    15,
    message<SubRefreshResult>('SubRefreshResult', { expires: optional(1, 'bool'), ttl: optional(2, 'uint32') }),
  ),
});

export const emulationSchema: MessageSchema = message<EmulationRequest>('EmulationRequest', {
  node: optional(1, 'string'),
  session: optional(2, 'string'),
  data: optional(3, 'bytes'),
});

const ranges: Record<NumberType, readonly [least: number, most: number]> = {
  uint32: [0, 2 ** 32 - 1],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint64: [0, Number.MAX_SAFE_INTEGER],
  int64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  sint64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
};

/** Whether a JavaScript number is a value of this type. */
export function isInRange(type: NumberType, value: number): boolean {
  const [least, most] = ranges[type];
  return Number.isSafeInteger(value) && value >= least && value <= most;
}

/** Whether an encoder leaves the field out: a message that is present, even an empty one, is not zero. */
export function isZero(field: Field, value: unknown): boolean {
  if (value === undefined || value === null || value === 0 || value === false || value === '') return true;
  if (field.shape === 'list') return (value as readonly unknown[]).length === 0;
  if (field.shape === 'map') return Object.keys(value).length === 0;
  return field.type === 'bytes' && (value as Uint8Array).length === 0;
}

/** Gives a decoded message the required fields that its bytes did not carry. */
export function fillRequired(schema: MessageSchema, value: MessageValue): void {
  for (const field of schema.required) {
    if (value[field.name] === undefined) value[field.name] = zeroOf(field);
  }
}

function zeroOf(field: Field): unknown {
  if (field.shape === 'list') return [];
  if (field.shape === 'map') return emptyMap();
  switch (field.type) {
    case 'bool':
      return false;
    case 'string':
      return '';
    case 'bytes':
      return new Uint8Array(0);
    case 'uint32':
    case 'int32':
    case 'uint64':
    case 'int64':
    case 'sint64':
      return 0;
    default: {
      const value: MessageValue = {};
      fillRequired(field.type, value);
      return value;
    }
  }
}

/** A map with client-chosen keys: without a prototype, `__proto__` is a key like any other. */
export function emptyMap(): Record<string, unknown> {
  return Object.create(null) as Record<string, unknown>;
}

/** Of several methods in one command the first in the order of the table counts. */
export function keepFirstMethod(value: MessageValue): Command {
  let found = false;
  for (const field of commandSchema.fields) {
    if (field.name === 'id' || value[field.name] === undefined) continue;
    if (found) delete value[field.name];
    found = true;
  }
  return value as Command;
}
