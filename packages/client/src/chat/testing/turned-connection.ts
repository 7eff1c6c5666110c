/**
 * A connection whose network a test turns: cuts it, holds answers or publications back so that either overtakes the
 * other, and delivers publications twice. It speaks the protocol over an in-process socket of a real server.
 */
import type {
  CallOptions,
  ChannelListener,
  ChannelPosition,
  ChannelSubscription,
  Connection,
  ConnectionState,
} from '../../connection/connection.ts';
import type { Clock } from '../../clock.ts';
import { TidingsError } from '../../error.ts';
import { WritableStore } from '../../store.ts';

/** What the test's server gives; `MemoryClient` of `@tidings/server/testing` is one. */
export interface TestSocket {
  readonly replies: AsyncIterable<TestReply>;
  send(command: object): void;
  close(): void;
}

interface TestPublication {
  readonly data?: Uint8Array;
  readonly offset?: number;
}

export interface TestReply {
  readonly id?: number;
  readonly error?: { readonly code: number; readonly message: string; readonly temporary?: boolean };
  readonly rpc?: { readonly data?: Uint8Array };
  readonly subscribe?: {
    readonly recovered?: boolean;
    readonly epoch?: string;
    readonly offset?: number;
    readonly publications?: readonly TestPublication[];
  };
  readonly push?: {
    readonly channel?: string;
    readonly pub?: TestPublication;
    readonly unsubscribe?: { readonly code?: number; readonly reason?: string };
  };
}

interface Channel {
  readonly name: string;
  readonly listener: ChannelListener;
  position: ChannelPosition | undefined;
  isLive: boolean;
}

type Take = (reply: TestReply) => void;

const resubscribeFrom = 2500;

export class TurnedConnection implements Connection {
  readonly state = new WritableStore<ConnectionState>({ status: 'idle', sinceMs: 0 });
  readonly user: WritableStore<string | undefined>;
  readonly httpUrl = 'http://server.test';
  readonly #dial: () => TestSocket;
  readonly #token: string;
  readonly #channels = new Map<string, Channel>();
  /** What waits for a reply, by the id of the command. */
  readonly #calls = new Map<number, { take: Take; lost(): void }>();
  #socket: TestSocket | undefined;
  #lastId = 0;
  #wants = false;
  /** How long answers, and publications, are on their way, in milliseconds. */
  readonly lagMs = { answers: 0, stream: 0 };
  /** When the last of each arrives: none overtakes another of its kind. */
  readonly #arrivesAtMs = { answers: 0, stream: 0 };
  readonly #clock: Clock;
  /** Held back: answers of calls; publications and answers of subscribing, in their order. */
  #answers: (() => void)[] | undefined;
  #stream: (() => void)[] | undefined;
  /** Publications that are delivered twice from now on. */
  duplicates = 0;

  constructor(options: {
    readonly user: string;
    readonly token: string;
    readonly clock: Clock;
    readonly dial: () => TestSocket;
  }) {
    this.#clock = options.clock;
    this.user = new WritableStore<string | undefined>(options.user);
    this.#token = options.token;
    this.#dial = options.dial;
  }

  connect(): void {
    this.#wants = true;
    this.restore();
  }

  /** The network is there again. */
  restore(): void {
    if (!this.#wants || this.#socket) return;
    this.#set('connecting');
    const socket = this.#dial();
    this.#socket = socket;
    void this.#read(socket);
    this.#command({ connect: { token: this.#token } }, () => {
      this.#set('online');
      for (const channel of this.#channels.values()) this.#enter(channel);
    });
  }

  /** The network is gone. What was held is lost. */
  cut(): void {
    const socket = this.#socket;
    if (!socket) return;
    this.#socket = undefined;
    socket.close();
    if (this.#answers) this.#answers = [];
    if (this.#stream) this.#stream = [];
    this.#set('offline');
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const channel of this.#channels.values()) {
      if (channel.isLive) {
        channel.isLive = false;
        channel.listener.interrupted?.();
      }
    }
    for (const call of calls) call.lost();
  }

  /** From now on answers, or publications, wait until `release`. */
  hold(what: 'answers' | 'stream'): void {
    if (what === 'answers') this.#answers ??= [];
    else this.#stream ??= [];
  }

  release(what: 'answers' | 'stream'): void {
    const held = what === 'answers' ? this.#answers : this.#stream;
    if (what === 'answers') this.#answers = undefined;
    else this.#stream = undefined;
    for (const deliver of held ?? []) deliver();
  }

  call<T>(method: string, data: unknown, { signal }: CallOptions = {}): Promise<T> {
    if (this.state.get().status !== 'online') return Promise.reject(TidingsError.of('offline'));
    return new Promise((resolve, reject) => {
      signal?.addEventListener('abort', () => reject(TidingsError.of('aborted')));
      const take: Take = ({ rpc, error }) => {
        if (error) reject(new TidingsError(error.code, error.message, { isTemporary: error.temporary === true }));
        else resolve(decode(rpc?.data) as T);
      };
      this.#command({ rpc: { method, data: new TextEncoder().encode(JSON.stringify(data)) } }, take, () =>
        reject(TidingsError.of('offline')),
      );
    });
  }

  subscribe(name: string, listener: ChannelListener, since?: ChannelPosition): ChannelSubscription {
    const channel: Channel = { name, listener, position: since, isLive: false };
    if (this.#channels.has(name)) throw new Error(`${name} is subscribed to already`);
    this.#channels.set(name, channel);
    if (this.state.get().status === 'online') this.#enter(channel);
    return {
      get isLive() {
        return channel.isLive;
      },
      unsubscribe: () => {
        if (this.#channels.get(name) !== channel) return;
        this.#channels.delete(name);
        if (this.state.get().status === 'online') this.#command({ unsubscribe: { channel: name } }, () => undefined);
      },
    };
  }

  async close(): Promise<void> {
    this.#wants = false;
    this.cut();
    this.#set('closed');
  }

  #enter(channel: Channel): void {
    const { position } = channel;
    const since = position && { recover: true, epoch: position.epoch, offset: position.offset };
    this.#command({ subscribe: { channel: channel.name, ...since } }, (reply) => this.#entered(channel, reply));
  }

  #entered(channel: Channel, { subscribe, error }: TestReply): void {
    if (this.#channels.get(channel.name) !== channel) return;
    if (error || !subscribe) {
      if (error?.temporary) this.#enter(channel);
      else this.#ended(channel, error?.code ?? 0, error?.message ?? '');
      return;
    }
    const { recovered = false, offset = 0, epoch = '', publications = [] } = subscribe;
    channel.position = { offset, epoch };
    channel.isLive = true;
    channel.listener.subscribed({ recovered, position: channel.position });
    if (recovered) for (const publication of publications) this.#published(channel, publication);
  }

  #published(channel: Channel, { data, offset }: TestPublication): void {
    const isAgain = this.duplicates > 0 && offset !== undefined;
    if (isAgain) this.duplicates--;
    for (let times = 0; times < (isAgain ? 2 : 1); times++) channel.listener.publication(decode(data), offset);
    if (offset !== undefined && channel.position) channel.position = { ...channel.position, offset };
  }

  #ended(channel: Channel, code: number, message: string): void {
    this.#channels.delete(channel.name);
    channel.isLive = false;
    channel.listener.ended?.({ code, message });
  }

  #pushed({ channel: name = '', pub, unsubscribe }: NonNullable<TestReply['push']>): void {
    const channel = this.#channels.get(name);
    if (!channel?.isLive) return;
    if (pub) this.#published(channel, pub);
    if (!unsubscribe) return;
    const { code = 0, reason = '' } = unsubscribe;
    channel.isLive = false;
    channel.listener.interrupted?.();
    if (code >= resubscribeFrom) this.#enter(channel);
    else this.#ended(channel, code, reason);
  }

  #command(command: object, take: Take, lost: () => void = () => undefined): void {
    const id = ++this.#lastId;
    this.#calls.set(id, { take, lost });
    this.#socket?.send({ ...command, id });
  }

  async #read(socket: TestSocket): Promise<void> {
    try {
      for await (const reply of socket.replies) {
        if (this.#socket !== socket) return;
        this.#arrived(socket, reply);
      }
    } catch {
      // The server has closed it.
    }
    if (this.#socket === socket) this.cut();
  }

  #arrived(socket: TestSocket, reply: TestReply): void {
    const { id = 0, push } = reply;
    if (push) return this.#through('stream', socket, () => this.#pushed(push));
    const call = this.#calls.get(id);
    const deliver = (): void => {
      this.#calls.delete(id);
      call?.take(reply);
    };
    this.#through(reply.rpc || reply.error ? 'answers' : 'stream', socket, deliver);
  }

  #through(kind: 'answers' | 'stream', socket: TestSocket, deliver: () => void): void {
    const arrive = (): void => {
      if (this.#socket !== socket) return;
      const held = kind === 'answers' ? this.#answers : this.#stream;
      if (held) held.push(() => this.#socket === socket && deliver());
      else deliver();
    };
    const nowMs = this.#clock.now();
    const atMs = Math.max(nowMs + this.lagMs[kind], this.#arrivesAtMs[kind]);
    this.#arrivesAtMs[kind] = atMs;
    if (atMs > nowMs) this.#clock.setTimeout(arrive, atMs - nowMs);
    else arrive();
  }

  #set(status: ConnectionState['status']): void {
    if (this.state.get().status !== status) this.state.set({ status, sinceMs: 0 });
  }
}

function decode(data: Uint8Array | undefined): unknown {
  return data === undefined ? undefined : JSON.parse(new TextDecoder().decode(data));
}
