/**
 * What `tidings dev` adds underneath a configuration: one open kind of channel, nobody has to log in, and chat. It is for a
 * developer's own machine; `check.ts` refuses it on any address but loopback.
 */
import { compilePattern, findAmbiguous } from '@tidings/protocol';
import { chatPatterns } from './chat-schema.ts';
import { merge } from './merge.ts';
import { shadowedPatterns } from './owned-patterns.ts';
import type { ConfigInput } from './schema.ts';

/** Takes every channel without a prefix: a variable has no colon. */
const openPattern = '{name}';

const openChannel = {
  allow: { subscribe: 'anyone', publish: 'anyone', history: 'anyone', presence: 'anyone' },
  history: { size: 100, ttl: '10m' },
  recovery: 'on-request',
  positioning: 'on-request',
  joinLeave: 'on-request',
  presence: true,
  delta: true,
  tagsFilter: true,
} as const satisfies NonNullable<ConfigInput['channels']>[string];

/**
 * Lays a configuration over the development settings: what it says holds, except for the mode.
 * @param base as somebody wrote it; it need not be valid yet.
 */
export function developmentConfig(base: ConfigInput): ConfigInput {
  const settings: ConfigInput = {
    origins: ['http://localhost:*', 'http://127.0.0.1:*'],
    auth: { anonymous: true },
    channels: ownPatternsCover(base) ? {} : { [openPattern]: openChannel },
    // Whose own channels are in the way has not asked for chat.
    chat: {
      enabled: shadowedPatterns(Object.keys(base.channels ?? {}), chatPatterns).length === 0,
      permissions: { findUsers: 'auth.uid != ""' },
    },
  };
  return merge(merge(settings, base), { mode: 'development' }) as ConfigInput;
}

/** Whether the configuration has a pattern as general as ours under another name: the two would be ambiguous. */
function ownPatternsCover(base: ConfigInput): boolean {
  const open = compilePattern(openPattern);
  return Object.keys(base.channels ?? {}).some((text) => {
    if (text === openPattern) return false;
    try {
      return findAmbiguous([compilePattern(text), open]).length > 0;
    } catch {
      return false;
    }
  });
}
