import { describe, expect, test } from 'vitest';
import { ChannelRegistry } from '../channels/channel-registry.ts';
import { parseConfig } from '../config/parse.ts';
import type { ConfigInput } from '../config/schema.ts';
import { FakeClock } from '../lib/clock.ts';
import { createLogger } from '../lib/logger.ts';
import { Metrics } from '../lib/metrics.ts';
import { createRelations } from './relations.ts';
import { RuleAuthorizer } from './rule-authorizer.ts';
import { compileRuleset } from './ruleset.ts';

async function create(channels: NonNullable<ConfigInput['channels']>, rules: ConfigInput['rules'] = {}) {
  const { config } = parseConfig({ channels, rules });
  const clock = new FakeClock();
  const metrics = new Metrics();
  const relations = createRelations(config, { clock, logger: createLogger('silent') });
  await relations.start();
  const { ruleset } = compileRuleset(config);
  const options = { ruleset, relations, clock, metrics, fleeting: () => false, actionsElsewhere: false };
  const authorizer = new RuleAuthorizer(options);
  const on = (channel: string, data?: unknown) => ({
    channel,
    ...new ChannelRegistry(config.channels).find(channel)!,
    ...(data !== undefined && { data }),
  });
  const who = (uid: string) => ({ client: 'c', user: uid, auth: { uid }, subscribed: false });
  return { authorizer, on, who, clock, metrics };
}

describe('RuleAuthorizer', () => {
  test('another set of rules counts at once, for what was remembered too', async () => {
    const channels = { room: { allow: { publish: 'auth.uid == "u1"', history: 'true' } } };
    const { authorizer, on, who } = await create(channels);
    const u1 = who('u1');
    expect(authorizer.decide(u1, 'publish', on('room'))).toEqual({ allow: true });
    const { config } = parseConfig({ channels: { room: { allow: { publish: 'auth.uid == "u2"' } } } });
    authorizer.replace(compileRuleset(config).ruleset);
    expect(authorizer.decide(u1, 'publish', on('room'))).toMatchObject({ allow: false });
  });

  test('what is left of a publish rule decides as the whole rule does', async () => {
    const { authorizer, on, who } = await create(
      {
        'room:{id}': {
          allow: { publish: 'member(id, auth.uid) && (data.n < 5 || now < timestamp("2023-11-14T22:13:30Z"))' },
        },
      },
      { relations: { member: { parameters: { id: 'string', uid: 'string' }, facts: [['1', 'u1']] } } },
    );
    const u1 = who('u1');
    const u2 = who('u2');
    for (let time = 0; time < 3; time++) {
      expect(authorizer.decide(u1, 'publish', on('room:1', { n: 1 }))).toMatchObject({ allow: true });
      expect(authorizer.decide(u1, 'publish', on('room:1', { n: 'x' }))).toMatchObject({ allow: true });
      expect(authorizer.decide(u1, 'publish', on('room:2', { n: 1 }))).toMatchObject({ allow: false });
      expect(authorizer.decide(u2, 'publish', on('room:1', { n: 1 }))).toMatchObject({ allow: false });
    }
  });

  test('time is not remembered', async () => {
    const late = 'now > timestamp("2023-11-14T22:13:30Z")';
    const { authorizer, on, who, clock } = await create({
      room: { allow: { history: late, publish: `${late} && data == 1` } },
    });
    const u1 = who('u1');
    const decisions = () => [
      authorizer.decide(u1, 'history', on('room')),
      authorizer.decide(u1, 'publish', on('room', 1)),
    ];
    for (const decision of decisions()) expect(decision).toMatchObject({ allow: false });
    await clock.advance(20_000);
    for (const decision of decisions()) expect(decision).toMatchObject({ allow: true });
  });

  test('a denial says why, ten times a second', async () => {
    const { authorizer, on, who, clock } = await create({ room: { allow: { subscribe: 'auth.uid == "u1"' } } });
    const because = (): string =>
      (authorizer.decide(who('u2'), 'subscribe', on('room')) as { because: string }).because;
    const reasons = Array.from({ length: 12 }, because);
    expect(reasons.filter((reason) => reason.includes('u2'))).toHaveLength(10);
    expect(reasons[11]).toMatch(/^rule \S*allow\.subscribe$/);
    await clock.advance(1_000);
    expect(because()).toContain('u2');
  });

  test('concerns: what decides about a subscription as long as it lasts', async () => {
    const { authorizer, on } = await create({
      plain: { allow: { subscribe: 'anyone', presence: 'authenticated' } },
      ruled: { allow: { subscribe: 'true', receive: 'nobody' } },
      told: { allow: { subscribe: 'anyone', presence: 'authenticated' }, joinLeave: 'on-request' },
      open: { allow: { subscribe: 'anyone', presence: 'subscribers' }, joinLeave: 'always' },
    });
    expect(authorizer.concern(on('plain'))).toBeUndefined();
    expect(authorizer.concern(on('open'))).toBeUndefined();
    expect(authorizer.concern(on('told'))).toMatchObject({ subscribe: false, presence: true });
    expect(authorizer.concern(on('ruled'))).toEqual({
      subscribe: true,
      presence: false,
      announce: false,
      receive: true,
    });
  });
});
