/**
 * For tests of the engine and of what is plugged into it: an engine without sockets and without waiting, and the suites
 * that every implementation of an interface passes. The suites need `vitest`.
 */
import { createEngine, type Engine, type EngineOptions } from './engine.ts';
import { developmentConfig } from './config/development.ts';
import type { ConfigInput } from './config/schema.ts';
import { FakeClock } from './lib/clock.ts';
import { createLogger } from './lib/logger.ts';
import { MemoryTransport, type MemoryClient, type MemoryConnectOptions } from './transports/memory.ts';

export { FakeClock, settle } from './lib/clock.ts';
export { MemoryClient, MemoryTransport } from './transports/memory.ts';
export { testBroker } from './testing/broker-suite.ts';
export { testMirrors, type MirrorDatabase } from './testing/mirror-suite.ts';
export { testPresenceStore } from './testing/presence-suite.ts';
export { testStore, type StoreFactory, type TestDatabase } from './testing/store-suite.ts';
export { testTransport } from './testing/transport-suite.ts';

export interface TestEngine extends AsyncDisposable {
  readonly engine: Engine;
  readonly clock: FakeClock;
  /** Opens a socket; the client has sent nothing yet. */
  dial(options?: MemoryConnectOptions): MemoryClient;
  /** Opens a socket and connects. */
  connect(
    options?: MemoryConnectOptions & { readonly token?: string; readonly data?: Uint8Array },
  ): Promise<MemoryClient>;
}

/**
 * An engine on a memory transport and a clock that only tests turn. As under `tidings dev` nobody has to log in and every
 * channel without a prefix is open to anyone, unless `config` says otherwise; `mode: 'production'` adds nothing to it.
 * Chat is there if `config.chat.enabled` says so; give it a `store` of its own, or a `dataDir`.
 */
export async function createTestEngine(
  options: Partial<Omit<EngineOptions, 'clock'>> & { readonly config?: ConfigInput; readonly clock?: FakeClock } = {},
): Promise<TestEngine> {
  const { config = {}, clock = new FakeClock(), ...others } = options;
  const engine = createEngine({
    logger: createLogger('silent'),
    listen: false,
    ...others,
    clock,
    config: config.mode === 'production' ? config : developmentConfig(withoutChat(config)),
  });
  await engine.start();
  const transport = new MemoryTransport({ accept: engine.accept });
  return {
    engine,
    clock,
    dial: (dialOptions) => transport.connect(dialOptions),
    async connect({ token, data, ...dialOptions } = {}) {
      const client = transport.connect(dialOptions);
      const reply = await client.request({ connect: { ...(token && { token }), ...(data && { data }) } });
      if (reply.error) throw new Error(`connect failed: ${reply.error.code} ${reply.error.message}`);
      return client;
    },
    [Symbol.asyncDispose]: () => engine.stop(),
  };
}

/** Unlike `tidings dev`, tests have chat only if they say so: it needs a database. */
function withoutChat(config: ConfigInput): ConfigInput {
  return { ...config, chat: { enabled: false, ...config.chat } };
}
