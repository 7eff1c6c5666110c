/**
 * A broker around another that misbehaves as the law of brokers allows: publications late, twice, or lost; history that
 * takes its time. For tests of what stands behind it.
 */
import type { ClientInfo, Publication } from '@tidings/protocol';
import type {
  Broker,
  BrokerSink,
  Draft,
  HistoryReader,
  Position,
  PublishOptions,
  PublishResult,
} from '../brokers/broker.ts';
import { settle } from '../lib/clock.ts';

/** What happens to publications on their way to this node. */
export type Fault = 'none' | 'late' | 'twice' | 'lost';

export class FaultyBroker implements Broker {
  readonly name = 'faulty broker';
  readonly nodeId: string;
  readonly history: HistoryReader;
  fault: Fault = 'none';
  /** What happens just before and just after history is read: others publish, the client goes, the read fails. */
  beforeRead: (() => Promise<void> | void) | undefined;
  afterRead: (() => Promise<void> | void) | undefined;
  readonly #inner: Broker;
  readonly #late: (() => void)[] = [];
  #sink: BrokerSink | undefined;

  constructor(inner: Broker) {
    this.#inner = inner;
    this.nodeId = inner.nodeId;
    this.history = {
      read: async (channel, query, metaTtlMs) => {
        await settle();
        await this.beforeRead?.();
        const page = await inner.history.read(channel, query, metaTtlMs);
        await this.afterRead?.();
        await settle();
        return page;
      },
      remove: (channel) => inner.history.remove(channel),
    };
  }

  /** Delivers what was late, in order; later publications pass again. */
  release(): void {
    this.fault = 'none';
    for (const deliver of this.#late.splice(0)) deliver();
  }

  /** Says that publications of this channel may have been missed. */
  reportGap(channel: string): void {
    this.#sink?.gap(channel);
  }

  onEvent(sink: BrokerSink): void {
    this.#sink = sink;
    this.#inner.onEvent({
      publication: (channel, publication, position) => this.#pass(sink, channel, publication, position),
      join: (channel, info) => sink.join(channel, info),
      leave: (channel, info) => sink.leave(channel, info),
      control: (message) => sink.control(message),
      gap: (channel) => sink.gap(channel),
    });
  }

  #pass(sink: BrokerSink, channel: string, publication: Publication, position: Position | undefined): void {
    const deliver = (): void => sink.publication(channel, publication, position);
    switch (this.fault) {
      case 'lost':
        return;
      case 'late':
        this.#late.push(deliver);
        return;
      case 'twice':
        deliver();
        deliver();
        return;
      case 'none':
        deliver();
    }
  }

  start(): Promise<void> {
    return this.#inner.start();
  }
  stop(): Promise<void> {
    return this.#inner.stop();
  }
  subscribe(channel: string): Promise<void> {
    return this.#inner.subscribe(channel);
  }
  unsubscribe(channel: string): Promise<void> {
    return this.#inner.unsubscribe(channel);
  }
  publish(channel: string, draft: Draft, options: PublishOptions): Promise<PublishResult> {
    return this.#inner.publish(channel, draft, options);
  }
  publishJoin(channel: string, info: ClientInfo): Promise<void> {
    return this.#inner.publishJoin(channel, info);
  }
  publishLeave(channel: string, info: ClientInfo): Promise<void> {
    return this.#inner.publishLeave(channel, info);
  }
  sendControl(nodeId: string | undefined, message: Uint8Array): Promise<boolean> {
    return this.#inner.sendControl(nodeId, message);
  }
}
