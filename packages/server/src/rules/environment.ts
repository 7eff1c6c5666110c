/**
 * The variables that a rule of a channel is evaluated on. Who asks (the authorizer, the filter of publications, the
 * tests in a configuration) must give every rule the same ones, so they are put together here and nowhere else.
 */
import { Timestamp, type Environment } from './value.ts';

export interface ChannelEnvironmentParts {
  /** The record `auth`: `uid` and the declared claims. */
  readonly auth: Readonly<Record<string, unknown>>;
  readonly channel: string;
  /** Variables of the channel pattern: `room:{id}` on `room:7` → `{ id: '7' }`. */
  readonly variables: Readonly<Record<string, string>>;
  /** Unix milliseconds. */
  readonly nowMs: number;
  /** What is published: for `publish`, `publish.set` and `receive`. Absent: there is no variable `data`. */
  readonly data?: unknown;
  /** For `receive`. */
  readonly tags?: Readonly<Record<string, string>>;
  /** For `receive`: the user that published, '' for the server. */
  readonly publisher?: string;
}

/**
 * Instances inherit nothing, so that a variable `constructor` is not there unless it was set. `Object.create(null)` would
 * do that as well, but V8 keeps such objects as hash tables, which are slow to read.
 */
const Variables = (() => {
  function Variables() {}
  Variables.prototype = Object.create(null) as object;
  return Variables as unknown as new () => Record<string, unknown>;
})();

/** Puts the variables together. The names of the language win over those of the channel pattern. */
export function channelEnvironment(parts: ChannelEnvironmentParts): Environment {
  const environment = new Variables();
  for (const name in parts.variables) environment[name] = parts.variables[name];
  environment['auth'] = parts.auth;
  environment['channel'] = parts.channel;
  environment['now'] = Timestamp.ofMs(parts.nowMs);
  if ('data' in parts) environment['data'] = parts.data;
  if (parts.tags !== undefined) environment['tags'] = parts.tags;
  if (parts.publisher !== undefined) environment['publisher'] = parts.publisher;
  return environment;
}
