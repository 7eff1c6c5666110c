import { errors, ProtocolError } from '@tidings/protocol';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { Commands, type Caller, type Command } from '../commands.ts';
import { FakeClock } from '../lib/clock.ts';
import { createLogger } from '../lib/logger.ts';
import { Metrics } from '../lib/metrics.ts';
import { ApiKeys } from './api-keys.ts';
import { apiRoutes } from './api-routes.ts';
import { commandRoutes } from './command-routes.ts';
import { startTestServer, type TestServer } from './http-test-server.ts';
import { openApiDocument, openApiRoutes, type JsonSchema } from './openapi.ts';
import { scriptedServerApi } from './scripted-server-api.ts';

const key = 'correct-horse';
const full = { code: 1902, message: 'no room: 3 notes at most', temporary: false };

const shared = z.strictObject({});
const commandsOf = (seen: [Caller, unknown][]): Command[] => [
  {
    name: 'notes.write',
    summary: 'Writes a note.',
    input: z.strictObject({ text: z.string().max(100).describe('What it says.'), pinned: z.boolean().optional() }),
    output: z.strictObject({ id: z.int().describe('Of the note.') }),
    example: { text: 'milk' },
    run: async (caller, input) => {
      seen.push([caller, input]);
      const { text } = input as { text: string };
      if (text === 'full') throw new ProtocolError(full, { detail: '3 notes at most' });
      if (text === 'denied') throw new ProtocolError(errors.permissionDenied, { detail: 'not yours' });
      if (text === 'defect') throw new TypeError('a secret in a stack trace');
      return { id: seen.length };
    },
  },
  {
    name: 'notes.clear',
    summary: 'Throws all away.',
    input: shared,
    output: shared,
    example: {},
    run: async () => ({}),
  },
];

interface NotesServer extends TestServer {
  readonly seen: [Caller, unknown][];
  readonly apiMetrics: Metrics;
  call(path: string, body?: unknown, headers?: Record<string, string>): Promise<{ status: number; body: unknown }>;
}

async function startNotes(): Promise<NotesServer> {
  const seen: [Caller, unknown][] = [];
  const logger = createLogger('silent');
  const apiMetrics = new Metrics();
  const keys = new ApiKeys({ keys: [key], development: false, clock: new FakeClock(), logger });
  const invalid = { code: 1900, message: 'not understood', temporary: false };
  const httpStatus = (code: number): number | undefined => (code === full.code ? 507 : undefined);
  const group = { module: 'notes', commands: commandsOf(seen), invalid, httpStatus };
  const commands = new Commands([group], apiMetrics);
  const authRecord = (user: string) => ({ uid: user });
  const http = await startTestServer({
    routes: [
      ...apiRoutes({ api: scriptedServerApi(), keys, logger, metrics: apiMetrics }),
      ...commandRoutes({ commands, keys, authRecord, logger, metrics: apiMetrics, maxBodyBytes: 1_000 }),
      ...openApiRoutes('1.2.3', group.commands),
    ],
  });
  return Object.assign(http, {
    seen,
    apiMetrics,
    call: async (path: string, body: unknown = {}, headers: Record<string, string> = {}) => {
      const text = typeof body === 'string' ? body : JSON.stringify(body);
      const response = await fetch(http.url + path, {
        method: 'POST',
        body: text,
        headers: { 'x-api-key': key, ...headers },
      });
      return { status: response.status, body: (await response.json()) as unknown };
    },
  });
}

describe('POST /api/<module>/<command>', () => {
  test('without `as` the back end itself acts; with it, the user', async () => {
    await using http = await startNotes();
    expect(await http.call('/api/notes/write', { text: 'milk' })).toEqual({ status: 200, body: { result: { id: 1 } } });
    expect(await http.call('/api/notes/write', { as: 'u1', text: 'eggs', pinned: true })).toMatchObject({
      status: 200,
    });
    expect(http.seen).toEqual([
      [{ user: '', system: true, client: undefined, auth: { uid: '' } }, { text: 'milk' }],
      [
        { user: 'u1', system: false, client: undefined, auth: { uid: 'u1' } },
        { text: 'eggs', pinned: true },
      ],
    ]);
    // An empty body, and what PHP makes of an empty map.
    for (const body of ['', '[]', '{}', ' ']) {
      expect(await http.call('/api/notes/clear', body)).toEqual({ status: 200, body: { result: {} } });
    }
    expect(http.apiMetrics.apiCalls.counts.get('notes.write')).toBe(2);
  });

  test('an `as` that is nobody is refused, and never means the back end', async () => {
    await using http = await startNotes();
    for (const as of ['', null, 7, ['u1'], {}, 'x'.repeat(256), '\ud800']) {
      const { status, body } = await http.call('/api/notes/write', { as, text: 'milk' });
      expect(status).toBe(200);
      expect(body).toEqual({
        error: { code: 107, message: expect.stringMatching(/^bad request: as: expected the id/) },
      });
    }
    expect(http.seen).toEqual([]);
  });

  test('needs a key', async () => {
    await using http = await startNotes();
    for (const path of ['/api/notes/write', '/api/notes/nothing']) {
      expect((await http.call(path, { text: 'milk' }, { 'x-api-key': 'wrong' })).status).toBe(401);
    }
    expect(http.seen).toEqual([]);
  });

  test('what is no JSON object is refused', async () => {
    await using http = await startNotes();
    expect(await http.call('/api/notes/write', '{"text":')).toMatchObject({
      status: 400,
      body: { error: { code: 107, message: 'bad request: the body is not JSON' } },
    });
    for (const body of ['7', '"text"', '[1]', 'null']) {
      expect((await http.call('/api/notes/write', body)).body).toMatchObject({
        error: { code: 107, message: 'bad request: the request is not a JSON object' },
      });
    }
    expect((await http.call('/api/notes/write', { text: 'x'.repeat(2_000) })).status).toBe(413);
  });

  test('input that is not valid gets the module’s own error, with words', async () => {
    await using http = await startNotes();
    expect((await http.call('/api/notes/write', { text: 7, other: 1 })).body).toEqual({
      error: {
        code: 1900,
        message: 'not understood: text: expected string, received number; unknown field other; valid: text, pinned',
      },
    });
  });

  test('errors are told once, with what helps a back end, and a defect with nothing', async () => {
    await using http = await startNotes();
    const errorOf = async (text: string) => (await http.call('/api/notes/write', { text })).body;
    expect(await errorOf('full')).toEqual({ error: { code: 1902, message: 'no room: 3 notes at most' } });
    expect(await errorOf('denied')).toEqual({ error: { code: 103, message: 'permission denied: not yours' } });
    expect(await errorOf('defect')).toEqual({ error: { code: 100, message: 'internal server error' } });
  });

  test('with status codes: those of the module, and those of the engine', async () => {
    await using http = await startNotes();
    const headers = { 'x-centrifugo-error-mode': 'transport' };
    const statusOf = async (text: unknown) => (await http.call('/api/notes/write', { text }, headers)).status;
    expect(await statusOf('full')).toBe(507);
    expect(await statusOf('denied')).toBe(403);
    expect(await statusOf('defect')).toBe(500);
    expect(await statusOf(7)).toBe(400);
    expect(await statusOf('milk')).toBe(200);
  });

  test('an unknown command is 404, and says which was meant', async () => {
    await using http = await startNotes();
    expect(await http.call('/api/notes/wriet')).toEqual({
      status: 404,
      body: { error: { code: 104, message: 'method not found: /api/notes/wriet; did you mean /api/notes/write?' } },
    });
    expect((await http.call('/api/notes/x')).body).toMatchObject({
      error: { message: expect.stringContaining('valid: /api/notes/write, /api/notes/clear') },
    });
  });
});

describe('the document', () => {
  const document = openApiDocument('1.2.3', commandsOf([]));

  test('has every command, with schemas that are used and lead somewhere', () => {
    const text = JSON.stringify(document);
    for (const name of Object.keys(document.components.schemas)) {
      expect(text, name).toContain(`"#/components/schemas/${name}"`);
    }
    for (const [, ref] of text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)) {
      expect(document.components.schemas).toHaveProperty(ref as string);
    }
    expect(Object.keys(document.paths).slice(-2)).toEqual(['/api/notes/write', '/api/notes/clear']);
    const write = document.paths['/api/notes/write']?.post;
    expect(write?.operationId).toBe('notes.write');
    expect(write?.requestBody.content['application/json'].example).toEqual({ text: 'milk' });
    expect(text).not.toContain('$schema');
    expect(text).not.toContain('$defs');
  });

  test('says that a user may act', () => {
    const request = document.components.schemas['NotesWriteRequest'] as JsonSchema;
    expect(Object.keys(request.properties ?? {})).toEqual(['text', 'pinned', 'as']);
    expect(request.required).toEqual(['text']);
    expect(request.additionalProperties).toBe(false);
    expect(document.components.schemas['NotesWriteResult']?.properties).toMatchObject({ id: { type: 'integer' } });
  });

  test('the page shows them', async () => {
    await using http = await startNotes();
    const page = await (await fetch(`${http.url}/api/docs`)).text();
    expect(page).toContain('POST /api/notes/write');
    expect(page).toContain('<code>as</code>');
    expect(page).toContain('{&quot;text&quot;:&quot;milk&quot;}');
  });
});
