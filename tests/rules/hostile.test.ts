/**
 * Hostile input. Rules come from operators, data from clients: whatever either is, loading answers with a rule or with
 * problems, evaluation with a value or a failure, in time that grows with the input; nothing throws, and nothing that
 * fails allows.
 */
import fc, { type Arbitrary } from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkRule } from '../../packages/server/src/rules/check.ts';
import { parseRule } from '../../packages/server/src/rules/parse.ts';
import { types, type RuleType } from '../../packages/server/src/rules/types.ts';
import { Duration, Failure, Timestamp, type Environment, type Value } from '../../packages/server/src/rules/value.ts';
import { inBothForms, isSame, load, noRelations, show, type Variables } from './both-forms.ts';
import { aBoolRule, anEnvironment, variables } from './expressions.ts';
import { bufbuild } from './deviations.ts';
import { aHostileEnvironment, aNonsense, anOddEnvironment, revoked, throwingObject } from './nonsense.ts';
import { inUtc } from './oracles.ts';
import { runs } from './runs.ts';

inUtc();

function rule(source: string, declared: Variables = variables) {
  const loaded = load(source, declared);
  if (loaded.kind === 'refused') throw new Error(`${source}: ${loaded.problems[0]?.found}`);
  return (environment: Environment) => loaded.evaluate(environment, noRelations);
}

const empty: Environment = {};
const usual: Readonly<Record<string, Value>> = {
  b: true,
  i: 1n,
  j: 2n,
  x: 1,
  y: 2,
  s: 's',
  t: 't',
  at: new Timestamp(0n),
  since: new Timestamp(0n),
  wait: new Duration(0n),
  ints: [1n],
  words: ['a'],
  scores: { a: 1n },
  maybe: null,
  json: {},
};

describe('text that is no sensible rule', () => {
  const shapes: Record<string, (count: number) => string> = {
    parentheses: (count) => `${'('.repeat(count)}true${')'.repeat(count)}`,
    'parentheses that stay open': (count) => '('.repeat(count),
    negations: (count) => `${'!'.repeat(count)}true`,
    signs: (count) => `${'-'.repeat(count)}1 == 1`,
    lists: (count) => `size(${'['.repeat(count)}${']'.repeat(count)}) == 0`,
    maps: (count) => `size(${'{"a":'.repeat(count)}1${'}'.repeat(count)}) == 1`,
    calls: (count) => `${'size(['.repeat(count)}1${'])'.repeat(count)} == 1`,
    selections: (count) => `json${'.a'.repeat(count)} == 1`,
    indexes: (count) => `json${'[0]'.repeat(count)} == 1`,
    methods: (count) => `s${'.trim()'.repeat(count)} == ""`,
    conditionals: (count) => `${'b ? '.repeat(count)}true${' : false'.repeat(count)}`,
    'conditionals in a row': (count) => `${'b ? true : '.repeat(count)}false`,
    macros: (count) => `${'ints.all(i, '.repeat(count)}true${')'.repeat(count)}`,
    conjunction: (count) => `b${' && b'.repeat(count)}`,
    'mixed operators': (count) => `i${' + 1 * i - 1'.repeat(count)} == 0`,
    'a long list': (count) => `i in [${'1, '.repeat(count)}1]`,
    'a long map': (count) => `"a" in {${Array.from({ length: count }, (_, at) => `"k${at}": 1`).join()}}`,
    'a long text': (count) => `s == "${'x'.repeat(count)}"`,
    'a long name': (count) => `${'x'.repeat(count)} == 1`,
    'a long number': (count) => `i == ${'9'.repeat(count)}`,
    'a long fraction': (count) => `x == 0.${'9'.repeat(count)}`,
    'a long exponent': (count) => `x == 1e${'9'.repeat(count)}`,
    'a long pattern': (count) => `s.matches("${'(a+)+'.repeat(count)}")`,
    comments: (count) => `${'// x\n'.repeat(count)}true`,
    spaces: (count) => `${' '.repeat(count)}true`,
  };

  test.each(Object.entries(shapes))('%s: a rule that answers, or problems', (_name, shape) => {
    for (const count of [1, 10, 60, 70, 200, 400, 1000, 4000, 100_000]) {
      const loaded = load(shape(count), variables);
      if (loaded.kind === 'rule') {
        expect(loaded.evaluate(usual, noRelations) === undefined).toBe(false);
      } else {
        const [problem] = loaded.problems;
        expect(problem?.found.length).toBeGreaterThan(0);
        expect(problem?.found.length).toBeLessThan(5000);
      }
    }
    expect(load(shape(100_000), variables).kind).toBe('refused');
  });

  const tokens = [
    ...Array.from('()[]{}.,:?!-+*/%<>="\'\\`@#$&|\n\u0000\ud800'),
    '&&',
    '||',
    '==',
    '<=',
    'in',
    'true',
    'null',
    '1',
    '1u',
    '0x',
    '1e',
    '.5',
    'r"',
    'b"',
    '"""',
    "'''",
    '\\u12',
    '//',
    's',
    'ints',
    'json',
    'has(',
    'all(',
    'size(',
    '__proto__',
    'constructor',
    '😀',
  ];
  const soup = fc
    .array(fc.constantFrom(...tokens), { maxLength: 40 })
    .chain((parts) => fc.constantFrom('', ' ').map((between) => parts.join(between)));

  test.each([
    ['any text', fc.string({ unit: 'binary', maxLength: 200 })],
    ['tokens in any order', soup],
    [
      'a rule with a piece cut out',
      fc
        .tuple(aBoolRule, fc.nat(), fc.nat(9))
        .map(([text, at, length]) => text.slice(0, at % text.length) + text.slice((at % text.length) + length)),
    ],
  ] as const)('%s: a problem lies within the text', (_name, texts: Arbitrary<string>) => {
    fc.assert(
      fc.property(texts, (text) => {
        const loaded = load(text, variables);
        if (loaded.kind === 'rule') return;
        expect(loaded.problems.length).toBeGreaterThan(0);
        for (const { span, found, valid } of loaded.problems) {
          expect({ found, valid }).toEqual({ found: expect.stringMatching(/./), valid: expect.stringMatching(/./) });
          expect(
            span.start >= 0 && span.start <= span.end && span.end <= Math.max(1, text.length),
            `${span.start}–${span.end} of ${text.length}`,
          ).toBe(true);
        }
      }),
      { numRuns: runs(400) },
    );
  });
});

describe('values of any kind', () => {
  test('evaluation answers, in both forms alike, and what is told of a failure is text', () => {
    fc.assert(
      fc.property(aBoolRule, aHostileEnvironment, (source, environment) => {
        const result = rule(source)(environment());
        if (result instanceof Failure) expect(typeof result.reason).toBe('string');
        else expect(typeof result).toBe('boolean');
      }),
      { numRuns: runs(2000) },
    );
  });

  test('the laws of logic hold', () => {
    fc.assert(
      fc.property(aBoolRule, aBoolRule, anOddEnvironment, (p, q, make) => {
        const environment = make();
        const ask = (source: string) => rule(source)(environment);
        const [one, other] = [ask(p), ask(q)];
        expect(ask(`(${p}) && false`)).toBe(false);
        expect(ask(`false && (${p})`)).toBe(false);
        expect(ask(`(${p}) || true`)).toBe(true);
        expect(ask(`(${p}) && (${q})`) === true).toBe(one === true && other === true);
        expect(ask(`(${p}) || (${q})`) === true).toBe(one === true || other === true);
        expect(ask(`!(${p})`) === true).toBe(one === false);
        expect(isSame(ask(`(${p}) ? (${q}) : false`), one === true ? other : one)).toBe(true);
      }),
      { numRuns: runs(500) },
    );
  });

  test('an allow is only given where another engine, given what the types mean, allows too', () => {
    // A point in time may be text or a number; the other engine is not told which.
    const confusable = Object.keys(variables).filter((name) => !/timestamp|duration/.test(variables[name]?.kind ?? ''));
    /** JSON in any place: a client's data, where it was not held against a schema. */
    const aConfusedEnvironment = fc
      .tuple(
        anEnvironment,
        fc.dictionary(fc.constantFrom(...confusable), fc.jsonValue({ maxDepth: 2 }) as Arbitrary<Value>),
      )
      .map(([right, wrong]) => ({ ...right, ...wrong }));
    fc.assert(
      fc.property(aBoolRule, aConfusedEnvironment, (source, environment) => {
        if (rule(source)(environment) !== true) return;
        const meant = Object.fromEntries(
          Object.entries(environment).map(([name, value]) => [name, convert(variables[name]?.kind, value)]),
        );
        expect(show(bufbuild(source, meant)), source).toBe('true');
      }),
      { numRuns: runs(2000) },
    );

    /** A declared int may be a JSON number; nothing else is converted. */
    function convert(kind: string | undefined, value: Value): Value {
      const int = (of: Value): Value => (Number.isSafeInteger(of) ? BigInt(of as number) : of);
      if (kind === 'int' || kind === 'nullable') return int(value);
      if (kind === 'list' && Array.isArray(value)) return (value as readonly Value[]).map(int);
      if (kind === 'map' && typeof value === 'object' && value !== null) {
        return Object.fromEntries(Object.entries(value).map(([key, of]) => [key, int(of as Value)]));
      }
      return value;
    }
  });

  test.each(Object.entries(variables).filter(([, type]) => type.kind !== 'dyn'))(
    '%s of another type is a failure',
    (name, type) => {
      fc.assert(
        fc.property(aNonsense, (nonsense) => {
          const value = nonsense();
          fc.pre(!isRight(type.kind, value));
          const answer = rule(`${name} == ${name}`)({ ...usual, [name]: value });
          expect(answer).toBeInstanceOf(Failure);
        }),
        { numRuns: runs(200) },
      );
    },
  );

  /** Whether a value may be of the type; a proxy that throws is of none. */
  function isRight(kind: RuleType['kind'], value: unknown): boolean {
    try {
      switch (kind) {
        case 'bool':
          return typeof value === 'boolean';
        case 'int':
          return Number.isSafeInteger(value) || (typeof value === 'bigint' && BigInt.asIntN(64, value) === value);
        case 'double':
          // NaN is a double, and does not equal itself, but it is no failure.
          return typeof value === 'number';
        case 'string':
          return typeof value === 'string';
        case 'nullable':
          return value === null || value === undefined || Number.isSafeInteger(value);
        case 'list':
          return Array.isArray(value);
        case 'map':
          return typeof value === 'object' && value !== null && !Array.isArray(value);
        default:
          // Points in time and spans are read from text and numbers, which may or may not say one.
          return (
            value instanceof Timestamp || value instanceof Duration || /^(string|number|bigint)$/.test(typeof value)
          );
      }
    } catch {
      return false;
    }
  }

  test('a variable that is missing is a failure', () => {
    for (const [name, type] of Object.entries(variables)) {
      if (type.kind === 'nullable') expect(rule(`${name} == null`)(empty)).toBe(true);
      else expect(rule(`${name} == ${name}`)(empty)).toBeInstanceOf(Failure);
    }
  });

  test('an environment that throws is a failure', () => {
    for (const environment of [throwingObject(), revoked({})] as Environment[]) {
      for (const source of ['b', 's == "a"', 'has(json.a)', 'json.a == 1', 'maybe == null', 'ints.all(i, true)']) {
        expect(rule(source)(environment), source).toBeInstanceOf(Failure);
      }
    }
  });

  test('a relation that throws is a failure', () => {
    const member = { name: 'member', parameters: ['group', 'user'].map((name) => ({ name, type: types.string })) };
    const { expr } = checkRule(parseRule('member("g", s)'), { variables, relations: { member } });
    const evaluate = inBothForms(expr);
    expect(
      evaluate(usual, {
        related: () => {
          throw new Error('relation');
        },
      }),
    ).toBeInstanceOf(Failure);
    expect(evaluate(usual, { related: () => 'yes' as never })).toBeInstanceOf(Failure);
    expect(evaluate(usual, { related: () => undefined as never })).toBeInstanceOf(Failure);
  });
});

describe('names that every JavaScript object has', () => {
  const inherited = [
    '__proto__',
    'constructor',
    'toString',
    'hasOwnProperty',
    'valueOf',
    '__defineGetter__',
    'isPrototypeOf',
  ];

  test.each(inherited)('%s is a field only where somebody gave it', (name) => {
    const named: Variables = {
      ...variables,
      auth: types.record('auth', { uid: types.string }),
      ...(name.startsWith('__') ? {} : { [name]: types.dyn }),
    };
    const own = {
      ...usual,
      json: JSON.parse(`{"${name}": "given"}`) as Value,
      scores: JSON.parse(`{"${name}": 1}`) as Value,
    };
    const without = { ...usual, scores: {} };
    expect(rule(`has(json.${name})`)(without)).toBe(false);
    expect(rule(`has(json.${name})`)(own)).toBe(true);
    expect(rule(`json.${name} == "given"`)(without)).toBeInstanceOf(Failure);
    expect(rule(`json.${name} == "given"`)(own)).toBe(true);
    expect(rule(`json["${name}"] == "given"`)(without)).toBeInstanceOf(Failure);
    expect(rule(`json["${name}"] == "given"`)(own)).toBe(true);
    expect(rule(`"${name}" in scores`)(without)).toBe(false);
    expect(rule(`"${name}" in scores`)(own)).toBe(true);
    expect(rule(`scores.${name} == 1`)(without)).toBeInstanceOf(Failure);
    expect(rule(`scores.${name} == 1`)(own)).toBe(true);
    expect(rule(`scores.exists(s, s == "${name}")`)(own)).toBe(true);
    expect(rule(`scores == {"${name}": 1}`)(own)).toBe(true);
    expect(rule(`scores == {"${name}": 1}`)(without)).toBe(false);
    expect(rule(`{"${name}": 1}.${name} == 1`)(without)).toBe(true);
    expect(load(`auth.${name} == "x"`, named).kind).toBe('refused');
    expect(load(`${name}(s)`, named).kind).toBe('refused');
    expect(load(`s.${name}()`, named).kind).toBe('refused');
    if (!name.startsWith('__')) expect(rule(`${name} == 1.0`, named)(usual)).toBeInstanceOf(Failure);
    else expect(load(`${name} == 1`, variables).kind).toBe('refused');
  });

  test('nothing is written to what was given', () => {
    const json = JSON.parse('{"__proto__": {"polluted": true}}') as Value;
    rule('{"__proto__": json} == json || [json] == [json]')({ ...usual, json });
    expect(({} as Record<string, unknown>)['polluted']).toBe(undefined);
    const frozen = Object.freeze({ ...usual, ints: Object.freeze([3n, 1n]), scores: Object.freeze({ a: 1n }) });
    fc.assert(
      fc.property(aBoolRule, (source) => void rule(source)(frozen)),
      { numRuns: runs(200) },
    );
  });
});

describe('work without end', () => {
  const many = Array.from({ length: 100_000 }, (_, at) => BigInt(at));

  test.each([
    'ints.all(i, ints.all(j, i + j >= 0))',
    'ints.exists(i, ints.exists(j, i + j < 0))',
    'ints.exists_one(i, ints.exists_one(j, i == j))',
    'ints.map(i, ints.map(j, i * j)) == []',
    'ints.filter(i, ints.filter(j, j > i) == []) == []',
    'ints.all(i, i >= 0) && ints.all(i, i >= 0)',
    'ints.exists(i, i < 0) || ints.exists(i, i < 0)',
  ])('%s on 100,000 elements: a failure', (source) => {
    expect(rule(source)({ ...usual, ints: many })).toBeInstanceOf(Failure);
  });

  // A message of 64 KB: what a function looks through in every turn counts as steps, too.
  const ints = many.slice(0, 12_000);
  const words = ints.map((of) => `w${of}`);
  test.each<[source: string, more: Environment]>([
    ['ints.all(i, i in ints)', { ints }],
    ['words.all(s, s in words)', { words }],
    ['json.all(i, i in json)', { json: ints.map(Number) }],
    ['words.filter(s, !(s in words)) == []', { words }],
    ['ints.exists(i, ints != ints)', { ints }],
    ['ints.exists(i, json != json)', { ints, json: [[words]] }],
    ['ints.exists_one(i, size(ints + ints) == 0)', { ints }],
    ['size(ints.map(i, [ints, ints])) == 0', { ints }],
    ['ints.map(i, ints) == []', { ints }],
    ['size(ints.map(i, {"a": json})) > 0 && ints.all(i, {"a": words} == {"a": words})', { ints, words }],
    ['ints.all(i, !s.contains("ab"))', { ints, s: 'a'.repeat(20_000) }],
    ['ints.all(i, s.replace("a", "b") != s)', { ints, s: 'a'.repeat(20_000) }],
    ['ints.all(i, size(s.split("")) > 0)', { ints, s: 'a'.repeat(20_000) }],
    ['ints.all(i, size(s) > 0)', { ints, s: '😀'.repeat(20_000) }],
    ['ints.all(i, s.charAt(i) != "a")', { ints, s: '😀'.repeat(20_000) }],
    ['ints.all(i, s < t)', { ints, s: 'a'.repeat(20_000), t: `${'a'.repeat(20_000)}b` }],
    ['ints.all(i, !s.matches(t))', { ints, s: 'a'.repeat(20_000), t: '(a+)+b' }],
  ])('%s: quadratic in the data: a failure', (source, more) => {
    expect(rule(source)({ ...usual, ...more })).toBeInstanceOf(Failure);
  });

  test('lists of some hundreds may be held against one another', () => {
    const some = words.slice(0, 500);
    expect(rule('words.all(s, s in json)')({ ...usual, words: some, json: some })).toBe(true);
    expect(
      rule('words.all(s, s in words) && ints.all(i, i in ints)')({ ...usual, words: some, ints: ints.slice(0, 300) }),
    ).toBe(true);
  });

  test('a failure by the limit is no allow, wherever it stands', () => {
    const endless = 'ints.all(i, ints.all(j, true))';
    const environment = { ...usual, ints: many };
    expect(rule(`!(${endless})`)(environment)).toBeInstanceOf(Failure);
    expect(rule(`(${endless}) ? true : true`)(environment)).toBeInstanceOf(Failure);
    expect(rule(`[${endless}] == []`)(environment)).toBeInstanceOf(Failure);
  });

  const long = 'ab'.repeat(32_000);
  test.each([
    ['s.replace("a", s) != ""', { s: long }],
    ['s.replace("", s) != ""', { s: long }],
    ['s.replace("a", s).replace("b", s) != ""', { s: long }],
    ['words.join(s) != ""', { s: long, words: Array.from({ length: 50_000 }, () => '') }],
    ['words.map(s, s + s + s + s).join() != ""', { words: Array.from({ length: 1000 }, () => long) }],
    [`${'s + '.repeat(50)}s == ""`, { s: long }],
    [`size(${'ints + '.repeat(50)}ints) == 0`, { ints: many }],
  ])('%s: a failure, not a gigabyte', (source, more) => {
    expect(rule(source)({ ...usual, ...more })).toBeInstanceOf(Failure);
  });

  /** Median of five: how much longer it takes for four times the input. Linear is 4, quadratic 16. */
  function growth(measure: (size: number) => () => unknown, size: number): number {
    const time = (run: () => unknown) => {
      const times = Array.from({ length: 5 }, () => {
        const startedAt = performance.now();
        run();
        return performance.now() - startedAt;
      });
      return times.toSorted((a, b) => a - b)[2] as number;
    };
    const [small, large] = [measure(size), measure(size * 4)];
    small();
    return time(large) / time(small);
  }

  test.each([
    ['s.matches("(a+)+$")', (size: number) => `${'a'.repeat(size)}b`],
    ['s.matches("^(a|a)*$")', (size: number) => `${'a'.repeat(size)}b`],
    ['s.matches("(a|aa)+$")', (size: number) => `${'a'.repeat(size)}b`],
    ['s.matches("(.*a){10}$")', (size: number) => `${'a'.repeat(size)}b`],
    ['s.matches("^(([a-z])+.)+[A-Z]([a-z])+$")', (size: number) => 'a'.repeat(size)],
    ['s.matches(t)', (size: number) => `${'a'.repeat(size)}b`],
  ])('%s: the time grows with the text', { retry: 3 }, (source, text) => {
    const ask = rule(source);
    expect(ask({ ...usual, s: text(20), t: '(a+)+$' })).toBe(false);
    const ratio = growth((size) => {
      const environment = { ...usual, s: text(size), t: '(a+)+$' };
      return () => ask(environment);
    }, 4000);
    expect(ratio).toBeLessThan(10);
  });

  test.each([
    '(',
    '[',
    'a**',
    '(?=a)',
    '(?<!a)',
    '\\1',
    '(?P<x',
    'a{1001}',
    '(((a{100}){100}){100}){100}',
    'x'.repeat(1001),
    '(a+)+'.repeat(300),
  ])('a pattern of a client, %s: a failure', (pattern) => {
    expect(rule('s.matches(t)')({ ...usual, t: pattern })).toBeInstanceOf(Failure);
    expect(rule('s.matches(t) || b')({ ...usual, t: pattern })).toBe(true);
    expect(rule('!s.matches(t)')({ ...usual, t: pattern })).toBeInstanceOf(Failure);
  });
});

describe('arithmetic', () => {
  test.each([
    'i / 0 == 0',
    'i % 0 == 0',
    'i / (j - 2) == 0',
    '9223372036854775807 + i > 0',
    '-9223372036854775808 - i < 0',
    '-(-9223372036854775808) > 0',
    '-9223372036854775808 / -i > 0',
    '-9223372036854775808 * -i > 0',
    '9223372036854775807 * 2 > 0',
    'int(1e30) > 0',
    'int(0.0 / 0.0) == 0',
    'int(1.0 / 0.0) > 0',
    'timestamp(9223372036854775807) > at',
    'at + duration("9223372036s") > at && timestamp("9999-12-31T23:59:59Z") + duration("1s") > at',
    'duration("9223372036s") + duration("9223372036s") > wait',
  ])('%s: a failure', (source) => {
    expect(rule(source)(usual)).toBeInstanceOf(Failure);
    expect(rule(`!(${source})`)(usual)).toBeInstanceOf(Failure);
    expect(rule(`(${source}) || b`)(usual)).toBe(true);
    expect(rule(`(${source}) && b`)(usual)).toBeInstanceOf(Failure);
  });
});
