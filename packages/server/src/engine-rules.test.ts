import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ProtocolError } from '@tidings/protocol';
import { describe, expect, test } from 'vitest';
import { ConfigError } from './config/config-error.ts';
import type { ConfigInput } from './config/schema.ts';
import { createEngine } from './engine.ts';
import { createLogger } from './lib/logger.ts';
import { codeOf, jwt, token } from './testing/engine-fixture.ts';
import { createRulesEngine, memberRelation, rulesConfig } from './testing/rules-fixture.ts';
import { createTestEngine } from './testing.ts';

const logger = createLogger('silent');
const friend = { parameters: { a: 'string', b: 'string' }, from: 'function' } as const;

describe('a configuration is refused', () => {
  const problemsOf = (config: ConfigInput, relations?: Record<string, () => boolean>): string[] => {
    try {
      createEngine({ config, logger, listen: false, ...(relations && { relations }) });
    } catch (error) {
      if (error instanceof ConfigError) return error.problems.map(({ key, found }) => `${key}: ${found}`);
      throw error;
    }
    return [];
  };

  test('when a relation has no function, and when a function has no relation', () => {
    const config = { rules: { relations: { friend } } };
    expect(problemsOf(config)).toEqual(['rules.relations.friend: from: function, but no function was given']);
    expect(problemsOf(config, { friend: () => true })).toEqual([]);
    expect(problemsOf({}, { friend: () => true })[0]).toContain('rules.relations.friend');
    expect(problemsOf({}, { toString: () => true })[0]).toContain('rules.relations.toString');
    expect(problemsOf({ rules: { relations: { toString: friend } } })[0]).toContain('no function was given');
  });

  test('when a rule is none', () => {
    const problems = problemsOf({ channels: { 'room:{id}': { allow: { subscribe: 'auth.uid = id' } } } });
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain('room:{id}');
  });

  test('at a reload, when the first relation in the store comes', async () => {
    await using node = await createTestEngine({ config: { mode: 'production' } });
    await expect(node.engine.reload(rulesConfig({}))).rejects.toThrow('restart');
  });
});

describe('facts by the server API', () => {
  test('are added, listed in pages and removed', async () => {
    await using node = await createRulesEngine({});
    const { api } = node.engine;
    const facts = [
      ['g1', 'u1'],
      ['g1', 'u2'],
      ['g2', 'u1'],
    ];
    expect(await api.relationAdd({ relation: 'member', facts })).toEqual({ changed: 3 });
    expect(await api.relationAdd({ relation: 'member', facts: facts.slice(0, 1) })).toEqual({ changed: 0 });
    const first = await api.relationList({ relation: 'member', limit: 2 });
    expect(first.facts).toHaveLength(2);
    const second = await api.relationList({ relation: 'member', after: first.next });
    expect(new Set([...first.facts, ...second.facts].map(String))).toEqual(new Set(facts.map(String)));
    expect(second.next).toBeUndefined();
    expect(await api.relationRemove({ relation: 'member', facts: [...facts, ['g9', 'u9']] })).toEqual({ changed: 3 });
  });

  test('another relation, another number or type of values is the caller’s mistake', async () => {
    await using node = await createRulesEngine(
      {},
      { rules: { relations: { friend } }, relations: { friend: () => true } },
    );
    const { relations } = node.engine;
    const mistakes = [
      relations.add('nobody', [['a']]),
      relations.add('friend', [['a', 'b']]),
      relations.add('member', [['a']]),
      relations.add('member', [['a', 5]]),
      relations.remove('toString', [['a', 'b']]),
      relations.invalidate('member', ['a', 'b']),
      relations.invalidate('friend', ['a']),
    ];
    for (const mistake of mistakes) {
      const error = await mistake.catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(ProtocolError);
      expect((error as ProtocolError).code).toBe(107);
    }
    await relations.invalidate('friend', ['a', 'b']);
    await relations.invalidate('friend');
  });

  test('survive a restart, in the default store', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'tidings-rules-'));
    try {
      const config: ConfigInput = {
        mode: 'production',
        auth: { jwt },
        dataDir,
        channels: { 'group:{gid}': { allow: { subscribe: 'member(gid, auth.uid)' } } },
        rules: { relations: { member: memberRelation } },
      };
      for (const expected of [103, undefined]) {
        await using node = await createTestEngine({ config });
        const client = await node.connect({ token: token({ sub: 'u1' }) });
        expect(await codeOf(client.request({ subscribe: { channel: 'group:g1' } }))).toBe(expected);
        await node.engine.relations.add('member', [['g1', 'u1']]);
      }
    } finally {
      await rm(dataDir, { recursive: true, force: true });
    }
  });
});

test('an authorizer of the embedding program decides on actions; receive is still the rule’s', async () => {
  await using node = await createRulesEngine(
    { room: { allow: { subscribe: 'false', receive: 'data == auth.uid' } } },
    { authorizer: { decide: () => ({ allow: true }) } },
  );
  const u1 = await node.as('u1');
  expect(await codeOf(u1.request({ subscribe: { channel: 'room' } }))).toBeUndefined();
  await node.join('g1', 'u1');
  await node.engine.publish('room', 'u2');
  await node.engine.publish('room', 'u1');
  expect((await u1.nextPush()).pub?.data).toEqual(new TextEncoder().encode('"u1"'));
});
