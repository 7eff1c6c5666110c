/**
 * Why a test of the cel-spec suite lies outside the subset: predicates on what it says, read from another library's
 * syntax tree, so that no fault of our parser can take a test out of the count. The first reason that holds counts.
 */
import { parse } from '@bufbuild/cel';
import type { IncrementalTest } from '@bufbuild/cel-spec/testdata/tests.js';
import type { Expr as SpecExpr } from '@bufbuild/cel-spec/cel/expr/syntax_pb.js';
import { Type_PrimitiveType, type Type } from '@bufbuild/cel-spec/cel/expr/checked_pb.js';
import type { Value as SpecValue } from '@bufbuild/cel-spec/cel/expr/value_pb.js';
import { signatures } from '../../packages/server/src/rules/signatures.ts';
import { typeOf } from './spec-values.ts';

/** What a predicate sees. */
interface Evidence {
  readonly test: IncrementalTest;
  /** Every node of the tree; empty where the other library cannot parse the rule either. */
  readonly nodes: readonly SpecExpr[];
  /** Expected, bound and literal values, and what they hold. */
  readonly values: readonly SpecValue[];
  /** Declared types and the parts of them. */
  readonly types: readonly Type[];
  /** Names of functions called. */
  readonly calls: ReadonlySet<string>;
  /** Names that stand alone, beside the variables of macros. */
  readonly names: ReadonlySet<string>;
}

export interface Reason {
  /** As it stands in the page. */
  readonly title: string;
  readonly why: string;
  readonly holds: (evidence: Evidence) => boolean;
  /** It is not the rule's text that is outside but how the test runs it: there is nothing to refuse. */
  readonly notInText?: boolean;
}

const typeNames = new Set(['bool', 'bytes', 'double', 'int', 'list', 'map', 'null_type', 'string', 'type', 'uint']);
const keyIs = (key: SpecExpr | undefined, what: (kind: string | undefined) => boolean) =>
  key?.exprKind.case === 'constExpr' && what(key.exprKind.value.constantKind.case);

export const reasons: readonly Reason[] = [
  {
    title: 'Protocol buffer messages and enums',
    why: 'Rules work on JSON and on rows; neither has messages.',
    holds: ({ test, nodes, types, values }) =>
      /\bTestAllTypes\b|\b(Global|Nested)Enum\b|google\.protobuf\.\w+\s*\{/.test(test.original.expr) ||
      nodes.some(({ exprKind: e }) => e.case === 'structExpr' && e.value.messageName !== '') ||
      types.some((type) => type.typeKind.case === 'messageType' && typeOf(type) === undefined && !isUnsigned(type)) ||
      values.some(({ kind }) => kind.case === 'enumValue'),
  },
  {
    title: 'Unsigned integers',
    why: 'Neither JSON nor SQLite has them; int covers what rules compare.',
    holds: ({ calls, nodes, types, values }) =>
      calls.has('uint') ||
      nodes.some(({ exprKind: e }) => e.case === 'constExpr' && e.value.constantKind.case === 'uint64Value') ||
      types.some(isUnsigned) ||
      values.some(({ kind }) => kind.case === 'uint64Value'),
  },
  {
    title: 'Bytes',
    why: 'JSON has none.',
    holds: ({ calls, nodes, types, values }) =>
      calls.has('bytes') ||
      nodes.some(({ exprKind: e }) => e.case === 'constExpr' && e.value.constantKind.case === 'bytesValue') ||
      types.some(
        ({ typeKind: t }) =>
          (t.case === 'primitive' && t.value === Type_PrimitiveType.BYTES) ||
          (t.case === 'messageType' && t.value === 'google.protobuf.BytesValue'),
      ) ||
      values.some(({ kind }) => kind.case === 'bytesValue'),
  },
  {
    title: 'Types as values',
    why: 'Variables and fields are declared, so no rule need ask for a type.',
    holds: ({ calls, names, test, values }) =>
      calls.has('type') ||
      [...names].some((name) => typeNames.has(name)) ||
      /^google\.protobuf\.\w+$/.test(test.original.expr) ||
      values.some(({ kind }) => kind.case === 'typeValue'),
  },
  {
    title: 'Maps with keys that are not strings',
    why: 'JSON has only string keys.',
    holds: ({ nodes, types }) =>
      types.some(({ typeKind: t }) => t.case === 'mapType' && t.value.keyType && !isStringKey(t.value.keyType)) ||
      nodes.some(
        ({ exprKind: e }) =>
          e.case === 'structExpr' &&
          e.value.entries.some(
            ({ keyKind }) => keyKind.case === 'mapKey' && keyIs(keyKind.value, (kind) => kind !== 'stringValue'),
          ),
      ) ||
      nodes.some(
        ({ exprKind: e }) =>
          e.case === 'callExpr' &&
          e.value.function === '@in' &&
          e.value.args[1]?.exprKind.case === 'structExpr' &&
          keyIs(e.value.args[0], (kind) => kind !== 'stringValue'),
      ),
  },
  {
    title: 'Optional values',
    why: 'A field that may be missing is declared so, or asked for with `has`.',
    holds: ({ test }) => /\boptional\.|\.\?|\[\?|\{\?|\boptional_type\b|\.opt(FlatMap|Map)\(/.test(test.original.expr),
  },
  {
    title: 'Macros with two variables',
    why: 'A later addition to CEL; the macros with one variable serve.',
    holds: ({ test }) =>
      /\.(all|exists|existsOne|transform(List|Map(Entry)?))\(\s*\w+\s*,\s*\w+\s*,/.test(test.original.expr),
  },
  {
    title: 'Field names in back quotes',
    why: 'A later addition to CEL; `map["content-type"]` says the same.',
    holds: ({ test }) => /\.`/.test(test.original.expr),
  },
  {
    title: 'Qualified names',
    why: 'All variables stand in one flat namespace.',
    holds: ({ test }) => test.original.typeEnv.some(({ name }) => name.includes('.')) && test.original.container === '',
  },
  {
    title: 'Containers',
    why: 'There is one namespace, so there is none to resolve names in.',
    holds: ({ test }) => test.original.container !== '',
    notInText: true,
  },
  {
    title: 'Extensions: cel.bind and cel.block',
    why: 'Rules are short; what they share is declared as a relation.',
    holds: ({ test }) => /\bcel\.(bind|block|index|iterVar)\(/.test(test.original.expr),
  },
  {
    title: 'Extensions: math, encoders, protobuf',
    why: 'No rule about who may see what needs them.',
    holds: ({ test }) => /\b(math|base64|proto)\.\w+\(/.test(test.original.expr),
  },
  {
    title: 'Extensions: string functions that are left out',
    why: 'They make text for people, which is no part of a decision.',
    holds: ({ calls, test }) =>
      /\bstrings\.\w+\(/.test(test.original.expr) ||
      ['format', 'lastIndexOf', 'reverse', 'quote'].some((name) => calls.has(name) && !Object.hasOwn(signatures, name)),
  },
  {
    title: 'Functions and types that a test declares',
    why: 'What rules may look up beside their variables is declared as a relation.',
    holds: ({ test, types }) =>
      test.original.typeEnv.some(({ declKind }) => declKind.case === 'function') ||
      types.some(({ typeKind }) => typeKind.case === 'abstractType'),
  },
  {
    title: 'Unknown names where the test expects a value',
    why: 'An unknown name is refused when a rule is loaded, even beside `|| true`.',
    holds: ({ test }) =>
      test.original.disableCheck && !expectsError(test) && /undeclared reference/.test(test.error ?? ''),
  },
];

/** @returns undefined for a test that lies in the subset, and must pass. */
export function reasonOutside(test: IncrementalTest): Reason | undefined {
  const evidence = gather(test);
  return reasons.find((reason) => reason.holds(evidence));
}

export function expectsError(test: IncrementalTest): boolean {
  const { case: expected } = test.original.resultMatcher;
  return expected === 'evalError' || expected === 'anyEvalErrors';
}

/** What a test expects; `true` where it says nothing. */
export function expectedValue({ original }: IncrementalTest): SpecValue | undefined {
  const { resultMatcher: matcher } = original;
  if (matcher.case === 'value') return matcher.value;
  return matcher.case === 'typedResult' ? matcher.value.result : undefined;
}

const isStringKey = (type: Type) =>
  type.typeKind.case === 'dyn' ||
  (type.typeKind.case === 'primitive' && type.typeKind.value === Type_PrimitiveType.STRING);

const isUnsigned = ({ typeKind: t }: Type) =>
  ((t.case === 'primitive' || t.case === 'wrapper') && t.value === Type_PrimitiveType.UINT64) ||
  (t.case === 'messageType' && /^google\.protobuf\.UInt(32|64)Value$/.test(t.value));

function gather(test: IncrementalTest): Evidence {
  const nodes = treeOf(test.original.expr);
  const calls = new Set<string>();
  const names = new Set<string>();
  const bound = new Set<string>();
  for (const { exprKind: e } of nodes) {
    if (e.case === 'callExpr') calls.add(e.value.function);
    if (e.case === 'identExpr') names.add(e.value.name);
    if (e.case === 'comprehensionExpr') bound.add(e.value.iterVar).add(e.value.accuVar);
  }
  const expected = expectedValue(test);
  const given = Object.values(test.original.bindings).flatMap(({ kind }) =>
    kind.case === 'value' ? [kind.value] : [],
  );
  const declared = test.original.typeEnv.flatMap(({ declKind }) =>
    declKind.case === 'ident' && declKind.value.type ? [declKind.value.type] : [],
  );
  const { resultMatcher: matcher } = test.original;
  const deduced = matcher.case === 'typedResult' ? matcher.value.deducedType : undefined;
  return {
    test,
    nodes,
    calls,
    names: new Set([...names].filter((name) => !bound.has(name))),
    values: [...(expected ? [expected] : []), ...given].flatMap(valuesWithin),
    types: [...declared, ...(deduced ? [deduced] : [])].flatMap(typesWithin),
  };
}

function treeOf(source: string): SpecExpr[] {
  let root: SpecExpr;
  try {
    root = parse(source).expr;
  } catch {
    return [];
  }
  const found: SpecExpr[] = [];
  const waiting: (SpecExpr | undefined)[] = [root];
  while (waiting.length > 0) {
    const node = waiting.pop();
    if (!node) continue;
    found.push(node);
    const { exprKind: e } = node;
    if (e.case === 'selectExpr') waiting.push(e.value.operand);
    if (e.case === 'callExpr') waiting.push(e.value.target, ...e.value.args);
    if (e.case === 'listExpr') waiting.push(...e.value.elements);
    if (e.case === 'structExpr') {
      for (const { keyKind, value } of e.value.entries) {
        waiting.push(keyKind.case === 'mapKey' ? keyKind.value : undefined, value);
      }
    }
    if (e.case === 'comprehensionExpr') {
      const { iterRange, accuInit, loopCondition, loopStep, result } = e.value;
      waiting.push(iterRange, accuInit, loopCondition, loopStep, result);
    }
  }
  return found;
}

function valuesWithin(value: SpecValue): SpecValue[] {
  const { kind } = value;
  if (kind.case === 'listValue') return [value, ...kind.value.values.flatMap(valuesWithin)];
  if (kind.case !== 'mapValue') return [value];
  const parts = kind.value.entries.flatMap((entry) => [entry.key, entry.value]);
  return [value, ...parts.flatMap((part) => (part ? valuesWithin(part) : []))];
}

function typesWithin(type: Type): Type[] {
  const { typeKind: t } = type;
  const parts =
    t.case === 'listType'
      ? [t.value.elemType]
      : t.case === 'mapType'
        ? [t.value.keyType, t.value.valueType]
        : t.case === 'abstractType'
          ? t.value.parameterTypes
          : [];
  return [type, ...parts.flatMap((part) => (part ? typesWithin(part) : []))];
}
