/**
 * The command line: finds the command, parses its arguments, prints help, and turns what goes wrong into a message and
 * an exit code: 0 done, 1 failed, 2 wrong usage or configuration.
 */
import { realpathSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { ConfigError, nearest, version } from '@tidings/server';
import { UsageError, type Command } from './command.ts';
import { commandHelp, overview } from './help.ts';
import { processTerminal, type Terminal } from './terminal.ts';

/** Loaded when asked for: measuring needs libraries that serving does not. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  dev: async () => (await import('./commands/dev.ts')).dev,
  serve: async () => (await import('./commands/serve.ts')).serve,
  'check-config': async () => (await import('./commands/check-config.ts')).checkConfig,
  'gen-config': async () => (await import('./commands/gen-config.ts')).genConfig,
  rules: async () => (await import('./commands/rules.ts')).rules,
  chat: async () => (await import('./commands/chat.ts')).chat,
  token: async () => (await import('./commands/token.ts')).token,
  publish: async () => (await import('./commands/publish.ts')).publish,
  tail: async () => (await import('./commands/tail.ts')).tail,
  events: async () => (await import('./commands/events.ts')).events,
  doctor: async () => (await import('./commands/doctor.ts')).doctor,
  migrate: async () => (await import('./commands/migrate.ts')).migrate,
  bench: async () => (await import('./commands/bench.ts')).bench,
};

/** Runs the command line of this process and sets its exit code. */
export async function main(): Promise<void> {
  // A reader that goes away (`tidings tail news | head`) ends the output, not in a crash.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  process.exitCode = await run(process.argv.slice(2), processTerminal());
}

/**
 * Runs one command.
 * @param args without the names of Node and script.
 * @returns the exit code.
 */
export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  let command: Command | undefined;
  try {
    const [name, ...rest] = args;
    if (name === '--version' || name === '-v') {
      terminal.print(version);
      return 0;
    }
    if (name === undefined || name === '--help' || name === '-h' || (name === 'help' && rest.length === 0)) {
      terminal.print(overview(await Promise.all(Object.values(commands).map((load) => load()))));
      return name === undefined ? 2 : 0;
    }
    const wanted = name === 'help' ? (rest[0] as string) : name;
    command = await find(wanted);
    if (name === 'help') {
      terminal.print(commandHelp(command));
      return 0;
    }
    return await execute(command, rest, terminal);
  } catch (error) {
    return report(error, command, terminal);
  }
}

async function find(name: string): Promise<Command> {
  const load = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (load) return load();
  const meant = nearest(name, Object.keys(commands));
  throw new UsageError(
    `there is no command ${JSON.stringify(name)}${meant === undefined ? '' : `; did you mean ${meant}?`}`,
  );
}

async function execute(command: Command, args: readonly string[], terminal: Terminal): Promise<number> {
  const { values, positionals } = parse(command, args);
  if (values['help'] === true) {
    terminal.print(commandHelp(command));
    return 0;
  }
  return command.run({ values, positionals, terminal });
}

/** @throws UsageError */
function parse(command: Command, args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: { ...command.options, help: { type: 'boolean', short: 'h' } },
      allowPositionals: true,
    });
  } catch (error) {
    const message = String((error as Error).message);
    const unknown = /Unknown option '--([^'=]+)/.exec(message)?.[1];
    const meant = unknown === undefined ? undefined : nearest(unknown, Object.keys(command.options));
    if (meant !== undefined) throw new UsageError(`unknown option --${unknown}; did you mean --${meant}?`);
    throw new UsageError(message.split('\n', 1)[0]?.replace(/\. To specify a positional.*$/s, '') ?? message);
  }
}

function report(error: unknown, command: Command | undefined, terminal: Terminal): number {
  if (error instanceof UsageError) {
    const help = command === undefined ? 'tidings --help' : `tidings ${command.name} --help`;
    terminal.warn(`tidings: ${error.message}\nSee ${help}`);
    return 2;
  }
  if (error instanceof ConfigError) {
    terminal.warn(error.message);
    return 2;
  }
  terminal.warn(`tidings: ${error instanceof Error ? error.message : String(error)}`);
  if (terminal.env['DEBUG'] && error instanceof Error) terminal.warn(String(error.stack));
  return 1;
}

// import.meta.main is younger than the oldest Node that is supported.
if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === import.meta.filename) await main();
