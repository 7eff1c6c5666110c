/**
 * The chat app as a part of `tidings dev`: its pages, its sign-in, and what is in it at the first look. Nothing of this
 * is reached from `tidings serve`.
 */
import type { Config, Engine, HttpRoute, LoadedConfig, Logger } from '@tidings/server';
import { demoPages, seedDirectory } from './demo-pages.ts';
import { DemoPeople, type Welcome } from './demo-people.ts';
import { demoRoutes } from './demo-routes.ts';
import { demoSecret } from './demo-secret.ts';
import { importSeeds, readWelcome } from './demo-seed.ts';

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
  readonly #canSignIn: boolean;
  readonly #people = Promise.withResolvers<DemoPeople>();
  #welcome: Welcome | undefined;

  /** @param loaded with `demoSettings`. */
  constructor({ config }: Pick<LoadedConfig, 'config'>) {
    this.#config = config;
    this.#canSignIn = config.chat.enabled && config.auth.jwt?.hmacSecret !== undefined;
    const pages = demoPages(this.#canSignIn);
    this.hasChat = pages.hasChat;
    this.hasDemo = pages.hasDemo;
    this.routes = [...pages.routes, ...(this.#canSignIn ? demoRoutes(() => this.#people.promise) : [])];
  }

  /** To be called before the engine starts. What goes wrong with seeds is said, and the demo goes on without. */
  async prepare(logger: Logger): Promise<void> {
    const seeds = this.#canSignIn ? seedDirectory() : undefined;
    if (seeds === undefined) return;
    try {
      await importSeeds(this.#config, seeds);
      this.#welcome = readWelcome(seeds);
    } catch (error) {
      logger.warn({ err: error }, 'the rooms of the demo could not be brought in');
    }
  }

  /** To be called when the engine runs. Whoever signs in before waits. */
  open(engine: Engine): void {
    const { jwt } = this.#config.auth;
    if (jwt?.hmacSecret === undefined) return;
    const signer = { ...jwt, hmacSecret: jwt.hmacSecret };
    this.#people.resolve(new DemoPeople({ engine, jwt: signer, welcome: this.#welcome }));
  }
}
