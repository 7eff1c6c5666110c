/**
 * Partial evaluation: what is known of a rule is worked out once, when somebody subscribes or queries, and only the rest
 * is left for every publication or row. Of `row.owner == auth.uid || auth.role == "admin"` a user leaves
 * `row.owner == "u1"`, and an admin `true`. SQL filters and routing keys are made of what is left.
 */
import { compileClosure } from './compile-closure.ts';
import { isSameType, noBool } from './evaluation.ts';
import { hasParts, readWhole } from './fields.ts';
import { Unavailable } from './relation.ts';
import { childrenOf, type TypedExpr } from './syntax.ts';
import { Failure, type Environment, type RelationReader, type Value } from './value.ts';

/**
 * Folds everything that depends on known variables only. What remains evaluates, on the other variables, to what the
 * whole rule evaluates to on all of them; a part that fails becomes a `failure` node, and `&&`, `||` and `?:` are
 * shortened only where CEL's absorption of errors allows it. (The reason of a failure may be another one of several, and
 * the limit on iterations counts for each folded part by itself.) Nodes that stay the same are the same objects.
 * @param known variables by name; a variable that is not there stays.
 * @param relations if given, facts whose arguments are known are asked of it, now; without it they all stay, and so do
 * those that nobody can tell at present.
 */
export function bindRule(expr: TypedExpr, known: Environment, relations?: RelationReader): TypedExpr {
  return new Binder(known, relations).bind(expr);
}

const noRelations: RelationReader = { related: (relation) => new Failure(`${relation} cannot be asked yet`) };

class Binder {
  readonly #known: Environment;
  readonly #relations: RelationReader | undefined;
  /** Variables of the macros around. */
  readonly #local = new Set<string>();

  constructor(known: Environment, relations: RelationReader | undefined) {
    this.#known = known;
    this.#relations = relations;
  }

  bind(expr: TypedExpr): TypedExpr {
    switch (expr.kind) {
      case 'constant':
      case 'failure':
        return expr;
      case 'variable':
        return !this.#local.has(expr.name) && Object.hasOwn(this.#known, expr.name) ? this.#evaluate(expr) : expr;
      case 'logical':
        return this.#bindLogical(expr);
      case 'conditional':
        return this.#bindConditional(expr);
      case 'comprehension':
        return this.#bindComprehension(expr);
      case 'field':
      case 'present':
      case 'call':
      case 'relation':
      case 'list':
      case 'map':
        return this.#bindStrict(expr);
    }
  }

  /** One whose value needs the values of all beneath it. */
  #bindStrict(expr: StrictExpr): TypedExpr {
    const bound = this.#bindChildren(expr);
    const checked = bound.kind === 'call' && bound.name === '@in' ? checkList(bound) : bound;
    if (checked !== bound) return this.bind(checked);
    const children = childrenOf(bound);
    const failed = children.find((child) => child.kind === 'failure');
    if (failed) return { ...failed, type: expr.type };
    if (expr.kind === 'relation' && !this.#relations) return bound;
    return children.every((child) => child.kind === 'constant') ? this.#evaluate(bound) : bound;
  }

  #bindChildren(expr: StrictExpr): StrictExpr {
    switch (expr.kind) {
      case 'field':
      case 'present': {
        const operand = this.bind(expr.operand);
        return operand === expr.operand ? expr : { ...expr, operand };
      }
      case 'call':
      case 'relation': {
        const args = this.#bindAll(expr.args);
        return args === expr.args ? expr : { ...expr, args };
      }
      case 'list': {
        const elements = mapped(expr.elements, (element) => settle(this.bind(element)));
        return elements === expr.elements ? expr : { ...expr, elements };
      }
      case 'map': {
        const keys = this.#bindAll(expr.entries.map(({ key }) => key));
        const values = mapped(
          expr.entries.map(({ value }) => value),
          (value) => settle(this.bind(value)),
        );
        const entries = keys.map((key, index) => ({ key, value: values[index] as TypedExpr }));
        const isSame = entries.every(({ key, value }, index) => {
          const entry = expr.entries[index];
          return entry?.key === key && entry.value === value;
        });
        return isSame ? expr : { ...expr, entries };
      }
    }
  }

  #bindAll(exprs: readonly TypedExpr[]): readonly TypedExpr[] {
    return mapped(exprs, (expr) => this.bind(expr));
  }

  #bindLogical(expr: TypedExpr & { kind: 'logical' }): TypedExpr {
    const left = asOperand(this.bind(expr.left));
    const right = asOperand(this.bind(expr.right));
    // `false` absorbs in &&, `true` in ||, errors among what they absorb.
    const absorbing = expr.operator === '||';
    if (isConstant(left, absorbing) || isConstant(right, absorbing)) return constant(expr, absorbing);
    // The other one is neutral. It may only be left out beside what is a boolean or a failure.
    if (isConstant(left, !absorbing) && isVerdict(right)) return right;
    if (isConstant(right, !absorbing) && isVerdict(left)) return left;
    if (left.kind === 'failure' && right.kind === 'failure') return left;
    return left === expr.left && right === expr.right ? expr : { ...expr, left, right };
  }

  #bindConditional(expr: TypedExpr & { kind: 'conditional' }): TypedExpr {
    const condition = asOperand(this.bind(expr.condition));
    if (condition.kind === 'failure') return { ...condition, type: expr.type };
    if (condition.kind === 'constant') {
      return this.#bindBranch(condition.value === true ? expr.then : expr.otherwise, expr);
    }
    const then = this.bind(expr.then);
    const otherwise = this.bind(expr.otherwise);
    return condition === expr.condition && then === expr.then && otherwise === expr.otherwise
      ? expr
      : { ...expr, condition, then, otherwise };
  }

  /** The branch in place of the whole. One of another type is read as its own type says before it counts as the other. */
  #bindBranch(branch: TypedExpr, { type }: TypedExpr): TypedExpr {
    if (!hasParts(branch.type) || isSameType(branch.type, type)) return this.bind(branch);
    return this.bind({ kind: 'call', span: branch.span, type, name: 'dyn', args: [branch] });
  }

  #bindComprehension(expr: Comprehension): TypedExpr {
    const range = this.bind(expr.range);
    if (range.kind === 'failure') return { ...range, type: expr.type };
    const hidden = this.#local.has(expr.variable);
    this.#local.add(expr.variable);
    const filter = expr.filter && this.bind(expr.filter);
    const body = this.bind(expr.body);
    if (!hidden) this.#local.delete(expr.variable);
    const changed = range !== expr.range || filter !== expr.filter || body !== expr.body;
    const bound: Comprehension = changed ? { ...expr, range, ...(filter && { filter }), body } : expr;
    return this.#isKnown(bound, []) ? this.#evaluate(bound) : bound;
  }

  /** Whether nothing is left in it but constants and the variables of its own macros. */
  #isKnown(expr: TypedExpr, local: readonly string[]): boolean {
    if (expr.kind === 'variable') return local.includes(expr.name);
    if (expr.kind === 'relation' && !this.#relations) return false;
    const inner = expr.kind === 'comprehension' ? [...local, expr.variable] : local;
    return childrenOf(expr).every((child) => this.#isKnown(child, inner));
  }

  #evaluate(expr: TypedExpr): TypedExpr {
    const relations = this.#relations ?? noRelations;
    let isUnknown = false;
    const value = compileClosure(expr)(this.#known, {
      related: (relation, args) => {
        const answer = relations.related(relation, args);
        if (answer instanceof Unavailable) isUnknown = true;
        return answer;
      },
    });
    if (value instanceof Failure) return isUnknown ? expr : failure(expr, value);
    return constant(expr, value);
  }
}

/**
 * Makes the elements of a known list what its type says, once and for all. `x in list` absorbs the failure of an element
 * of a wrong type if x is found among the others, so such failures are taken out of the list: `x in others || failure`.
 */
function checkList(expr: TypedExpr & { kind: 'call' }): TypedExpr {
  const [operand, list] = expr.args;
  if (!operand || list?.kind !== 'constant' || list.type.kind !== 'list' || !Array.isArray(list.value)) return expr;
  const whole = readWhole(list.value, list.type, 'the list');
  if (whole === list.value) return expr;
  if (!(whole instanceof Failure)) return { ...expr, args: [operand, constant(list, whole)] };
  const { element } = list.type;
  const others = (list.value as readonly unknown[])
    .map((each) => readWhole(each, element, 'an element'))
    .filter((each): each is Value => !(each instanceof Failure));
  const left: TypedExpr = { ...expr, args: [operand, constant(list, others)] };
  const right: TypedExpr = { kind: 'failure', span: list.span, type: expr.type, reason: whole.reason };
  return { kind: 'logical', span: expr.span, type: expr.type, operator: '||', left, right };
}

type StrictExpr = Extract<TypedExpr, { kind: 'field' | 'present' | 'call' | 'relation' | 'list' | 'map' }>;
type Comprehension = Extract<TypedExpr, { kind: 'comprehension' }>;

/** The same list if nothing in it changes. */
function mapped(exprs: readonly TypedExpr[], map: (expr: TypedExpr) => TypedExpr): readonly TypedExpr[] {
  const results = exprs.map(map);
  return results.some((result, index) => result !== exprs[index]) ? results : exprs;
}

/** A value that goes into a list or a map is read as a whole first: what is in it is not looked at again. */
function settle(expr: TypedExpr): TypedExpr {
  if (expr.kind !== 'constant' || !hasParts(expr.type)) return expr;
  const whole = readWhole(expr.value, expr.type, 'a value');
  if (whole instanceof Failure) return failure(expr, whole);
  return whole === expr.value ? expr : constant(expr, whole);
}

function failure({ span, type }: TypedExpr, { reason }: Failure): TypedExpr {
  return { kind: 'failure', span, type, reason };
}

function constant({ span, type }: TypedExpr, value: Value): TypedExpr {
  return { kind: 'constant', span, type, value };
}

function isConstant(expr: TypedExpr, value: boolean): boolean {
  return expr.kind === 'constant' && expr.value === value;
}

/**
 * Whether an operand can only be a boolean or a failure. A `dyn` that is not known may be anything, and `true && 5` is a
 * failure, not 5.
 */
function isVerdict(operand: TypedExpr): boolean {
  return operand.kind === 'failure' || operand.kind === 'constant' || operand.type.kind === 'bool';
}

/** As an operand of `&&`, `||` and `?:`, where what is no boolean is a failure. */
function asOperand(expr: TypedExpr): TypedExpr {
  if (expr.kind !== 'constant' || typeof expr.value === 'boolean') return expr;
  return failure(expr, noBool);
}
