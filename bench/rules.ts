/** The scenario `rules`: evaluations per second of a rule, beside two other engines for the same language. */
import { fileURLToPath } from 'node:url';
import type { Progress } from '../packages/cli/src/bench/progress-line.ts';
import type { Bar } from './bar-chart.ts';
import { runLoad } from './floor.ts';
import { median, round, type ScenarioReport } from './report.ts';
import type { Scale } from './scale.ts';

export interface RulesLoad {
  readonly rules: readonly string[];
  readonly rounds: number;
  readonly roundMs: number;
}

export interface RulesResult {
  readonly source: string;
  /** By engine, a figure for each round. */
  readonly perSecond: Readonly<Record<string, readonly number[]>>;
}

/** The first is the one that the target is about. */
const measured = [
  { title: 'owner or public', source: 'doc.owner == user.id || doc.public' },
  { title: 'a relation', source: 'member(doc.room, user.id)' },
  { title: 'one of a list', source: 'user.role in ["owner", "admin", "moderator"]' },
  { title: 'a prefix', source: 'doc.path.startsWith("/team/")' },
];

const titles: Readonly<Record<string, string>> = {
  generated: 'Tidings, generated code',
  closures: 'Tidings, closures',
  'cel-js': '@marcbachmann/cel-js',
  bufbuild: '@bufbuild/cel',
};

const loadFile = fileURLToPath(new URL('rules-load.ts', import.meta.url));

export async function rules(scale: Scale, progress: Progress): Promise<ScenarioReport> {
  const load: RulesLoad = {
    rules: measured.map(({ source }) => source),
    rounds: scale.ruleRounds,
    roundMs: scale.ruleRoundMs,
  };
  progress(`${measured.length} rules, ${Object.keys(titles).length} engines, ${load.rounds} rounds`);
  const args = ['--conditions=tidings-source', loadFile, JSON.stringify(load)];
  const results = (await runLoad(process.execPath, args)) as readonly RulesResult[];
  const millions = ({ perSecond }: RulesResult, engine: string) => median(perSecond[engine] ?? []) / 1e6;
  const names = Object.keys(titles);
  return {
    name: 'rules',
    title: 'Rules: evaluations per second',
    about:
      `How often one processor evaluates a rule. All engines run in one process and take turns, ${load.rounds} rounds of ` +
      `about ${load.roundMs} ms each; a figure is the median. Each has the rule prepared, its variables declared where it ` +
      `takes that, and its values in the shape it wants, over 256 different sets of them.`,
    measuredAt: new Date().toISOString(),
    table: {
      columns: ['engine', ...measured.map(({ title }) => `${title}, M/s`)],
      rows: names.map((name) => [titles[name] ?? name, ...results.map((result) => round(millions(result, name)))]),
    },
    chart: {
      title: 'Evaluations of a rule per second',
      subtitle: 'Million per second on one processor; longer is better',
      groups: results.map((result, at) => ({
        title: measured[at]?.source ?? '',
        bars: names.map((name): Bar => {
          const value = millions(result, name);
          const kind = name === 'cel-js' || name === 'bufbuild' ? 'other' : 'own';
          return { label: titles[name] ?? name, value, text: `${round(value)} M/s`, kind };
        }),
      })),
    },
    targets: results.slice(0, 1).map((result) => ({
      what: 'million evaluations per second, generated code',
      value: millions(result, 'generated'),
      limit: 10,
      unit: '',
      atLeast: true,
    })),
    raw: results,
  };
}
