/**
 * A rule as a tree of closures: one for every node. It is quick to make and runs under any policy, so it serves rules that
 * are run a few times, and all rules where code must not be generated; `compile-js.ts` is the faster form.
 *
 * Both forms follow the same plan. Values of containers are read from outside only (`readAs`) where the next step looks
 * into them itself (a field, an index, a loop), and as a whole where a function takes them.
 */
import { loopOf, type Frame, type Loop, type Step } from './closure-loop.ts';
import { maxSteps } from './evaluation-limits.ts';
import {
  areTextOrBool,
  askRelation,
  broken,
  constantElements,
  isElementOf,
  isSameType,
  itemsOf,
  makeMap,
  noBool,
  pathOf,
  readerOf,
  tooManySteps,
} from './evaluation.ts';
import { elementType, hasField, hasParts, readAs, readVariable, readWhole } from './fields.ts';
import { functionOf, indexInto } from './functions.ts';
import { compilePattern } from './pattern.ts';
import { extraSteps, mayCost, stepsOf, stepsOfSize } from './steps.ts';
import type { TypedExpr } from './syntax.ts';
import type { RuleType } from './types.ts';
import { nothing } from './value-kind.ts';
import { type Environment, type Evaluate, Failure, type RelationReader, type Value } from './value.ts';

/** What is told of every node right after it was evaluated; a node in a loop many times. Must not throw. */
export type Observe = (node: TypedExpr, value: Value | Failure) => void;

type Call = Extract<TypedExpr, { kind: 'call' }>;

const noFrame: Frame = [];

/**
 * @param observe for explanations and coverage; without it nothing is lost on looking.
 * @returns what never throws: what a relation or an object with a getter throws becomes a failure.
 */
export function compileClosure(expr: TypedExpr, observe?: Observe): Evaluate {
  const compiler = new ClosureCompiler(observe);
  const step = compiler.compile(expr, false);
  const slots = compiler.slots;
  return (environment, relations) => {
    try {
      return step(environment, relations, slots === 1 ? noFrame : newFrame(slots));
    } catch (error) {
      return broken(error);
    }
  };
}

function newFrame(slots: number): Frame {
  const frame = new Array<unknown>(slots).fill(undefined);
  frame[0] = 0;
  return frame;
}

class ClosureCompiler {
  readonly #observe: Observe | undefined;
  readonly #slotOf = new Map<string, number>();
  /** How long a frame is. */
  slots = 1;
  /** How many macros stand around what is compiled. */
  #macros = 0;

  constructor(observe: Observe | undefined) {
    this.#observe = observe;
  }

  /** @param whole whether what a container holds must be read too. */
  compile(expr: TypedExpr, whole: boolean): Step {
    const read = this.#compileNode(expr, whole && hasParts(expr.type));
    const step = whole ? this.#counted(expr, read, stepsOf) : read;
    const observe = this.#observe;
    if (!observe) return step;
    return (environment, relations, frame) => {
      const value = step(environment, relations, frame);
      observe(expr, value);
      return value;
    };
  }

  /** In a turn of a macro, what a function looks through counts as steps. */
  #counted(expr: TypedExpr, step: Step, stepsFor: typeof stepsOf): Step {
    if (this.#macros === 0 || !mayCost(expr)) return step;
    return (environment, relations, frame) => {
      const value = step(environment, relations, frame);
      if (value instanceof Failure) return value;
      frame[0] = (frame[0] as number) + stepsFor(value);
      return (frame[0] as number) > maxSteps ? tooManySteps : value;
    };
  }

  #compileNode(expr: TypedExpr, whole: boolean): Step {
    switch (expr.kind) {
      case 'constant': {
        const value = whole ? readWhole(expr.value, expr.type, 'a constant') : expr.value;
        return () => value;
      }
      case 'failure': {
        const failure = new Failure(expr.reason);
        return () => failure;
      }
      case 'variable':
        return this.#compileVariable(expr, whole);
      case 'field':
        return this.#compileField(expr, whole);
      case 'present': {
        const { name } = expr;
        const operandType = expr.operand.type;
        const operand = this.compile(expr.operand, false);
        return (environment, relations, frame) => {
          const value = operand(environment, relations, frame);
          return value instanceof Failure ? value : hasField(value, name, operandType);
        };
      }
      case 'logical':
        return this.#compileLogical(expr.operator === '||', expr.left, expr.right);
      case 'conditional': {
        const condition = this.compile(expr.condition, false);
        const then = this.compile(expr.then, whole || !isSameType(expr.then.type, expr.type));
        const otherwise = this.compile(expr.otherwise, whole || !isSameType(expr.otherwise.type, expr.type));
        return (environment, relations, frame) => {
          const value = condition(environment, relations, frame);
          if (value === true) return then(environment, relations, frame);
          if (value === false) return otherwise(environment, relations, frame);
          return value instanceof Failure ? value : noBool;
        };
      }
      case 'call':
        return this.#compileCall(expr, whole);
      case 'relation': {
        const { relation } = expr;
        const args = expr.args.map((arg) => this.compile(arg, true));
        return (environment, relations, frame) => {
          const values = evaluateAll(args, environment, relations, frame);
          return values instanceof Failure ? values : askRelation(relations, relation, values);
        };
      }
      case 'list': {
        const constants = this.#observe ? undefined : constantElements(expr);
        if (constants) return () => constants;
        const elements = expr.elements.map((element) => this.compile(element, true));
        return (environment, relations, frame) => evaluateAll(elements, environment, relations, frame);
      }
      case 'map': {
        const parts = expr.entries.flatMap(({ key, value }) => [this.compile(key, true), this.compile(value, true)]);
        return (environment, relations, frame) => {
          const values = evaluateAll(parts, environment, relations, frame);
          return values instanceof Failure ? values : makeMap(values);
        };
      }
      case 'comprehension':
        return this.#compileComprehension(expr, whole);
    }
  }

  #compileVariable(expr: Extract<TypedExpr, { kind: 'variable' }>, whole: boolean): Step {
    const { name, type } = expr;
    const path = pathOf(expr);
    const slot = this.#slotOf.get(name);
    if (slot !== undefined) {
      if (!whole) return (_environment, _relations, frame) => frame[slot] as Value;
      return (_environment, _relations, frame) => readWhole(frame[slot], type, path);
    }
    const simple = typeofOf(type);
    return (environment) => {
      const raw = environment[name];
      // The usual case, first: most variables and fields are text, or a record, and there.
      if (typeof raw === simple && Object.hasOwn(environment, name)) return raw as Value;
      const value = readVariable(environment, name, type);
      return whole && !(value instanceof Failure) ? readWhole(value, type, path) : value;
    };
  }

  #compileField(expr: Extract<TypedExpr, { kind: 'field' }>, whole: boolean): Step {
    const { name, type } = expr;
    const path = pathOf(expr);
    const read = readerOf(expr.operand);
    const operand = this.compile(expr.operand, false);
    // What was read as a record or a map is a plain object for certain; a dyn may be anything.
    const simple = expr.operand.type.kind === 'record' || expr.operand.type.kind === 'map' ? typeofOf(type) : 'none';
    return (environment, relations, frame) => {
      const record = operand(environment, relations, frame);
      if (record instanceof Failure) return record;
      if (simple !== 'none') {
        const raw = (record as Readonly<Record<string, unknown>>)[name];
        if (typeof raw === simple && nothing[name] === undefined) return raw as Value;
      }
      const value = read(record, name, type, path);
      return whole && !(value instanceof Failure) ? readWhole(value, type, path) : value;
    };
  }

  /** The first failure of several is the one that is told, as in the generated code. */
  #compileLogical(decisive: boolean, leftExpr: TypedExpr, rightExpr: TypedExpr): Step {
    const left = this.compile(leftExpr, false);
    const right = this.compile(rightExpr, false);
    return (environment, relations, frame) => {
      const first = left(environment, relations, frame);
      if (first === decisive) return decisive;
      const second = right(environment, relations, frame);
      if (second === decisive) return decisive;
      if (first !== !decisive) return first instanceof Failure ? first : noBool;
      if (second !== !decisive) return second instanceof Failure ? second : noBool;
      return !decisive;
    };
  }

  #compileCall(expr: Call, whole: boolean): Step {
    const { name, args, type } = expr;
    const [left, right] = args;
    if (name === '_[_]' && left && right) {
      const path = pathOf(expr);
      const read = whole ? readWhole : readAs;
      return binary(this.compile(left, false), this.compile(right, true), (operand, index) => {
        const value = indexInto(operand, index);
        return value instanceof Failure ? value : read(value, type, path);
      });
    }
    const known = name === '@in' && right && !this.#observe ? constantElements(right) : undefined;
    if (left && known && areTextOrBool(known)) {
      const set: ReadonlySet<unknown> = new Set(known);
      return unary(this.compile(left, true), (value) => set.has(value));
    }
    if (name === '@in' && left && right?.type.kind === 'list' && right.type.element.kind !== 'dyn') {
      const { element } = right.type;
      const path = pathOf(right);
      const value = this.compile(left, true);
      const list = this.#counted(right, this.compile(right, false), stepsOf);
      return binary(value, list, (one, all) => isElementOf(one, all, element, path));
    }
    if (name === 'matches' && left && right?.kind === 'constant' && typeof right.value === 'string') {
      const pattern = compilePattern(right.value);
      const dynamic = functionOf(name);
      return binary(this.compile(left, true), this.compile(right, true), (text, source) => {
        if (typeof text !== 'string') return dynamic(text, source);
        return pattern instanceof Failure ? pattern : pattern.test(text);
      });
    }
    const apply = functionOf(name);
    if (left && name === 'size' && args.length === 1) {
      // It counts what is there without looking at it.
      return unary(this.#counted(left, this.compile(left, false), stepsOfSize(left)), apply);
    }
    const operands = args.map((arg, index) => {
      const extra = extraSteps(name, index);
      const operand = this.compile(arg, true);
      return extra ? this.#counted(arg, operand, extra) : operand;
    });
    const [first, second] = operands;
    if (first && second && operands.length === 2) return binary(first, second, apply);
    if (first && operands.length === 1) return unary(first, apply);
    return (environment, relations, frame) => {
      const values = evaluateAll(operands, environment, relations, frame);
      return values instanceof Failure ? values : apply(...values);
    };
  }

  #compileComprehension(expr: Extract<TypedExpr, { kind: 'comprehension' }>, whole: boolean): Step {
    const range = this.compile(expr.range, false);
    const slot = this.slots++;
    const hidden = this.#slotOf.get(expr.variable);
    this.#slotOf.set(expr.variable, slot);
    this.#macros++;
    const filter = expr.filter && this.compile(expr.filter, false);
    const makesList = expr.macro === 'map';
    const bodyWhole = makesList && (whole || !isSameType(expr.body.type, elementType(expr.type)));
    const body = this.compile(expr.body, bodyWhole);
    this.#macros--;
    if (hidden === undefined) this.#slotOf.delete(expr.variable);
    else this.#slotOf.set(expr.variable, hidden);

    const type = elementType(expr.range.type);
    const path = `an element of ${pathOf(expr.range)}`;
    const loop: Loop = { slot, filter, body, read: (item) => readAs(item, type, path) };
    const run = loopOf(expr.macro, loop, whole ? (item) => readWhole(item, type, path) : undefined);
    return (environment, relations, frame) => {
      const value = range(environment, relations, frame);
      const items = value instanceof Failure ? value : itemsOf(value);
      return items instanceof Failure ? items : run(items, environment, relations, frame);
    };
  }
}

/** What `typeof` gives for values of a type that need no further look. */
function typeofOf(type: RuleType): 'string' | 'boolean' | 'number' | 'none' {
  switch (type.kind) {
    case 'string':
      return 'string';
    case 'bool':
      return 'boolean';
    case 'double':
      return 'number';
    default:
      return 'none';
  }
}

function unary(operand: Step, apply: (value: Value) => Value | Failure): Step {
  return (environment, relations, frame) => {
    const value = operand(environment, relations, frame);
    return value instanceof Failure ? value : apply(value);
  };
}

function binary(left: Step, right: Step, apply: (a: Value, b: Value) => Value | Failure): Step {
  return (environment, relations, frame) => {
    const a = left(environment, relations, frame);
    if (a instanceof Failure) return a;
    const b = right(environment, relations, frame);
    return b instanceof Failure ? b : apply(a, b);
  };
}

function evaluateAll(
  steps: readonly Step[],
  environment: Environment,
  relations: RelationReader,
  frame: Frame,
): Value[] | Failure {
  const values: Value[] = [];
  for (const step of steps) {
    const value = step(environment, relations, frame);
    if (value instanceof Failure) return value;
    values.push(value);
  }
  return values;
}
