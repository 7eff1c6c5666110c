/** `tidings events`: events to the application that were given up, through the server API. */
import { apiOptions, callApi } from '../api-call.ts';
import { flag, integer, UsageError, type Command, type CommandInput } from '../command.ts';

interface DeadLetter {
  readonly id: string;
  readonly subject: string;
  readonly attempts: number;
  readonly problem: string;
  readonly died_at: number;
  readonly event: { readonly type?: string };
}

export const events: Command = {
  name: 'events',
  summary: 'List, retry or drop events that your back end did not take.',
  usage: '[list | retry <id…> | drop <id…>] [options]',
  options: {
    ...apiOptions,
    all: { type: 'boolean', description: 'retry or drop all there are' },
    limit: { type: 'string', short: 'n', value: 'count', default: '100', description: 'list so many at most' },
    json: { type: 'boolean', description: 'list one JSON object a line, with the whole event' },
  },
  details: `An event is given up after events.maxAttempts failures and kept as a dead letter.

  tidings events list
  tidings events retry --all
  tidings events drop 0197f7a2-4f5c-7cc0-9b55-1f9d4ad7a8a6`,

  async run(invocation) {
    const [action = 'list', ...ids] = invocation.positionals;
    switch (action) {
      case 'list':
        if (ids.length > 0) throw new UsageError('list takes no ids');
        return list(invocation);
      case 'retry':
      case 'drop':
        return change(action, ids, invocation);
      default:
        throw new UsageError(`there is no ${JSON.stringify(action)}; valid are list, retry, drop`);
    }
  },
};

async function list({ values, terminal }: CommandInput): Promise<number> {
  const limit = integer(values, 'limit', { min: 1, max: 1_000 }) ?? 100;
  const { events: letters = [], next } = await callApi<{ events?: DeadLetter[]; next?: string }>(
    'event_dead_letters',
    JSON.stringify({ limit }),
    values,
    terminal,
  );
  for (const letter of letters) {
    const { id, subject, attempts, problem, died_at, event } = letter;
    const line = `${new Date(died_at).toISOString()}  ${id}  ${event.type ?? ''}  ${subject}  ${attempts} attempts: ${problem}`;
    terminal.print(flag(values, 'json') ? JSON.stringify(letter) : line);
  }
  if (letters.length === 0 && !flag(values, 'json')) terminal.print('no dead letters');
  if (next !== undefined) terminal.warn('there are more: see --limit');
  return 0;
}

async function change(
  action: 'retry' | 'drop',
  ids: readonly string[],
  { values, terminal }: CommandInput,
): Promise<number> {
  const all = flag(values, 'all');
  if (all === ids.length > 0) throw new UsageError(`say which: tidings events ${action} <id…>, or --all`);
  const { retried, dropped } = await callApi<{ retried?: number; dropped?: number }>(
    `event_${action}`,
    JSON.stringify(all ? { all } : { ids }),
    values,
    terminal,
  );
  terminal.print(action === 'retry' ? `tried again: ${retried ?? 0}` : `dropped: ${dropped ?? 0}`);
  return 0;
}
