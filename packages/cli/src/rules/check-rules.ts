/** `tidings rules check`: every rule of a configuration with what it reads; or what is wrong, with the line it stands on. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import {
  ConfigError,
  formatProblem,
  formatRule,
  formatWarning,
  rulesOf,
  usageOf,
  type ChannelOptions,
  type ConfigProblem,
  type ListedRule,
} from '@tidings/server';
import { flag, type CommandInput } from '../command.ts';
import type { Terminal } from '../terminal.ts';
import { counted } from './counted.ts';
import { excerptOf } from './excerpt.ts';
import { loadRules, type LoadedRules } from './load-rules.ts';

/** @returns 0 if there is no problem, else 2. */
export async function checkRules(input: CommandInput): Promise<number> {
  const { terminal, values } = input;
  let loaded: LoadedRules;
  try {
    loaded = await loadRules(input);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    if (flag(values, 'json')) terminal.print(JSON.stringify({ ok: false, problems: error.problems }, null, 2));
    else await printProblems(error.problems, terminal);
    return 2;
  }
  if (flag(values, 'json')) terminal.print(JSON.stringify(asJson(loaded), null, 2));
  else printRules(loaded, terminal);
  return 0;
}

async function printProblems(problems: readonly ConfigProblem[], terminal: Terminal): Promise<void> {
  terminal.warn(`The configuration has ${counted(problems.length, 'problem')}:`);
  for (const problem of problems) {
    const [where, what] = formatProblem(problem).split('\n');
    terminal.warn(`\n${where ?? ''}`);
    for (const line of await sourceLines(problem, terminal.cwd)) terminal.warn(`      ${line}`);
    terminal.warn(what ?? '');
  }
}

function isAboutRules(key: string): boolean {
  return /^(channels|rules)\b/.test(key);
}

/** The line of the file and a caret. Only of sections that hold no secrets. */
async function sourceLines({ key, place }: ConfigProblem, cwd: string): Promise<string[]> {
  const [, file, line, column] = /^(.+):(\d+):(\d+)$/.exec(place ?? '') ?? [];
  if (file === undefined || !isAboutRules(key)) return [];
  const text = await readFile(resolve(cwd, file), 'utf8').catch(() => '');
  const source = text.split('\n')[Number(line) - 1]?.replace(/\r$/, '');
  if (source === undefined) return [];
  const start = Number(column) - 1;
  const word = /^(?:\w+|&&|\|\||[=!<>]=)/.exec(source.slice(start))?.[0] ?? '';
  const excerpt = excerptOf(source.trimStart(), shifted(start, word.length, source), '^');
  return [excerpt.line, excerpt.marks];
}

function shifted(start: number, length: number, source: string) {
  const indent = source.length - source.trimStart().length;
  return { start: Math.max(start - indent, 0), end: Math.max(start - indent, 0) + length };
}

/** The actions in the order they are listed, with what holds where nothing is said. */
const defaults = {
  subscribe: 'nobody',
  publish: 'nobody',
  history: 'nobody',
  presence: 'nobody',
  announce: 'anyone',
  receive: 'anyone',
} as const satisfies Record<keyof ChannelOptions['allow'], string>;
const allowKeys = Object.keys(defaults) as (keyof typeof defaults)[];

function printRules({ config, file, ruleset, warnings }: LoadedRules, terminal: Terminal): void {
  const listed = rulesOf(config, ruleset);
  const patterns = Object.entries(config.channels);
  const summary = [
    `${counted(listed.length, 'rule')} in ${counted(patterns.length, 'channel pattern')}`,
    counted(ruleset.relations.length, 'relation'),
    counted(Object.keys(config.rules.schemas).length, 'schema'),
    counted(config.rules.tests.length, 'test'),
  ];
  terminal.print(`${terminal.style('green', 'ok')}  ${file ?? 'no file'}: ${summary.join(', ')}`);
  for (const [pattern, options] of patterns) {
    const rules = listed.filter((rule) => rule.pattern === pattern);
    terminal.print(`\n${terminal.style('bold', pattern)}`);
    printPattern(options, rules, terminal);
  }
  const about = warnings.filter(({ key }) => isAboutRules(key));
  if (about.length > 0) terminal.print();
  for (const warning of about) terminal.print(`${terminal.style('yellow', 'warning')}  ${formatWarning(warning)}`);
}

function printPattern({ allow, publish }: ChannelOptions, rules: readonly ListedRule[], terminal: Terminal): void {
  const lines: [string, string][] = [];
  for (const action of allowKeys) {
    const rule = rules.find(({ place }) => place === action);
    if (rule) lines.push([action, ruleLines(rule, terminal)]);
    else if (allow[action] !== defaults[action] || action === 'subscribe' || action === 'publish') {
      lines.push([action, allow[action]]);
    }
  }
  if (publish.schema !== undefined) lines.push(['schema', publish.schema]);
  for (const rule of rules.filter(({ place }) => place.startsWith('set '))) {
    lines.push([rule.place, ruleLines(rule, terminal)]);
  }
  const width = Math.max(...lines.map(([name]) => name.length));
  for (const [name, text] of lines) {
    const [first, ...more] = text.split('\n');
    terminal.print(`  ${name.padEnd(width)}  ${first}`);
    for (const line of more) terminal.print(`  ${' '.repeat(width)}  ${line}`);
  }
}

/** The rule in its shortest form, and below it what it reads. */
function ruleLines({ rule }: ListedRule, terminal: Terminal): string {
  const { reads, relations } = usageOf(rule.expr);
  const notes = [
    ...(reads.length > 0 ? [`reads ${reads.join(', ')}`] : []),
    ...(relations.length > 0 ? [`asks ${relations.join(', ')}`] : []),
  ];
  return [formatRule(rule.expr), ...(notes.length > 0 ? [terminal.style('dim', notes.join('; '))] : [])].join('\n');
}

function asJson({ config, file, ruleset, warnings }: LoadedRules): object {
  const listed = rulesOf(config, ruleset);
  return {
    ok: true,
    file,
    channels: Object.entries(config.channels).map(([pattern, { allow, publish }]) => ({
      pattern,
      allow,
      schema: publish.schema,
      rules: listed
        .filter((rule) => rule.pattern === pattern)
        .map(({ rule, place }) => ({ place, key: rule.key, rule: formatRule(rule.expr), ...usageOf(rule.expr) })),
    })),
    warnings: warnings.filter(({ key }) => isAboutRules(key)),
  };
}
