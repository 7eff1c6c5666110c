import { errors } from '@tidings/protocol';
import { describe, expect, test } from 'vitest';
import { channelOptionsSchema } from '../config/schema.ts';
import type { Action, Actor } from './authorizer.ts';
import { OptionsAuthorizer } from './options-authorizer.ts';

const actors: Record<string, Actor> = {
  anonymous: { client: 'c', user: '', subscribed: false },
  'anonymous subscriber': { client: 'c', user: '', subscribed: true },
  user: { client: 'c', user: '42', subscribed: false },
  subscriber: { client: 'c', user: '42', subscribed: true },
};

const mayDo: Record<string, string[]> = {
  nobody: [],
  subscribers: ['anonymous subscriber', 'subscriber'],
  authenticated: ['user', 'subscriber'],
  anyone: Object.keys(actors),
};

function decide(actor: Actor, action: Action, access: string) {
  const options = channelOptionsSchema.parse({ allow: { [action]: access } });
  return new OptionsAuthorizer().decide(actor, action, { channel: 'news', options, variables: {} });
}

describe('OptionsAuthorizer', () => {
  for (const action of ['subscribe', 'publish', 'history', 'presence'] as const) {
    for (const [access, allowed] of Object.entries(mayDo)) {
      if (action === 'subscribe' && access === 'subscribers') continue;
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
