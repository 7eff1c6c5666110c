/**
 * What is counted. On the delivery path a count is one addition to a plain field; `http/metrics.ts` turns the fields
 * into Prometheus metrics when somebody asks.
 */

/** Counts by a label of few values (transport, command, code). */
export class CounterMap {
  readonly counts = new Map<string, number>();
  add(label: string | number, by = 1): void {
    const key = String(label);
    this.counts.set(key, (this.counts.get(key) ?? 0) + by);
  }
}

/** Counts by two labels of few values each. */
export class CounterTable {
  readonly rows = new Map<string, Map<string, number>>();
  add(row: string, column: string, by = 1): void {
    let counts = this.rows.get(row);
    if (!counts) this.rows.set(row, (counts = new Map()));
    counts.set(column, (counts.get(column) ?? 0) + by);
  }
}

/** Observations by a label, in fixed buckets of seconds. */
export class HistogramMap {
  readonly boundsSeconds: readonly number[];
  readonly series = new Map<string, { readonly buckets: number[]; sum: number; count: number }>();

  constructor(boundsSeconds: readonly number[]) {
    this.boundsSeconds = boundsSeconds;
  }

  observe(label: string, seconds: number): void {
    let series = this.series.get(label);
    if (!series) {
      series = { buckets: new Array<number>(this.boundsSeconds.length).fill(0), sum: 0, count: 0 };
      this.series.set(label, series);
    }
    series.sum += seconds;
    series.count++;
    for (let i = 0; i < this.boundsSeconds.length; i++) {
      if (seconds <= (this.boundsSeconds[i] as number)) {
        series.buckets[i] = (series.buckets[i] as number) + 1;
        break;
      }
    }
  }
}

const latencyBounds = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export class Metrics {
  /** Connections accepted, by transport. */
  readonly connectionsAccepted = new CounterMap();
  /** Connections closed, by close code. */
  readonly connectionsClosed = new CounterMap();
  /** Commands received, by method. */
  readonly commands = new CounterMap();
  /** Error replies, by code. */
  readonly errors = new CounterMap();
  /** Subscriptions ended by the server, by code. */
  readonly unsubscribes = new CounterMap();
  /** Recoveries, by outcome: recovered, reset. */
  readonly recoveries = new CounterMap();
  /** Denials, by action. */
  readonly denials = new CounterMap();
  /** Denials on channels: channel pattern, then action. */
  readonly channelDenials = new CounterTable();
  /** Evaluations of a rule that ended in an error, which denies: channel pattern, then action. */
  readonly ruleErrors = new CounterTable();
  /** Subscriptions whose rules were asked again, because something they rest on changed. */
  ruleReevaluations = 0;
  /** Subscriptions that ended so. */
  ruleEndings = 0;
  /** Publications taken, by origin: client, server. */
  readonly publications = new CounterMap();
  bytesReceived = 0;
  framesReceived = 0;
  messagesSent = 0;
  framesSent = 0;
  bytesSent = 0;
  /** Deliveries: one publication to one subscription. */
  deliveries = 0;
  /** Seconds from command to reply, by method. */
  readonly commandSeconds = new HistogramMap(latencyBounds);
  /** Seconds of calls to the application, by hook. */
  readonly hookSeconds = new HistogramMap(latencyBounds);
  /** Failed calls to the application, by hook. */
  readonly hookFailures = new CounterMap();
  /** Events to the application, by outcome: delivered, retried, dropped, dead. */
  readonly events = new CounterMap();
  /** Operations of modules: `chat.send`, then outcome: ok, refused, failed. */
  readonly moduleOperations = new CounterTable();
  /** Seconds of commands of modules, by name. */
  readonly moduleSeconds = new HistogramMap(latencyBounds);
  /** Server API calls, by method. */
  readonly apiCalls = new CounterMap();
  readonly apiSeconds = new HistogramMap(latencyBounds);
}
