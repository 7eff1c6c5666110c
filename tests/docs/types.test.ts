/** What the pages show in TypeScript is what the compiler takes, with the types of the packages as they are. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { blocksOf, root, sdkPages, type Block } from '../support/documents.ts';
import { Workbench } from './workbench.ts';

/** What the text around the blocks has introduced. */
const introduced = `
import type { Chat, ChatRoom, Message, RoomView, TidingsClient } from '@tidings/client';
declare global {
  const client: TidingsClient;
  const chat: Chat;
  const room: ChatRoom;
  const seq: number;
  const id: string;
  const file: File;
  const field: HTMLInputElement;
  const dataDir: string;
  const tokenFor: (user: string, secret: string) => string;
  const getToken: () => Promise<string>;
}
`;

const isTypeScript = ({ language }: Block): boolean => language === 'ts' || language === 'tsx';

/** Fragments become the body of a function, behind their imports; whole modules stay as they are. */
function moduleOf({ code }: Block): string {
  if (/^export /m.test(code)) return code;
  const imports = code.match(/^import [^;]+;$/gm) ?? [];
  const body = code.replaceAll(/^import [^;]+;$/gm, '');
  return `${imports.join('\n')}\nexport async function example() {\n${body}\n}\n`;
}

test('every block of TypeScript has a name and no error', async () => {
  const blocks = sdkPages.concat('README.md').flatMap(blocksOf).filter(isTypeScript);
  expect(blocks.filter(({ name }) => name === undefined).map(({ page, line }) => `${page}:${line}`)).toEqual([]);
  const options = { noUnusedLocals: false, lib: ['ES2024', 'ESNext.Disposable', 'DOM', 'DOM.Iterable'] };
  await using workbench = await Workbench.with({
    'introduced.d.ts': introduced,
    'styles.d.ts': "declare module '*.css';\n",
    'tsconfig.json': JSON.stringify({ extends: '../../tsconfig.json', compilerOptions: options, include: ['.'] }),
    ...Object.fromEntries(blocks.map((block) => [`${block.name}.${block.language}`, moduleOf(block)])),
  });
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const { stdout } = await promisify(execFile)(process.execPath, [tsc, '-p', workbench.folder], {
    cwd: workbench.folder,
  }).catch((error: Error & { stdout: string }) => ({ stdout: error.stdout || error.message }));
  // What is wrong with the packages themselves, `npm run types` says.
  const own = stdout.split('\n').filter((line) => line !== '' && !line.startsWith('..') && !line.startsWith(' '));
  expect(own).toEqual([]);
});
