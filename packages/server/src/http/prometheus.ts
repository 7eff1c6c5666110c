/**
 * The state of this node as Prometheus metrics: reads the plain counters of `lib/metrics.ts` when somebody asks, so
 * that counting costs nothing on the delivery path. Names are `tidings_*` in base units; see `metrics-routes.ts`.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Registry, type Metric } from 'prom-client';
import type { Component } from '../component.ts';
import { CounterMap, CounterTable, type HistogramMap, type Metrics } from '../lib/metrics.ts';

/** What is there now, asked for at every scrape. */
export interface Gauges {
  /** By transport. */
  readonly connections: Readonly<Record<string, number>>;
  readonly users: number;
  readonly subscriptions: number;
  readonly channels: number;
  readonly sessions: number;
}

type LoopDelay = ReturnType<typeof monitorEventLoopDelay>;

interface Sample {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  /** Of the sample, where it differs from the family's. */
  readonly metricName?: string;
}

interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly label?: string;
  /** Instead of `label`: what stands before and behind the first dot of its value. */
  readonly labels?: readonly [string, string];
  /** Second label of a table. */
  readonly columnLabel?: string;
}

type MetricField = {
  [K in keyof Metrics]: Metrics[K] extends number | CounterMap | CounterTable | HistogramMap ? K : never;
}[keyof Metrics];

/** How often the delay of the event loop is looked at. */
const sampleMs = 10;

/** One entry for every field of `Metrics`: the compiler asks for it when a field is added. */
const families: Record<MetricField, Omit<Family, 'type'>> = {
  connectionsAccepted: {
    name: 'tidings_connections_accepted_total',
    help: 'Connections accepted.',
    label: 'transport',
  },
  connectionsClosed: {
    name: 'tidings_connections_closed_total',
    help: 'Connections closed, by close code.',
    label: 'code',
  },
  commands: { name: 'tidings_commands_total', help: 'Commands received from clients.', label: 'method' },
  errors: { name: 'tidings_errors_total', help: 'Error replies to clients.', label: 'code' },
  unsubscribes: { name: 'tidings_unsubscribes_total', help: 'Subscriptions ended by the server.', label: 'code' },
  recoveries: {
    name: 'tidings_recoveries_total',
    help: 'Recoveries of subscriptions: recovered or reset.',
    label: 'outcome',
  },
  denials: { name: 'tidings_denials_total', help: 'Actions refused for want of permission.', label: 'action' },
  channelDenials: {
    name: 'tidings_channel_denials_total',
    help: 'Actions refused on channels, by pattern of the channel.',
    label: 'pattern',
    columnLabel: 'action',
  },
  ruleErrors: {
    name: 'tidings_rule_errors_total',
    help: 'Evaluations of a rule that ended in an error, which denies.',
    label: 'pattern',
    columnLabel: 'action',
  },
  ruleReevaluations: {
    name: 'tidings_rule_reevaluations_total',
    help: 'Subscriptions whose rules were asked again, because something they rest on changed.',
  },
  ruleEndings: { name: 'tidings_rule_endings_total', help: 'Subscriptions that ended because a rule no longer held.' },
  publications: {
    name: 'tidings_publications_total',
    help: 'Publications taken from clients and servers.',
    label: 'origin',
  },
  bytesReceived: { name: 'tidings_received_bytes_total', help: 'Bytes received from clients.' },
  framesReceived: { name: 'tidings_received_frames_total', help: 'Frames and bodies received from clients.' },
  messagesSent: { name: 'tidings_sent_messages_total', help: 'Replies and pushes sent to clients.' },
  framesSent: {
    name: 'tidings_sent_frames_total',
    help: 'Frames sent to clients; a frame holds one or more messages.',
  },
  bytesSent: { name: 'tidings_sent_bytes_total', help: 'Bytes sent to clients.' },
  deliveries: { name: 'tidings_deliveries_total', help: 'Deliveries: one publication to one subscription.' },
  commandSeconds: { name: 'tidings_command_duration_seconds', help: 'Time from command to reply.', label: 'method' },
  hookSeconds: { name: 'tidings_hook_duration_seconds', help: 'Time of calls to the application.', label: 'hook' },
  hookFailures: { name: 'tidings_hook_failures_total', help: 'Failed calls to the application.', label: 'hook' },
  events: {
    name: 'tidings_events_total',
    help: 'Events to the application: delivered, retried, dropped or dead (given up and kept).',
    label: 'outcome',
  },
  moduleOperations: {
    name: 'tidings_module_operations_total',
    help: 'What modules such as chat did, by outcome: ok, refused or failed.',
    labels: ['module', 'operation'],
    columnLabel: 'outcome',
  },
  moduleSeconds: {
    name: 'tidings_module_operation_duration_seconds',
    help: 'Time of commands of modules.',
    labels: ['module', 'operation'],
  },
  apiCalls: { name: 'tidings_api_calls_total', help: 'Calls of the server API.', label: 'method' },
  apiSeconds: { name: 'tidings_api_duration_seconds', help: 'Time of server API calls.', label: 'method' },
};

export interface PrometheusOptions {
  readonly metrics: Metrics;
  readonly gauges: () => Gauges;
  /** Version of the server. */
  readonly version: string;
}

export class Prometheus implements Component {
  readonly name = 'metrics';
  /** Add metrics of the application here. */
  readonly registry: Registry = new Registry();
  readonly #options: PrometheusOptions;
  #loopDelay: LoopDelay | undefined;

  constructor(options: PrometheusOptions) {
    this.#options = options;
    for (const [field, family] of Object.entries(families) as [MetricField, Omit<Family, 'type'>][]) {
      const source = options.metrics[field];
      if (typeof source === 'number') {
        this.#add({ ...family, type: 'counter' }, () => [{ labels: {}, value: options.metrics[field] as number }]);
      } else if (source instanceof CounterMap) {
        this.#add({ ...family, type: 'counter' }, () => labelled(family.label ?? 'label', source.counts));
      } else if (source instanceof CounterTable) {
        this.#add({ ...family, type: 'counter' }, () => tableSamples(family, source));
      } else {
        this.#add({ ...family, type: 'histogram' }, () => histogramSamples(family, source));
      }
    }
    this.#addGauges();
    this.#addProcess();
  }

  async start(): Promise<void> {
    this.#loopDelay = monitorEventLoopDelay({ resolution: sampleMs });
    this.#loopDelay.enable();
  }

  async stop(): Promise<void> {
    this.#loopDelay?.disable();
    this.#loopDelay = undefined;
  }

  /** The text exposition format, and its content type. */
  async text(): Promise<{ contentType: string; text: string }> {
    const text = await this.registry.metrics();
    // Every scrape sees the delays since the one before.
    this.#loopDelay?.reset();
    return { contentType: this.registry.contentType, text };
  }

  #add(family: Family, samples: () => Sample[]): void {
    const { name, help, type } = family;
    // The registry only formats: it asks for this object's samples and writes them.
    const metric = { name, help, type, get: async () => ({ name, help, type, values: samples(), aggregator: 'sum' }) };
    this.registry.registerMetric(metric as unknown as Metric);
  }

  #gauge(name: string, help: string, read: () => number, labels: Sample['labels'] = {}): void {
    this.#add({ name, help, type: 'gauge' }, () => [{ labels, value: read() }]);
  }

  #addGauges(): void {
    const { gauges } = this.#options;
    this.#add({ name: 'tidings_connections', help: 'Connections now.', type: 'gauge' }, () =>
      labelled('transport', Object.entries(gauges().connections)),
    );
    this.#gauge('tidings_users', 'Users with a connection now.', () => gauges().users);
    this.#gauge('tidings_subscriptions', 'Subscriptions now.', () => gauges().subscriptions);
    this.#gauge('tidings_channels', 'Channels with a subscriber now.', () => gauges().channels);
    this.#gauge('tidings_sessions', 'Connections whose requests come over HTTP now.', () => gauges().sessions);
  }

  #addProcess(): void {
    const delay = (read: (histogram: LoopDelay) => number) => (): number => {
      const histogram = this.#loopDelay;
      // Before the first sample the numbers mean nothing. Samples include the interval of the timer that takes them.
      return histogram && histogram.count > 0 ? Math.max(0, read(histogram) / 1e9 - sampleMs / 1e3) : 0;
    };
    const loop = 'tidings_event_loop_delay';
    this.#gauge(
      `${loop}_mean_seconds`,
      'Mean delay of the event loop since the last scrape.',
      delay((h) => h.mean),
    );
    this.#gauge(
      `${loop}_p50_seconds`,
      'Median delay of the event loop since the last scrape.',
      delay((h) => h.percentile(50)),
    );
    this.#gauge(
      `${loop}_p99_seconds`,
      'Delay of the event loop, 99th percentile, since the last scrape.',
      delay((h) => h.percentile(99)),
    );
    this.#gauge(
      `${loop}_max_seconds`,
      'Longest delay of the event loop since the last scrape.',
      delay((h) => h.max),
    );
    const memory = process.memoryUsage;
    this.#gauge('tidings_process_resident_memory_bytes', 'Resident memory.', () => memory.rss());
    this.#gauge('tidings_process_heap_used_bytes', 'JavaScript heap in use.', () => memory().heapUsed);
    this.#gauge('tidings_process_heap_size_bytes', 'JavaScript heap reserved.', () => memory().heapTotal);
    this.#gauge(
      'tidings_process_external_memory_bytes',
      'Memory outside the heap, buffers included.',
      () => memory().external,
    );
    const cpuHelp = 'Processor time used.';
    this.#add({ name: 'tidings_process_cpu_seconds_total', help: cpuHelp, type: 'counter' }, () => {
      const { user, system } = process.cpuUsage();
      return labelled('mode', [
        ['user', user / 1e6],
        ['system', system / 1e6],
      ]);
    });
    this.#gauge('tidings_process_uptime_seconds', 'Time since the process started.', () => process.uptime());
    const build = { version: this.#options.version, node: process.version };
    this.#gauge('tidings_build_info', 'Always 1; the labels say what runs.', () => 1, build);
  }
}

function labelled(label: string, entries: Iterable<readonly [string, number]>): Sample[] {
  return Array.from(entries, ([key, value]) => ({ labels: { [label]: key }, value }));
}

function labelsOf({ label = 'label', labels }: Omit<Family, 'type'>, value: string): Sample['labels'] {
  if (!labels) return { [label]: value };
  const dot = value.indexOf('.');
  return dot < 0 ? { [labels[0]]: value } : { [labels[0]]: value.slice(0, dot), [labels[1]]: value.slice(dot + 1) };
}

function tableSamples(family: Omit<Family, 'type'>, { rows }: CounterTable): Sample[] {
  const { columnLabel = 'column' } = family;
  return Array.from(rows, ([row, counts]) =>
    Array.from(counts, ([column, value]) => ({ labels: { ...labelsOf(family, row), [columnLabel]: column }, value })),
  ).flat();
}

/** Cumulative buckets as the exposition format wants them; `HistogramMap` keeps each bucket's own count. */
function histogramSamples(family: Omit<Family, 'type'>, source: HistogramMap): Sample[] {
  const { name } = family;
  const samples: Sample[] = [];
  for (const [key, { buckets, sum, count }] of source.series) {
    const labels = labelsOf(family, key);
    let cumulative = 0;
    source.boundsSeconds.forEach((bound, index) => {
      cumulative += buckets[index] ?? 0;
      samples.push({ metricName: `${name}_bucket`, labels: { ...labels, le: bound }, value: cumulative });
    });
    samples.push({ metricName: `${name}_bucket`, labels: { ...labels, le: '+Inf' }, value: count });
    samples.push({ metricName: `${name}_sum`, labels, value: sum });
    samples.push({ metricName: `${name}_count`, labels, value: count });
  }
  return samples;
}
