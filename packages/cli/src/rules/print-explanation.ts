/** Prints the value of every part of a rule as a tree, in the words of the rule as it was written. */
import { childrenOf, Failure, formatRuleValue, type Explanation, type TypedExpr } from '@tidings/server';
import type { Style, Terminal } from '../terminal.ts';
import { widthOf } from './excerpt.ts';

/** Columns of the parts at most; longer ones are cut. */
const maxPartColumns = 72;

interface Row {
  /** Lines that lead to the part. */
  readonly branch: string;
  readonly part: string;
  /** Undefined: it was not evaluated, as the rest was enough to know. */
  readonly value: Explanation['value'] | undefined;
  /** A part beneath failed and says why. */
  readonly saidBelow: boolean;
}

/** @param source the text of the rule. */
export function printExplanation(explanation: Explanation, source: string, terminal: Terminal, indent: number): void {
  const rows = [...rowsOf(explanation, source, '', '')];
  const width = Math.max(...rows.map(({ branch, part }) => widthOf(branch + part)));
  for (const { branch, part, value, saidBelow } of rows) {
    const space = ' '.repeat(width - widthOf(branch + part));
    const shownPart = value === undefined ? terminal.style('dim', part) : part;
    const lead = branch === '' ? '' : terminal.style('dim', branch);
    const line = `${lead}${shownPart}${space}  ${saidBelow ? terminal.style('yellow', 'failed') : valueText(value, terminal)}`;
    terminal.print(`${' '.repeat(indent)}${line}`);
  }
}

function* rowsOf(explanation: Explanation, source: string, branch: string, below: string): Generator<Row> {
  const { expr, value } = explanation;
  const parts = partsOf(explanation);
  const saidBelow = value instanceof Failure && parts.some((part) => 'value' in part && part.value === value);
  yield { branch, part: partOf(expr, source, branch), value, saidBelow };
  for (const [i, part] of parts.entries()) {
    const last = i === parts.length - 1;
    const lead = `${below}${last ? '└─ ' : '├─ '}`;
    if ('kind' in part) yield { branch: lead, part: partOf(part, source, lead), value: undefined, saidBelow: false };
    else yield* rowsOf(part, source, lead, `${below}${last ? '   ' : '│  '}`);
  }
}

/** What is shown beneath: what was evaluated, and what might have been; constants say what they are, and so do paths. */
function partsOf({ expr, children }: Explanation): (Explanation | TypedExpr)[] {
  if (expr.kind === 'field' || expr.kind === 'present') {
    return isPath(expr.operand) ? [] : [...children];
  }
  return childrenOf(expr).flatMap((child): readonly (Explanation | TypedExpr)[] => {
    if (child.kind === 'constant') return [];
    const evaluated = children.filter((each) => each.expr === child);
    if (!isSameChain(expr, child)) return evaluated.length > 0 ? evaluated : [child];
    return evaluated.length > 0 ? evaluated.flatMap(partsOf) : operandsOf(child);
  });
}

/** `a && b && c` is `(a && b) && c`, but reads as one with three parts. */
function isSameChain(outer: TypedExpr, inner: TypedExpr): boolean {
  return outer.kind === 'logical' && inner.kind === 'logical' && outer.operator === inner.operator;
}

/** Of a chain that was not evaluated. */
function operandsOf(expr: TypedExpr): readonly TypedExpr[] {
  return childrenOf(expr).flatMap((child) => (isSameChain(expr, child) ? operandsOf(child) : [child]));
}

function isPath(expr: TypedExpr): boolean {
  return expr.kind === 'variable' || (expr.kind === 'field' && isPath(expr.operand));
}

/** The part as it stands in the rule, on one line. */
function partOf({ span }: TypedExpr, source: string, branch: string): string {
  const text = source.slice(span.start, span.end).replaceAll(/\s+/g, ' ');
  const room = Math.max(maxPartColumns - widthOf(branch), 16);
  const characters = Array.from(text);
  return characters.length > room ? `${characters.slice(0, room - 1).join('')}…` : text;
}

function valueText(value: Explanation['value'] | undefined, terminal: Terminal): string {
  if (value === undefined) return terminal.style('dim', 'not evaluated');
  if (value instanceof Failure) return terminal.style('yellow', `failed: ${value.reason}`);
  const style: Style | undefined = value === true ? 'green' : value === false ? 'red' : undefined;
  const text = formatRuleValue(value);
  return style === undefined ? text : terminal.style(style, text);
}

/** For programs: the same tree. */
export function explanationJson(explanation: Explanation, source: string): object {
  const { expr, value } = explanation;
  const parts = partsOf(explanation);
  return {
    part: source.slice(expr.span.start, expr.span.end),
    ...(value instanceof Failure ? { failed: value.reason } : { value: formatRuleValue(value) }),
    ...(parts.length > 0 && {
      parts: parts.map((part) =>
        'kind' in part
          ? { part: source.slice(part.span.start, part.span.end), evaluated: false }
          : explanationJson(part, source),
      ),
    }),
  };
}
