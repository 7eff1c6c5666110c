/** ERRORS.md lists exactly the codes, with the words that clients see. */
import { readFile } from 'node:fs/promises';
import { closeCodes, errors, isReconnectCode, unsubscribeCodes } from '@tidings/protocol';
import { describe, expect, test } from 'vitest';
import { chatErrors } from '../packages/server/src/modules/chat/chat-error.ts';

const page = await readFile(new URL('../ERRORS.md', import.meta.url), 'utf8');

/** Rows of the table under a heading: cells without spaces around. */
function rowsUnder(heading: string): string[][] {
  const section = page.split(`## ${heading}\n`)[1]?.split('\n## ')[0] ?? '';
  return section
    .split('\n')
    .filter((line) => /^\| \d/.test(line))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
}

const byCode = (a: readonly string[], b: readonly string[]): number => Number(a[0]) - Number(b[0]);

describe('ERRORS.md', () => {
  test('lists every error reply', () => {
    const expected = Object.values(errors).map(({ code, message, temporary }) => [
      String(code),
      message,
      temporary ? 'yes' : 'no',
    ]);
    expect(rowsUnder('Error replies').map((row) => row.slice(0, 3))).toEqual(expected.toSorted(byCode));
  });

  test('lists every error of chat, and its codes are those kept for chat', () => {
    const expected = Object.values(chatErrors).map(({ code, message, temporary }) => [
      String(code),
      message,
      temporary ? 'yes' : 'no',
    ]);
    const rows = rowsUnder('Errors of chat');
    expect(rows.map((row) => row.slice(0, 3))).toEqual(expected.toSorted(byCode));
    expect(rows.filter((row) => row.slice(3).some((cell) => cell === ''))).toEqual([]);
    const codes = expected.map(([code]) => Number(code));
    expect(codes.filter((code) => code < 600 || code > 699)).toEqual([]);
    expect(new Set(codes).size).toBe(codes.length);
  });

  test('lists every close code', () => {
    const expected = Object.values(closeCodes).map(({ code, reason }) => [
      String(code),
      reason,
      isReconnectCode(code) ? 'yes' : 'no',
    ]);
    expect(rowsUnder('Close codes').map((row) => row.slice(0, 3))).toEqual(expected.toSorted(byCode));
  });

  test('lists every unsubscribe code', () => {
    const expected = Object.values(unsubscribeCodes).map(({ code, reason }) => [
      String(code),
      reason,
      code >= 2500 ? 'yes' : 'no',
    ]);
    expect(rowsUnder('Unsubscribe codes').map((row) => row.slice(0, 3))).toEqual(expected.toSorted(byCode));
  });
});
