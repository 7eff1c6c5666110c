/**
 * The connection over npm `centrifuge`: transports with fallback, reconnecting, recovery and token refresh are its work.
 * Here its events become `ConnectionState`, and its errors `TidingsError`.
 */
import { Centrifuge, UnauthorizedError, type Options, type TransportEndpoint } from 'centrifuge';
import type { Clock } from '../clock.ts';
import { deferred } from '../deferred.ts';
import { TidingsError } from '../error.ts';
import { WritableStore, type Store } from '../store.ts';
import { CentrifugeChannel } from './centrifuge-channel.ts';
import { checkSize } from './check-size.ts';
import type {
  CallOptions,
  ChannelListener,
  ChannelPosition,
  ChannelSubscription,
  Connection,
  ConnectionState,
} from './connection.ts';
import { tokenSubject } from './token-subject.ts';

/** In the order they are tried without `transports`. */
export const transportNames = ['websocket', 'http_stream', 'sse'] as const;
/** A way to talk to the server. */
export type ClientTransport = (typeof transportNames)[number];

/** Where the server is and how to reach it. */
export interface ConnectionOptions {
  /** Where the server is: `https://chat.example.com`, with a path if it stands below one. */
  readonly url: string;
  /** A JSON Web Token. Without `getToken`, the connection ends for good when it expires. */
  readonly token?: string;
  /** Called for the first token, if there is no `token`, and whenever one has expired. An empty one says: no access. */
  readonly getToken?: () => Promise<string>;
  /** Id of the user, so that what the device remembers can be shown before there is a token. As the token says, else. */
  readonly user?: string;
  /** Which transports may be used, in this order. All three without it. */
  readonly transports?: readonly ClientTransport[];
  /** For runtimes without the global of this name. */
  readonly websocket?: unknown;
  readonly fetch?: unknown;
  readonly readableStream?: unknown;
  readonly eventsource?: unknown;
  /** How long an answer may take, in milliseconds. 5000 without it. */
  readonly timeoutMs?: number;
  /** Longest wait between two attempts to connect, in milliseconds. 20,000 without it. */
  readonly maxReconnectDelayMs?: number;
}

/** Codes of `centrifuge` below this are its own: no server spoke. */
const firstServerCode = 100;
const timeoutCode = 1;

export class CentrifugeConnection implements Connection {
  readonly state: Store<ConnectionState>;
  readonly user: Store<string | undefined>;
  readonly httpUrl: string;
  readonly #state: WritableStore<ConnectionState>;
  readonly #user: WritableStore<string | undefined>;
  readonly #clock: Clock;
  readonly #centrifuge: Centrifuge;
  readonly #channels = new Map<string, CentrifugeChannel>();

  /** @throws TidingsError `invalid` for a URL that is none. */
  constructor(options: ConnectionOptions, clock: Clock) {
    const { token, getToken, transports = transportNames } = options;
    this.#clock = clock;
    this.httpUrl = baseUrl(options.url);
    this.#state = new WritableStore<ConnectionState>({ status: 'idle', sinceMs: clock.now() });
    this.state = this.#state;
    this.#user = new WritableStore(options.user ?? (token === undefined ? undefined : tokenSubject(token)));
    this.user = this.#user;
    const endpoints = transports.map((transport): TransportEndpoint => {
      const base = transport === 'websocket' ? this.httpUrl.replace(/^http/, 'ws') : this.httpUrl;
      return { transport, endpoint: `${base}/connection/${transport}` };
    });
    const given: Partial<Options> = {
      emulationEndpoint: `${this.httpUrl}/emulation`,
      name: 'tidings',
      ...(token !== undefined && { token }),
      ...(getToken && { getToken: () => this.#nextToken(getToken) }),
      ...(options.timeoutMs !== undefined && { timeout: options.timeoutMs }),
      ...(options.maxReconnectDelayMs !== undefined && { maxReconnectDelay: options.maxReconnectDelayMs }),
    };
    for (const name of ['websocket', 'fetch', 'readableStream', 'eventsource'] as const) {
      if (options[name] !== undefined) given[name] = options[name];
    }
    this.#centrifuge = new Centrifuge(endpoints, given);
    this.#listen();
  }

  connect(): void {
    this.#centrifuge.connect();
  }

  async call<T>(method: string, data: unknown, { signal }: CallOptions = {}): Promise<T> {
    if (signal?.aborted) throw TidingsError.of('aborted');
    const { status } = this.#state.get();
    if (status === 'closed') throw TidingsError.of('closed');
    if (status !== 'online') throw TidingsError.of('offline');
    checkSize(data);
    const answer = this.#centrifuge.rpc(method, data).then(
      (result) => result.data as T,
      (error: unknown) => Promise.reject(toTidingsError(error)),
    );
    if (!signal) return answer;
    const { promise, reject } = deferred<never>();
    const abort = (): void => reject(TidingsError.of('aborted'));
    signal.addEventListener('abort', abort, { once: true });
    try {
      return await Promise.race([answer, promise]);
    } finally {
      signal.removeEventListener('abort', abort);
    }
  }

  subscribe(name: string, listener: ChannelListener, since?: ChannelPosition): ChannelSubscription {
    let channel = this.#channels.get(name);
    if (!channel) {
      const made = new CentrifugeChannel(this.#centrifuge, name, since, () => {
        if (this.#channels.get(name) === made) this.#channels.delete(name);
      });
      channel = made;
      this.#channels.set(name, made);
    }
    return channel.add(listener);
  }

  async close(): Promise<void> {
    this.#centrifuge.disconnect();
    this.#set('closed', { code: 0, message: 'closed' });
  }

  async #nextToken(getToken: () => Promise<string>): Promise<string> {
    const token = await getToken();
    if (!token) throw new UnauthorizedError('no token');
    const user = tokenSubject(token);
    if (user !== undefined) this.#user.set(user);
    return token;
  }

  #listen(): void {
    this.#centrifuge.on('connecting', (reason) => {
      const before = this.#state.get();
      // While attempts fail it stays offline, so that nothing flickers.
      if (before.status === 'offline') return;
      const why = before.status === 'idle' ? undefined : { code: reason.code, message: reason.reason };
      this.#set(hasNetwork() ? 'connecting' : 'offline', why);
    });
    this.#centrifuge.on('connected', () => this.#set('online'));
    this.#centrifuge.on('error', ({ error }) => {
      if (this.#state.get().status === 'connecting') this.#set('offline', { code: error.code, message: error.message });
    });
    this.#centrifuge.on('disconnected', ({ code, reason }) => this.#set('closed', { code, message: reason }));
  }

  #set(status: ConnectionState['status'], reason?: ConnectionState['reason']): void {
    if (this.#state.get().status === status) return;
    this.#state.set({ status, sinceMs: this.#clock.now(), ...(reason && { reason }) });
  }
}

function baseUrl(text: string): string {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw TidingsError.of('invalid', `url: "${text}"; an absolute one, such as https://chat.example.com`);
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw TidingsError.of('invalid', `url: "${text}"; http: or https:`);
  }
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
}

/** Where nobody knows, there is one. */
function hasNetwork(): boolean {
  return typeof navigator === 'undefined' || navigator.onLine !== false;
}

function toTidingsError(error: unknown): TidingsError {
  const {
    code = 0,
    message = String(error),
    temporary,
  } = (error ?? {}) as Partial<{
    code: number;
    message: string;
    temporary: boolean;
  }>;
  if (code >= firstServerCode) return new TidingsError(code, message, { isTemporary: temporary === true });
  return code === timeoutCode ? TidingsError.of('timeout') : TidingsError.of('offline', message);
}
