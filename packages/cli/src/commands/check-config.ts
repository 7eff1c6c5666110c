/** `tidings check-config`: says what is wrong with a configuration, or what it means. */
import { formatDuration, formatWarning, type Config, type LoadedConfig } from '@tidings/server';
import { UsageError, type Command } from '../command.ts';
import { configOption, load } from '../config-options.ts';
import type { Terminal } from '../terminal.ts';

const maxCellLength = 40;

export const checkConfig: Command = {
  name: 'check-config',
  summary: 'Say what is wrong with a configuration, and where; or what it allows.',
  usage: '[file]',
  options: { config: configOption },
  details: 'Reads the environment as well, as the server would. Exits with 2 if there is a problem.',

  async run(input) {
    const { positionals, values, terminal } = input;
    if (positionals.length > 1) throw new UsageError('name one file');
    const [file] = positionals;
    const loaded = await load(file === undefined ? input : { ...input, values: { ...values, config: file } });
    printSummary(loaded, terminal);
    return 0;
  },
};

function printSummary({ config, file, sources, warnings }: LoadedConfig, terminal: Terminal): void {
  const fromEnvironment = [...sources.values()].filter((place) => place.startsWith('environment')).length;
  terminal.print(
    `${terminal.style('green', 'ok')}  ${file ?? 'no file'}, ${fromEnvironment} keys from the environment`,
  );
  terminal.print();
  for (const [name, value] of overview(config)) terminal.print(`${name.padEnd(9)} ${value}`);
  terminal.print();
  printTable(channelRows(config), terminal);
  for (const warning of warnings) terminal.print(`${terminal.style('yellow', 'warning')}  ${formatWarning(warning)}`);
}

function overview({ mode, listen, internal, auth, hooks, api }: Config): [string, string][] {
  const ways = [
    ...(auth.jwt ? ['with a token'] : []),
    ...(hooks.connect ? ['by the connect hook'] : []),
    ...(auth.anonymous ? ['without credentials'] : []),
  ];
  const tls = listen.tls ? ' with TLS' : '';
  const inside = internal ? `, server API and metrics on ${internal.host}:${internal.port}` : '';
  return [
    ['mode', mode],
    ['listens', `${listen.host}:${listen.port}${tls}${inside}`],
    ['connect', ways.length > 0 ? ways.join(', ') : 'nobody'],
    ['API keys', String(api.keys.length)],
  ];
}

/** Who may do what, per pattern, and what else holds there. */
function channelRows({ channels }: Config): string[][] {
  const rows = Object.entries(channels).map(([pattern, { allow, history, hooks, ...options }]) => {
    const asked = (['subscribe', 'publish', 'subRefresh'] as const).filter((name) => hooks[name]);
    const features = [
      ...(history.size > 0 ? [`history ${history.size}/${formatDuration(history.ttl)}`] : []),
      ...(['recovery', 'positioning', 'joinLeave'] as const).flatMap((name) =>
        options[name] === 'off' ? [] : [`${name} ${options[name]}`],
      ),
      ...(['delta', 'tagsFilter', 'events'] as const).filter((name) => options[name]),
      ...(asked.length > 0 ? [`asks ${asked.join(' and ')} hook`] : []),
    ];
    const presence = options.presence ? allow.presence : '-';
    return [
      pattern,
      short(allow.subscribe),
      short(allow.publish),
      history.size > 0 ? short(allow.history) : '-',
      short(presence),
      features.join(', '),
    ];
  });
  return [['channels', 'subscribe', 'publish', 'history', 'presence', ''], ...rows];
}

/** A rule may be long, and have lines; `tidings rules check` shows the whole. */
function short(rule: string): string {
  const line = rule.trim().replaceAll(/\s+/g, ' ');
  return line.length > maxCellLength ? `${line.slice(0, maxCellLength - 1).trimEnd()}…` : line;
}

function printTable(rows: readonly string[][], terminal: Terminal): void {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length))) ?? [];
  for (const [i, row] of rows.entries()) {
    const line = row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
    terminal.print(i === 0 ? terminal.style('bold', line) : line);
  }
  terminal.print();
}
