/**
 * What a command is. `main.ts` holds the table of commands, parses arguments by the options given here, prints help
 * from them and turns thrown errors into exit codes; a command only does its work.
 */
import type { Terminal } from './terminal.ts';

/** One `--name`. The shape is that of `util.parseArgs`, with words for the help. */
export interface CommandOption {
  readonly type: 'string' | 'boolean';
  readonly short?: string;
  readonly multiple?: boolean;
  readonly default?: string | boolean;
  /** Name of the value in the help: `--ttl <duration>`. */
  readonly value?: string;
  readonly description: string;
}

/** Option values as `util.parseArgs` returns them; an absent one without default is undefined. */
export type OptionValues = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;

export interface CommandInput {
  readonly values: OptionValues;
  readonly positionals: readonly string[];
  readonly terminal: Terminal;
}

export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Arguments behind the name: `<channel> <json> [options]`. */
  readonly usage: string;
  readonly options: Readonly<Record<string, CommandOption>>;
  /** Further lines for `tidings <name> --help`: what it does, examples. */
  readonly details?: string;
  /**
   * Does the work.
   * @returns the exit code: 0 done, 1 failed.
   * @throws UsageError for arguments that make no sense, ConfigError for a bad configuration (both exit with 2);
   *   any other error is printed by its message and exits with 1.
   */
  run(input: CommandInput): Promise<number>;
}

/** The arguments make no sense; the message says which and what would. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

/** The value of a text option; undefined if it was not given. */
export function text(values: OptionValues, name: string): string | undefined {
  const value = values[name];
  return typeof value === 'string' ? value : undefined;
}

/** The value of a switch. */
export function flag(values: OptionValues, name: string): boolean {
  return values[name] === true;
}

/**
 * The value of an option that is a whole number.
 * @throws UsageError if it is something else, or outside `min`…`max`.
 */
export function integer(
  values: OptionValues,
  name: string,
  { min, max }: { readonly min: number; readonly max: number },
): number | undefined {
  const value = text(values, name);
  if (value === undefined) return undefined;
  const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (!(number >= min && number <= max)) {
    throw new UsageError(`--${name} is ${JSON.stringify(value)}; valid is a whole number from ${min} to ${max}`);
  }
  return number;
}
