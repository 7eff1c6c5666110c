/**
 * Names and types of a rule, when it is loaded: `Expr` of `parse.ts` in, `TypedExpr` for all that evaluates it out.
 * The types are CEL's, with gradual typing: what is `dyn` is checked at run time.
 *
 * Source: CEL gradual type checking, https://github.com/google/cel-spec/blob/master/doc/langdef.md#gradual-type-checking
 */
import { brokenMacro, callProblem, describe, relationProblem } from './check-call.ts';
import { checkConstants } from './check-constant.ts';
import { type Names, unknownField, unknownFunction, unknownName } from './check-names.ts';
import { callType, formatOverloads } from './overloads.ts';
import type { RelationSignature } from './relation.ts';
import { signatureOf, type Signature } from './signatures.ts';
import type { Expr, RuleProblem, Span, TypedExpr } from './syntax.ts';
import { accepts, fieldOf, free, join, withoutNull } from './type-relations.ts';
import { formatType, types, type RuleType } from './types.ts';

/** What a rule may name. */
export interface Declarations {
  readonly variables: Readonly<Record<string, RuleType>>;
  readonly relations: Readonly<Record<string, RelationSignature>>;
}

/** Macros within the conditions of macros: the cost is a power of this. */
export const maxComprehensionNesting = 2;

type Of<K extends Expr['kind']> = Extract<Expr, { readonly kind: K }>;

/** The variable of a macro, while its condition is checked. */
interface Bound {
  readonly written: string;
  readonly unique: string;
  readonly type: RuleType;
}

/**
 * Checks a rule. Never throws for what `parseRule` returns.
 * @param expected what the rule must evaluate to; any type if left out. `dyn` is taken for every type.
 * @returns the typed tree, to be used only if there are no problems, and all problems, in the order of the text.
 */
export function checkRule(
  expr: Expr,
  declarations: Declarations,
  expected?: RuleType,
): { readonly expr: TypedExpr; readonly problems: readonly RuleProblem[] } {
  const checker = new Checker(expr, declarations, expected);
  const typed = checker.check(expr);
  if (expected && !accepts(expected, typed.type)) {
    checker.report(
      expr.span,
      `a rule of type ${formatType(typed.type)}`,
      `an expression of type ${formatType(expected)}`,
    );
  }
  return { expr: typed, problems: checker.problems.toSorted((one, other) => one.span.start - other.span.start) };
}

class Checker {
  readonly problems: RuleProblem[] = [];
  readonly #root: Expr;
  readonly #declarations: Declarations;
  /** Whether a word such as `anyone` could stand instead of the rule. */
  readonly #mayBeWord: boolean;
  readonly #scope: Bound[] = [];
  readonly #taken: Set<string>;

  constructor(root: Expr, declarations: Declarations, expected: RuleType | undefined) {
    this.#root = root;
    this.#declarations = declarations;
    this.#mayBeWord = expected?.kind === 'bool';
    this.#taken = new Set(Object.keys(declarations.variables));
  }

  report(span: Span, found: string, valid: string): void {
    this.problems.push({ span, found, valid });
  }

  check(expr: Expr): TypedExpr {
    const { span } = expr;
    switch (expr.kind) {
      case 'literal':
        return { kind: 'constant', span, type: typeOfLiteral(expr.value), value: expr.value };
      case 'identifier':
        return this.#identifier(expr);
      case 'select':
        return this.#field('field', expr);
      case 'has':
        return this.#field('present', expr);
      case 'index':
        return this.#index(expr);
      case 'unary':
        return this.#apply(span, `${expr.operator}_`, 'operator', [this.check(expr.operand)], span);
      case 'binary':
        return this.#binary(expr);
      case 'conditional':
        return this.#conditional(expr);
      case 'call':
        return this.#call(expr);
      case 'list': {
        const elements = expr.elements.map((element) => this.check(element));
        return { kind: 'list', span, type: types.list(joinAll(elements)), elements };
      }
      case 'map':
        return this.#map(expr);
      case 'macro':
        return this.#macro(expr);
    }
  }

  get #names(): Names {
    const bound = this.#scope.map(({ written }) => written);
    return {
      variables: [...bound, ...Object.keys(this.#declarations.variables)],
      relations: this.#declarations.relations,
    };
  }

  #identifier(expr: Of<'identifier'>): TypedExpr {
    const { span, name } = expr;
    const bound = this.#scope.findLast(({ written }) => written === name);
    if (bound) return { kind: 'variable', span, type: bound.type, name: bound.unique };
    const { variables } = this.#declarations;
    if (Object.hasOwn(variables, name)) return { kind: 'variable', span, type: variables[name] as RuleType, name };
    this.problems.push(unknownName(span, name, this.#names, this.#mayBeWord && expr === this.#root));
    return { kind: 'variable', span, type: types.dyn, name };
  }

  /** `operand.field` and `has(operand.field)`. */
  #field(kind: 'field' | 'present', expr: Of<'select'> | Of<'has'>): TypedExpr {
    const operand = this.check(expr.operand);
    const type = this.#fieldType(operand, expr.field, expr.fieldSpan);
    return { kind, span: expr.span, type: kind === 'present' ? types.bool : type, operand, name: expr.field };
  }

  #fieldType(operand: TypedExpr, name: string, span: Span): RuleType {
    const type = withoutNull(operand.type);
    if (type.kind === 'dyn') return types.dyn;
    if (type.kind === 'map') return type.value;
    if (type.kind === 'record') {
      const declared = fieldOf(type, name);
      if (!declared) this.problems.push(unknownField(span, name, type));
      return declared ?? types.dyn;
    }
    const form = signatureOf(name)?.form;
    const valid =
      form && form !== 'operator' && form !== 'function' ? `.${name}(…), a call` : 'a field of a record or a map';
    this.report(span, `the field ${name} of ${describe(type)}`, valid);
    return types.dyn;
  }

  /** A constant string selects a field, as after a dot: the rest of the engine knows but one form. */
  #index(expr: Of<'index'>): TypedExpr {
    const { span } = expr;
    const operand = this.check(expr.operand);
    const index = this.check(expr.index);
    const type = withoutNull(operand.type);
    const selects = type.kind === 'record' || type.kind === 'map' || type.kind === 'dyn';
    if (selects && index.kind === 'constant' && typeof index.value === 'string') {
      const name = index.value;
      return { kind: 'field', span, type: this.#fieldType(operand, name, expr.index.span), operand, name };
    }
    if (type.kind === 'record') {
      this.report(expr.index.span, `${type.name}[…] with a name that is computed`, `${type.name}["…"] with a constant`);
      return { kind: 'call', span, type: types.dyn, name: '_[_]', args: [operand, index] };
    }
    return this.#apply(span, '_[_]', 'operator', [operand, index], expr.index.span);
  }

  #binary(expr: Of<'binary'>): TypedExpr {
    const { span, operator } = expr;
    const left = this.check(expr.left);
    const right = this.check(expr.right);
    if (operator === '&&' || operator === '||') {
      this.#mustBeBool(left, `before ${operator}`);
      this.#mustBeBool(right, `after ${operator}`);
      return { kind: 'logical', span, type: types.bool, operator, left, right };
    }
    return this.#apply(span, operator === 'in' ? '@in' : `_${operator}_`, 'operator', [left, right], span);
  }

  #mustBeBool({ span, type }: TypedExpr, where: string): void {
    if (!accepts(types.bool, type)) this.report(span, `${describe(type)} ${where}`, 'a bool, such as a comparison');
  }

  #conditional(expr: Of<'conditional'>): TypedExpr {
    const condition = this.check(expr.condition);
    this.#mustBeBool(condition, 'before ?');
    const then = this.check(expr.then);
    const otherwise = this.check(expr.otherwise);
    const type = join(then.type, otherwise.type);
    if (!type) {
      const found = `${describe(then.type)} or ${describe(otherwise.type)}, as it comes`;
      this.report(expr.span, found, 'the same type before and after the colon, or dyn(…)');
    }
    return { kind: 'conditional', span: expr.span, type: type ?? types.dyn, condition, then, otherwise };
  }

  #map(expr: Of<'map'>): TypedExpr {
    const seen = new Set<string>();
    const entries = expr.entries.map((entry) => {
      const key = this.check(entry.key);
      if (!accepts(types.string, key.type)) this.report(key.span, `${describe(key.type)} as a key`, 'a string');
      if (key.kind === 'constant' && typeof key.value === 'string') {
        if (seen.has(key.value)) this.report(key.span, `the key "${key.value}" again`, 'each key once');
        seen.add(key.value);
      }
      return { key, value: this.check(entry.value) };
    });
    return { kind: 'map', span: expr.span, type: types.map(joinAll(entries.map(({ value }) => value))), entries };
  }

  #call(expr: Of<'call'>): TypedExpr {
    const { span, name, nameSpan, target } = expr;
    const signature = signatureOf(name);
    const relation = Object.hasOwn(this.#declarations.relations, name) ? this.#declarations.relations[name] : undefined;
    const broken = brokenMacro(expr, this.#names);
    if (broken) {
      this.problems.push(broken);
      return { kind: 'call', span, type: types.dyn, name, args: target ? [this.check(target)] : [] };
    }
    const args = [...(target ? [target] : []), ...expr.args].map((arg) => this.check(arg));
    if (relation) return this.#relation(expr, relation, args);
    if (!signature || signature.form === 'operator') {
      this.problems.push(unknownFunction(nameSpan, name, target !== undefined, this.#names));
      return { kind: 'call', span, type: types.dyn, name, args };
    }
    const form = target ? 'method' : 'function';
    if (signature.form !== 'either' && signature.form !== form) {
      this.report(nameSpan, `${name} as a ${form}`, formatOverloads(name, signature, signature.form));
      return { kind: 'call', span, type: types.dyn, name, args };
    }
    return this.#apply(span, name, form, args, nameSpan);
  }

  #relation(expr: Of<'call'>, relation: RelationSignature, args: readonly TypedExpr[]): TypedExpr {
    const { span, name } = expr;
    const problem = relationProblem(expr, relation, args);
    if (problem) this.problems.push(problem);
    return { kind: 'relation', span, type: types.bool, relation: name, args };
  }

  /** @param blame where a problem is shown if no overload fits. */
  #apply(span: Span, name: string, form: Signature['form'], args: readonly TypedExpr[], blame: Span): TypedExpr {
    const signature = signatureOf(name) as Signature;
    const argTypes = args.map(({ type }) => type);
    const type = callType(signature, argTypes);
    if (!type) this.problems.push(callProblem(blame, name, form, argTypes));
    const wrong = type && checkConstants(name, args);
    if (wrong) this.problems.push(wrong);
    return { kind: 'call', span, type: type ?? types.dyn, name, args };
  }

  #macro(expr: Of<'macro'>): TypedExpr {
    const { span, name } = expr;
    const range = this.check(expr.range);
    const over = this.#elementType(range);
    if (this.#scope.length >= maxComprehensionNesting) {
      this.report(span, `a macro within ${maxComprehensionNesting} others`, `up to ${maxComprehensionNesting} levels`);
    }
    const variable = this.#uniqueName(expr.variable);
    this.#scope.push({ written: expr.variable, unique: variable, type: over });
    const filter = expr.filter && this.check(expr.filter);
    const body = this.check(expr.body);
    this.#scope.pop();
    if (filter) this.#mustBeBool(filter, `as the condition of ${name}`);
    if (name !== 'map') this.#mustBeBool(body, `as the condition of ${name}`);
    const type = name === 'map' ? types.list(body.type) : name === 'filter' ? types.list(over) : types.bool;
    const typed = { kind: 'comprehension', span, type, macro: name, range, variable, body } as const;
    return filter ? { ...typed, filter } : typed;
  }

  #elementType({ type, span }: TypedExpr): RuleType {
    const range = withoutNull(type);
    if (range.kind === 'list') return range.element;
    if (range.kind === 'map') return types.string;
    if (range.kind !== 'dyn') this.report(span, `${describe(range)} before a macro`, 'a list, or a map for its keys');
    return types.dyn;
  }

  #uniqueName(written: string): string {
    let unique = written;
    for (let count = 2; this.#taken.has(unique); count++) unique = `${written}#${count}`;
    this.#taken.add(unique);
    return unique;
  }
}

function typeOfLiteral(value: Of<'literal'>['value']): RuleType {
  if (value === null) return types.null;
  switch (typeof value) {
    case 'boolean':
      return types.bool;
    case 'bigint':
      return types.int;
    case 'number':
      return types.double;
    default:
      return types.string;
  }
}

/** The type of all of them, `dyn` if they have none in common. */
function joinAll(exprs: readonly TypedExpr[]): RuleType {
  return exprs.reduce<RuleType>((joined, { type }) => join(joined, type) ?? types.dyn, free);
}
