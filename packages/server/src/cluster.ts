/**
 * Which nodes there are, and calls between them, over the broker's control messages. A single node takes the same path
 * with itself as the only peer.
 */
import type { Broker } from './brokers/broker.ts';
import type { Component } from './component.ts';
import type { Clock, TimerId } from './lib/clock.ts';
import { newId } from './lib/ids.ts';
import type { Logger } from './lib/logger.ts';

const announceIntervalMs = 3_000;
/** A node not heard of for this long is gone. */
const nodeTtlMs = 10_000;
const callTimeoutMs = 5_000;

/** What a node tells about itself. */
export interface NodeInfo {
  readonly uid: string;
  readonly name: string;
  readonly version: string;
  readonly clients: number;
  readonly users: number;
  readonly subscriptions: number;
  readonly channels: number;
  /** Seconds. */
  readonly uptime: number;
}

type ControlMessage =
  | { readonly type: 'announce'; readonly node: NodeInfo }
  | { readonly type: 'leave'; readonly node: string }
  | {
      readonly type: 'call';
      readonly id: string;
      readonly from: string;
      readonly method: string;
      readonly params: unknown;
    }
  | {
      readonly type: 'result';
      readonly id: string;
      readonly from: string;
      readonly result?: unknown;
      readonly error?: string;
    };

interface PendingCall {
  readonly waitingFor: Set<string>;
  readonly results: unknown[];
  readonly done: (error?: Error) => void;
}

export class NoSuchNodeError extends Error {
  constructor(nodeId: string) {
    super(`no node ${nodeId}`);
    this.name = 'NoSuchNodeError';
  }
}

export interface ClusterOptions {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly self: () => NodeInfo;
  /** What other nodes may call here; params and results are JSON, with `Uint8Array` allowed. */
  readonly methods: Readonly<Record<string, (params: never) => unknown>>;
}

export class Cluster implements Component {
  readonly name = 'cluster';
  readonly #options: ClusterOptions;
  readonly #nodes = new Map<string, { info: NodeInfo; seenMs: number }>();
  readonly #calls = new Map<string, PendingCall>();
  #timer: TimerId;
  #stopped = false;

  constructor(options: ClusterOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    await this.#announce();
  }

  async stop(): Promise<void> {
    const { broker, clock } = this.#options;
    this.#stopped = true;
    clock.clearTimeout(this.#timer);
    for (const call of this.#calls.values()) call.done(new Error('node is stopping'));
    await this.#send(undefined, { type: 'leave', node: broker.nodeId }).catch(() => {});
  }

  /** Every node known to live, this one included. */
  nodes(): NodeInfo[] {
    const { broker, clock, self } = this.#options;
    const nowMs = clock.now();
    for (const [id, { seenMs }] of this.#nodes) if (nowMs - seenMs > nodeTtlMs) this.#forget(id);
    const others = [...this.#nodes].filter(([id]) => id !== broker.nodeId).map(([, { info }]) => info);
    return [self(), ...others];
  }

  /**
   * Calls a method on one node.
   * @throws NoSuchNodeError, or Error when the node fails or does not answer within 5 s.
   */
  async call(nodeId: string, method: string, params: unknown): Promise<unknown> {
    if (!this.nodes().some((node) => node.uid === nodeId)) throw new NoSuchNodeError(nodeId);
    return (await this.#call(new Set([nodeId]), nodeId, method, params))[0];
  }

  /** Calls a method on every node; results in no particular order. A node that dies meanwhile is left out. */
  callAll(method: string, params: unknown): Promise<unknown[]> {
    return this.#call(new Set(this.nodes().map((node) => node.uid)), undefined, method, params);
  }

  /** A control message arrived from the broker. */
  receive(bytes: Uint8Array): void {
    try {
      this.#take(decode(bytes));
    } catch (error) {
      this.#options.logger.warn({ err: error }, 'undecodable control message');
    }
  }

  #take(message: ControlMessage): void {
    switch (message.type) {
      case 'announce':
        this.#meet(message.node);
        break;
      case 'leave':
        this.#forget(message.node);
        break;
      case 'call':
        void this.#answer(message);
        break;
      case 'result':
        this.#settle(message.id, message.from, message.result, message.error);
        break;
    }
  }

  #meet(node: NodeInfo): void {
    const { broker, clock, self, logger } = this.#options;
    const isNew = !this.#nodes.has(node.uid);
    this.#nodes.set(node.uid, { info: node, seenMs: clock.now() });
    if (!isNew || node.uid === broker.nodeId || this.#stopped) return;
    // A node that just came must not wait for the next announcement: what it asks of all nodes would pass us by.
    this.#send(node.uid, { type: 'announce', node: self() }).catch((error: unknown) => {
      logger.warn({ err: error, node: node.uid }, 'a new node could not be greeted');
    });
  }

  async #announce(): Promise<void> {
    const { clock, logger, self } = this.#options;
    await this.#send(undefined, { type: 'announce', node: self() }).catch((error: unknown) => {
      logger.warn({ err: error }, 'this node could not be announced');
    });
    if (!this.#stopped) this.#timer = clock.setTimeout(() => void this.#announce(), announceIntervalMs);
  }

  #call(waitingFor: Set<string>, nodeId: string | undefined, method: string, params: unknown): Promise<unknown[]> {
    const { broker, clock } = this.#options;
    const id = newId();
    return new Promise((resolve, reject) => {
      const results: unknown[] = [];
      const startedMs = clock.now();
      const timer = clock.setTimeout(() => this.#giveUp(id, method, startedMs), callTimeoutMs);
      const done = (error?: Error): void => {
        clock.clearTimeout(timer);
        this.#calls.delete(id);
        if (error) reject(error);
        else resolve(results);
      };
      this.#calls.set(id, { waitingFor, results, done });
      this.#send(nodeId, { type: 'call', id, from: broker.nodeId, method, params }).then((sent) => {
        if (!sent) done(new NoSuchNodeError(nodeId ?? ''));
      }, done);
    });
  }

  /** Time is up: a node that has not even announced itself since the call is gone, and nobody waits for it. */
  #giveUp(id: string, method: string, startedMs: number): void {
    const call = this.#calls.get(id);
    if (!call) return;
    for (const nodeId of call.waitingFor) {
      if ((this.#nodes.get(nodeId)?.seenMs ?? 0) <= startedMs) this.#forget(nodeId);
    }
    const late = [...call.waitingFor].join(', ');
    if (late !== '') call.done(new Error(`no answer to ${method} from ${late} within ${callTimeoutMs} ms`));
  }

  async #answer(call: ControlMessage & { type: 'call' }): Promise<void> {
    const { broker, methods, logger } = this.#options;
    const answer = { type: 'result', id: call.id, from: broker.nodeId } as const;
    let message: ControlMessage;
    try {
      const method = Object.hasOwn(methods, call.method) ? methods[call.method] : undefined;
      if (!method) throw new Error(`unknown method ${call.method}`);
      message = { ...answer, result: await method(call.params as never) };
    } catch (error) {
      message = { ...answer, error: String(error) };
    }
    await this.#send(call.from, message).catch((error: unknown) =>
      logger.warn({ err: error }, 'a call was not answered'),
    );
  }

  #settle(id: string, from: string, result: unknown, error: string | undefined): void {
    const call = this.#calls.get(id);
    if (!call || !call.waitingFor.delete(from)) return;
    if (error !== undefined) call.done(new Error(error));
    else call.results.push(result);
    if (call.waitingFor.size === 0) call.done();
  }

  #forget(nodeId: string): void {
    this.#nodes.delete(nodeId);
    for (const call of this.#calls.values()) {
      if (call.waitingFor.delete(nodeId) && call.waitingFor.size === 0) call.done();
    }
  }

  #send(nodeId: string | undefined, message: ControlMessage): Promise<boolean> {
    return this.#options.broker.sendControl(nodeId, encode(message));
  }
}

/** Bytes travel as `{"$bytes": "<base64>"}`. */
function encode(message: ControlMessage): Uint8Array {
  return new TextEncoder().encode(
    JSON.stringify(message, (_key, value: unknown) =>
      value instanceof Uint8Array
        ? { $bytes: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64') }
        : value,
    ),
  );
}

function decode(bytes: Uint8Array): ControlMessage {
  return JSON.parse(new TextDecoder().decode(bytes), (_key, value: unknown) => {
    const base64 = typeof value === 'object' && value !== null ? (value as { $bytes?: unknown }).$bytes : undefined;
    return typeof base64 === 'string' ? new Uint8Array(Buffer.from(base64, 'base64')) : value;
  }) as ControlMessage;
}
