/** `tidings serve`: the server, in production. */
import { ConfigError } from '@tidings/server';
import { UsageError, type Command, type CommandInput } from '../command.ts';
import { listenOptions, load, overridesOf } from '../config-options.ts';
import { runServer } from '../run-server.ts';

export const serve: Command = {
  name: 'serve',
  summary: 'Run the server in production.',
  usage: '[options]',
  options: listenOptions,
  details: `Refuses a configuration with a problem, and says where it is; see tidings gen-config and check-config.

Signals:
  SIGTERM, SIGINT  send clients away gently, then stop; a second one stops at once
  SIGHUP           read the configuration again; one with a problem is logged and not used`,

  async run(input) {
    if (input.positionals.length > 0)
      throw new UsageError(`unexpected argument ${JSON.stringify(input.positionals[0])}`);
    return runServer({
      loaded: await loadForProduction(input),
      reload: () => loadForProduction(input),
      announce: (engine, logger) => {
        logger.info({ public: engine.address, internal: engine.internalAddress }, 'listening');
      },
    });
  },
};

async function loadForProduction(input: CommandInput) {
  const loaded = await load(input, overridesOf(input));
  if (loaded.config.mode === 'development') {
    throw new ConfigError([
      {
        key: 'mode',
        place: loaded.sources.get('mode'),
        found: 'development, in which everything is open',
        valid: 'production here; `tidings dev` runs in development mode',
      },
    ]);
  }
  return loaded;
}
