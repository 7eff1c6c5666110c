/** The types of the client are those of the server: its commands, and what it publishes. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, expectTypeOf, test } from 'vitest';
import type * as client from '../../packages/client/src/chat/publications.ts';
import type * as server from '../../packages/server/src/modules/chat/model.ts';
import { apiFile, clientApi } from '../../scripts/client-api.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

test('api.gen.ts is what `npm run generate` makes of the server’s schemas', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidings-api-'));
  try {
    const file = join(folder, 'api.gen.ts');
    writeFileSync(file, clientApi());
    execFileSync(join(root, 'node_modules/.bin/oxfmt'), ['-c', join(root, '.oxfmtrc.json'), file]);
    expect(readFileSync(file, 'utf8')).toBe(readFileSync(apiFile, 'utf8'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** Optional fields of the client's types may be undefined too, as zod writes them. */
type Plain<T> = T extends readonly (infer Item)[]
  ? readonly Plain<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: Plain<Exclude<T[Key], undefined>> }
    : T;

/** Either can stand for the other. `tsc` is what checks this. */
type Same<A, B> = [Plain<A>] extends [Plain<B>] ? ([Plain<B>] extends [Plain<A>] ? true : false) : false;

test('what is published is of the same types on both sides', () => {
  expectTypeOf<Same<client.RoomPublication, server.RoomPublication>>().toEqualTypeOf<true>();
  expectTypeOf<Same<client.UserPublication, server.UserPublication>>().toEqualTypeOf<true>();
  expectTypeOf<Same<client.UserPresence, server.UserPresence>>().toEqualTypeOf<true>();
  // It can fail: a field more, or one less.
  expectTypeOf<Same<client.UserPresence, server.UserPresence & { more: 1 }>>().toEqualTypeOf<false>();
  expectTypeOf<
    Same<client.RoomPublication, Exclude<server.RoomPublication, { type: 'room' }>>
  >().toEqualTypeOf<false>();
});
