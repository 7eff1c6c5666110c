/**
 * Stands in for connections where a transport is tested alone: records what sockets report, writes what a test says, and
 * watches that the law of `SocketEvents` is kept.
 */
import {
  jsonCodec,
  protobufCodec,
  type Codec,
  type CloseReason,
  type Command,
  type ConnectRequest,
  type Push,
  type Reply,
} from '@tidings/protocol';
import { Batch } from '../hub/batch.ts';
import { Inbox } from '../transports/inbox.ts';
import type { Accept, Socket, SocketEvents } from '../transports/transport.ts';

/** Node id in connect results: emulation requests name it. */
export const scriptedNodeId = 'node-1';
/** Epoch of every channel. */
export const scriptedEpoch = 'epoch';

export class ScriptedApplication {
  readonly connections: ScriptedConnection[] = [];
  /** What broke the law of `SocketEvents`. */
  readonly violations: string[] = [];
  /** Closes new sockets before `accept` returns. */
  refuseWith: CloseReason | undefined;
  readonly #arrived = new Inbox<ScriptedConnection>();

  readonly accept: Accept = (socket) => {
    const connection = new ScriptedConnection(socket, this.violations);
    this.connections.push(connection);
    this.#arrived.add(connection);
    if (this.refuseWith) socket.close(this.refuseWith);
    return connection.events;
  };

  /** The next connection that arrives. */
  arrival(): Promise<ScriptedConnection> {
    return this.#arrived.next();
  }
}

export class ScriptedConnection {
  readonly socket: Socket;
  readonly codec: Codec;
  /** Frames that arrived and were not taken yet. */
  readonly frames = new Inbox<string | Uint8Array>();
  readonly closedCodes: number[] = [];
  readonly events: SocketEvents;
  readonly #violations: string[];
  #inside = false;

  constructor(socket: Socket, violations: string[]) {
    this.socket = socket;
    this.#violations = violations;
    this.codec = socket.handshake.format.codec === 'json' ? jsonCodec : protobufCodec;
    this.events = {
      message: (frame) => this.#report('message', () => this.frames.add(frame)),
      closed: (code) =>
        this.#report('closed', () => {
          this.closedCodes.push(code);
          this.frames.end(new Error('closed'));
        }),
    };
  }

  /** The next frame, decoded. */
  async commands(): Promise<Command[]> {
    return this.codec.decodeCommands(await this.frames.next());
  }

  /** Takes the connect command and answers it. */
  async connect(): Promise<ConnectRequest> {
    const [command] = await this.commands();
    const connect = command?.connect ?? {};
    const { session } = this.socket;
    const subs = Object.fromEntries(
      Object.entries(connect.subs ?? {}).map(([channel, { recover, offset = 0 }]) => [
        channel,
        { recoverable: true, epoch: scriptedEpoch, offset, ...(recover && { was_recovering: true, recovered: true }) },
      ]),
    );
    const result = { client: 'client-1', subs, ...(session !== undefined && { session, node: scriptedNodeId }) };
    if (this.socket.handshake.format.unidirectional) this.push({ connect: result });
    else this.reply({ id: command?.id ?? 0, connect: result });
    return connect;
  }

  /** Writes pushes as one batch. */
  push(...pushes: Push[]): void {
    if (!this.socket.handshake.format.unidirectional) return this.reply(...pushes.map((push) => ({ push })));
    this.#write(pushes.map((push) => this.codec.encodePush(push)));
  }

  /** Writes replies as one batch. */
  reply(...replies: Reply[]): void {
    this.#write(replies.map((reply) => this.codec.encodeReply(reply)));
  }

  #write(messages: Uint8Array[]): void {
    let batch = Batch.root(this.socket.handshake.format);
    for (const message of messages) batch = batch.append(message);
    this.#inside = true;
    this.socket.write(batch);
    this.#inside = false;
  }

  close(reason: CloseReason): void {
    this.#inside = true;
    this.socket.close(reason);
    this.#inside = false;
  }

  #report(name: string, record: () => void): void {
    if (this.#inside) this.#violations.push(`${name} from inside another call`);
    if (this.closedCodes.length > 0) this.#violations.push(`${name} after closed`);
    this.#inside = true;
    record();
    this.#inside = false;
  }
}
