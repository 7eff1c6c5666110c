/**
 * The canonical text of a typed tree: what two rules that are alike have in common, so that subscribers whose rules
 * came to the same are told by one key, and what people read in a log. It parses to the same tree again, but for
 * what partial evaluation put there and no text can say: failures, and constants that are no literals.
 */
import { isSelector } from './parse.ts';
import { signatureOf } from './signatures.ts';
import { childrenOf, type TypedExpr } from './syntax.ts';
import { formatDuration, formatTimestamp } from './timestamp.ts';
import { Duration, Timestamp, type Value } from './value.ts';

/** How much an expression binds; an operand that binds less than its place asks for gets parentheses. */
const binding = { conditional: 1, or: 2, and: 3, relation: 4, sum: 5, product: 6, unary: 7, member: 8 } as const;

interface Text {
  readonly text: string;
  readonly binds: number;
}

/** Written names of the variables of macros, by the unique ones. */
type Names = ReadonlyMap<string, string>;

const infix: Readonly<Record<string, number>> = {
  '_==_': binding.relation,
  '_!=_': binding.relation,
  '_<_': binding.relation,
  '_<=_': binding.relation,
  '_>_': binding.relation,
  '_>=_': binding.relation,
  '@in': binding.relation,
  '_+_': binding.sum,
  '_-_': binding.sum,
  '_*_': binding.product,
  '_/_': binding.product,
  '_%_': binding.product,
};

/**
 * Writes a rule with as few parentheses as it can have.
 * @returns the same text for the same tree; trees of the same text mean the same.
 */
export function formatRule(expr: TypedExpr): string {
  return write(expr, new Map()).text;
}

function place(expr: TypedExpr, names: Names, atLeast: number): string {
  const { text, binds } = write(expr, names);
  return binds < atLeast ? `(${text})` : text;
}

function list(exprs: readonly TypedExpr[], names: Names): string {
  return exprs.map((each) => place(each, names, binding.conditional)).join(', ');
}

const member = (text: string): Text => ({ text, binds: binding.member });

function write(expr: TypedExpr, names: Names): Text {
  switch (expr.kind) {
    case 'constant':
      return writeValue(expr.value);
    case 'failure':
      return member(`<error ${quote(expr.reason)}>`);
    case 'variable':
      return member(names.get(expr.name) ?? expr.name);
    case 'field': {
      const operand = place(expr.operand, names, binding.member);
      return member(isSelector(expr.name) ? `${operand}.${expr.name}` : `${operand}[${quote(expr.name)}]`);
    }
    case 'present':
      return member(`has(${place(expr.operand, names, binding.member)}.${expr.name})`);
    case 'logical': {
      const binds = expr.operator === '&&' ? binding.and : binding.or;
      const left = place(expr.left, names, binds);
      return { text: `${left} ${expr.operator} ${place(expr.right, names, binds + 1)}`, binds };
    }
    case 'conditional': {
      const [condition, then] = [expr.condition, expr.then].map((each) => place(each, names, binding.or));
      const otherwise = place(expr.otherwise, names, binding.conditional);
      return { text: `${condition} ? ${then} : ${otherwise}`, binds: binding.conditional };
    }
    case 'call':
      return writeCall(expr.name, expr.args, names);
    case 'relation':
      return member(`${expr.relation}(${list(expr.args, names)})`);
    case 'list':
      return member(`[${list(expr.elements, names)}]`);
    case 'map': {
      const entries = expr.entries.map(({ key, value }) => list([key], names) + ': ' + list([value], names));
      return member(`{${entries.join(', ')}}`);
    }
    case 'comprehension':
      return writeMacro(expr, names);
  }
}

function writeCall(name: string, args: readonly TypedExpr[], names: Names): Text {
  const [first, second] = args;
  const binds = Object.hasOwn(infix, name) ? infix[name] : undefined;
  if (first && second && binds !== undefined) {
    const operator = name === '@in' ? 'in' : name.slice(1, -1);
    return { text: `${place(first, names, binds)} ${operator} ${place(second, names, binds + 1)}`, binds };
  }
  if (first && (name === '!_' || name === '-_')) return writeUnary(name === '!_' ? '!' : '-', first, names);
  if (first && second && name === '_[_]') {
    return member(`${place(first, names, binding.member)}[${place(second, names, binding.conditional)}]`);
  }
  const form = signatureOf(name)?.form;
  const asMethod = first && (form === 'method' || (form === 'either' && args.length > 1));
  return member(
    asMethod
      ? `${place(first, names, binding.member)}.${name}(${list(args.slice(1), names)})`
      : `${name}(${list(args, names)})`,
  );
}

function writeUnary(operator: '!' | '-', operand: TypedExpr, names: Names): Text {
  const isSame = operand.kind === 'call' && operand.name === `${operator}_`;
  const { text, binds } = write(operand, names);
  // A sign before a digit would become part of the number.
  const bare = binds >= binding.member ? !(operator === '-' && /^[0-9.]/.test(text)) : isSame;
  return { text: bare ? `${operator}${text}` : `${operator}(${text})`, binds: binding.unary };
}

function writeMacro(expr: Extract<TypedExpr, { readonly kind: 'comprehension' }>, names: Names): Text {
  const range = place(expr.range, names, binding.member);
  const inside = expr.filter ? [expr.filter, expr.body] : [expr.body];
  const seen = new Set(inside.flatMap((each) => variablesOf(each)).filter((name) => name !== expr.variable));
  const written = new Set([...seen].map((name) => names.get(name) ?? name));
  const base = expr.variable.replace(/#\d+$/, '');
  let variable = base;
  for (let count = 2; written.has(variable); count++) variable = `${base}${count}`;
  const inner = new Map(names).set(expr.variable, variable);
  return member(`${range}.${expr.macro}(${[variable, list(inside, inner)].join(', ')})`);
}

/** Names of all variables in it, those of its own macros included: they are unique, so they do no harm. */
function variablesOf(expr: TypedExpr): string[] {
  const own = expr.kind === 'variable' ? [expr.name] : [];
  return [...own, ...childrenOf(expr).flatMap((each) => variablesOf(each))];
}

function writeValue(value: Value): Text {
  if (typeof value === 'bigint' || typeof value === 'number') {
    const text = typeof value === 'bigint' ? `${value}` : writeDouble(value);
    return { text, binds: text.startsWith('-') ? binding.unary : binding.member };
  }
  if (typeof value === 'string') return member(quote(value));
  if (value === null || typeof value === 'boolean') return member(`${value}`);
  if (value instanceof Timestamp) return member(`timestamp(${quote(formatTimestamp(value))})`);
  if (value instanceof Duration) return member(`duration(${quote(formatDuration(value))})`);
  if (Array.isArray(value)) return member(`[${value.map((each: Value) => writeValue(each).text).join(', ')}]`);
  // What came from outside may hold anything where a rule never looks.
  if (typeof value !== 'object') return member(`<${typeof value}>`);
  const entries = Object.entries(value).map(([key, each]) => `${quote(key)}: ${writeValue(each).text}`);
  return member(`{${entries.join(', ')}}`);
}

/** With a point or an exponent, so that it is no int. */
function writeDouble(value: number): string {
  if (!Number.isFinite(value)) return `double("${value}")`;
  const text = Object.is(value, -0) ? '-0' : `${value}`;
  return /[.e]/.test(text) ? text : `${text}.0`;
}

/** In double quotes; what does not show is escaped. */
function quote(text: string): string {
  const escaped = text.replaceAll(/["\\]|[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu, (char) => {
    if (char === '"' || char === '\\') return `\\${char}`;
    if (char === '\n') return '\\n';
    const code = char.codePointAt(0) as number;
    const hex = code.toString(16);
    return code > 0xffff ? `\\U${hex.padStart(8, '0')}` : `\\u${hex.padStart(4, '0')}`;
  });
  return `"${escaped}"`;
}
