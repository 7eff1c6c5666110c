/**
 * What `allow.receive` may ask. A message is handed out in the turn in which it comes, and nobody can be asked for a fact
 * then: a relation from a function must be asked about what is known when somebody subscribes.
 */
import { childrenOf, type TypedExpr } from './syntax.ts';

type RelationCall = Extract<TypedExpr, { readonly kind: 'relation' }>;

/** Variables that nobody knows before the message is there. */
const unknownBefore: readonly string[] = ['data', 'tags', 'publisher', 'now'];

/**
 * @param asks whether a relation has to ask somebody.
 * @returns calls of such relations that partial evaluation leaves to be asked on delivery.
 */
export function askedOnDelivery(rule: TypedExpr, asks: (relation: string) => boolean): readonly RelationCall[] {
  const found: RelationCall[] = [];
  const visit = (expr: TypedExpr, open: readonly string[]): void => {
    const isFolded = (expr.kind === 'relation' || expr.kind === 'comprehension') && !mentions(expr, open);
    if (isFolded) return;
    if (expr.kind === 'relation' && asks(expr.relation)) found.push(expr);
    const inner = expr.kind === 'comprehension' ? [...open, expr.variable] : open;
    for (const child of childrenOf(expr)) visit(child, inner);
  };
  visit(rule, unknownBefore);
  return found;
}

function mentions(expr: TypedExpr, names: readonly string[]): boolean {
  if (expr.kind === 'variable') return names.includes(expr.name);
  return childrenOf(expr).some((child) => mentions(child, names));
}
