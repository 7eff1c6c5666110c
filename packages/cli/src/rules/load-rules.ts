/** Loads the configuration and its rules, for the commands about rules. */
import { compileRuleset, type LoadedConfig, type Ruleset } from '@tidings/server';
import { UsageError, type CommandInput } from '../command.ts';
import { load } from '../config-options.ts';

export interface LoadedRules extends LoadedConfig {
  readonly ruleset: Ruleset;
}

/**
 * Loads the file that a command names, by `--config` or as its argument.
 * @throws ConfigError, UsageError
 */
export async function loadRules(input: CommandInput): Promise<LoadedRules> {
  const { positionals, values } = input;
  if (positionals.length > 1) throw new UsageError('name one file');
  const [file] = positionals;
  const loaded = await load(file === undefined ? input : { ...input, values: { ...values, config: file } });
  return { ...loaded, ruleset: compileRuleset(loaded.config).ruleset };
}
