/** Chat as part of an engine: over sockets in both codecs, over HTTP, and away and back. */
import { formats, type Format, type Reply } from '@tidings/protocol';
import { describe, expect, test } from 'vitest';
import type { ConfigInput } from './config/schema.ts';
import { createEngine, type EngineOptions } from './engine.ts';
import type { DeliveredEvent } from './events/function-events.ts';
import { FakeClock, settle } from './lib/clock.ts';
import { createLogger } from './lib/logger.ts';
import { SqliteStore } from './stores/sqlite.ts';
import { codeOf, json, jwt, pushes, subscribe, text, token, values } from './testing/engine-fixture.ts';
import { createTestEngine, type TestEngine } from './testing.ts';
import type { MemoryClient } from './transports/memory.ts';

const logger = createLogger('silent');

function memoryStore(): SqliteStore {
  return new SqliteStore({ file: ':memory:', synchronous: 'off', timeoutMs: 5_000, clock: new FakeClock(), logger });
}

// What commands answer is looked at, not typed.
// eslint-disable-next-line typescript/no-explicit-any
type Answer = any;

/** Calls a command; its result, or its error. */
async function call(client: MemoryClient, name: string, input: object = {}): Promise<Answer> {
  const reply: Reply = await client.request({ rpc: { method: `chat.${name}`, data: json(input) } });
  return reply.error ?? JSON.parse(text(reply.rpc?.data));
}

interface ChatEngine extends TestEngine {
  as(user: string, format?: Format): Promise<MemoryClient>;
}

async function createChatEngine(
  config: ConfigInput = {},
  options: Partial<Omit<EngineOptions, 'clock'>> = {},
): Promise<ChatEngine> {
  const node = await createTestEngine({
    store: memoryStore(),
    ...options,
    config: { ...config, auth: { anonymous: true, jwt }, chat: { ...config.chat, enabled: true } },
  });
  return Object.assign(node, {
    as: (user: string, format: Format = formats.websocketJson) => node.connect({ token: token({ sub: user }), format }),
  });
}

/** A group of these users; the first made it. */
async function createGroup(owner: MemoryClient, members: readonly string[], id = 'r1'): Promise<void> {
  expect(await call(owner, 'createRoom', { kind: 'group', id, name: 'Group', members })).toMatchObject({
    room: { id },
  });
}

/** The next publication of this kind on a channel. */
async function nextPublication(client: MemoryClient, channel: string, type: string): Promise<Answer> {
  for (;;) {
    const push = await client.nextPush((one) => one.channel === channel && one.pub !== undefined);
    const value = JSON.parse(text(push.pub?.data)) as Answer;
    if (value.type === type) return { ...value, offset: push.pub?.offset };
  }
}

const both = [
  ['JSON', formats.websocketJson],
  ['Protobuf', formats.websocketProtobuf],
] as const;

describe.each(both)('two users, %s', (_, format) => {
  test('what one sends both receive, in order, with the room’s revisions', async () => {
    await using node = await createChatEngine();
    const [anna, ben] = [await node.as('anna', format), await node.as('ben', format)];
    await createGroup(anna, ['ben']);
    for (const client of [anna, ben]) {
      expect(await subscribe(client, 'chat:room:r1')).toMatchObject({ recoverable: true, positioned: true });
    }
    const sent = await call(anna, 'send', { room: 'r1', clientId: 'c1', text: 'hello' });
    await call(ben, 'send', { room: 'r1', text: 'hi' });
    for (const client of [anna, ben]) {
      const first = await nextPublication(client, 'chat:room:r1', 'message');
      const second = await nextPublication(client, 'chat:room:r1', 'message');
      expect(first.message).toEqual(sent.message);
      expect([first.message.text, second.message.text]).toEqual(['hello', 'hi']);
      expect([first.offset, second.offset]).toEqual([first.message.rev, second.message.rev]);
      expect(second.offset).toBe(first.offset + 1);
    }
    const again = await call(anna, 'send', { room: 'r1', clientId: 'c1', text: 'hello' });
    expect(again).toEqual({ message: sent.message, replayed: true });
  });

  test('who was away gets what changed, each thing once and as it is now', async () => {
    await using node = await createChatEngine();
    const [anna, ben] = [await node.as('anna', format), await node.as('ben', format)];
    await createGroup(anna, ['ben']);
    await call(anna, 'send', { room: 'r1', text: 'one' });
    const { epoch = '', offset = 0 } = await subscribe(ben, 'chat:room:r1');
    await ben.request({ unsubscribe: { channel: 'chat:room:r1' } });
    await call(anna, 'edit', { room: 'r1', seq: 1, text: 'one!' });
    await call(anna, 'send', { room: 'r1', text: 'two' });
    await call(anna, 'edit', { room: 'r1', seq: 1, text: 'one!!' });
    await call(anna, 'react', { room: 'r1', seq: 1, emoji: '👍' });
    await call(anna, 'send', { room: 'r1', text: 'three' });
    await call(anna, 'delete', { room: 'r1', seq: 2 });
    const result = await subscribe(ben, 'chat:room:r1', { recover: true, epoch, offset });
    expect(result.recovered).toBe(true);
    const messages = (values(result.publications) as Answer[]).flatMap(({ type, message }) =>
      type === 'message' ? [[message.seq, message.text, message.reactions]] : [],
    );
    expect(messages).toEqual([
      [1, 'one!!', { '👍': 1 }],
      [3, 'three', undefined],
      [2, undefined, undefined],
    ]);
    const offsets = result.publications?.map((publication) => publication.offset ?? 0) ?? [];
    expect(offsets).toEqual(offsets.toSorted((a, b) => a - b));
    // And goes on from there, without a gap.
    const { message } = await call(anna, 'send', { room: 'r1', text: 'four' });
    expect((await nextPublication(ben, 'chat:room:r1', 'message')).offset).toBe(message.rev);
  });

  test('who was away too long is told once to start over, and is given no part', async () => {
    await using node = await createChatEngine({ limits: { recoveredPublications: 5 } });
    const [anna, ben] = [await node.as('anna', format), await node.as('ben', format)];
    await createGroup(anna, ['ben']);
    const { epoch = '', offset = 0 } = await subscribe(ben, 'chat:room:r1');
    await ben.request({ unsubscribe: { channel: 'chat:room:r1' } });
    for (let i = 1; i <= 6; i++) await call(anna, 'send', { room: 'r1', text: `${i}` });
    const result = await subscribe(ben, 'chat:room:r1', { recover: true, epoch, offset });
    expect(result).toMatchObject({ was_recovering: true, offset: offset + 6, epoch });
    expect([result.recovered ?? false, result.publications ?? []]).toEqual([false, []]);
    const { messages } = await call(ben, 'messages', { room: 'r1' });
    expect(messages.map(({ text: said }: Answer) => said)).toEqual(['1', '2', '3', '4', '5', '6']);
  });
});

describe('order', () => {
  test('what one connection sends in one frame keeps its order, and does not wait for commits', async () => {
    await using node = await createChatEngine({ limits: { commandsPerSecondPerConnection: 0 } });
    const anna = await node.as('anna');
    await createGroup(anna, []);
    const count = 200;
    anna.send(
      Array.from({ length: count }, (_, i) => ({
        id: 1_000 + i,
        rpc: { method: 'chat.send', data: json({ room: 'r1', text: `${i}` }) },
      })),
    );
    const seqs = new Map<number, number>();
    for (let i = 0; i < count; i++) {
      const { id = 0, error, rpc } = await anna.next((reply) => (reply.id ?? 0) >= 1_000);
      expect(error).toBeUndefined();
      seqs.set(id - 1_000, (JSON.parse(text(rpc?.data)) as Answer).message.seq);
    }
    expect([...seqs].toSorted(([a], [b]) => a - b)).toEqual(Array.from({ length: count }, (_, i) => [i, i + 1]));
  });
});

describe('permissions', () => {
  test('nobody else may subscribe, publish or ask', async () => {
    await using node = await createChatEngine();
    const [anna, eve] = [await node.as('anna'), await node.as('eve')];
    await createGroup(anna, []);
    const asked = async (client: MemoryClient, channel: string): Promise<number | undefined> =>
      (await client.request({ subscribe: { channel } })).error?.code;
    expect(await asked(eve, 'chat:room:r1')).toBe(103);
    expect(await asked(eve, 'chat:room:none')).toBe(103);
    expect(await asked(eve, 'chat:user:anna')).toBe(103);
    expect(await asked(eve, 'chat:user:anna#eve')).toBe(103);
    expect(await asked(anna, 'chat:user:anna')).toBeUndefined();
    const forged = { channel: 'chat:room:r1', data: json({ type: 'message' }) };
    expect((await anna.request({ publish: forged })).error?.code).toBe(103);
    expect(await call(eve, 'send', { room: 'r1', text: 'hi' })).toEqual({ code: 600, message: 'no such room: r1' });
    expect(await call(eve, 'messages', { room: 'r1' })).toMatchObject({ code: 600 });
    expect((await eve.request({ history: { channel: 'chat:room:r1', limit: 10 } })).error?.code).toBe(103);
  });

  test('who is kicked is unsubscribed at once, on every device, and hears nothing more', async () => {
    await using node = await createChatEngine();
    const [anna, ben, phone] = [await node.as('anna'), await node.as('ben'), await node.as('ben')];
    await createGroup(anna, ['ben']);
    for (const client of [anna, ben, phone]) await subscribe(client, 'chat:room:r1');
    expect(await call(anna, 'kick', { room: 'r1', user: 'ben' })).toEqual({});
    await call(anna, 'send', { room: 'r1', text: 'without ben' });
    for (const client of [ben, phone]) {
      const { unsubscribe } = await client.nextPush((push) => push.unsubscribe !== undefined);
      expect(unsubscribe).toEqual({ code: 2001, reason: 'permission lost' });
    }
    expect((await nextPublication(anna, 'chat:room:r1', 'message')).message.text).toBe('without ben');
    await settle();
    for (const client of [ben, phone]) {
      const left = client.inbox.map((reply) => text(reply.push?.pub?.data));
      expect(left.filter((data) => data.includes('without ben'))).toEqual([]);
      expect((await client.request({ subscribe: { channel: 'chat:room:r1' } })).error?.code).toBe(103);
    }
    expect(await call(ben, 'send', { room: 'r1', text: 'but' })).toMatchObject({ code: 600 });
  });

  test('rules of the configuration see the claims of the token', async () => {
    await using node = await createChatEngine({
      rules: { auth: { role: 'string?' } },
      chat: { permissions: { createRoom: 'auth.role == "staff"' } },
    });
    const guest = await node.as('guest');
    const staff = await node.connect({ token: token({ sub: 'staff', role: 'staff' }) });
    expect(await call(guest, 'createRoom', { kind: 'group', name: 'Group' })).toMatchObject({ code: 604 });
    expect(await call(staff, 'createRoom', { kind: 'group', name: 'Group' })).toMatchObject({
      room: { name: 'Group' },
    });
  });
});

describe('bad input', () => {
  test('an unknown command, an unknown field, a wrong type, text that is none', async () => {
    await using node = await createChatEngine();
    const anna = await node.as('anna');
    await createGroup(anna, []);
    expect(await call(anna, 'sned', {})).toEqual({
      code: 104,
      message: 'method not found: chat.sned; did you mean chat.send?',
    });
    expect(await call(anna, 'send', { room: 'r1', text: 'x', seq: 7 })).toMatchObject({
      code: 605,
      message: expect.stringMatching(/^invalid request: unknown field seq; valid: room, /),
    });
    expect(await call(anna, 'send', { room: 7 })).toMatchObject({
      code: 605,
      message: expect.stringMatching(/room: /),
    });
    expect(await call(anna, 'send', { room: 'r1', text: 'a\u0000b' })).toMatchObject({
      code: 605,
      message: expect.stringContaining('U+0000'),
    });
    const broken = new TextEncoder().encode('{"room":"r1","text":"\\ud800"}');
    const { error } = await anna.request({ rpc: { method: 'chat.send', data: broken } });
    expect(error).toMatchObject({ code: 605, message: expect.stringContaining('well-formed') });
    const page = await call(anna, 'messages', { room: 'r1' });
    expect(page.messages).toEqual([]);
  });

  test('without chat there is no such command', async () => {
    await using node = await createTestEngine();
    const client = await node.connect();
    expect(await call(client, 'send', {})).toMatchObject({ code: 108 });
  });
});

describe('over HTTP', () => {
  test('a back end acts for itself or for a user; clients see it', async () => {
    await using engine = createEngine({
      logger,
      store: memoryStore(),
      config: {
        mode: 'production',
        listen: { port: 0 },
        auth: { jwt },
        api: { keys: ['correct-horse'] },
        chat: { enabled: true },
      },
    });
    await engine.start();
    const url = `http://127.0.0.1:${engine.address?.port}`;
    const post = async (command: string, body: object, headers: Record<string, string> = {}): Promise<Answer> => {
      const response = await fetch(`${url}/api/chat/${command}`, {
        method: 'POST',
        body: JSON.stringify(body),
        headers: { 'x-api-key': 'correct-horse', ...headers },
      });
      return { status: response.status, ...((await response.json()) as object) };
    };
    const created = await post('createRoom', {
      kind: 'group',
      id: 'r1',
      name: 'Group',
      members: ['anna'],
      owner: 'ben',
    });
    expect(created).toMatchObject({ status: 200, result: { room: { id: 'r1' } } });
    expect(await post('send', { room: 'r1', text: 'welcome' })).toMatchObject({
      result: { message: { sender: '', seq: 1 } },
    });
    expect(await post('send', { as: 'anna', room: 'r1', text: 'hello' })).toMatchObject({
      result: { message: { sender: 'anna', seq: 2 } },
    });
    expect(await post('send', { as: 'eve', room: 'r1', text: 'hello' })).toEqual({
      status: 200,
      error: { code: 600, message: 'no such room: r1' },
    });
    const transport = { 'x-centrifugo-error-mode': 'transport' };
    expect(await post('send', { as: 'eve', room: 'r1', text: 'hello' }, transport)).toMatchObject({ status: 404 });
    expect(await post('send', { room: 'r1', txt: 'hello' }, transport)).toMatchObject({ status: 400, code: 605 });
    expect(await post('edit', { as: 'anna', room: 'r1', seq: 1, text: 'mine' }, transport)).toMatchObject({
      status: 403,
    });
    expect(await post('send', { room: 'r1', text: 'x' }, { 'x-api-key': 'wrong' })).toMatchObject({ status: 401 });
    expect(await post('sned', {})).toMatchObject({ status: 404, error: { code: 104 } });
    const document = (await (await fetch(`${url}/api/openapi.json`)).json()) as Answer;
    expect(document.paths['/api/chat/send'].post.operationId).toBe('chat.send');
    const metrics = await (await fetch(`${url}/metrics`, { headers: { 'x-api-key': 'correct-horse' } })).text();
    expect(metrics).toMatch(/tidings_module_operations_total\{module="chat",operation="send",outcome="ok"\} 2/);
    expect(metrics).toMatch(/tidings_module_operation_duration_seconds_count\{module="chat",operation="send"\} \d/);
  });
});

describe('events', () => {
  test('reach the application in order, once handled they leave the outbox', async () => {
    const got: DeliveredEvent[] = [];
    const store = memoryStore();
    await using node = await createChatEngine({}, { store, onEvent: (event) => void got.push(event) });
    const anna = await node.as('anna');
    await createGroup(anna, []);
    await call(anna, 'send', { room: 'r1', text: 'one' });
    await call(anna, 'edit', { room: 'r1', seq: 1, text: 'two' });
    while (got.filter(({ type }) => type.startsWith('chat.')).length < 3) await settle();
    expect(got.map(({ type }) => type).filter((type) => type.startsWith('chat.message'))).toEqual([
      'chat.message.sent',
      'chat.message.edited',
    ]);
    const edited = got.find(({ type }) => type === 'chat.message.edited');
    expect(edited).toMatchObject({ subject: 'room:r1', data: { by: 'anna', message: { text: 'two', version: 2 } } });
    await node.clock.advance(1_000);
    const rows = await store
      .database<{ chat_outbox: { id: string } }>()
      .selectFrom('chat_outbox')
      .select('id')
      .execute();
    expect(rows).toEqual([]);
  });
});

describe('who is removed from a room', () => {
  test.each([
    ['kicked', 'kick'],
    ['banned', 'ban'],
  ])('%s: gets nothing that was said behind it', async (_, command) => {
    await using node = await createChatEngine();
    const [anna, ben] = [await node.as('anna'), await node.as('ben')];
    await createGroup(anna, ['ben']);
    await subscribe(ben, 'chat:room:r1');
    await Promise.all([
      call(anna, command, { room: 'r1', user: 'ben' }),
      ...['a secret', 'another'].map((said) => call(anna, 'send', { room: 'r1', text: said })),
    ]);
    for (let turns = 0; turns < 20; turns++) await settle();
    const got = await pushes(ben);
    expect(got.map(({ pub }) => text(pub?.data)).join()).not.toContain('secret');
    expect(got.some(({ channel, unsubscribe }) => channel === 'chat:room:r1' && unsubscribe)).toBe(true);
    expect(await codeOf(ben.request({ subscribe: { channel: 'chat:room:r1' } }))).toBe(103);
  });

  test('only from another place in it: misses nothing', async () => {
    await using node = await createChatEngine();
    const [anna, ben] = [await node.as('anna'), await node.as('ben')];
    await createGroup(anna, ['ben']);
    const { epoch = '', offset = 0 } = await subscribe(ben, 'chat:room:r1');
    await call(anna, 'changeRole', { room: 'r1', user: 'ben', role: 'moderator' });
    for (let turns = 0; turns < 20; turns++) await settle();
    await call(anna, 'send', { room: 'r1', text: 'one' });
    const before = await pushes(ben);
    expect(before.some(({ unsubscribe }) => unsubscribe)).toBe(false);
    expect(before.map(({ pub }) => text(pub?.data)).join()).toContain('"one"');
    await Promise.all([
      call(anna, 'changeRole', { room: 'r1', user: 'ben', role: 'guest' }),
      call(anna, 'send', { room: 'r1', text: 'two' }),
    ]);
    for (let turns = 0; turns < 20; turns++) await settle();
    const live = (await pushes(ben)).map(({ pub }) => text(pub?.data)).join();
    const { publications } = await subscribe(ben, 'chat:room:r1', { recover: true, epoch, offset }).catch(() => ({
      publications: [],
    }));
    expect(`${live}${JSON.stringify(values(publications))}`).toContain('"two"');
  });
});

test('the embedding program calls commands: for itself, or as a user with that user’s rights', async () => {
  const engine = createEngine({
    config: { chat: { enabled: true } },
    store: memoryStore(),
    clock: new FakeClock(),
    logger,
    listen: false,
  });
  await engine.start();
  try {
    await engine.call('chat.createRoom', { kind: 'group', id: 'r1', name: 'Group', owner: 'ann' });
    const sent = await engine.call('chat.send', { room: 'r1', clientId: 'c1', text: 'Hello' }, { as: 'ann' });
    expect(sent).toMatchObject({ message: { sender: 'ann', seq: 1 } });
    await expect(engine.call('chat.send', { room: 'r1', text: 'Hi' }, { as: 'eve' })).rejects.toThrow('no such room');
    await expect(engine.call('chat.sent', {})).rejects.toThrow('did you mean chat.send?');
    // Nobody is not the program itself.
    await expect(engine.call('chat.room', { room: 'r1' }, { as: '' })).rejects.toThrow();
  } finally {
    await engine.stop();
  }
});
