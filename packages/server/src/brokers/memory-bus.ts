/**
 * What the memory brokers of one process share: the log, and the way from each node to the others. A broker without
 * peers has a bus of its own, so one node and three take the same path.
 */
import type { ClientInfo } from '@tidings/protocol';
import type { BrokerSink, Draft, PublishOptions, PublishResult } from './broker.ts';
import { MemoryLog, type MemoryLogOptions } from './memory-log.ts';

/** One broker as the bus sees it. */
export interface MemoryNode {
  readonly id: string;
  /** What it is subscribed to. */
  readonly channels: ReadonlySet<string>;
  /** Where its events go; none before the first `onEvent` and after `stop`. */
  readonly sink: BrokerSink | undefined;
}

interface Delivery {
  /** Goes to the nodes subscribed to it; undefined: to all. */
  readonly channel: string | undefined;
  /** Goes to this node only. */
  readonly nodeId: string | undefined;
  readonly event: (sink: BrokerSink) => void;
}

export class MemoryBus {
  readonly log: MemoryLog;
  readonly #logger: MemoryLogOptions['logger'];
  /** Replaced, never changed: a node may join or leave while something is handed round. */
  #nodes: readonly MemoryNode[] = [];
  #delivering = false;
  #waiting: Delivery[] = [];

  constructor(options: MemoryLogOptions) {
    this.#logger = options.logger;
    this.log = new MemoryLog(options);
  }

  /** @throws Error if a node of this id is here already. */
  join(node: MemoryNode): void {
    if (this.#has(node.id)) {
      throw new Error(`a node with the id ${node.id} is running already; give every node an id of its own`);
    }
    if (this.#nodes.length === 0) this.log.start();
    this.#nodes = [...this.#nodes, node];
  }

  /** Does nothing if the node is not here. The log stays, as a broker outside of the process would. */
  leave(node: MemoryNode): void {
    const others = this.#nodes.filter((other) => other !== node);
    if (others.length === 0 && this.#nodes.length > 0) this.log.stop();
    this.#nodes = others;
  }

  publish(channel: string, draft: Draft, options: PublishOptions): PublishResult {
    const { result, publication } = this.log.append(channel, draft, options);
    if (publication) {
      this.#deliver(channel, undefined, (sink) => sink.publication(channel, publication, result.position));
    }
    return result;
  }

  /** Whether any node is. */
  isSubscribed(channel: string): boolean {
    for (const node of this.#nodes) if (node.channels.has(channel)) return true;
    return false;
  }

  publishJoin(channel: string, info: ClientInfo): void {
    this.#deliver(channel, undefined, (sink) => sink.join(channel, info));
  }

  publishLeave(channel: string, info: ClientInfo): void {
    this.#deliver(channel, undefined, (sink) => sink.leave(channel, info));
  }

  /** See `Broker.sendControl`. */
  sendControl(nodeId: string | undefined, message: Uint8Array): boolean {
    if (nodeId !== undefined && !this.#has(nodeId)) return false;
    this.#deliver(undefined, nodeId, (sink) => sink.control(message));
    return true;
  }

  #has(nodeId: string): boolean {
    return this.#nodes.some((node) => node.id === nodeId);
  }

  /**
   * Calls the sinks. A sink may publish in turn: that waits until every node has the event at hand, or nodes would
   * see the two in different order.
   */
  #deliver(channel: string | undefined, nodeId: string | undefined, event: (sink: BrokerSink) => void): void {
    if (this.#delivering) {
      this.#waiting.push({ channel, nodeId, event });
      return;
    }
    this.#delivering = true;
    this.#handRound(channel, nodeId, event);
    if (this.#waiting.length > 0) {
      // The list grows while it is worked through.
      for (const next of this.#waiting) this.#handRound(next.channel, next.nodeId, next.event);
      this.#waiting = [];
    }
    this.#delivering = false;
  }

  #handRound(channel: string | undefined, nodeId: string | undefined, event: (sink: BrokerSink) => void): void {
    for (const node of this.#nodes) {
      if (channel !== undefined && !node.channels.has(channel)) continue;
      if (!node.sink || (nodeId !== undefined && nodeId !== node.id)) continue;
      try {
        event(node.sink);
      } catch (error) {
        // Against the sink's law. The other nodes must not pay for it.
        this.#logger?.error({ err: error, channel, node: node.id }, 'a broker sink failed');
      }
    }
  }
}
