/**
 * What the schema cannot see: keys that contradict each other, files that are missing, settings that shut everybody
 * out or let everybody in. A problem stops the start; a warning is printed.
 */
import { createPrivateKey, createPublicKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { compilePattern, findAmbiguous, type ChannelPattern } from '@tidings/protocol';
import { compilePermissions } from '../modules/chat/permissions.ts';
import { ruleTestProblems } from '../rules/rule-tests.ts';
import { compileRuleset } from '../rules/ruleset.ts';
import { chatPatterns } from './chat-schema.ts';
import { shadowedPatterns } from './owned-patterns.ts';
import type { ChannelOptions, Config, JwtConfig } from './schema.ts';

const hookNames = ['connect', 'refresh', 'subscribe', 'subRefresh', 'publish', 'rpc'] as const;
export type HookName = (typeof hookNames)[number];

export interface CheckProblem {
  readonly path: readonly PropertyKey[];
  /** Where in the text at `path`, in UTF-16 units, if it is a rule. */
  readonly offset?: number;
  readonly found: string;
  readonly valid: string;
}
export interface CheckWarning {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}
export interface CheckResult {
  readonly problems: readonly CheckProblem[];
  readonly warnings: readonly CheckWarning[];
}

/** Collects what the checks say. */
class Report {
  readonly problems: CheckProblem[] = [];
  readonly warnings: CheckWarning[] = [];

  problem(path: readonly (string | number)[], found: string, valid: string): void {
    this.problems.push({ path, found, valid });
  }

  warn(path: readonly (string | number)[], message: string): void {
    this.warnings.push({ path, message });
  }
}

/** @param supplied.hooks hooks that the embedding program supplies as functions, which need no URL. */
export function checkConfig(config: Config, supplied: { readonly hooks: ReadonlySet<HookName> }): CheckResult {
  const report = new Report();
  checkListeners(config, report);
  checkOrigins(config, report);
  checkJwt(config.auth.jwt, ['auth', 'jwt'], report);
  checkJwt(config.auth.subscriptionJwt, ['auth', 'subscriptionJwt'], report);
  checkPatterns(Object.keys(config.channels), report);
  checkOwnedPatterns(config, report);
  for (const [pattern, options] of Object.entries(config.channels)) checkChannel(pattern, options, report);
  checkRules(config, report);
  checkChat(config, report);
  checkHooks(config, supplied.hooks, report);
  checkTimes(config, report);
  if (config.mode === 'production') checkProduction(config, supplied.hooks, report);
  if (report.problems.length === 0) checkPersonalChannel(config, report);
  return report;
}

/** Whether only programs on the same machine can reach an address. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost' || host === '::1') return true;
  return isIP(host) === 4 && host.startsWith('127.');
}

function checkListeners({ mode, listen, internal }: Config, report: Report): void {
  if (mode === 'development') {
    for (const [path, host] of [
      [['listen', 'host'], listen.host],
      [['internal', 'host'], internal?.host ?? 'localhost'],
    ] as const) {
      if (isLoopback(host)) continue;
      report.problem(
        path,
        `${JSON.stringify(host)} in development mode, which would let everybody on the network read and write everything`,
        '127.0.0.1; or mode: production with what shall be open said in `auth` and `channels`',
      );
    }
  }
  if (internal !== undefined && internal.port === listen.port && internal.port !== 0) {
    report.problem(['internal', 'port'], `${internal.port}, which is listen.port too`, 'another port');
  }
  if (listen.tls === undefined) return;
  const certificate = readPem(listen.tls.certFile, ['listen', 'tls', 'certFile'], report);
  if (certificate !== undefined) {
    if (!parses((pem) => new X509Certificate(pem), certificate)) {
      report.problem(['listen', 'tls', 'certFile'], `no certificate in ${listen.tls.certFile}`, 'a certificate in PEM');
    }
  }
  const key = readPem(listen.tls.keyFile, ['listen', 'tls', 'keyFile'], report);
  if (key !== undefined && !parses(createPrivateKey, key)) {
    report.problem(
      ['listen', 'tls', 'keyFile'],
      `no private key in ${listen.tls.keyFile}`,
      'a private key in PEM, not encrypted',
    );
  }
}

/** @tidings/client sends frames of up to this size. A larger one than the server takes would end its connection. */
const minChatFrameBytes = 262_144;

function checkChat({ chat, limits }: Config, report: Report): void {
  if (!chat.enabled) return;
  if (limits.messageSize < minChatFrameBytes) {
    report.problem(
      ['limits', 'messageSize'],
      `${limits.messageSize} bytes, but chat.enabled is true`,
      `at least ${minChatFrameBytes}, which clients of chat rely on; chat.limits.messageSize limits messages`,
    );
  }
  if (chat.uploads.storage === 's3' && !chat.uploads.s3) {
    report.problem(
      ['chat', 'uploads', 's3'],
      'nothing, but chat.uploads.storage is s3',
      'endpoint, bucket and keys; or storage: disk',
    );
  }
}

function readPem(file: string, path: readonly (string | number)[], report: Report): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const why = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'does not exist' : 'cannot be read';
    report.problem(path, `${JSON.stringify(file)}, which ${why}`, 'a readable file in PEM');
    return undefined;
  }
}

function parses(read: (pem: string) => unknown, pem: string): boolean {
  try {
    read(pem);
    return true;
  } catch {
    return false;
  }
}

/** A scheme, a host that may begin with `*.`, and a port that may be `*`; and what browsers send for local files. */
const originPattern =
  /^(null|file:\/\/|[a-z][a-z0-9+.-]*:\/\/(\*\.)?([^*/:\s[\]]+|\[[0-9a-f:.]+\])(:(\*|\d{1,5}))?\/?)$/i;

function checkOrigins({ origins, transports }: Config, report: Report): void {
  for (const [i, origin] of origins.entries()) {
    if (origin === '*' || originPattern.test(origin.trim())) continue;
    report.problem(
      ['origins', i],
      JSON.stringify(origin),
      'an origin such as https://app.example.com, https://*.example.com or http://localhost:*, without path; or *',
    );
  }
  if (origins.includes('*') && transports.forwardHeaders.includes('cookie')) {
    report.warn(
      ['origins'],
      'any site may connect in the name of a visitor whose cookie a hook trusts; name your origins',
    );
  }
}

/** RFC 7518 §3.2: a key for HS256 must have at least as many bits as the hash. */
const minHmacBytes = 32;

function checkJwt(jwt: JwtConfig | undefined, path: readonly (string | number)[], report: Report): void {
  if (jwt === undefined) return;
  if (jwt.hmacSecret === undefined && jwt.publicKey === undefined && jwt.jwksUrl === undefined) {
    report.problem(path, 'nothing to verify tokens with', 'hmacSecret, publicKey or jwksUrl');
  }
  if (jwt.hmacSecret !== undefined && Buffer.byteLength(jwt.hmacSecret) < minHmacBytes) {
    report.warn(
      [...path, 'hmacSecret'],
      `shorter than ${minHmacBytes} bytes, so that it can be guessed; use a random one`,
    );
  }
  if (jwt.publicKey !== undefined && !parses(createPublicKey, jwt.publicKey)) {
    report.problem(
      [...path, 'publicKey'],
      'text that is not a key',
      'a public key in PEM (-----BEGIN PUBLIC KEY-----)',
    );
  }
}

function checkPatterns(texts: readonly string[], report: Report): void {
  const patterns: ChannelPattern[] = [];
  for (const text of texts) {
    try {
      patterns.push(compilePattern(text));
    } catch (error) {
      report.problem(
        ['channels', text],
        `a malformed pattern (${(error as Error).message})`,
        'a pattern such as lobby, room:{id} or chat:*',
      );
    }
  }
  for (const [a, b] of findAmbiguous(patterns)) {
    report.problem(
      ['channels', b.text],
      `a pattern that takes the same channels as ${JSON.stringify(a.text)}, neither being more specific`,
      'patterns of which one is more specific, or one of the two',
    );
  }
}

function checkOwnedPatterns({ chat, channels }: Config, report: Report): void {
  if (!chat.enabled) return;
  for (const { pattern, by } of shadowedPatterns(Object.keys(channels), chatPatterns)) {
    report.problem(
      ['channels', pattern],
      `a pattern that takes channels of ${by}, which belong to chat`,
      'another pattern, or chat.enabled: false',
    );
  }
}

function checkChannel(pattern: string, options: ChannelOptions, report: Report): void {
  const path = ['channels', pattern];
  const { history, allow } = options;
  for (const key of ['recovery', 'positioning'] as const) {
    if (options[key] !== 'off' && history.size === 0) {
      report.problem(
        [...path, key],
        `${options[key]}, but history.size is 0`,
        `history.size of at least 1, or ${key}: off`,
      );
    }
  }
  if (history.size > 0 && history.ttl === 0) {
    report.problem(
      [...path, 'history', 'ttl'],
      '0, but history.size is above 0',
      'a duration above 0, or history.size: 0',
    );
  }
  if (history.size > 0 && history.metaTtl < history.ttl) {
    report.problem(
      [...path, 'history', 'metaTtl'],
      'less than history.ttl',
      'at least history.ttl: a position outlives its publications',
    );
  }
  if (allow.history !== 'nobody' && history.size === 0) {
    report.warn([...path, 'allow', 'history'], 'has no effect: history.size is 0');
  }
  if (allow.presence !== 'nobody' && !options.presence) {
    report.warn([...path, 'allow', 'presence'], 'has no effect: presence is false');
  }
}

function checkRules(config: Config, report: Report): void {
  const { ruleset, problems, warnings } = compileRuleset(config);
  report.problems.push(...problems, ...ruleTestProblems(config, ruleset));
  report.warnings.push(...warnings);
  if (!config.chat.enabled) return;
  for (const { action, span, found, valid } of compilePermissions(config.chat.permissions, ruleset.auth).problems) {
    report.problems.push({ path: ['chat', 'permissions', action], offset: span.start, found, valid });
  }
}

function checkHooks(config: Config, supplied: ReadonlySet<HookName>, report: Report): void {
  const answered = (name: HookName) => supplied.has(name) || config.hooks[name] !== undefined;
  const valid = (name: HookName, off: string) => `hooks.${name}.url set to your application, or ${off}`;
  for (const [pattern, { hooks }] of Object.entries(config.channels)) {
    for (const name of ['subscribe', 'publish', 'subRefresh'] as const) {
      if (hooks[name] && !answered(name)) {
        report.problem(
          ['channels', pattern, 'hooks', name],
          `true, but there is no ${name} hook`,
          valid(name, 'false'),
        );
      }
    }
  }
}

function checkTimes({ ping, shutdown }: Config, report: Report): void {
  if (ping.interval > 0 && ping.pongTimeout >= ping.interval) {
    report.problem(
      ['ping', 'pongTimeout'],
      'not less than ping.interval',
      'less: a pong must arrive before the next ping',
    );
  }
  if (shutdown.spread > shutdown.timeout) {
    report.warn(['shutdown', 'spread'], 'longer than shutdown.timeout: clients are cut off before their turn');
  }
}

function checkProduction(config: Config, supplied: ReadonlySet<HookName>, report: Report): void {
  const { auth, api, hooks, events, origins } = config;
  const connectHook = supplied.has('connect') || hooks.connect !== undefined;
  if (auth.jwt === undefined && !auth.anonymous && !connectHook) {
    report.warn(['auth'], 'nobody can connect: set auth.jwt, hooks.connect or auth.anonymous');
  }
  if (Object.keys(config.channels).length === 0 && !config.chat.enabled) {
    report.warn(['channels'], 'there are no channels: every subscription is refused (error 102)');
  }
  if (origins.length === 0) {
    report.warn(['origins'], 'no web page can connect: browsers are refused unless their origin is listed');
  }
  if (api.keys.length === 0) {
    report.warn(['api', 'keys'], 'no keys: the server API refuses every call');
  }
  const hookUrls = hookNames.filter((name) => hooks[name]);
  if (hookUrls.length > 0 && hooks.secret === undefined) {
    report.warn(
      ['hooks', 'secret'],
      'requests to your application are not signed: it cannot tell them from forged ones',
    );
  }
  if (events.url !== undefined && events.secret === undefined) {
    report.warn(['events', 'secret'], 'events are not signed: your application cannot tell them from forged ones');
  }
}

function checkPersonalChannel({ personalChannel, channels }: Config, report: Report): void {
  if (!personalChannel.enabled) return;
  const example = `${personalChannel.prefix}#42`;
  if (!Object.keys(channels).some((text) => compilePattern(text).match(example))) {
    report.problem(
      ['personalChannel', 'enabled'],
      `true, but no pattern in \`channels\` takes ${example}`,
      `a pattern such as ${JSON.stringify(`${personalChannel.prefix}#{user}`)}, or false`,
    );
  }
}
