/** Random rules give the same verdict for every row in JavaScript and in SQLite. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { differences, evaluateRows, SqliteRows } from './row-databases.ts';
import { asksForHalfOfPair, rules } from './row-rules.ts';
import { bindUser, readRule } from './row-table.ts';
import { rowsOf, users } from './row-values.ts';
import { runs } from './runs.ts';
import { trapRow, traps, trapUser } from './sql-traps.ts';

describe('filters of rows in SQLite', () => {
  test('a rule is refused when it is loaded exactly if a part of it has no form in SQL', () => {
    fc.assert(
      fc.property(rules, ({ text, isPossible }) => {
        expect(readRule(text).problems.length === 0, text).toBe(isPossible);
      }),
      { numRuns: runs(1000) },
    );
  });

  test.each(traps.filter(({ onlyPostgres }) => onlyPostgres !== true))('$rule is $verdict for $row', (trap) => {
    const database = new SqliteRows();
    const { expr, problems } = readRule(trap.rule);
    expect(problems).toEqual([]);
    database.fill([trapRow(trap)]);
    expect(evaluateRows(expr, trapUser(trap), [trapRow(trap)])).toEqual([trap.verdict]);
    expect(database.select(bindUser(expr, trapUser(trap)))).toEqual([trap.verdict]);
  });

  test('true, false and errors are those of JavaScript', () => {
    const database = new SqliteRows();
    const seen = { true: 0, false: 0, null: 0 };
    fc.assert(
      fc.property(rules, users, fc.integer(), ({ text }, user, seed) => {
        const { expr, problems } = readRule(text);
        const bound = bindUser(expr, user);
        fc.pre(problems.length === 0 && !asksForHalfOfPair(bound));
        const given = rowsOf(seed, true);
        database.fill(given);
        const expected = evaluateRows(expr, user, SqliteRows.asStored(given));
        for (const verdict of expected) seen[`${verdict}`]++;
        expect(differences(given, expected, database.select(bound)), text).toEqual([]);
      }),
      { numRuns: runs(300) },
    );
    // Rows that all give the same would prove little.
    expect(Math.min(...Object.values(seen))).toBeGreaterThan(runs(300) * 3);
  });
});
