/** Routing keys leave out no row that a rule allows. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { routingKeys, routingText } from '../../packages/server/src/rules/routing-keys.ts';
import { evaluateRows } from './row-databases.ts';
import { rules } from './row-rules.ts';
import { bindUser, readRule, type ColumnName } from './row-table.ts';
import { rowsOf, users } from './row-values.ts';
import { runs } from './runs.ts';

test('every row that a random rule allows has one of its keys', () => {
  let kept = 0;
  fc.assert(
    fc.property(rules, users, fc.integer(), ({ text }, user, seed) => {
      const { expr } = readRule(text);
      const keys = routingKeys(bindUser(expr, user), 'row');
      if (keys.kind === 'all') return;
      const rows = rowsOf(seed, true);
      for (const [index, verdict] of evaluateRows(expr, user, rows).entries()) {
        if (verdict !== true) continue;
        const hasKey = ({ field, value }: { field: string; value: Parameters<typeof routingText>[0] }): boolean =>
          routingText(rows[index]?.[field as ColumnName] ?? null) === routingText(value);
        expect(keys.kind === 'keys' && keys.anyOf.some(hasKey), text).toBe(true);
        kept++;
      }
    }),
    { numRuns: runs(1000) },
  );
  expect(kept).toBeGreaterThan(runs(1000));
});
