/** `tidings migrate`: brings the schema of the database up to date, or says what is missing. */
import {
  createLogger,
  createStore,
  migrationSets as sets,
  systemClock,
  type AppliedMigration,
  type Store,
} from '@tidings/server';
import { flag, UsageError, type Command } from '../command.ts';
import { configOption, load } from '../config-options.ts';
import type { Terminal } from '../terminal.ts';

export const migrate: Command = {
  name: 'migrate',
  summary: 'Bring the schema of the database up to date.',
  usage: '[--status]',
  options: {
    config: configOption,
    status: { type: 'boolean', description: 'only say what is applied and what is missing' },
  },
  details: `Uses the database of the configuration: store.url, or the file in dataDir. May run beside servers, and more than
once: each migration is applied whole or not at all, and by one process. Needed where store.migrate is manual.

With --status exits with 1 if something is missing, or if the database was written by a newer version.`,

  async run(input) {
    const { positionals, values, terminal } = input;
    if (positionals.length > 0) throw new UsageError(`unexpected argument ${JSON.stringify(positionals[0])}`);
    const { config } = await load(input);
    const store = createStore(config, { clock: systemClock, logger: createLogger('silent') });
    await store.start();
    try {
      return flag(values, 'status') ? await printStatus(store, terminal) : await apply(store, terminal);
    } finally {
      await store.stop();
    }
  },
};

async function apply(store: Store, terminal: Terminal): Promise<number> {
  const before = await store.migrationStatus(sets);
  await store.migrate(sets);
  const missing = before.filter(({ appliedAt }) => appliedAt === undefined);
  for (const migration of missing) terminal.print(`applied  ${nameOf(migration)}`);
  terminal.print(missing.length === 0 ? 'nothing to do: the schema is up to date' : 'the schema is up to date');
  return 0;
}

async function printStatus(store: Store, terminal: Terminal): Promise<number> {
  const known = new Set(sets.flatMap(({ owner, migrations }) => migrations.map(({ id }) => nameOf({ owner, id }))));
  let code = 0;
  for (const migration of await store.migrationStatus(sets)) {
    const { appliedAt } = migration;
    const name = nameOf(migration);
    if (appliedAt === undefined || !known.has(name)) code = 1;
    const state = appliedAt === undefined ? 'missing' : new Date(appliedAt).toISOString();
    const note = known.has(name) ? '' : '  of a newer version';
    terminal.print(`${state.padEnd(24)}  ${name}${note}`);
  }
  return code;
}

function nameOf({ owner, id }: Pick<AppliedMigration, 'owner' | 'id'>): string {
  return `${owner}/${id}`;
}
