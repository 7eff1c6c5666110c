/** `tidings chat`: brings chat in from elsewhere, and gives out what is kept of one user. */
import { createReadStream } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import {
  createLogger,
  createStore,
  exportUser,
  filesIn,
  importChat,
  migrationSets,
  systemClock,
  type ChatTables,
  type Config,
  type ImportCounts,
  type Store,
} from '@tidings/server';
import { text, UsageError, type Command, type CommandInput } from '../command.ts';
import { configOption, load } from '../config-options.ts';
import type { Terminal } from '../terminal.ts';

/** Between two lines of progress. */
const progressMs = 2_000;
const exportPage = 1_000;

export const chat: Command = {
  name: 'chat',
  summary: 'Import chat from a file, or export what is kept of a user.',
  usage: 'import <file.jsonl> | export --user <id>',
  options: {
    config: configOption,
    user: { type: 'string', value: 'id', description: 'whose data is exported' },
  },
  details: `Uses the database of the configuration, also beside running servers.

  tidings chat import slack.jsonl
  tidings chat export --user ben > ben.jsonl

import reads one JSON object a line: {"type":"user"|"block"|"room"|"member"|"message"|"poll"|"reaction"|"vote"|"read", …};
docs/chat.md has the fields. What a line names stands before it, and messages of a room stand in their order. Files of
messages lie beside the imported file or in folders there, and are stored as the configuration says. Importing a file again
adds what is new in it and nothing twice, so after an error the file is repaired and imported again.

export prints everything that is kept of a user, one JSON object a line.`,

  async run(input) {
    const { positionals, values, terminal } = input;
    const [action, file, ...rest] = positionals;
    if (rest.length > 0) throw new UsageError(`unexpected argument ${JSON.stringify(rest[0])}`);
    if (action === 'import') {
      if (file === undefined) throw new UsageError('import which file?');
      return withStore(input, (store, config) => importFile(store, config, resolve(terminal.cwd, file), terminal));
    }
    if (action === 'export') {
      const user = text(values, 'user');
      if (file !== undefined || user === undefined) throw new UsageError('export takes --user <id>');
      return withStore(input, (store) => printUser(store, user, terminal));
    }
    throw new UsageError(action === undefined ? 'import or export?' : `there is no ${JSON.stringify(action)}`);
  },
};

async function withStore(input: CommandInput, work: (store: Store, config: Config) => Promise<void>): Promise<number> {
  const { config } = await load(input);
  const store = createStore(config, { clock: systemClock, logger: createLogger('silent') });
  await store.start();
  try {
    if (config.store.migrate === 'auto') await store.migrate(migrationSets);
    await work(store, config);
    return 0;
  } finally {
    await store.stop();
  }
}

async function importFile(store: Store, config: Config, file: string, terminal: Terminal): Promise<void> {
  const lines = createInterface({ input: createReadStream(file, 'utf8'), crlfDelay: Infinity });
  let toldAt = systemClock.now();
  const counts = await importChat({
    store,
    clock: systemClock,
    config: config.chat,
    lines,
    files: filesIn(dirname(file)),
    dataDir: config.dataDir,
    onProgress(done) {
      if (systemClock.now() - toldAt < progressMs) return;
      toldAt = systemClock.now();
      terminal.warn(describe(done));
    },
  });
  terminal.print(describe(counts));
}

function describe({ lines, known, ...added }: Readonly<ImportCounts>): string {
  const parts = Object.entries(added)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${count} ${name}`);
  const fresh = parts.length === 0 ? 'nothing new' : `new: ${parts.join(', ')}`;
  return `${lines} lines; ${fresh}${known > 0 ? `; ${known} were there already` : ''}`;
}

async function printUser(store: Store, user: string, terminal: Terminal): Promise<void> {
  const db = store.database<ChatTables>();
  for (let cursor: string | undefined; ;) {
    const { records, next } = await exportUser(db, { user, limit: exportPage, cursor });
    for (const record of records) terminal.print(JSON.stringify(record));
    if (next === undefined) return;
    cursor = next;
  }
}
