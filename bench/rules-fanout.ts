/** The scenario `rules-fanout`: what rules cost the delivery of a publication to many subscribers of one channel. */
import { createHmac } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Progress } from '../packages/cli/src/bench/progress-line.ts';
import { benchSecret, endpoints, nodeCommand } from './contestants.ts';
import { compileFloor, runFan, type FanDialect, type FanResult } from './floor.ts';
import { median, round, type ScenarioReport } from './report.ts';
import type { Scale } from './scale.ts';
import { withServer } from './server-process.ts';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Channels of `tidings.rules.yaml`; what the rules ask never denies, so that all have the same to deliver. */
const channels = [
  { name: 'plain', title: 'no rule' },
  { name: 'subscribe', title: 'a rule for subscribe' },
  { name: 'shared', title: 'and one for receive, the same for all' },
  { name: 'distinct', title: 'and one for receive, in 100 forms' },
] as const;
type ChannelName = (typeof channels)[number]['name'];

/** Values of the claim `level`: with each, the rule for receive becomes another one. */
const levels = 100;

export async function rulesFanout(scale: Scale, progress: Progress): Promise<ScenarioReport> {
  const { repetitions, ruleSubscribers: subscribers, warmUpSeconds, seconds } = scale;
  const floor = compileFloor();
  const lines = writeTokens();
  const command = nodeCommand(
    'tidings',
    here('../packages/cli/src/main.ts'),
    'serve',
    '--config',
    here('tidings.rules.yaml'),
  );
  const runs = new Map(channels.map(({ name }) => [name, [] as FanResult[]]));
  for (let repetition = 1; repetition <= repetitions; repetition++) {
    for (const { name } of channels) {
      progress(`${name}, run ${repetition} of ${repetitions}`);
      const load = { subscribers, window: 4, warmUpSeconds, seconds, textBytes: 76, lines };
      runs
        .get(name)
        ?.push(
          await withServer(command, ({ port, pid }) => runFan(floor, dialect(name), { ...load, port, serverPid: pid })),
        );
    }
  }
  const us = (result: FanResult) => result.cpu_us_per_delivery * subscribers;
  const of = (name: ChannelName) => runs.get(name) ?? [];
  const ratio = (name: ChannelName) =>
    median(of(name).map((result, at) => us(result) / us(of('plain')[at] as FanResult)));
  const milliseconds = (name: ChannelName) => median(of(name).map(us)) / 1000;
  return {
    name: 'rules-fanout',
    title: 'Rules: what they cost a delivery',
    about:
      `${subscribers.toLocaleString('en')} subscribers of one channel, each with a token of its own level, one publisher, 4 ` +
      `publications outstanding, JSON. Each figure is the median of ${repetitions} runs; the channels take turns. The rule ` +
      `for subscribe is asked when a client subscribes, and never again. The rule for receive is asked for every ` +
      `publication, once for each form that it takes when the subscriber is known: one, or ${levels}.`,
    measuredAt: new Date().toISOString(),
    table: {
      columns: ['channel', 'processor time per publication, ms', '× no rule', 'deliveries/s'],
      rows: channels.map(({ name, title }) => [
        title,
        round(milliseconds(name)),
        round(ratio(name)),
        Math.round(median(of(name).map((run) => run.deliveries_per_s))).toLocaleString('en'),
      ]),
    },
    chart: {
      title: 'Processor time per publication',
      subtitle: `${subscribers.toLocaleString('en')} subscribers of one channel; shorter is better`,
      groups: [
        {
          title: '',
          bars: channels.map(({ name, title }) => ({
            label: title,
            value: milliseconds(name),
            text: `${round(milliseconds(name))} ms`,
            kind: name === 'plain' ? 'other' : 'own',
          })),
        },
      ],
    },
    targets: [
      { what: 'a rule for subscribe, against none', value: ratio('subscribe'), limit: 1.05, unit: '' },
      { what: 'a rule for receive, against none', value: ratio('shared'), limit: 1.05, unit: '' },
      { what: `a rule for receive in ${levels} forms, against none`, value: ratio('distinct'), limit: 1.1, unit: '' },
    ],
    raw: Object.fromEntries(runs),
  };
}

function dialect(channel: ChannelName): FanDialect {
  const connect = (token: string) => JSON.stringify({ id: 1, connect: { token } });
  return {
    path: endpoints.tidings,
    subscriber: [{ say: `${connect('%l')}\n{"id":2,"subscribe":{"channel":"${channel}"}}`, hear: '"subscribe"' }],
    publisher: [{ say: connect(mintToken(0)), hear: '"connect"' }],
    publish: `{"id":9,"publish":{"channel":"${channel}","data":{"t":"%s","level":${levels}}}}`,
    ping: '{}={}',
  };
}

/** @returns the path of a file with a token on each line, which clients take in turn. */
function writeTokens(): string {
  const file = here('.build/rule-tokens');
  mkdirSync(here('.build'), { recursive: true });
  writeFileSync(file, Array.from({ length: levels }, (_, level) => `${mintToken(level)}\n`).join(''));
  return file;
}

/** A connection token (JWT, HS256; RFC 7519) with the claim `level`, valid for an hour. */
function mintToken(level: number): string {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const exp = Math.floor(Date.now() / 1000) + 3600;
  const body = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode({ sub: `bench-${level}`, level, exp })}`;
  return `${body}.${createHmac('sha256', benchSecret()).update(body).digest('base64url')}`;
}
