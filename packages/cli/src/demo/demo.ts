/**
 * The chat app as a part of `tidings dev`: its pages, its sign-in, and what is in it at the first look. Nothing of this
 * is reached from `tidings serve`.
 */
import type { Config, Engine, HttpRoute, LoadedConfig, Logger } from '@tidings/server';
import { demoPages, seedDirectory } from './demo-pages.ts';
import { DemoPeople } from './demo-people.ts';
import { demoRoutes } from './demo-routes.ts';
import { demoSecret } from './demo-secret.ts';
import { endSeeding, importSeeds, readWelcome } from './demo-seed.ts';
import { sendLiveSeeds } from './live-seeds.ts';

/**
 * What signing in needs of the configuration: a secret to sign with, where nobody has said another way.
 * @returns settings to lie over the configuration; none where it has no chat, or takes tokens of somebody else alone.
 */
export function demoSettings(config: Config): { auth?: { jwt: { hmacSecret: string } } } {
  if (!config.chat.enabled || config.auth.jwt !== undefined) return {};
  return { auth: { jwt: { hmacSecret: demoSecret(config.dataDir) } } };
}

export class Demo {
  readonly routes: readonly HttpRoute[];
  readonly hasChat: boolean;
  readonly hasDemo: boolean;
  readonly #config: Config;
  readonly #people = Promise.withResolvers<DemoPeople>();
  #seeds: string | undefined;
  #isSeeding = false;

  /** @param loaded with `demoSettings`. */
  constructor({ config }: Pick<LoadedConfig, 'config'>) {
    this.#config = config;
    const canSignIn = config.chat.enabled && config.auth.jwt?.hmacSecret !== undefined;
    const pages = demoPages(canSignIn);
    this.hasChat = pages.hasChat;
    this.hasDemo = pages.hasDemo;
    this.routes = [...pages.routes, ...(canSignIn ? demoRoutes(() => this.#people.promise) : [])];
    if (canSignIn) this.#seeds = seedDirectory();
  }

  /** To be called before the engine starts. What goes wrong with seeds is said, and the demo goes on without. */
  async prepare(logger: Logger): Promise<void> {
    if (this.#seeds === undefined) return;
    try {
      this.#isSeeding = await importSeeds(this.#config, this.#seeds);
    } catch (error) {
      logger.warn({ err: error }, 'the rooms of the demo could not be brought in');
      this.#seeds = undefined;
    }
  }

  /** To be called when the engine runs. Whoever signs in before waits. */
  async open(engine: Engine, logger: Logger): Promise<void> {
    const { jwt } = this.#config.auth;
    if (jwt?.hmacSecret === undefined) return;
    if (this.#isSeeding && this.#seeds !== undefined) {
      try {
        await sendLiveSeeds(engine, this.#seeds);
        await endSeeding(this.#config);
      } catch (error) {
        logger.warn({ err: error }, 'polls and pictures of the demo could not be brought in');
      }
    }
    const welcome = this.#seeds === undefined ? undefined : readWelcome(this.#seeds);
    this.#people.resolve(new DemoPeople({ engine, jwt: { ...jwt, hmacSecret: jwt.hmacSecret }, welcome }));
  }
}
