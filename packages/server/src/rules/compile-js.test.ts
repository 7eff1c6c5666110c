import { afterEach, describe, expect, test, vi } from 'vitest';
import { checkRule } from './check.ts';
import { compileClosure } from './compile-closure.ts';
import { compile, compileJs } from './compile-js.ts';
import { parseRule } from './parse.ts';
import type { TypedExpr } from './syntax.ts';
import { types } from './types.ts';
import { Failure, type Environment, type RelationReader, type Value } from './value.ts';

const parameters = [
  { name: 'gid', type: types.string },
  { name: 'uid', type: types.string },
];
const declarations = {
  variables: {
    auth: types.record('auth', {
      uid: types.string,
      role: types.nullable(types.string),
      level: types.int,
      levels: types.list(types.int),
      groups: types.list(types.string),
    }),
    data: types.dyn,
    gid: types.string,
    tags: types.map(types.string),
  },
  relations: { member: { name: 'member', parameters } },
};

function typed(text: string): TypedExpr {
  const { expr, problems } = checkRule(parseRule(text), declarations);
  expect(problems).toEqual([]);
  return expr;
}

const members: RelationReader = { related: (_name, [gid, uid]) => gid === 'g1' && uid === 'u1' };
const auth = { uid: 'u1', level: 5, levels: [1, 2], groups: ['a', 'b'] };

/** In both forms. */
function run(text: string | TypedExpr, environment: Environment = { auth }, relations = members): Value | Failure {
  const expr = typeof text === 'string' ? typed(text) : text;
  const result = compileJs(expr)(environment, relations);
  expect(compileClosure(expr)(environment, relations)).toEqual(result);
  return result;
}

const isFailure = expect.any(Failure) as Failure;
const span = { start: 0, end: 0 };

describe('errors', () => {
  test.each([
    ['1 / 0 == 1 || true', true],
    ['true || 1 / 0 == 1', true],
    ['1 / 0 == 1 && false', false],
    ['false && 1 / 0 == 1', false],
    ['1 / 0 == 1 || false', isFailure],
    ['1 / 0 == 1 && true', isFailure],
    ['data.x && false', false],
    ['data.x && true', isFailure],
    ['data.x || (data.x || auth.level == 5)', true],
    ['data.x ? true : true', isFailure],
    ['[1, 2, 0].exists(x, 2 / x == 2)', true],
    ['[0, 1, 2].exists(x, 2 / x == 2)', true],
    ['[0, 1, 2].exists(x, 2 / x == 7)', isFailure],
    ['[0, 1, 2].all(x, 2 / x == 2)', false],
    ['[0, 1].all(x, 2 / x == 2)', isFailure],
    ['[1, 0].exists_one(x, 2 / x == 2)', isFailure],
    ['[1, 1, 2].exists_one(x, x == 2)', true],
    ['[1, 0].filter(x, 2 / x == 2)', isFailure],
    ['[1, 2, 3].map(x, x > 1, x * 2)', [4n, 6n]],
    ['tags.exists(t, t == "a") && tags.map(t, tags[t]) == ["b"]', true],
  ])('%s', (text, expected) => {
    expect(run(text, { auth, data: { x: 'text' }, tags: { a: 'b' } })).toEqual(expected);
  });
});

test('a list from outside is read as declared, where it is taken apart and where it is taken as a whole', () => {
  expect(run('auth.levels[0] + 1 == 2')).toBe(true);
  expect(run('auth.levels == [1, 2]')).toBe(true);
  expect(run('auth.levels + [3] == [1, 2, 3]')).toBe(true);
  expect(run('dyn(auth.levels)[0] + 1 == 2')).toBe(true);
  expect(run('(auth.level > 1 ? auth.levels : data)[0] + 1 == 2', { auth, data: [] })).toBe(true);
  const wrong = { auth: { ...auth, levels: [1, 'x'] } };
  expect(run('auth.levels[0] == 1', wrong)).toBe(true);
  expect(run('auth.levels == [1, 2]', wrong)).toBeInstanceOf(Failure);
  expect(run('1 in auth.levels', wrong)).toBe(true);
  expect(run('2 in auth.levels', wrong)).toBeInstanceOf(Failure);
});

test('a wrong type is a failure, never a verdict', () => {
  expect(run('!("u1" in auth.groups)', { auth: { ...auth, groups: 'u1' } })).toBeInstanceOf(Failure);
  expect(run('!("1" in auth.groups)', { auth: { ...auth, groups: [1] } })).toBeInstanceOf(Failure);
  expect(run('auth.level < 9', { auth: { ...auth, level: '5' } })).toBeInstanceOf(Failure);
  expect(run('auth.role != "admin"', { auth: { ...auth, role: 7 } })).toBeInstanceOf(Failure);
});

test('in finds what a list holds, short or long, constant or not', () => {
  expect(run('auth.uid in ["u1", "u2"]')).toBe(true);
  expect(run('auth.uid in ["a", "b", "c", "d", "e", "f", "u1"]')).toBe(true);
  expect(run('auth.uid in ["a", "b", "c", "d", "e", "f"]')).toBe(false);
  expect(run('data in [1, 2, 3, 4, 5, 6]', { data: 6 })).toBe(true);
  expect(run('auth.level in [1, 2, 3, 4, 5, 6]')).toBe(true);
  expect(run('data in ["a"]', { data: ['a'] })).toBe(false);
  expect(run('auth.uid in []')).toBe(false);
});

test('operators on declared types compare as CEL does, not as JavaScript', () => {
  // U+FF01 comes before U+1F600, but its code unit after the surrogate.
  expect(run('gid < "😀"', { gid: '\uff01' })).toBe(true);
  expect(run('gid >= "😀"', { gid: '\uff01' })).toBe(false);
  // An int counts as the nearest double.
  expect(run('9223372036854775807 < 9223372036854775808.0')).toBe(false);
  expect(run('auth.level + 9223372036854775802 <= 9223372036854775808.0')).toBe(true);
  expect(run('auth.level + 9223372036854775802 >= 9223372036854775808.0')).toBe(true);
  expect(run('9223372036854775808.0 > auth.level + 9223372036854775802')).toBe(false);
  expect(run('double("NaN") <= 1.0 || double("NaN") == double("NaN")')).toBe(false);
});

describe('relations', () => {
  test('are asked with values', () => {
    expect(run('member(gid, auth.uid)', { auth, gid: 'g1' })).toBe(true);
    expect(run('member(gid, auth.uid)', { auth, gid: 'g2' })).toBe(false);
    const failing: RelationReader = { related: () => new Failure('not loaded') };
    expect(run('member(gid, auth.uid)', { auth, gid: 'g1' }, failing)).toEqual(new Failure('not loaded'));
  });

  test('one that throws, or answers neither true nor false, is a failure', () => {
    const throwing: RelationReader = {
      related: () => {
        throw new Error('down');
      },
    };
    expect(run('member("a", "b")', {}, throwing)).toBeInstanceOf(Failure);
    const silent = { related: () => undefined } as unknown as RelationReader;
    expect(run('!member("a", "b")', {}, silent)).toBeInstanceOf(Failure);
  });
});

describe('inherited properties', () => {
  afterEach(() => {
    delete (Object.prototype as Record<string, unknown>)['role'];
    delete (Object.prototype as Record<string, unknown>)['gid'];
  });

  test('names of Object.prototype are fields only where an object has its own', () => {
    for (const name of ['constructor', 'toString', '__proto__', 'hasOwnProperty']) {
      expect(run(`has(data.${name})`, { data: {} })).toBe(false);
      expect(run(`data.${name} == "x"`, { data: {} })).toBeInstanceOf(Failure);
      const own = JSON.parse(`{"${name}":"x"}`) as unknown;
      expect(run(`data.${name} == "x"`, { data: own })).toBe(true);
      expect(run(`tags.${name} == "x"`, { tags: own })).toBe(true);
      expect(run(`"${name}" in tags`, { tags: {} })).toBe(false);
    }
  });

  test('a polluted Object.prototype gives nobody a role', () => {
    const rule = typed('auth.role == "admin"');
    const forms = [compileJs(rule), compileClosure(rule)];
    for (const evaluate of forms) expect(evaluate({ auth }, members)).toBe(false);
    (Object.prototype as Record<string, unknown>)['role'] = 'admin';
    (Object.prototype as Record<string, unknown>)['gid'] = 'g1';
    for (const evaluate of [...forms, compileJs(rule), compileClosure(rule)]) {
      expect(evaluate({ auth }, members)).toBe(false);
      expect(evaluate({ auth: { ...auth, role: 'admin' } }, members)).toBe(true);
    }
    expect(run('member(gid, auth.uid)', { auth })).toBeInstanceOf(Failure);
  });

  test('an object with a prototype of somebody else is no record', () => {
    const lent = Object.assign(Object.create({ role: 'admin' }) as object, auth);
    expect(run('auth.role == "admin"', { auth: lent })).toBeInstanceOf(Failure);
    expect(run('gid == "g1"', Object.create({ gid: 'g1' }) as Environment)).toBeInstanceOf(Failure);
  });

  test('a map with a key __proto__ has that key and no other prototype', () => {
    expect(run('dyn({"__proto__": {"a": 1}}).a == 1')).toBeInstanceOf(Failure);
    expect(run('"__proto__" in {"__proto__": 1}')).toBe(true);
  });
});

test('getters and proxies that throw are failures', () => {
  const environment = {
    get auth(): unknown {
      throw new Error('no');
    },
  };
  expect(run('auth.uid == "u1"', environment)).toBeInstanceOf(Failure);
  const proxy = new Proxy(
    {},
    {
      getPrototypeOf: () => {
        throw new Error('no');
      },
      get: () => {
        throw new Error('no');
      },
    },
  );
  expect(run('data.x == 1', { data: proxy })).toBeInstanceOf(Failure);
});

test('macros take 100,000 steps together and then fail', () => {
  const data = Array.from({ length: 400 }, (_, i) => i);
  expect(run('data.all(x, data.exists(y, y == 200))', { data })).toBe(true);
  expect(run('data.all(x, data.exists(y, y == -1))', { data: data.slice(0, 100) })).toBe(false);
  expect(run('data.all(x, data.all(y, y >= 0))', { data })).toEqual(new Failure('more than 100000 steps of macros'));
  expect(run('data.map(x, data.filter(y, true).size()).size() == 400', { data })).toBeInstanceOf(Failure);
  expect(run('data.size() == 400 || data.all(x, data.all(y, true))', { data })).toBe(true);
});

test('text of a rule never becomes code', () => {
  const text = '"); throw new Error(`${1}\u2028'.split('');
  const names = ['a-b', 'x; throw 1', '"', 'constructor.constructor("throw 1")()', '\u2028', ''];
  for (const name of [...names, text.join('')]) {
    const operand: TypedExpr = { kind: 'variable', span, type: types.dyn, name };
    const expr: TypedExpr = { kind: 'field', span, type: types.dyn, operand, name };
    expect(run(expr, { [name]: { [name]: 'value' } })).toBe('value');
    const constant: TypedExpr = { kind: 'constant', span, type: types.string, value: name };
    expect(run({ kind: 'list', span, type: types.list(types.string), elements: [constant] })).toEqual([name]);
    expect(run({ kind: 'failure', span, type: types.bool, reason: name })).toEqual(new Failure(name));
    expect(run({ kind: 'call', span, type: types.bool, name, args: [] })).toBeInstanceOf(Failure);
    expect(run({ kind: 'relation', span, type: types.bool, relation: name, args: [] })).toBe(false);
  }
});

test('variables of macros are told apart from those of the environment, and from each other', () => {
  expect(run('[1, 2].all(x, [3].exists(y, y > x)) && [1].map(gid, gid) == [1]', { gid: 'g' })).toBe(true);
  expect(run('[[1], [2]].map(x, x.map(x, x + 1)) == [[2], [3]]')).toBe(true);
});

describe('where code must not be generated', () => {
  afterEach(() => vi.unstubAllGlobals());

  test('compileJs throws an EvalError, and compile takes closures', () => {
    vi.stubGlobal('Function', function refuse() {
      throw new EvalError('code generation from strings is disallowed for this context');
    });
    const rule = typed('auth.uid == "u1"');
    expect(() => compileJs(rule)).toThrow(EvalError);
    expect(compile(rule)({ auth }, members)).toBe(true);
  });
});

test('a compiled rule can be asked again while it is being evaluated', () => {
  const expr = typed('["g1", "g2"].map(g, member(g, "u1") ? g : "none")');
  for (const make of [compileJs, compileClosure]) {
    let inner: Value | Failure = null;
    let depth = 0;
    const evaluate = make(expr);
    const asking: RelationReader = {
      related: (name, args) => {
        if (depth++ === 0) inner = evaluate({}, asking);
        return members.related(name, args);
      },
    };
    expect(evaluate({}, asking)).toEqual(['g1', 'none']);
    expect(inner).toEqual(['g1', 'none']);
  }
});
