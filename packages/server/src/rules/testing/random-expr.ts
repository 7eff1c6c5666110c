/**
 * Random typed trees over a small environment, and environments for them, good and bad: for tests that hold two ways of
 * evaluating a rule together. Trees are typed as the checker types them.
 */
import fc from 'fast-check';
import type { TypedExpr } from '../syntax.ts';
import { types, type RecordType, type RuleType } from '../types.ts';
import { Duration, Failure, Timestamp, type Environment, type RelationReader, type Value } from '../value.ts';

const span = { start: 0, end: 0 };

const person: RecordType = types.record('Person', {
  uid: types.string,
  age: types.int,
  score: types.double,
  admin: types.bool,
  role: types.nullable(types.string),
  level: types.nullable(types.int),
  groups: types.list(types.string),
  levels: types.list(types.int),
  since: types.timestamp,
  ['constructor']: types.string,
});

/** What random trees name. */
export const randomVariables: Readonly<Record<string, RuleType>> = {
  auth: person,
  data: types.dyn,
  tags: types.map(types.string),
  people: types.list(person),
  channel: types.string,
  now: types.timestamp,
};

/** One relation, `member(string, string)`. It holds where both are equal, and fails for an empty first argument. */
export const randomRelations: RelationReader = {
  related: (_relation, args) => (args[0] === '' ? new Failure('not loaded') : args[0] === args[1]),
};

type Make = fc.Arbitrary<TypedExpr>;

const texts = ['', 'a', 'b', 'u1', 'g2', 'é', '😀', '\uff01', '__proto__', 'constructor', 'length'];
const ints = [0n, 1n, -1n, 2n, 7n, 2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n)];
const doubles = [0, -0, 1, 1.5, -2, 7, 2 ** 53, 2 ** 63, 1e300, Number.NaN, Infinity];
const keys = ['a', 'b', 'uid', 'age', 'nested', '__proto__', 'constructor', 'toString'];

const constant = (type: RuleType, values: readonly Value[]): Make =>
  fc.constantFrom(...values).map((value) => ({ kind: 'constant', span, type, value }));
const variable = (name: string): TypedExpr => ({
  kind: 'variable',
  span,
  type: randomVariables[name] ?? types.dyn,
  name,
});
const field = (operand: TypedExpr, name: string): TypedExpr => ({
  kind: 'field',
  span,
  type: operand.type.kind === 'record' ? (operand.type.fields[name] ?? types.dyn) : valueOf(operand.type),
  operand,
  name,
});
const call = (type: RuleType, name: string, ...args: readonly Make[]): Make =>
  fc.tuple(...args).map((values) => ({ kind: 'call', span, type, name, args: values }));

function valueOf(type: RuleType): RuleType {
  return type.kind === 'map' ? type.value : types.dyn;
}

function conditionalOf(type: RuleType, condition: TypedExpr, then: TypedExpr, otherwise: TypedExpr): TypedExpr {
  // oxlint-disable-next-line unicorn/no-thenable -- it is the name in the tree, and nothing awaits a tree
  return { kind: 'conditional', span, type, condition, then, otherwise };
}

interface Scope {
  readonly depth: number;
  /** Variables of macros around, with their types. */
  readonly locals: readonly { readonly name: string; readonly type: RuleType }[];
}

const deeper = (scope: Scope): Scope => ({ ...scope, depth: scope.depth - 1 });

/** A tree whose value, if it does not fail, is of the type. */
export function randomExpr(type: RuleType = types.bool, depth = 3): Make {
  return exprOf(type, { depth, locals: [] });
}

/** Made when it is drawn: all choices of all levels at once would be millions. */
function exprOf(type: RuleType, scope: Scope): Make {
  return fc.constant(undefined).chain(() => {
    const leaves = fc.oneof(...leavesOf(type, scope));
    if (scope.depth === 0) return leaves;
    return fc.oneof(
      { weight: 1, arbitrary: leaves },
      { weight: 3, arbitrary: fc.oneof(...branchesOf(type, deeper(scope))) },
    );
  });
}

function leavesOf(type: RuleType, { locals }: Scope): Make[] {
  const leaves: Make[] = locals
    .filter((local) => local.type.kind === type.kind)
    .map(({ name, type: own }) => fc.constant({ kind: 'variable', span, type: own, name }));
  for (const local of locals) {
    if (local.type.kind === 'record') leaves.push(...fieldsOf({ kind: 'variable', span, ...local }, local.type, type));
  }
  leaves.push(...fieldsOf(variable('auth'), person, type));
  switch (type.kind) {
    case 'bool':
      return [...leaves, constant(type, [true, false])];
    case 'int':
      return [...leaves, constant(type, ints)];
    case 'double':
      return [...leaves, constant(type, doubles)];
    case 'string': {
      const tag = fc.constantFrom(...keys).map((key) => field(variable('tags'), key));
      return [...leaves, constant(type, texts), fc.constant(variable('channel')), tag];
    }
    case 'timestamp':
      return [...leaves, fc.constant(variable('now')), constant(type, [new Timestamp(0n), new Timestamp(-1n)])];
    case 'duration':
      return [constant(type, [new Duration(0n), new Duration(1_500_000_000n), new Duration(2n ** 63n - 1n)])];
    case 'list':
      return type.element.kind === 'record'
        ? [fc.constant(variable('people'))]
        : [...leaves, fc.constant({ kind: 'list', span, type, elements: [] }), constant(type, listsOf(type.element))];
    case 'map':
      return [fc.constant(variable('tags'))];
    case 'record':
      return [fc.constant(variable('auth'))];
    case 'nullable':
      return [...leaves, constant(type, [null])];
    case 'null':
      return [constant(type, [null])];
    case 'dyn':
      return [
        fc.constant(variable('data')),
        fc.constantFrom(...keys).map((key) => field(variable('data'), key)),
        constant(type, [null, true, 1n, 1, 'a', ['a', 1n, 1.5], { a: 1, b: 'x' }]),
      ];
  }
}

function listsOf(element: RuleType): readonly Value[] {
  if (element.kind === 'int') return [ints, [1n, 2n]];
  return element.kind === 'string' ? [texts, ['a', 'u1']] : [[]];
}

function fieldsOf(operand: TypedExpr, record: RecordType, type: RuleType): Make[] {
  const names = Object.keys(record.fields).filter((name) => {
    const own = record.fields[name];
    return own !== undefined && isSame(own, type);
  });
  return names.length > 0 ? [fc.constantFrom(...names).map((name) => field(operand, name))] : [];
}

function isSame(a: RuleType, b: RuleType): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

const comparable: readonly RuleType[] = [
  types.int,
  types.double,
  types.string,
  types.bool,
  types.timestamp,
  types.dyn,
  types.list(types.string),
  types.list(types.int),
  types.map(types.string),
  types.nullable(types.string),
  types.nullable(types.int),
  types.list(person),
  person,
];
const ordered: readonly RuleType[] = [
  types.int,
  types.double,
  types.string,
  types.bool,
  types.timestamp,
  types.duration,
  types.dyn,
  types.nullable(types.int),
];

function branchesOf(type: RuleType, scope: Scope): Make[] {
  const of = (wanted: RuleType): Make => exprOf(wanted, scope);
  const conditional: Make = fc.tuple(of(types.bool), of(type), of(type)).map((parts) => conditionalOf(type, ...parts));
  const element = (list: RuleType): Make =>
    fc
      .tuple(of(list), of(types.int))
      .map((args) => ({ kind: 'call', span, type, name: '_[_]', args }) satisfies TypedExpr);
  switch (type.kind) {
    case 'bool':
      return [conditional, ...boolBranches(scope), ...boolBranches(scope)];
    case 'int':
      return [
        conditional,
        arithmetic(type, ['_+_', '_-_', '_*_', '_/_', '_%_'], of),
        call(type, '-_', of(type)),
        call(type, 'int', fc.oneof(of(types.double), of(types.string))),
        call(type, 'size', fc.oneof(of(types.string), of(types.list(types.int)), of(types.dyn))),
        call(type, 'indexOf', of(types.string), of(types.string)),
        call(type, 'getHours', of(types.timestamp), constant(types.string, ['Europe/Paris', '+02:00', 'nowhere'])),
        element(types.list(types.int)),
      ];
    case 'double':
      return [conditional, arithmetic(type, ['_+_', '_-_', '_*_', '_/_'], of), call(type, 'double', of(types.int))];
    case 'string':
      return [
        conditional,
        arithmetic(type, ['_+_'], of),
        call(type, 'string', fc.oneof(of(types.int), of(types.bool), of(types.double), of(types.timestamp))),
        call(type, 'lowerAscii', of(type)),
        call(type, 'substring', of(type), of(types.int), of(types.int)),
        call(type, 'replace', of(type), of(type), of(type)),
        call(type, 'join', of(types.list(type)), of(type)),
        element(types.list(type)),
      ];
    case 'timestamp':
      return [conditional, call(type, '_+_', of(type), of(types.duration)), call(type, 'timestamp', of(types.int))];
    case 'duration':
      return [conditional, call(type, '_-_', of(types.timestamp), of(types.timestamp)), arithmetic(type, ['_+_'], of)];
    case 'list':
      return listBranches(type, type.element, scope);
    case 'map':
      return [
        fc.tuple(constant(types.string, keys), of(type.value)).map(([key, value]) => ({
          kind: 'map',
          span,
          type,
          entries: [{ key, value }],
        })),
      ];
    case 'nullable':
      return [of(type.of), conditional];
    case 'dyn':
      return [
        fc.tuple(of(type), fc.constantFrom(...keys)).map(([operand, name]) => field(operand, name)),
        call(type, '_[_]', of(type), fc.oneof(of(types.int), of(types.string), of(type))),
        call(type, 'dyn', fc.oneof(of(types.int), of(types.string), of(types.list(types.int)), of(person))),
        call(type, '_+_', of(type), of(type)),
        fc.oneof(of(types.list(types.int)), of(types.string), of(types.bool), of(types.double)),
        conditionalOfMany(type, of),
      ];
    case 'null':
    case 'record':
      return [conditional];
  }
}

/** Branches of different types make a dyn. */
function conditionalOfMany(type: RuleType, of: (type: RuleType) => Make): Make {
  return fc
    .tuple(of(types.bool), of(types.list(types.int)), of(types.dyn))
    .map((parts) => conditionalOf(type, ...parts));
}

function arithmetic(type: RuleType, names: readonly string[], of: (type: RuleType) => Make): Make {
  return fc
    .tuple(fc.constantFrom(...names), of(type), of(type))
    .map(([name, left, right]) => ({ kind: 'call', span, type, name, args: [left, right] }));
}

function boolBranches(scope: Scope): Make[] {
  const type = types.bool;
  const of = (wanted: RuleType): Make => exprOf(wanted, scope);
  const pair = (names: readonly string[], pairs: readonly RuleType[]): Make =>
    fc.oneof(
      ...pairs.map((each) =>
        fc
          .tuple(fc.constantFrom(...names), of(each), of(each))
          .map(([name, left, right]): TypedExpr => ({ kind: 'call', span, type, name, args: [left, right] })),
      ),
    );
  return [
    fc
      .tuple(fc.constantFrom('&&', '||'), of(type), fc.oneof(of(type), of(types.dyn)))
      .map(([operator, left, right]) => ({ kind: 'logical', span, type, operator, left, right })),
    call(type, '!_', of(type)),
    fc.constant({ kind: 'failure', span, type, reason: 'known' }),
    pair(['_==_', '_!=_'], comparable),
    call(type, '_==_', of(types.dyn), fc.oneof(of(types.string), of(types.int), of(types.list(types.int)))),
    call(type, '_==_', of(types.nullable(types.string)), fc.oneof(of(types.null), of(types.string))),
    pair(['_<_', '_<=_', '_>_', '_>=_'], ordered),
    call(type, '_<_', of(types.int), of(types.double)),
    call(
      type,
      '@in',
      of(types.string),
      fc.oneof(
        of(types.list(types.string)),
        constant(types.list(types.string), [texts, ['a'], []]),
        of(types.map(types.string)),
        of(types.dyn),
      ),
    ),
    call(
      type,
      '@in',
      of(types.int),
      fc.oneof(of(types.list(types.int)), constant(types.list(types.int), [ints, [1n]])),
    ),
    call(type, '@in', of(types.dyn), fc.oneof(of(types.list(types.int)), of(types.list(types.string)), of(types.dyn))),
    call(type, 'startsWith', of(types.string), of(types.string)),
    call(type, 'contains', fc.oneof(of(types.string), of(types.dyn)), of(types.string)),
    call(
      type,
      'matches',
      of(types.string),
      fc.oneof(constant(types.string, ['^a', '[a-z]\\d', '(']), of(types.string)),
    ),
    fc
      .tuple(of(types.string), of(types.string))
      .map((args) => ({ kind: 'relation', span, type, relation: 'member', args })),
    fc
      .tuple(fc.oneof(of(person), of(types.dyn), of(types.map(types.string))), fc.constantFrom(...keys))
      .map(([operand, name]) => ({ kind: 'present', span, type, operand, name })),
    ...(['all', 'exists', 'exists_one'] as const).flatMap((macro) => [
      macroOf(macro, types.list(types.int), types.int, type, scope),
      macroOf(macro, types.list(person), person, type, scope),
      macroOf(macro, types.dyn, types.dyn, type, scope),
      macroOf(macro, types.map(types.string), types.string, type, scope),
    ]),
  ];
}

function listBranches(type: RuleType, element: RuleType, scope: Scope): Make[] {
  const literal: Make = fc
    .array(exprOf(element, scope), { maxLength: 3 })
    .map((elements) => ({ kind: 'list', span, type, elements }));
  return [
    literal,
    call(type, '_+_', exprOf(type, scope), exprOf(type, scope)),
    macroOf('filter', type, element, type, scope),
    macroOf('map', types.list(types.int), types.int, type, scope, element),
    macroOf('map', types.list(person), person, type, scope, element),
  ];
}

function macroOf(
  macro: 'all' | 'exists' | 'exists_one' | 'filter' | 'map',
  rangeType: RuleType,
  itemType: RuleType,
  type: RuleType,
  scope: Scope,
  bodyType: RuleType = types.bool,
): Make {
  const name = `x#${scope.locals.length}`;
  const inner: Scope = { depth: Math.max(0, scope.depth - 1), locals: [...scope.locals, { name, type: itemType }] };
  const filter = macro === 'map' ? fc.option(exprOf(types.bool, inner), { nil: undefined }) : fc.constant(undefined);
  return fc.tuple(exprOf(rangeType, scope), filter, exprOf(bodyType, inner)).map(([range, test, body]) => ({
    kind: 'comprehension',
    span,
    type,
    macro,
    range,
    variable: name,
    ...(test && { filter: test }),
    body,
  }));
}

const json = fc.jsonValue({ maxDepth: 3 });
const text = fc.constantFrom(...texts);

/** A person as declared. */
const goodPerson = fc.record(
  {
    uid: text,
    age: fc.integer({ min: -3, max: 9 }),
    score: fc.constantFrom(...doubles),
    admin: fc.boolean(),
    role: fc.option(text),
    level: fc.option(fc.integer({ min: 0, max: 9 })),
    groups: fc.array(text, { maxLength: 4 }),
    levels: fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 4 }),
    since: fc.constantFrom('2020-01-02T03:04:05Z', 1_600_000_000, 1.5),
    ['constructor']: text,
  },
  { requiredKeys: ['uid', 'age', 'score', 'admin', 'groups', 'levels', 'since'] },
);

const wild: fc.Arbitrary<unknown> = fc.oneof(
  json,
  text,
  fc.constantFrom<unknown>(
    undefined,
    1n,
    2n ** 70n,
    new Date(0),
    new Map(),
    () => 1,
    Symbol('x'),
    Object.create({ uid: 'a' }),
  ),
  fc.constant(JSON.parse('{"__proto__":{"uid":"a"},"constructor":"b","a":[1,"a",null]}') as unknown),
  fc.dictionary(fc.constantFrom(...keys), json, { maxKeys: 4 }),
  goodPerson,
);

/** Mostly as declared; sometimes with anything in place of anything. */
export const randomEnvironment: fc.Arbitrary<Environment> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record<Record<string, unknown>>({
      auth: goodPerson,
      data: fc.oneof(fc.dictionary(fc.constantFrom(...keys), json, { maxKeys: 4 }), json, goodPerson),
      tags: fc.dictionary(fc.constantFrom(...keys), text, { maxKeys: 4 }),
      people: fc.array(goodPerson, { maxLength: 3 }),
      channel: text,
      now: fc.constantFrom(new Timestamp(0n), Timestamp.ofMs(1_700_000_000_000)),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record<Record<string, unknown>>(
      {
        auth: fc.oneof(wild, fc.dictionary(fc.constantFrom(...Object.keys(person.fields)), wild, { minKeys: 5 })),
        data: wild,
        tags: fc.oneof(wild, fc.dictionary(fc.constantFrom(...keys), wild, { maxKeys: 4 })),
        people: fc.oneof(wild, fc.array(fc.oneof(goodPerson, wild), { maxLength: 4 })),
        channel: wild,
        now: wild,
      },
      { requiredKeys: [] },
    ),
  },
);
