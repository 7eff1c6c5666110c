/** Brokers under test, with a record of what each reported. */
import type { ClientInfo, Publication } from '@tidings/protocol';
import type { Broker, BrokerSink, Position, PublishOptions } from '../brokers/broker.ts';
import { startAll } from '../component.ts';
import type { FakeClock } from '../lib/clock.ts';
import { newId } from '../lib/ids.ts';

export interface BrokerNodes {
  /** Not started; all of one cluster. */
  readonly brokers: readonly Broker[];
  /** The clock the brokers ask; undefined: they live in real time. */
  readonly clock: FakeClock | undefined;
  /** Stops the brokers and whatever else was started for them. */
  stop(): Promise<void>;
}

/** Makes a cluster of so many nodes. Clusters made one after the other may share a server. */
export type BrokerFactory = (nodes: number) => Promise<BrokerNodes>;

/** Options for a channel without history. */
export const ephemeral: PublishOptions = { historySize: 0, historyTtlMs: 0, historyMetaTtlMs: 0 };
/** Options for a channel with more history than a test writes, kept longer than a test takes. */
export const durable: PublishOptions = { historySize: 1_000, historyTtlMs: 600_000, historyMetaTtlMs: 3_600_000 };

export interface Received {
  readonly publication: Publication;
  readonly position: Position | undefined;
}

/** Everything a node's broker reported. */
export class BrokerRecord implements BrokerSink {
  readonly publications = new Map<string, Received[]>();
  readonly joins: { channel: string; info: ClientInfo }[] = [];
  readonly leaves: { channel: string; info: ClientInfo }[] = [];
  readonly controls: string[] = [];
  readonly gaps: string[] = [];
  /** Called first, before a publication is recorded. */
  onPublication: ((channel: string, publication: Publication) => void) | undefined;

  publication(channel: string, publication: Publication, position: Position | undefined): void {
    this.onPublication?.(channel, publication);
    const received = this.publications.get(channel);
    if (received) received.push({ publication, position });
    else this.publications.set(channel, [{ publication, position }]);
  }

  join(channel: string, info: ClientInfo): void {
    this.joins.push({ channel, info });
  }

  leave(channel: string, info: ClientInfo): void {
    this.leaves.push({ channel, info });
  }

  control(message: Uint8Array): void {
    this.controls.push(text(message));
  }

  gap(channel: string): void {
    this.gaps.push(channel);
  }

  /** What arrived on a channel, as text, each once: a broker may deliver twice. Texts must differ. */
  texts(channel: string): string[] {
    const received = this.publications.get(channel) ?? [];
    return [...new Set(received.map(({ publication }) => text(publication.data)))];
  }
}

export interface TestNode {
  readonly broker: Broker;
  readonly record: BrokerRecord;
}

/** A running cluster. Use with `await using`. */
export class TestCluster {
  readonly nodes: readonly TestNode[];
  readonly clock: FakeClock | undefined;
  readonly #stop: () => Promise<void>;

  private constructor(nodes: readonly TestNode[], clock: FakeClock | undefined, stop: () => Promise<void>) {
    this.nodes = nodes;
    this.clock = clock;
    this.#stop = stop;
  }

  static async start(factory: BrokerFactory, size: number): Promise<TestCluster> {
    const made = await factory(size);
    const nodes = made.brokers.map((broker) => ({ broker, record: new BrokerRecord() }));
    for (const { broker, record } of nodes) broker.onEvent(record);
    await startAll(made.brokers);
    return new TestCluster(nodes, made.clock, () => made.stop());
  }

  node(index: number): TestNode {
    const node = this.nodes[index];
    if (!node) throw new Error(`the factory made no node ${index}`);
    return node;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
  }
}

/** A channel that no other test uses, even on a server that keeps what earlier ones wrote. */
export function newChannel(name = 'channel'): string {
  return `conformance:${name}:${newId()}`;
}

export function bytes(content: string): Uint8Array {
  return new TextEncoder().encode(content);
}

export function text(content: Uint8Array): string {
  return new TextDecoder().decode(content);
}
