/**
 * A real server that a test attacks, with an innocent client beside. When the test's own part is over it is checked
 * that the bystander received everything in order and is still connected, that the log says what was wrong in exactly
 * as many lines as the test names, and that no secret is in any line, however unimportant.
 */
import { createEngine, createLogger, type ConfigInput, type Engine, type EngineOptions } from '@tidings/server';
import { expect } from 'vitest';
import { makeToken, Peer, until, within, Wire, type Json } from './peers.ts';

export const secrets = {
  hmac: 'hmac-secret-that-no-log-line-may-show',
  apiKey: 'api-key-that-no-log-line-may-show',
  hooks: 'hook-secret-that-no-log-line-may-show',
};

export interface LogLine extends Json {
  readonly level: string;
  readonly msg: string;
}

export type TargetOptions = Omit<Partial<EngineOptions>, 'config'> & { readonly config?: ConfigInput };

/** The bystander is alone on this channel. */
const quietChannel = 'beside';
/** Below the rate of commands that one connection may send. */
const paceMs = 12;

/** Runs one attack against a server of its own. */
export async function attack(options: TargetOptions, act: (target: Target) => Promise<void>): Promise<void> {
  const target = await Target.start(options);
  try {
    await act(target);
    await target.check();
  } finally {
    await target.stop();
  }
}

export class Target {
  readonly engine: Engine;
  /** Every line, of every level. */
  readonly lines: readonly LogLine[];
  readonly #texts: readonly string[];
  readonly #bystander: Bystander;
  readonly #peers: Peer[] = [];
  readonly #wires: Wire[] = [];
  readonly #tokens: string[] = [];
  #expected: Json[] = [];
  #ignored: ((line: LogLine) => boolean)[] = [];

  private constructor(engine: Engine, texts: readonly string[], lines: readonly LogLine[], bystander: Bystander) {
    this.engine = engine;
    this.#texts = texts;
    this.lines = lines;
    this.#bystander = bystander;
  }

  static async start({ config, ...rest }: TargetOptions): Promise<Target> {
    const texts: string[] = [];
    const lines: LogLine[] = [];
    const logger = createLogger('trace', {
      write(text) {
        texts.push(text);
        lines.push(JSON.parse(text) as LogLine);
      },
    });
    const engine = createEngine({ ...rest, logger, config: completed(config) });
    await engine.start();
    const bystander = await Bystander.join(engine.address?.port as number);
    return new Target(engine, texts, lines, bystander);
  }

  get port(): number {
    return this.engine.address?.port as number;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** A WebSocket on which nothing was said yet. */
  async dial(path = '/connection/websocket', ...rest: [options?: object, protocols?: string[]]): Promise<Peer> {
    const peer = await Peer.dial(`ws://127.0.0.1:${this.port}${path}`, ...rest);
    this.#peers.push(peer);
    return peer;
  }

  /** A connected client. */
  async connect(connect: Json = {}, ...rest: [options?: object]): Promise<Peer> {
    const peer = await this.dial('/connection/websocket', ...rest);
    const reply = await peer.request({ connect });
    expect(reply).toHaveProperty('connect');
    return peer;
  }

  async wire(localAddress?: string): Promise<Wire> {
    const wire = await Wire.dial(this.port, localAddress);
    this.#wires.push(wire);
    return wire;
  }

  /** A WebSocket whose frames the test writes byte by byte. */
  async rawWebsocket(path = '/connection/websocket', headers: readonly string[] = []): Promise<Wire> {
    const wire = await Wire.websocket(this.port, path, headers);
    this.#wires.push(wire);
    return wire;
  }

  post(path: string, body: string | Uint8Array, headers: Record<string, string> = {}): Promise<Response> {
    return within(fetch(`${this.url}${path}`, { method: 'POST', body: body as BodyInit, headers }), `POST ${path}`);
  }

  /** Calls the server API with the right key. */
  async api(method: string, body: string | Json, headers: Record<string, string> = {}): Promise<Json> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const response = await this.post(`/api/${method}`, text, { 'x-api-key': secrets.apiKey, ...headers });
    return (await response.json()) as Json;
  }

  /** A token that must not be found in the log. */
  token(claims: Json, secret: string | undefined = secrets.hmac, header?: Json): string {
    return this.secret(makeToken(claims, secret, header));
  }

  /** Something that must not be found in the log, nor its parts between dots. */
  secret(text: string): string {
    this.#tokens.push(text, ...text.split('.').filter((part) => part.length > 20));
    return text;
  }

  /** One line of the log, of level info or above, that says what was wrong. Without it nothing may be logged. */
  logs(line: Json): void {
    this.#expected.push(line);
  }

  /** Lines that say something about the test's own set-up. */
  ignoresLines(like: (line: LogLine) => boolean): void {
    this.#ignored.push(like);
  }

  async check(): Promise<void> {
    await this.#bystander.check();
    await until(
      () => this.#important().length >= this.#expected.length,
      `${this.#expected.length} lines in the log`,
      2_000,
    )
      // The comparison below says what is missing.
      .catch(() => {});
    const important = this.#important();
    const known = this.#expected.map((line, index) =>
      expect.objectContaining({ ...line, time: important[index]?.['time'] }),
    );
    expect(important).toEqual(known);
    const kept = [...Object.values(secrets), ...this.#tokens];
    expect(kept.filter((one) => this.#texts.some((text) => text.includes(one)))).toEqual([]);
  }

  async stop(): Promise<void> {
    this.#bystander.leave();
    for (const peer of this.#peers) peer.websocket.terminate();
    for (const wire of this.#wires) wire.socket.destroy();
    await within(this.engine.stop(), 'the engine stops');
  }

  #important(): LogLine[] {
    return this.lines.filter((line) => isImportant(line) && !this.#ignored.some((like) => like(line)));
  }
}

/** What an operator reads with the default level; and 404s, which are kept out of that on purpose. */
function isImportant({ level, status }: LogLine): boolean {
  return ['info', 'warn', 'error', 'fatal'].includes(level) || status === 404;
}

function completed(config: ConfigInput = {}): ConfigInput {
  return {
    ...config,
    listen: { port: 0, ...config.listen },
    auth: { anonymous: true, jwt: { hmacSecret: secrets.hmac }, ...config.auth },
    api: { keys: [secrets.apiKey] },
    channels: {
      [quietChannel]: {
        allow: { subscribe: 'anyone', publish: 'anyone' },
        history: { size: 100 },
        positioning: 'always',
      },
      'open:{name}': { allow: { subscribe: 'anyone', publish: 'anyone', history: 'anyone', presence: 'anyone' } },
      ...config.channels,
    },
  };
}

/** Publishes numbers on a channel of its own, one by one, and receives them. */
class Bystander {
  readonly #peer: Peer;
  #published = 0;
  #running = true;
  readonly #work: Promise<void>;

  private constructor(peer: Peer) {
    this.#peer = peer;
    this.#work = this.#publish();
    // Looked at in `check`.
    this.#work.catch(() => {});
  }

  static async join(port: number): Promise<Bystander> {
    const peer = await Peer.dial(`ws://127.0.0.1:${port}/connection/websocket`);
    expect(await peer.request({ connect: {} })).toHaveProperty('connect');
    expect(await peer.request({ subscribe: { channel: quietChannel } })).toHaveProperty('subscribe');
    return new Bystander(peer);
  }

  async check(): Promise<void> {
    const already = this.#published;
    await until(
      () => this.#published >= already + 2 || this.#peer.websocket.readyState !== 1,
      'the bystander publishes',
    );
    this.#running = false;
    await this.#work;
    const received = this.#peer.received.flatMap((message) => {
      const push = message['push'] as { pub?: { data: number } } | undefined;
      return push?.pub ? [push.pub.data] : [];
    });
    expect(received).toEqual(Array.from({ length: this.#published }, (_, index) => index + 1));
    expect(this.#peer.websocket.readyState).toBe(1);
  }

  leave(): void {
    this.#running = false;
    this.#peer.websocket.terminate();
  }

  async #publish(): Promise<void> {
    while (this.#running) {
      const data = this.#published + 1;
      const reply = await this.#peer.request({ publish: { channel: quietChannel, data } });
      if (!('publish' in reply)) throw new Error(`the bystander could not publish: ${JSON.stringify(reply)}`);
      await this.#peer.next(
        (message) => (message['push'] as { pub?: { data: number } } | undefined)?.pub?.data === data,
        `publication ${data} of the bystander`,
      );
      this.#published = data;
      await new Promise((resolve) => setTimeout(resolve, paceMs));
    }
  }
}
