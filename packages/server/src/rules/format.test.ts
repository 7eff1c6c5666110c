import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkRule, type Declarations } from './check.ts';
import { formatRule } from './format.ts';
import { parseRule } from './parse.ts';
import type { TypedExpr } from './syntax.ts';
import { types } from './types.ts';
import { Duration, Timestamp, type Value } from './value.ts';

const declarations: Declarations = {
  variables: {
    a: types.bool,
    b: types.bool,
    i: types.int,
    d: types.double,
    s: types.string,
    list: types.list(types.int),
    map: types.map(types.int),
    auth: types.record('auth', { uid: types.string, 'a-b': types.string, in: types.int }),
    data: types.dyn,
    now: types.timestamp,
  },
  relations: {
    member: {
      name: 'member',
      parameters: [
        { name: 'gid', type: types.string },
        { name: 'level', type: types.int },
      ],
    },
  },
};

function typed(source: string): TypedExpr {
  const { expr, problems } = checkRule(parseRule(source), declarations);
  expect(problems, source).toEqual([]);
  return expr;
}

const format = (source: string) => formatRule(typed(source));

/** The tree alone. */
function bare(expr: TypedExpr): unknown {
  return JSON.parse(
    JSON.stringify(expr, (key, value: unknown) => {
      if (key === 'span') return undefined;
      if (typeof value === 'bigint') return `int ${value}`;
      return Object.is(value, -0) ? '-0.0' : value;
    }),
  );
}

describe('canonical text', () => {
  test.each([
    ['((a))||((b&&a))', 'a || b && a'],
    ['(a || b) && a', '(a || b) && a'],
    ['a || (b || a)', 'a || (b || a)'],
    ['(a || b) || a', 'a || b || a'],
    ['(i - 1) - 2', 'i - 1 - 2'],
    ['i - (1 - 2)', 'i - (1 - 2)'],
    ['i + (1 * 2)', 'i + 1 * 2'],
    ['(i + 1) * 2', '(i + 1) * 2'],
    ['(i == 1) == a', 'i == 1 == a'],
    ['a == (i == 1)', 'a == (i == 1)'],
    ['!(a)', '!a'],
    ['!(!a)', '!!a'],
    ['!(a && b)', '!(a && b)'],
    ['!(i == 1)', '!(i == 1)'],
    ['!(-i == -1)', '!(-i == -1)'],
    ['-(i)', '-i'],
    ['-(-i)', '--i'],
    ['-(5)', '-(5)'],
    ['-(-5)', '-(-5)'],
    ['--5', '-(-5)'],
    ['i - -5', 'i - -5'],
    ['-(1.0 + d)', '-(1.0 + d)'],
    ['a ? (b ? 1 : 2) : (b ? 3 : 4)', 'a ? (b ? 1 : 2) : b ? 3 : 4'],
    ['(a ? b : a) ? b : a', '(a ? b : a) ? b : a'],
    ['(a || b) ? a : b', 'a || b ? a : b'],
    ['a || (a ? b : a)', 'a || (a ? b : a)'],
    ['(s + "x").size() == 1', 'size(s + "x") == 1'],
    ['size(s)', 'size(s)'],
    ['(s + "x").trim()', '(s + "x").trim()'],
    ['matches(s, "x")', 's.matches("x")'],
    ['auth["uid"]', 'auth.uid'],
    ['auth["a-b"] + auth["a-b"]', 'auth["a-b"] + auth["a-b"]'],
    ['auth["in"]', 'auth["in"]'],
    ['data["a"].b["c d"][0][i + 1]', 'data.a.b["c d"][0][i + 1]'],
    ['map[s] in [ 1,2, ]', 'map[s] in [1, 2]'],
    ['{"a":1,s:2,}', '{"a": 1, s: 2}'],
    ['has( data.a )', 'has(data.a)'],
    ['member( s,i )', 'member(s, i)'],
    ['list.map(x, x > 1, x * 2)', 'list.map(x, x > 1, x * 2)'],
    ['list.all(x, x > 1) && list.all(x, x > 2)', 'list.all(x, x > 1) && list.all(x, x > 2)'],
    ['list.all(x, list.all(x, x > 1))', 'list.all(x, list.all(x, x > 1))'],
    ['list.all(i, i > 1) && i == 1', 'list.all(i, i > 1) && i == 1'],
    ['(list + [1]).all(x, a ? b : a)', '(list + [1]).all(x, a ? b : a)'],
    ["'a' + 'b\"c'", String.raw`"a" + "b\"c"`],
    [String.raw`"\\\n\t\u0000é😀\u2028\U000E0001"`, String.raw`"\\\n\u0009\u0000é😀\u2028\U000e0001"`],
    ['0x10', '16'],
    ['-9223372036854775808', '-9223372036854775808'],
    ['5.0', '5.0'],
    ['1e3', '1000.0'],
    ['1e21', '1e+21'],
    ['.5e-9', '5e-10'],
    ['-0.0', '-0.0'],
    ['now + duration("1h")', 'now + duration("1h")'],
    ['null == data', 'null == data'],
  ])('%s is written %s', (source, expected) => {
    expect(format(source)).toBe(expected);
    expect(bare(typed(expected))).toEqual(bare(typed(source)));
  });

  const span = { start: 0, end: 0 };
  const constant = (value: Value): TypedExpr => ({ kind: 'constant', span, type: types.dyn, value });

  test('of constants that are no literals', () => {
    const written = (value: Value) => formatRule(constant(value));
    expect(written(['a', 1n, 1.5, null, [true]])).toBe('["a", 1, 1.5, null, [true]]');
    expect(written({ a: 1n, 'b c': { d: 'e' } })).toBe('{"a": 1, "b c": {"d": "e"}}');
    expect(written(new Timestamp(1_500_000_000n))).toBe('timestamp("1970-01-01T00:00:01.5Z")');
    expect(written(new Duration(-1_500_000_000n))).toBe('duration("-1.5s")');
    expect([Number.NaN, Infinity, -Infinity].map(written)).toEqual([
      'double("NaN")',
      'double("Infinity")',
      'double("-Infinity")',
    ]);
  });

  test('of a part that fails is unlike any rule', () => {
    const failure: TypedExpr = { kind: 'failure', span, type: types.bool, reason: 'no such "key"' };
    const text = formatRule({
      kind: 'logical',
      span,
      type: types.bool,
      operator: '||',
      left: failure,
      right: typed('a'),
    });
    expect(text).toBe(String.raw`<error "no such \"key\""> || a`);
    expect(() => parseRule(text)).toThrow();
  });

  test('the variable of a macro that is left alone has the name of the first', () => {
    const both = typed('list.all(x, x > 1) && list.all(x, x > 2)');
    const second = both.kind === 'logical' ? both.right : both;
    expect(second).toMatchObject({ variable: 'x#2' });
    expect(formatRule(second)).toBe('list.all(x, x > 2)');
  });

  test('a variable of a macro never takes the name of another that is used within', () => {
    const body = typed('i > 1');
    const inner: TypedExpr = {
      kind: 'comprehension',
      span,
      type: types.bool,
      macro: 'all',
      range: typed('list'),
      variable: 'i#2',
      body: { kind: 'logical', span, type: types.bool, operator: '&&', left: body, right: body },
    };
    expect(formatRule(inner)).toBe('list.all(i2, i > 1 && i > 1)');
  });
});

/** Texts of rules by type, with more parentheses and blanks than they need. */
const texts = fc.letrec<Record<'bool' | 'int' | 'double' | 'string' | 'list' | 'dyn', string>>((tie) => {
  const [bool, int, double, string, list, dyn] = (['bool', 'int', 'double', 'string', 'list', 'dyn'] as const).map(
    tie,
  ) as [
    fc.Arbitrary<string>,
    fc.Arbitrary<string>,
    fc.Arbitrary<string>,
    fc.Arbitrary<string>,
    fc.Arbitrary<string>,
    fc.Arbitrary<string>,
  ];
  const options = { depthSize: 'small', withCrossShrink: true } as const;
  const join = (...parts: readonly (string | fc.Arbitrary<string>)[]) =>
    fc.tuple(...parts.map((part) => (typeof part === 'string' ? fc.constant(part) : part))).map((all) => all.join(''));
  const infix = (one: fc.Arbitrary<string>, operators: readonly string[], other: fc.Arbitrary<string>) =>
    join('(', one, ') ', fc.constantFrom(...operators), ' (', other, ')');
  const variable = fc.constantFrom('i', 'x', 'y');
  const macro = (name: string, result: fc.Arbitrary<string>) =>
    fc
      .tuple(list, variable, result)
      // A condition that is bool and int in turn would not check: the variable is an int wherever it stands.
      .map(([range, name_, body]) => `(${range}).${name}(${name_}, ${body})`);
  return {
    bool: fc.oneof(
      options,
      fc.constantFrom('a', 'b', 'true', 'false', 'data.a == null'),
      infix(bool, ['&&', '||', '==', '!='], bool),
      infix(int, ['==', '!=', '<', '<=', '>', '>='], int),
      infix(string, ['==', '<'], string),
      infix(int, ['<', '>='], double),
      infix(int, ['in'], list),
      join('!(', bool, ')'),
      join('(', bool, ') ? (', bool, ') : (', bool, ')'),
      join('(', string, ').matches("a")'),
      join('(', string, ').startsWith(', string, ')'),
      join('has((', dyn, ').a)'),
      join('member(', string, ',', int, ')'),
      macro('exists', bool),
      macro('all', bool),
    ),
    int: fc.oneof(
      options,
      fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String),
      fc.constantFrom('i', '-(5)', '- 5', '0x1f'),
      infix(int, ['+', '-', '*', '/', '%'], int),
      join('-(', int, ')'),
      join('size(', string, ')'),
      join('(', list, ').size()'),
      join('(', list, ')[', int, ']'),
      join('map[', string, ']'),
      join('(', bool, ') ? (', int, ') : (', int, ')'),
    ),
    double: fc.oneof(
      options,
      fc
        .double({ noDefaultInfinity: true, noNaN: true })
        .map((value) => `${value}${Number.isInteger(value) && Math.abs(value) < 1e21 ? '.0' : ''}`),
      infix(double, ['+', '-', '*', '/'], double),
      join('-(', double, ')'),
      join('double(', int, ')'),
    ),
    string: fc.oneof(
      options,
      fc.string({ unit: 'grapheme' }).map((text) => JSON.stringify(text).replaceAll(/\\u[dD][89a-fA-F]../g, 'x')),
      fc.constantFrom('s', 'auth.uid', 'auth["a-b"]', "r'\\'", '"""a\n"b"""'),
      infix(string, ['+'], string),
      join('string(', int, ')'),
      join('(', string, ').trim()'),
    ),
    list: fc.oneof(
      options,
      fc.constantFrom('list', '[]'),
      fc.array(int, { maxLength: 3 }).map((all) => `[${all.join(', ')}]`),
      infix(list, ['+'], list),
      macro('filter', bool),
      macro('map', int),
    ),
    dyn: fc.oneof(
      options,
      fc.constantFrom('data', 'data.package', 'dyn(-1)'),
      join('(', dyn, ').a'),
      join('(', dyn, ')["b c"]'),
      join('dyn({"a": ', bool, ', ', string, ': ', bool, '})'),
    ),
  };
});

test('a rule is written so that it parses to the same tree, and is written the same again', () => {
  let checked = 0;
  const scoped: Declarations = {
    ...declarations,
    variables: { ...declarations.variables, x: types.int, y: types.int },
  };
  fc.assert(
    fc.property(fc.oneof(texts.bool, texts.int, texts.double, texts.string, texts.list, texts.dyn), (source) => {
      let parsed;
      try {
        parsed = parseRule(source);
      } catch {
        // Too deep or too long: no tree to write.
        return;
      }
      const { expr, problems } = checkRule(parsed, scoped);
      // Two keys that happen to be the same, or macros too deep: no rule to write.
      if (problems.some(({ valid }) => valid !== 'each key once' && valid !== 'up to 2 levels')) {
        throw new Error(problems.map(({ found }) => found).join());
      }
      if (problems.length > 0) return;
      checked++;
      const text = formatRule(expr);
      if (text.length > 4096) return;
      const again = checkRule(parseRule(text), scoped);
      expect(again.problems, text).toEqual([]);
      expect(bare(again.expr), text).toEqual(bare(expr));
      expect(formatRule(again.expr)).toBe(text);
    }),
    { numRuns: 2000 },
  );
  expect(checked).toBeGreaterThan(1000);
});

test('what no JSON has, in objects from outside, is written by its kind', () => {
  const value = { a: undefined, b: [() => 1, Symbol('x')] } as unknown as Value;
  const constant = { kind: 'constant', span: { start: 0, end: 0 }, type: types.dyn, value } as const;
  expect(formatRule(constant)).toBe('{"a": <undefined>, "b": [<function>, <symbol>]}');
});
