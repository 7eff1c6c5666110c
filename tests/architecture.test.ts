/**
 * Proves that the linter enforces who may import whom, so that a rule cannot stop working in silence: every forbidden
 * import here, in a tree of its own with the project's configuration, must be reported, and every allowed one must not.
 */
import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));

interface Case {
  readonly file: string;
  /** What the file does, for the title. */
  readonly what: string;
  readonly code: string;
  /** The rule that must fire; undefined: none may. */
  readonly rule?: string;
}

const imports = 'no-restricted-imports';
const server = 'packages/server/src';

function forbidden(from: string, target: string): Case {
  return {
    file: from,
    what: `imports ${target}`,
    code: `import { a } from '${target}';\nexport const b = a;\n`,
    rule: imports,
  };
}
function allowed(from: string, target: string): Case {
  return { file: from, what: `imports ${target}`, code: `import { a } from '${target}';\nexport const b = a;\n` };
}
function allowedType(from: string, target: string): Case {
  return {
    file: from,
    what: `imports types of ${target}`,
    code: `import type { A } from '${target}';\nexport type B = A;\n`,
  };
}

const cases: Case[] = [
  forbidden('packages/protocol/src', '@tidings/server'),
  forbidden('packages/protocol/src', 'tidings'),
  forbidden('packages/protocol/src', 'node:net'),
  forbidden('packages/protocol/src', '../../server/src/hub/hub.ts'),
  allowed('packages/protocol/src', './errors.ts'),

  forbidden('packages/cli/src/commands', '../../../server/src/engine.ts'),
  allowed('packages/cli/src/commands', '@tidings/server'),
  forbidden('packages/client/src', '@tidings/server'),
  forbidden('packages/client/src', '@tidings/protocol'),
  allowedType('packages/client/src', '@tidings/protocol'),
  forbidden('packages/client/src/chat', '../../../server/src/engine.ts'),
  forbidden('packages/client/src/chat/cache', 'node:fs'),
  forbidden('packages/client/src', 'events'),
  forbidden('packages/client/src', 'react'),
  allowed('packages/client/src', 'centrifuge'),
  allowed('packages/client/src/storage', 'idb'),
  allowed('packages/client/src/chat/cache', '../../store.ts'),
  allowed('packages/client/src/storage/testing', 'vitest'),
  forbidden('packages/react/src', '@tidings/server'),
  forbidden('packages/react/src', 'centrifuge'),
  forbidden('packages/react/src', '../../client/src/store.ts'),
  allowed('packages/react/src', '@tidings/client'),
  allowed('packages/react/src', 'react'),
  allowed('packages/react/src', '@tanstack/react-virtual'),
  forbidden('packages/vue/src', '@tidings/server'),
  forbidden('packages/vue/src', 'react'),
  allowed('packages/vue/src', '@tidings/client'),
  allowed('packages/vue/src', 'vue'),

  forbidden(`${server}/lib`, '../component.ts'),
  forbidden(`${server}/lib`, '../config/schema.ts'),
  allowed(`${server}/lib`, './clock.ts'),

  forbidden(`${server}/config`, '../hub/hub.ts'),
  allowed(`${server}/config`, '../lib/logger.ts'),

  forbidden(`${server}/transports`, '../publish.ts'),
  forbidden(`${server}/transports`, '../hub/hub.ts'),
  forbidden(`${server}/transports`, '../brokers/memory.ts'),
  forbidden(`${server}/transports`, '../connection/connection.ts'),
  allowedType(`${server}/transports`, '../connection/connection.ts'),
  allowed(`${server}/transports`, '../hub/batch.ts'),
  allowed(`${server}/transports`, '@tidings/protocol'),

  forbidden(`${server}/hub`, '../publish.ts'),
  forbidden(`${server}/hub`, '../brokers/memory.ts'),
  forbidden(`${server}/hub`, '../brokers/broker.ts'),
  forbidden(`${server}/hub`, '../connection/connection.ts'),
  allowedType(`${server}/hub`, '../brokers/broker.ts'),
  allowed(`${server}/hub`, '../lib/clock.ts'),

  ...['brokers', 'presence', 'stores', 'jobs', 'push'].flatMap((folder) => [
    forbidden(`${server}/${folder}`, '../hub/hub.ts'),
    forbidden(`${server}/${folder}`, '../publish.ts'),
    forbidden(`${server}/${folder}`, '../transports/websocket.ts'),
    allowed(`${server}/${folder}`, '../component.ts'),
    allowed(`${server}/${folder}`, '../lib/clock.ts'),
  ]),

  forbidden(`${server}/auth`, '../brokers/memory.ts'),

  forbidden(`${server}/connection`, '../brokers/memory.ts'),
  forbidden(`${server}/connection`, '../presence/memory.ts'),
  forbidden(`${server}/connection`, '../auth/jwt.ts'),
  forbidden(`${server}/connection`, '../transports/websocket.ts'),
  forbidden(`${server}/connection`, '../http/http-server.ts'),
  forbidden(`${server}/connection`, '../engine.ts'),
  allowed(`${server}/connection`, '../publish.ts'),
  allowedType(`${server}/connection`, '../transports/transport.ts'),

  forbidden(`${server}/http`, '../brokers/memory.ts'),
  forbidden(`${server}/http`, '../transports/websocket.ts'),
  allowed(`${server}/http`, '../publish.ts'),

  forbidden(`${server}/modules/chat`, '../live/live.ts'),
  forbidden(`${server}/modules/chat`, '../../stores/sqlite.ts'),
  forbidden(`${server}/modules/chat`, '../../stores/postgres.ts'),
  forbidden(`${server}/modules/chat`, '../../core.ts'),
  forbidden(`${server}/modules/chat`, '../../engine.ts'),
  forbidden(`${server}/modules/chat`, '../../hub/hub.ts'),
  forbidden(`${server}/modules/chat`, '../../http/api-keys.ts'),
  forbidden(`${server}/modules/chat/commands`, '../../../connection/connection.ts'),
  forbidden(`${server}/modules/chat`, '../../publish.ts'),
  allowed(`${server}/modules/chat`, '../../rules/check.ts'),
  allowed(`${server}/modules/chat/commands`, '../chat.ts'),
  allowed(`${server}/modules/chat/commands`, '../../../lib/ids.ts'),
  allowedType(`${server}/modules/chat`, '../../http/route.ts'),

  forbidden(`${server}/rules`, '../hub/hub.ts'),
  forbidden(`${server}/rules`, '../stores/sqlite.ts'),
  forbidden(`${server}/rules`, '../engine.ts'),
  forbidden(`${server}/rules`, '../modules/chat/permissions.ts'),
  allowed(`${server}/rules`, '../lib/nearest.ts'),
  allowedType(`${server}/rules`, '../config/schema.ts'),
  allowedType(`${server}/rules`, '../stores/store.ts'),
  forbidden(`${server}/config`, '../stores/store.ts'),
  allowed(`${server}/config`, '../rules/ruleset.ts'),
  allowed(`${server}/modules/chat`, '../module.ts'),
  allowedType(`${server}/modules/chat`, '../../stores/store.ts'),

  forbidden(server, './brokers/memory.ts'),
  forbidden(server, './presence/memory.ts'),
  forbidden(server, './transports/websocket.ts'),
  forbidden(server, './http/server-api.ts'),
  forbidden(server, './engine.ts'),
  allowed(server, './hub/hub.ts'),
  allowedType(server, './brokers/broker.ts'),
  { ...allowed(server, './brokers/memory.ts'), file: `${server}/engine.ts` },
  { ...allowed(server, './brokers/memory.ts'), file: `${server}/hub/hub.test.ts` },

  {
    file: server,
    what: 'reads the environment',
    code: `export const home = process.env['HOME'];\n`,
    rule: 'no-process-env',
  },
  { file: `${server}/config`, what: 'reads the environment', code: `export const home = process.env['HOME'];\n` },
  { file: 'packages/cli/src', what: 'reads the environment', code: `export const home = process.env['HOME'];\n` },
  { file: server, what: 'has a default export', code: `export default 1;\n`, rule: 'no-default-export' },
  { file: 'packages/cli/src', what: 'has a default export', code: `export default 1;\n`, rule: 'no-default-export' },
  { file: server, what: 'writes to the console', code: `console.log(1);\nexport {};\n`, rule: 'no-console' },
  {
    file: server,
    what: 'has over 600 lines',
    code: `export const a = 1;\n${'// more\n'.repeat(601)}`,
    rule: 'max-lines',
  },
];

/** A folder in `file` gets a file of its own. */
const files = cases.map(({ file }, index) => (file.endsWith('.ts') ? file : `${file}/case-${index}.ts`));

let folder: string;
let reported: Map<string, string[]>;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidings-lint-'));
  await cp(join(root, '.oxlintrc.json'), join(folder, '.oxlintrc.json'));
  for (const [index, file] of files.entries()) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), cases[index]?.code ?? '');
  }
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(root, 'node_modules/oxlint/bin/oxlint'), '--format=json'],
    { cwd: folder, maxBuffer: 64 * 1024 * 1024 },
  ).catch((error: { stdout: string }) => error);
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: { filename: string; code: string }[] };
  reported = new Map();
  for (const { filename, code } of diagnostics) {
    reported.set(filename, [...(reported.get(filename) ?? []), /\((.*)\)/.exec(code)?.[1] ?? code]);
  }
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('the linter', () => {
  test.each(
    cases.map((value, index) => ({
      ...value,
      place: value.file,
      file: files[index] ?? '',
      verdict: value.rule ? 'forbidden' : 'allowed',
    })),
  )('$place $what: $verdict', ({ file, rule }) => {
    const relevant = [imports, 'no-process-env', 'no-default-export', 'no-console', 'max-lines'];
    expect((reported.get(file) ?? []).filter((name) => relevant.includes(name))).toEqual(rule ? [rule] : []);
  });
});
