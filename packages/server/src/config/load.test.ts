import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ConfigError, type ConfigProblem } from './config-error.ts';
import { loadConfig, type LoadConfigOptions, type LoadedConfig } from './load.ts';

let cwd: string;
beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'tidings-config-'));
});
afterEach(async () => {
  await rm(cwd, { recursive: true });
});

const write = (name: string, source: string) => writeFile(join(cwd, name), source);
const load = (options: Partial<LoadConfigOptions> = {}): Promise<LoadedConfig> =>
  loadConfig({ cwd, env: {}, ...options });

async function failure(options: Partial<LoadConfigOptions> = {}): Promise<ConfigError> {
  const error = await load(options).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ConfigError);
  return error as ConfigError;
}
async function onlyProblem(options: Partial<LoadConfigOptions> = {}): Promise<ConfigProblem> {
  const { problems } = await failure(options);
  expect(problems).toHaveLength(1);
  return problems[0] as ConfigProblem;
}

describe('where values come from', () => {
  test('without file and environment everything has its default', async () => {
    const { config, file, sources } = await load();
    expect(file).toBeUndefined();
    expect(sources.size).toBe(0);
    expect(config.mode).toBe('production');
    expect(config.listen).toEqual({ port: 8000, host: '127.0.0.1', trustProxy: false });
    expect(config.ping.interval).toBe(25_000);
  });

  test.each([
    ['tidings.config.yaml', 'listen: { port: 9001 }\nping:\n  interval: 1m\n'],
    ['tidings.config.yml', 'listen:\n  port: 9001\nping: { interval: 60s }\n'],
    ['tidings.config.json', '{"listen": {"port": 9001}, "ping": {"interval": 60000}}'],
    ['tidings.config.mjs', 'export default { listen: { port: 9001 }, ping: { interval: "1m" } };'],
    ['tidings.config.js', 'module.exports = { listen: { port: 9001 }, ping: { interval: "1m" } };'],
  ])('%s is found and read', async (name, source) => {
    await write(name, source);
    const { config, file } = await load();
    expect(file).toBe(join(cwd, name));
    expect(config.listen.port).toBe(9001);
    expect(config.ping.interval).toBe(60_000);
  });

  test('overrides > environment > file > defaults, and the source of each is known', async () => {
    await write('tidings.config.yaml', 'listen:\n  port: 1\n  host: 127.0.0.2\ndataDir: ./file\nlog:\n  level: warn\n');
    const { config, sources } = await load({
      env: { TIDINGS_LISTEN_PORT: '2', TIDINGS_DATA_DIR: './env' },
      overrides: { listen: { port: 3 } },
    });
    expect(config.listen).toMatchObject({ port: 3, host: '127.0.0.2' });
    expect(config.dataDir).toBe('./env');
    expect(config.log.level).toBe('warn');
    expect(Object.fromEntries(sources)).toEqual({
      'listen.port': 'command line',
      'listen.host': 'tidings.config.yaml:3:9',
      dataDir: 'environment variable TIDINGS_DATA_DIR',
      'log.level': 'tidings.config.yaml:6:10',
    });
  });

  test('a section whose keys are all commented out has its defaults', async () => {
    await write('tidings.config.yaml', 'listen:\n#  port: 1\nauth:\n  jwt:\nchannels:\n  lobby:\n');
    const { config } = await load();
    expect(config.listen.port).toBe(8000);
    expect(config.auth.jwt).toBeUndefined();
    expect(config.channels['lobby']?.allow.subscribe).toBe('nobody');
  });

  test('YAML anchors and merge keys work, and a mistake in them is found where it stands', async () => {
    await write(
      'tidings.config.yaml',
      'channels:\n  a: &room\n    history: { size: 5 }\n  b:\n    <<: *room\n    presence: true\n  c: *room\n',
    );
    const { config } = await load();
    expect(config.channels['b']).toMatchObject({ history: { size: 5 }, presence: true });
    expect(config.channels['c']?.history.size).toBe(5);
  });

  test('reading again sees what changed, in a module too; what is wrong throws and leaves the old one alone', async () => {
    for (const [name, source] of [
      ['tidings.config.yaml', (level: string) => `log: { level: ${level} }`],
      ['tidings.config.mjs', (level: string) => `export const config = { log: { level: '${level}' } };`],
    ] as const) {
      await write(name, source('warn'));
      await utimes(join(cwd, name), 1_000, 1_000);
      const before = await load({ file: name });
      await write(name, source('loud'));
      await utimes(join(cwd, name), 2_000, 2_000);
      expect((await onlyProblem({ file: name })).key).toBe('log.level');
      await write(name, source('error'));
      await utimes(join(cwd, name), 3_000, 3_000);
      expect((await load({ file: name })).config.log.level).toBe('error');
      expect(before.config.log.level).toBe('warn');
    }
  });
});

describe('environment', () => {
  test('every kind of value is read', async () => {
    const { config } = await load({
      env: {
        PORT: '9000',
        TIDINGS_DATA: '/var/lib/tidings',
        TIDINGS_LISTEN_TRUST_PROXY: '1',
        TIDINGS_AUTH_ANONYMOUS: 'true',
        TIDINGS_AUTH_JWT_HMAC_SECRET: '12345678901234567890123456789012',
        TIDINGS_API_KEYS: 'first-key, second-key',
        TIDINGS_LIMITS_CONNECTIONS_PER_USER: '3',
        TIDINGS_LIMITS_MESSAGE_SIZE: '1MB',
        TIDINGS_PING_INTERVAL: '30000',
        TIDINGS_LOG_LEVEL: 'debug',
        TIDINGS_CHANNELS: '{"news": {"allow": {"subscribe": "anyone"}}}',
        TIDINGS_NODE_NAME: '',
        HOME: '/root',
      },
    });
    expect(config.listen).toMatchObject({ port: 9000, trustProxy: true });
    expect(config.dataDir).toBe('/var/lib/tidings');
    expect(config.auth).toMatchObject({ anonymous: true, jwt: { hmacSecret: '12345678901234567890123456789012' } });
    expect(config.api.keys).toEqual(['first-key', 'second-key']);
    expect(config.limits).toMatchObject({ connectionsPerUser: 3, messageSize: 1_048_576 });
    expect(config.ping.interval).toBe(30_000);
    expect(config.log.level).toBe('debug');
    expect(config.channels['news']?.allow.subscribe).toBe('anyone');
    expect(config.node.name).toBeUndefined();
  });

  test('the full name holds over the short one', async () => {
    expect((await load({ env: { PORT: '1', TIDINGS_LISTEN_PORT: '2' } })).config.listen.port).toBe(2);
  });

  test('a key in PEM may have \\n for its line breaks', async () => {
    const problem = await onlyProblem({ env: { TIDINGS_AUTH_JWT_PUBLIC_KEY: '-----BEGIN PUBLIC KEY-----\\nAAAA' } });
    expect(problem.found).toBe('text that is not a key');
    expect(problem.place).toBe('environment variable TIDINGS_AUTH_JWT_PUBLIC_KEY');
  });

  test.each([
    ['TIDINGS_LISTEN_PROT', '1', 'TIDINGS_LISTEN_PORT (did you mean that?)'],
    ['TIDINGS_PORT', '8000', 'TIDINGS_'],
    ['TIDINGS_COMPLETELY_UNRELATED_THING', 'x', 'docs/configuration.md'],
  ])('%s=%s is an error', async (name, value, valid) => {
    const problem = await onlyProblem({ env: { [name]: value } });
    expect(problem.place).toBe(`environment variable ${name}`);
    expect(problem.valid).toContain(valid);
  });

  test('variables that Kubernetes sets for a Service called tidings are no mistake', async () => {
    const { config } = await load({
      env: {
        TIDINGS_SERVICE_HOST: '10.0.0.1',
        TIDINGS_SERVICE_PORT: '8000',
        TIDINGS_SERVICE_PORT_HTTP: '8000',
        TIDINGS_PORT: 'tcp://10.0.0.1:8000',
        TIDINGS_PORT_8000_TCP: 'tcp://10.0.0.1:8000',
        TIDINGS_PORT_8000_TCP_PROTO: 'tcp',
        TIDINGS_PORT_8000_TCP_PORT: '8000',
        TIDINGS_PORT_8000_TCP_ADDR: '10.0.0.1',
        TIDINGS_INTERNAL_PORT: 'tcp://10.0.0.2:9000',
      },
    });
    expect(config.internal).toBeUndefined();
  });

  test('a value of the wrong kind names its variable', async () => {
    expect(await onlyProblem({ env: { PORT: 'http' } })).toEqual({
      key: 'listen.port',
      place: 'environment variable PORT',
      found: '"http"',
      valid: 'a whole number from 0 to 65535',
    });
    expect(await onlyProblem({ env: { TIDINGS_CHANNELS: '{' } })).toMatchObject({
      key: 'channels',
      place: 'environment variable TIDINGS_CHANNELS',
      found: 'text that is not JSON',
    });
    expect(await onlyProblem({ env: { TIDINGS_CHANNELS: '{"a":{"presense":true}}' } })).toMatchObject({
      key: 'channels.a.presense',
      place: 'environment variable TIDINGS_CHANNELS',
      valid: 'channels.a.presence (did you mean that?)',
    });
  });
});

describe('references', () => {
  test('${NAME} is replaced, as a whole and within a text, in every kind of key', async () => {
    await write(
      'tidings.config.yaml',
      'listen:\n  port: ${MY_PORT}\napi:\n  keys: ["${KEY}", "literal-$${KEY}"]\nhooks:\n  rpc:\n    url: http://${HOST}/rpc\n',
    );
    const { config } = await load({ env: { MY_PORT: '7000', KEY: 'a,secret', HOST: 'app:3000' } });
    expect(config.listen.port).toBe(7000);
    expect(config.api.keys).toEqual(['a,secret', 'literal-${KEY}']);
    expect(config.hooks.rpc?.url).toBe('http://app:3000/rpc');
  });

  test('a TIDINGS_ variable that the file refers to is no unknown one', async () => {
    await write('tidings.config.yaml', 'node:\n  name: ${TIDINGS_MY_NAME}\n');
    expect((await load({ env: { TIDINGS_MY_NAME: 'n1' } })).config.node.name).toBe('n1');
  });

  test('one that is not set is an error that names key and variable, once', async () => {
    await write('tidings.config.yaml', 'hooks:\n  rpc:\n    url: ${APP_URL}\n');
    expect(await onlyProblem()).toEqual({
      key: 'hooks.rpc.url',
      place: 'tidings.config.yaml:3:10',
      found: 'a reference to APP_URL, which is not set',
      valid: 'set the environment variable APP_URL, or write the value here',
    });
  });

  test('one that is malformed is an error, and the value of a good one is never shown', async () => {
    await write('tidings.config.yaml', 'node: { name: "${my-name}" }\nlog: { level: "${LEVEL}" }\n');
    const error = await failure({ env: { LEVEL: 'hunter2' } });
    expect(error.problems.map(({ key }) => key)).toEqual(['node.name', 'log.level']);
    expect(error.message).not.toContain('hunter2');
  });
});

describe('what is wrong is said with key, place, found and valid', () => {
  const cases: [string, string, string, ConfigProblem][] = [
    [
      'a wrong type',
      'tidings.config.yaml',
      'listen:\n  port: lots\n',
      {
        key: 'listen.port',
        place: 'tidings.config.yaml:2:9',
        found: '"lots"',
        valid: 'a whole number from 0 to 65535',
      },
    ],
    [
      'out of range, in JSON',
      'tidings.config.json',
      '{\n  "listen": { "port": 70000 }\n}',
      {
        key: 'listen.port',
        place: 'tidings.config.json:2:23',
        found: '70000',
        valid: 'a whole number from 0 to 65535',
      },
    ],
    [
      'a page smaller than @tidings/client asks for',
      'tidings.config.yaml',
      'chat:\n  limits: { page: 99 }\n',
      {
        key: 'chat.limits.page',
        place: 'tidings.config.yaml:2:19',
        found: '99',
        valid: 'a whole number from 100 to 1000',
      },
    ],
    [
      'an unknown key',
      'tidings.config.yaml',
      'listen:\n  prot: 1\n',
      {
        key: 'listen.prot',
        place: 'tidings.config.yaml:2:3',
        found: 'an unknown key',
        valid: 'listen.port (did you mean that?)',
      },
    ],
    [
      'a key at the wrong place',
      'tidings.config.yaml',
      'hmacSecret: x\n',
      {
        key: 'hmacSecret',
        place: 'tidings.config.yaml:1:1',
        found: 'an unknown key',
        valid: 'auth.jwt.hmacSecret (did you mean that?)',
      },
    ],
    [
      'a key like nothing',
      'tidings.config.yaml',
      'metrics: { grafana: true }\n',
      {
        key: 'metrics.grafana',
        place: 'tidings.config.yaml:1:12',
        found: 'an unknown key',
        valid: 'the keys here are enabled',
      },
    ],
    [
      'a choice',
      'tidings.config.yaml',
      'channels:\n  "room:{id}":\n    recovery: sometimes\n',
      {
        key: 'channels.room:{id}.recovery',
        place: 'tidings.config.yaml:3:15',
        found: '"sometimes"',
        valid: 'one of off, on-request, always',
      },
    ],
    [
      'a name in a rule',
      'tidings.config.yaml',
      'channels:\n  "room:{id}":\n    allow:\n      subscribe: >\n        auth.uid == id ||\n        owner == id\n',
      {
        key: 'channels.room:{id}.allow.subscribe',
        place: 'tidings.config.yaml:6:9',
        found: 'an unknown name "owner"',
        valid: 'the names are id, auth, channel, now',
      },
    ],
    [
      'a name in a rule of a module, which has no lines',
      'tidings.config.mjs',
      'export default { channels: { "room:{id}": { allow: { subscribe: "id == owner" } } } };',
      {
        key: 'channels.room:{id}.allow.subscribe',
        place: 'tidings.config.mjs',
        found: 'an unknown name "owner", at character 7',
        valid: 'the names are id, auth, channel, now',
      },
    ],
    [
      'an unknown key of an item of a list',
      'tidings.config.yaml',
      'rules:\n  tests:\n    - expext: []\n      expect: [{ is: allow }]\n',
      {
        key: 'rules.tests[0].expext',
        place: 'tidings.config.yaml:3:7',
        found: 'an unknown key',
        valid: 'rules.tests[0].expect (did you mean that?)',
      },
    ],
    [
      'a duration',
      'tidings.config.yaml',
      'ping: { interval: soon }\n',
      {
        key: 'ping.interval',
        place: 'tidings.config.yaml:1:19',
        found: '"soon"',
        valid: 'a duration such as 250ms, 25s, 5m, 2h or 7d',
      },
    ],
    [
      'a negative duration',
      'tidings.config.yaml',
      'ping: { interval: -5 }\n',
      {
        key: 'ping.interval',
        place: 'tidings.config.yaml:1:19',
        found: '-5',
        valid: 'a duration such as 250ms, 25s, 5m, 2h or 7d',
      },
    ],
    [
      'a size',
      'tidings.config.yaml',
      'limits: { messageSize: true }\n',
      {
        key: 'limits.messageSize',
        place: 'tidings.config.yaml:1:24',
        found: 'true',
        valid: 'a size such as 512B, 64KB or 1MB',
      },
    ],
    [
      'a URL, without the password in it',
      'tidings.config.yaml',
      'hooks: { rpc: { url: "ftp://me:hunter2@app/" } }\n',
      {
        key: 'hooks.rpc.url',
        place: 'tidings.config.yaml:1:22',
        found: '"ftp://***@app/"',
        valid: 'an http or https URL',
      },
    ],
    [
      'a missing key',
      'tidings.config.yaml',
      'hooks:\n  rpc: { retries: 1 }\n',
      { key: 'hooks.rpc.url', place: 'tidings.config.yaml:2:8', found: 'nothing', valid: 'an http or https URL' },
    ],
    [
      'an item of a list',
      'tidings.config.yaml',
      'events:\n  types: [connected, left]\n',
      {
        key: 'events.types[1]',
        place: 'tidings.config.yaml:2:22',
        found: '"left"',
        valid:
          'one of connected, disconnected, occupied, vacated, chat.*, chat.message.*, chat.thread.*, chat.member.*, chat.room.*, chat.report.*, chat.restriction.*, chat.user.*',
      },
    ],
    [
      'a section that is none',
      'tidings.config.yaml',
      'metrics: 9090\n',
      { key: 'metrics', place: 'tidings.config.yaml:1:10', found: '9090', valid: 'a section with the keys enabled' },
    ],
    [
      'a secret, which is not shown',
      'tidings.config.yaml',
      'api:\n  keys: [hunter2]\n',
      {
        key: 'api.keys[0]',
        place: 'tidings.config.yaml:2:10',
        found: 'text that is not shown, as it may be secret',
        valid: 'text of at least 8 characters',
      },
    ],
    [
      'a section with a secret in it, which is not shown',
      'tidings.config.yaml',
      'auth: hunter2\n',
      {
        key: 'auth',
        place: 'tidings.config.yaml:1:7',
        found: 'text that is not shown, as it may be secret',
        valid: 'a section with the keys anonymous, jwt, subscriptionJwt',
      },
    ],
    [
      'a module, of which only the file is known',
      'tidings.config.mjs',
      'export default { log: { level: "loud" } };',
      {
        key: 'log.level',
        place: 'tidings.config.mjs',
        found: '"loud"',
        valid: 'one of trace, debug, info, warn, error, silent',
      },
    ],
  ];
  test.each(cases)('%s', async (_, name, source, expected) => {
    await write(name, source);
    expect(await onlyProblem()).toEqual(expected);
  });

  test('all at once, in a message to print', async () => {
    await write('tidings.config.yaml', 'listen:\n  port: lots\nchanels: {}\n');
    const error = await failure({ env: { TIDINGS_LOG_LEVEL: 'loud' } });
    expect(error.problems).toHaveLength(3);
    expect(error.message).toContain('3 problems');
    expect(error.message).toContain('tidings.config.yaml:2:9  listen.port\n    found "lots"; valid: a whole number');
    expect(error.message).toContain('environment variable TIDINGS_LOG_LEVEL  log.level\n');
  });

  test('the environment does not hide a section in the file that is none', async () => {
    await write('tidings.config.yaml', 'listen: 8000\n');
    expect((await onlyProblem({ env: { PORT: '1' } })).key).toBe('listen');
  });
});

describe('files', () => {
  test.each([
    ['tidings.config.yaml', 'listen:\n  port: [1\nsecret: hunter2\n', /^tidings\.config\.yaml:\d+:\d+$/],
    ['tidings.config.yaml', 'a: 1\na: hunter2\n', /^tidings\.config\.yaml:2:1$/],
    ['tidings.config.json', '{"listen": hunter2}', /^tidings\.config\.json:1:12$/],
    ['tidings.config.json', '{"listen": {},\n}', /^tidings\.config\.json:2:1$/],
    ['tidings.config.json', '{"listen": {}, // comment\n "log": {}}', /^tidings\.config\.json:1:\d+$/],
    ['tidings.config.json', '{"a": 1, "a": 2}', /^tidings\.config\.json:1:10$/],
    ['tidings.config.json', '', /^tidings\.config\.json/],
    ['tidings.config.mjs', 'export const config = {;', /^tidings\.config\.mjs/],
    ['tidings.config.mjs', 'export const other = {};', /^tidings\.config\.mjs$/],
    ['tidings.config.mjs', '\n\nthrow new Error("no");', /^tidings\.config\.mjs/],
  ])('%s that is malformed: %j', async (name, source, place) => {
    await write(name, source);
    const error = await failure();
    expect(error.problems).toHaveLength(1);
    expect(error.problems[0]?.place).toMatch(place);
    expect(error.message).not.toContain('hunter2');
  });

  test('one that is missing, or of another kind, or twofold', async () => {
    expect(await onlyProblem({ file: 'none.yaml' })).toMatchObject({ place: 'none.yaml', found: 'no such file' });
    expect((await onlyProblem({ file: 'config.toml' })).valid).toContain('yaml');
    await write('tidings.config.yaml', '');
    await write('tidings.config.json', '{}');
    expect((await onlyProblem()).found).toContain('tidings.config.json, tidings.config.yaml');
    expect((await load({ file: 'tidings.config.json' })).file).toBe(join(cwd, 'tidings.config.json'));
  });

  test('a value that is no object', async () => {
    await write('tidings.config.yaml', '- 1\n');
    expect((await onlyProblem()).found).toBe('a list');
  });

  test('a key called __proto__ is an unknown key and changes nothing', async () => {
    await write('tidings.config.json', '{"__proto__": {"mode": "development"}, "constructor": {}}');
    expect((await failure()).problems.map(({ key }) => key)).toContain('constructor');
    expect(({} as Record<string, unknown>)['mode']).toBeUndefined();
  });
});
