/**
 * The life of a server process, for `dev` and `serve`: start, reload on SIGHUP, drain and stop on SIGTERM or SIGINT.
 */
import {
  ConfigError,
  createEngine,
  createLogger,
  formatProblem,
  type Config,
  type Engine,
  type HttpRoute,
  type LoadedConfig,
  type Logger,
} from '@tidings/server';

export interface ServerRun {
  readonly loaded: LoadedConfig;
  /** Loads the configuration once more. */
  readonly reload: () => Promise<LoadedConfig>;
  readonly routes?: readonly HttpRoute[];
  /** Called when the server accepts connections. */
  readonly announce: (engine: Engine, logger: Logger) => void;
  /** Where signals come from; the process. */
  readonly signals?: Pick<NodeJS.EventEmitter, 'on' | 'off'>;
}

/**
 * Runs a server until a signal ends it.
 * @returns the exit code.
 * @throws Error that says what to do, if the server cannot start.
 */
export async function runServer({ loaded, reload, routes, announce, signals = process }: ServerRun): Promise<number> {
  const logger = createLogger(loaded.config.log.level);
  for (const { key, place, message } of loaded.warnings) logger.warn({ setting: key, place }, message);
  const engine = createEngine({ config: loaded.config, logger, ...(routes && { routes }) });
  const ending = endingSignal(signals, logger);
  const reloader = new Reloader(engine, loaded.config, reload, logger);
  const onHangup = () => void reloader.reload();
  signals.on('SIGHUP', onHangup);
  // The server's own timers keep no process alive, and while it drains it may have nothing else left.
  const alive = setInterval(() => {}, 60_000);
  try {
    await engine.start().catch((error: unknown) => {
      throw startError(error, loaded.config);
    });
    announce(engine, logger);
    await ending;
    signals.off('SIGHUP', onHangup);
    await engine.drain();
  } finally {
    signals.off('SIGHUP', onHangup);
    await engine.stop();
    clearInterval(alive);
  }
  return 0;
}

/** Signals within this time are one: npm and the terminal both pass Ctrl-C on. */
const sameSignalMs = 300;

/** Resolves with the first signal; a second one, later, ends the process at once. */
function endingSignal(signals: Pick<NodeJS.EventEmitter, 'on'>, logger: Logger): Promise<void> {
  let firstMs: number | undefined;
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT']) {
      signals.on(signal, () => {
        const nowMs = performance.now();
        if (firstMs === undefined) {
          firstMs = nowMs;
          logger.info({ signal }, 'stopping; once more stops at once');
          resolve();
        } else if (nowMs - firstMs > sameSignalMs) {
          process.exit(1);
        }
      });
    }
  });
}

/** Parts that are built once: a change in them waits for the next start. */
const restartParts: Readonly<Record<string, (config: Config) => unknown>> = {
  mode: (config) => config.mode,
  dataDir: (config) => config.dataDir,
  listen: (config) => config.listen,
  internal: (config) => config.internal,
  transports: (config) => config.transports,
  events: (config) => config.events,
  broker: (config) => config.broker,
  metrics: (config) => config.metrics,
  store: (config) => config.store,
  chat: (config) => config.chat,
  // What chat's permissions see of a user.
  'rules.auth': (config) => config.chat.enabled && config.rules.auth,
  'limits.messageSize': (config) => config.limits.messageSize,
  'timeouts.handshake': (config) => config.timeouts.handshake,
};

/** Replaces the configuration of a running engine, or keeps it and says why. One reload at a time, the last one counts. */
export class Reloader {
  readonly #engine: Pick<Engine, 'reload'>;
  readonly #started: Config;
  readonly #load: () => Promise<LoadedConfig>;
  readonly #logger: Logger;
  #running: Promise<void> | undefined;
  #again = false;

  constructor(engine: Pick<Engine, 'reload'>, started: Config, load: () => Promise<LoadedConfig>, logger: Logger) {
    this.#engine = engine;
    this.#started = started;
    this.#load = load;
    this.#logger = logger;
  }

  /** Never throws. Resolves when the configuration that is in force is that of this call or a later one. */
  async reload(): Promise<void> {
    if (this.#running) {
      this.#again = true;
      return this.#running;
    }
    this.#running = this.#repeat();
    try {
      await this.#running;
    } finally {
      this.#running = undefined;
    }
  }

  async #repeat(): Promise<void> {
    do {
      this.#again = false;
      await this.#once();
    } while (this.#again);
  }

  async #once(): Promise<void> {
    try {
      const { config, warnings } = await this.#load();
      await this.#engine.reload(config);
      for (const { key, place, message } of warnings) this.#logger.warn({ setting: key, place }, message);
      const waiting = Object.entries(restartParts)
        .filter(([, part]) => JSON.stringify(part(config)) !== JSON.stringify(part(this.#started)))
        .map(([name]) => name);
      if (waiting.length > 0) this.#logger.warn({ sections: waiting }, 'changed, but in force only after a restart');
    } catch (error) {
      const problems =
        error instanceof ConfigError
          ? error.problems.map((problem) => formatProblem(problem).trim().replace(/\s+/g, ' '))
          : [error instanceof Error ? error.message : String(error)];
      this.#logger.error({ problems }, 'configuration not reloaded: the old one stays in force');
    }
  }
}

interface SystemError {
  readonly code?: string;
  readonly port?: number;
}

/** The error of the operating system, which may be the cause of the one that was thrown. */
function systemError(error: unknown): SystemError {
  if (!(error instanceof Error)) return {};
  return 'code' in error || error.cause === undefined ? (error as SystemError) : systemError(error.cause);
}

/** Says what to do about a listener that does not open. */
function startError(error: unknown, { listen, internal }: Config): unknown {
  const found = systemError(error);
  const isInternal = internal !== undefined && found.port === internal.port && found.port !== listen.port;
  const key = isInternal ? 'internal' : 'listen';
  const { host, port } = isInternal ? internal : listen;
  const change = `Set another one: ${isInternal ? 'TIDINGS_INTERNAL_PORT' : 'PORT or --port'}, or ${key}.port in the configuration.`;
  const fail = (message: string) => new Error(message, { cause: error });
  switch (found.code) {
    case 'EADDRINUSE':
      return fail(`port ${port} on ${host} is taken by another program. ${change}`);
    case 'EACCES':
      return fail(`port ${port} on ${host} needs more rights than this process has. ${change}`);
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return fail(`${host} is no address of this machine. Set ${key}.host, for example 127.0.0.1, or 0.0.0.0 for all.`);
    default:
      return error;
  }
}
