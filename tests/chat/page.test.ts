/** docs/chat.md says what is there: permissions, who may do what, commands and limits are those of the program. */
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { chat as chatCommand } from '../../packages/cli/src/commands/chat.ts';
import { chatPatterns } from '../../packages/server/src/config/chat-schema.ts';
import { lineSchema } from '../../packages/server/src/modules/chat/import/import-lines.ts';
import type { RoomPublication, UserPublication } from '../../packages/server/src/modules/chat/model.ts';
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

test('the publications are those that are made', () => {
  const named = (header: string): string[] => {
    const table = sectionOf(page, '## Channels').split(`| type on \`${header}\``)[1] ?? '';
    const rows = table.split('\n\n')[0] ?? '';
    return [...rows.matchAll(/^\| ((?:`\w+`(?:, )?)+)/gm)].flatMap(([, cell = '']) =>
      [...cell.matchAll(/`(\w+)`/g)].map(([, word = '']) => word),
    );
  };
  // The compiler asks for each of them.
  const ofRoom = { message: 1, member: 1, room: 1, typing: 1, receipts: 1 } satisfies Record<
    RoomPublication['type'],
    1
  >;
  const ofUser = {
    activity: 1,
    mention: 1,
    room: 1,
    roomGone: 1,
    draft: 1,
    thread: 1,
    message: 1,
    block: 1,
    restriction: 1,
    own: 1,
    scheduled: 1,
    read: 1,
    profile: 1,
  } satisfies Record<UserPublication['type'], 1>;
  expect(named('chat:room:…').toSorted()).toEqual(Object.keys(ofRoom).toSorted());
  expect(named('chat:user:…').toSorted()).toEqual(Object.keys(ofUser).toSorted());
});

test('the lines of an import are those that are read, with what they need in front', () => {
  const words = (cell: string): string[] => [...cell.matchAll(/`(\w+)`/g)].map(([, word = '']) => word);
  const rows = tableRows(sectionOf(page, '## Import')).map(([type = '', fields = '']) => {
    const [needed = '', ...more] = fields.split(';');
    return [
      words(type)[0] ?? '',
      words(needed).toSorted(),
      words(more.join())
        .filter((word) => word !== 'file')
        .toSorted(),
    ];
  });
  const lines = lineSchema.options.map(({ shape: { type, ...fields } }) => {
    const names = Object.entries(fields);
    const needs = (isNeeded: boolean): string[] =>
      names.filter(([, field]) => !field.safeParse(undefined).success === isNeeded).map(([name]) => name);
    return [type.value, needs(true).toSorted(), needs(false).toSorted()];
  });
  const byType = (a: readonly unknown[], b: readonly unknown[]): number => (String(a[0]) < String(b[0]) ? -1 : 1);
  expect(rows.toSorted(byType)).toEqual(lines.toSorted(byType));
  for (const [type] of lines) expect(chatCommand.details).toContain(`"${String(type)}"`);
});
