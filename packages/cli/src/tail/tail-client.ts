/**
 * A client that watches channels and never gives up: reconnects, recovers what it missed where the channel allows it,
 * and says what happened. `commands/tail.ts` prints what it reports.
 */
import {
  isReconnectCode,
  jsonCodec,
  type ClientInfo,
  type Command,
  type ErrorMessage,
  type Publication,
  type Push,
  type Reply,
  type SubscribeRequest,
  type SubscribeResult,
} from '@tidings/protocol';
import { WebSocket, type RawData } from 'ws';

/**
 * How a subscription began. `fresh`: for the first time. `recovered`: again, with everything missed. `reset`: again, but
 * the history did not reach back far enough. `unrecoverable`: again, on a channel that keeps nothing to recover.
 */
export type SubscribeOutcome = 'fresh' | 'recovered' | 'reset' | 'unrecoverable';

export type TailEvent =
  | { readonly type: 'connected'; readonly client: string }
  | {
      readonly type: 'disconnected';
      readonly code: number;
      readonly reason: string;
      readonly retryInMs: number | undefined;
    }
  | {
      readonly type: 'subscribed';
      readonly channel: string;
      readonly outcome: SubscribeOutcome;
      readonly recovered: number;
    }
  | { readonly type: 'unsubscribed'; readonly channel: string; readonly code: number; readonly reason: string }
  | {
      readonly type: 'publication';
      readonly channel: string;
      readonly publication: Publication;
      readonly past: boolean;
    }
  | { readonly type: 'join' | 'leave'; readonly channel: string; readonly info: ClientInfo }
  | { readonly type: 'error'; readonly channel: string | undefined; readonly code: number; readonly message: string };

export interface TailOptions {
  readonly url: string;
  readonly token: string | undefined;
  readonly channels: readonly string[];
  /** Publications of each channel to show first; 0: none. */
  readonly history: number;
  readonly onEvent: (event: TailEvent) => void;
}

interface Watched {
  /** Where the client is in the stream; undefined if the channel has none. */
  position: { offset: number; epoch: string } | undefined;
  seen: boolean;
  /** Live publications that wait until the history before them is shown. */
  held: Publication[] | undefined;
}

type Answer = (reply: Reply) => void;

const minRetryMs = 200;
const maxRetryMs = 10_000;
/** Beyond the interval that the server announced. */
const pingGraceMs = 10_000;

export class TailClient {
  readonly #options: TailOptions;
  readonly #watched = new Map<string, Watched>();
  readonly #pending = new Map<number, Answer>();
  readonly #ended = Promise.withResolvers<boolean>();
  #socket: WebSocket | undefined;
  #lastId = 0;
  #attempts = 0;
  #pong = false;
  #silenceMs = 0;
  #silence: NodeJS.Timeout | undefined;
  #retry: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: TailOptions) {
    this.#options = options;
    for (const channel of options.channels)
      this.#watched.set(channel, { position: undefined, seen: false, held: undefined });
  }

  /**
   * Watches until `stop` is called or the server says not to come back.
   * @returns whether it was `stop`.
   */
  run(): Promise<boolean> {
    this.#connect();
    return this.#ended.promise;
  }

  stop(): void {
    this.#end(true);
  }

  #end(wanted: boolean): void {
    this.#stopped = true;
    clearTimeout(this.#retry);
    clearTimeout(this.#silence);
    this.#socket?.close(1000);
    // A server that does not answer the close must not keep the process.
    setTimeout(() => this.#socket?.terminate(), 1_000).unref();
    this.#ended.resolve(wanted);
  }

  #connect(): void {
    const socket = new WebSocket(this.#options.url, 'centrifuge-json', { handshakeTimeout: maxRetryMs });
    this.#socket = socket;
    let problem = '';
    let refused = false;
    socket.on('open', () => this.#greet());
    socket.on('message', (data: RawData) => this.#receive(socket, (data as Buffer).toString()));
    socket.on('unexpected-response', (_, response) => {
      const { statusCode = 0 } = response;
      problem = `HTTP status ${statusCode}`;
      refused = statusCode >= 400 && statusCode < 500 && statusCode !== 429;
      response.destroy();
      socket.terminate();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      problem ||= error.code ?? error.message;
    });
    socket.on('close', (code, reason) => this.#closed(code, problem || String(reason), refused));
  }

  #greet(): void {
    const connect: Command = { id: this.#ask((reply) => this.#connected(reply)), connect: this.#credentials() };
    this.#send([connect, ...[...this.#watched.keys()].map((channel) => this.#subscribeCommand(channel))]);
  }

  #credentials(): NonNullable<Command['connect']> {
    const { token } = this.#options;
    return { name: 'tidings-tail', ...(token !== undefined && { token }) };
  }

  #subscribeCommand(channel: string): Command {
    const position = this.#watched.get(channel)?.position;
    const subscribe: SubscribeRequest = {
      channel,
      positioned: true,
      recoverable: true,
      join_leave: true,
      ...(position && { recover: true, ...position }),
    };
    return { id: this.#ask((reply) => this.#subscribed(channel, reply)), subscribe };
  }

  #ask(answer: Answer): number {
    const id = ++this.#lastId;
    this.#pending.set(id, answer);
    return id;
  }

  #send(commands: readonly Command[]): void {
    this.#socket?.send(jsonCodec.encodeCommands(commands), { binary: false });
  }

  #receive(socket: WebSocket, text: string): void {
    if (socket !== this.#socket || this.#stopped) return;
    if (this.#silenceMs > 0) this.#expectSound();
    let replies: Reply[];
    try {
      replies = jsonCodec.decodeReplies(text);
    } catch {
      this.#fail({ code: 0, message: 'the server sent something that is not the protocol' });
      return;
    }
    for (const reply of replies) {
      if (reply.push) this.#pushed(reply.push);
      else if (reply.id === undefined) {
        if (this.#pong) this.#send([{}]);
      } else {
        const answer = this.#pending.get(reply.id);
        this.#pending.delete(reply.id);
        answer?.(reply);
      }
    }
  }

  /** A connection over which nothing comes, not even a ping, is dead. */
  #expectSound(): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(() => this.#socket?.terminate(), this.#silenceMs);
  }

  #connected({ error, connect }: Reply): void {
    if (!connect) {
      this.#fail(error ?? { code: 0, message: 'no answer to connect' });
      return;
    }
    this.#attempts = 0;
    this.#pong = connect.pong === true;
    this.#silenceMs = connect.ping === undefined ? 0 : connect.ping * 1000 + pingGraceMs;
    if (this.#silenceMs > 0) this.#expectSound();
    this.#options.onEvent({ type: 'connected', client: connect.client ?? '' });
    for (const [channel, result] of Object.entries(connect.subs ?? {})) this.#begin(channel, result);
  }

  #fail({ code, message, temporary }: ErrorMessage): void {
    this.#options.onEvent({ type: 'error', channel: undefined, code, message });
    if (temporary === true) this.#socket?.close(1000);
    else this.#end(false);
  }

  #subscribed(channel: string, { error, subscribe }: Reply): void {
    if (subscribe) {
      this.#begin(channel, subscribe);
      return;
    }
    const { code, message, temporary } = error ?? { code: 0, message: 'no answer to subscribe' };
    this.#options.onEvent({ type: 'error', channel, code, message });
    if (temporary === true) this.#subscribeLater(channel);
    else this.#forget(channel);
  }

  #begin(channel: string, result: SubscribeResult): void {
    const watched = this.#watched.get(channel) ?? { position: undefined, seen: false, held: undefined };
    this.#watched.set(channel, watched);
    const publications = result.publications ?? [];
    const outcome = !watched.seen
      ? 'fresh'
      : result.was_recovering !== true
        ? 'unrecoverable'
        : result.recovered === true
          ? 'recovered'
          : 'reset';
    const first = !watched.seen;
    watched.seen = true;
    watched.position =
      result.recoverable === true ? { offset: result.offset ?? 0, epoch: result.epoch ?? '' } : undefined;
    this.#options.onEvent({ type: 'subscribed', channel, outcome, recovered: publications.length });
    for (const publication of publications) this.#publication(channel, watched, publication);
    if (first && this.#options.history > 0) this.#readHistory(channel, watched, watched.position);
  }

  /** Reads what was published before the subscription began; without a position, what was not held meanwhile. */
  #readHistory(channel: string, watched: Watched, begun: Watched['position']): void {
    const held: Publication[] = [];
    watched.held = held;
    const id = this.#ask(({ error, history }) => {
      const live = new Set(held.map(({ offset }) => offset));
      for (const publication of (history?.publications ?? []).toReversed()) {
        if (live.has(publication.offset)) continue;
        this.#options.onEvent({ type: 'publication', channel, publication, past: true });
      }
      if (error) {
        this.#options.onEvent({ type: 'error', channel, code: error.code, message: `history: ${error.message}` });
      }
      this.#release(channel, watched);
    });
    const since = begun && { offset: begun.offset + 1, epoch: begun.epoch };
    this.#send([{ id, history: { channel, limit: this.#options.history, reverse: true, ...(since && { since }) } }]);
  }

  #release(channel: string, watched: Watched): void {
    const { held } = watched;
    watched.held = undefined;
    for (const publication of held ?? []) this.#publication(channel, watched, publication);
  }

  #publication(channel: string, watched: Watched, publication: Publication): void {
    if (watched.held) {
      watched.held.push(publication);
      return;
    }
    if (watched.position && publication.offset !== undefined) watched.position.offset = publication.offset;
    this.#options.onEvent({ type: 'publication', channel, publication, past: false });
  }

  #pushed(push: Push): void {
    const { channel = '', pub, join, leave, unsubscribe, subscribe, disconnect } = push;
    const watched = this.#watched.get(channel);
    if (pub && watched) this.#publication(channel, watched, pub);
    else if (join) this.#options.onEvent({ type: 'join', channel, info: join.info });
    else if (leave) this.#options.onEvent({ type: 'leave', channel, info: leave.info });
    else if (subscribe) this.#begin(channel, subscribe);
    else if (unsubscribe) this.#unsubscribed(channel, unsubscribe.code, unsubscribe.reason ?? '');
    else if (disconnect) this.#socket?.close(1000);
  }

  #unsubscribed(channel: string, code: number, reason: string): void {
    this.#options.onEvent({ type: 'unsubscribed', channel, code, reason });
    const watched = this.#watched.get(channel);
    if (watched) this.#release(channel, watched);
    if (code >= 2500) this.#subscribeLater(channel);
    else this.#forget(channel);
  }

  #subscribeLater(channel: string): void {
    const socket = this.#socket;
    setTimeout(() => {
      if (socket === this.#socket && socket?.readyState === WebSocket.OPEN)
        this.#send([this.#subscribeCommand(channel)]);
    }, retryMs(1)).unref();
  }

  #forget(channel: string): void {
    this.#watched.delete(channel);
    if (this.#watched.size === 0) this.#end(false);
  }

  #closed(code: number, reason: string, refused: boolean): void {
    clearTimeout(this.#silence);
    this.#silenceMs = 0;
    this.#pending.clear();
    for (const [channel, watched] of this.#watched) this.#release(channel, watched);
    if (this.#stopped) return;
    const again = isReconnectCode(code) && !refused;
    const retryInMs = again ? retryMs(++this.#attempts) : undefined;
    this.#options.onEvent({ type: 'disconnected', code, reason, retryInMs });
    if (retryInMs === undefined) this.#end(false);
    else this.#retry = setTimeout(() => this.#connect(), retryInMs);
  }
}

/** Exponential with full jitter, so that many clients do not come back at once. */
function retryMs(attempt: number): number {
  const limit = Math.min(maxRetryMs, minRetryMs * 2 ** attempt);
  return Math.round(minRetryMs + Math.random() * (limit - minRetryMs));
}
