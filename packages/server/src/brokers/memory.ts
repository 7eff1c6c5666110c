/**
 * The embedded broker: no server beside this process, history in memory. Alone it serves one node; several in one
 * process form a cluster on a shared `MemoryBus`, with the same law as any other broker.
 *
 * It stands on the path of every message: `publish` appends, and calls the hub before it returns.
 */
import type { ClientInfo } from '@tidings/protocol';
import { newId } from '../lib/ids.ts';
import type { Broker, BrokerSink, Draft, HistoryReader, PublishOptions, PublishResult } from './broker.ts';
import { MemoryBus } from './memory-bus.ts';
import type { MemoryLogOptions, MemoryLogUsage } from './memory-log.ts';

export { MemoryBus } from './memory-bus.ts';
export type { MemoryLogOptions, MemoryLogUsage } from './memory-log.ts';

export interface MemoryBrokerOptions extends MemoryLogOptions {
  /** Joins the brokers on this bus; clock and bounds are then those of the bus. Without one the broker stands alone. */
  readonly bus?: MemoryBus;
  readonly nodeId?: string;
}

export class MemoryBroker implements Broker {
  readonly name = 'memory broker';
  readonly nodeId: string;
  readonly history: HistoryReader;
  readonly #bus: MemoryBus;
  readonly #channels = new Set<string>();
  readonly #node: { readonly id: string; readonly channels: ReadonlySet<string>; sink: BrokerSink | undefined };
  #sink: BrokerSink | undefined;
  #running = false;

  constructor(options: MemoryBrokerOptions) {
    this.nodeId = options.nodeId ?? newId();
    this.#bus = options.bus ?? new MemoryBus(options);
    this.#node = { id: this.nodeId, channels: this.#channels, sink: undefined };
    this.history = {
      read: async (channel, query, metaTtlMs) => {
        this.#check();
        return this.#bus.log.read(channel, query, metaTtlMs);
      },
      remove: async (channel) => {
        this.#check();
        this.#bus.log.remove(channel);
      },
    };
  }

  /** What history costs, for metrics; of the whole bus. */
  get usage(): MemoryLogUsage {
    return this.#bus.log.usage;
  }

  onEvent(sink: BrokerSink): void {
    this.#sink = sink;
    if (this.#running) this.#node.sink = sink;
  }

  /** @throws Error if another node on the bus has the same id. */
  async start(): Promise<void> {
    if (this.#running) return;
    this.#bus.join(this.#node);
    this.#node.sink = this.#sink;
    this.#running = true;
  }

  async stop(): Promise<void> {
    this.#running = false;
    this.#node.sink = undefined;
    this.#channels.clear();
    this.#bus.leave(this.#node);
  }

  async subscribe(channel: string): Promise<void> {
    this.#check();
    this.#channels.add(channel);
  }

  async unsubscribe(channel: string): Promise<void> {
    this.#channels.delete(channel);
  }

  async publish(channel: string, draft: Draft, options: PublishOptions): Promise<PublishResult> {
    this.#check();
    return this.#bus.publish(channel, draft, options);
  }

  isSubscribed(channel: string): boolean {
    return this.#bus.isSubscribed(channel);
  }

  async publishJoin(channel: string, info: ClientInfo): Promise<void> {
    this.#check();
    this.#bus.publishJoin(channel, info);
  }

  async publishLeave(channel: string, info: ClientInfo): Promise<void> {
    this.#check();
    this.#bus.publishLeave(channel, info);
  }

  async sendControl(nodeId: string | undefined, message: Uint8Array): Promise<boolean> {
    this.#check();
    return this.#bus.sendControl(nodeId, message);
  }

  #check(): void {
    if (!this.#running) throw new Error('the memory broker is not running');
  }
}
