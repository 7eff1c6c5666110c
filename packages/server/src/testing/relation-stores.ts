/** Relations in a database, for the suite: kept by the server API, and mirrored from a table of the application. */
import { sql } from 'kysely';
import { createLogger } from '../lib/logger.ts';
import { systemClock } from '../lib/clock.ts';
import type { RelationSignature } from '../rules/relation.ts';
import { ApiRelation } from '../rules/relations/api.ts';
import { ChangeFeed } from '../rules/relations/change-feed.ts';
import { Facts } from '../rules/relations/facts.ts';
import { relationMigrations } from '../rules/relations/migrations.ts';
import { TableRelation } from '../rules/relations/table.ts';
import type { Store } from '../stores/store.ts';
import { friendSignature, pairSignature, type RelationFactory, type RelationUnderTest } from './relation-suite.ts';

const logger = createLogger('silent');

/** Opens a new store on an empty database, not started; `remove` takes both away. */
export type StoreOpener = () => Promise<{ readonly store: Store; remove(): Promise<void> }>;

async function opened(open: StoreOpener) {
  const { store, remove } = await open();
  await store.start();
  await store.migrate([relationMigrations]);
  const feed = new ChangeFeed({ store, clock: systemClock, logger });
  return { store, feed, remove: () => store.stop().then(remove) };
}

export function apiRelations(open: StoreOpener): RelationFactory {
  async function make<Args extends readonly (string | bigint)[]>(
    signature: RelationSignature,
    symmetric: boolean,
    facts: readonly Args[],
  ): Promise<RelationUnderTest<Args>> {
    const { store, feed, remove } = await opened(open);
    const relation = new ApiRelation({ facts: new Facts(signature, symmetric), feed, store, clock: systemClock });
    await relation.add(facts);
    const set = async (args: Args, holds: boolean) =>
      void (await (holds ? relation.add([args]) : relation.remove([args])));
    return { relation, set, remove };
  }
  return { pair: (facts) => make(pairSignature, false, facts), friend: (facts) => make(friendSignature, true, facts) };
}

/** The facts lie in tables `pairs (grp, num, gone_at)` and `friendships (a, b)`; a row with `gone_at` does not count. */
export function tableRelations(open: StoreOpener): RelationFactory {
  return {
    async pair(facts) {
      const { store, feed, remove } = await opened(open);
      const db = store.database<never>();
      await sql`create table pairs (grp text not null, num bigint, gone_at bigint, primary key (grp, num))`.execute(db);
      const put = (grp: string, num: bigint) =>
        sql`insert into pairs (grp, num) values (${grp}, ${num})
        on conflict (grp, num) do update set gone_at = null`.execute(db);
      for (const [group, number] of facts) await put(group, number);
      const relation = new TableRelation({
        facts: new Facts(pairSignature, false),
        feed,
        store,
        clock: systemClock,
        table: 'pairs',
        columns: ['grp', 'num'],
        where: undefined,
      });
      const set = async ([group, number]: readonly [string, bigint], holds: boolean) => {
        if (holds) await put(group, number);
        else await sql`delete from pairs where grp = ${group} and num = ${number}`.execute(db);
      };
      return { relation, set, remove };
    },
    async friend(facts) {
      const { store, feed, remove } = await opened(open);
      const db = store.database<never>();
      await sql`create table friendships (a text not null, b text not null)`.execute(db);
      const put = (a: string, b: string) => sql`insert into friendships (a, b) values (${a}, ${b})`.execute(db);
      for (const [a, b] of facts) await put(a, b);
      const relation = new TableRelation({
        facts: new Facts(friendSignature, true),
        feed,
        store,
        clock: systemClock,
        table: 'friendships',
        columns: ['a', 'b'],
      });
      const set = async ([a, b]: readonly [string, string], holds: boolean) => {
        if (holds) await put(a, b);
        else await sql`delete from friendships where a = ${a} and b = ${b}`.execute(db);
      };
      return { relation, set, remove };
    },
  };
}
