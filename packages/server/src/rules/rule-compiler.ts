/** One rule of a channel, from text to what evaluates it; what is wrong goes to the ruleset's report. */
import { askedOnDelivery } from './check-delivery.ts';
import { checkRule } from './check.ts';
import { compile } from './compile-js.ts';
import { parseRule } from './parse.ts';
import { bindRule } from './partial.ts';
import type { RelationSignature } from './relation.ts';
import type { Rule, RulesetProblem, RulesetWarning } from './ruleset.ts';
import { childrenOf, RuleSyntaxError, type RuleProblem, type TypedExpr } from './syntax.ts';
import { types, type RuleType } from './types.ts';

export interface RuleCompilerOptions {
  readonly pattern: string;
  /** The pattern ends in a star: there is no variable for the rest. */
  readonly open: boolean;
  readonly variables: Readonly<Record<string, RuleType>>;
  readonly relations: Readonly<Record<string, RelationSignature>>;
  /** Whether a relation is one that asks a function. */
  readonly isFunction: (relation: string) => boolean;
  readonly report: (problem: RulesetProblem) => void;
  readonly warn: (warning: RulesetWarning) => void;
}

export class RuleCompiler {
  readonly #options: RuleCompilerOptions;

  constructor(options: RuleCompilerOptions) {
    this.#options = options;
  }

  /**
   * @param path below the channel: `['allow', 'subscribe']`.
   * @param more variables beside those of every rule of the channel.
   * @returns undefined if it has a problem, which was reported.
   */
  compile(
    path: readonly string[],
    source: string,
    more: Readonly<Record<string, RuleType>>,
    expected: RuleType | undefined,
  ): Rule | undefined {
    const { pattern, variables, relations, warn } = this.#options;
    const at = ['channels', pattern, ...path];
    const expr = this.#check(at, source, { variables: { ...variables, ...more }, relations }, expected);
    if (!expr) return undefined;
    if (path.at(-1) === 'receive' && !this.#checkDelivery(at, expr)) return undefined;
    const constant = expected?.kind === 'bool' ? constantOf(expr) : undefined;
    if (constant) warn({ path: at, message: constant });
    const { names, relations: asked } = used(expr);
    return {
      key: `channels[${JSON.stringify(pattern)}].${path.join('.')}`,
      source,
      expr,
      evaluate: compile(expr),
      relations: [...asked],
      usesNow: names.has('now'),
      usesData: ['data', 'tags', 'publisher'].some((name) => names.has(name)),
    };
  }

  #checkDelivery(path: readonly PropertyKey[], expr: TypedExpr): boolean {
    const calls = askedOnDelivery(expr, this.#options.isFunction);
    for (const { relation, span } of calls) {
      this.#options.report({
        path,
        offset: span.start,
        found: `${relation}(…), which asks a function, about something that is known only when the message is there`,
        valid: `arguments made of auth, channel and its variables; or ${relation} with from: api or from: table, which answer at once`,
      });
    }
    return calls.length === 0;
  }

  #check(
    path: readonly PropertyKey[],
    source: string,
    declarations: Parameters<typeof checkRule>[1],
    expected: RuleType | undefined,
  ): TypedExpr | undefined {
    const { open, report } = this.#options;
    const tell = ({ span, found, valid }: RuleProblem) => {
      const hint = open && found.startsWith('an unknown name') ? '; the whole name of the channel is `channel`' : '';
      report({ path, offset: span.start, found, valid: valid + hint });
    };
    try {
      const { expr, problems } = checkRule(parseRule(source), declarations, expected);
      for (const problem of problems) tell(problem);
      return problems.length === 0 ? expr : undefined;
    } catch (error) {
      if (!(error instanceof RuleSyntaxError)) throw error;
      tell(error.problem);
      return undefined;
    }
  }
}

/** What is said of a rule that comes to the same whatever it is asked. */
function constantOf(expr: TypedExpr): string | undefined {
  const bound = bindRule(expr, {});
  if (bound.kind === 'failure') return `always fails, which denies: ${bound.reason}`;
  if (bound.kind !== 'constant' || bound.type.kind !== types.bool.kind) return undefined;
  return bound.value === true
    ? 'is always true; the word for that is anyone'
    : 'is always false; the word for that is nobody';
}

function used(expr: TypedExpr): { readonly names: ReadonlySet<string>; readonly relations: ReadonlySet<string> } {
  const names = new Set<string>();
  const relations = new Set<string>();
  const visit = (node: TypedExpr): void => {
    if (node.kind === 'variable') names.add(node.name);
    if (node.kind === 'relation') relations.add(node.relation);
    childrenOf(node).forEach(visit);
  };
  visit(expr);
  return { names, relations };
}
