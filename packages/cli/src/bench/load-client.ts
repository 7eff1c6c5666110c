/**
 * One client of a load: the Centrifuge protocol over a `LoadSocket`. It connects, subscribes, publishes and answers
 * pings, and never reconnects by itself: a lost connection is a result.
 */
import type { Codec, Command, Publication, Reply, SubscribeRequest, SubscribeResult } from '@tidings/protocol';
import { LoadSocket } from './load-socket.ts';

/** Where a load goes and how it speaks there. */
export interface LoadTarget {
  readonly url: URL;
  readonly codec: Codec;
  /** The connection token of client number `index`; undefined connects without. */
  readonly tokenFor: (index: number) => string | undefined;
  /** How long a handshake or a reply may take. */
  readonly timeoutMs: number;
}

export type OnPublication = (publication: Publication, channel: string) => void;

interface Waiting {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

export class LoadClient {
  readonly #target: LoadTarget;
  readonly #socket: LoadSocket;
  readonly #waiting = new Map<number, Waiting>();
  readonly #gone: Promise<void>;
  #onPublication: OnPublication | undefined;
  #nextId = 1;
  #answersPings = false;
  #closed: string | undefined;

  private constructor(target: LoadTarget, socket: LoadSocket) {
    this.#target = target;
    this.#socket = socket;
    this.#gone = new Promise((resolve) =>
      socket.listen({
        message: (data, binary) => this.#message(data, binary),
        closed: (code, reason) => {
          this.#fail(`closed by the server: ${code}${reason && ` ${reason}`}`);
          resolve();
        },
      }),
    );
  }

  /** Opens the WebSocket; sends nothing yet. */
  static async open(target: LoadTarget): Promise<LoadClient> {
    const socket = await LoadSocket.open({
      url: target.url,
      timeoutMs: target.timeoutMs,
      ...(target.codec.name === 'protobuf' && { subprotocol: 'centrifuge-protobuf' }),
    });
    return new LoadClient(target, socket);
  }

  /** Why the connection is gone; undefined while it is there. */
  get closed(): string | undefined {
    return this.#closed;
  }

  /** Hears of publications of every channel. */
  onPublication(listener: OnPublication): void {
    this.#onPublication = listener;
  }

  /**
   * Connects, and subscribes in the same frame as SDKs do.
   * @param index which of the target's tokens to use.
   * @returns the subscription's result; undefined without `subscribe`.
   * @throws Error with the server's code and message if it refuses either.
   */
  async connect(index: number, subscribe?: SubscribeRequest): Promise<SubscribeResult | undefined> {
    const token = this.#target.tokenFor(index);
    const commands: Command[] = [{ id: this.#nextId++, connect: token === undefined ? {} : { token } }];
    if (subscribe) commands.push({ id: this.#nextId++, subscribe });
    const [connected, subscribed] = await Promise.all(this.#request(commands));
    if (connected?.connect?.pong) this.#answersPings = true;
    if (subscribe && !subscribed?.subscribe) throw new Error('the reply to subscribe holds no result');
    return subscribed?.subscribe;
  }

  /** Publishes; resolves when the server has taken it. */
  async publish(channel: string, data: Uint8Array): Promise<void> {
    await this.#request([{ id: this.#nextId++, publish: { channel, data } }])[0];
  }

  async unsubscribe(channel: string): Promise<void> {
    await this.#request([{ id: this.#nextId++, unsubscribe: { channel } }])[0];
  }

  /** Leaves with a close frame; resolves when the connection is gone. A server that does not close it is cut off. */
  async leave(): Promise<void> {
    this.#socket.close();
    const timer = setTimeout(() => this.#socket.destroy(), this.#target.timeoutMs);
    await this.#gone;
    clearTimeout(timer);
  }

  /** Cuts the line, as a network does. */
  cut(): void {
    this.#socket.destroy();
  }

  #request(commands: readonly Command[]): Promise<Reply>[] {
    const replies = commands.map(
      (command) =>
        new Promise<Reply>((resolve, reject) => {
          if (this.#closed !== undefined) return reject(new Error(this.#closed));
          const method = Object.keys(command)[1];
          const { timeoutMs } = this.#target;
          const timer = setTimeout(() => {
            this.#waiting.delete(command.id as number);
            reject(new Error(`no reply to ${method} within ${timeoutMs} ms`));
          }, timeoutMs);
          this.#waiting.set(command.id as number, {
            timer,
            reject,
            resolve: ({ error, ...reply }) =>
              error ? reject(new Error(`${method} refused: ${error.code} ${error.message}`)) : resolve(reply),
          });
        }),
    );
    // Whoever awaits only some of them must not leave an unhandled rejection behind.
    for (const reply of replies) reply.catch(() => {});
    this.#send(commands);
    return replies;
  }

  #send(commands: readonly Command[]): void {
    const bytes = this.#target.codec.encodeCommands(commands);
    this.#socket.send(this.#target.codec.name === 'json' ? Buffer.from(bytes).toString() : bytes);
  }

  #message(data: Buffer, binary: boolean): void {
    const { codec } = this.#target;
    let replies: Reply[];
    try {
      replies = codec.decodeReplies(binary ? data : data.toString());
    } catch (error) {
      this.#fail(`the server sent what is not the protocol: ${(error as Error).message}`);
      return this.#socket.destroy();
    }
    for (const reply of replies) {
      if (reply.push) {
        const { pub, channel = '', disconnect, unsubscribe } = reply.push;
        if (pub) this.#onPublication?.(pub, channel);
        else if (disconnect) this.#fail(`disconnected by the server: ${disconnect.code} ${disconnect.reason}`);
        else if (unsubscribe) this.#fail(`unsubscribed by the server: ${unsubscribe.code} ${unsubscribe.reason}`);
      } else if (reply.id) {
        const waiting = this.#waiting.get(reply.id);
        if (!waiting) continue;
        this.#waiting.delete(reply.id);
        clearTimeout(waiting.timer);
        waiting.resolve(reply);
      } else if (this.#answersPings) {
        this.#send([{}]);
      }
    }
  }

  #fail(why: string): void {
    this.#closed ??= why;
    for (const { reject, timer } of this.#waiting.values()) {
      clearTimeout(timer);
      reject(new Error(this.#closed));
    }
    this.#waiting.clear();
  }
}
