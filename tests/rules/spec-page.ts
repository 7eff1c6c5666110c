/** The page `docs/rules-conformance.md`: what of the cel-spec suite passes, and what falls outside the subset and why. */
import type { Reason } from './spec-reasons.ts';

export interface SuiteTest {
  readonly file: string;
  readonly section: string;
  readonly name: string;
  /** Undefined: it lies in the subset. */
  readonly outside: Reason | undefined;
}

/** @param version of cel-spec, as its package names it. */
export function conformancePage(tests: readonly SuiteTest[], reasons: readonly Reason[], version: string): string {
  const inside = tests.filter((test) => test.outside === undefined).length;
  const files = Map.groupBy(tests, ({ file }) => file);
  const inFile = [...files].map(([file, of]) => {
    const passed = of.filter((test) => test.outside === undefined).length;
    return [`\`${file}\``, of.length, passed, of.length - passed].map(String);
  });
  const total = ['all', tests.length, inside, tests.length - inside].map(String);
  const byReason = reasons.map((reason) => [reason, tests.filter((test) => test.outside === reason)] as const);
  return `<!-- Made by tests/rules/conformance.test.ts; \`npx vitest run tests/rules/conformance.test.ts -u\` writes it anew. -->

# Rules: conformance with CEL

The language of [rules](rules.md) is a subset of the Common Expression Language. The conformance suite of
[cel-spec](https://github.com/google/cel-spec) ${version} has ${tests.length} tests in ${files.size} files. ${inside} lie in the subset, and all of
them pass, in generated code and in closures, once with the types that the test declares and once with everything
\`dyn\`. The other ${tests.length - inside} use what the subset does not have. Rules that use it are refused when the configuration is
loaded; the same test proves that for each of them, but those that only set a container.

${table(['file', 'tests', 'pass', 'outside'], [...inFile, total])}

## Outside the subset

A test that has several reasons is counted under the first of them.

${table(
  ['reason', 'tests'],
  byReason.map(([reason, of]) => [reason.title, String(of.length)]),
)}

${byReason.map(([reason, of]) => chapter(reason, of, tests)).join('\n\n')}
`;
}

function chapter(reason: Reason, outside: readonly SuiteTest[], all: readonly SuiteTest[]): string {
  const sections = Map.groupBy(outside, ({ file, section }) => `${file}/${section}`);
  const items = [...sections].map(([path, of]) => {
    const size = all.filter(({ file, section }) => `${file}/${section}` === path).length;
    if (of.length === size) return `- \`${path}\`: all ${size}`;
    return `- \`${path}\`: ${of.length} of ${size}: ${of.map(({ name }) => code(name)).join(', ')}`;
  });
  return [`### ${reason.title}`, reason.why, items.join('\n')].join('\n\n');
}

const code = (text: string) => (text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``);

/** Padded as the formatter of the tree pads it; all but the first column are numbers. */
function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map((_, at) => Math.max(3, ...[columns, ...rows].map((row) => row[at]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0))).join(' | ')} |`;
  const rule = widths.map((width, at) => (at === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [line(columns), line(rule), ...rows.map(line)].join('\n');
}
