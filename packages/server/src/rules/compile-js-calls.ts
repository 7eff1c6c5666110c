/**
 * Calls in generated code. Where the types of the arguments are declared, the operators of JavaScript that do the same
 * stand in place of a call; everything else calls the table of functions.
 */
import { overflow, tooLongString } from './arithmetic.ts';
import type { Code } from './code-writer.ts';
import type { Fail, JsCompiler } from './compile-js.ts';
import { maxStringUnits } from './evaluation-limits.ts';
import { areTextOrBool, constantElements, pathOf } from './evaluation.ts';
import { functionOf } from './functions.ts';
import { compilePattern } from './pattern.ts';
import { extraSteps, stepsOf, stepsOfSize } from './steps.ts';
import type { TypedExpr } from './syntax.ts';
import type { RuleType } from './types.ts';
import { kindOf } from './value-kind.ts';
import { Failure } from './value.ts';

type Call = Extract<TypedExpr, { kind: 'call' }>;

/** Longer constant lists are looked up in a `Set`. */
const maxCompared = 4;

export function writeCall(compiler: JsCompiler, expr: Call, whole: boolean, fail: Fail): Code {
  const { writer } = compiler;
  const { name, args } = expr;
  const [left, right] = args;
  if (name === '_[_]' && left && right) {
    const operand = compiler.compile(left, false, fail);
    const local = writer.local(operand);
    const index = compiler.compile(right, true, fail);
    const raw = compiler.checked(`indexInto(${local}, ${index})`, fail);
    const read = whole ? 'readWhole' : 'readAs';
    return compiler.checked(`${read}(${raw}, ${compiler.typeAndPath(expr.type, pathOf(expr))})`, fail);
  }
  if (name === '@in' && left && right) return writeIn(compiler, left, right, fail);
  const operands = args.map((arg, i) => {
    const value = compiler.compile(arg, name !== 'size', fail);
    const stepsFor = name === 'size' ? stepsOfSize(arg) : extraSteps(name, i);
    return writer.local(stepsFor ? compiler.counted(arg, value, stepsFor, fail) : value);
  });
  const [a = '', b = ''] = operands;
  if (name === 'matches' && left && kindsOf(left) === 'string' && right?.kind === 'constant') {
    if (typeof right.value === 'string') {
      const pattern = compilePattern(right.value);
      if (pattern instanceof Failure) {
        writer.line(fail(writer.constant(pattern)));
        return 'false';
      }
      return `${writer.constant(pattern)}.test(${a})`;
    }
  }
  return (
    writeInline(compiler, name, args, a, b, fail) ??
    compiler.checked(`${writer.constant(functionOf(name))}(${operands.join(', ')})`, fail)
  );
}

function writeInline(
  compiler: JsCompiler,
  name: string,
  args: readonly TypedExpr[],
  a: Code,
  b: Code,
  fail: Fail,
): Code | undefined {
  const [left, right] = args.map(kindsOf);
  switch (name) {
    case '!_':
      return left === 'bool' ? `!${a}` : undefined;
    case 'dyn':
      return a;
    case 'size':
      if (left === 'string') return `BigInt(countCodePoints(${a}))`;
      return left === 'list' ? `BigInt(${a}.length)` : undefined;
    case 'contains':
      return left === 'string' && right === 'string' ? `${a}.includes(${b})` : undefined;
    case 'startsWith':
    case 'endsWith':
      return left === 'string' && right === 'string' ? `${a}.${name}(${b})` : undefined;
    case '_==_':
      return writeEquals(left, right, a, b, '===');
    case '_!=_':
      return writeEquals(left, right, a, b, '!==');
    case '_<_':
    case '_<=_':
    case '_>_':
    case '_>=_':
      return writeOrder(left, right, a, b, name.slice(1, -1));
    case '_+_':
    case '_-_':
    case '_*_':
      return writeArithmetic(compiler, left, right, a, b, name.slice(1, -1), fail);
    default:
      return undefined;
  }
}

/** Where `===` compares as CEL does: values of one kind that are no objects, and null. */
function writeEquals(
  left: string | undefined,
  right: string | undefined,
  a: Code,
  b: Code,
  operator: '===' | '!==',
): Code | undefined {
  if (left === right && (left === 'timestamp' || left === 'duration')) return `${a}.nanos ${operator} ${b}.nanos`;
  const [one, other] = [withoutNull(left), withoutNull(right)];
  const same = one === other && (one === 'int' || one === 'double' || isTextOrBool(one));
  // Whatever a dyn is, it equals a string or a bool only if it is the same.
  const certain = (isTextOrBool(one) && other === 'dyn') || (isTextOrBool(other) && one === 'dyn');
  const isNull = left === 'null' || right === 'null';
  return same || certain || isNull ? `${a} ${operator} ${b}` : undefined;
}

function writeOrder(
  left: string | undefined,
  right: string | undefined,
  a: Code,
  b: Code,
  operator: string,
): Code | undefined {
  if (left === 'int' && right === 'double') return `Number(${a}) ${operator} ${b}`;
  if (left === 'double' && right === 'int') return `${a} ${operator} Number(${b})`;
  if (left !== right) return undefined;
  if (left === 'int' || left === 'double') return `${a} ${operator} ${b}`;
  if (left === 'string') return `compareStrings(${a}, ${b}) ${operator} 0`;
  return left === 'timestamp' || left === 'duration' ? `${a}.nanos ${operator} ${b}.nanos` : undefined;
}

function writeArithmetic(
  compiler: JsCompiler,
  left: string | undefined,
  right: string | undefined,
  a: Code,
  b: Code,
  operator: string,
  fail: Fail,
): Code | undefined {
  const { writer } = compiler;
  if (left !== right) return undefined;
  if (left === 'double') return writer.local(`${a} ${operator} ${b}`);
  if (left === 'int') {
    const result = writer.local(`${a} ${operator} ${b}`);
    writer.line(`if (${result} > maxInt || ${result} < minInt) { ${fail(writer.constant(overflow))} }`);
    return result;
  }
  if (left !== 'string' || operator !== '+') return undefined;
  const result = writer.local(`${a} + ${b}`);
  writer.line(`if (${result}.length > ${maxStringUnits}) { ${fail(writer.constant(tooLongString))} }`);
  return result;
}

function writeIn(compiler: JsCompiler, left: TypedExpr, right: TypedExpr, fail: Fail): Code {
  const { writer } = compiler;
  const value = writer.local(compiler.compile(left, true, fail));
  const kind = withoutNull(kindsOf(left));
  const elements = constantElements(right);
  if (elements) {
    // A `Set` and `===` know ints as CEL does, if the value is one too.
    const areInts = kind === 'int' && elements.every((each) => typeof each === 'bigint');
    if (areInts || areTextOrBool(elements)) {
      if (elements.length > maxCompared) return `${writer.constant(new Set(elements))}.has(${value})`;
      const terms = elements.map((each) => `${value} === ${writer.constant(each)}`);
      return terms.length > 0 ? `(${terms.join(' || ')})` : 'false';
    }
  }
  if (right.type.kind === 'list' && right.type.element.kind !== 'dyn') {
    const list = compiler.counted(right, compiler.compile(right, false, fail), stepsOf, fail);
    const args = `${value}, ${list}, ${compiler.typeAndPath(right.type.element, pathOf(right))}`;
    return compiler.checked(`isElementOf(${args})`, fail);
  }
  const container = compiler.compile(right, true, fail);
  if (right.type.kind === 'map') return `hasKey(${container}, ${value})`;
  return compiler.checked(`${writer.constant(functionOf('@in'))}(${value}, ${container})`, fail);
}

/** The kind of what the code of an expression gives; `string?` for one that may be null. */
function kindsOf(expr: TypedExpr): string {
  if (expr.kind === 'constant') return kindOf(expr.value);
  return kindOfType(expr.type);
}

function kindOfType(type: RuleType): string {
  return type.kind === 'nullable' ? `${kindOfType(type.of)}?` : type.kind;
}

function withoutNull(kind: string | undefined): string | undefined {
  return kind?.endsWith('?') ? kind.slice(0, -1) : kind;
}

function isTextOrBool(kind: string | undefined): boolean {
  return kind === 'string' || kind === 'bool';
}
