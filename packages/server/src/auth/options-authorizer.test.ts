import { errors } from '@tidings/protocol';
import { describe, expect, test } from 'vitest';
import { channelOptionsSchema } from '../config/schema.ts';
import type { Actor, ChannelAction } from './authorizer.ts';
import { OptionsAuthorizer } from './options-authorizer.ts';

const actors: Record<string, Actor> = {
  anonymous: { client: 'c', auth: {}, user: '', subscribed: false },
  'anonymous subscriber': { client: 'c', auth: {}, user: '', subscribed: true },
  user: { client: 'c', auth: {}, user: '42', subscribed: false },
  subscriber: { client: 'c', auth: {}, user: '42', subscribed: true },
};

const mayDo: Record<string, string[]> = {
  nobody: [],
  subscribers: ['anonymous subscriber', 'subscriber'],
  authenticated: ['user', 'subscriber'],
  anyone: Object.keys(actors),
};

function decide(actor: Actor, action: ChannelAction, access: string) {
  const options = channelOptionsSchema.parse({ allow: { [action]: access } });
  return new OptionsAuthorizer().decide(actor, action, { channel: 'news', pattern: 'news', options, variables: {} });
}

describe('OptionsAuthorizer', () => {
  for (const action of ['subscribe', 'publish', 'history', 'presence', 'announce', 'receive'] as const) {
    for (const [access, allowed] of Object.entries(mayDo)) {
      test(`${action} for ${access}`, () => {
        for (const [name, actor] of Object.entries(actors)) {
          const decision = decide(actor, action, access);
          expect(decision.allow, name).toBe(allowed.includes(name));
          if (!decision.allow) {
            expect(decision.error).toBe(errors.permissionDenied);
            expect(decision.because).toContain(`allow.${action}`);
          }
        }
      });
    }
  }
});
