/** Shows a place in a rule: the line it stands on and marks beneath. */
import type { RuleSpan } from '@tidings/server';

/** Columns of a line that are shown at most; of a longer one, those around the place. */
const maxColumns = 100;
/** Columns shown before the place in a line that is too long. */
const lead = 30;

export interface Excerpt {
  readonly line: string;
  /** Spaces and marks, to stand under `line`. */
  readonly marks: string;
}

/** @param mark one column wide. A place of no width, such as the end of the text, gets one mark. */
export function excerptOf(source: string, span: RuleSpan, mark: string): Excerpt {
  const start = Math.min(span.start, source.length);
  const lineStart = source.lastIndexOf('\n', start - 1) + 1;
  const nextBreak = source.indexOf('\n', start);
  const lineEnd = nextBreak < 0 ? source.length : nextBreak;
  const goesOn = Math.min(span.end, source.length) > lineEnd;
  const whole = source.slice(lineStart, lineEnd);
  const from = start - lineStart;
  const to = Math.max(Math.min(span.end, lineEnd) - lineStart, from);

  const cutLeft = whole.length > maxColumns && from > lead ? from - lead : 0;
  const shown = printable(whole.slice(cutLeft, cutLeft + maxColumns));
  const clipped = cutLeft + maxColumns < whole.length;
  const before = `${cutLeft > 0 ? '…' : ''}${printable(whole.slice(cutLeft, from))}`;
  const marked = Math.max(widthOf(printable(whole.slice(from, Math.min(to, cutLeft + maxColumns)))), 1);
  return {
    line: `${cutLeft > 0 ? '…' : ''}${shown}${clipped ? '…' : ''}`,
    marks: `${' '.repeat(widthOf(before))}${mark.repeat(marked)}${goesOn ? '…' : ''}`,
  };
}

/** Control characters would move the cursor and the marks with it. */
function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f]/g, ' ');
}

/** Columns a text takes in a terminal, near enough: code points, combining marks aside. */
export function widthOf(text: string): number {
  return Array.from(text.replaceAll(/\p{M}/gu, '')).length;
}
