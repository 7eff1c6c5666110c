/** What `tidings tail` writes for an event: a line for people, or JSON for programs. */
import type { ClientInfo, Payload, Publication } from '@tidings/protocol';
import type { Terminal } from '../terminal.ts';
import type { SubscribeOutcome, TailEvent } from './tail-client.ts';

const decoder = new TextDecoder();

/** One line for people. Whatever came from others is made harmless for a terminal. */
export function eventLine(event: TailEvent, timeMs: number, { style }: Pick<Terminal, 'style'>): string {
  const time = style('dim', clockTime(event.type === 'publication' ? (event.publication.time ?? timeMs) : timeMs));
  const note = (kind: string, words: string) => `${time} ${style('dim', kind)} ${words}`;
  switch (event.type) {
    case 'connected':
      return note('--', `connected as ${printable(event.client)}`);
    case 'disconnected':
      return note('--', style('red', disconnectedWords(event)));
    case 'subscribed':
      return note('--', `${style('cyan', printable(event.channel))} ${outcomeWords(event.outcome, event.recovered)}`);
    case 'unsubscribed':
      return note(
        '--',
        style('red', `unsubscribed from ${printable(event.channel)}: ${event.code} ${printable(event.reason)}`),
      );
    case 'error':
      return note('!!', style('red', printable([event.channel, event.code, event.message].filter(Boolean).join(' '))));
    case 'join':
    case 'leave': {
      const [sign, words] = event.type === 'join' ? (['green', '++'] as const) : (['yellow', '--'] as const);
      return `${time} ${style(sign, words)} ${style('cyan', printable(event.channel))} ${style(sign, event.type)} ${who(event.info)}`;
    }
    case 'publication':
      return `${time} ${style(event.past ? 'dim' : 'green', '=>')} ${style('cyan', printable(event.channel))} ${publicationWords(event.publication, style)}`;
  }
}

function publicationWords({ data, offset, tags, info }: Publication, style: Terminal['style']): string {
  const notes = [
    ...(offset === undefined ? [] : [`#${offset}`]),
    ...(info === undefined ? [] : [`by ${who(info)}`]),
    ...Object.entries(tags ?? {}).map(([name, value]) => `${printable(name)}=${printable(value)}`),
  ];
  return [printable(decoder.decode(data)), style('dim', notes.join(' '))].filter((part) => part !== '').join('  ');
}

function disconnectedWords({ code, reason, retryInMs }: Extract<TailEvent, { type: 'disconnected' }>): string {
  const why = reason === '' ? String(code) : `${code} ${printable(reason)}`;
  return retryInMs === undefined
    ? `closed: ${why}`
    : `disconnected: ${why}; trying again in ${(retryInMs / 1000).toFixed(1)} s`;
}

function outcomeWords(outcome: SubscribeOutcome, recovered: number): string {
  switch (outcome) {
    case 'fresh':
      return 'subscribed';
    case 'recovered':
      return `subscribed again; nothing is missing, ${recovered} recovered`;
    case 'reset':
      return 'subscribed again; RESET: what was missed is no longer in the history';
    case 'unrecoverable':
      return 'subscribed again; what was published meanwhile is missing, this channel does not recover';
  }
}

function who({ user, client, conn_info, chan_info }: ClientInfo): string {
  const infos = [conn_info, chan_info].filter((info) => info !== undefined).map((info) => decoder.decode(info));
  return printable([user === '' ? 'anonymous' : user, `(${client.slice(0, 8)})`, ...infos].join(' '));
}

/** Local time of day. */
function clockTime(timeMs: number): string {
  return new Date(timeMs).toTimeString().slice(0, 8);
}

/** Control characters could move the cursor or change the window: they are written as escapes. */
export function printable(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** One line of JSON. Payloads are put in as they came: parsing them could change their numbers. */
export function eventJson(event: TailEvent, timeMs: number): string {
  switch (event.type) {
    case 'publication': {
      const { publication, ...rest } = event;
      const { data, info, offset, tags, time } = publication;
      return object({ ...rest, time: time ?? timeMs, offset, tags }, { data, ...(info && { info: infoJson(info) }) });
    }
    case 'join':
    case 'leave': {
      const { info, ...rest } = event;
      return object({ ...rest, time: timeMs }, { info: infoJson(info) });
    }
    default:
      return object({ ...event, time: timeMs }, {});
  }
}

function infoJson({ user, client, conn_info, chan_info }: ClientInfo): string {
  return object({ user, client }, { ...(conn_info && { conn_info }), ...(chan_info && { chan_info }) });
}

/** An object of values, and of texts that are JSON already. */
function object(values: Record<string, unknown>, raw: Record<string, Payload | string>): string {
  const members = [
    ...Object.entries(values)
      .filter(([, value]) => value !== undefined)
      .map(([key, value]) => [key, JSON.stringify(value)]),
    ...Object.entries(raw).map(([key, json]) => [key, typeof json === 'string' ? json : decoder.decode(json)]),
  ];
  return `{${members.map(([key, json]) => `${JSON.stringify(key)}:${json}`).join(',')}}`;
}
