/** `tidings token`: mints a connection or subscription token, for trying things out and for scripts. */
import { parseDurationMs, type Config } from '@tidings/server';
import type { JWTPayload } from 'jose';
import { text, UsageError, type Command, type OptionValues } from '../command.ts';
import { configOption, load } from '../config-options.ts';
import { mintToken, requiredClaims } from '../mint-token.ts';

export const token: Command = {
  name: 'token',
  summary: 'Mint a connection token, or with --channel a subscription token.',
  usage: '--user <id> [options]',
  options: {
    user: { type: 'string', short: 'u', value: 'id', description: 'who the token is for' },
    ttl: { type: 'string', value: 'duration', default: '1h', description: 'how long it is valid: 30s, 5m, 1h, 7d' },
    channel: { type: 'string', value: 'name', description: 'make a subscription token for this channel' },
    channels: { type: 'string', value: 'a,b', description: 'channels the server subscribes the user to' },
    info: { type: 'string', value: 'json', description: 'what others see of the user' },
    config: configOption,
    secret: { type: 'string', value: 'secret', description: 'secret to sign with, instead of the one configured' },
  },
  details: `Signs with auth.jwt.hmacSecret of the configuration (HS256), for a subscription token with
auth.subscriptionJwt.hmacSecret if that is set. Prints the token and nothing else.

  tidings token --user 42 --info '{"name":"Ann"}'
  tidings token --user 42 --channel room:7 --ttl 5m`,

  async run(input) {
    const { values, positionals, terminal } = input;
    if (positionals.length > 0) throw new UsageError(`unexpected argument ${JSON.stringify(positionals[0])}`);
    const claims = claimsOf(values);
    const ttlMs = ttlOf(values);
    const secret = text(values, 'secret');
    if (secret === '') throw new UsageError('--secret is empty');
    const signer =
      secret === undefined
        ? signerOf((await load(input)).config, claims.channel !== undefined)
        : { secret, claims: {} };
    terminal.print(await mintToken({ ...claims, ...signer.claims }, signer.secret, ttlMs));
    return 0;
  },
};

interface Claims extends JWTPayload {
  readonly channel?: string;
}

function claimsOf(values: OptionValues): Claims {
  const user = text(values, 'user');
  if (user === undefined || user === '') throw new UsageError('--user is missing: whom is the token for?');
  const channel = text(values, 'channel');
  const channels = text(values, 'channels')
    ?.split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (channel === '') throw new UsageError('--channel is empty');
  if (channel !== undefined && channels !== undefined) {
    throw new UsageError(
      '--channel makes a subscription token, --channels belongs to a connection token: use one of them',
    );
  }
  const info = text(values, 'info');
  return {
    sub: user,
    ...(channel !== undefined && { channel }),
    ...(channels !== undefined && { channels }),
    ...(info !== undefined && { info: parseInfo(info) }),
  };
}

function parseInfo(info: string): unknown {
  try {
    return JSON.parse(info);
  } catch {
    throw new UsageError(`--info is ${JSON.stringify(info)}; valid is JSON, such as '{"name":"Ann"}'`);
  }
}

function ttlOf(values: OptionValues): number {
  const ttl = text(values, 'ttl') ?? '';
  const ttlMs = parseDurationMs(ttl);
  if (ttlMs === undefined || ttlMs <= 0) {
    throw new UsageError(`--ttl is ${JSON.stringify(ttl)}; valid is a duration such as 30s, 5m, 1h or 7d`);
  }
  return ttlMs;
}

/** The secret the server verifies with, and the claims it asks for. */
function signerOf({ auth }: Config, forSubscription: boolean): { secret: string; claims: JWTPayload } {
  const name = forSubscription && auth.subscriptionJwt ? 'subscriptionJwt' : 'jwt';
  const jwt = auth[name];
  if (jwt?.hmacSecret === undefined) {
    throw new UsageError(
      `there is no auth.${name}.hmacSecret in the configuration to sign with; set it, or give --secret`,
    );
  }
  return { secret: jwt.hmacSecret, claims: requiredClaims(jwt) };
}
