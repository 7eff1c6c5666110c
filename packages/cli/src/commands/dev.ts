/** `tidings dev`: the server in development mode, open to this machine, with the chat app, and where to look. */
import { createLogger, type ConfigInput, type Engine, type LoadedConfig } from '@tidings/server';
import { flag, UsageError, type Command, type CommandInput } from '../command.ts';
import { listenOptions, load, overridesOf } from '../config-options.ts';
import { Demo, demoSettings } from '../demo/demo.ts';
import { runServer } from '../run-server.ts';
import type { Terminal } from '../terminal.ts';

export const dev: Command = {
  name: 'dev',
  summary: 'Run the server in development mode: everything open, on this machine only.',
  usage: '[options]',
  options: {
    ...listenOptions,
    'no-demo': { type: 'boolean', description: 'without the chat app: no pages, no sign-in, no rooms to begin with' },
  },
  details: `Nobody has to log in, every channel whose name has no colon is open to anyone, and the server API needs no key.
What a configuration file says holds over that. Without one it starts as it is.

The chat app at / signs people in by a name; an empty database is given rooms to look at.`,

  async run(input) {
    if (input.positionals.length > 0)
      throw new UsageError(`unexpected argument ${JSON.stringify(input.positionals[0])}`);
    if (flag(input.values, 'no-demo')) {
      const reload = () => loadForDevelopment(input);
      return runServer({
        loaded: await reload(),
        reload,
        announce: (engine) => announce(engine, undefined, input.terminal),
      });
    }
    const reload = async () => loadForDevelopment(input, demoSettings((await loadForDevelopment(input)).config));
    const loaded = await reload();
    const demo = new Demo(loaded);
    await demo.prepare(createLogger(loaded.config.log.level));
    return runServer({
      loaded,
      reload,
      routes: demo.routes,
      announce(engine) {
        demo.open(engine);
        announce(engine, demo, input.terminal);
      },
    });
  },
};

function loadForDevelopment(input: CommandInput, settings: ConfigInput = {}): Promise<LoadedConfig> {
  return load(input, { ...settings, ...overridesOf(input), mode: 'development' });
}

function announce({ address, internalAddress }: Engine, demo: Demo | undefined, terminal: Terminal): void {
  const publicUrl = urlOf(address, 'http');
  const serverUrl = urlOf(internalAddress ?? address, 'http');
  const row = (name: string, value: string) => terminal.print(`  ${name.padEnd(13)} ${terminal.style('cyan', value)}`);
  const data = JSON.stringify({ channel: 'lobby', data: { text: 'Hello' } });
  terminal.print();
  terminal.print(`  ${terminal.style(['bold', 'yellow'], 'Tidings is running in DEVELOPMENT MODE')}`);
  terminal.print('  Everything is open: no login, no keys. It listens on this machine only; never expose it.');
  terminal.print('  For anything else: tidings gen-config, then tidings serve.');
  terminal.print();
  if (demo?.hasChat === true) row('Chat', `${publicUrl}/`);
  if (demo?.hasDemo === true) row('Demo', `${publicUrl}/demo/`);
  row('SDK endpoint', `${urlOf(address, 'ws')}/connection/websocket`);
  row('Server API', `${serverUrl}/api/docs`);
  row('Health', `${serverUrl}/health`);
  row('Metrics', `${serverUrl}/metrics`);
  row('Try', `curl ${serverUrl}/api/publish -d '${data}'`);
  terminal.print();
}

function urlOf(address: Engine['address'], scheme: 'http' | 'ws'): string {
  const { host = '127.0.0.1', port = 0, tls = false } = address ?? {};
  return `${scheme}${tls ? 's' : ''}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}
