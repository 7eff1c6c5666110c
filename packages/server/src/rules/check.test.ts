import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkRule, type Declarations } from './check.ts';
import { parseRule } from './parse.ts';
import { functionNames, signatures } from './signatures.ts';
import { childrenOf, type RuleProblem, RuleSyntaxError, type TypedExpr } from './syntax.ts';
import { formatType, type RuleType, types } from './types.ts';

const declarations: Declarations = {
  variables: {
    auth: types.record('auth', {
      uid: types.string,
      role: types.string,
      level: types.nullable(types.int),
      teams: types.list(types.string),
      'given-name': types.string,
    }),
    gid: types.string,
    now: types.timestamp,
    data: types.dyn,
    tags: types.map(types.string),
    old: types.nullable(types.record('auth', { uid: types.string })),
  },
  relations: {
    member: {
      name: 'member',
      parameters: [
        { name: 'gid', type: types.string },
        { name: 'uid', type: types.string },
      ],
    },
    banned: { name: 'banned', parameters: [{ name: 'level', type: types.int }] },
  },
};

const check = (source: string, expected?: RuleType) => checkRule(parseRule(source), declarations, expected);

function typeOf(source: string): string {
  const { expr, problems } = check(source);
  expect(problems).toEqual([]);
  return formatType(expr.type);
}

describe('types', () => {
  test.each([
    ['auth.uid', 'string'],
    ['auth["uid"]', 'string'],
    ['auth["given-name"]', 'string'],
    ['auth.level', 'int?'],
    ['auth.level + 1', 'int'],
    ['old.uid', 'string'],
    ['tags.a', 'string'],
    ['tags["a-b"]', 'string'],
    ['tags[gid]', 'string'],
    ['data.a.b[0]', 'dyn'],
    ['auth.teams[0]', 'string'],
    ['auth.teams[data.n]', 'string'],
    ['has(auth.level)', 'bool'],
    ['has(data.a)', 'bool'],
    ['auth.level == null', 'bool'],
    ['null != auth.level', 'bool'],
    ['auth.level == 1', 'bool'],
    ['null == null', 'bool'],
    ['data == null', 'bool'],
    ['data.n == 1 && data.n == "a"', 'bool'],
    ['1 < 1.5', 'bool'],
    ['1.5 >= auth.level', 'bool'],
    ['false < true', 'bool'],
    ['now - now', 'duration'],
    ['now + duration("1h")', 'timestamp'],
    ['duration("1h") + now', 'timestamp'],
    ['data + 1', 'int'],
    ['data + data', 'dyn'],
    ['data - now', 'duration'],
    ['-data', 'dyn'],
    ['-1.5', 'double'],
    ['dyn(1)', 'dyn'],
    ['gid in auth.teams', 'bool'],
    ['"a" in tags', 'bool'],
    ['data in [1, 2]', 'bool'],
    ['1 in []', 'bool'],
    ['null in [1, null]', 'bool'],
    ['gid in data', 'bool'],
    ['true ? 1 : 2', 'int'],
    ['true ? auth.level : 2', 'int?'],
    ['true ? 1 : null', 'int?'],
    ['true ? data : 1', 'dyn'],
    ['true ? [] : [1]', 'list(int)'],
    ['[]', 'list(dyn)'],
    ['[1, 2]', 'list(int)'],
    ['[1, 1.5]', 'list(dyn)'],
    ['[1, null]', 'list(int?)'],
    ['[null]', 'list(null)'],
    ['[[], [[]], [[[]]]]', 'list(list(list(list(dyn))))'],
    ['[] + auth.teams + []', 'list(string)'],
    ['[1] + data', 'list(dyn)'],
    ['[data, 1]', 'list(dyn)'],
    ['{}', 'map(dyn)'],
    ['{"a": 1, gid: 2}', 'map(int)'],
    ['{"a": 1, "b": "c"}', 'map(dyn)'],
    ['{data.k: 1}', 'map(int)'],
    ['[1, 2].all(x, x > 1)', 'bool'],
    ['[1, 2].filter(x, x > 1)', 'list(int)'],
    ['[1, 2].map(x, string(x))', 'list(string)'],
    ['[1, 2].map(x, x > 1, x * 2)', 'list(int)'],
    ['tags.filter(key, tags[key] == "a")', 'list(string)'],
    ['data.filter(x, x.a)', 'list(dyn)'],
    ['[].map(x, x)[0].foo', 'dyn'],
    ['gid.split(",").join("-").size()', 'int'],
    ['matches(gid, "a") == gid.matches("a")', 'bool'],
    ['int(now) + int("1") + int(1.5)', 'int'],
    ['now.getFullYear() + now.getHours("Europe/Paris") + duration("1h").getHours()', 'int'],
    ['member(gid, auth.uid)', 'bool'],
    ['banned(auth.level) || banned(data.level)', 'bool'],
    ['auth == auth', 'bool'],
  ])('%s is %s', (source, type) => {
    expect(typeOf(source)).toBe(type);
  });

  test('of what is expected, dyn and nullable are taken', () => {
    const problems = (source: string, expected: RuleType) => check(source, expected).problems.map(({ found }) => found);
    expect(problems('data.x', types.bool)).toEqual([]);
    expect(problems('auth.level', types.int)).toEqual([]);
    expect(problems('1', types.nullable(types.int))).toEqual([]);
    expect(problems('null', types.nullable(types.int))).toEqual([]);
    expect(problems('[]', types.list(types.string))).toEqual([]);
    expect(problems('null', types.int)).toEqual(['a rule of type null']);
    expect(problems('[1]', types.list(types.string))).toEqual(['a rule of type list(int)']);
  });
});

describe('the typed tree', () => {
  test('operators, methods and functions are calls by the names of CEL', () => {
    const names = (source: string): string[] => {
      const walk = (expr: TypedExpr): string[] => [
        expr.kind === 'call' ? expr.name : expr.kind,
        ...childrenOf(expr).flatMap(walk),
      ];
      return walk(check(source).expr);
    };
    expect(names('!(gid in ["a"])')).toEqual(['!_', '@in', 'variable', 'list', 'constant']);
    expect(names('-data[gid] <= 1')).toEqual(['_<=_', '-_', '_[_]', 'variable', 'variable', 'constant']);
    expect(names('gid.size() == size(gid)')).toEqual(['_==_', 'size', 'variable', 'size', 'variable']);
    expect(names('data["a"].b')).toEqual(['field', 'field', 'variable']);
    expect(names('has(data.a) || member(gid, gid)')).toEqual([
      'logical',
      'present',
      'variable',
      'relation',
      'variable',
      'variable',
    ]);
  });

  test('variables of macros are unique, and hide what they shadow', () => {
    const { expr, problems } = check('[1].all(gid, gid > 0) && [[1]].all(x, x.all(x, x > 0)) && gid == "a"');
    expect(problems).toEqual([]);
    const used: string[] = [];
    const walk = (each: TypedExpr): void => {
      if (each.kind === 'comprehension') used.push(`all ${each.variable}`);
      if (each.kind === 'variable') used.push(each.name);
      childrenOf(each).forEach(walk);
    };
    walk(expr);
    expect(used).toEqual(['all gid#2', 'gid#2', 'all x', 'all x#2', 'x', 'x#2', 'gid']);
  });

  test('the variable of a macro is not known in its range, nor after it', () => {
    expect(check('[x].all(x, true) && x').problems.map(({ span }) => span.start)).toEqual([1, 20]);
  });
});

const all = (form: 'method' | 'function') =>
  functionNames.filter((name) => ['either', form].includes(signatures[name]?.form ?? '')).join(', ');
const methods = `the methods are ${all('method')}, all, exists, exists_one, filter, map`;
const asked = 'the relations are member(gid: string, uid: string), banned(level: int)';
const callable = `${asked}; the functions are ${all('function')}, has`;
const names = `the names are auth, gid, now, data, tags, old; ${asked}`;
const words = 'or one of the words nobody, subscribers, authenticated, anyone';
const convert = 'two values of the same type; int(…), double(…) and string(…) convert, dyn(…) compares any';
const sums =
  'int + int, double + double, string + string, list(T) + list(T), timestamp + duration, duration + timestamp, duration + duration';
const bool = 'a bool, such as a comparison';

describe('problems', () => {
  test.each<[source: string, at: string, found: string, valid: string]>([
    ['anyon', 'anyon', 'an unknown name "anyon"', `perhaps anyone; ${names}; ${words}`],
    ['whatever', 'whatever', 'an unknown name "whatever"', `${names}; ${words}`],
    ['gidd == "a"', 'gidd', 'an unknown name "gidd"', `perhaps gid; ${names}`],
    ['membr == "a"', 'membr', 'an unknown name "membr"', `perhaps member(gid: string, uid: string); ${names}`],
    ['anyone || gid == ""', 'anyone', 'the word "anyone" within a rule', 'anyone by itself, without any operator'],
    ['member', 'member', 'the relation member without arguments', 'member(gid: string, uid: string)'],
    ['size == 1', 'size', 'the function size without arguments', 'size(…)'],
    ['trim == 1', 'trim', 'the function trim without arguments', 'x.trim(…)'],
    ['int == 1', 'int', 'the function int without arguments', 'int(…)'],
    ['constructor', 'constructor', 'an unknown name "constructor"', `${names}; ${words}`],
    [
      'auth.rol == gid',
      'rol',
      'an unknown field "rol" of auth',
      'perhaps role; the fields are uid, role, level, teams, given-name',
    ],
    [
      'auth["rol"] == gid',
      '"rol"',
      'an unknown field "rol" of auth',
      'perhaps role; the fields are uid, role, level, teams, given-name',
    ],
    [
      'has(auth.toString)',
      'toString',
      'an unknown field "toString" of auth',
      'the fields are uid, role, level, teams, given-name',
    ],
    ['old.email == gid', 'email', 'an unknown field "email" of auth', 'the fields are uid'],
    ['auth[gid] == gid', 'gid', 'auth[…] with a name that is computed', 'auth["…"] with a constant'],
    ['gid.a == gid', 'a', 'the field a of a string', 'a field of a record or a map'],
    ['gid.size == 1', 'size', 'the field size of a string', '.size(…), a call'],
    ['has(gid.a)', 'a', 'the field a of a string', 'a field of a record or a map'],
    ['has(gid)', 'has(gid)', 'has(…) without a field', 'has(a.b)'],
    ['gid[0] == gid', '0', 'string[int]', 'list(T)[int], map(T)[string]'],
    ['auth.teams[gid] == gid', 'gid', 'list(string)[string]', 'list(T)[int], map(T)[string]'],
    ['auth.uid == 1', 'auth.uid == 1', 'string == int', convert],
    ['1 != 1.0', '1 != 1.0', 'int != double', convert],
    ['auth.uid == null', 'auth.uid == null', 'string == null', 'a value that may be null, such as one of type string?'],
    ['[1] == ["a"]', '[1] == ["a"]', 'list(int) == list(string)', convert],
    [
      'gid < 1',
      'gid < 1',
      'string < int',
      'int < int, double < double, int < double, double < int, string < string, timestamp < timestamp, duration < duration, bool < bool',
    ],
    ['1 + "a" == 2', '1 + "a"', 'int + string', sums],
    ['1 + 1.0 == 2', '1 + 1.0', 'int + double', sums],
    ['1.5 % 2.0 == 0.0', '1.5 % 2.0', 'double % double', 'int % int'],
    ['-gid == gid', '-gid', '-string', '-int, -double'],
    ['!gid', '!gid', '!string', '!bool'],
    ['1 in auth.teams', '1 in auth.teams', 'int in list(string)', 'T in list(T), string in map(T)'],
    ['gid in gid', 'gid in gid', 'string in string', 'T in list(T), string in map(T)'],
    ['gid && true', 'gid', 'a string before &&', bool],
    ['true || auth', 'auth', 'the record auth after ||', bool],
    ['1 ? true : false', '1', 'an int before ?', bool],
    [
      'true ? 1 : "a"',
      'true ? 1 : "a"',
      'an int or a string, as it comes',
      'the same type before and after the colon, or dyn(…)',
    ],
    ['{1: 2} == {}', '1', 'an int as a key', 'a string'],
    ['{"a": 1, "a": 2} == {}', '"a"', 'the key "a" again', 'each key once'],
    ['gid.contains(1)', 'contains', 'string.contains(int)', 'string.contains(string)'],
    ['gid.startsWith("a", "b")', 'startsWith', 'string.startsWith(string, string)', 'string.startsWith(string)'],
    ['contains(gid, "a")', 'contains', 'contains as a function', 'string.contains(string)'],
    ['gid.int() == 1', 'int', 'int as a method', 'int(int), int(double), int(string), int(timestamp)'],
    ['int(true) == 1', 'int', 'int(bool)', 'int(int), int(double), int(string), int(timestamp)'],
    ['gid.startWith("a")', 'startWith', 'an unknown method "startWith"', `perhaps x.startsWith(…); ${methods}`],
    [
      'auth.teams.exist(t, t == gid)',
      'exist',
      'an unknown method "exist"',
      `perhaps list.exists(x, condition); ${methods}`,
    ],
    ['frobnicate(1)', 'frobnicate', 'an unknown function "frobnicate"', callable],
    ['membr(gid)', 'membr', 'an unknown function "membr"', `perhaps member(gid: string, uid: string); ${callable}`],
    ['member(gid, 1)', 'member', 'member(string, int)', 'member(gid: string, uid: string)'],
    ['member(gid)', 'member', 'member(string)', 'member(gid: string, uid: string)'],
    ['gid.member(gid)', 'member', 'string.member(string)', 'member(gid: string, uid: string)'],
    [
      'type(gid) == 1',
      'type',
      'the function type, which is outside the language',
      'values of the types string, int, double, bool, timestamp, duration',
    ],
    ['uint(1) == 1', 'uint', 'the function uint, which is outside the language', 'int(…)'],
    ['gid.all(x, true)', 'gid', 'a string before a macro', 'a list, or a map for its keys'],
    ['auth.teams.all(x, x)', 'x', 'a string as the condition of all', bool],
    ['auth.teams.map(x, x, 1) == []', 'x', 'a string as the condition of map', bool],
    ['auth.teams.all(gid)', 'all', 'all with 1 argument', 'list.all(x, condition)'],
    [
      'auth.teams.all(gid.x, true)',
      'all',
      'all with 2 arguments, the first of which is no name',
      'list.all(x, condition)',
    ],
    ['all(auth.teams, x, true)', 'all', 'all as a function', 'list.all(x, condition)'],
    ['[[[1]]].all(a, a.all(b, b.all(c, true)))', 'b.all(c, true)', 'a macro within 2 others', 'up to 2 levels'],
    [
      'gid.matches("(")',
      '"("',
      '"(", which is no regular expression of RE2: error parsing regexp: missing closing ): `(`',
      'RE2 syntax: "^[a-z]+$"',
    ],
    [
      'gid.matches("(?=a)")',
      '"(?=a)"',
      '"(?=a)", which is no regular expression of RE2: error parsing regexp: invalid or unsupported Perl syntax: `(?=`',
      'RE2 syntax: "^[a-z]+$"',
    ],
    [
      'now < timestamp("2030-02-30T00:00:00Z")',
      '"2030-02-30T00:00:00Z"',
      '"2030-02-30T00:00:00Z", which is no timestamp of RFC 3339, such as 2030-01-31T12:00:00Z',
      '"2030-01-31T12:00:00Z"',
    ],
    [
      'now - now < duration("1d")',
      '"1d"',
      '"1d", which is no duration, such as 1h30m or 1.5s',
      'numbers with units: "1h30m", "1.5s"',
    ],
    [
      'now.getHours("Mars") == 1',
      '"Mars"',
      '"Mars", which is no time zone, such as Europe/Paris, UTC or +02:00',
      '"Europe/Paris", "UTC", "+02:00"',
    ],
    ['gid.size()', 'gid.size()', 'a rule of type int', 'an expression of type bool'],
  ])('%s', (source, at, found, valid) => {
    const { problems } = check(source, types.bool);
    expect(problems).toHaveLength(1);
    const { span, ...said } = problems[0] as RuleProblem;
    expect(source.slice(span.start, span.end)).toBe(at);
    expect(said).toEqual({ found, valid });
  });

  test('all of them are told at once, in the order of the text, and none because of another', () => {
    const source = 'auth.rol == 1 && (gid.foo() + nme) > 2 || gid && gid.contains(1)';
    const { problems } = check(source, types.bool);
    expect(problems.map(({ span }) => source.slice(span.start, span.end))).toEqual([
      'rol',
      'foo',
      'nme',
      'gid',
      'contains',
    ]);
  });

  test('with nothing declared, that is said', () => {
    const { problems } = checkRule(parseRule('a.b == 1'), { variables: {}, relations: {} }, types.bool);
    expect(problems.map(({ valid }) => valid)).toEqual(['there are no names']);
  });
});

test('records that were declared apart are one type if their names and fields are the same', () => {
  const record = (name: string, field: string) => types.record(name, { [field]: types.list(types.string) });
  const problems = (other: RuleType) => {
    const variables = { a: record('Chat', 'text'), b: other };
    return checkRule(parseRule('a == b'), { variables, relations: {} }).problems.map(({ found }) => found);
  };
  expect(problems(record('Chat', 'text'))).toEqual([]);
  expect(problems(types.nullable(record('Chat', 'text')))).toEqual([]);
  expect(problems(record('Chat', 'body'))).toEqual(['Chat == Chat']);
  expect(problems(record('Note', 'text'))).toEqual(['Chat == Note']);
  expect(problems(types.record('Chat', {}))).toEqual(['Chat == Chat']);
});

test('two macros side by side or one in the range of another are not nested', () => {
  expect(typeOf('[1].filter(a, a > 0).filter(a, a > 0).filter(a, a > 0).all(a, a > 0)')).toBe('bool');
});

const fragments = fc.constantFrom(
  ...[
    'auth',
    'auth.uid',
    'auth.level',
    'gid',
    'data',
    'data.x',
    'tags',
    'now',
    'x',
    'y',
    'member(',
    'banned(1)',
    'size(',
    'gid.matches(',
  ],
  ...[
    '(',
    ')',
    '[',
    ']',
    '{',
    '}',
    ',',
    '?',
    ':',
    '!',
    '-',
    '+',
    '&&',
    '||',
    '==',
    '<',
    'in',
    '"a": ',
    '.all(x, ',
    '.map(y, ',
    '.constructor',
  ],
  ...[
    '1',
    '1.5',
    '"("',
    'null',
    'true',
    'has(data.x)',
    'timestamp("x")',
    'dyn(',
    '.size()',
    '__proto__',
    '.foo(',
    '[0]',
    '[gid]',
    '["a"]',
  ],
);

test('no rule that parses makes the check throw, and each problem lies within the rule', () => {
  let parsed = 0;
  fc.assert(
    fc.property(fc.array(fragments, { minLength: 1, maxLength: 9 }), (parts) => {
      const source = parts.join(' ');
      let expr;
      try {
        expr = parseRule(source);
      } catch (error) {
        if (error instanceof RuleSyntaxError) return true;
        throw error;
      }
      parsed++;
      return checkRule(expr, declarations, types.bool).problems.every(
        ({ span, found, valid }) =>
          0 <= span.start && span.start < span.end && span.end <= source.length && found !== '' && valid !== '',
      );
    }),
    { numRuns: 10_000 },
  );
  expect(parsed).toBeGreaterThan(100);
});
