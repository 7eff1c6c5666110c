import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { OriginPolicy } from '../http/origin-policy.ts';
import { isLoopback, type HookName } from './check.ts';
import { inspectConfig, parseConfig } from './parse.ts';
import type { ConfigInput } from './schema.ts';
import { presencePattern, roomPattern, userPattern } from '../modules/chat/channel-names.ts';
import { chatEventNames } from '../modules/chat/chat-writer.ts';
import { chatEventGroups, chatPatterns } from './chat-schema.ts';

function problems(input: ConfigInput, hooks: HookName[] = []): string[] {
  return inspectConfig(input, { hooks: new Set(hooks) }).problems.map(({ key, found }) => `${key}: ${found}`);
}
function warnings(input: ConfigInput, hooks: HookName[] = []): string[] {
  return inspectConfig(input, { hooks: new Set(hooks) }).warnings.map(({ key }) => key);
}
const channel = (options: NonNullable<ConfigInput['channels']>[string]): ConfigInput => ({
  channels: { 'a:*': options },
});

let dir: string;
const { publicKey, privateKey } = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
});
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'tidings-check-'));
  await writeFile(join(dir, 'key.pem'), privateKey);
});
afterAll(async () => {
  await rm(dir, { recursive: true });
});

test('attachments in a store that is not named', () => {
  const chat = { enabled: true, uploads: { storage: 's3' } } as const;
  expect(problems({ chat })).toEqual(['chat.uploads.s3: nothing, but chat.uploads.storage is s3']);
  const s3 = { endpoint: 'http://127.0.0.1:9000', bucket: 'b', accessKeyId: 'a', secretAccessKey: 's' };
  expect(problems({ chat: { ...chat, uploads: { storage: 's3', s3 } } })).toEqual([]);
  expect(problems({ chat: { ...chat, enabled: false } })).toEqual([]);
});

test('frames that are too small for the clients of chat', () => {
  const limits = (messageSize: number, enabled = true) => problems({ limits: { messageSize }, chat: { enabled } });
  expect(limits(262_143)).toEqual(['limits.messageSize: 262143 bytes, but chat.enabled is true']);
  expect(limits(262_144)).toEqual([]);
  expect(limits(1_024, false)).toEqual([]);
});

describe('channels', () => {
  test.each<[string, NonNullable<ConfigInput['channels']>[string], string[]]>([
    [
      'recovery without history',
      { recovery: 'on-request' },
      ['channels.a:*.recovery: on-request, but history.size is 0'],
    ],
    [
      'recovery in cache mode without history',
      { recovery: 'always', recoveryMode: 'cache' },
      ['channels.a:*.recovery: always, but history.size is 0'],
    ],
    [
      'positioning without history',
      { positioning: 'always' },
      ['channels.a:*.positioning: always, but history.size is 0'],
    ],
    ['recovery with history', { recovery: 'always', positioning: 'always', history: { size: 1 } }, []],
    ['delta without history', { delta: true }, []],
    [
      'history that is gone at once',
      { history: { size: 1, ttl: 0 } },
      ['channels.a:*.history.ttl: 0, but history.size is above 0'],
    ],
    [
      'a position that is forgotten before its publications',
      { history: { size: 1, ttl: '2h', metaTtl: '1h' } },
      ['channels.a:*.history.metaTtl: less than history.ttl'],
    ],
    [
      'a hook that is not there',
      { hooks: { subscribe: true } },
      ['channels.a:*.hooks.subscribe: true, but there is no subscribe hook'],
    ],
  ])('%s', (_, options, expected) => {
    expect(problems(channel(options))).toEqual(expected);
  });

  test('a hook may have a URL, or be a function of the embedding program', () => {
    const input = channel({ hooks: { publish: true, subRefresh: true } });
    expect(problems(input)).toHaveLength(2);
    expect(problems({ ...input, hooks: { publish: { url: 'http://app/' } } }, ['subRefresh'])).toEqual([]);
  });

  test('malformed patterns, and such that neither is more specific', () => {
    expect(problems({ channels: { 'a{': {}, 'b*c': {} } })).toEqual([
      expect.stringMatching(/^channels\.a\{: a malformed pattern/),
      expect.stringMatching(/^channels\.b\*c: a malformed pattern/),
    ]);
    expect(problems({ channels: { 'room:{id}': {}, 'room:{name}': {} } })).toEqual([
      'channels.room:{name}: a pattern that takes the same channels as "room:{id}", neither being more specific',
    ]);
    expect(problems({ channels: { 'room:{id}': {}, 'room:*': {}, 'room:lobby': {}, '*': {} } })).toEqual([]);
  });

  test('permissions that have no effect are warned of', () => {
    expect(warnings({ ...channel({ allow: { history: 'anyone', presence: 'anyone' } }) })).toEqual(
      expect.arrayContaining(['channels.a:*.allow.history', 'channels.a:*.allow.presence']),
    );
  });

  test('the personal channel needs a pattern that takes it', () => {
    const input: ConfigInput = { personalChannel: { enabled: true, prefix: 'me:' } };
    expect(problems(input)).toEqual(['personalChannel.enabled: true, but no pattern in `channels` takes me:#42']);
    expect(problems({ ...input, channels: { 'me:#{user}': {} } })).toEqual([]);
  });
});

describe('listeners', () => {
  test.each(['0.0.0.0', '::', '192.168.1.5', 'example.com'])('development mode is refused on %s', (host) => {
    expect(problems({ mode: 'development', listen: { host } })).toEqual([expect.stringContaining('listen.host')]);
    expect(problems({ mode: 'development', internal: { port: 1, host } })).toEqual([
      expect.stringContaining('internal.host'),
    ]);
    expect(problems({ mode: 'production', listen: { host } })).toEqual([]);
    expect(isLoopback(host)).toBe(false);
  });

  test.each(['127.0.0.1', '127.1.2.3', '::1', 'localhost'])('and allowed on %s', (host) => {
    expect(problems({ mode: 'development', listen: { host }, internal: { port: 1, host } })).toEqual([]);
  });

  test('TLS files must exist and hold what they should', async () => {
    const tls = { certFile: join(dir, 'key.pem'), keyFile: join(dir, 'none.pem') };
    expect(problems({ listen: { tls } })).toEqual([
      `listen.tls.certFile: no certificate in ${tls.certFile}`,
      `listen.tls.keyFile: ${JSON.stringify(tls.keyFile)}, which does not exist`,
    ]);
    expect(problems({ listen: { tls: { ...tls, keyFile: tls.certFile } } })).toHaveLength(1);
  });

  test('two listeners need two ports', () => {
    expect(problems({ internal: { port: 8000 } })).toEqual(['internal.port: 8000, which is listen.port too']);
    expect(problems({ listen: { port: 0 }, internal: { port: 0 } })).toEqual([]);
  });

  test.each([
    'https://app.example.com',
    'https://*.example.com',
    'http://localhost:*',
    'http://[::1]:3000',
    'capacitor://localhost',
    'https://app.example.com/',
    'null',
    'file://',
    '*',
    'app.example.com',
    'https://app.example.com/path',
    'https://*',
    'https://a.*.com',
    '',
  ])('origin %j is judged as the server will', (origin) => {
    let accepted = true;
    try {
      new OriginPolicy([origin], false);
    } catch {
      accepted = false;
    }
    expect(problems({ origins: [origin] })).toHaveLength(accepted ? 0 : 1);
  });
});

describe('authentication', () => {
  test('JWT needs something to verify with', () => {
    expect(problems({ auth: { jwt: { issuer: 'me' } } })).toEqual(['auth.jwt: nothing to verify tokens with']);
    expect(problems({ auth: { jwt: { publicKey }, subscriptionJwt: { jwksUrl: 'https://id/jwks' } } })).toEqual([]);
    expect(problems({ auth: { subscriptionJwt: { publicKey: 'hunter2' } } })).toEqual([
      'auth.subscriptionJwt.publicKey: text that is not a key',
    ]);
  });

  test('a short secret is warned of', () => {
    expect(warnings({ auth: { jwt: { hmacSecret: 'hunter2' } } })).toContain('auth.jwt.hmacSecret');
    expect(warnings({ auth: { jwt: { hmacSecret: 'x'.repeat(32) } } })).not.toContain('auth.jwt.hmacSecret');
  });

  test('a server nobody can use is warned of, in production', () => {
    expect(warnings({})).toEqual(['auth', 'channels', 'origins', 'api.keys']);
    expect(warnings({ mode: 'development' })).toEqual([]);
    expect(warnings({}, ['connect'])).not.toContain('auth');
    expect(warnings({ auth: { anonymous: true }, channels: { a: {} }, api: { keys: ['12345678'] } })).toEqual([
      'origins',
    ]);
  });

  test('calls to the application without a signature are warned of', () => {
    const input: ConfigInput = { hooks: { connect: { url: 'http://app/' } }, events: { url: 'http://app/' } };
    expect(warnings(input)).toEqual(expect.arrayContaining(['hooks.secret', 'events.secret']));
  });

  test('cookies and any origin do not go together', () => {
    expect(warnings({ origins: ['*'], transports: { forwardHeaders: ['Cookie'] } })).toContain('origins');
  });
});

test('times that contradict each other', () => {
  expect(problems({ ping: { interval: '5s', pongTimeout: '5s' } })).toEqual([
    'ping.pongTimeout: not less than ping.interval',
  ]);
  expect(warnings({ shutdown: { timeout: '1s', spread: '5s' } })).toContain('shutdown.spread');
});

test('parseConfig returns a complete configuration or throws', () => {
  expect(parseConfig({ ping: { interval: '1s', pongTimeout: 500 } }).config.ping.interval).toBe(1000);
  expect(() => parseConfig({ listen: { port: -1 } })).toThrow(/listen\.port\n {4}found -1; valid: a whole number/);
});

describe('channels of chat', () => {
  test('a pattern that would take them is refused while there is chat; one that is more general is not', () => {
    const taking = [
      'chat:room:{room}',
      'chat:room:{id}',
      'chat:user:42',
      'chat:presence:{user}s',
      'chat:{kind}:lobbylobby',
    ];
    for (const pattern of taking) {
      const input: ConfigInput = { channels: { [pattern]: {} } };
      expect(problems(input), pattern).toEqual([]);
      const found = problems({ ...input, chat: { enabled: true } });
      expect(found, pattern).toHaveLength(1);
      expect(found[0]).toContain('which belong to chat');
    }
    for (const pattern of [
      '*',
      'chat:*',
      'chat:{id}',
      'chat:room',
      'chat:{kind}:{id}',
      'rooms:{id}',
      'chat:rooms:{id}',
    ]) {
      expect(problems({ channels: { [pattern]: {} }, chat: { enabled: true } }), pattern).toEqual([]);
    }
  });

  test('the patterns and kinds of events are those of the module', async () => {
    expect([...chatPatterns]).toEqual([roomPattern, userPattern, presencePattern]);
    const kinds = chatEventNames.map((name) => `chat.${name.split('.')[0]}.*`);
    expect(new Set(chatEventGroups)).toEqual(new Set(kinds));
  });
});

describe('permissions of chat', () => {
  const chat = (options: NonNullable<ConfigInput['chat']>): ConfigInput => ({ chat: options });

  test('each mistake is found where it stands', () => {
    const input = chat({ enabled: true, permissions: { send: 'member.stat == "member"', createRoom: 'auth.plan' } });
    expect(problems(input)).toEqual([
      'chat.permissions.createRoom: an unknown field "plan" of auth, at character 6',
      'chat.permissions.send: an unknown field "stat" of member, at character 8',
    ]);
  });

  test('they may use the claims of the configuration', () => {
    const permissions = { createRoom: 'auth.plan == "paid"' };
    expect(problems({ ...chat({ enabled: true, permissions }), rules: { auth: { plan: 'string' } } })).toEqual([]);
  });

  test('without chat they are not looked at', () => {
    expect(problems(chat({ permissions: { send: 'nonsense(' } }))).toEqual([]);
  });
});
