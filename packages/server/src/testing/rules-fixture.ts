/** What tests of rules in a running engine share: facts in a store in memory, and users with tokens. */
import { formats } from '@tidings/protocol';
import type { ConfigInput } from '../config/schema.ts';
import type { EngineOptions } from '../engine.ts';
import { FakeClock } from '../lib/clock.ts';
import { createLogger } from '../lib/logger.ts';
import { SqliteStore } from '../stores/sqlite.ts';
import { createTestEngine, type TestEngine } from '../testing.ts';
import type { MemoryClient } from '../transports/memory.ts';
import { jwt, token } from './engine-fixture.ts';

/** `member(gid, uid)`, given by the server API. */
export const memberRelation = {
  parameters: { gid: 'string', uid: 'string' },
  from: 'api',
} as const;

export interface RulesEngine extends TestEngine {
  /** Connects a user, with further claims. */
  as(user: string, claims?: object, codec?: 'json' | 'protobuf'): Promise<MemoryClient>;
  join(...fact: string[]): Promise<void>;
  leave(...fact: string[]): Promise<void>;
}

/** An engine in production mode, with `member` as a relation beside those of `rules`. */
export async function createRulesEngine(
  channels: NonNullable<ConfigInput['channels']>,
  { rules, ...options }: Partial<Omit<EngineOptions, 'config'>> & { readonly rules?: ConfigInput['rules'] } = {},
): Promise<RulesEngine> {
  const { relations } = options;
  const clock = (options.clock as FakeClock | undefined) ?? new FakeClock();
  const logger = options.logger ?? createLogger('silent');
  const store = new SqliteStore({ file: ':memory:', synchronous: 'off', timeoutMs: 5_000, clock, logger });
  const config: ConfigInput = rulesConfig(channels, rules);
  const test = await createTestEngine({ ...options, ...(relations && { relations }), clock, logger, store, config });
  return {
    ...test,
    as: (user, claims = {}, codec = 'json') =>
      test.connect({
        format: codec === 'json' ? formats.websocketJson : formats.websocketProtobuf,
        token: token({ ...claims, ...(user !== '' && { sub: user }) }),
      }),
    join: async (...fact) => void (await test.engine.relations.add('member', [fact])),
    leave: async (...fact) => void (await test.engine.relations.remove('member', [fact])),
    [Symbol.asyncDispose]: () => test[Symbol.asyncDispose](),
  };
}

export function rulesConfig(
  channels: NonNullable<ConfigInput['channels']>,
  rules: ConfigInput['rules'] = {},
): ConfigInput {
  return {
    mode: 'production',
    log: { level: 'error' },
    auth: { anonymous: true, jwt },
    channels,
    rules: { ...rules, relations: { member: memberRelation, ...rules.relations } },
  };
}
