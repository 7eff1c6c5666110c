/** Which overload of a function fits the types of its arguments, and how to write a call for an error message. */
import { type Overload, type Signature, typeParameter } from './signatures.ts';
import { accepts, free, unify, withoutNull } from './type-relations.ts';
import { formatType, types, type RuleType } from './types.ts';

/** Takes the argument for a parameter, and what it says about `T`. */
function bind(wanted: RuleType, actual: RuleType, known: RuleType): RuleType | undefined {
  if (wanted === typeParameter) return unify(known, actual);
  const given = withoutNull(actual);
  if (wanted.kind === 'list' && (given.kind === 'list' || given.kind === 'dyn')) {
    return bind(wanted.element, given.kind === 'list' ? given.element : given, known);
  }
  if (wanted.kind === 'map' && (given.kind === 'map' || given.kind === 'dyn')) {
    return bind(wanted.value, given.kind === 'map' ? given.value : given, known);
  }
  return accepts(wanted, actual) ? known : undefined;
}

function resultOf(overload: Overload, args: readonly RuleType[]): RuleType | undefined {
  if (overload.parameters.length !== args.length) return undefined;
  let known: RuleType | undefined = free;
  for (const [index, wanted] of overload.parameters.entries()) {
    known = known && bind(wanted, args[index] as RuleType, known);
  }
  if (!known) return undefined;
  if (overload.result === typeParameter) return known;
  return overload.result.kind === 'list' && overload.result.element === typeParameter
    ? types.list(known)
    : overload.result;
}

/**
 * The type of a call: `dyn` if several overloads fit, because an argument is `dyn`, and they do not agree.
 * @returns undefined if none fits.
 */
export function callType(signature: Signature, args: readonly RuleType[]): RuleType | undefined {
  const results = signature.overloads.flatMap((overload) => resultOf(overload, args) ?? []);
  const [first] = results;
  if (!first) return undefined;
  return results.every((result) => formatType(result) === formatType(first)) ? first : types.dyn;
}

/** How operators stand among their operands. */
function formatOperator(name: string, operands: readonly string[]): string {
  const [left = '', right = ''] = operands;
  if (name === '_[_]') return `${left}[${right}]`;
  if (name === '@in') return `${left} in ${right}`;
  return operands.length === 1 ? `${name.slice(0, -1)}${left}` : `${left} ${name.slice(1, -1)} ${right}`;
}

/** A call with types in place of arguments: `string.contains(int)`, `int + string`. */
export function formatCall(name: string, form: Signature['form'], args: readonly RuleType[]): string {
  const texts = args.map((arg) => formatType(arg));
  if (form === 'operator') return formatOperator(name, texts);
  if (form === 'method') return `${texts[0] ?? ''}.${name}(${texts.slice(1).join(', ')})`;
  return `${name}(${texts.join(', ')})`;
}

/** All ways to call it, for an error message. */
export function formatOverloads(name: string, signature: Signature, form: Signature['form']): string {
  return signature.overloads.map(({ parameters }) => formatCall(name, form, parameters)).join(', ');
}
