/** Options that several commands share to find the configuration. */
import { loadConfig, type ConfigInput, type LoadedConfig } from '@tidings/server';
import { integer, text, type CommandInput, type CommandOption } from './command.ts';

export const configOption: CommandOption = {
  type: 'string',
  short: 'c',
  value: 'file',
  description: 'configuration file; default: tidings.config.{ts,js,mjs,json,yaml,yml} here, if there is one',
};

export const listenOptions: Readonly<Record<string, CommandOption>> = {
  config: configOption,
  port: {
    type: 'string',
    short: 'p',
    value: 'number',
    description: 'port to listen on, instead of listen.port; 0: any free one',
  },
  host: { type: 'string', value: 'address', description: 'address to listen on, instead of listen.host' },
};

/** What the options of a command line say of the configuration. */
export function overridesOf({ values }: CommandInput): ConfigInput {
  const port = integer(values, 'port', { min: 0, max: 65_535 });
  const host = text(values, 'host');
  return {
    ...((port !== undefined || host !== undefined) && {
      listen: { ...(port !== undefined && { port }), ...(host !== undefined && { host }) },
    }),
  };
}

/** @throws ConfigError */
export function load({ values, terminal }: CommandInput, overrides: ConfigInput = {}): Promise<LoadedConfig> {
  return loadConfig({ file: text(values, 'config'), cwd: terminal.cwd, env: terminal.env, overrides });
}
