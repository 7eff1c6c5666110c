import { describe, expect, test } from 'vitest';
import { usedClaims as keptOut } from '../auth/jwt.ts';
import { configSchema, type ConfigInput } from '../config/schema.ts';
import { channelEnvironment } from './environment.ts';
import { compileRuleset, usedClaims, type CompiledRuleset } from './ruleset.ts';

type Input = Pick<ConfigInput, 'rules' | 'channels'>;
type ChannelInput = NonNullable<ConfigInput['channels']>[string];

const compiled = (input: Input): CompiledRuleset => compileRuleset(configSchema.parse(input));

function valid(input: Input): CompiledRuleset['ruleset'] {
  const { ruleset, problems } = compiled(input);
  expect(problems).toEqual([]);
  return ruleset;
}

/** Every problem in a line: path, offset, and what was found. */
const problems = (input: Input): string[] =>
  compiled(input).problems.map(
    ({ path, offset, found }) => `${path.join('.')}${offset === undefined ? '' : `@${offset}`}: ${found}`,
  );

const member = { parameters: { gid: 'string', uid: 'string' }, facts: [['g1', 'u1']] };
const onGroup = (channel: ChannelInput, rules: ConfigInput['rules'] = {}): Input => ({
  rules,
  channels: { 'group:{gid}': channel },
});

describe('rules', () => {
  test('are compiled by pattern and action, and say what they ask', () => {
    const ruleset = valid(
      onGroup(
        {
          allow: {
            subscribe: 'member(gid, auth.uid) && now > timestamp("2020-01-01T00:00:00Z")',
            publish: 'data.text != ""',
            history: 'authenticated',
            receive: 'publisher == auth.uid || "x" in tags',
          },
          publish: { schema: 'Text', set: { from: 'auth.uid' } },
        },
        { relations: { member }, schemas: { Text: { text: 'string', from: 'string?' } } },
      ),
    );
    const rules = ruleset.channel('group:{gid}');
    expect(rules?.subscribe).toMatchObject({
      key: 'channels["group:{gid}"].allow.subscribe',
      relations: ['member'],
      usesNow: true,
      usesData: false,
    });
    expect(rules?.publish).toMatchObject({ relations: [], usesNow: false, usesData: true });
    expect(rules?.receive).toMatchObject({ usesData: true });
    expect(rules?.history).toBeUndefined();
    expect(rules?.schema?.name).toBe('Text');
    expect(rules?.set.map(({ field, rule }) => [field, rule.key])).toEqual([
      ['from', 'channels["group:{gid}"].publish.set.from'],
    ]);
  });

  test('evaluate', () => {
    const ruleset = valid(
      onGroup(
        { allow: { subscribe: 'member(gid, auth.uid) || auth.role == "admin"' } },
        {
          auth: { role: 'string?' },
          relations: { member },
        },
      ),
    );
    const evaluate = (uid: string, role?: string) =>
      ruleset.channel('group:{gid}')?.subscribe?.evaluate(
        channelEnvironment({
          auth: { uid, ...(role !== undefined && { role }) },
          channel: 'group:g1',
          variables: { gid: 'g1' },
          nowMs: 0,
        }),
        { related: (_name, args) => args[0] === 'g1' && args[1] === 'u1' },
      );
    expect([evaluate('u1'), evaluate('u2'), evaluate('u2', 'admin')]).toEqual([true, false, true]);
  });

  test('words are not rules, and a pattern without rules is not there', () => {
    const ruleset = valid(onGroup({ allow: { subscribe: 'anyone', publish: 'subscribers', receive: 'nobody' } }));
    expect(ruleset.channel('group:{gid}')).toBeUndefined();
    expect(ruleset.channel('constructor')).toBeUndefined();
  });

  test('auth has uid, and what is declared', () => {
    expect(valid({ rules: { auth: { role: 'string', level: 'int?' } } }).auth.fields).toEqual({
      uid: { kind: 'string' },
      role: { kind: 'string' },
      level: { kind: 'nullable', of: { kind: 'int' } },
    });
  });
});

describe('what is wrong with a rule', () => {
  const at = 'channels.group:{gid}.allow.subscribe';
  test.each([
    ['gid ==', `${at}@6`],
    ['gid == owner', `${at}@7: an unknown name "owner"`],
    ['auth.name == gid', `${at}@5: an unknown field "name" of auth`],
    ['membr(gid, auth.uid)', `${at}@0: an unknown function "membr"`],
    ['member(gid)', `${at}@0`],
    ['member(gid, 5)', `${at}@0`],
    ['gid', `${at}@0: a rule of type string`],
    ['data.x == 1', `${at}@0: an unknown name "data"`],
    ['subscribers', `${at}: subscribers`],
  ])('%s', (subscribe, expected) => {
    const found = problems(onGroup({ allow: { subscribe } }, { relations: { member } }));
    expect(found).toHaveLength(1);
    expect(found[0]).toContain(expected);
  });

  test('several problems of several rules are said at once', () => {
    expect(problems(onGroup({ allow: { subscribe: 'a == b', publish: '1 +' } }))).toHaveLength(3);
  });

  test('behind a star the whole name is called channel', () => {
    const [problem] = compiled({ channels: { 'chat:*': { allow: { subscribe: 'rest == "a"' } } } }).problems;
    expect(problem?.valid).toContain('the whole name of the channel is `channel`');
  });

  test('the variables of a pattern must not be names of the language, if it has rules', () => {
    const pattern = (subscribe: string): Input => ({ channels: { 'a:{data}': { allow: { subscribe } } } });
    expect(problems(pattern('data == auth.uid'))).toEqual([
      'channels.a:{data}: the variable {data}, whose name rules have for something else',
    ]);
    expect(problems(pattern('authenticated'))).toEqual([]);
  });

  test('subscribers says nothing of subscribing, being shown and being given', () => {
    expect(problems(onGroup({ allow: { announce: 'subscribers', receive: 'subscribers' } }))).toEqual([
      'channels.group:{gid}.allow.announce: subscribers',
      'channels.group:{gid}.allow.receive: subscribers',
    ]);
  });

  test('a malformed pattern is left to others', () => {
    expect(problems({ channels: { 'a:{': { allow: { subscribe: 'true' } } } })).toEqual([]);
  });

  test.each([
    ['1 == 1', 'is always true; the word for that is anyone'],
    ['false', 'is always false; the word for that is nobody'],
    ['1 / 0 == 1', 'always fails'],
  ])('%s is a warning', (subscribe, message) => {
    const { warnings, problems: found } = compiled(onGroup({ allow: { subscribe } }));
    expect(found).toEqual([]);
    expect(warnings.map((warning) => warning.message)).toEqual([expect.stringContaining(message)]);
  });
});

describe('what is wrong with publishing', () => {
  const rules = {
    schemas: { Text: { text: 'string', from: 'string?' } },
    relations: { member, friend: { from: 'function', parameters: { a: 'string', b: 'string' } } },
  } satisfies ConfigInput['rules'];
  const at = 'channels.group:{gid}.publish';
  test.each<[string, ChannelInput, string[]]>([
    ['an unknown schema', { publish: { schema: 'Txt' } }, [`${at}.schema: an unknown schema "Txt"`]],
    [
      'a schema of bytes',
      { payload: 'binary', publish: { schema: 'Text' } },
      [`${at}.schema: Text, though payload is binary`],
    ],
    [
      'fields of bytes',
      { payload: 'binary', publish: { set: { from: 'auth.uid' } } },
      [`${at}.set: fields to set, though payload is binary`],
    ],
    [
      'a field that the schema does not have',
      { publish: { schema: 'Text', set: { form: 'auth.uid' } } },
      [`${at}.set.form: a field "form" that Text does not have`],
    ],
    [
      'a field of another type',
      { publish: { schema: 'Text', set: { from: '5' } } },
      [`${at}.set.from@0: a rule of type int`],
    ],
    [
      'a rule about a field that is not there',
      { publish: { schema: 'Text' }, allow: { publish: 'data.tex == ""' } },
      [`channels.group:{gid}.allow.publish@5: an unknown field "tex" of Text`],
    ],
    ['any field without a schema', { publish: { set: { from: 'auth.uid', n: '5', at: 'now' } } }, []],
    [
      'a receive rule that asks a function about the message',
      {
        publish: { schema: 'Text' },
        allow: {
          receive: 'friend(auth.uid, publisher) || friend(data.text, "x") || "x" in tags && friend(tags["x"], gid)',
        },
      },
      [0, 31, 72].map(
        (offset) =>
          `channels.group:{gid}.allow.receive@${offset}: friend(…), which asks a function, about something that is known only when the message is there`,
      ),
    ],
    [
      'a receive rule that asks a function in a loop over the message',
      { allow: { receive: '["a"].all(x, friend(x, auth.uid) && data.n == x)' } },
      [
        'channels.group:{gid}.allow.receive@13: friend(…), which asks a function, about something that is known only when the message is there',
      ],
    ],
    [
      'a receive rule that asks a function about the subscriber, or another relation about the message',
      {
        allow: {
          receive:
            'friend(auth.uid, gid) && data.n == 1 || member(data.gid, publisher) || [gid].exists(x, friend(x, auth.uid)) && "x" in tags',
        },
      },
      [],
    ],
    ['a publish rule that asks a function about the message', { allow: { publish: 'friend(auth.uid, data.to)' } }, []],
    ['null for a field that may be', { publish: { schema: 'Text', set: { from: 'null' } } }, []],
  ])('%s', (_, channel, expected) => {
    expect(problems(onGroup(channel, rules))).toEqual(expected);
  });
});

describe('what is wrong with declarations', () => {
  test.each<[NonNullable<ConfigInput['rules']>, string[]]>([
    [{ auth: { uid: 'string' } }, ['rules.auth.uid: uid']],
    [{ auth: { role: 'text' } }, ['rules.auth.role: "text"']],
    [{ auth: { since: 'timestamp' } }, ['rules.auth.since: timestamp, which JSON has not']],
    [
      { schemas: { A: { a: { type: 'int', fields: { b: 'x' } } } } },
      ['rules.schemas.A.a.type: type beside fields', 'rules.schemas.A.a.fields.b: "x"'],
    ],
    [
      { relations: { size: member } },
      ['rules.relations.size: a relation called size, as a function of the language is'],
    ],
    [{ relations: { all: member } }, ['rules.relations.all: a relation called all, as a function of the language is']],
    [{ relations: { in: member } }, ['rules.relations.in: a relation called in, which the language keeps for itself']],
    [{ relations: { m: { parameters: {} } } }, ['rules.relations.m.parameters: 0 parameters']],
    [{ relations: { m: { parameters: { a: 'double' } } } }, ['rules.relations.m.parameters.a: "double"']],
    [
      { relations: { m: { parameters: { a: 'string' }, symmetric: true } } },
      ['rules.relations.m.symmetric: true, with the parameters (string)'],
    ],
    [
      { relations: { m: { parameters: { a: 'string', b: 'int' }, symmetric: true } } },
      ['rules.relations.m.symmetric: true, with the parameters (string, int)'],
    ],
    [
      { relations: { m: { parameters: { a: 'string', b: 'int' }, facts: [['x', 1], ['x'], ['x', 'y'], [true, 1]] } } },
      [
        'rules.relations.m.facts.1: 1 value; m takes 2 (a, b)',
        'rules.relations.m.facts.2: a string as b; it is int',
        'rules.relations.m.facts.3: a boolean as a; it is string',
      ],
    ],
    [{ relations: { m: { ...member, from: 'api' } } }, ['rules.relations.m.facts: facts, though it is from: api']],
    [
      { relations: { m: { parameters: { a: 'string' }, table: 't', columns: ['a'] } } },
      [
        'rules.relations.m.table: table, though it is from: config',
        'rules.relations.m.columns: columns, though it is from: config',
      ],
    ],
    [
      { relations: { m: { parameters: { a: 'string' }, from: 'table' } } },
      ['rules.relations.m.table: nothing', 'rules.relations.m.columns: nothing'],
    ],
    [
      { relations: { m: { parameters: { a: 'string', b: 'string' }, from: 'table', table: 't', columns: ['a'] } } },
      ['rules.relations.m.columns: 1 column for 2 parameters'],
    ],
    [
      {
        relations: { m: { parameters: { a: 'string', b: 'string' }, from: 'table', table: 't', columns: ['a', 'a'] } },
      },
      ['rules.relations.m.columns: a column twice'],
    ],
    [
      { relations: { m: { parameters: { a: 'string' }, from: 'function', cacheTtl: 10 } } },
      ['rules.relations.m.cacheTtl: 10ms'],
    ],
    [
      { tests: [{ given: { membr: [['a']] }, expect: [{ is: 'allow' }] }] },
      ['rules.tests.0.given.membr: an unknown relation "membr"'],
    ],
    [
      { relations: { member }, tests: [{ given: { member: [['a', 'b'], ['a']] }, expect: [{ is: 'allow' }] }] },
      ['rules.tests.0.given.member.1: 1 value; member takes 2 (gid, uid)'],
    ],
  ])('%j', (rules, expected) => {
    expect(problems({ rules })).toEqual(expected);
  });

  test('claims that the engine keeps for itself, each with what to do', () => {
    expect(Object.keys(usedClaims).toSorted()).toEqual([...keptOut].toSorted());
    for (const name of keptOut) {
      const found = compiled({ rules: { auth: { [name]: 'dyn' } } }).problems;
      expect(found).toMatchObject([
        { path: ['rules', 'auth', name], found: `the claim ${name}, which rules never see` },
      ]);
      expect(found[0]?.valid).toContain(name === 'sub' ? 'auth.uid' : 'name');
    }
  });

  const table = (where: string, whereColumns: Record<string, string> = { left_at: 'int?' }): Input => ({
    rules: {
      relations: {
        m: { parameters: { a: 'string' }, from: 'table', table: 't', columns: ['a'], where, whereColumns },
      },
    },
  });
  const at = 'rules.relations.m.where';
  test.each<[Input, string | undefined]>([
    [table('row.left_at == null'), undefined],
    [table('row.left_at == nul'), `${at}@15: an unknown name "nul"`],
    [table('row.left == null'), `${at}@4: an unknown field "left" of row`],
    [table('row.left_at =='), `${at}@14`],
    [table('auth.uid == "a"'), `${at}@0: an unknown name "auth"`],
    [table('m("a")'), `${at}@0: an unknown function "m"`],
    [table('row.name.matches("a.*")', { name: 'string' }), at],
    [table('row.left_at == null', { left_at: 'list(int)' }), 'rules.relations.m.whereColumns.left_at: "list(int)"'],
  ])('where %#', (input, expected) => {
    const found = problems(input);
    if (expected === undefined) expect(found).toEqual([]);
    else expect(found[0]).toContain(expected);
  });
});
