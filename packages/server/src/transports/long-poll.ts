/**
 * Long polling, for networks where nothing else passes, and for curl. `GET /connection/poll?channels=a,b&cursor=…` or
 * `POST /connection/poll` is answered when there is news, or after a time limit without:
 *
 *     {"cursor":"…","publications":[{"channel","offset","data",…}],"reset":["a"],"unreliable":["x"]}
 *
 * Each request is one unidirectional connection that recovers from the cursor, takes what comes first and ends; so any
 * node may serve the next. `reset` names channels whose history no longer reaches back to the cursor: publications are
 * missing. `unreliable` names channels without history: what is published between two polls is not kept for them.
 * A request that brings a channel the cursor does not know is answered at once with the position of now.
 */
import type { ServerResponse } from 'node:http';
import {
  closeCodes,
  formats,
  isReconnectCode,
  jsonCodec,
  type CloseReason,
  type Connect,
  type Publication,
  type Push,
} from '@tidings/protocol';
import { sendBody } from '../http/respond.ts';
import type { HttpExchange, HttpRoute } from '../http/route.ts';
import type { Batch } from '../hub/batch.ts';
import type { Clock, TimerId } from '../lib/clock.ts';
import { forwardedHeaders } from './http-request.ts';
import { encodeCursor, type PollPosition } from './poll-cursor.ts';
import { readPollRequest, type PollRequest } from './poll-request.ts';
import type { HttpTransportOptions } from './streaming-response.ts';
import type { Accept, Handshake, Socket, SocketEvents } from './transport.ts';

/** How long a peer may take to read its answer. */
const readTimeoutMs = 30_000;
/** A body holds channel names twice, once of them inside the cursor. */
const bodyFactor = 2;

export type LongPollOptions = Omit<HttpTransportOptions, 'sessions'>;

export function longPollRoutes(options: LongPollOptions): HttpRoute[] {
  async function handle(exchange: HttpExchange): Promise<void> {
    const poll = await readPollRequest(exchange, options.limits.messageSize * bodyFactor);
    if (exchange.response.destroyed || exchange.request.socket.destroyed) return;
    const handshake: Handshake = {
      transport: 'long_poll',
      format: formats.uniHttpStreamJson,
      address: exchange.address,
      headers: forwardedHeaders(exchange.request.headers, options.forwardHeaders),
    };
    new PollSocket(handshake, poll, exchange.response, options.clock).open(options.accept);
  }
  return [
    { method: 'GET', path: '/connection/poll', audience: 'client', handle },
    { method: 'POST', path: '/connection/poll', audience: 'client', handle },
  ];
}

class PollSocket implements Socket {
  readonly handshake: Handshake;
  /** What is written goes into an answer that leaves with this turn: nothing ever waits here. */
  readonly bufferedBytes = 0;
  readonly #poll: PollRequest;
  readonly #response: ServerResponse;
  readonly #clock: Clock;
  #events: SocketEvents | undefined;
  #timer: TimerId;
  #connected = false;
  #answered = false;
  #answering = false;
  #reported = false;
  #closeCode: number = closeCodes.connectionClosed.code;
  readonly #positions = new Map<string, PollPosition>();
  readonly #publications: string[] = [];
  readonly #reset: string[] = [];
  readonly #unreliable: string[] = [];

  constructor(handshake: Handshake, poll: PollRequest, response: ServerResponse, clock: Clock) {
    this.handshake = handshake;
    this.#poll = poll;
    this.#response = response;
    this.#clock = clock;
    response.on('error', () => {});
    response.on('close', () => this.#peerLeft());
  }

  open(accept: Accept): void {
    this.#events = accept(this);
    if (this.#answered) return;
    this.#timer = this.#clock.setTimeout(() => this.#timeOut(), this.#poll.timeoutMs);
    this.#events.message(jsonCodec.encodeCommands([{ id: 1, connect: this.#poll.connect }]));
  }

  write(batch: Batch): void {
    if (this.#answered) return;
    for (const message of batch.messages()) {
      for (const push of jsonCodec.decodePushes(message)) this.#take(push);
    }
  }

  close(reason: CloseReason): void {
    if (this.#answered) return;
    this.#closeCode = reason.code;
    // What arrived before is delivered whatever the reason: the cursor counts it. The next poll learns the reason.
    const answerable = this.#connected && (this.#publications.length > 0 || isReconnectCode(reason.code));
    if (answerable) this.#answer(200, this.#news());
    else this.#refuse(reason);
    // The caller is the connection, or `accept` that has not returned yet: it must not be called from inside itself.
    setImmediate(() => this.#report());
  }

  #take(push: Push): void {
    const channel = push.channel ?? '';
    if (push.connect) {
      this.#connect(push.connect);
    } else if (push.pub) {
      this.#add(channel, push.pub);
      this.#answerSoon();
    } else if (push.subscribe) {
      this.#positions.set(channel, {
        epoch: push.subscribe.recoverable ? (push.subscribe.epoch ?? '') : '',
        offset: push.subscribe.offset ?? 0,
        serverSide: true,
      });
    } else if (push.unsubscribe) {
      // The next poll finds out: it recovers, is reset, or is refused.
      this.#answerSoon();
    }
  }

  #connect(connect: Connect): void {
    this.#connected = true;
    let isNew = false;
    for (const [channel, sub] of Object.entries(connect.subs ?? {})) {
      const before = this.#poll.positions.get(channel);
      const epoch = sub.recoverable ? (sub.epoch ?? '') : '';
      const publications = sub.publications ?? [];
      const firstOffset = publications[0]?.offset ?? Infinity;
      const offset = epoch ? Math.min(sub.offset ?? 0, firstOffset - 1) : 0;
      this.#positions.set(channel, { epoch, offset, serverSide: !this.#poll.channels.has(channel) });
      if (!epoch) this.#unreliable.push(channel);
      if (before?.epoch && !sub.recovered) this.#reset.push(channel);
      if (before?.epoch !== epoch) isNew = true;
      for (const publication of publications) this.#add(channel, publication);
    }
    if (isNew || this.#reset.length > 0 || this.#publications.length > 0) this.#answerSoon();
  }

  #add(channel: string, publication: Publication): void {
    const position = this.#positions.get(channel);
    if (position?.epoch && publication.offset) {
      if (publication.offset <= position.offset) return;
      // Beyond the limit the cursor stays behind, and the next poll recovers from there.
      if (this.#publications.length >= this.#poll.limit) return;
      this.#positions.set(channel, { ...position, offset: publication.offset });
    }
    this.#publications.push(publicationJson(channel, publication));
  }

  /** Once this turn is over, so that what comes together is answered together. */
  #answerSoon(): void {
    if (this.#answering) return;
    this.#answering = true;
    setImmediate(() => this.#end());
  }

  #timeOut(): void {
    if (this.#connected) this.#end();
    else this.#end(closeCodes.serverError);
  }

  #end(failure?: CloseReason): void {
    if (this.#answered) return;
    if (failure) this.#refuse(failure);
    else this.#answer(200, this.#news());
    this.#report();
  }

  #news(): string {
    return (
      `{"cursor":"${encodeCursor(this.#positions)}","publications":[${this.#publications.join(',')}],` +
      `"reset":${JSON.stringify(this.#reset)},"unreliable":${JSON.stringify(this.#unreliable)}}`
    );
  }

  #refuse(reason: CloseReason): void {
    const status = statusOf(reason.code);
    if (status === 429 || status === 503) this.#response.setHeader('Retry-After', '1');
    if (status === 401) this.#response.setHeader('WWW-Authenticate', 'Bearer');
    this.#answer(status, JSON.stringify({ error: { code: reason.code, message: reason.reason } }));
  }

  #answer(status: number, body: string): void {
    this.#answered = true;
    this.#clock.clearTimeout(this.#timer);
    this.#timer = this.#clock.setTimeout(() => this.#response.destroy(), readTimeoutMs);
    this.#response.setHeader('Cache-Control', 'no-store');
    sendBody(this.#response, status, 'application/json; charset=utf-8', body);
  }

  #peerLeft(): void {
    this.#answered = true;
    this.#clock.clearTimeout(this.#timer);
    this.#report();
  }

  #report(): void {
    if (this.#reported) return;
    this.#reported = true;
    this.#events?.closed(this.#closeCode);
  }
}

/** HTTP status for a connection that was refused; 503 for what may be tried again. */
function statusOf(code: number): number {
  switch (code) {
    case closeCodes.invalidToken.code:
    case closeCodes.expired.code:
    case closeCodes.subscriptionExpired.code:
      return 401;
    case closeCodes.badRequest.code:
    case closeCodes.inappropriateProtocol.code:
    case closeCodes.notAvailable.code:
      return 400;
    case closeCodes.connectionLimit.code:
    case closeCodes.channelLimit.code:
    case closeCodes.tooManyRequests.code:
    case closeCodes.tooManyErrors.code:
      return 429;
    default:
      return isReconnectCode(code) ? 503 : 403;
  }
}

/** Payloads pass as the text they are: parsing them would change large numbers. */
function publicationJson(channel: string, publication: Publication): string {
  const { data, offset, tags, time, info } = publication;
  const fields = [`"channel":${JSON.stringify(channel)}`];
  if (offset) fields.push(`"offset":${offset}`);
  fields.push(`"data":${rawJson(data)}`);
  if (tags) fields.push(`"tags":${JSON.stringify(tags)}`);
  if (time) fields.push(`"time":${time}`);
  if (info) {
    const parts = [`"user":${JSON.stringify(info.user)}`, `"client":${JSON.stringify(info.client)}`];
    if (info.conn_info) parts.push(`"conn_info":${rawJson(info.conn_info)}`);
    if (info.chan_info) parts.push(`"chan_info":${rawJson(info.chan_info)}`);
    fields.push(`"info":{${parts.join(',')}}`);
  }
  return `{${fields.join(',')}}`;
}

function rawJson(payload: Uint8Array): string {
  return payload.length > 0 ? new TextDecoder().decode(payload) : 'null';
}
