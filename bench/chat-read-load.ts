/** Fills a database and reads from it, as a process of its own: options as JSON in, the result as JSON out. */
import { sql, type Kysely } from 'kysely';
import { LatencyRecorder } from '../packages/cli/src/bench/latency.ts';
import { chatSchema } from '../packages/server/src/config/chat-schema.ts';
import { configSchema } from '../packages/server/src/config/schema.ts';
import { systemClock } from '../packages/server/src/lib/clock.ts';
import { createLogger } from '../packages/server/src/lib/logger.ts';
import { CounterMap } from '../packages/server/src/lib/metrics.ts';
import { createChatModule } from '../packages/server/src/modules/chat/chat-module.ts';
import type { ChatTables } from '../packages/server/src/modules/chat/tables.ts';
import type { ModuleActor, ModuleContext } from '../packages/server/src/modules/module.ts';
import { MemoryPresenceStore } from '../packages/server/src/presence/memory.ts';
import { createStore } from '../packages/server/src/stores/create-store.ts';
import type { Store } from '../packages/server/src/stores/store.ts';
import type { ChatReadLoad, ChatReadResult } from './chat-read.ts';

const membersOfRoom = 10;
const page = 50;
/** Messages inserted by one statement: more would take longer than a statement may. */
const slice = 100_000;

const load = JSON.parse(process.argv[2] ?? '') as ChatReadLoad;
const clock = systemClock;
const logger = createLogger('warn');
const { store: storeConfig } = configSchema.parse({ store: { ...load.store, timeout: 60_000 } });
const store = createStore({ store: storeConfig, dataDir: load.folder }, { clock, logger });
const context: ModuleContext = {
  nodeId: 'bench',
  clock,
  logger,
  store,
  presence: new MemoryPresenceStore({ clock }),
  dataDir: load.folder,
  operations: new CounterMap(),
  publish: async () => {},
  reconsider: async () => {},
  reconsiderUser: async () => {},
  isOccupied: () => false,
  isHeard: () => false,
  wantsEvent: () => false,
  emit: async () => {},
};
const reader: ModuleActor = { user: 'user-0', system: false, client: 'bench', auth: { uid: 'user-0' } };

await store.start();
// Not started: nothing is to go on in the background.
const module = createChatModule(chatSchema.parse({ enabled: true }))(context);
await store.migrate([module.migrations]);
await fill(store, load);

const command = (name: string) => {
  const found = module.commands.find((one) => one.name === name);
  if (!found) throw new Error(`there is no command ${name}`);
  return (input: object) => found.run(reader, input) as Promise<{ messages?: unknown[]; unread?: number }>;
};
const [messages, unread] = [command('messages'), command('unread')];
/** Far from one another, and the same in each run. */
const place = (number: number) => (number * 7_919) % (load.rooms * load.messages);
const roomAt = (number: number) => `room-${place(number) % load.rooms}`;
const readPage = async (number: number) => {
  const before = page + 1 + (Math.floor(place(number) / load.rooms) % (load.messages - page));
  const found = await messages({ room: roomAt(number), before, limit: page });
  if (found.messages?.length !== page) throw new Error(`a page of ${String(found.messages?.length)} messages`);
};
const reads: Readonly<Record<keyof ChatReadResult, (number: number) => Promise<void>>> = {
  page: readPage,
  latest: async (number) => void (await messages({ room: roomAt(number), limit: page })),
  unread: async () => {
    const { unread: count } = await unread({});
    if (count !== load.rooms * 3) throw new Error(`${String(count)} unread messages`);
  },
};
const result: ChatReadResult = { page: [], latest: [], unread: [] };
for (let repetition = 1; repetition <= load.repetitions; repetition++) {
  for (const name of ['page', 'latest', 'unread'] as const) result[name].push(await measure(reads[name]));
}
await store.stop();
process.stdout.write(`${JSON.stringify(result)}\n`);

async function measure(read: (number: number) => Promise<void>) {
  for (let number = 0; number < load.reads; number++) await read(load.reads + number);
  const recorder = new LatencyRecorder();
  for (let number = 0; number < load.reads; number++) {
    const startedAt = performance.now();
    await read(number);
    recorder.record(performance.now() - startedAt);
  }
  return recorder.summary();
}

/** Every member has read all but the last three messages of each room. */
async function fill(
  { database, dialect }: Pick<Store, 'database' | 'dialect'>,
  { rooms, messages: count }: ChatReadLoad,
) {
  const db: Kysely<ChatTables> = database.call(store) as Kysely<ChatTables>;
  const numbers = (from: number, to: number) =>
    dialect === 'postgres'
      ? sql`generate_series(${sql.lit(from)}::bigint, ${sql.lit(to)}::bigint) as n(i)`
      : sql`(with recursive n(i) as (select ${sql.lit(from)} union all select i + 1 from n where i < ${sql.lit(to)}) select i from n) as n`;
  const total = rooms * count;
  await sql`insert into chat_rooms (id, epoch, kind, created_by, created_at, last_seq, last_at, ucount, rev, member_count)
    select 'room-' || i, 'e', 'group', 'user-0', 0, ${sql.lit(count)}, i, ${sql.lit(count)}, ${sql.lit(count)}, ${sql.lit(membersOfRoom)}
    from ${numbers(0, rooms - 1)}`.execute(db);
  await sql`insert into chat_members (room_id, user_id, role, state, joined_at, read_seq, read_ucount, updated_at)
    select 'room-' || (i % ${sql.lit(rooms)}), 'user-' || (i / ${sql.lit(rooms)}), 'member', 'member', 0,
      ${sql.lit(count - 3)}, ${sql.lit(count - 3)}, 0
    from ${numbers(0, rooms * membersOfRoom - 1)}`.execute(db);
  for (let from = 0; from < total; from += slice) {
    const to = Math.min(from + slice, total) - 1;
    // The rooms in turn, as messages of many rooms come.
    await sql`insert into chat_messages (room_id, seq, id, sender_id, client_id, ucount, rev, first_rev, kind, body, created_at)
      select 'room-' || (i % ${sql.lit(rooms)}), i / ${sql.lit(rooms)} + 1, 'message-' || i,
        'user-' || ((i / ${sql.lit(rooms)}) % ${sql.lit(membersOfRoom)}), 'c-' || i, i / ${sql.lit(rooms)} + 1,
        i / ${sql.lit(rooms)} + 1, i / ${sql.lit(rooms)} + 1, 'text',
        '{"text":"A message of some usual length: about eighty characters, as people write."}', i
      from ${numbers(from, to)}`.execute(db);
  }
  if (dialect === 'postgres') {
    // What it would do sooner or later by itself; until then, reading would write.
    await sql`vacuum (analyze)`.execute(db);
    await sql`checkpoint`.execute(db);
  } else {
    await sql`analyze`.execute(db);
  }
}
