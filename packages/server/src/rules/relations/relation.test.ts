/** The law of `Relation`, for every kind of it on the embedded database. On PostgreSQL: `tests/stores`. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../lib/clock.ts';
import { createLogger } from '../../lib/logger.ts';
import { SqliteStore } from '../../stores/sqlite.ts';
import { apiRelations, tableRelations, type StoreOpener } from '../../testing/relation-stores.ts';
import { friendSignature, pairSignature, testRelation, type RelationUnderTest } from '../../testing/relation-suite.ts';
import type { RelationSignature } from '../relation.ts';
import type { Argument } from './facts.ts';
import { ConfigRelation } from './config.ts';
import { FunctionRelation } from './function.ts';

const logger = createLogger('silent');

async function configRelation<Args extends readonly Argument[]>(
  signature: RelationSignature,
  symmetric: boolean,
  initial: readonly Args[],
): Promise<RelationUnderTest<Args>> {
  let facts: readonly Args[] = initial;
  const relation = new ConfigRelation(signature, { facts, symmetric });
  return {
    relation,
    set: async (args, holds) => {
      const others = facts.filter((fact) => fact.join() !== args.join());
      relation.replace((facts = holds ? [...others, args] : others));
    },
    remove: async () => {},
  };
}

async function functionRelation<Args extends readonly Argument[]>(
  signature: RelationSignature,
  symmetric: boolean,
  initial: readonly Args[],
): Promise<RelationUnderTest<Args>> {
  const facts = new Set(initial.map((args) => args.join()));
  const relation = new FunctionRelation(signature, {
    ask: async (...args) => facts.has(args.join()) || (symmetric && facts.has(args.toReversed().join())),
    symmetric,
    cacheTtlMs: 60_000,
    cacheSize: 1_000,
    clock: systemClock,
    logger,
  });
  return {
    relation,
    set: async (args, holds) => {
      if (holds) facts.add(args.join());
      else facts.delete(args.join());
      relation.invalidate(args);
    },
    remove: async () => {},
  };
}

testRelation('ConfigRelation', {
  pair: (facts) => configRelation(pairSignature, false, facts),
  friend: (facts) => configRelation(friendSignature, true, facts),
});

testRelation('FunctionRelation', {
  pair: (facts) => functionRelation(pairSignature, false, facts),
  friend: (facts) => functionRelation(friendSignature, true, facts),
});

const openSqlite: StoreOpener = async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tidings-relation-'));
  const store = new SqliteStore({
    file: join(folder, 'test.db'),
    synchronous: 'off',
    timeoutMs: 5_000,
    clock: systemClock,
    logger,
  });
  return { store, remove: () => rm(folder, { recursive: true }) };
};

testRelation('ApiRelation on SQLite', apiRelations(openSqlite));
testRelation('TableRelation on SQLite', tableRelations(openSqlite));
