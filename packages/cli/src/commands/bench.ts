/** `tidings bench`: puts a load on a server that speaks the protocol, and says what it did. */
import {
  faults,
  runScenario,
  scenarioNames,
  type BenchOptions,
  type BenchResult,
  type ScenarioName,
} from '../bench/run-scenario.ts';
import type { LatencySummary } from '../bench/latency.ts';
import { minProbeBytes } from '../bench/probe-message.ts';
import { ProgressLine } from '../bench/progress-line.ts';
import { flag, integer, text, UsageError, type Command, type OptionValues } from '../command.ts';

const defaultConnections: Record<ScenarioName, number> = { fanout: 1000, idle: 1000, churn: 32, recover: 1000 };
const maxConnections = 200_000;

export const bench: Command = {
  name: 'bench',
  summary: 'Measure a server: fan-out, idle connections, churn, recovery.',
  usage: '<fanout|idle|churn|recover> [options]',
  options: {
    url: {
      type: 'string',
      value: 'url',
      default: 'ws://127.0.0.1:8000/connection/websocket',
      description: 'WebSocket endpoint of the server',
    },
    connections: { type: 'string', short: 'n', value: 'count', description: 'clients (1000; churn: 32 side by side)' },
    duration: {
      type: 'string',
      short: 'd',
      value: 'seconds',
      default: '5',
      description: 'how long to measure, or to stay idle; 600 at most',
    },
    payload: { type: 'string', value: 'bytes', default: '100', description: 'size of a publication' },
    channel: {
      type: 'string',
      value: 'name',
      default: 'bench',
      description: 'channel to use; recover needs one with recovery',
    },
    channels: {
      type: 'string',
      value: 'count',
      default: '1',
      description: 'spread over channels <name>:0, <name>:1, … (not fanout)',
    },
    window: { type: 'string', value: 'count', default: '4', description: 'fanout: publications outstanding at once' },
    rate: { type: 'string', value: 'count', description: 'fanout: publications per second instead of a window' },
    missed: { type: 'string', value: 'count', default: '10', description: 'recover: publications everybody misses' },
    token: { type: 'string', value: 'jwt', description: 'connection token of every client' },
    secret: { type: 'string', value: 'secret', description: 'makes a token for each client (HS256)' },
    protobuf: { type: 'boolean', description: 'speak Protobuf instead of JSON' },
    'server-pid': {
      type: 'string',
      value: 'pid',
      description: 'process of the server on this machine: measures its CPU and memory',
    },
    json: { type: 'boolean', description: 'print the result as JSON' },
    'yes-i-own-this-server': { type: 'boolean', description: 'allow a target that is not this machine' },
  },
  details: `Scenarios:
  fanout   one publisher, many subscribers: deliveries per second and their latency
  idle     clients connect, subscribe and stay: memory per connection (with --server-pid)
  churn    clients connect, subscribe and leave: how many per second
  recover  everybody reconnects at once and recovers what was missed: time until all are live

Every message is counted. Anything lost, doubled or out of order makes the exit code 1.

  tidings bench fanout -n 2000 --rate 20 --secret "$SECRET"
  tidings bench recover -n 10000 --channel chat:lobby --secret "$SECRET" --json`,

  async run({ values, positionals, terminal }) {
    const options = readOptions(positionals, values);
    const line = new ProgressLine(
      process.stderr.isTTY ? process.stderr : { write: (text: string) => terminal.warn(text.trimEnd()) },
      `${options.scenario}: `,
    );
    let result: BenchResult;
    try {
      result = await runScenario(options, line.show);
    } finally {
      line.end();
    }
    if (flag(values, 'json')) terminal.print(JSON.stringify(result));
    else for (const [name, value] of describe(result)) terminal.print(`${name.padEnd(20)} ${value}`);
    const wrong = faults(result);
    for (const fault of wrong) terminal.warn(terminal.style('red', fault));
    return wrong.length === 0 ? 0 : 1;
  },
};

function readOptions(positionals: readonly string[], values: OptionValues): BenchOptions {
  const scenario = scenarioNames.find((name) => name === positionals[0]);
  if (!scenario || positionals.length > 1) {
    throw new UsageError(`name one scenario: ${scenarioNames.join(', ')}`);
  }
  const url = readUrl(text(values, 'url') ?? '', flag(values, 'yes-i-own-this-server'));
  const number = (name: string, min: number, max: number) => integer(values, name, { min, max });
  return {
    scenario,
    url,
    protobuf: flag(values, 'protobuf'),
    token: text(values, 'token'),
    secret: text(values, 'secret'),
    channel: text(values, 'channel') || 'bench',
    channels: number('channels', 1, 100_000) ?? 1,
    connections: number('connections', 1, maxConnections) ?? defaultConnections[scenario],
    durationMs: (number('duration', 1, 600) ?? 5) * 1000,
    payloadBytes: number('payload', minProbeBytes, 60_000) ?? 100,
    window: number('window', 1, 1000) ?? 4,
    ratePerSecond: number('rate', 1, 100_000),
    missed: number('missed', 1, 10_000) ?? 10,
    serverPid: number('server-pid', 1, 2 ** 31),
    timeoutMs: 30_000,
    patienceMs: 5_000,
  };
}

function readUrl(value: string, owned: boolean): string {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (!url || !/^wss?:$/.test(url.protocol))
    throw new UsageError(`--url is ${JSON.stringify(value)}; valid is ws://… or wss://…`);
  const loopback = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname);
  if (!loopback && !owned) {
    throw new UsageError(`${url.hostname} is not this machine; a load on it needs --yes-i-own-this-server`);
  }
  return url.href;
}

function describe(result: BenchResult): [string, string][] {
  switch (result.scenario) {
    case 'fanout':
      return [
        ['subscribers', String(result.subscribers)],
        ['publications', String(result.publications)],
        ['deliveries', `${result.deliveries} in ${seconds(result.elapsedMs)}`],
        ['deliveries/s', result.deliveriesPerSecond.toFixed(0)],
        ['latency', latency(result.latency)],
        ...optional('server CPU', result.serverCpuUsPerDelivery, (us) => `${us.toFixed(2)} µs per delivery`),
        ['lost', String(result.lost)],
        ['doubled', String(result.doubled)],
      ];
    case 'idle':
      return [
        [
          'connections',
          `${result.connections}, opened in ${seconds(result.openMs)} (${result.openedPerSecond.toFixed(0)}/s)`,
        ],
        ...optional('memory', result.memory, (memory) => {
          const [open, idle] = [memory.openBytesPerConnection, memory.idleBytesPerConnection];
          return `${kilobytes(idle)} per connection after ${seconds(result.holdMs)}, ${kilobytes(open)} right after opening`;
        }),
        ...optional('server CPU idle', result.idleCpuPercent, (percent) => `${percent.toFixed(1)} % of one core`),
        ['dropped', String(result.dropped)],
      ];
    case 'churn':
      return [
        [
          'clients',
          `${result.cycles} came and went in ${seconds(result.elapsedMs)}, ${result.concurrency} side by side`,
        ],
        ['clients/s', result.cyclesPerSecond.toFixed(0)],
        ['time to join', latency(result.joined)],
        ...optional('server CPU', result.serverCpuUsPerCycle, (us) => `${us.toFixed(0)} µs per client`),
        ['failed', String(result.failed)],
      ];
    case 'recover':
      return [
        [
          'clients',
          `${result.clients} on ${result.channels} channel${result.channels === 1 ? '' : 's'}, ${result.missed} missed each`,
        ],
        ['all live after', seconds(result.allLiveMs)],
        ['time to be live', latency(result.live)],
        ...optional('server CPU', result.serverCpuMs, seconds),
        ['lost', String(result.lost)],
        ['doubled', String(result.doubled)],
        ['reset', String(result.reset)],
        ['failed', String(result.failed)],
      ];
  }
}

function optional<T>(name: string, value: T | undefined, show: (value: T) => string): [string, string][] {
  return value === undefined ? [] : [[name, show(value)]];
}

function latency({ p50Ms, p90Ms, p99Ms, p999Ms, maxMs }: LatencySummary): string {
  const ms = (value: number) => value.toFixed(value < 10 ? 2 : 0);
  return `p50 ${ms(p50Ms)}  p90 ${ms(p90Ms)}  p99 ${ms(p99Ms)}  p99.9 ${ms(p999Ms)}  max ${ms(maxMs)} ms`;
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
const kilobytes = (bytes: number) => `${(bytes / 1024).toFixed(1)} KB`;
