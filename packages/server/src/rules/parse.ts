/**
 * Text of a rule to syntax tree. The grammar is CEL's, without what the language leaves out: unsigned ints, bytes,
 * messages, optionals and names with a leading dot, each of which is refused with words of its own.
 * `check.ts` takes the tree from here.
 *
 * Source: grammar of the Common Expression Language, https://github.com/google/cel-spec/blob/master/doc/langdef.md#syntax
 */
import { maxRuleLength } from '../config/schema.ts';
import type { BinaryOperator, Expr, MacroName, Span } from './syntax.ts';
import { fail, TokenReader } from './token-reader.ts';

/** A rule longer, deeper or larger than this is refused. Length is in UTF-16 code units. */
export const ruleLimits = { length: maxRuleLength, depth: 64, nodes: 1000 } as const;

/** Binary operators from those that bind least to those that bind most; all are left associative. */
const levels: readonly (readonly BinaryOperator[])[] = [
  ['||'],
  ['&&'],
  ['==', '!=', '<=', '>=', '<', '>', 'in'],
  ['+', '-'],
  ['*', '/', '%'],
];

const keywords: ReadonlySet<string> = new Set(['true', 'false', 'null', 'in']);

/** Names that CEL keeps for the languages it is embedded in. They may be fields and methods. */
const reserved: ReadonlySet<string> = new Set(
  'as break const continue else for function if import let loop package namespace return var void while'.split(' '),
);

/** Whether a text can be a field after a dot. Other fields are read as `a["b-c"]`. */
export function isSelector(text: string): boolean {
  return /^[_a-zA-Z][_a-zA-Z0-9]*$/.test(text) && !keywords.has(text);
}

/** Whether a text can be the name of a variable, a function or a relation. */
export function isIdentifier(text: string): boolean {
  return isSelector(text) && !reserved.has(text);
}

/** How many arguments a macro has: the variable, and what is evaluated for each element. */
const macroArguments: Readonly<Record<MacroName, readonly number[]>> = {
  all: [2],
  exists: [2],
  exists_one: [2],
  filter: [2],
  map: [2, 3],
};

export function isMacro(name: string): name is MacroName {
  return Object.hasOwn(macroArguments, name);
}

const maxInt = 2n ** 63n - 1n;
const value = 'a value, such as a name, "text", 10, true, [1, 2] or (…)';

/**
 * Reads a rule.
 * @returns its tree, at most `ruleLimits.depth` deep; parentheses are in the spans only.
 * @throws {RuleSyntaxError} if the text is no rule, or over the limits; nothing else is ever thrown.
 */
export function parseRule(source: string): Expr {
  if (source.length > ruleLimits.length) {
    const span = { start: ruleLimits.length, end: source.length };
    fail(span, `a rule of ${source.length} characters`, `up to ${ruleLimits.length} characters`);
  }
  return new Parser(source).parse();
}

class Parser {
  readonly #reader: TokenReader;
  /** Of the tree below each node. */
  readonly #depths = new Map<Expr, number>();
  #nodes = 0;
  /** Brackets and conditionals around this place. */
  #nesting = 0;

  constructor(source: string) {
    this.#reader = new TokenReader(source);
  }

  parse(): Expr {
    const expr = this.#expression();
    if (this.#reader.token.kind !== 'end') this.#reader.unexpected('an operator, or the end of the rule');
    return expr;
  }

  /** Every new node passes here, so that no tree grows over the limits. */
  #node(expr: Expr, children: readonly Expr[]): Expr {
    let depth = 0;
    for (const child of children) depth = Math.max(depth, this.#depths.get(child) as number);
    if (++this.#nodes > ruleLimits.nodes) {
      fail(expr.span, `more than ${ruleLimits.nodes} operators and values`, 'a shorter rule');
    }
    this.#depths.set(expr, this.#checkDepth(depth + 1, expr.span));
    return expr;
  }

  #checkDepth(depth: number, span: Span): number {
    const found = `an expression nested more than ${ruleLimits.depth} deep`;
    if (depth > ruleLimits.depth) fail(span, found, 'fewer levels; x in ["a", "b"] instead of a chain of ||');
    return depth;
  }

  #expression(): Expr {
    this.#checkDepth(++this.#nesting, this.#reader.token.span);
    const expr = this.#conditional();
    this.#nesting--;
    return expr;
  }

  #conditional(): Expr {
    const condition = this.#binary(0);
    if (!this.#reader.skip('?')) return condition;
    const then = this.#binary(0);
    if (this.#reader.at('?')) this.#reader.unexpected('":", or parentheses around a conditional between ? and :');
    this.#reader.expect(':', 'an operator');
    const otherwise = this.#expression();
    const span = between(condition, otherwise);
    return this.#node({ kind: 'conditional', span, condition, then, otherwise }, [condition, then, otherwise]);
  }

  #binary(level: number): Expr {
    const operators = levels[level];
    if (!operators) return this.#unary();
    let left = this.#binary(level + 1);
    for (;;) {
      const operator = operators.find((text) => this.#reader.at(text));
      if (!operator) return left;
      this.#reader.take();
      const right = this.#binary(level + 1);
      left = this.#node({ kind: 'binary', span: between(left, right), operator, left, right }, [left, right]);
    }
  }

  #unary(): Expr {
    const starts: number[] = [];
    const operator = this.#reader.at('!') ? '!' : '-';
    // The sign before a number belongs to it: the least int has no other way to be written.
    while (this.#reader.at(operator) && !this.#atSignedNumber()) starts.push(this.#reader.take().span.start);
    if (operator === '!' && this.#reader.at('-')) this.#reader.unexpected('!(-…), with parentheses');
    if (operator === '-' && this.#reader.at('!')) this.#reader.unexpected('-(!…), with parentheses');
    let operand = this.#member();
    for (const start of starts.toReversed()) {
      const span = { start, end: operand.span.end };
      operand = this.#node({ kind: 'unary', span, operator, operand }, [operand]);
    }
    return operand;
  }

  #atSignedNumber(): boolean {
    const { kind } = this.#reader.peek(1);
    return this.#reader.at('-') && (kind === 'int' || kind === 'double');
  }

  #member(): Expr {
    let operand = this.#primary();
    for (;;) {
      if (this.#reader.skip('.')) operand = this.#selection(operand);
      else if (this.#reader.skip('[')) operand = this.#index(operand);
      else if (this.#reader.at('{') && (operand.kind === 'identifier' || operand.kind === 'select')) {
        const span = { start: operand.span.start, end: this.#reader.token.span.end };
        fail(span, 'a message literal, which is outside the language', 'a map: {"key": value}');
      } else return operand;
    }
  }

  #index(operand: Expr): Expr {
    if (this.#reader.at('?')) this.#optional();
    const index = this.#expression();
    const { end } = this.#reader.expect(']', 'an operator').span;
    const span = { start: operand.span.start, end };
    return this.#node({ kind: 'index', span, operand, index }, [operand, index]);
  }

  /** What follows the dot. */
  #selection(operand: Expr): Expr {
    const { token } = this.#reader;
    if (token.kind === 'symbol' && token.text === '?') this.#optional();
    if (token.kind !== 'word') return this.#reader.unexpected('the name of a field or a method');
    if (keywords.has(token.text)) this.#reader.unexpected(`["${token.text}"] for a field of this name`);
    this.#reader.take();
    const { start } = operand.span;
    if (this.#reader.skip('(')) return this.#call(token.text, token.span, start, operand);
    const span = { start, end: token.span.end };
    return this.#node({ kind: 'select', span, operand, field: token.text, fieldSpan: token.span }, [operand]);
  }

  #optional(): never {
    return fail(this.#reader.token.span, 'an optional, which is outside the language', 'has(a.b) ? a.b : …');
  }

  /** A call, a macro or `has`, from after its opening parenthesis. */
  #call(name: string, nameSpan: Span, start: number, target?: Expr): Expr {
    const args = this.#list(')');
    const span = { start, end: this.#reader.expect(')', 'a comma').span.end };
    const first = args[0];
    if (name === 'has' && !target && args.length === 1 && first?.kind === 'select') {
      const { operand, field, fieldSpan } = first;
      return this.#node({ kind: 'has', span, operand, field, fieldSpan }, [operand]);
    }
    if (target && isMacro(name) && macroArguments[name].includes(args.length) && first?.kind === 'identifier') {
      const [filter, body] = args.length === 3 ? [args[1], args[2] as Expr] : [undefined, args[1] as Expr];
      const macro = { kind: 'macro', span, name, range: target, variable: first.name, body } as const;
      return filter ? this.#node({ ...macro, filter }, [target, filter, body]) : this.#node(macro, [target, body]);
    }
    return target
      ? this.#node({ kind: 'call', span, name, nameSpan, target, args }, [target, ...args])
      : this.#node({ kind: 'call', span, name, nameSpan, args }, args);
  }

  /** Expressions with commas between them, up to before `close`. */
  #list(close: ')' | ']'): Expr[] {
    const elements: Expr[] = [];
    // CEL lets a comma end a list, and even be all there is in it, but not so with arguments.
    const mayEndWithComma = close === ']';
    if (mayEndWithComma && this.#reader.at(',') && this.#closes(1, close)) this.#reader.take();
    if (this.#reader.at(close)) return elements;
    do {
      if (mayEndWithComma && this.#reader.at(close)) break;
      if (mayEndWithComma && this.#reader.at('?')) this.#optional();
      elements.push(this.#expression());
    } while (this.#reader.skip(','));
    return elements;
  }

  #closes(distance: number, close: string): boolean {
    const token = this.#reader.peek(distance);
    return token.kind === 'symbol' && token.text === close;
  }

  #primary(): Expr {
    const { token } = this.#reader;
    const { span } = token;
    switch (token.kind) {
      case 'int':
      case 'double':
        return this.#number(false);
      case 'string':
        this.#reader.take();
        return this.#node({ kind: 'literal', span, value: token.value }, []);
      case 'word':
        return this.#word(token.text, span);
      case 'symbol':
        return this.#bracket(token.text, span);
      case 'end':
        return this.#reader.unexpected(value);
    }
  }

  #bracket(text: string, { start }: Span): Expr {
    if (text === '-' && this.#atSignedNumber()) return this.#number(true);
    if (text === '(') {
      this.#reader.take();
      const inner = this.#expression();
      const expr: Expr = { ...inner, span: { start, end: this.#reader.expect(')', 'an operator').span.end } };
      this.#depths.set(expr, this.#depths.get(inner) as number);
      return expr;
    }
    if (text === '[') {
      this.#reader.take();
      const elements = this.#list(']');
      const { end } = this.#reader.expect(']', 'a comma').span;
      return this.#node({ kind: 'list', span: { start, end }, elements }, elements);
    }
    if (text === '{') return this.#map(start);
    if (text === '.') {
      fail(this.#reader.token.span, 'a name with a leading dot, which is outside the language', 'a name without it');
    }
    return this.#reader.unexpected(value);
  }

  #map(start: number): Expr {
    this.#reader.take();
    const entries: { key: Expr; value: Expr }[] = [];
    if (this.#reader.at(',') && this.#closes(1, '}')) this.#reader.take();
    while (!this.#reader.at('}')) {
      if (this.#reader.at('?')) this.#optional();
      const key = this.#expression();
      this.#reader.expect(':', 'an operator');
      entries.push({ key, value: this.#expression() });
      if (!this.#reader.skip(',')) break;
    }
    const span = { start, end: this.#reader.expect('}', 'a comma').span.end };
    const children = entries.flatMap((entry) => [entry.key, entry.value]);
    return this.#node({ kind: 'map', span, entries }, children);
  }

  #number(negative: boolean): Expr {
    const { start } = this.#reader.token.span;
    if (negative) this.#reader.take();
    const token = this.#reader.take();
    const span = { start, end: token.span.end };
    if (token.kind === 'double') {
      return this.#node({ kind: 'literal', span, value: negative ? -token.value : token.value }, []);
    }
    const magnitude = token.kind === 'int' ? token.value : 0n;
    if (magnitude > maxInt + (negative ? 1n : 0n)) {
      fail(span, 'an int beyond 64 bits', `from -${maxInt + 1n} to ${maxInt}, or a double such as 1e20`);
    }
    return this.#node({ kind: 'literal', span, value: negative ? -magnitude : magnitude }, []);
  }

  #word(text: string, span: Span): Expr {
    if (text === 'in') return this.#reader.unexpected(value);
    if (reserved.has(text)) fail(span, `the reserved word "${text}"`, 'another name; it may be a field: a.' + text);
    this.#reader.take();
    if (text === 'true' || text === 'false') return this.#node({ kind: 'literal', span, value: text === 'true' }, []);
    if (text === 'null') return this.#node({ kind: 'literal', span, value: null }, []);
    if (this.#reader.skip('(')) return this.#call(text, span, span.start);
    return this.#node({ kind: 'identifier', span, name: text }, []);
  }
}

function between(first: Expr, last: Expr): Span {
  return { start: first.span.start, end: last.span.end };
}
