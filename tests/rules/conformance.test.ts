/**
 * The conformance suite of cel-spec. A test lies in the subset and passes, in both evaluated forms, or it falls outside
 * for a reason (`spec-reasons.ts`) and is refused when loaded: what the engine does not have, it never guesses.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { getConformanceSuite, getParsingSuite, type IncrementalTest } from '@bufbuild/cel-spec/testdata/tests.js';
import { describe, expect, test } from 'vitest';
import { parseRule } from '../../packages/server/src/rules/parse.ts';
import type { Expr } from '../../packages/server/src/rules/syntax.ts';
import { formatType, types } from '../../packages/server/src/rules/types.ts';
import { Failure, type Value } from '../../packages/server/src/rules/value.ts';
import { load, loadParsed, noRelations, show, type Loaded, type Variables } from './both-forms.ts';
import { conformancePage, type SuiteTest } from './spec-page.ts';
import { expectedValue, expectsError, reasonOutside, reasons } from './spec-reasons.ts';
import { typeOf, valueOf } from './spec-values.ts';

const suite = getConformanceSuite().suites.flatMap((file) =>
  file.suites.flatMap((section) =>
    section.tests.map((of) => ({ file: file.name, section: section.name, of, outside: reasonOutside(of) })),
  ),
);
const inside = suite.filter(({ outside }) => outside === undefined);
const title = ({ file, section, of }: (typeof suite)[number]) => `${file}/${section}/${of.name}`;

/** What a test declares. A variable that is bound and not declared is `dyn`. */
function variablesOf({ original }: IncrementalTest): Variables {
  const bound = Object.keys(original.bindings).map((name) => [name, types.dyn] as const);
  const declared = original.typeEnv.map(({ name, declKind }) => {
    const type = declKind.case === 'ident' && declKind.value.type && typeOf(declKind.value.type);
    if (!type) throw new Error(`the type of ${name} is not one of rules`);
    return [name, type] as const;
  });
  return Object.fromEntries([...bound, ...declared]);
}

function bindingsOf({ original }: IncrementalTest): Record<string, Value> {
  return Object.fromEntries(
    Object.entries(original.bindings).map(([name, { kind }]) => {
      const value = kind.case === 'value' ? valueOf(kind.value) : undefined;
      if (value === undefined) throw new Error(`the value of ${name} is not one of rules`);
      return [name, value];
    }),
  );
}

/** Wraps every literal, so that nothing is known before evaluation. */
function withoutTypes(expr: Expr): Expr {
  const dyn = (of: Expr): Expr => ({ kind: 'call', span: of.span, nameSpan: of.span, name: 'dyn', args: [of] });
  switch (expr.kind) {
    case 'literal':
      return dyn(expr);
    case 'identifier':
      return expr;
    case 'select':
    case 'has':
    case 'unary':
      return { ...expr, operand: withoutTypes(expr.operand) };
    case 'index':
      return { ...expr, operand: withoutTypes(expr.operand), index: withoutTypes(expr.index) };
    case 'binary':
      return { ...expr, left: withoutTypes(expr.left), right: withoutTypes(expr.right) };
    case 'conditional': {
      const { condition, then, otherwise } = expr;
      return {
        ...expr,
        condition: withoutTypes(condition),
        // oxlint-disable-next-line unicorn/no-thenable -- it is the name in the tree, and nothing awaits a tree
        then: withoutTypes(then),
        otherwise: withoutTypes(otherwise),
      };
    }
    case 'call':
      return {
        ...expr,
        ...(expr.target && { target: withoutTypes(expr.target) }),
        args: expr.args.map(withoutTypes),
      };
    case 'list':
      return dyn({ ...expr, elements: expr.elements.map(withoutTypes) });
    case 'map':
      // A key stays a string: a map's keys are checked when it is built.
      return dyn({ ...expr, entries: expr.entries.map(({ key, value }) => ({ key, value: withoutTypes(value) })) });
    case 'macro':
      return {
        ...expr,
        range: withoutTypes(expr.range),
        ...(expr.filter && { filter: withoutTypes(expr.filter) }),
        body: withoutTypes(expr.body),
      };
  }
}

/** A rule that is refused has no value; CEL has none that is undefined. */
function outcome(of: IncrementalTest, loaded: Loaded): Value | Failure | undefined {
  return loaded.kind === 'refused' ? undefined : loaded.evaluate(bindingsOf(of), noRelations);
}

const shown = (result: Value | Failure | undefined) => (result === undefined ? 'refused' : show(result));

/** As the suite asks: any NaN is NaN, a zero has no sign, an int is no double. */
function matches(actual: Value | Failure, expected: Value): boolean {
  if (typeof actual === 'number' && typeof expected === 'number')
    return actual === expected || (actual !== actual && expected !== expected);
  return isDeepStrictEqual(actual, expected);
}

function judge(of: IncrementalTest, typed: Loaded, untyped: Loaded): void {
  const results = [outcome(of, typed), outcome(of, untyped)];
  const what = `${of.original.expr} gave ${results.map(shown).join(', and with everything dyn ')}`;
  if (expectsError(of)) {
    const failed = results.every((result) => result === undefined || result instanceof Failure);
    expect(failed, `${what}; an error is expected`).toBe(true);
    return;
  }
  const wanted = expectedValue(of);
  const expected = wanted ? valueOf(wanted) : true;
  if (expected === undefined) throw new Error('what is expected is not a value of rules');
  // Where the suite turns the checker off, rules refuse what has the wrong type; at run time they agree with CEL.
  const evaluated = results.filter((result) => !(result === undefined && of.original.disableCheck));
  expect(evaluated.length, `${what}; refused`).toBeGreaterThan(0);
  for (const result of evaluated) {
    const right = result !== undefined && matches(result, expected);
    expect(right, `${what}; expected is ${show(expected)}`).toBe(true);
  }
}

/** cel-go infers what an empty list holds from how its elements are used; here they stay `dyn`. */
const lessPrecise = new Map([['[].filter(n, n % 2 == 0)', 'list(dyn)']]);

function judgeType(of: IncrementalTest, loaded: Loaded): void {
  if (of.type === undefined || loaded.kind === 'refused') return;
  const ours = formatType(loaded.typed.type);
  const theirs = of.type
    .replaceAll('map(string, ', 'map(')
    .replace('map(dyn, dyn)', 'map(dyn)')
    .replace(/wrapper\((\w+)\)/, '$1?');
  expect(ours, `type of ${of.original.expr}`).toBe(lessPrecise.get(of.original.expr) ?? theirs);
}

describe('cel-spec: in the subset', () => {
  const files = Map.groupBy(inside, ({ file }) => file);
  describe.each([...files])('%s', (_file, tests) => {
    test.each(tests.map((each) => [title(each), each.of] as const))('%s', (_title, of) => {
      const variables = variablesOf(of);
      const typed = load(of.original.expr, variables);
      judgeType(of, typed);
      if (of.original.checkOnly) {
        expect(typed.kind).toBe('rule');
        return;
      }
      const dyn = Object.fromEntries(Object.keys(variables).map((name) => [name, types.dyn]));
      judge(of, typed, loadParsed(withoutTypes(parseRule(of.original.expr)), dyn));
    });
  });
});

describe('cel-spec: outside the subset', () => {
  test.each(reasons.map((reason) => [reason.title, reason] as const))('%s: refused when loaded', (_title, reason) => {
    const tests = suite.filter(({ outside }) => outside === reason);
    expect(tests.length, 'a reason that no test has').toBeGreaterThan(0);
    if (reason.notInText) return;
    const loaded = tests.filter(({ of }) => load(of.original.expr, bindable(of)).kind === 'rule');
    expect(loaded.map((each) => `${title(each)}: ${each.of.original.expr}`)).toEqual([]);
  });

  /** What of the declarations can be said. */
  function bindable({ original }: IncrementalTest): Variables {
    return Object.fromEntries(
      original.typeEnv.flatMap(({ name, declKind }) => {
        const type = declKind.case === 'ident' && declKind.value.type && typeOf(declKind.value.type);
        return type ? [[name, type] as const] : [];
      }),
    );
  }
});

describe('tests of the parser of cel-go', () => {
  // Its limits, and the names that its macros use themselves, are its own.
  const tests = getParsingSuite().tests.filter(({ error }) => !/recursion|overwrites accumulator/.test(error ?? ''));
  const refusal = ({ original }: IncrementalTest): string | undefined => {
    try {
      parseRule(original.expr);
      return undefined;
    } catch (error) {
      return (error as Error).message;
    }
  };

  test('what it refuses is refused', () => {
    const wrong = tests.filter(({ ast }) => ast === undefined);
    expect(wrong.length).toBeGreaterThan(30);
    // Where the parser of cel-go expands macros, the checker does here. All names are known, so none is what refuses it.
    const known: Variables = Object.fromEntries(Array.from('abcdefghijklmnopqrstuvwxyz', (name) => [name, types.dyn]));
    const taken = wrong.filter(({ original }) => load(original.expr, known).kind === 'rule');
    expect(taken.map(({ original }) => original.expr)).toEqual([]);
  });

  test('what it takes is taken, or said to be outside the language', () => {
    const right = tests.filter(({ ast }) => ast !== undefined);
    expect(right.length).toBeGreaterThan(30);
    const refused = right.flatMap((each) => refusal(each) ?? []);
    expect(refused.filter((message) => !message.includes('outside the language'))).toEqual([]);
  });
});

test('docs/rules-conformance.md says so', async () => {
  const tests = suite.map(({ file, section, of, outside }): SuiteTest => ({ file, section, name: of.name, outside }));
  const entry = createRequire(import.meta.url).resolve('@bufbuild/cel-spec/testdata/tests.js');
  const manifest = JSON.parse(readFileSync(new URL('../../../package.json', `file://${entry}`), 'utf8')) as Record<
    string,
    string
  >;
  const page = conformancePage(tests, reasons, manifest['upstreamCelSpecRef'] ?? '');
  await expect(page).toMatchFileSnapshot(fileURLToPath(new URL('../../docs/rules-conformance.md', import.meta.url)));
});
