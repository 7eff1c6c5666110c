import { describe, expect, test } from 'vitest';
import { configTree, describeConfig, nodeAt, type ConfigNode } from './describe.ts';
import { configSchema, type ConfigInput } from './schema.ts';

const keys = describeConfig();

function everyNode(node: ConfigNode): ConfigNode[] {
  return [node, ...node.children.flatMap(everyNode)];
}

describe('describeConfig', () => {
  test.each([
    ['listen.port', ['TIDINGS_LISTEN_PORT', 'PORT']],
    ['dataDir', ['TIDINGS_DATA_DIR', 'TIDINGS_DATA']],
    ['auth.jwt.hmacSecret', ['TIDINGS_AUTH_JWT_HMAC_SECRET']],
    ['limits.connectionsPerUser', ['TIDINGS_LIMITS_CONNECTIONS_PER_USER']],
    ['channels', ['TIDINGS_CHANNELS']],
    ['channels.<pattern>.history.size', []],
    ['rules.relations', ['TIDINGS_RULES_RELATIONS']],
    ['rules.relations.<name>.cacheTtl', []],
    ['rules.tests', []],
  ])('%s is set by %j', (key, env) => {
    expect(keys.find((node) => node.key === key)?.env).toEqual(env);
  });

  test('names of variables are distinct', () => {
    const names = keys.flatMap((node) => node.env);
    expect(new Set(names).size).toBe(names.length);
  });

  test('every key and section says what it is for', () => {
    const chosenByOperator = new Set(['<pattern>', '<name>']);
    const silent = everyNode(configTree).filter((node) => node !== configTree && !node.description);
    expect(silent.filter((node) => !chosenByOperator.has(node.name)).map((node) => node.key)).toEqual([]);
  });

  test('defaults are those that the schema fills in', () => {
    const config = configSchema.parse({ channels: { a: {} } } satisfies ConfigInput) as unknown;
    for (const node of keys) {
      if (node.default === undefined || node.kind === 'map') continue;
      let value = config;
      for (const part of node.path)
        value = (value as Record<string, unknown> | undefined)?.[part === '<pattern>' ? 'a' : part];
      // Below an optional section there is no value until somebody sets it.
      if (value !== undefined) expect([node.key, value]).toEqual([node.key, node.default]);
    }
    expect(keys.filter((node) => node.default !== undefined).length).toBeGreaterThan(50);
  });

  test('what is secret is marked, and so is every section around it', () => {
    const secret = everyNode(configTree).filter((node) => node.secret);
    expect(secret.map((node) => node.key)).toEqual([
      '',
      'auth',
      'auth.jwt',
      'auth.jwt.hmacSecret',
      'auth.subscriptionJwt',
      'auth.subscriptionJwt.hmacSecret',
      'api',
      'api.keys',
      'store',
      'store.url',
      'chat',
      'chat.uploads',
      'chat.uploads.s3',
      'chat.uploads.s3.accessKeyId',
      'chat.uploads.s3.secretAccessKey',
      'hooks',
      'hooks.secret',
      'events',
      'events.secret',
    ]);
  });

  test('nodeAt follows patterns and lists', () => {
    expect(nodeAt(['channels', 'room:{id}', 'history', 'size'])?.key).toBe('channels.<pattern>.history.size');
    expect(nodeAt(['origins', 3])?.key).toBe('origins');
    expect(nodeAt(['rules', 'relations', 'member', 'facts', 0])?.key).toBe('rules.relations.<name>.facts');
    expect(nodeAt(['rules', 'tests', 0, 'expect', 1, 'is'])?.values).toEqual(['allow', 'deny', 'invalid']);
    expect(nodeAt(['listen', 'prot'])).toBeUndefined();
    expect(nodeAt([])).toBe(configTree);
  });

  test.each([
    ['channels', 'a section with channel patterns as keys'],
    ['rules.relations', 'a section with names of your choice as keys'],
    ['rules.auth', 'a section with names of your choice as keys and text as values'],
    ['rules.relations.<name>.facts', 'a list of lists of text, or a whole number, or true or false'],
    ['rules.relations.<name>.where', 'text from 1 to 4096 characters'],
    ['store.synchronous', 'one of full, normal'],
  ])('%s is %s', (key, type) => {
    expect(keys.find((node) => node.key === key)?.type).toBe(type);
  });
});
