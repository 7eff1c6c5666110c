import { describe, expect, test } from 'vitest';
import { parseConfig } from '../config/parse.ts';
import type { ConfigInput } from '../config/schema.ts';
import { rulesOf, runRuleTests, type ExpectationResult } from './rule-tests.ts';
import { compileRuleset } from './ruleset.ts';

type Rules = NonNullable<ConfigInput['rules']>;
type RuleTest = NonNullable<Rules['tests']>[number];

const channels: NonNullable<ConfigInput['channels']> = {
  'group:{gid}': {
    allow: {
      subscribe: 'member(gid, auth.uid)',
      publish: 'member(gid, auth.uid) && size(data.text) < 10',
      history: 'subscribers',
      presence: 'authenticated',
      announce: 'auth.uid == "ann"',
      receive: 'publisher != "eve" && !("hidden" in tags)',
    },
    publish: { schema: 'Message', set: { from: 'auth.uid', at: 'string(now)' } },
    history: { size: 10 },
    presence: true,
  },
  bare: { allow: { subscribe: 'anyone', history: 'anyone', presence: 'anyone' } },
  free: { allow: { publish: 'anyone' }, publish: { set: { seconds: 'int(now)', half: '1.0 / 0.0' } } },
  'dialog#{users}': { allow: { publish: 'anyone' } },
};
const rules: Rules = {
  auth: { level: 'int?' },
  relations: {
    member: { from: 'api', parameters: { gid: 'string', uid: 'string' } },
    friend: {
      from: 'table',
      table: 't',
      columns: ['a', 'b'],
      parameters: { a: 'string', b: 'string' },
      symmetric: true,
    },
    rank: { parameters: { uid: 'string', level: 'int' }, facts: [['ann', 3]] },
  },
  schemas: { Message: { text: 'string', from: 'string?', at: 'string?' } },
};

function run(ruleTest: RuleTest, more: NonNullable<ConfigInput['channels']> = {}) {
  const { config } = parseConfig({ channels: { ...channels, ...more }, rules: { ...rules, tests: [ruleTest] } });
  const { ruleset } = compileRuleset(config);
  const [result] = runRuleTests(config, ruleset, { nowMs: Date.UTC(2026, 0, 31, 12) }).tests;
  return result as NonNullable<typeof result>;
}

function one(
  ruleTest: Omit<RuleTest, 'expect'>,
  expectation: RuleTest['expect'][number],
  more = {},
): ExpectationResult {
  return run({ ...ruleTest, expect: [expectation] }, more).expectations[0] as ExpectationResult;
}

const ann = { as: { uid: 'ann' }, given: { member: [['g1', 'ann']] } };
const hello = { text: 'Hello' };
const at = '2026-01-31T12:00:00Z';

describe('an expectation', () => {
  test.each<[string, Omit<RuleTest, 'expect'>, RuleTest['expect'][number]]>([
    ['a rule that holds', ann, { subscribe: 'group:g1', is: 'allow' }],
    ['a rule that does not', ann, { subscribe: 'group:g2', is: 'deny', because: 'gid = "g2"' }],
    ['no fact', {}, { subscribe: 'group:g1', is: 'deny', because: 'member' }],
    ['a message', ann, { publish: 'group:g1', data: hello, is: 'allow' }],
    ['a message that the rule refuses', ann, { publish: 'group:g1', data: { text: 'Hello hello' }, is: 'deny' }],
    ['a message of the wrong shape', ann, { publish: 'group:g1', data: { text: 5 }, is: 'invalid', at: '/text' }],
    ['no message', ann, { publish: 'group:g1', is: 'invalid', at: '', because: 'must be an object' }],
    [
      'stamped fields',
      ann,
      { publish: 'group:g1', data: hello, is: 'allow', becomes: { at, text: 'Hello', from: 'ann' } },
    ],
    ['a word', ann, { presence: 'group:g1', is: 'allow' }],
    ['a word that refuses', {}, { presence: 'group:g1', is: 'deny', because: 'authenticated' }],
    ['who is not subscribed', ann, { history: 'group:g1', is: 'deny', because: 'subscribers' }],
    ['who is subscribed', ann, { history: 'group:g1', subscribed: true, is: 'allow' }],
    ['who is shown', ann, { announce: 'group:g1', is: 'allow' }],
    ['who is not shown', { as: { uid: 'ben' } }, { announce: 'group:g1', is: 'deny' }],
    ['a publisher', {}, { receive: 'group:g1', data: hello, publisher: 'eve', is: 'deny' }],
    ['tags', {}, { receive: 'group:g1', data: hello, tags: { hidden: '1' }, is: 'deny', because: 'tags' }],
    ['neither', {}, { receive: 'group:g1', data: hello, is: 'allow' }],
    ['no channel', ann, { subscribe: 'nowhere', is: 'deny', because: 'no pattern' }],
    ['history that is off', ann, { history: 'bare', is: 'deny', because: 'no history' }],
    ['presence that is off', ann, { presence: 'bare', is: 'deny', because: 'no presence' }],
    ['a name in the channel', ann, { subscribe: 'dialog#ann,ben', is: 'allow' }],
    ['other names in the channel', ann, { subscribe: 'dialog#ben', is: 'deny', because: '#' }],
    ['no name and no user', {}, { publish: 'dialog#', is: 'deny', because: '#' }],
    ['a field that cannot be made', ann, { publish: 'free', data: {}, is: 'deny', because: 'not a number of JSON' }],
    ['fields for what is no object', ann, { publish: 'free', data: 'Hello', is: 'invalid', at: '' }],
  ])('of %s', (_, ruleTest, expectation) => {
    expect(one(ruleTest, expectation).failure).toBeUndefined();
  });

  test.each<[RuleTest['expect'][number], string]>([
    [{ subscribe: 'group:g2', is: 'allow' }, 'expected allow, got deny: member(gid, auth.uid) is false'],
    [{ subscribe: 'group:g1', is: 'deny' }, 'expected deny, got allow'],
    [{ subscribe: 'group:g2', is: 'deny', because: 'banned' }, 'expected deny because of "banned", got deny: member'],
    [
      { publish: 'group:g1', data: {}, is: 'invalid', at: '/from' },
      'expected invalid at "/from", got at "/text": /text',
    ],
    [
      { publish: 'group:g1', data: hello, is: 'allow', becomes: hello },
      'expected that it becomes {"text":"Hello"}, got {',
    ],
    [
      { publish: 'dialog#ann', data: hello, is: 'allow', becomes: hello },
      'expected that it becomes {"text":"Hello"}, got undefined',
    ],
  ])('that does not hold says so: %j', (expectation, message) => {
    expect(one(ann, expectation).failure).toContain(message);
  });

  test('that does not hold is explained where a rule decided', () => {
    const failed = one(ann, { subscribe: 'group:g2', is: 'allow' });
    expect(failed.explanation).toMatchObject({ value: false, expr: { kind: 'relation' } });
    expect(one(ann, { subscribe: 'group:g1', is: 'allow' }).explanation).toBeUndefined();
    expect(one(ann, { subscribe: 'nowhere', is: 'allow' }).explanation).toBeUndefined();
  });
});

describe('facts', () => {
  const asks = (rule: string) => ({ asks: { allow: { subscribe: rule } } });
  const subscribes = (rule: string, given: RuleTest['given'] = {}) =>
    one({ as: { uid: 'ann' }, given }, { subscribe: 'asks', is: 'allow' }, asks(rule)).answer.is;

  test('of the configuration hold where none are given, and are replaced by those', () => {
    expect(subscribes('rank(auth.uid, 3)')).toBe('allow');
    expect(subscribes('rank(auth.uid, 3)', { rank: [['ann', 4]] })).toBe('deny');
    expect(subscribes('rank(auth.uid, 4)', { rank: [['ann', 4]] })).toBe('allow');
    expect(subscribes('rank(auth.uid, 3)', { rank: [] })).toBe('deny');
  });

  test('of a symmetric relation hold either way round, without its table', () => {
    expect(subscribes('friend(auth.uid, "ben")')).toBe('deny');
    expect(subscribes('friend(auth.uid, "ben")', { friend: [['ben', 'ann']] })).toBe('allow');
    expect(subscribes('friend("ben", auth.uid)', { friend: [['ben', 'ann']] })).toBe('allow');
  });
});

describe('time', () => {
  const later = { launch: { allow: { subscribe: 'now >= timestamp("2026-02-01T00:00:00Z")' } } };
  test('is that of the test, or now', () => {
    const expectation = { subscribe: 'launch', is: 'allow' } as const;
    expect(one({}, expectation, later).answer.is).toBe('deny');
    expect(one({ now: '2026-02-01T01:00:00+01:00' }, expectation, later).answer.is).toBe('allow');
    expect(one({ now: '2026-02-01T00:59:59+01:00' }, expectation, later).answer.is).toBe('deny');
  });
});

test('a test without a name is called after who asks, and on which facts', () => {
  const expectation: RuleTest['expect'] = [{ subscribe: 'bare', is: 'allow' }];
  expect(run({ expect: expectation }).name).toBe('anonymous');
  expect(run({ name: 'anybody', expect: expectation }).name).toBe('anybody');
  expect(run({ ...ann, as: { uid: 'ann', level: 3 }, expect: expectation }).name).toBe(
    'ann, level: 3, member(g1, ann)',
  );
});

test('coverage is of every rule there is, in order, over all tests', () => {
  const tests: RuleTest[] = [
    { ...ann, expect: [{ subscribe: 'group:g1', is: 'allow' }] },
    { ...ann, expect: [{ subscribe: 'group:g2', is: 'deny' }] },
  ];
  const { config } = parseConfig({ channels, rules: { ...rules, tests } });
  const { ruleset } = compileRuleset(config);
  const { coverage } = runRuleTests(config, ruleset, { nowMs: 0 });
  expect(coverage.map(({ pattern, place, evaluations }) => [pattern, place, evaluations])).toEqual([
    ['group:{gid}', 'subscribe', 2],
    ['group:{gid}', 'publish', 0],
    ['group:{gid}', 'announce', 0],
    ['group:{gid}', 'receive', 0],
    ['group:{gid}', 'set from', 0],
    ['group:{gid}', 'set at', 0],
    ['free', 'set seconds', 0],
    ['free', 'set half', 0],
  ]);
  expect(coverage[0]?.conditions).toEqual([{ span: { start: 0, end: 21 }, seenTrue: true, seenFalse: true }]);
  expect(rulesOf(config, ruleset)).toHaveLength(coverage.length);
});

describe('wrong tests are problems of the configuration', () => {
  const expectation: RuleTest['expect'][number] = { subscribe: 'bare', is: 'allow' };
  test.each<[RuleTest, string, string]>([
    [{ as: { uid: 42 }, expect: [expectation] }, 'rules.tests[0].as.uid', 'found 42; valid: a value of type string'],
    [{ as: { level: 'high' }, expect: [expectation] }, 'rules.tests[0].as.level', 'valid: a value of type int?'],
    [{ as: { levl: 1 }, expect: [expectation] }, 'rules.tests[0].as.levl', 'level (did you mean that?)'],
    [{ now: 'noon', expect: [expectation] }, 'rules.tests[0].now', 'valid: a time such as'],
    [{ now: '2026-02-30T00:00:00Z', expect: [expectation] }, 'rules.tests[0].now', 'valid: a time such as'],
    [{ expect: [{ is: 'deny' }] }, 'rules.tests[0].expect[0]', 'found an expectation without an action'],
    [{ expect: [{ ...expectation, history: 'bare' }] }, 'rules.tests[0].expect[0]', 'found subscribe and history'],
    [{ expect: [{ ...expectation, is: 'invalid' }] }, 'rules.tests[0].expect[0].is', 'only a publish is invalid'],
    [{ expect: [{ ...expectation, because: 'x' }] }, 'rules.tests[0].expect[0].because', 'only for is: deny'],
    [{ expect: [{ ...expectation, at: '/x' }] }, 'rules.tests[0].expect[0].at', 'only for is: invalid'],
    [{ expect: [{ ...expectation, becomes: 1 }] }, 'rules.tests[0].expect[0].becomes', 'only for publish'],
    [{ expect: [{ ...expectation, tags: {} }] }, 'rules.tests[0].expect[0].tags', 'only for receive'],
    [{ expect: [{ ...expectation, publisher: '' }] }, 'rules.tests[0].expect[0].publisher', 'only for receive'],
    [{ expect: [{ ...expectation, subscribed: true }] }, 'rules.tests[0].expect[0].subscribed', 'not for subscribe'],
    [{ given: { member: [['g1']] }, expect: [expectation] }, 'rules.tests[0].given.member[0]', 'member'],
  ])('%j', (ruleTest, key, message) => {
    const load = () => parseConfig({ channels, rules: { ...rules, tests: [ruleTest] } });
    expect(load).toThrow(key);
    expect(load).toThrow(message);
  });
});
