/**
 * What a scenario found, in a shape that can be printed, kept and drawn without knowing the scenario; and the page
 * `docs/benchmarks.md` made of it.
 */
import { drawBarChart, type BarChart } from './bar-chart.ts';
import type { Machine } from './machine.ts';

export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface Target {
  readonly what: string;
  readonly value: number;
  readonly limit: number;
  readonly unit: string;
  /** The limit is the least that is wanted, not the most. */
  readonly atLeast?: boolean;
}

export interface ScenarioReport {
  readonly name: string;
  readonly title: string;
  /** What was done, in a few sentences. */
  readonly about: string;
  /** ISO date and time. */
  readonly measuredAt: string;
  readonly table: Table;
  /** Drawn to `docs/benchmarks-<name>.svg`. */
  readonly chart: BarChart;
  readonly targets: readonly Target[];
  /** Every single measurement. */
  readonly raw: unknown;
}

export interface Results {
  readonly machine: Machine;
  readonly scenarios: Readonly<Record<string, ScenarioReport>>;
}

export const isMet = ({ value, limit, atLeast }: Target): boolean => (atLeast ? value >= limit : value <= limit);

export function targetText(target: Target): string {
  const unit = target.unit && ` ${target.unit}`;
  return `${target.what}: ${round(target.value)}${unit}, ${target.atLeast ? 'at least' : 'at most'} ${target.limit}${unit} wanted: ${isMet(target) ? 'met' : 'MISSED'}`;
}

/** For a terminal: columns side by side. */
export function plainTable({ columns, rows }: Table): string {
  const all = [columns, ...rows].map((row) => row.map((cell) => cell.replaceAll('`', '')));
  const widths = columns.map((_, column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  return all
    .map((row) =>
      row
        .map((cell, column) => pad(cell, widths[column] ?? 0, column))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

const pad = (cell: string, width: number, column: number) => (column === 0 ? cell.padEnd(width) : cell.padStart(width));

function markdownTable({ columns, rows }: Table): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  return [line(columns), line(columns.map((_, column) => (column === 0 ? '---' : '--:'))), ...rows.map(line)].join(
    '\n',
  );
}

/** Files of the documentation, by their path below `docs/`. */
export function documentation({ machine, scenarios }: Results): Map<string, string> {
  const files = new Map<string, string>();
  const sections = Object.values(scenarios).map((scenario) => {
    const image = `benchmarks-${scenario.name.replaceAll('.', '-')}.svg`;
    files.set(image, drawBarChart(scenario.chart));
    const targets = scenario.targets.map((target) => `- ${targetText(target)}`).join('\n');
    return [
      `## ${scenario.title}`,
      scenario.about,
      `![${scenario.chart.title}](${image})`,
      markdownTable(scenario.table),
      ...(targets ? [targets] : []),
      `Measured ${scenario.measuredAt.slice(0, 10)}.`,
    ].join('\n\n');
  });
  files.set('benchmarks.md', `${[introduction(machine), ...sections].join('\n\n')}\n`);
  return files;
}

function introduction(machine: Machine): string {
  return `<!-- Made by \`npm run bench\` from bench/results.json. Do not edit. -->

# Benchmarks

Every figure here comes from \`npm run bench\`, which anybody can run: it starts each server fresh, on one processor, with the
load on another, and writes this page. Absolute figures move from machine to machine; ratios within one run move less.
Compared servers are in [bench/servers](../bench/servers), the floor in [bench/floor](../bench/floor).
Tidings runs in production mode with authentication on ([its configuration](../bench/tidings.bench.yaml)).

- Processor: ${machine.processor}, ${machine.cores} cores
- Memory: ${machine.memoryGigabytes} GB
- System: ${machine.system}
- Node ${machine.node}${machine.pinned ? '' : '\n- Server and load were not pinned to processors: figures are less exact'}`;
}

/** Three significant digits, no exponent. */
export function round(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return String(value);
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(digits, 6));
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const [low, high] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]];
  return low === undefined || high === undefined ? Number.NaN : (low + high) / 2;
}
