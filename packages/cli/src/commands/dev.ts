/** `tidings dev`: the server in development mode, open to this machine, and where to look. */
import type { Engine } from '@tidings/server';
import { UsageError, type Command } from '../command.ts';
import { listenOptions, load, overridesOf } from '../config-options.ts';
import { demoRoutes } from '../demo.ts';
import { runServer } from '../run-server.ts';
import type { Terminal } from '../terminal.ts';

export const dev: Command = {
  name: 'dev',
  summary: 'Run the server in development mode: everything open, on this machine only.',
  usage: '[options]',
  options: listenOptions,
  details: `Nobody has to log in, every channel whose name has no colon is open to anyone, and the server API needs no key.
What a configuration file says holds over that. Without one it starts as it is.`,

  async run(input) {
    if (input.positionals.length > 0)
      throw new UsageError(`unexpected argument ${JSON.stringify(input.positionals[0])}`);
    const reload = () => load(input, { ...overridesOf(input), mode: 'development' });
    const routes = demoRoutes();
    return runServer({
      loaded: await reload(),
      reload,
      routes,
      announce: (engine) => announce(engine, routes.length > 0, input.terminal),
    });
  },
};

function announce({ address, internalAddress }: Engine, hasDemo: boolean, terminal: Terminal): void {
  const publicUrl = urlOf(address, 'http');
  const serverUrl = urlOf(internalAddress ?? address, 'http');
  const row = (name: string, value: string) => terminal.print(`  ${name.padEnd(13)} ${terminal.style('cyan', value)}`);
  const data = JSON.stringify({ channel: 'lobby', data: { text: 'Hello' } });
  terminal.print();
  terminal.print(`  ${terminal.style(['bold', 'yellow'], 'Tidings is running in DEVELOPMENT MODE')}`);
  terminal.print('  Everything is open: no login, no keys. It listens on this machine only; never expose it.');
  terminal.print('  For anything else: tidings gen-config, then tidings serve.');
  terminal.print();
  if (hasDemo) row('Demo', `${publicUrl}/`);
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
