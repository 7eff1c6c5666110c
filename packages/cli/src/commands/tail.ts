/** `tidings tail`: shows what happens on channels, live. */
import { flag, integer, text, UsageError, type Command } from '../command.ts';
import { eventJson, eventLine } from '../tail/format-event.ts';
import { TailClient } from '../tail/tail-client.ts';

const defaultUrl = 'ws://127.0.0.1:8000';

export const tail: Command = {
  name: 'tail',
  summary: 'Show publications, joins and leaves of channels as they happen.',
  usage: '<channel…> [options]',
  options: {
    url: { type: 'string', value: 'url', default: defaultUrl, description: 'address of the server' },
    token: { type: 'string', short: 't', value: 'jwt', description: 'connection token; see tidings token' },
    history: {
      type: 'string',
      short: 'n',
      value: 'count',
      default: '0',
      description: 'show the last publications first',
    },
    json: { type: 'boolean', description: 'print one JSON object a line' },
  },
  details: `Reconnects by itself and recovers what it missed, or says that it could not. Ends with Ctrl-C.

  tidings tail lobby
  tidings tail room:7 --history 10 --token "$(tidings token --user 42)"`,

  async run({ values, positionals, terminal }) {
    const channels = [...new Set(positionals)].filter((channel) => channel !== '');
    if (channels.length === 0) throw new UsageError('name at least one channel');
    const format = flag(values, 'json') ? eventJson : eventLine;
    const client = new TailClient({
      url: endpoint(text(values, 'url') ?? defaultUrl),
      token: text(values, 'token'),
      channels,
      history: integer(values, 'history', { min: 0, max: 10_000 }) ?? 0,
      onEvent: (event) => terminal.print(format(event, Date.now(), terminal)),
    });
    const stop = () => client.stop();
    process.once('SIGINT', stop).once('SIGTERM', stop);
    try {
      return (await client.run()) ? 0 : 1;
    } finally {
      process.off('SIGINT', stop).off('SIGTERM', stop);
    }
  },
};

/** Takes the address of a server as well as that of its WebSocket endpoint. */
function endpoint(value: string): string {
  const url = URL.canParse(value) ? new URL(value.replace(/^http/, 'ws')) : undefined;
  if (!url || !/^wss?:$/.test(url.protocol)) {
    throw new UsageError(`--url is ${JSON.stringify(value)}; valid is ws://… or wss://…`);
  }
  if (url.pathname === '/') url.pathname = '/connection/websocket';
  return url.href;
}
