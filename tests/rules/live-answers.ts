/** Puts a question about rules to a running engine: as a client, by what happens. Nothing here knows how rules decide. */
import type { Payload } from '@tidings/protocol';
import { createLogger, MemoryBroker, MemoryBus, type Config, type ConfigInput, type RuleAction } from '@tidings/server';
import { createTestEngine, FakeClock, settle, type MemoryClient, type TestEngine } from '@tidings/server/testing';
import { json, jwt, text, token } from '../../packages/server/src/testing/engine-fixture.ts';

export interface LiveQuestion {
  readonly action: RuleAction;
  readonly channel: string;
  readonly uid: string;
  readonly claims: Readonly<Record<string, unknown>>;
  readonly subscribed: boolean;
  readonly data?: unknown;
  readonly tags?: Readonly<Record<string, string>>;
  readonly publisher?: string;
}

export interface LiveAnswer {
  readonly is: 'allow' | 'deny' | 'invalid';
  /** Of an invalid message. */
  readonly at?: string;
  readonly becomes?: unknown;
}

type Draft = Parameters<MemoryBroker['publish']>[1];

class RecordingBroker extends MemoryBroker {
  last: Payload | undefined;

  override publish(...args: Parameters<MemoryBroker['publish']>): ReturnType<MemoryBroker['publish']> {
    this.last = args[1].data;
    return super.publish(...args);
  }
}

/** An engine of this configuration; it keeps only channels, schemas, claims and relations, whose facts are given. */
export class LiveRules implements AsyncDisposable {
  readonly #node: TestEngine;
  readonly #broker: RecordingBroker;

  private constructor(node: TestEngine, broker: RecordingBroker) {
    this.#node = node;
    this.#broker = broker;
  }

  /** @param facts by relation, in place of those that relations have elsewhere. */
  static async start(
    { channels, rules }: Pick<Config, 'channels' | 'rules'>,
    facts: Readonly<Record<string, readonly (readonly (string | number | bigint | boolean)[])[]>>,
    nowMs: number,
  ): Promise<LiveRules> {
    const relations = Object.entries(rules.relations).map(([name, { parameters, symmetric, facts: own }]) => [
      name,
      { parameters, symmetric, facts: facts[name] ?? own },
    ]);
    const clock = new FakeClock(nowMs);
    const logger = createLogger('silent');
    const broker = new RecordingBroker({ clock, logger, bus: new MemoryBus({ clock, logger }), nodeId: 'node' });
    const config = {
      mode: 'production',
      log: { level: 'error' },
      auth: { anonymous: true, jwt },
      channels,
      rules: { auth: rules.auth, schemas: rules.schemas, relations: Object.fromEntries(relations) as object },
    } as ConfigInput;
    return new LiveRules(await createTestEngine({ clock, logger, broker, config }), broker);
  }

  async ask(question: LiveQuestion): Promise<LiveAnswer> {
    const { action, channel, uid, claims, subscribed } = question;
    const client = await this.#node.connect({ token: token({ ...claims, ...(uid !== '' && { sub: uid }) }) });
    try {
      // Given above the rules, by a token.
      if (subscribed || action === 'announce' || action === 'receive') await enter(client, channel, uid);
      return await this.#act(client, question);
    } finally {
      client.close();
      await settle();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#node[Symbol.asyncDispose]();
  }

  async #act(client: MemoryClient, question: LiveQuestion): Promise<LiveAnswer> {
    const { action, channel, data = null } = question;
    switch (action) {
      case 'subscribe':
      case 'history':
      case 'presence':
        return this.#command(client, { [action]: { channel } });
      case 'publish': {
        this.#broker.last = undefined;
        const answer = await this.#command(client, { publish: { channel, data: json(data) } });
        return this.#broker.last ? { ...answer, becomes: JSON.parse(text(this.#broker.last)) as unknown } : answer;
      }
      case 'announce': {
        const { presence } = await this.#node.engine.api.presence({ channel });
        return { is: Object.keys(presence).length > 0 ? 'allow' : 'deny' };
      }
      case 'receive': {
        const { tags, publisher = '' } = question;
        const draft: Draft = {
          data: json(data),
          ...(tags && { tags }),
          ...(publisher !== '' && { info: { user: publisher, client: 'other' } }),
        };
        while (client.inbox.length > 0) await client.next();
        await this.#broker.publish(channel, draft, { historySize: 0, historyTtlMs: 0, historyMetaTtlMs: 0 });
        await settle();
        const isGiven = client.inbox.some(({ push }) => push?.pub !== undefined);
        return { is: isGiven ? 'allow' : 'deny' };
      }
    }
  }

  async #command(client: MemoryClient, command: object): Promise<LiveAnswer> {
    const { error } = await client.request(command);
    if (!error) return { is: 'allow' };
    // What is not switched on, or has no pattern, is no more than a no.
    if ([102, 103, 108].includes(error.code)) return { is: 'deny' };
    const place = /^bad request: (?:data|(\/\S*)) /.exec(error.message);
    if (error.code !== 107 || !place) throw new Error(`error ${error.code}: ${error.message}`);
    return { is: 'invalid', at: place[1] ?? '' };
  }
}

async function enter(client: MemoryClient, channel: string, uid: string): Promise<void> {
  const permission = token({ channel, ...(uid !== '' && { sub: uid }) });
  const { error } = await client.request({ subscribe: { channel, token: permission } });
  if (error) throw new Error(`subscribing to ${channel} failed: ${error.message}`);
}
