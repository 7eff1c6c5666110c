/** What `--help` prints, for all commands and for each: made from the same tables that parse the arguments. */
import type { Command, CommandOption } from './command.ts';

/** All commands, one line each. */
export function overview(commands: readonly Command[]): string {
  return [
    'Tidings: a self-hosted real-time engine.',
    '',
    'Usage: tidings <command> [options]',
    '',
    ...columns(commands.map(({ name, summary }) => [name, summary])),
    '',
    'tidings <command> --help says more. Configuration: docs/configuration.md',
    'Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.',
  ].join('\n');
}

/** Usage, options and examples of one command. */
export function commandHelp({ name, summary, usage, options, details }: Command): string {
  const rows = Object.entries(options).map(([key, option]): [string, string] => [
    optionName(key, option),
    explain(option),
  ]);
  return [
    summary,
    '',
    `Usage: tidings ${name} ${usage}`.trimEnd(),
    '',
    ...columns([...rows, ['-h, --help', 'this text']]),
    ...(details === undefined ? [] : ['', details]),
  ].join('\n');
}

function optionName(key: string, { type, short, value }: CommandOption): string {
  const shortName = short === undefined ? '    ' : `-${short}, `;
  return `${shortName}--${key}${type === 'string' ? ` <${value ?? 'value'}>` : ''}`;
}

function explain({ description, default: fallback, multiple }: CommandOption): string {
  const notes = [
    ...(multiple === true ? ['may be repeated'] : []),
    ...(fallback === undefined || fallback === false ? [] : [`default: ${fallback}`]),
  ];
  return notes.length === 0 ? description : `${description} (${notes.join('; ')})`;
}

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`);
}
