/** Random rules over the row of `row-table.ts`, as an operator writes them. Some ask for what has no form in SQL, and say so. */
import fc, { type Arbitrary } from 'fast-check';
import { childrenOf, type TypedExpr } from '../../packages/server/src/rules/syntax.ts';
import { columnNames, type ColumnName } from './row-table.ts';
import { doubles, ints, texts, textsWithNul } from './row-values.ts';

/** @param isPossible whether it has a form in SQL. */
export interface RandomRule {
  readonly text: string;
  readonly isPossible: boolean;
}

const possible = (text: Arbitrary<string>): Arbitrary<RandomRule> =>
  text.map((each) => ({ text: each, isPossible: true }));
/** Puts rules into a text; `@` stands for each. */
const around = (parts: readonly Arbitrary<RandomRule>[], form: string): Arbitrary<RandomRule> =>
  fc.tuple(...parts).map((rules) => {
    let next = 0;
    const text = form.replaceAll('@', () => (rules[next++] as RandomRule).text);
    return { text, isPossible: rules.every(({ isPossible }) => isPossible) };
  });

const quote = (text: string): string =>
  `"${Array.from(text, (char) => {
    const code = char.codePointAt(0) as number;
    if (code >= 0x20 && code < 0x7f && char !== '"' && char !== '\\') return char;
    return code > 0xffff ? `\\U${code.toString(16).padStart(8, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`;
  }).join('')}"`;
const literal = {
  string: fc.constantFrom(...texts, ...textsWithNul).map(quote),
  int: fc.constantFrom(...ints).map(String),
  double: fc.constantFrom(...doubles).map((value) => {
    if (Number.isNaN(value)) return '(0.0 / 0.0)';
    if (!Number.isFinite(value)) return value > 0 ? '(1.0 / 0.0)' : '(-1.0 / 0.0)';
    const text = String(value);
    return /[.e]/.test(text) ? text : `${text}.0`;
  }),
  bool: fc.constantFrom('true', 'false'),
  timestamp: fc.constantFrom(
    'timestamp("2023-11-14T22:13:20.001Z")',
    'timestamp("1969-12-31T23:59:59.999999999Z")',
    'timestamp("0001-01-01T00:00:00Z")',
    'timestamp(0)',
  ),
};
type Kind = keyof typeof literal;
const kinds = Object.keys(literal) as Kind[];

const columnsOf: Readonly<Record<Kind, readonly ColumnName[]>> = {
  string: ['s', 's2', 'sn'],
  int: ['n', 'n2', 'nn', 'nm'],
  double: ['d', 'd2', 'dn', 'dm'],
  bool: ['b', 'bn'],
  timestamp: ['t', 'tn'],
};
const encodedColumns: Readonly<Record<'bool' | 'timestamp', readonly ColumnName[]>> = {
  bool: ['z'],
  timestamp: ['m', 'mn'],
};

/** Values that need no row. Some fail when they are evaluated. */
const known: Readonly<Record<Kind, Arbitrary<string>>> = {
  string: fc.oneof(
    literal.string,
    fc.constantFrom(
      'auth.uid',
      'auth.role',
      'gid',
      'auth.uid + "a"',
      '(auth.admin ? gid : "A")',
      'string(auth.any)',
      'auth.uid.lowerAscii()',
      'auth.groups[0]',
    ),
  ),
  int: fc.oneof(
    literal.int,
    fc.constantFrom(
      'auth.level',
      'auth.quota',
      'auth.level + 1',
      '1 / (auth.level - 1)',
      'size(auth.groups)',
      'int(auth.score)',
    ),
  ),
  double: fc.oneof(literal.double, fc.constantFrom('auth.score', 'auth.score * 2.0', 'double(auth.level)')),
  bool: fc.oneof(
    literal.bool,
    fc.constantFrom('auth.admin', '(auth.any == 1)', 'online(auth.uid)', '("a" in auth.groups)', '(auth.level < 2)'),
  ),
  timestamp: fc.oneof(
    literal.timestamp,
    fc.constantFrom('auth.since', 'now', 'now + duration("1ms")', 'auth.since - duration("1ns")'),
  ),
};
const lists: Readonly<Record<Kind, readonly string[]>> = {
  string: ['auth.groups', 'auth.roles', '["a", "A", auth.uid]', 'auth.perms', '{"a": 1, gid: 2}', '[auth.role, gid]'],
  int: ['auth.levels', '[1, 2, 3]', '[auth.level, 9007199254740993]', '[1, auth.quota]'],
  double: ['auth.scores', '[0.0, 1.5, auth.score]', '[]'],
  bool: ['[true]', '[auth.admin, false]'],
  timestamp: ['auth.times', '[now, auth.since]', '[]'],
};
const anyLists = [
  'auth.anys',
  'auth.any',
  '[]',
  'dyn([1, 1.5, "a", true, null])',
  'dyn(auth.perms)',
  'dyn(auth.scores)',
  'dyn(auth.levels)',
];

const textTests: readonly string[] = ['startsWith', 'endsWith', 'contains'];
const orderings = ['<', '<=', '>', '>='];
const operators = ['==', '!=', ...orderings];
const column = (names: readonly ColumnName[]): Arbitrary<string> =>
  fc.constantFrom(...names).map((name) => `row.${name}`);
const allColumns = (kind: Kind): readonly ColumnName[] => [
  ...columnsOf[kind],
  ...(kind === 'bool' || kind === 'timestamp' ? encodedColumns[kind] : []),
];
/** Both ways round. */
const compared = (left: Arbitrary<string>, right: Arbitrary<string>, names: readonly string[]): Arbitrary<RandomRule> =>
  possible(
    fc
      .tuple(left, fc.constantFrom(...names), right, fc.boolean())
      .map(([a, operator, b, turned]) => (turned ? `${b} ${operator} ${a}` : `${a} ${operator} ${b}`)),
  );
const ofEachKind = (make: (kind: Kind) => Arbitrary<RandomRule>): Arbitrary<RandomRule> => fc.oneof(...kinds.map(make));

const anyColumn = fc.constantFrom(...columnNames).map((name) => `row.${name}`);
const anyKnown = fc.oneof(
  fc.constant('auth.any'),
  fc.constantFrom(...kinds).chain((kind) => known[kind].map((text) => `dyn(${text})`)),
);

const atoms: Arbitrary<RandomRule> = fc.oneof(
  { weight: 6, arbitrary: ofEachKind((kind) => compared(column(allColumns(kind)), known[kind], operators)) },
  { weight: 2, arbitrary: compared(anyColumn, anyKnown, operators) },
  { weight: 2, arbitrary: compared(column(columnsOf.int), known.double, orderings) },
  { weight: 2, arbitrary: compared(column(columnsOf.double), known.int, orderings) },
  { weight: 3, arbitrary: ofEachKind((kind) => compared(column(columnsOf[kind]), column(columnsOf[kind]), operators)) },
  { weight: 1, arbitrary: compared(column(['m']), column(['mn', 'm']), operators) },
  { weight: 1, arbitrary: compared(column(['sn', 'nn', 'dn', 'bn', 'tn', 'mn']), fc.constant('null'), ['==', '!=']) },
  {
    weight: 3,
    arbitrary: ofEachKind((kind) =>
      possible(
        fc
          .tuple(column(allColumns(kind)), fc.constantFrom(...lists[kind]))
          .map(([operand, in_]) => `${operand} in ${in_}`),
      ),
    ),
  },
  {
    weight: 2,
    arbitrary: possible(
      fc.tuple(anyColumn, fc.constantFrom(...anyLists)).map(([operand, in_]) => `${operand} in ${in_}`),
    ),
  },
  {
    weight: 2,
    arbitrary: ofEachKind((kind) =>
      possible(
        fc
          .tuple(
            fc.oneof(column(columnsOf[kind]), known[kind]),
            column(columnsOf[kind]),
            fc.oneof(column(columnsOf[kind]), known[kind]),
          )
          .map(([a, b, c]) => `${a} in [${b}, ${c}]`),
      ),
    ),
  },
  {
    weight: 3,
    arbitrary: possible(
      fc
        .tuple(
          column(columnsOf.string),
          fc.constantFrom(...textTests),
          fc.oneof(known.string, fc.constantFrom('auth.any', '""')),
        )
        .map(([text, test, part]) => `${text}.${test}(${part})`),
    ),
  },
  { weight: 1, arbitrary: possible(anyColumn.map((text) => `has(${text})`)) },
  { weight: 2, arbitrary: possible(column(allColumns('bool'))) },
  { weight: 2, arbitrary: possible(known.bool) },
  { weight: 1, arbitrary: possible(fc.constantFrom('auth.any', 'dyn(auth.uid)')) },
  {
    weight: 2,
    arbitrary: possible(
      fc
        .tuple(
          fc.oneof(column(columnsOf.string), known.string),
          fc.oneof(column(columnsOf.int), known.int, fc.constant('auth.any')),
        )
        .map(([group, level]) => `member(${group}, ${level})`),
    ),
  },
  {
    weight: 1,
    arbitrary: possible(
      fc
        .tuple(
          fc.oneof(column(columnsOf.string), known.string),
          fc.oneof(column(columnsOf.string), known.string, fc.constant('auth.any')),
        )
        .map(([one, other]) => `friend(${one}, ${other})`),
    ),
  },
);

/** Rules that mean something, and not the same in every database. */
const impossible: Arbitrary<RandomRule> = fc
  .constantFrom(
    'size(row.s) > 1',
    'row.n + 1 == 2',
    'row.n < row.d',
    'dyn(row.n) == row.d',
    'row.s + "a" == "aa"',
    'row.s.startsWith(row.s2)',
    'auth.uid.startsWith(row.s)',
    'row.s.matches("a+")',
    'row.s.lowerAscii() == "a"',
    'row.t == row.m',
    'row.b == row.z',
    '[1, 2].exists(x, x == row.n)',
    'auth.groups.all(g, g != row.s)',
    '(row.n < 1) == (row.n2 < 1)',
    '(row.b ? row.n : row.n2) == 1',
    'row == row',
    '-row.n == 1',
    'row.t.getFullYear() == 2023',
    'online(row.s)',
    'member(row.s + "a", 1)',
    'row.s in [row.s2, row.s + "a"]',
    '"a" in [row.s].filter(x, x == "a")',
    'int(row.d) == 1',
    'string(row.n) == "1"',
    'auth.groups[row.n] == "a"',
  )
  .map((text) => ({ text, isPossible: false }));

const { rule } = fc.letrec<{ rule: RandomRule }>((tie) => ({
  rule: fc.oneof(
    { maxDepth: 4, depthSize: 'medium' },
    { weight: 6, arbitrary: fc.oneof({ weight: 60, arbitrary: atoms }, { weight: 1, arbitrary: impossible }) },
    { weight: 3, arbitrary: around([tie('rule'), tie('rule')], '(@ && @)') },
    { weight: 3, arbitrary: around([tie('rule'), tie('rule')], '(@ || @)') },
    { weight: 2, arbitrary: around([tie('rule')], '!(@)') },
    { weight: 2, arbitrary: around([tie('rule'), tie('rule'), tie('rule')], '(@ ? @ : @)') },
  ),
}));
export const rules: Arbitrary<RandomRule> = rule;

/**
 * Whether a test of text in it asks for half of a pair. JavaScript finds it in the whole pair, a database cannot: there it
 * is an error.
 */
export function asksForHalfOfPair(bound: TypedExpr): boolean {
  const part = bound.kind === 'call' && textTests.includes(bound.name) ? bound.args[1] : undefined;
  const text = part?.kind === 'constant' && typeof part.value === 'string' ? part.value : '';
  if (/^[\udc00-\udfff]|[\ud800-\udbff]$/.test(text)) return true;
  return childrenOf(bound).some(asksForHalfOfPair);
}
