/** docs/chat.md says what is there: permissions, who may do what, commands and limits are those of the program. */
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { chatPatterns } from '../../packages/server/src/config/chat-schema.ts';
import { defaultPermissions } from '../../packages/server/src/modules/chat/permissions.ts';
import { blocksOf, readPage } from '../support/documents.ts';
import { commandRows, limitRows, permissionMatrix, sectionOf, tableRows } from './page-tables.ts';

const page = readPage('docs/chat.md');

test('the permissions are the default rules', () => {
  const block = blocksOf('docs/chat.md').find(({ name }) => name === 'chat-permissions');
  expect((parse(block?.code ?? '') as { chat: object }).chat).toEqual({ permissions: defaultPermissions });
});

test('the table of roles is what the default rules come to', () => {
  const rows = tableRows(sectionOf(page, '## Permissions')).filter((row) => row.length === 6);
  expect(rows).toEqual(permissionMatrix());
});

test('every command is listed once, in its own words', async () => {
  const byName = (a: readonly string[], b: readonly string[]): number => ((a[0] ?? '') < (b[0] ?? '') ? -1 : 1);
  const rows = tableRows(sectionOf(page, '## Commands'));
  expect(rows.toSorted(byName)).toEqual((await commandRows()).toSorted(byName));
});

test('the limits are those of the configuration', () => {
  expect(tableRows(sectionOf(page, '## Limits'))).toEqual(limitRows());
});

test('the channels are those that chat owns', () => {
  const rows = tableRows(sectionOf(page, '## Channels')).map(([channel]) => channel);
  expect(rows.slice(0, 3)).toEqual(chatPatterns.map((pattern) => `\`${pattern}\``));
});
