/** The scenarios: what is run, and how its figures become a report. */
import { fileURLToPath } from 'node:url';
import type { ChurnResult } from '../packages/cli/src/bench/churn.ts';
import type { IdleResult } from '../packages/cli/src/bench/idle.ts';
import type { RecoverResult } from '../packages/cli/src/bench/recover.ts';
import type { Progress } from '../packages/cli/src/bench/progress-line.ts';
import type { Bar } from './bar-chart.ts';
import { chatRead } from './chat-read.ts';
import { chatLatency, chatSend } from './chat.ts';
import {
  benchSecret,
  contestantNames,
  endpoints,
  fanDialect,
  serverCommand,
  titles,
  type ContestantName,
} from './contestants.ts';
import { compileFloor, runFan, runLoad, type FanLoad, type FanResult } from './floor.ts';
import type { LoadOptions } from './load.ts';
import { capturePush } from './push-sample.ts';
import { median, round, type ScenarioReport } from './report.ts';
import { rulesFanout } from './rules-fanout.ts';
import { rules } from './rules.ts';
import type { Scale } from './scale.ts';
import { withServer, type ServerProcess } from './server-process.ts';

export type Scenario = (scale: Scale, progress: Progress) => Promise<ScenarioReport>;

/** Publications of 100 bytes: `{"t":"…"}` around a text of 92. */
const payloadBytes = 100;
const textBytes = payloadBytes - '{"t":""}'.length;

export const scenarios: Readonly<Record<string, Scenario>> = {
  fanout,
  lone,
  idle,
  recover,
  churn,
  rules,
  'rules-fanout': rulesFanout,
  'chat-send': chatSend,
  'chat-latency': chatLatency,
  'chat-read': chatRead,
};

const bar = (name: ContestantName, value: number, text: string): Bar => ({
  label: titles[name],
  value,
  text,
  kind: name === 'tidings' ? 'own' : name === 'floor' ? 'floor' : 'other',
});

/** Runs `wsfan` against fresh servers in turn, so that all of a repetition are measured in the same minute. */
async function interleaved(
  names: readonly ContestantName[],
  repetitions: number,
  load: Omit<FanLoad, 'port' | 'serverPid' | 'textBytes'>,
  progress: Progress,
): Promise<Map<ContestantName, FanResult[]>> {
  const floor = compileFloor();
  const push = await withServer(serverCommand('tidings'), (server) => capturePush(server.port));
  const results = new Map(names.map((name) => [name, [] as FanResult[]]));
  for (let repetition = 1; repetition <= repetitions; repetition++) {
    for (const name of names) {
      progress(`${name}, window ${load.window}, run ${repetition} of ${repetitions}`);
      const result = await withServer(serverCommand(name, floor), ({ port, pid }) =>
        runFan(floor, fanDialect(name, push), { ...load, port, serverPid: pid, textBytes }),
      );
      results.get(name)?.push(result);
    }
  }
  return results;
}

/** Median of the ratios within each repetition: what moves with the machine moves both. */
function pairedRatio(of: readonly FanResult[], to: readonly FanResult[], read: (result: FanResult) => number): number {
  return median(of.map((result, index) => read(result) / read(to[index] as FanResult)));
}

async function fanout(scale: Scale, progress: Progress): Promise<ScenarioReport> {
  const { repetitions, subscribers, windows, warmUpSeconds, seconds } = scale;
  const cpu = (result: FanResult) => result.cpu_us_per_delivery;
  const limits: Record<number, number> = { 4: 1.25, 16: 1.6 };
  const raw: Record<number, Record<string, FanResult[]>> = {};
  const cells = new Map(contestantNames.map((name) => [name, [titles[name]]]));
  const groups = [];
  const targets = [];
  for (const window of windows) {
    const results = await interleaved(
      contestantNames,
      repetitions,
      { subscribers, window, warmUpSeconds, seconds },
      progress,
    );
    raw[window] = Object.fromEntries(results);
    const floor = results.get('floor') ?? [];
    const bars: Bar[] = [];
    for (const [name, runs] of results) {
      const us = median(runs.map(cpu));
      const ratio = pairedRatio(runs, floor, cpu);
      const rate = median(runs.map((run) => run.deliveries_per_s));
      cells.get(name)?.push(round(us), round(ratio), Math.round(rate).toLocaleString('en'));
      bars.push(bar(name, us, `${round(us)} µs`));
      const limit = limits[window];
      if (name === 'tidings' && limit) {
        targets.push({ what: `CPU per delivery against the floor, window ${window}`, value: ratio, limit, unit: '' });
      }
    }
    groups.push({ title: `${window} publications outstanding`, bars });
  }
  return {
    name: 'fanout',
    title: 'Fan-out: processor time per delivery',
    about:
      `One publisher, ${subscribers} subscribers of one channel, payload of ${payloadBytes} bytes, JSON. The publisher keeps a ` +
      `number of publications outstanding (the window). The floor is a C program that writes the same bytes to the same sockets ` +
      `and does nothing else. Each figure is the median of ${repetitions} runs; the servers take turns. A ratio compares a ` +
      `server with the floor in the same turn.`,
    measuredAt: new Date().toISOString(),
    table: {
      columns: ['server', ...windows.flatMap((window) => [`window ${window}: µs`, '× floor', 'deliveries/s'])],
      rows: [...cells.values()],
    },
    chart: {
      title: 'Processor time per delivery',
      subtitle: `${subscribers} subscribers, ${payloadBytes} bytes; shorter is better`,
      groups,
    },
    targets,
    raw,
  };
}

async function lone(scale: Scale, progress: Progress): Promise<ScenarioReport> {
  const names = ['tidings', 'ws', 'socket.io'] as const;
  const repetitions = scale.repetitions === 1 ? 1 : scale.repetitions + 2;
  const load = { subscribers: 1, window: 1, warmUpSeconds: scale.warmUpSeconds, seconds: scale.seconds };
  const results = await interleaved(names, repetitions, load, progress);
  const p50 = (result: FanResult) => result.p50_us;
  const plain = results.get('ws') ?? [];
  const rows = names.map((name) => {
    const runs = results.get(name) ?? [];
    const [middle, late] = [median(runs.map(p50)), median(runs.map((run) => run.p99_us))];
    return { name, middle, cells: [titles[name], round(middle), round(late), round(pairedRatio(runs, plain, p50))] };
  });
  const ratio = pairedRatio(results.get('tidings') ?? [], plain, p50);
  return {
    name: 'lone',
    title: 'One subscriber: time from publish to delivery',
    about:
      `One publisher, one subscriber, one publication at a time, ${payloadBytes} bytes. The time is from before the publisher's ` +
      `write to after the subscriber's read, both in one C program. Median of ${repetitions} runs; the servers take turns.`,
    measuredAt: new Date().toISOString(),
    table: { columns: ['server', 'p50 µs', 'p99 µs', '× ws'], rows: rows.map((row) => row.cells) },
    chart: {
      title: 'Publish to delivery, one subscriber',
      subtitle: 'Median in microseconds; shorter is better',
      groups: [{ title: 'p50', bars: rows.map(({ name, middle }) => bar(name, middle, `${round(middle)} µs`)) }],
    },
    targets: [{ what: 'median against plain ws', value: ratio, limit: 1.2, unit: '' }],
    raw: Object.fromEntries(results),
  };
}

type Peer = Exclude<ContestantName, 'floor'>;

function loadOptions(scenario: LoadOptions['scenario'], name: Peer, { port, pid }: ServerProcess): LoadOptions {
  return {
    scenario,
    url: `ws://127.0.0.1:${port}${endpoints[name]}`,
    protobuf: false,
    secret: benchSecret(),
    channel: 'bench',
    channels: 1,
    connections: 1,
    durationMs: 5_000,
    payloadBytes,
    window: 4,
    missed: 10,
    serverPid: pid,
    timeoutMs: 60_000,
    patienceMs: 5_000,
    dialect: name === 'tidings' ? undefined : name,
  };
}

const loadFile = fileURLToPath(new URL('load.ts', import.meta.url));
const runTsLoad = (options: LoadOptions) =>
  runLoad(process.execPath, ['--conditions=tidings-source', loadFile, JSON.stringify(options)]);

async function idle(scale: Scale, progress: Progress): Promise<ScenarioReport> {
  const connections = scale.idleConnections;
  const cases: { name: Peer; label: string; more: Partial<LoadOptions> }[] = [
    { name: 'tidings', label: 'Tidings, one channel for all', more: {} },
    { name: 'tidings', label: 'Tidings, a channel each', more: { channel: 'own', channels: connections } },
    { name: 'ws', label: 'Node + ws', more: {} },
    { name: 'socket.io', label: titles['socket.io'], more: {} },
  ];
  const rows: { label: string; name: Peer; result: IdleResult }[] = [];
  for (const { name, label, more } of cases) {
    progress(`${label}, ${connections} connections`);
    const result = (await withServer(serverCommand(name), (server) =>
      runTsLoad({ ...loadOptions('idle', name, server), connections, durationMs: scale.idleMs, ...more }),
    )) as IdleResult;
    rows.push({ label, name, result });
  }
  const kilobytes = (bytes: number | undefined) => (bytes ?? Number.NaN) / 1024;
  const bytesOf = (result: IdleResult) => kilobytes(result.memory?.idleBytesPerConnection);
  return {
    name: 'idle',
    title: 'Idle connections: memory',
    about:
      `${connections.toLocaleString('en')} connections, each subscribed to a channel; with Tidings each is also authenticated ` +
      `by a token of its own. What is counted is resident memory of the server process: before, right after opening, and after ` +
      `${scale.idleMs / 1000} s of nothing but pings, less what it was after a warm-up. The kernel's socket buffers are not in it.`,
    measuredAt: new Date().toISOString(),
    table: {
      columns: ['server', 'KB per connection, idle', 'right after opening', 'opened per second', 'CPU idle'],
      rows: rows.map(({ label, result }) => [
        label,
        round(bytesOf(result)),
        round(kilobytes(result.memory?.openBytesPerConnection)),
        Math.round(result.openedPerSecond).toLocaleString('en'),
        `${round(result.idleCpuPercent ?? Number.NaN)} %`,
      ]),
    },
    chart: {
      title: 'Memory per idle connection',
      subtitle: `Resident kilobytes at ${connections.toLocaleString('en')} connections; shorter is better`,
      groups: [
        {
          title: '',
          bars: rows.map(({ label, name, result }) => ({
            ...bar(name, bytesOf(result), `${round(bytesOf(result))} KB`),
            label,
          })),
          limit: { value: 10, text: 'target' },
        },
      ],
    },
    targets: rows
      .slice(0, 1)
      .map(({ result }) => ({ what: 'memory per idle connection', value: bytesOf(result), limit: 10, unit: 'KB' })),
    raw: Object.fromEntries(rows.map(({ label, result }) => [label, result])),
  };
}

async function recover(scale: Scale, progress: Progress): Promise<ScenarioReport> {
  const { recoverClients: connections, recoverChannels: channels } = scale;
  progress(`${connections} clients come back`);
  const result = (await withServer(serverCommand('tidings'), (server) =>
    runTsLoad({ ...loadOptions('recover', 'tidings', server), connections, channel: 'recover', channels }),
  )) as RecoverResult;
  const seconds = (ms: number) => ms / 1000;
  const { p50Ms, p99Ms } = result.live;
  const marks = [
    ['half of them', seconds(p50Ms)],
    ['99 of 100', seconds(p99Ms)],
    ['all', seconds(result.allLiveMs)],
  ] as const;
  return {
    name: 'recover',
    title: 'Everybody comes back at once',
    about:
      `${connections.toLocaleString('en')} authenticated clients on ${channels} channels lose their connection, miss ` +
      `${result.missed} publications of ${payloadBytes} bytes each, and all reconnect in the same moment to a server on one ` +
      `processor. A client is live when it is connected, subscribed, and has what it missed. Each checks that it got exactly ` +
      `that, in order, and then receives one more.`,
    measuredAt: new Date().toISOString(),
    table: {
      columns: ['clients', 'all live', 'half', '99 of 100', 'server CPU', 'lost', 'doubled', 'reset'],
      rows: [
        [
          connections.toLocaleString('en'),
          ...[result.allLiveMs, p50Ms, p99Ms, result.serverCpuMs ?? Number.NaN].map((ms) => `${round(seconds(ms))} s`),
          ...[result.lost, result.doubled, result.reset].map(String),
        ],
      ],
    },
    chart: {
      title: `${connections.toLocaleString('en')} clients reconnect and recover`,
      subtitle: 'Seconds until live; shorter is better',
      groups: [
        {
          title: '',
          bars: marks.map(([label, value]) => ({ label, value, text: `${round(value)} s`, kind: 'own' })),
          limit: { value: 10, text: 'target' },
        },
      ],
    },
    targets: [{ what: 'time until all are live', value: seconds(result.allLiveMs), limit: 10, unit: 's' }],
    raw: result,
  };
}

async function churn(scale: Scale, progress: Progress): Promise<ScenarioReport> {
  const names = ['tidings', 'ws', 'socket.io'] as const;
  const rows: { name: Peer; result: ChurnResult }[] = [];
  for (const name of names) {
    progress(`${name}, clients come and go`);
    const result = (await withServer(serverCommand(name), (server) =>
      runTsLoad({
        ...loadOptions('churn', name, server),
        connections: scale.churnConcurrency,
        durationMs: scale.seconds * 1000,
      }),
    )) as ChurnResult;
    rows.push({ name, result });
  }
  return {
    name: 'churn',
    title: 'Clients come and go',
    about:
      `${scale.churnConcurrency} clients side by side connect, subscribe and leave, over and over. With Tidings each is ` +
      `authenticated by a token; the others ask for none.`,
    measuredAt: new Date().toISOString(),
    table: {
      columns: ['server', 'clients per second', 'server CPU µs per client', 'p50 ms to join', 'p99 ms'],
      rows: rows.map(({ name, result }) => [
        titles[name],
        Math.round(result.cyclesPerSecond).toLocaleString('en'),
        round(result.serverCpuUsPerCycle ?? Number.NaN),
        round(result.joined.p50Ms),
        round(result.joined.p99Ms),
      ]),
    },
    chart: {
      title: 'Clients that connect, subscribe and leave',
      subtitle: 'Per second, server on one processor; longer is better',
      groups: [
        {
          title: '',
          bars: rows.map(({ name, result }) =>
            bar(name, result.cyclesPerSecond, `${Math.round(result.cyclesPerSecond)}/s`),
          ),
        },
      ],
    },
    targets: [],
    raw: Object.fromEntries(rows.map(({ name, result }) => [name, result])),
  };
}
