import { cp, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEngine, createLogger, developmentConfig, parseConfig, type Engine } from '@tidings/server';
import { jwtVerify } from 'jose';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { seedDirectory } from './demo-pages.ts';
import { userIdOf } from './demo-people.ts';
import { demoSecret } from './demo-secret.ts';
import { importSeeds } from './demo-seed.ts';
import { Demo, demoSettings } from './demo.ts';

const logger = createLogger('silent');

let dataDir: string;
let engine: Engine | undefined;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'tidings-demo-'));
});
afterEach(async () => {
  await engine?.stop();
  engine = undefined;
  await rm(dataDir, { recursive: true });
});

function configuration(more: Parameters<typeof developmentConfig>[0] = {}) {
  const base = { dataDir, listen: { port: 0 }, log: { level: 'silent' }, ...more } as const;
  const { config } = parseConfig(developmentConfig(base));
  return parseConfig({ ...developmentConfig(base), ...demoSettings(config) }).config;
}

/** As `tidings dev` does it. */
async function start(config = configuration()): Promise<Engine> {
  const demo = new Demo({ config });
  await demo.prepare(logger);
  engine = createEngine({ config, logger, routes: demo.routes });
  await engine.start();
  demo.open(engine);
  return engine;
}

const urlOf = (at: Engine) => `http://127.0.0.1:${at.address?.port}`;

async function post(
  at: Engine,
  path: string,
  body: unknown,
): Promise<{ status: number; body: Record<string, unknown> }> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await fetch(urlOf(at) + path, { method: 'POST', body: text });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

interface Line {
  readonly room: { readonly id: string; readonly kind: string };
  readonly membership: { readonly unread: number; readonly mentions: number };
  readonly lastMessage?: { readonly text: string };
}

async function roomsOf(at: Engine, as: string): Promise<readonly Line[]> {
  return ((await at.call('chat.rooms', {}, { as })) as { rooms: readonly Line[] }).rooms;
}

async function textsOf(at: Engine, room: string): Promise<string[]> {
  const page = (await at.call('chat.messages', { room, limit: 100 })) as { messages: { text?: string }[] };
  return page.messages.map(({ text = '' }) => text);
}

describe('signing in', () => {
  test('who comes first finds rooms, something unread, a mention and a greeting', async () => {
    const at = await start();
    const { status, body } = await post(at, '/dev/sign-in', { name: '  Ann   Smith ' });
    expect({ status, body }).toMatchObject({ status: 200, body: { user: 'ann-smith', name: 'Ann Smith' } });
    const rooms = await roomsOf(at, 'ann-smith');
    expect(rooms.map(({ room }) => room.kind)).toContain('direct');
    const general = rooms.find(({ room }) => room.id === 'general');
    expect(general?.membership).toMatchObject({ unread: 3, mentions: 1 });
    expect(general?.lastMessage?.text).toContain('Ann Smith');
    expect(rooms.find(({ room }) => room.kind === 'direct')?.membership.unread).toBe(2);
  });

  test('the same name is the same person, who is greeted once and keeps what they changed', async () => {
    const at = await start();
    await post(at, '/dev/sign-in', { name: 'Ann' });
    await at.call('chat.leave', { room: 'kitchen' }, { as: 'ann' });
    await at.call('chat.setProfile', { name: 'Annabel' }, { as: 'ann' });
    const before = await textsOf(at, 'general');
    const again = await post(at, '/dev/sign-in', { name: 'ANN' });
    expect(again.body).toMatchObject({ user: 'ann', name: 'Annabel' });
    expect(await textsOf(at, 'general')).toEqual(before);
    expect((await roomsOf(at, 'ann')).map(({ room }) => room.id)).not.toContain('kitchen');
  });

  test('a welcome that was cut off goes on, and says nothing twice', async () => {
    const at = await start();
    await at.call('chat.upsertUsers', { users: [{ id: 'ann', name: 'Ann' }] });
    await at.call('chat.join', { room: 'general' }, { as: 'ann' });
    await Promise.all([post(at, '/dev/sign-in', { name: 'Ann' }), post(at, '/dev/sign-in', { name: 'Ann' })]);
    const direct = (await roomsOf(at, 'ann')).filter(({ room }) => room.kind === 'direct');
    expect(direct).toHaveLength(1);
    const greetings = await textsOf(at, direct[0]?.room.id ?? '');
    expect(greetings).toEqual([...new Set(greetings)]);
    expect((await textsOf(at, 'general')).filter((text) => text.includes('Ann!'))).toHaveLength(1);
  });

  test('tokens are signed with the secret, last a quarter of an hour, and are renewed', async () => {
    const config = configuration({ auth: { jwt: { hmacSecret: 'x'.repeat(32), issuer: 'us', audience: 'chat' } } });
    const at = await start(config);
    await post(at, '/dev/sign-in', { name: 'Ann' });
    const { body } = await post(at, '/dev/token', { user: 'ann' });
    const { payload } = await jwtVerify(String(body['token']), new TextEncoder().encode('x'.repeat(32)), {
      issuer: 'us',
      audience: 'chat',
    });
    expect(payload.sub).toBe('ann');
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(900);
    expect(await post(at, '/dev/token', { user: 'nobody' })).toMatchObject({ status: 404 });
  });

  test.each([
    ['{', 'the body is not JSON'],
    ['[]', 'the body is not a JSON object'],
    ['{}', 'name: expected a text'],
    ['{"name":7}', 'name: expected a text'],
    ['{"name":"?! "}', 'name: expected at least one letter or digit'],
    [`{"name":"${'a'.repeat(65)}"}`, 'name: 64 characters at most'],
    ['{"name":"\\ud800"}', 'name: expected a text'],
  ])('%s is refused', async (body, message) => {
    const at = await start();
    expect(await post(at, '/dev/sign-in', body)).toEqual({ status: 400, body: { error: { message } } });
  });

  test.each([
    [{ origin: 'https://evil.example' }, 403],
    [{ host: 'evil.example' }, 403],
    [{ host: 'evil.example', origin: 'http://evil.example' }, 403],
    [{ host: 'localhost:8000', origin: 'http://localhost:8000' }, 200],
    [{ host: 'localhost:8000', origin: 'http://localhost:8001' }, 403],
  ])('from %j: %i', async (headers, expected) => {
    const at = await start();
    const status = await new Promise((resolve, reject) => {
      const sent = request(`${urlOf(at)}/dev/sign-in`, { method: 'POST', headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      sent.on('error', reject);
      sent.end('{"name":"Ann"}');
    });
    expect(status).toBe(expected);
  });

  test('ids hold what is in the name of a channel', () => {
    expect(userIdOf('Tomás  Ferreira')).toBe('tomás-ferreira');
    expect(userIdOf('Zoë: #1, *')).toBe('zoë-1');
    expect(userIdOf('نور')).toBe('نور');
  });
});

describe('what there is at the first look', () => {
  test('rooms with everything in them, and nothing twice when it was cut off', async () => {
    const config = configuration();
    // Ends in the middle of a room, twice.
    const broken = join(dataDir, 'broken');
    await cp(seedDirectory() ?? '', broken, { recursive: true });
    const file = join(broken, 'rooms/kitchen.jsonl');
    await writeFile(file, (await readFile(file, 'utf8')).replace('"sender":"sam-whitfield"', '"sender":7'));
    await expect(importSeeds(config, broken)).rejects.toThrow('sender');
    await expect(importSeeds(config, broken)).rejects.toThrow('sender');
    const at = await start(config);
    const texts = await textsOf(at, 'general');
    expect(texts.length).toBeGreaterThan(20);
    expect(texts).toEqual([...new Set(texts)]);
    const { results } = (await at.call('chat.search', { query: 'tomato' }, { as: 'mira-lindqvist' })) as {
      results: unknown[];
    };
    expect(results.length).toBeGreaterThan(0);
    const { messages } = (await at.call('chat.messages', { room: 'notes' })) as { messages: { createdAt: number }[] };
    const ages = messages.map(({ createdAt }) => Date.now() - createdAt);
    expect(ages).toEqual(ages.toSorted((a, b) => b - a));
    expect(Math.min(...ages)).toBeGreaterThan(0);
  });

  test('a poll with votes, pictures, and something that people have not read yet', async () => {
    const at = await start();
    const page = async (room: string) =>
      (await at.call('chat.messages', { room, limit: 100 })) as {
        messages: { poll?: { voters: number }; attachments?: { name: string; contentType: string }[] }[];
      };
    const polls = (await page('general')).messages.flatMap(({ poll }) => poll ?? []);
    expect(polls).toMatchObject([{ voters: 6 }]);
    for (const [room, name] of Object.entries({ kitchen: 'tomato.png', design: 'spring-palette.png' })) {
      const pictures = (await page(room)).messages.flatMap(({ attachments = [] }) => attachments);
      expect(pictures).toMatchObject([{ name, contentType: 'image/png' }]);
    }
    const unread = new Map(
      (await roomsOf(at, 'yuki-tanaka')).map(({ room, membership }) => [room.id, membership.unread]),
    );
    expect([unread.get('general'), unread.get('kitchen')]).toEqual([2, 2]);
  });

  test('whoever signs in by the name of somebody in the rooms is that person', async () => {
    const at = await start();
    const lines = (await readFile(join(seedDirectory() ?? '', 'people.jsonl'), 'utf8')).trim().split('\n');
    for (const { id, name } of lines.map((line) => JSON.parse(line) as { id: string; name: string })) {
      expect((await post(at, '/dev/sign-in', { name })).body).toMatchObject({ user: id, name });
      expect((await roomsOf(at, id)).length).toBeGreaterThan(3);
    }
  });

  test('a database with something in it is left alone', async () => {
    const config = configuration();
    const first = createEngine({ config, logger });
    await first.start();
    await first.call('chat.createRoom', { kind: 'public', id: 'mine', name: 'Mine', owner: 'ann' });
    await first.stop();
    const at = await start(config);
    const { rooms } = (await at.call('chat.findRooms', {})) as { rooms: { id: string }[] };
    expect(rooms.map(({ id }) => id)).toEqual(['mine']);
    // Whoever signs in is let in all the same.
    expect(await post(at, '/dev/sign-in', { name: 'Ben' })).toMatchObject({ status: 200 });
  });
});

describe('the secret', () => {
  test('is kept for its owner alone, and is the same the next time', async () => {
    const secret = demoSecret(dataDir);
    expect(demoSecret(dataDir)).toBe(secret);
    const { mode } = await stat(join(dataDir, 'demo-secret'));
    expect(mode & 0o777).toBe(0o600);
    expect(await readFile(join(dataDir, 'demo-secret'), 'utf8')).toBe(secret);
  });

  test('half a file is no secret', async () => {
    await writeFile(join(dataDir, 'demo-secret'), 'abc');
    expect(() => demoSecret(dataDir)).toThrow('holds no secret; remove it');
  });

  test('of the configuration goes before', () => {
    const jwt = { hmacSecret: 'y'.repeat(32) };
    expect(configuration({ auth: { jwt } }).auth.jwt?.hmacSecret).toBe(jwt.hmacSecret);
    expect(demoSettings(configuration({ chat: { enabled: false } }))).toEqual({});
  });
});
