/** What a rule reads, for people: `tidings rules check` lists it beside the rule. */
import { childrenOf, type TypedExpr } from './syntax.ts';

export interface RuleUsage {
  /** Variables and their fields, each once, in the order of the text: `gid`, `auth.uid`, `data.text`, `now`. */
  readonly reads: readonly string[];
  /** Names of relations that may be asked, each once. */
  readonly relations: readonly string[];
}

export function usageOf(expr: TypedExpr): RuleUsage {
  const reads = new Set<string>();
  const relations = new Set<string>();
  const visit = (node: TypedExpr, inner: ReadonlySet<string>): void => {
    const path = pathOf(node);
    if (path !== undefined) {
      if (!inner.has(path.variable)) reads.add(path.text);
      return;
    }
    if (node.kind === 'relation') relations.add(node.relation);
    if (node.kind === 'comprehension') {
      visit(node.range, inner);
      const within = new Set(inner).add(node.variable);
      for (const part of [node.filter, node.body]) if (part) visit(part, within);
      return;
    }
    for (const child of childrenOf(node)) visit(child, inner);
  };
  visit(expr, new Set());
  return { reads: [...reads], relations: [...relations] };
}

/** `auth.uid` as a variable and its fields; undefined if the node is something else. */
function pathOf(node: TypedExpr): { readonly variable: string; readonly text: string } | undefined {
  if (node.kind === 'variable') return { variable: node.name, text: node.name };
  if (node.kind !== 'field' && node.kind !== 'present') return undefined;
  const operand = pathOf(node.operand);
  return operand && { variable: operand.variable, text: `${operand.text}.${node.name}` };
}
