/** The scenarios `chat-send` and `chat-latency`: how many messages a second are stored for good, and how soon they are seen. */
import { fileURLToPath } from 'node:url';
import type { LatencySummary } from '../packages/cli/src/bench/latency.ts';
import type { Progress } from '../packages/cli/src/bench/progress-line.ts';
import type { ChatLoad, ChatResult } from './chat-load.ts';
import { chatApiKey, chatStores, storeTitles, withChatServer, type StoreName } from './chat-stores.ts';
import { benchSecret } from './contestants.ts';
import { runLoad } from './floor.ts';
import { median, round, type ScenarioReport } from './report.ts';
import type { Scale } from './scale.ts';

/** On the disk that the databases are on. */
const buildFolder = fileURLToPath(new URL('.build', import.meta.url));
const loadFile = fileURLToPath(new URL('chat-load.ts', import.meta.url));
const users = 100;
const membersPerRoom = 10;
/** Enough that a group of writes is worth its commit, as with many people at once. */
const window = 1_000;

function runChat(
  store: StoreName,
  { warmUpSeconds, seconds }: Scale,
  load: Pick<ChatLoad, 'rooms' | 'window' | 'perSecond' | 'diskFolder'>,
): Promise<ChatResult> {
  return withChatServer(store, async ({ port, pid }) => {
    const whole: ChatLoad = {
      ...load,
      users,
      membersPerRoom,
      port,
      serverPid: pid,
      secret: benchSecret(),
      apiKey: chatApiKey,
      warmUpSeconds,
      seconds,
    };
    const args = ['--conditions=tidings-source', loadFile, JSON.stringify(whole)];
    return (await runLoad(process.execPath, args)) as ChatResult;
  });
}

export async function chatSend(scale: Scale, progress: Progress): Promise<ScenarioReport> {
  const cases = chatStores.flatMap((store) => [
    { store, rooms: 100, title: `${storeTitles[store]}, 100 rooms`, limit: store === 'sqlite' ? 20_000 : 8_000 },
    { store, rooms: 1, title: `${storeTitles[store]}, one room`, limit: store === 'sqlite' ? 10_000 : undefined },
  ]);
  const results = new Map(cases.map((one) => [one, [] as ChatResult[]]));
  const { chatRepetitions: repetitions } = scale;
  for (let repetition = 1; repetition <= repetitions; repetition++) {
    for (const one of cases) {
      progress(`${one.title}, run ${repetition} of ${repetitions}`);
      results.get(one)?.push(await runChat(one.store, scale, { rooms: one.rooms, window }));
    }
  }
  const rows = [...results].map(([one, runs]) => ({
    ...one,
    perSecond: median(runs.map((run) => run.perSecond)),
    cpuUs: median(runs.map((run) => run.cpuUsPerSend)),
    p50Ms: median(runs.map(({ answered }) => answered.p50Ms)),
    p99Ms: median(runs.map(({ answered }) => answered.p99Ms)),
  }));
  const count = (value: number) => Math.round(value).toLocaleString('en');
  return {
    name: 'chat-send',
    title: 'Chat: durable sends per second',
    about:
      `${users} people, each on a connection of their own over WebSocket, send messages of 78 characters, in all ` +
      `${window.toLocaleString('en')} at a time; a room has ${membersPerRoom} of them. An answer means that the message is on ` +
      `disk: SQLite with \`synchronous=FULL\`, PostgreSQL with its defaults, both on the disk of this machine. The server has ` +
      `one processor and the load the other; PostgreSQL takes what they leave of both. Median of ${repetitions} runs, the cases ` +
      `take turns.`,
    measuredAt: new Date().toISOString(),
    table: {
      columns: ['store', 'sends/s', 'processor time of the server per send, µs', 'answered p50 ms', 'p99 ms'],
      rows: rows.map((row) => [row.title, count(row.perSecond), round(row.cpuUs), round(row.p50Ms), round(row.p99Ms)]),
    },
    chart: {
      title: 'Durable sends per second',
      subtitle: 'One server process on one processor; longer is better',
      groups: [
        {
          title: '',
          bars: rows.map(({ title, perSecond }) => ({
            label: title,
            value: perSecond,
            text: `${count(perSecond)}/s`,
            kind: 'own',
          })),
        },
      ],
    },
    targets: rows.flatMap(({ title, perSecond, limit }) =>
      limit === undefined
        ? []
        : [{ what: `durable sends per second, ${title}`, value: perSecond, limit, unit: '', atLeast: true }],
    ),
    raw: Object.fromEntries([...results].map(([{ title }, runs]) => [title, runs])),
  };
}

export async function chatLatency(scale: Scale, progress: Progress): Promise<ScenarioReport> {
  const { chatPerSecond: perSecond, chatRepetitions: repetitions } = scale;
  // Long enough that one in a thousand means something.
  const longer = { ...scale, seconds: scale.seconds * 2 };
  const results = new Map(chatStores.map((store) => [store, [] as ChatResult[]]));
  for (let repetition = 1; repetition <= repetitions; repetition++) {
    for (const [store, runs] of results) {
      progress(`${storeTitles[store]}, run ${repetition} of ${repetitions}`);
      runs.push(await runChat(store, longer, { rooms: 100, perSecond, diskFolder: buildFolder }));
    }
  }
  const rows = [...results].map(([store, runs]) => {
    const of = (what: 'seen' | 'disk', figure: Exclude<keyof LatencySummary, 'count'>) =>
      runs.map((run) => run[what]?.[figure] ?? Number.NaN);
    return {
      title: storeTitles[store],
      p50Ms: median(of('seen', 'p50Ms')),
      p99Ms: median(of('seen', 'p99Ms')),
      p999Ms: median(of('seen', 'p999Ms')),
      cpuUs: median(runs.map((run) => run.cpuUsPerSend)),
      diskP99Ms: median(of('disk', 'p99Ms')),
      diskMaxMs: Math.max(...of('disk', 'maxMs')),
    };
  });
  return {
    name: 'chat-latency',
    title: 'Chat: from send to seen',
    about:
      `${users} people send ${perSecond.toLocaleString('en')} messages a second in all into 100 rooms; another client is ` +
      `subscribed to every room. The time is from before the sender's write to after the other client's read, both in one ` +
      `process; by then the message is on disk. Median of ${repetitions} runs of ${longer.seconds} seconds, the databases take turns. Beside ` +
      `it, the same disk is given 8 KB a hundred times a second, flushed each time: what the disk makes one wait, no database saves.`,
    measuredAt: new Date().toISOString(),
    table: {
      columns: [
        'store',
        'seen p50 ms',
        'p99 ms',
        'p99.9 ms',
        'processor time of the server per send, µs',
        'the disk alone, meanwhile: p99 ms',
        'longest of all runs, ms',
      ],
      rows: rows.map(({ title, ...figures }) => [title, ...Object.values(figures).map(round)]),
    },
    chart: {
      title: 'From send to seen by another client',
      subtitle: `Milliseconds at ${perSecond.toLocaleString('en')} sends per second; shorter is better`,
      groups: rows.map(({ title, p50Ms, p99Ms, p999Ms }) => {
        const bars = Object.entries({ p50: p50Ms, p99: p99Ms, 'p99.9': p999Ms });
        return {
          title,
          bars: bars.map(([label, value]) => ({ label, value, text: `${round(value)} ms`, kind: 'own' as const })),
        };
      }),
    },
    targets: rows.map(({ title, p99Ms }) => ({
      what: `send to seen, p99, ${title}`,
      value: p99Ms,
      limit: 20,
      unit: 'ms',
    })),
    raw: Object.fromEntries(results),
  };
}
