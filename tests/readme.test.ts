/**
 * What the documentation shows is true: its examples run against real servers and print what the page says, its links
 * lead somewhere, the files it names exist, and its table of metrics is the one of the program.
 */
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as server from '@tidings/server';
import * as sdk from 'centrifuge';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { WebSocket } from 'ws';
import { functionNames } from '../packages/server/src/rules/signatures.ts';
import {
  apiKey,
  at,
  configOf,
  mint,
  newClient,
  newFolder,
  parsed,
  patience,
  recorder,
  runHere,
  secret,
  secrets,
  shell,
  startEngine,
  started,
} from './docs/running.ts';
import {
  anchorsOf,
  blocksOf,
  Examples,
  linksOf,
  normalised,
  pages,
  readPage,
  root,
  sdkPages,
} from './support/documents.ts';
import { ExampleProgram } from './support/example-program.ts';
import { freePort } from './support/free-port.ts';
import { isOnPath } from './support/needs.ts';

const { createEngine, createLogger, developmentConfig, loadConfig } = server;
const examples = new Examples(pages.filter((page) => !sdkPages.includes(page)));

/** Where curl is missing, pages that use it are not tried; in CI that is a failure. */
const testWithCurl = test.skipIf(!isOnPath('curl') && !process.env['CI']);

/** A WebSocket with a cookie, as a browser sends it. */
class CookieWebSocket extends WebSocket {
  constructor(address: string) {
    super(address, { headers: { cookie: 'session=abc' } });
  }
}

// — the pages —

describe('README.md', () => {
  testWithCurl('first program: server, client and curl', async () => {
    const port = await freePort();
    const program = started(ExampleProgram.javaScript(at(port, examples.code('first-server'))));
    await expect
      .poll(
        () =>
          fetch(`http://127.0.0.1:${port}/health`).then(
            (r) => r.ok,
            () => program.output,
          ),
        patience,
      )
      .toBe(true);
    const client = started(ExampleProgram.javaScript(at(port, examples.code('first-client'))));
    await expect.poll(() => client.output, patience).toMatch(/It is \d/);
    expect(await shell(at(port, examples.code('publish-curl')))).toMatch(
      /^\{"result":\{"offset":\d+,"epoch":".+"\}\}$/,
    );
    await expect.poll(() => client.output, patience).toMatch(/^Hello$/m);
  });

  test('production: a configuration and a token', async () => {
    const cwd = await newFolder();
    expect(await shell(examples.code('gen-config'), { cwd })).toMatch(/^ok /);
    const token = await shell(examples.code('token'), { cwd });
    const { config } = await loadConfig({ cwd, env: {} });
    const { port } = await startEngine(config);
    await newClient(port, { token: token.trim() }).ready(5_000);
  });
});

describe('configuration on the pages', () => {
  const own = pages.filter((page) => !sdkPages.includes(page));
  const named = own.flatMap(blocksOf).filter(({ language, name }) => language === 'yaml' && name !== undefined);
  test.each(named.map(({ page, name = '' }) => ({ page, name })))('$page: $name has no mistake', async ({ name }) => {
    await expect(configOf(examples.code(name))).resolves.toMatchObject({ mode: 'production' });
  });

  test('JSON is JSON', () => {
    for (const { page, line, code } of examples.ofLanguage('json')) {
      expect(() => JSON.parse(code) as unknown, `${page}:${line}`).not.toThrow();
    }
  });
});

describe('docs/channels.md', () => {
  const anonymous = { auth: { anonymous: true } };

  test('cache: the latest value comes with the subscription', async () => {
    const config = await configOf(examples.code('channels-cache'));
    const engine = await startEngine({ ...config, ...anonymous });
    await engine.publish('price:AAPL', 187);
    await engine.publish('price:AAPL', 188);
    const { calls, fn } = recorder();
    await runHere(examples.code('channels-cache-client'), { client: newClient(engine.port), show: fn });
    await expect.poll(() => calls).toEqual([188]);
    await engine.publish('price:AAPL', 189);
    await expect.poll(() => calls).toEqual([188, 189]);
  });

  testWithCurl('tags: only my language', async () => {
    const config = await configOf(examples.code('channels-tags'));
    const engine = await startEngine({ ...config, ...anonymous, mode: 'development' });
    const client = newClient(engine.port);
    const headlines = (await runHere(
      examples.code('channels-tags-client'),
      { client },
      'headlines',
    )) as sdk.Subscription;
    const { calls, fn } = recorder();
    headlines.on('publication', ({ data }) => fn(data));
    headlines.subscribe();
    await headlines.ready(5_000);
    await engine.publish('headlines', { text: 'Good morning' }, { tags: { lang: 'en' } });
    await shell(at(engine.port, examples.code('channels-tags-curl')));
    await expect.poll(() => calls).toEqual([{ text: 'Guten Morgen' }]);
  });

  test('recovery: a reset is told', async () => {
    const { port } = await startEngine(developmentConfig({}));
    const since = { offset: 7, epoch: 'another' };
    const subscription = newClient(port).newSubscription('lobby', { recoverable: true, since });
    const { calls, fn } = recorder();
    await runHere(examples.code('channels-recovery-client'), { subscription, reloadFromBackEnd: () => fn('reload') });
    subscription.subscribe();
    await expect.poll(() => calls).toEqual(['reload']);
  });

  test('named users, and nobody else', async () => {
    const config = await configOf(examples.code('channels-dialog'));
    const engine = await startEngine({ ...config, auth: { jwt: { hmacSecret: secret } } });
    const enter = (sub: string, channel: string): Promise<void> => {
      const subscription = newClient(engine.port, { token: mint({ sub }) }).newSubscription(channel);
      subscription.subscribe();
      return subscription.ready(5_000);
    };
    await enter('42', 'dialog#42,43');
    await expect(enter('44', 'dialog#42,43')).rejects.toBeDefined();
    await expect(enter('42', 'dialog#')).rejects.toBeDefined();
  });
});

describe('docs/rules.md', () => {
  const withTests = blocksOf('docs/rules.md').filter(
    ({ language, code }) => language === 'yaml' && /^ {2}tests:/m.test(code),
  );
  const names = [...withTests.map(({ name = '' }) => name), 'readme-rules'];

  const reportOf = async (name: string): Promise<server.RuleTestReport> => {
    const folder = await newFolder();
    await writeFile(join(folder, 'tidings.config.yaml'), examples.code(name));
    const { config } = await loadConfig({ cwd: folder, env: secrets });
    const { ruleset } = server.compileRuleset(config);
    return server.runRuleTests(config, ruleset, { nowMs: Date.now() });
  };

  test.each(names)('the tests of %s hold', async (name) => {
    const { tests } = await reportOf(name);
    const expectations = tests.flatMap((each) => each.expectations);
    expect(expectations.length).toBeGreaterThan(0);
    expect(expectations.flatMap(({ key, failure }) => (failure === undefined ? [] : [`${key}: ${failure}`]))).toEqual(
      [],
    );
  });

  const guides = ['group-chat', 'friends', 'notifications', 'tenants', 'moderators', 'public'];
  test.each(guides)('the tests of the guide %s see all of its rules', async (name) => {
    const { coverage } = await reportOf(`rules-${name}`);
    expect(server.countCoverage(coverage).total).toBeGreaterThan(0);
    expect(server.coveragePercent(server.countCoverage(coverage))).toBe(100);
  });

  test.each(['rules-test', 'rules-explain'])('the command line prints what %s shows', async (name) => {
    const cwd = await newFolder();
    await writeFile(join(cwd, 'tidings.config.yaml'), examples.code('rules-first'));
    // A denial is an exit code of its own.
    const printed = await shell(`${examples.code(name)} || true`, { cwd });
    expect(printed.trim()).toBe(examples.output(name).trim());
  });

  testWithCurl('facts come and go by the server API, and a subscription ends with the last', async () => {
    const config = await configOf(examples.code('rules-group-chat'));
    const engine = await startEngine({
      ...config,
      dataDir: await newFolder(),
      auth: { jwt: { hmacSecret: secret } },
      mode: 'development',
    });
    const add = examples.code('rules-relation-add');
    expect(parsed(await shell(at(engine.port, add)))).toEqual(parsed(examples.output('rules-relation-add')));
    const group = newClient(engine.port, { token: mint({ sub: 'ann' }) }).newSubscription('group:g1');
    const { calls, fn } = recorder();
    group.on('unsubscribed', ({ code }) => fn(code));
    group.subscribe();
    await group.ready(5_000);
    await shell(at(engine.port, add.replace('relation_add', 'relation_remove')));
    await expect.poll(() => calls).toEqual([2001]);
  });

  test('a function of the program answers, until it is told otherwise', async () => {
    const friends = new Set(['ben']);
    const asked: string[] = [];
    const friendsOf = async (user: string): Promise<string[]> => {
      asked.push(user);
      return [...friends];
    };
    const relation = { from: 'function', parameters: { a: 'string', b: 'string' } } as const;
    const config: server.ConfigInput = {
      mode: 'development',
      listen: { port: 0 },
      auth: { jwt: { hmacSecret: secret } },
      channels: { 'online:{uid}': { allow: { subscribe: 'friend(auth.uid, uid)' } } },
      rules: { relations: { friend: relation } },
    };
    const create = (options: server.EngineOptions): server.Engine => {
      const engine = createEngine({ ...options, logger: createLogger('silent') });
      onTestFinished(() => engine.stop());
      return engine;
    };
    const [making, invalidating = ''] = examples.code('rules-function').split(/^(?=await )/m);
    const context = { createEngine: create, config, db: { friendsOf } };
    const engine = (await runHere(making ?? '', context, 'engine')) as server.Engine;
    await engine.start();
    const client = newClient(engine.address?.port ?? 0, { token: mint({ sub: 'ann' }) });
    const online = client.newSubscription('online:ben');
    const { calls, fn } = recorder();
    online.on('unsubscribed', ({ code }) => fn(code));
    online.subscribe();
    await online.ready(5_000);
    expect(asked).toEqual(['ann']);
    friends.clear();
    await runHere(invalidating, { engine });
    await expect.poll(() => calls).toEqual([2001]);
  });

  test('lists exactly the functions there are', () => {
    const [, table = ''] = /^### Functions\n\n((?:\|.*\n)+)/m.exec(readPage('docs/rules.md')) ?? [];
    const listed = [...table.matchAll(/`([^`]+)`/g)]
      .flatMap(([, code = '']) => [...code.matchAll(/(?:^|\.)([a-zA-Z_]+)\(/g)])
      .map(([, name]) => name);
    const macros = ['has', 'all', 'exists', 'exists_one', 'filter', 'map'];
    expect(new Set(listed)).toEqual(new Set([...macros, ...functionNames]));
  });
});

describe('docs/authentication.md', () => {
  const programs = [
    { name: 'mint-node', file: 'mint.mjs', command: process.execPath, args: [] },
    { name: 'mint-python', file: 'mint.py', command: 'python3', args: [] },
    { name: 'mint-go', file: 'mint.go', command: 'go', args: ['run'] },
    { name: 'mint-php', file: 'mint.php', command: 'php', args: [] },
  ];
  for (const { name, file, command, args } of programs) {
    const code = examples.code(name);
    test.skipIf(command !== process.execPath && !isOnPath(command))(
      `${name} makes a token that is accepted`,
      async () => {
        const folder = await newFolder();
        await writeFile(join(folder, file), code);
        const env = { ...process.env, ...secrets };
        const { stdout } = await promisify(execFile)(command, [...args, file], { cwd: folder, env, timeout: 60_000 });
        const { port } = await startEngine(await configOf(examples.code('auth-config')));
        await newClient(port, { token: stdout.trim() }).ready(5_000);
      },
    );
  }

  test('getToken, and tokens of the command line', async () => {
    const config = await configOf(`${examples.code('auth-config')}\n${examples.code('channels-invite')}`);
    const { port } = await startEngine(config);
    const minted = async (block: string): Promise<string> =>
      (await shell(block.replaceAll('npx tidings token', 'npx tidings token --secret "$JWT_SECRET"'))).trim();
    const tokens = [await minted(examples.code('auth-token')), await minted(examples.code('auth-subscription-token'))];
    const fetched: string[] = [];
    const fetch = async (url: string): Promise<object> => {
      fetched.push(url);
      return { text: async () => tokens[fetched.length - 1] };
    };
    const code = at(port, examples.code('auth-client'));
    const client = (await runHere(code, { ...sdk, fetch }, 'client')) as sdk.Centrifuge;
    onTestFinished(() => client.disconnect());
    client.connect();
    await client.ready(5_000);
    const subscribing = examples.code('auth-subscription-client');
    const board = (await runHere(subscribing, { client, fetch }, 'board')) as sdk.Subscription;
    board.subscribe();
    await board.ready(5_000);
    expect(fetched).toEqual(['/my/tidings-token', '/my/channel-token?channel=board:7']);
  });
});

describe('docs/hooks-and-events.md', () => {
  interface Received {
    readonly path: string;
    readonly headers: IncomingHttpHeaders;
    readonly body: string;
  }
  const received: Received[] = [];
  const answers: Record<string, string> = {};
  let backEnd: ReturnType<typeof createServer>;
  let url: string;

  beforeAll(async () => {
    backEnd = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        received.push({ path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks).toString() });
        response.end(answers[request.url ?? ''] ?? '{}');
      });
    });
    await new Promise<void>((resolve) => backEnd.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(backEnd.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    backEnd.closeAllConnections();
    backEnd.close();
  });

  test('requests, answers, events and signatures are as shown', async () => {
    const dataDir = await newFolder();
    const here = (yaml: string): Promise<server.ConfigInput> => configOf(yaml.replaceAll('http://127.0.0.1:3000', url));
    const first = await here(examples.code('hooks-first'));
    const second = await here(examples.code('events-first'));
    const rpc = { url: `${url}/rpc` };
    const config = { ...second, ...first, events: second.events, hooks: { ...first.hooks, rpc }, dataDir };
    answers['/tidings/connect'] = examples.code('hooks-connect-answer');
    const { port } = await startEngine({ ...config, channels: { ...config.channels, news: {} } } as server.ConfigInput);
    const client = newClient(port, {
      websocket: CookieWebSocket,
      name: 'js',
      version: '5.8.0',
      data: { device: 'phone' },
    });
    const closed = once(client as never, 'disconnected') as Promise<sdk.DisconnectedContext[]>;
    await client.ready(5_000);

    const [asked] = received.filter(({ path }) => path === '/tidings/connect');
    const example = (name: string): object => parsed(examples.code(name)) as object;
    expect(parsed(asked?.body ?? '')).toEqual({ ...example('hooks-connect-request'), address: '127.0.0.1' });
    expect(asked?.headers['cookie']).toBe('session=abc');

    const told = (): Received | undefined => received.find(({ path }) => path === '/tidings/events');
    await expect
      .poll(() => told() && parsed(told()?.body ?? ''))
      .toEqual({
        ...example('events-example'),
        address: '127.0.0.1',
      });
    expect(told()?.headers['x-tidings-event-id']).toBe((JSON.parse(told()?.body ?? '') as { id: string }).id);
    for (const request of [asked, told()]) await checkSignature(request as Received);

    const [yes, no, away] = JSON.parse(examples.code('hooks-answers')) as [
      object,
      { error: object },
      { disconnect: object },
    ];
    answers['/rpc'] = JSON.stringify(yes);
    await client.rpc('any', 1);
    answers['/rpc'] = JSON.stringify(no);
    await expect(client.rpc('any', 1)).rejects.toMatchObject(no.error);
    answers['/rpc'] = JSON.stringify(away);
    client.rpc('any', 1).catch(() => {});
    expect((await closed)[0]).toMatchObject(away.disconnect);
  });

  async function checkSignature({ headers, body }: Received): Promise<void> {
    const header = headers['x-tidings-signature'] as string;
    const forged = `${body} `;
    const isGenuine = (await runHere(examples.code('verify-node'), {}, 'isGenuine')) as (...args: string[]) => boolean;
    expect([isGenuine(secret, header, body), isGenuine(secret, header, forged)]).toEqual([true, false]);
    const packaged = (text: string): Promise<unknown> =>
      runHere(examples.code('verify-package'), { secret, body: text, request: { headers } }, 'genuine');
    expect([await packaged(body), await packaged(forged)]).toEqual([true, false]);
    const python = examples.code('verify-python');
    if (!isOnPath('python3')) return console.warn('python3 is missing: verify-python not run');
    const script = `${python}\nimport sys\nprint([is_genuine(*sys.argv[1:3], body.encode()) for body in sys.argv[3:]])`;
    const { stdout } = await promisify(execFile)('python3', ['-c', script, secret, header, body, forged]);
    expect(stdout).toBe('[True, False]\n');
  }
});

describe('docs/server-api.md', () => {
  testWithCurl('every call works, and answers as shown', async () => {
    const keys = { api: { keys: [apiKey] } };
    const { port } = await startEngine(developmentConfig(keys));
    const call = (name: string): Promise<string> => shell(at(port, examples.code(name)));
    expect(parsed(await call('api-publish'))).toEqual(parsed(examples.code('api-publish-answer')));
    const unknown = `curl http://127.0.0.1:${port}/api/publish -H "X-API-Key: $API_KEY" -d '{"channel":"weather:1","data":1}'`;
    expect(JSON.parse(await shell(unknown))).toEqual(JSON.parse(examples.code('api-error-answer')));
    expect(parsed(await call('api-broadcast'))).toMatchObject({
      result: { responses: [{ result: { offset: 2 } }, {}] },
    });
    expect(parsed(await call('api-disconnect'))).toEqual({ result: {} });
    expect(parsed(await call('api-batch'))).toMatchObject({ result: { replies: [{ publish: {} }, { history: {} }] } });
  });
});

describe('docs/chat.md', () => {
  const startChat = async (): Promise<number> => {
    const config = await configOf(examples.code('chat-first'));
    const { port } = await startEngine({ ...config, dataDir: await newFolder() });
    return port;
  };

  testWithCurl('a first conversation, by curl and by the SDK', async () => {
    const port = await startChat();
    const answers = (await shell(at(port, examples.code('chat-first-curl')))).replace('}{', '}\n{').split('\n');
    const shown = JSON.parse(examples.code('chat-first-answer')) as { result: { message: object } };
    const { id, createdAt, ...rest } = shown.result.message as Record<string, unknown>;
    const { message } = (JSON.parse(answers[1] ?? '') as typeof shown).result as { message: Record<string, unknown> };
    expect(message).toMatchObject(rest);
    expect([Object.keys(message), typeof message['id'], typeof message['createdAt']]).toEqual([
      Object.keys(shown.result.message),
      typeof id,
      typeof createdAt,
    ]);
    const { calls, fn } = recorder();
    const context = { process: { env: { TOKEN: mint({ sub: 'ben' }) } }, console: { log: fn } };
    const client = (await runHere(at(port, examples.code('chat-first-client')), context, 'client')) as sdk.Centrifuge;
    onTestFinished(() => client.disconnect());
    await expect.poll(() => calls).toEqual(['ann: Who is coming?', 'ben: Me!']);
  });

  test('people are found by name where that is permitted', async () => {
    const first = examples.code('chat-first');
    const permitted = first.replace('chat:\n', `${examples.code('chat-find-users')}\n`);
    const found = [];
    for (const yaml of [first, permitted]) {
      const engine = await startEngine({ ...(await configOf(yaml)), dataDir: await newFolder() });
      await engine.call('chat.upsertUsers', { users: [{ id: 'ben', name: 'Ben Meier' }] });
      found.push(await engine.call('chat.findUsers', { query: 'mei' }, { as: 'ann' }).catch(({ code }) => code));
    }
    expect(found).toEqual([604, { users: [{ id: 'ben', name: 'Ben Meier' }] }]);
  });

  test('an import, twice', async () => {
    const cwd = await newFolder();
    await writeFile(join(cwd, 'chat.jsonl'), examples.code('chat-import'));
    await mkdir(join(cwd, 'files'));
    await writeFile(join(cwd, 'files', 'route.txt'), 'along the lake');
    await writeFile(join(cwd, 'tidings.config.yaml'), examples.code('chat-first'));
    await shell('npx tidings chat import chat.jsonl', { cwd });
    await shell('npx tidings chat import chat.jsonl', { cwd });
    const exported = await shell('npx tidings chat export --user ben', { cwd });
    const records = exported
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string });
    expect(records.filter(({ type }) => type === 'message')).toHaveLength(2);
    for (const word of ['Me!', 'route.txt', '"type":"vote"']) expect(exported).toContain(word);
  });

  test('the state of a room, kept over a time away', async () => {
    const port = await startChat();
    const client = newClient(port, { token: mint({ sub: 'ann' }) });
    await client.rpc('chat.createRoom', { kind: 'group', id: 'weekend' });
    await client.rpc('chat.send', { room: 'weekend', text: 'one' });
    const room = client.newSubscription('chat:room:weekend');
    const messages = (await runHere(examples.code('chat-state-client'), { client, room }, 'messages')) as Map<
      number,
      { text: string }
    >;
    const texts = (): string[] => [...messages.values()].map(({ text }) => text);
    room.subscribe();
    await expect.poll(texts).toEqual(['one']);
    const other = newClient(port, { token: mint({ sub: 'ann' }) });
    client.disconnect();
    await other.rpc('chat.send', { room: 'weekend', text: 'two' });
    await other.rpc('chat.edit', { room: 'weekend', seq: 1, text: 'one!' });
    client.connect();
    await expect.poll(texts).toEqual(['one!', 'two']);
  });
});

describe('docs/embedding.md', () => {
  type Embedded = server.Engine & { readonly port: number };
  async function embed(name: string, context: object = {}): Promise<Embedded> {
    const port = await freePort();
    const engine = (await runHere(at(port, examples.code(name)), context, 'engine')) as server.Engine;
    onTestFinished(() => engine.stop());
    return Object.assign(engine, { port });
  }

  test('hooks, events and publishing', async () => {
    const events = recorder();
    const engine = await embed('embed-first', { console: { log: events.fn } });
    const subscription = newClient(engine.port, { websocket: CookieWebSocket }).newSubscription('room:7', {
      recoverable: true,
    });
    subscription.subscribe();
    await subscription.ready(5_000);
    await expect.poll(() => events.calls).toEqual(['connected']);
    await expect(newClient(engine.port).ready(5_000)).rejects.toBeDefined();

    const result = await runHere(examples.code('embed-api'), { engine }, '{ offset, epoch, publications }');
    expect(result).toMatchObject({ offset: 2, publications: [{ offset: 1 }, { offset: 2 }] });
    await expect.poll(() => events.calls).toContain('disconnected');
  });

  test('RPC as a function', async () => {
    const { port } = await embed('embed-rpc');
    const printed = recorder();
    await runHere(at(port, examples.code('embed-rpc-client')), { console: { log: printed.fn } });
    expect(printed.calls).toEqual([6]);
  });

  test('relations: facts and answers come and go, and subscriptions with them', async () => {
    const port = await freePort();
    const code = at(port, examples.code('embed-relations')).replace("'data'", JSON.stringify(await newFolder()));
    const { engine, friends } = (await runHere(code, { process: { env: secrets } }, '{ engine, friends }')) as {
      engine: server.Engine;
      friends: unknown;
    };
    onTestFinished(() => engine.stop());
    const ben = newClient(port, { token: mint({ sub: 'ben' }) });
    const { calls, fn } = recorder();
    for (const channel of ['group:g1', 'wall:ann']) {
      const subscription = ben.newSubscription(channel);
      subscription.on('unsubscribed', ({ code: ending }) => fn([channel, ending]));
      subscription.subscribe();
      await subscription.ready(5_000);
    }
    await runHere(examples.code('embed-relations-change'), { engine, friends });
    const ended = ['group:g1', 'wall:ann'].map((channel) => [channel, 2001]);
    await expect.poll(() => calls).toEqual(ended);
  });

  test('its life', async () => {
    const config: server.ConfigInput = { listen: { port: await freePort() }, log: { level: 'silent' } };
    const engine = createEngine({ config });
    await runHere(examples.code('embed-life'), { engine, config, channels: { news: {} } });
    expect(engine.address).toBeUndefined();
  });

  test.each(['embed-test', 'contributing-test'])('%s passes', async (name) => {
    const declared: (() => Promise<void>)[] = [];
    const collect = (_title: string, body: () => Promise<void>): void => void declared.push(body);
    await runHere(examples.code(name), { expect, test: collect });
    expect(declared).toHaveLength(1);
    await declared[0]?.();
  });
});

describe('PROTOCOL.md', () => {
  const fallback = {
    allow: { subscribe: 'anyone', publish: 'anyone', history: 'anyone', presence: 'anyone' },
  } as const;
  const kept = {
    history: { size: 100 },
    recovery: 'on-request',
    delta: true,
    tagsFilter: true,
    presence: true,
  } as const;
  const config: server.ConfigInput = {
    ...developmentConfig({}),
    auth: { anonymous: true, jwt: { hmacSecret: secret } },
    channels: { '{name}': { ...fallback, ...kept, joinLeave: 'on-request' }, 'board:{id}': {} },
  };
  const sum: server.Hooks['rpc'] = async ({ data }) => {
    const numbers = JSON.parse(new TextDecoder().decode(data)) as number[];
    return { data: server.jsonPayload(numbers.reduce((total, number) => total + number, 0)) };
  };

  test('exchanges are as shown', async () => {
    const engine = await startEngine(config, { hooks: { rpc: sum } });
    const exp = Math.floor(Date.now() / 1000) + 3600;
    const received: string[] = [];
    const socket = new WebSocket(`ws://127.0.0.1:${engine.port}/connection/websocket`);
    onTestFinished(() => socket.terminate());
    socket.on('message', (frame: Buffer) => received.push(...frame.toString().split('\n')));
    await once(socket, 'open');

    const perform = async (line: string): Promise<void> => {
      const [, path = '', body = ''] = /^\(POST (\S+) (.+)\)$/.exec(line) ?? [];
      if (path) {
        await fetch(`http://127.0.0.1:${engine.port}${path}`, { method: 'POST', body });
        return;
      }
      const filled = line
        .replace('<connection token>', mint({ sub: '42', exp }))
        .replace('<subscription token>', mint({ sub: '42', channel: 'board:7', exp }))
        .replace('<epoch of chat>', (await engine.api.history({ channel: 'chat' })).epoch);
      socket.send(filled.slice('> '.length));
    };
    for (const { page, line, code } of examples.exchanges()) {
      received.length = 0;
      const answers = code.split('\n').filter((text) => text.startsWith('< '));
      let answered = 0;
      for (const text of code.split('\n')) {
        if (text.startsWith('< ')) answered++;
        else await perform(text);
        await expect
          .poll(() => received.length, { message: `${page}:${line} ${text}` })
          .toBeGreaterThanOrEqual(answered);
      }
      expect(received.map(parsed), `${page}:${line}`).toEqual(answers.map((text) => parsed(text.slice('< '.length))));
    }
  });

  testWithCurl('streams begin as shown, and emulation reaches them', async () => {
    const { port } = await startEngine(config);
    const streams = new Map<string, ExampleProgram>();
    for (const name of ['uni-sse', 'uni-stream', 'emulation-stream']) {
      streams.set(name, started(ExampleProgram.shell(at(port, examples.code(name).replace('curl', 'curl -sS')))));
    }
    for (const [name, stream] of streams) {
      await expect.poll(() => normalised(stream.output.trim())).toBe(normalised(examples.output(name)));
    }
    const { session, node } = (
      JSON.parse(streams.get('emulation-stream')?.output ?? '') as { connect: Record<string, string> }
    ).connect;
    const env = { SESSION: session ?? '', NODE: node ?? '' };
    expect(await shell(at(port, examples.code('emulation-post')), { env })).toMatch(/^HTTP\/1.1 204/);
    await expect.poll(() => streams.get('emulation-stream')?.output).toContain('{"id":2,"subscribe":{}}');
  });

  testWithCurl('long polling answers as shown', async () => {
    const engine = await startEngine(config);
    const first = await shell(at(engine.port, examples.code('poll-first')));
    expect(parsed(first)).toEqual(parsed(examples.output('poll-first')));
    const { cursor } = JSON.parse(first) as { cursor: string };
    const next = shell(at(engine.port, examples.code('poll-next')), { env: { CURSOR: cursor } });
    await expect.poll(() => engine.api.info().then(({ nodes }) => nodes[0]?.clients)).toBe(1);
    await engine.publish('lobby', { text: 'news' });
    expect(parsed(await next)).toEqual(parsed(examples.output('poll-next')));
    const both = await shell(at(engine.port, examples.code('poll-post')));
    expect(parsed(both)).toMatchObject({ publications: [], reset: [], unreliable: [] });
  });
});

describe('docs/operation.md', () => {
  test('migrate says what is missing, and brings it', async () => {
    const cwd = await newFolder();
    await writeFile(join(cwd, 'tidings.config.yaml'), 'dataDir: data\n');
    const [status = '', migrate = ''] = examples.code('operation-migrate').trim().split('\n');
    expect(await shell(`${status.replace('#', '|| true #')}`, { cwd })).toMatch(/missing/);
    expect(await shell(migrate, { cwd })).toMatch(/^applied [^]*the schema is up to date\n?$/);
    expect(await shell(status, { cwd })).not.toMatch(/missing/);
  });

  test('lists exactly the metrics there are', async () => {
    const { port } = await startEngine(developmentConfig({}));
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    const served = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
    const listed = [...readPage('docs/operation.md').matchAll(/^\| `(tidings_\w+)` /gm)].map(([, name]) => name);
    expect(new Set(listed)).toEqual(new Set(served));
    expect(listed).toHaveLength(served.length);
  });

  test('the load of bench is understood', async () => {
    const config = await configOf(`${examples.code('auth-config')}\n${examples.code('operation-bench')}`);
    const { port } = await startEngine(config);
    const few = examples.code('operation-bench-run').replace('-n 2000', '-n 20 --duration 1');
    const url = `ws://127.0.0.1:${port}/connection/websocket`;
    expect(await shell(`${few} --url ${url}`)).toMatch(/^subscribers +20$[^]*^lost +0$/m);
  });

  test('what nginx and systemd are given stands there', () => {
    expect(examples.code('nginx')).toContain('proxy_pass http://tidings;');
    for (const path of ['connection/', 'emulation$', 'chat/attachments/'])
      expect(examples.code('nginx')).toContain(path);
    expect(examples.code('systemd')).toContain('ExecStart=');
  });
});

describe('all pages', () => {
  const internal = pages.flatMap((page) =>
    linksOf(page)
      .filter((target) => !/^[a-z]+:/.test(target))
      .map((target) => ({ page, target })),
  );
  test.each(pages)('links of %s lead somewhere', (page) => {
    for (const { target } of internal.filter((link) => link.page === page)) {
      const [path = '', anchor] = target.split('#');
      const file = join(page, path === '' ? '.' : '..', path);
      expect(existsSync(join(root, file)), `${page} → ${target}`).toBe(true);
      if (anchor !== undefined) expect(anchorsOf(file), `${page} → ${target}`).toContain(anchor);
    }
  });

  test.each(['ARCHITECTURE.md', 'CONTRIBUTING.md', 'PROTOCOL.md', 'README.md'])('files named in %s exist', (page) => {
    const named = [...readPage(page).matchAll(/`([\w.-]+(?:\/[\w.-]+)*\/?)`/g)].map(([, name = '']) => name);
    const paths = named.filter(
      (name) => /\/.*\.(ts|mjs|json|md)$|^packages\/|\/$/.test(name) && !name.startsWith('build/'),
    );
    const places = ['', 'packages/server/src', 'packages/client/src'];
    const missing = paths.filter((path) => !places.some((place) => existsSync(join(root, place, path))));
    expect(missing).toEqual([]);
    if (page === 'ARCHITECTURE.md') expect(paths.length).toBeGreaterThan(20);
  });

  testWithCurl('every named example was run', () => {
    // In a browser: tests/docs/quick-start.browser.test.ts.
    expect(examples.left.filter((mark) => !mark.endsWith(' readme-react'))).toEqual([]);
  });
});
