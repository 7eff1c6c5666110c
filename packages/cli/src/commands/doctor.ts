/** `tidings doctor`: looks at machine and configuration and says what to do. */
import { ConfigError, formatWarning, type Config, type LoadedConfig } from '@tidings/server';
import { UsageError, type Command, type CommandInput } from '../command.ts';
import { listenOptions, load, overridesOf } from '../config-options.ts';
import {
  checkDataDir,
  checkNode,
  checkOpenFiles,
  checkPort,
  checkReachable,
  checkTls,
  openFileLimit,
  type Finding,
} from '../doctor/checks.ts';
import type { Terminal } from '../terminal.ts';

export const doctor: Command = {
  name: 'doctor',
  summary: 'Look at machine and configuration and say what to do.',
  usage: '[options]',
  options: listenOptions,
  details: 'Changes nothing. Exits with 1 if something would keep the server from working.',

  async run(input) {
    const { positionals, terminal } = input;
    if (positionals.length > 0) throw new UsageError(`unexpected argument ${JSON.stringify(positionals[0])}`);
    const findings = [checkNode(process.versions.node), ...(await examine(input))];
    for (const finding of findings) printFinding(finding, terminal);
    return findings.some(({ status }) => status === 'fail') ? 1 : 0;
  },
};

async function examine(input: CommandInput): Promise<Finding[]> {
  let loaded: LoadedConfig;
  try {
    loaded = await load(input, overridesOf(input));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.problems.map(({ key, place, found, valid }) => ({
      status: 'fail',
      subject: 'configuration',
      detail: `${[place, key].filter(Boolean).join(' ')}: found ${found}`,
      remedy: `valid: ${valid}`,
    }));
  }
  const { config, file, warnings } = loaded;
  const { listen, internal } = config;
  return [
    { status: 'ok', subject: 'configuration', detail: file ?? 'no file: defaults and environment' },
    ...warnings.map((warning): Finding => ({
      status: 'warn',
      subject: 'configuration',
      detail: formatWarning(warning),
    })),
    checkOpenFiles(openFileLimit(), config),
    await checkPort('listen', listen.host, listen.port),
    ...(internal ? [await checkPort('internal', internal.host, internal.port)] : []),
    await checkDataDir(config.dataDir, input.terminal.cwd),
    ...(listen.tls ? [await checkTls(listen.tls, Date.now())] : []),
    ...(await Promise.all(addressesOf(config).map(([key, url]) => checkReachable(key, url)))),
  ];
}

/** What the server will call. */
function addressesOf({ auth, hooks, events }: Config): [string, string][] {
  const names = ['connect', 'refresh', 'subscribe', 'subRefresh', 'publish', 'rpc'] as const;
  const all: [string, string | undefined][] = [
    ['auth.jwt.jwksUrl', auth.jwt?.jwksUrl],
    ['auth.subscriptionJwt.jwksUrl', auth.subscriptionJwt?.jwksUrl],
    ...names.map((name): [string, string | undefined] => [`hooks.${name}.url`, hooks[name]?.url]),
    ['events.url', events.url],
  ];
  return all.filter((entry): entry is [string, string] => entry[1] !== undefined);
}

const colours = { ok: 'green', warn: 'yellow', fail: 'red' } as const;

function printFinding({ status, subject, detail, remedy }: Finding, terminal: Terminal): void {
  terminal.print(`${terminal.style(colours[status], status.padEnd(4))}  ${subject}: ${detail}`);
  if (remedy !== undefined) terminal.print(`      -> ${remedy}`);
}
