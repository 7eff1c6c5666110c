/**
 * What the chat app shows at the first look: people and rooms from JSON lines, brought into an empty database by the
 * product's own import before the server starts.
 *
 * A file in the data folder says that this is under way: after a crash it goes on, and nothing of it is there twice.
 */
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import {
  createLogger,
  createStore,
  filesIn,
  importChat,
  migrationSets,
  systemClock,
  type ChatTables,
  type Config,
  type Store,
} from '@tidings/server';
import type { Welcome } from './demo-people.ts';

const markName = 'demo-seeding';
const minuteMs = 60_000;

/** Fields of a seed that say how long ago something was, and what they become. */
const times: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  minutesAgo: {
    user: 'createdAt',
    room: 'createdAt',
    member: 'joinedAt',
    message: 'at',
    poll: 'at',
    reaction: 'at',
    vote: 'at',
  },
  editedMinutesAgo: { message: 'editedAt' },
  pinnedMinutesAgo: { message: 'pinnedAt' },
};

/**
 * Imports the seeds if the database is empty, or if that was begun and not finished.
 * @throws ImportError, StoreUnavailableError and the like.
 */
export async function importSeeds(config: Config, directory: string): Promise<void> {
  const mark = join(config.dataDir, markName);
  await mkdir(config.dataDir, { recursive: true });
  const store = createStore(config, { clock: systemClock, logger: createLogger('silent') });
  await store.start();
  try {
    if (config.store.migrate === 'auto') await store.migrate(migrationSets);
    if (!existsSync(mark)) {
      if (!(await isEmpty(store))) return;
      await writeFile(mark, `${systemClock.now()}\n`);
    }
    const now = Number(await readFile(mark, 'utf8')) || systemClock.now();
    const importing = {
      store,
      clock: systemClock,
      config: config.chat,
      files: filesIn(directory),
      dataDir: config.dataDir,
    };
    for (const file of await seedFiles(directory)) {
      await importChat({ ...importing, lines: importLines(file, now) });
    }
    await rm(mark, { force: true });
  } finally {
    await store.stop();
  }
}

export function readWelcome(directory: string): Welcome {
  return JSON.parse(readFileSync(join(directory, 'welcome.json'), 'utf8')) as Welcome;
}

async function isEmpty(store: Store): Promise<boolean> {
  const db = store.database<ChatTables>();
  const room = await db.selectFrom('chat_rooms').select('id').limit(1).executeTakeFirst();
  const user = await db.selectFrom('chat_users').select('id').limit(1).executeTakeFirst();
  return room === undefined && user === undefined;
}

/** People first, then a file for each room. */
async function seedFiles(directory: string): Promise<string[]> {
  const rooms = (await readdir(join(directory, 'rooms'))).filter((name) => name.endsWith('.jsonl')).toSorted();
  return [join(directory, 'people.jsonl'), ...rooms.map((name) => join(directory, 'rooms', name))];
}

/** The lines of a seed as an import takes them. */
async function* importLines(file: string, now: number): AsyncGenerator<string> {
  for await (const text of createInterface({ input: createReadStream(file, 'utf8'), crlfDelay: Infinity })) {
    yield text.trim() === '' ? text : importLine(text, now);
  }
}

/** One line, with times in place of how long ago something was. */
function importLine(text: string, now: number): string {
  const seed = JSON.parse(text) as Readonly<Record<string, unknown>>;
  const type = String(seed['type']);
  const fields = Object.entries(seed).map(([name, value]): [string, unknown] => {
    const time = times[name]?.[type];
    return time === undefined ? [name, value] : [time, Math.round(now - Number(value) * minuteMs)];
  });
  return JSON.stringify(Object.fromEntries(fields));
}
