/**
 * What the tests with the npm package `centrifuge` share: a server in this process on a port of its own, SDK clients
 * over every transport and codec, tokens, and waiting for events with a time limit.
 */
import { createHmac } from 'node:crypto';
import { createEngine, createLogger, type ConfigInput, type Engine, type EngineOptions } from '@tidings/server';
import { Centrifuge, type Options, type SubscriptionOptions } from 'centrifuge';
import { Centrifuge as ProtobufCentrifuge } from 'centrifuge/build/protobuf';
import { EventSource } from 'eventsource';
import { onTestFinished } from 'vitest';
import { WebSocket } from 'ws';

const waitMs = 10_000;

/** A way for the SDK to talk to the server. */
export interface Flavour {
  readonly name: string;
  readonly transport: 'websocket' | 'http_stream' | 'sse';
  readonly codec: 'json' | 'protobuf';
}

/** All there are: server-sent events carry text only. */
export const flavours: readonly Flavour[] = [
  { name: 'WebSocket, JSON', transport: 'websocket', codec: 'json' },
  { name: 'WebSocket, Protobuf', transport: 'websocket', codec: 'protobuf' },
  { name: 'HTTP stream, JSON', transport: 'http_stream', codec: 'json' },
  { name: 'HTTP stream, Protobuf', transport: 'http_stream', codec: 'protobuf' },
  { name: 'server-sent events, JSON', transport: 'sse', codec: 'json' },
];

/** For tests that are not about transports. */
export const websocketJson = flavours[0] as Flavour;

// — the server —

export const secret = 'a secret of more than thirty-two bytes';

const everything = { subscribe: 'anyone', publish: 'anyone', history: 'anyone', presence: 'anyone' } as const;
const log = { history: { size: 100 }, recovery: 'on-request', positioning: 'on-request' } as const;

/** Anybody may connect and do all on `open:…`; `locked:…` takes a token or the server. */
export const config: ConfigInput = {
  auth: { anonymous: true, jwt: { hmacSecret: secret } },
  personalChannel: { enabled: true, prefix: 'me:' },
  channels: {
    'open:{name}': {
      allow: everything,
      ...log,
      presence: true,
      joinLeave: 'on-request',
      delta: true,
      tagsFilter: true,
    },
    'short:{name}': { allow: everything, history: { size: 2 }, recovery: 'on-request' },
    'locked:{name}': { ...log, presence: true },
    'me:{user}': log,
  },
  shutdown: { spread: '100ms' },
};

/** Starts an engine with a listener; it is stopped by `await using`. */
export async function startServer(options: Partial<EngineOptions> & { port?: number } = {}): Promise<Engine> {
  const { port = 0, ...rest } = options;
  const given = rest.config ?? config;
  const engine = createEngine({
    logger: createLogger('silent'),
    ...rest,
    config: { ...(given as ConfigInput), listen: { host: '127.0.0.1', port } },
  });
  await engine.start();
  return engine;
}

/** The port of a server that was started with a listener. */
export function portOf(engine: Engine): number {
  const port = engine.address?.port;
  if (port === undefined) throw new Error('the server does not listen');
  return port;
}

/** Two different channels never share what is published: every test takes its own. */
let channelsMade = 0;
export function newChannel(kind: 'open' | 'short' | 'locked'): string {
  return `${kind}:${++channelsMade}`;
}

/** A JSON Web Token signed with `secret`. */
export function jwt(claims: Readonly<Record<string, unknown>>): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

/** Unix seconds from now, as claims have them. */
export function secondsFromNow(seconds: number): number {
  return Math.floor(Date.now() / 1000) + seconds;
}

// — clients —

export interface Target {
  readonly port: number;
  /** Where commands of transports that only receive are posted, if not to `port`. */
  readonly emulationPort?: number;
}

/** A client that is not connected yet; it is disconnected when the test ends. */
export function newClient(flavour: Flavour, target: Target | Engine, options: Partial<Options> = {}): Centrifuge {
  const { port, emulationPort = port }: Target = 'nodeId' in target ? { port: portOf(target) } : target;
  const scheme = flavour.transport === 'websocket' ? 'ws' : 'http';
  const endpoint = `${scheme}://127.0.0.1:${port}/connection/${flavour.transport}`;
  // Of one shape, but two classes to the compiler.
  const Client = flavour.codec === 'json' ? Centrifuge : (ProtobufCentrifuge as unknown as typeof Centrifuge);
  const client = new Client([{ transport: flavour.transport, endpoint }], {
    websocket: WebSocket,
    eventsource: EventSource,
    emulationEndpoint: `http://127.0.0.1:${emulationPort}/emulation`,
    minReconnectDelay: 20,
    maxReconnectDelay: 200,
    ...options,
  });
  onTestFinished(() => client.disconnect());
  return client;
}

/** A client that is connected. */
export async function connect(
  flavour: Flavour,
  target: Target | Engine,
  options: Partial<Options> = {},
): Promise<Centrifuge> {
  const client = newClient(flavour, target, options);
  client.connect();
  await client.ready(waitMs);
  return client;
}

/** Subscribes and waits until it is so. */
export async function subscribe(client: Centrifuge, channel: string, options: Partial<SubscriptionOptions> = {}) {
  const subscription = client.newSubscription(channel, {
    minResubscribeDelay: 20,
    maxResubscribeDelay: 200,
    ...options,
  });
  subscription.subscribe();
  await subscription.ready(waitMs);
  return subscription;
}

/** A value as clients of this codec send it: Protobuf clients send bytes. */
export function toData({ codec }: Flavour, value: unknown): unknown {
  return codec === 'json' ? value : new TextEncoder().encode(JSON.stringify(value));
}

/** The value in what a client of this codec received. */
export function fromData({ codec }: Flavour, data: unknown): unknown {
  return codec === 'json' ? data : JSON.parse(new TextDecoder().decode(data as Uint8Array));
}

// — waiting —

interface Emitter {
  on(event: never, listener: never): unknown;
}

/** Collects what an emitter says from now on. */
export function collect<T>(emitter: Emitter, event: string): Collected<T> {
  const collected = new Collected<T>(event);
  emitter.on(event as never, ((context: T) => collected.add(context)) as never);
  return collected;
}

/** Events in order of arrival, to be waited for. */
export class Collected<T> {
  /** Everything that arrived. */
  readonly all: T[] = [];
  readonly #name: string;
  #taken = 0;
  #wake: (() => void) | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  add(item: T): void {
    this.all.push(item);
    this.#wake?.();
  }

  /** The next one, now or when it arrives. @throws Error after ten seconds. */
  async next(): Promise<T> {
    const [item] = await this.take(1);
    return item as T;
  }

  /** The next `count`. @throws Error after ten seconds. */
  async take(count: number): Promise<T[]> {
    const end = this.#taken + count;
    const { promise, reject } = Promise.withResolvers<never>();
    const timer = setTimeout(
      () => reject(new Error(`${end} times ${this.#name} expected within ${waitMs} ms; came: ${show(this.all)}`)),
      waitMs,
    );
    try {
      while (this.all.length < end) {
        await Promise.race([promise, new Promise<void>((resolve) => (this.#wake = resolve))]);
      }
    } finally {
      clearTimeout(timer);
    }
    const items = this.all.slice(this.#taken, end);
    this.#taken = end;
    return items;
  }
}

function show(value: unknown): string {
  return JSON.stringify(value)?.slice(0, 2000);
}
