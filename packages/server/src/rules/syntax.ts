/**
 * The two trees of the rule language. `parse.ts` makes an `Expr` of text; `check.ts` makes a `TypedExpr` of that; all
 * else (closures, generated code, partial evaluation, SQL, routing keys, explanations) reads typed trees only.
 */
import type { RuleType } from './types.ts';
import type { Value } from './value.ts';

/** Where something stands in the text of a rule: UTF-16 code units, end exclusive. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

export type BinaryOperator = '&&' | '||' | '==' | '!=' | '<' | '<=' | '>' | '>=' | 'in' | '+' | '-' | '*' | '/' | '%';

/** The macros over lists and maps. `map` has an optional filter: `list.map(x, filter, body)`. */
export type MacroName = 'all' | 'exists' | 'exists_one' | 'filter' | 'map';

/** As written. Macros and `has` are told apart from calls; names are not resolved yet. */
export type Expr =
  | { readonly kind: 'literal'; readonly span: Span; readonly value: null | boolean | bigint | number | string }
  | { readonly kind: 'identifier'; readonly span: Span; readonly name: string }
  | {
      readonly kind: 'select';
      readonly span: Span;
      readonly operand: Expr;
      readonly field: string;
      readonly fieldSpan: Span;
    }
  | {
      readonly kind: 'has';
      readonly span: Span;
      readonly operand: Expr;
      readonly field: string;
      readonly fieldSpan: Span;
    }
  | { readonly kind: 'index'; readonly span: Span; readonly operand: Expr; readonly index: Expr }
  | { readonly kind: 'unary'; readonly span: Span; readonly operator: '!' | '-'; readonly operand: Expr }
  | {
      readonly kind: 'binary';
      readonly span: Span;
      readonly operator: BinaryOperator;
      readonly left: Expr;
      readonly right: Expr;
    }
  | {
      readonly kind: 'conditional';
      readonly span: Span;
      readonly condition: Expr;
      readonly then: Expr;
      readonly otherwise: Expr;
    }
  | {
      readonly kind: 'call';
      readonly span: Span;
      readonly name: string;
      readonly nameSpan: Span;
      readonly target?: Expr;
      readonly args: readonly Expr[];
    }
  | { readonly kind: 'list'; readonly span: Span; readonly elements: readonly Expr[] }
  | {
      readonly kind: 'map';
      readonly span: Span;
      readonly entries: readonly { readonly key: Expr; readonly value: Expr }[];
    }
  | {
      readonly kind: 'macro';
      readonly span: Span;
      readonly name: MacroName;
      readonly range: Expr;
      readonly variable: string;
      readonly filter?: Expr;
      readonly body: Expr;
    };

interface Typed {
  readonly span: Span;
  readonly type: RuleType;
}

/** Checked. Every operator but `&&`, `||` and `?:` is a call of a function by CEL's name of it: `_==_`, `_[_]`, `!_`. */
export type TypedExpr =
  | (Typed & { readonly kind: 'constant'; readonly value: Value })
  /** An error, known before evaluation: what partial evaluation leaves of a part that fails. */
  | (Typed & { readonly kind: 'failure'; readonly reason: string })
  /** A declared variable, or the variable of a macro around it. */
  | (Typed & { readonly kind: 'variable'; readonly name: string })
  /** `operand.name` of a record, map or dyn. */
  | (Typed & { readonly kind: 'field'; readonly operand: TypedExpr; readonly name: string })
  /** `has(operand.name)`. */
  | (Typed & { readonly kind: 'present'; readonly operand: TypedExpr; readonly name: string })
  | (Typed & {
      readonly kind: 'logical';
      readonly operator: '&&' | '||';
      readonly left: TypedExpr;
      readonly right: TypedExpr;
    })
  | (Typed & {
      readonly kind: 'conditional';
      readonly condition: TypedExpr;
      readonly then: TypedExpr;
      readonly otherwise: TypedExpr;
    })
  /** `name` is a key of the table in `functions.ts`; a method's target is its first argument. */
  | (Typed & { readonly kind: 'call'; readonly name: string; readonly args: readonly TypedExpr[] })
  | (Typed & { readonly kind: 'relation'; readonly relation: string; readonly args: readonly TypedExpr[] })
  | (Typed & { readonly kind: 'list'; readonly elements: readonly TypedExpr[] })
  | (Typed & {
      readonly kind: 'map';
      readonly entries: readonly { readonly key: TypedExpr; readonly value: TypedExpr }[];
    })
  | (Typed & {
      readonly kind: 'comprehension';
      readonly macro: MacroName;
      readonly range: TypedExpr;
      /** Unique in the whole tree (`x`, `x#2`), so that nothing need look after shadowing. */
      readonly variable: string;
      readonly filter?: TypedExpr;
      readonly body: TypedExpr;
    });

/** What is wrong with a rule, found when it is loaded. */
export interface RuleProblem {
  readonly span: Span;
  /** What stands there: `an unknown name "membr"`. */
  readonly found: string;
  /** What would be valid: `member(gid, uid)`. */
  readonly valid: string;
}

/** The text of a rule that is no expression. */
export class RuleSyntaxError extends Error {
  readonly problem: RuleProblem;

  constructor(problem: RuleProblem) {
    super(`${problem.found}; valid: ${problem.valid}`);
    this.name = 'RuleSyntaxError';
    this.problem = problem;
  }
}

/** The nodes directly beneath, in the order of evaluation. */
export function childrenOf(expr: TypedExpr): readonly TypedExpr[] {
  switch (expr.kind) {
    case 'constant':
    case 'failure':
    case 'variable':
      return [];
    case 'field':
    case 'present':
      return [expr.operand];
    case 'logical':
      return [expr.left, expr.right];
    case 'conditional':
      return [expr.condition, expr.then, expr.otherwise];
    case 'call':
    case 'relation':
      return expr.args;
    case 'list':
      return expr.elements;
    case 'map':
      return expr.entries.flatMap(({ key, value }) => [key, value]);
    case 'comprehension':
      return expr.filter ? [expr.range, expr.filter, expr.body] : [expr.range, expr.body];
  }
}
