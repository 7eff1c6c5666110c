import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isIdentifier, isSelector, parseRule, ruleLimits } from './parse.ts';
import { type Expr, RuleSyntaxError } from './syntax.ts';

/** The tree with brackets around every operator, and literals as JavaScript has them. */
function shape(expr: Expr): string {
  const all = (exprs: readonly Expr[]) => exprs.map(shape).join(', ');
  switch (expr.kind) {
    case 'literal':
      if (typeof expr.value === 'bigint') return `${expr.value}n`;
      return Object.is(expr.value, -0) ? '-0' : JSON.stringify(expr.value);
    case 'identifier':
      return expr.name;
    case 'select':
      return `${shape(expr.operand)}.${expr.field}`;
    case 'has':
      return `has(${shape(expr.operand)}.${expr.field})`;
    case 'index':
      return `${shape(expr.operand)}[${shape(expr.index)}]`;
    case 'unary':
      return `(${expr.operator} ${shape(expr.operand)})`;
    case 'binary':
      return `(${shape(expr.left)} ${expr.operator} ${shape(expr.right)})`;
    case 'conditional':
      return `(${all([expr.condition])} ? ${all([expr.then])} : ${all([expr.otherwise])})`;
    case 'call':
      return `${expr.target ? `${shape(expr.target)}.` : ''}${expr.name}(${all(expr.args)})`;
    case 'list':
      return `[${all(expr.elements)}]`;
    case 'map':
      return `{${expr.entries.map(({ key, value }) => `${shape(key)}: ${shape(value)}`).join(', ')}}`;
    case 'macro': {
      const inside = expr.filter ? [expr.filter, expr.body] : [expr.body];
      return `${shape(expr.range)}.${expr.name}!(${expr.variable}; ${all(inside)})`;
    }
  }
}

function problemOf(source: string): RuleSyntaxError['problem'] {
  try {
    parseRule(source);
  } catch (error) {
    if (error instanceof RuleSyntaxError) return error.problem;
    throw error;
  }
  throw new Error(`${source} was parsed`);
}

describe('what a rule is parsed to', () => {
  test.each([
    ['a || b && c', '(a || (b && c))'],
    ['a && b || c && d', '((a && b) || (c && d))'],
    ['a == b && c != d', '((a == b) && (c != d))'],
    ['a < b == c', '((a < b) == c)'],
    ['a in b == c', '((a in b) == c)'],
    ['a - b - c', '((a - b) - c)'],
    ['a - (b - c)', '(a - (b - c))'],
    ['a + b * c % d', '(a + ((b * c) % d))'],
    ['!a.b', '(! a.b)'],
    ['!!a', '(! (! a))'],
    ['!a == b', '((! a) == b)'],
    ['-a * b', '((- a) * b)'],
    ['a ? b : c ? d : e', '(a ? b : (c ? d : e))'],
    ['a ? (b ? c : d) : e', '(a ? (b ? c : d) : e)'],
    ['a || b ? c : d', '((a || b) ? c : d)'],
    ['a?.5:1', '(a ? 0.5 : 1n)'],
    ['a.b.c', 'a.b.c'],
    ['a.b(c).d[e]', 'a.b(c).d[e]'],
    ['a["b"]', 'a["b"]'],
    ['f()', 'f()'],
    ['f(a, b + c)', 'f(a, (b + c))'],
    ['has(a.b.c)', 'has(a.b.c)'],
    ['has((a.b))', 'has(a.b)'],
    ['a.has(b.c)', 'a.has(b.c)'],
    ['a.all(x, x > 1)', 'a.all!(x; (x > 1n))'],
    ['a.b.exists(x, x)', 'a.b.exists!(x; x)'],
    ['a.exists_one(x, x)', 'a.exists_one!(x; x)'],
    ['a.filter(x, x)', 'a.filter!(x; x)'],
    ['a.map(x, x)', 'a.map!(x; x)'],
    ['a.map(x, x > 1, x)', 'a.map!(x; (x > 1n), x)'],
    ['a.all(x.y, x)', 'a.all(x.y, x)'],
    ['a.all(x)', 'a.all(x)'],
    ['all(a, x, x)', 'all(a, x, x)'],
    ['[]', '[]'],
    ['[,]', '[]'],
    ['[a, b,]', '[a, b]'],
    ['{}', '{}'],
    ['{,}', '{}'],
    ['{"a": b, c: d,}', '{"a": b, c: d}'],
    ['{a ? b : c : d}', '{(a ? b : c): d}'],
    ['a.package', 'a.package'],
    ['a.package()', 'a.package()'],
    ['((a))', 'a'],
    ['a // that is all\n && b // and this', '(a && b)'],
    ['\t\n\f\r a', 'a'],
    ['__proto__.constructor', '__proto__.constructor'],
  ])('%s', (source, expected) => {
    expect(shape(parseRule(source))).toBe(expected);
  });

  test.each([
    ['true', 'true'],
    ['false', 'false'],
    ['null', 'null'],
    ['0', '0n'],
    ['007', '7n'],
    ['0x1F', '31n'],
    ['-0x1f', '-31n'],
    ['- 5', '-5n'],
    ['--5', '(- -5n)'],
    ['-(5)', '(- 5n)'],
    ['a-5', '(a - 5n)'],
    ['a - -5', '(a - -5n)'],
    ['-5.f()', '-5n.f()'],
    ['9223372036854775807', '9223372036854775807n'],
    ['-9223372036854775808', '-9223372036854775808n'],
    ['1.5', '1.5'],
    ['.5', '0.5'],
    ['1e3', '1000'],
    ['1.5E-3', '0.0015'],
    ['-0.0', '-0'],
  ])('literal %s', (source, expected) => {
    expect(shape(parseRule(source))).toBe(expected);
  });

  test.each([
    ['"\\a\\b\\f\\n\\r\\t\\v\\\\\\?\\"\\\'\\`"', '\x07\b\f\n\r\t\v\\?"\'`'],
    [String.raw`'\x41\X42\u00e9\U0001F600\101\377'`, 'ABé😀Aÿ'],
    [String.raw`r"\n\"`, String.raw`\n` + '\\'],
    [`R'''a'b''c'''`, `a'b''c`],
    ['"""a\n"b"""', 'a\n"b'],
    ['""', ''],
    ["''''''", ''],
    [`'"'`, '"'],
    ['"\u2028😀"', '\u2028😀'],
  ])('string %s', (source, expected) => {
    expect(parseRule(source)).toMatchObject({ kind: 'literal', value: expected });
  });

  test('spans are those of the text, parentheses included', () => {
    const source = '(a || b) && has(c.de)';
    const rule = parseRule(source);
    expect(rule).toMatchObject({
      span: { start: 0, end: 21 },
      left: { span: { start: 0, end: 8 }, right: { span: { start: 6, end: 7 } } },
      right: { span: { start: 12, end: 21 }, fieldSpan: { start: 18, end: 20 } },
    });
  });
});

describe('what is no rule', () => {
  test.each([
    ['', '', 'an empty rule', 'a value, such as a name, "text", 10, true, [1, 2] or (…)'],
    ['a &&', '', 'the end of the rule', 'a value, such as a name, "text", 10, true, [1, 2] or (…)'],
    ['a b', 'b', '"b"', 'an operator, or the end of the rule'],
    ['a and b', 'and', '"and"', '&& is the operator; an operator, or the end of the rule'],
    ['a)', ')', '")"', 'an operator, or the end of the rule'],
    ['(a', '', 'the end of the rule', '), or an operator'],
    ['[a b]', 'b', '"b"', '], or a comma'],
    ['f(a', '', 'the end of the rule', '), or a comma'],
    ['f(a,)', ')', '")"', 'a value, such as a name, "text", 10, true, [1, 2] or (…)'],
    ['[,a]', ',', '","', 'a value, such as a name, "text", 10, true, [1, 2] or (…)'],
    ['{a}', '}', '"}"', ':, or an operator'],
    ['{a: b', '', 'the end of the rule', '}, or a comma'],
    ['a[1', '', 'the end of the rule', '], or an operator'],
    ['a.', '', 'the end of the rule', 'the name of a field or a method'],
    ['a.1', '.1', '".1"', 'an operator, or the end of the rule'],
    ['a.in', 'in', '"in"', '["in"] for a field of this name'],
    ['in', 'in', '"in"', 'a value, such as a name, "text", 10, true, [1, 2] or (…)'],
    ['if', 'if', 'the reserved word "if"', 'another name; it may be a field: a.if'],
    ['a ? b', '', 'the end of the rule', ':, or an operator'],
    ['a ? b ? c : d : e', '?', '"?"', '":", or parentheses around a conditional between ? and :'],
    ['!-a', '-', '"-"', '!(-…), with parentheses'],
    ['-!a', '!', '"!"', '-(!…), with parentheses'],
    ['a = b', '=', '"="', '== to compare'],
    ['a === b', '===', '"==="', '=='],
    ['a & b', '&', '"&"', '&&'],
    ['a <> b', '<>', '"<>"', '!='],
    ['a;', ';', '";"', 'a rule is one expression'],
    ['a.`b`', '`', '"`"', 'an index for a field whose name is no identifier: a["b-c"]'],
    ['“a”', '“', 'the character "“"', 'text in quotes: "…" or \'…\''],
    ['a \u00a0b', '\u00a0', 'the character U+00A0', 'text in quotes: "…" or \'…\''],
    ['"a', '"a', 'a string that does not end', '" at its end, or """…'],
    ['"a\nb"', '"a', 'a string that does not end on its line', '" at its end, or """…'],
    ['"""a"', '"""a"', 'a string that does not end', '""" at its end'],
    [String.raw`"\u12"`, String.raw`\u`, String.raw`an unknown escape \u`, undefined],
    [String.raw`"\q"`, String.raw`\q`, String.raw`an unknown escape \q`, undefined],
    [String.raw`"\400"`, String.raw`\4`, String.raw`an unknown escape \4`, undefined],
    [String.raw`"\ud83d\ude00"`, String.raw`\ud83d`, String.raw`\ud83d, which is no character`, undefined],
    [String.raw`"\U00110000"`, String.raw`\U00110000`, String.raw`\U00110000, which is no character`, undefined],
    ['"\ud83d"', '"\ud83d"', 'a string with half a surrogate pair', 'whole characters'],
    ['9223372036854775808', '9223372036854775808', 'an int beyond 64 bits', undefined],
    ['-9223372036854775809', '-9223372036854775809', 'an int beyond 64 bits', undefined],
    ['-(9223372036854775808)', '9223372036854775808', 'an int beyond 64 bits', undefined],
    ['1e999', '1e999', '1e999, which is too large for a double', 'up to 1.7e308'],
    ['10abc', '10abc', '10abc, which is no number', 'a number such as 10, 0x1f, 1.5 or 1e3'],
    ['1u', '1u', '1u, an unsigned int, which is outside the language', 'an int: 1'],
    ['b"a"', 'b"', 'a bytes literal, which is outside the language', 'a string without b before it'],
    ['.a', '.', 'a name with a leading dot, which is outside the language', 'a name without it'],
    ['a.B{c: 1}', 'a.B{', 'a message literal, which is outside the language', 'a map: {"key": value}'],
    ['a.?b', '?', 'an optional, which is outside the language', 'has(a.b) ? a.b : …'],
    ['a[?b]', '?', 'an optional, which is outside the language', 'has(a.b) ? a.b : …'],
    ['[?a]', '?', 'an optional, which is outside the language', 'has(a.b) ? a.b : …'],
    ['{?a: b}', '?', 'an optional, which is outside the language', 'has(a.b) ? a.b : …'],
  ])('%j', (source, at, found, valid) => {
    const problem = problemOf(source);
    expect(source.slice(problem.span.start, problem.span.end)).toBe(at);
    expect(problem.found).toBe(found);
    if (valid === undefined) expect(problem.valid).not.toBe('');
    else expect(problem.valid).toBe(valid);
  });

  test('a problem within a very long token is told in short', () => {
    expect(problemOf(`a "${'b'.repeat(1000)}"`).found).toHaveLength(42);
  });
});

describe('limits', () => {
  const nested = (open: string, close: string) => (count: number) => `${open.repeat(count)}a${close.repeat(count)}`;
  const chain = (operator: string) => (count: number) => Array.from({ length: count + 1 }, () => 'a').join(operator);

  test.each([
    ['parentheses', nested('(', ')'), 'nested'],
    ['lists', nested('[', ']'), 'nested'],
    ['maps', nested('{"a":', '}'), 'nested'],
    ['calls', nested('f(', ')'), 'nested'],
    ['indexes', nested('a[', ']'), 'nested'],
    ['negations', nested('!', ''), 'nested'],
    ['signs', nested('-', ''), 'nested'],
    ['conditionals', nested('a?a:', ''), 'nested'],
    ['sums', chain('+'), 'nested'],
    ['alternatives', chain('||'), 'nested'],
    ['fields', chain('.'), 'nested'],
    ['methods', nested('', '.f()'), 'nested'],
  ])('%s: 60 levels are taken, 70 and more are refused', (_title, build, reason) => {
    expect(() => parseRule(build(60))).not.toThrow();
    for (const count of [70, 600]) expect(problemOf(build(count)).found).toContain(reason);
    expect(problemOf(build(100_000)).found).toMatch(/^a rule of \d+ characters$/);
  });

  test('a rule of 1000 parts is taken, one of more is refused', () => {
    const elements = (count: number) => `[${Array.from({ length: count }, () => '1').join(',')}]`;
    expect(() => parseRule(elements(ruleLimits.nodes - 1))).not.toThrow();
    expect(problemOf(elements(ruleLimits.nodes)).found).toBe('more than 1000 operators and values');
  });

  test('a rule of 4096 characters is taken, a longer one is refused', () => {
    expect(() => parseRule(`"${'a'.repeat(ruleLimits.length - 2)}"`)).not.toThrow();
    expect(problemOf(`"${'a'.repeat(ruleLimits.length - 1)}"`).found).toBe('a rule of 4097 characters');
  });
});

test('names', () => {
  expect(
    ['a', '_b1', 'package', 'in', 'true', 'a-b', '1a', ''].map((name) => [isSelector(name), isIdentifier(name)]),
  ).toEqual([
    [true, true],
    [true, true],
    [true, false],
    [false, false],
    [false, false],
    [false, false],
    [false, false],
    [false, false],
  ]);
});

const fragments = fc.constantFrom(
  ...[
    'a',
    'b.c',
    'all',
    'has',
    '(',
    ')',
    '[',
    ']',
    '{',
    '}',
    '.',
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
  ],
  ...[
    '1',
    '-9223372036854775808',
    '1.5',
    '1u',
    '"a"',
    "r'b'",
    '"""',
    "'",
    '\\',
    '\n',
    '//',
    ' ',
    'null',
    'true',
    'if',
    '=',
  ],
  ...['x.all(y, y)', 'f(a)', 'has(a.b)', '\ud83d', '😀', '0x', 'b"'],
);

test('no text makes the parser throw anything but a problem within the text', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(fragments, { maxLength: 40 }).map((parts) => parts.join('')),
  );
  fc.assert(
    fc.property(text, (source) => {
      try {
        const { span } = parseRule(source);
        return span.start >= 0 && span.end <= source.length;
      } catch (error) {
        if (!(error instanceof RuleSyntaxError)) throw error;
        const { span, found, valid } = error.problem;
        return 0 <= span.start && span.start <= span.end && span.end <= source.length && found !== '' && valid !== '';
      }
    }),
    { numRuns: 3000 },
  );
});
