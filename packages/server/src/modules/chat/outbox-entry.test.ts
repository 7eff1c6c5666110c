import { expect, test } from 'vitest';
import { decodeRow, encodeRow, toOutboxRows, type OutboxEntry } from './outbox-entry.ts';

const entry = (id: string, json = '{}'): OutboxEntry => ({ id, target: { to: 'user', id: 'anna' }, json });

test('a row gives back its entries, in their order', () => {
  const target = { to: 'room', id: 'r', rev: 3, epoch: 'e', event: 'message.sent', by: 'anna' } as const;
  const entries = [entry('1', '{"text":"a\\nb"}'), { id: '2', target, json: '[]' }, entry('3')];
  const [row, ...others] = toOutboxRows(entries);
  expect(others).toEqual([]);
  expect(row && decodeRow(encodeRow(row, 7, 5))).toEqual({ id: '1', entries });
});

test('much is parted into rows, and nothing is left out', () => {
  const many = Array.from({ length: 250 }, (_, at) => entry(String(at)));
  const long = Array.from({ length: 5 }, (_, at) => entry(`long-${at}`, JSON.stringify('x'.repeat(40_000))));
  const rows = toOutboxRows([...many, ...long]);
  expect(rows.flatMap(({ entries }) => entries)).toEqual([...many, ...long]);
  expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
  for (const { entries } of rows) {
    expect(entries.length).toBeLessThanOrEqual(100);
    expect(entries.filter(({ id }) => id.startsWith('long')).length).toBeLessThanOrEqual(2);
  }
});

test('a row of a version before is one entry with the id of the row', () => {
  const { target, json } = entry('');
  expect(decodeRow({ id: 'old', entry: `${JSON.stringify(target)}\n${json}` })).toEqual({
    id: 'old',
    entries: [{ id: 'old', target, json }],
  });
});
