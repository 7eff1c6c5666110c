/** What is said of calls that no function takes. Part of `check.ts`. */
import { macroForms, formatRelation, meantFunction, type Names, unknownFunction } from './check-names.ts';
import { formatCall, formatOverloads } from './overloads.ts';
import { isMacro } from './parse.ts';
import type { RelationSignature } from './relation.ts';
import { signatureOf, type Signature } from './signatures.ts';
import type { Expr, RuleProblem, Span, TypedExpr } from './syntax.ts';
import { accepts } from './type-relations.ts';
import { formatType, types, type RuleType } from './types.ts';

type Call = Extract<Expr, { readonly kind: 'call' }>;

/** A macro or `has` whose arguments are not what it takes, or a name that is nearly a macro's. */
export function brokenMacro({ name, nameSpan, target, args, span }: Call, names: Names): RuleProblem | undefined {
  if (name === 'has' && !target) return { span, found: 'has(…) without a field', valid: 'has(a.b)' };
  if (Object.hasOwn(names.relations, name)) return undefined;
  if (isMacro(name)) {
    const shape = `${args.length} ${args.length === 1 ? 'argument' : 'arguments'}`;
    const variable = args.length > 0 && args[0]?.kind !== 'identifier' ? ', the first of which is no name' : '';
    const found = target ? `${name} with ${shape}${variable}` : `${name} as a function`;
    return { span: nameSpan, found, valid: macroForms[name] };
  }
  const meant = target && !signatureOf(name) ? meantFunction(name, names) : undefined;
  // Its arguments would name a variable that only the macro has.
  return meant !== undefined && isMacro(meant) && args[0]?.kind === 'identifier'
    ? unknownFunction(nameSpan, name, true, names)
    : undefined;
}

/** A relation is called as a function, with as many arguments as it has parameters, each of its type. */
export function relationProblem(
  { name, nameSpan, target }: Call,
  relation: RelationSignature,
  args: readonly TypedExpr[],
): RuleProblem | undefined {
  const { parameters } = relation;
  const fits =
    args.length === parameters.length &&
    args.every((arg, index) => accepts(parameters[index]?.type ?? types.dyn, arg.type));
  if (fits && !target) return undefined;
  const argTypes = args.map(({ type }) => type);
  const found = formatCall(name, target ? 'method' : 'function', argTypes);
  return { span: nameSpan, found, valid: formatRelation(relation) };
}

/** No overload takes arguments of these types. */
export function callProblem(span: Span, name: string, form: Signature['form'], args: readonly RuleType[]): RuleProblem {
  return { span, found: formatCall(name, form, args), valid: validCalls(name, form, args) };
}

function validCalls(name: string, form: Signature['form'], args: readonly RuleType[]): string {
  const signature = signatureOf(name);
  if (name !== '_==_' && name !== '_!=_') return signature ? formatOverloads(name, signature, form) : '';
  const other = args.find(({ kind }) => kind !== 'null');
  return args.some(({ kind }) => kind === 'null') && other
    ? `a value that may be null, such as one of type ${formatType(types.nullable(other))}`
    : 'two values of the same type; int(…), double(…) and string(…) convert, dyn(…) compares any';
}

/** `a string`, `an int`, `null`, `the record auth`. */
export function describe(type: RuleType): string {
  if (type.kind === 'null') return 'null';
  if (type.kind === 'record') return `the record ${type.name}`;
  const name = formatType(type);
  return `${name.startsWith('int') ? 'an' : 'a'} ${name}`;
}
