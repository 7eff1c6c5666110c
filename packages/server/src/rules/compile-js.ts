/**
 * A rule as generated JavaScript, the form for rules that run often. Operands that fail jump to the nearest place that
 * can go on without them (the next operand of `||` or `&&`, the next turn of a macro) or leave: there are no exceptions,
 * no closures and, where types are declared, no calls on the way.
 *
 * Fields are read as own properties only, without asking for each: an object whose prototype is `Object.prototype` cannot
 * have an inherited value of a name that an empty object has no value for. All other objects take the slow way.
 */
import { CodeWriter, type Code } from './code-writer.ts';
import { writeCall } from './compile-js-calls.ts';
import { JsLoop } from './compile-js-loop.ts';
import { runtime } from './compile-js-runtime.ts';
import { compileClosure } from './compile-closure.ts';
import { maxSteps } from './evaluation-limits.ts';
import { constantElements, isSameType, noBool, pathOf, readerOf, tooManySteps } from './evaluation.ts';
import { elementType, hasParts, readField, readWhole } from './fields.ts';
import { mayCost, stepsOf } from './steps.ts';
import type { TypedExpr } from './syntax.ts';
import type { RuleType } from './types.ts';
import { Failure, type Evaluate } from './value.ts';

/** Writes the statement that leaves with a failure. */
export type Fail = (failure: Code) => string;

type Node<K extends TypedExpr['kind']> = Extract<TypedExpr, { kind: K }>;

/**
 * Generated code where that is allowed, else closures, which are about four times slower.
 * @returns what never throws.
 */
export function compile(expr: TypedExpr): Evaluate {
  try {
    return compileJs(expr);
  } catch (error) {
    // `--disallow-code-generation-from-strings`, or a policy of the embedding program.
    if (error instanceof EvalError) return compileClosure(expr);
    throw error;
  }
}

/** @throws EvalError where code must not be generated. */
export function compileJs(expr: TypedExpr): Evaluate {
  const compiler = new JsCompiler();
  const body = compiler.compileRule(expr);
  const { constants } = compiler.writer;
  const text = `
    const { ${Object.keys(runtime).join(', ')} } = runtime;
    ${constants.map((_value, i) => `const c${i} = constants[${i}];`).join('\n')}
    return function evaluate(environment, relations) {
      try {
        ${body}
      } catch (error) {
        return broken(error);
      }
    };`;
  // What the text is made of is in CodeWriter: nothing of it is the rule's own text but checked names of fields.
  // oxlint-disable-next-line typescript/no-implied-eval -- this is what the file is for
  const make = new Function('runtime', 'constants', text) as (table: unknown, values: readonly unknown[]) => Evaluate;
  return make(runtime, constants);
}

export class JsCompiler {
  readonly writer = new CodeWriter();
  /** Local variables of macros, by their unique names. */
  readonly #locals = new Map<string, Code>();
  /** Whether the object in a local variable is a plain one, by the variable. */
  readonly #plain = new Map<Code, Code>();
  /** How many macros stand around what is compiled. */
  #macros = 0;

  /** The statements of a whole rule. */
  compileRule(expr: TypedExpr): string {
    return this.writer.capture(() => {
      // The engine's environments have no prototype that could lend them anything.
      this.writer.line('const proto = environment.__proto__;');
      this.writer.line('const isPlain = proto === plainPrototype || proto === undefined;');
      this.writer.line('let steps = 0;');
      const value = this.compile(expr, false, (failure) => `return ${failure};`);
      this.writer.line(`return ${value};`);
    });
  }

  /** @param whole whether what a container holds must be read too. */
  compile(expr: TypedExpr, whole: boolean, fail: Fail): Code {
    const value = this.#compileNode(expr, whole && hasParts(expr.type), fail);
    return whole ? this.counted(expr, value, stepsOf, fail) : value;
  }

  /** In a turn of a macro, what a function looks through counts as steps. */
  counted(expr: TypedExpr, value: Code, stepsFor: typeof stepsOf, fail: Fail): Code {
    if (this.#macros === 0 || !mayCost(expr)) return value;
    const { writer } = this;
    const local = writer.local(value);
    writer.line(`steps += ${writer.constant(stepsFor)}(${local});`);
    writer.line(`if (steps > ${maxSteps}) { ${fail(writer.constant(tooManySteps))} }`);
    return local;
  }

  #compileNode(expr: TypedExpr, whole: boolean, fail: Fail): Code {
    const { writer } = this;
    switch (expr.kind) {
      case 'constant': {
        const value = whole ? readWhole(expr.value, expr.type, pathOf(expr)) : expr.value;
        return value instanceof Failure ? this.#failed(value, fail) : writer.constant(value);
      }
      case 'failure':
        return this.#failed(new Failure(expr.reason), fail);
      case 'variable':
        return this.#compileVariable(expr, whole, fail);
      case 'field': {
        const operand = writer.local(this.compile(expr.operand, false, fail));
        const { name, type } = expr;
        const reader = readerOf(expr.operand) === readField ? 'readField' : 'readKey';
        const slow = `${reader}(${operand}, ${writer.constant(name)}, ${this.typeAndPath(type, pathOf(expr))})`;
        const raw = `${this.#isPlain(operand)} ? ${writer.property(operand, name)} : undefined`;
        const inherited = writer.property('nothing', name);
        return this.#read({ raw, fast: `${inherited} === undefined`, slow, type, path: pathOf(expr), whole }, fail);
      }
      case 'present': {
        const operand = this.compile(expr.operand, false, fail);
        const args = `${operand}, ${writer.constant(expr.name)}, ${writer.constant(expr.operand.type)}`;
        return this.checked(`hasField(${args})`, fail);
      }
      case 'logical':
        return this.#compileLogical(expr, fail);
      case 'conditional':
        return this.#compileConditional(expr, whole, fail);
      case 'call':
        return writeCall(this, expr, whole, fail);
      case 'relation': {
        const args = this.#compileAll(expr.args, fail);
        return this.checked(`askRelation(relations, ${writer.constant(expr.relation)}, [${args.join(', ')}])`, fail);
      }
      case 'list': {
        const constants = constantElements(expr);
        if (constants) return writer.constant(constants);
        return writer.local(`[${this.#compileAll(expr.elements, fail).join(', ')}]`);
      }
      case 'map': {
        const parts = expr.entries.flatMap(({ key, value }) => [key, value]);
        return this.checked(`makeMap([${this.#compileAll(parts, fail).join(', ')}])`, fail);
      }
      case 'comprehension':
        return this.#compileComprehension(expr, whole, fail);
    }
  }

  /** A call that may return a failure. */
  checked(call: Code, fail: Fail): Code {
    const value = this.writer.local(call);
    this.writer.line(`if (${value} instanceof Failure) { ${fail(value)} }`);
    return value;
  }

  typeAndPath(type: RuleType, path: string): Code {
    return `${this.writer.constant(type)}, ${this.writer.constant(path)}`;
  }

  /** What comes behind is never reached, but it must be JavaScript. */
  #failed(failure: Failure, fail: Fail): Code {
    this.writer.line(fail(this.writer.constant(failure)));
    return 'undefined';
  }

  #compileAll(exprs: readonly TypedExpr[], fail: Fail): Code[] {
    return exprs.map((expr) => this.writer.local(this.compile(expr, true, fail)));
  }

  #compileVariable(expr: Node<'variable'>, whole: boolean, fail: Fail): Code {
    const { writer } = this;
    const { name, type } = expr;
    const local = this.#locals.get(name);
    if (local !== undefined) {
      return whole ? this.checked(`readWhole(${local}, ${this.typeAndPath(type, pathOf(expr))})`, fail) : local;
    }
    const slow = `readVariable(environment, ${writer.constant(name)}, ${writer.constant(type)})`;
    const raw = `isPlain ? ${writer.property('environment', name)} : undefined`;
    const inherited = writer.property('nothing', name);
    return this.#read({ raw, fast: `${inherited} === undefined`, slow, type, path: pathOf(expr), whole }, fail);
  }

  /** Whether the object in a local variable is one that is read the fast way. */
  #isPlain(object: Code): Code {
    const known = this.#plain.get(object);
    if (known !== undefined) return known;
    return `typeof ${object} === 'object' && ${object} !== null && ${object}.__proto__ === plainPrototype`;
  }

  /** Reads what comes from outside: takes `raw` if that is as declared, else asks `slow`, which knows why not. */
  #read(source: Source, fail: Fail): Code {
    const { writer } = this;
    const { raw, fast, slow, type, path, whole } = source;
    const value = writer.name('v');
    writer.line(`let ${value} = ${raw};`);
    const otherwise = `${value} = ${slow}; if (${value} instanceof Failure) { ${fail(value)} }`;
    if (type.kind === 'int') {
      writer.line(`if (${fast} && isSafeInteger(${value})) ${value} = BigInt(${value}); else { ${otherwise} }`);
    } else if (type.kind === 'record') {
      const plain = writer.name('p');
      writer.line(`let ${plain} = true;`);
      writer.line(`if (!(${fast} && ${typeTest(type, value)})) { ${plain} = false; ${otherwise} }`);
      this.#plain.set(value, plain);
    } else {
      writer.line(`if (!(${fast} && ${typeTest(type, value)})) { ${otherwise} }`);
    }
    return whole ? this.checked(`readWhole(${value}, ${this.typeAndPath(type, path)})`, fail) : value;
  }

  #compileLogical(expr: Node<'logical'>, fail: Fail): Code {
    const { writer } = this;
    const decisive = expr.operator === '||';
    const result = writer.name('r');
    const failure = writer.name('f');
    const done = writer.name('l');
    let canFail = false;
    const operands = sidesOf(expr, expr.operator).map((side) => {
      const next = writer.name('l');
      const note: Fail = (code) => {
        canFail = true;
        return `if (${failure} === undefined) ${failure} = ${code}; break ${next};`;
      };
      const statements = writer.capture(() => {
        const value = this.compile(side, false, note);
        if (side.type.kind === 'bool') {
          writer.line(`if (${decisive ? value : `!(${value})`}) break ${done};`);
        } else {
          const local = writer.local(value);
          writer.line(`if (${local} === ${decisive}) break ${done};`);
          writer.line(`if (${local} !== ${!decisive}) { ${note(this.#notBool())} }`);
        }
      });
      return `${next}: {\n${statements}\n}`;
    });
    writer.line(`let ${result} = ${decisive};`);
    if (canFail) writer.line(`let ${failure};`);
    writer.line(`${done}: {\n${operands.join('\n')}`);
    if (canFail) writer.line(`if (${failure} !== undefined) { ${fail(failure)} }`);
    writer.line(`${result} = ${!decisive};\n}`);
    return result;
  }

  #compileConditional(expr: Node<'conditional'>, whole: boolean, fail: Fail): Code {
    const { writer } = this;
    const condition = writer.local(this.compile(expr.condition, false, fail));
    const result = writer.name('r');
    const branch = (side: TypedExpr): string =>
      writer.capture(() => {
        const value = this.compile(side, whole || !isSameType(side.type, expr.type), fail);
        writer.line(`${result} = ${value};`);
      });
    writer.line(`let ${result};`);
    writer.line(`if (${condition} === true) {\n${branch(expr.then)}\n} else {`);
    if (expr.condition.type.kind !== 'bool') {
      writer.line(`if (${condition} !== false) { ${fail(this.#notBool())} }`);
    }
    writer.line(`${branch(expr.otherwise)}\n}`);
    return result;
  }

  #compileComprehension(expr: Node<'comprehension'>, whole: boolean, fail: Fail): Code {
    const { writer } = this;
    const range = this.compile(expr.range, false, fail);
    const items = expr.range.type.kind === 'list' ? writer.local(range) : this.checked(`itemsOf(${range})`, fail);
    const type = elementType(expr.range.type);
    const path = `an element of ${pathOf(expr.range)}`;
    const loop = new JsLoop(writer, expr.macro);
    const index = writer.name('i');

    loop.begin();
    writer.line(`${loop.end}: for (let ${index} = 0; ${index} < ${items}.length; ${index}++) {`);
    writer.line(`if (steps >= ${maxSteps}) { ${fail(writer.constant(tooManySteps))} }\nsteps++;`);
    let canFail = false;
    const leave: Fail = (failure) => {
      canFail = true;
      return loop.absorbs ? loop.note(failure) : fail(failure);
    };
    const raw = writer.name('v');
    const element = writer.name('v');
    const slow = `readAs(${raw}, ${this.typeAndPath(type, path)})`;
    writer.line(`const ${raw} = ${items}[${index}];\nlet ${element} = ${raw};`);
    writer.line(
      `if (!(${typeTest(type, raw)})) { ${element} = ${slow}; if (${element} instanceof Failure) { ${leave(element)} } }`,
    );
    const hidden = this.#locals.get(expr.variable);
    this.#locals.set(expr.variable, element);
    this.#macros++;
    const test = expr.macro === 'filter' ? expr.body : expr.filter;
    if (expr.macro === 'filter' || expr.macro === 'map') {
      if (test) this.#test(test, `continue ${loop.end};`, fail);
      const value =
        expr.macro === 'map'
          ? this.compile(expr.body, whole || !isSameType(expr.body.type, elementType(expr.type)), fail)
          : whole
            ? this.checked(`readWhole(${raw}, ${this.typeAndPath(type, path)})`, fail)
            : element;
      writer.line(`${loop.result}.push(${value});`);
    } else {
      this.#test(expr.body, undefined, leave, loop);
    }
    this.#macros--;
    if (hidden === undefined) this.#locals.delete(expr.variable);
    else this.#locals.set(expr.variable, hidden);
    writer.line('}');
    loop.finish(canFail ? fail : undefined);
    return loop.result;
  }

  /** Evaluates a condition of a macro, and goes where it says. */
  #test(expr: TypedExpr, ifFalse: string | undefined, fail: Fail, loop?: JsLoop): void {
    const { writer } = this;
    const value = writer.local(this.compile(expr, false, fail));
    if (expr.type.kind !== 'bool') {
      writer.line(`if (${value} !== true && ${value} !== false) { ${fail(this.#notBool())} }`);
    }
    writer.line(loop ? loop.take(value) : `if (!${value}) ${ifFalse}`);
  }

  #notBool(): Code {
    return this.writer.constant(noBool);
  }
}

interface Source {
  readonly raw: Code;
  /** Holds if `raw` can be trusted to be the object's own. */
  readonly fast: Code;
  readonly slow: Code;
  readonly type: RuleType;
  readonly path: string;
  readonly whole: boolean;
}

/** Holds for what can be taken as it is. What it does not hold for may still be right. */
function typeTest(type: RuleType, value: Code): Code {
  const isPlain = `(typeof ${value} === 'object' && ${value} !== null && ${value}.__proto__ === plainPrototype)`;
  switch (type.kind) {
    case 'bool':
      return `typeof ${value} === 'boolean'`;
    case 'double':
      return `typeof ${value} === 'number'`;
    case 'string':
      return `typeof ${value} === 'string'`;
    case 'null':
      return `${value} === null`;
    case 'timestamp':
      return `${value} instanceof Timestamp`;
    case 'duration':
      return `${value} instanceof Duration`;
    case 'list':
      return `isArray(${value})`;
    case 'map':
    case 'record':
      return isPlain;
    case 'int':
      return 'false';
    case 'nullable':
      return `(${value} === null || ${typeTest(type.of, value)})`;
    case 'dyn':
      return `(typeof ${value} === 'string' || typeof ${value} === 'number' || typeof ${value} === 'boolean' || ${isPlain})`;
  }
}

/** `a || b || c` as one list: errors are absorbed the same way whatever the nesting. */
function sidesOf(expr: TypedExpr, operator: '&&' | '||'): TypedExpr[] {
  if (expr.kind !== 'logical' || expr.operator !== operator) return [expr];
  return [...sidesOf(expr.left, operator), ...sidesOf(expr.right, operator)];
}
