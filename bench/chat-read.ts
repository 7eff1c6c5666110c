/** The scenario `chat-read`: what reading costs where two million messages are. */
import { fileURLToPath } from 'node:url';
import type { LatencySummary } from '../packages/cli/src/bench/latency.ts';
import type { Progress } from '../packages/cli/src/bench/progress-line.ts';
import { chatStores, storeTitles, withStore, type StoreName } from './chat-stores.ts';
import { runLoad } from './floor.ts';
import { median, round, type ScenarioReport, type Target } from './report.ts';
import type { Scale } from './scale.ts';

const loadFile = fileURLToPath(new URL('chat-read-load.ts', import.meta.url));

export interface ChatReadLoad {
  readonly folder: string;
  readonly store: { readonly url?: string };
  readonly rooms: number;
  /** In each room. */
  readonly messages: number;
  readonly reads: number;
  readonly repetitions: number;
}

/** Each repetition, by name of what was read. */
export type ChatReadResult = Readonly<Record<'page' | 'latest' | 'unread', LatencySummary[]>>;

const reads = [
  { name: 'page', title: 'page of 50, anywhere in a room', limits: { sqlite: 1, postgres: 3 } },
  { name: 'latest', title: 'the latest 50 of a room', limits: undefined },
  { name: 'unread', title: 'unread counts of all rooms', limits: { sqlite: 2, postgres: 2 } },
] as const;

export async function chatRead(scale: Scale, progress: Progress): Promise<ScenarioReport> {
  const { chatRooms: rooms, chatMessages: messages, chatReads, chatRepetitions: repetitions } = scale;
  const results: { store: StoreName; result: ChatReadResult }[] = [];
  for (const store of chatStores) {
    progress(`${storeTitles[store]}, ${(rooms * messages).toLocaleString('en')} messages`);
    const result = await withStore(store, (empty) => {
      const load: ChatReadLoad = { ...empty, rooms, messages, reads: chatReads, repetitions };
      return runLoad(process.execPath, ['--conditions=tidings-source', loadFile, JSON.stringify(load)]);
    });
    results.push({ store, result: result as ChatReadResult });
  }
  const of = (result: ChatReadResult, name: keyof ChatReadResult, figure: 'p50Ms' | 'p99Ms') =>
    median(result[name].map((summary) => summary[figure]));
  return {
    name: 'chat-read',
    title: `Chat: reading among ${(rooms * messages).toLocaleString('en')} messages`,
    about:
      `${rooms} rooms with ${messages.toLocaleString('en')} messages each; the reader is a member of all, and a room has ten ` +
      `members. The time is that of the command within the server, with permissions, without network: ` +
      `${chatReads.toLocaleString('en')} reads one after the other, each in another place, after as many that are not counted; median of ${repetitions} rounds. ` +
      `PostgreSQL has vacuumed and written to disk what was filled in.`,
    measuredAt: new Date().toISOString(),
    table: {
      columns: ['read', ...results.flatMap(({ store }) => [`${storeTitles[store]} p50 ms`, 'p99 ms'])],
      rows: reads.map(({ name, title }) => [
        title,
        ...results.flatMap(({ result }) => [round(of(result, name, 'p50Ms')), round(of(result, name, 'p99Ms'))]),
      ]),
    },
    chart: {
      title: 'Reading',
      subtitle: `Median in milliseconds among ${(rooms * messages).toLocaleString('en')} messages; shorter is better`,
      groups: results.map(({ store, result }) => ({
        title: storeTitles[store],
        bars: reads.map(({ name, title }) => ({
          label: title,
          value: of(result, name, 'p50Ms'),
          text: `${round(of(result, name, 'p50Ms'))} ms`,
          kind: 'own' as const,
        })),
      })),
    },
    targets: results.flatMap(({ store, result }) =>
      reads.flatMap(({ name, title, limits }): Target[] =>
        limits
          ? [
              {
                what: `${title}, p99, ${storeTitles[store]}`,
                value: of(result, name, 'p99Ms'),
                limit: limits[store],
                unit: 'ms',
              },
            ]
          : [],
      ),
    ),
    raw: Object.fromEntries(results.map(({ store, result }) => [store, result])),
  };
}
