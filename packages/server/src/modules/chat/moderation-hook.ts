/**
 * What looks at a message before it is stored: the list of words, then the application, by a function of the embedding
 * program or over HTTP. Back ends that send for themselves are not looked at.
 *
 * Path of a message: command → send → **moderation** → writer.
 */
import { z } from 'zod';
import type { ChatConfig } from '../../config/chat-schema.ts';
import type { HooksConfig } from '../../config/schema.ts';
import { CircuitBreaker, CircuitOpenError } from '../../lib/circuit-breaker.ts';
import type { Clock } from '../../lib/clock.ts';
import { HttpCallError, HttpClient } from '../../lib/http-client.ts';
import { GatedLogger } from '../../lib/log-gate.ts';
import type { Logger } from '../../lib/logger.ts';
import { OverloadedError, Semaphore } from '../../lib/semaphore.ts';
import { sign, signatureHeader } from '../../lib/signature.ts';
import type { ModuleActor } from '../module.ts';
import type { Moderation, Reviewed } from './chat.ts';
import { ChatError } from './chat-error.ts';
import { checkContent, type Content } from './message-content.ts';
import { rowKey } from './row-cache.ts';
import { json, text } from './schemas.ts';
import { WordFilter } from './word-filter.ts';

const maxAnswerBytes = 1_048_576;
const operation = 'chat.moderation';

/** A message that somebody wants to send, or an edit as it would be. */
export interface ModerationQuestion {
  readonly room: string;
  readonly user: string;
  readonly text?: string;
  readonly data?: unknown;
  readonly mentions?: Content['mentions'];
  /** Ids of uploads. */
  readonly attachments?: readonly string[];
}

const answerSchema = z.discriminatedUnion('action', [
  z.strictObject({ action: z.literal('accept') }),
  z.strictObject({
    action: z.literal('change'),
    text: text(1_000_000).optional(),
    data: json().optional(),
  }),
  z.strictObject({ action: z.literal('reject'), reason: text(1_000).optional() }),
]);

/** `change`: what is left out stays as it was. `reason` is shown to the sender. */
export type ModerationAnswer = z.input<typeof answerSchema>;

export type ReviewMessage = (question: ModerationQuestion) => ModerationAnswer | Promise<ModerationAnswer>;

export interface ChatModerationOptions {
  readonly config: Pick<ChatConfig, 'moderation' | 'limits'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Of the embedding program; instead of the hook. */
  readonly review?: ReviewMessage | undefined;
  /** How hooks are signed and bounded. */
  readonly hooks?: Pick<HooksConfig, 'secret' | 'concurrency' | 'queue' | 'breaker'> | undefined;
}

/** As the configuration has it where it says nothing. */
const defaultBounds = { secret: undefined, concurrency: 256, queue: 4_096, breaker: { failures: 10, cooldown: 5_000 } };

/** Nothing came that is an answer. */
class NoAnswer extends Error {
  /** Whether it is down or overrun. */
  readonly outage: boolean;

  constructor(message: string, outage = false) {
    super(message);
    this.outage = outage;
  }
}

/** The application answered, but nothing that can be followed: asked again about this message, it would say the same. */
class BadAnswer extends Error {}

export class ChatModeration implements Moderation {
  readonly #options: ChatModerationOptions;
  readonly #failures: GatedLogger;
  readonly #words: WordFilter;
  readonly #ask: ReviewMessage | undefined;
  #hook: ModerationHook | undefined;
  /** By user and room, the last question under way and all before it. */
  readonly #underWay = new Map<string, Promise<unknown>>();

  constructor(options: ChatModerationOptions) {
    this.#options = options;
    this.#failures = new GatedLogger(options.logger, options.clock);
    const { words, hook } = options.config.moderation;
    this.#words = new WordFilter(words);
    if (options.review) this.#ask = options.review;
    else if (hook) {
      const asked = new ModerationHook(new URL(hook.url), hook.timeout, options);
      this.#hook = asked;
      this.#ask = (question) => asked.ask(question);
    }
  }

  review(actor: ModuleActor, room: string, content: Content): Reviewed | Promise<Reviewed> {
    if (actor.system) return { content };
    const filtered = this.#filter(content);
    return this.#ask ? this.#askAbout(actor, room, filtered) : filtered;
  }

  async #askAbout(actor: ModuleActor, room: string, filtered: Reviewed): Promise<Reviewed> {
    const { text: said, data, mentions, attachments } = filtered.content;
    const question = {
      room,
      user: actor.user,
      ...(said !== undefined && { text: said }),
      ...(data !== undefined && { data }),
      ...(mentions && { mentions }),
      ...(attachments && { attachments }),
    };
    const decided = this.#decide(question, filtered.content);
    return { ...filtered, content: await this.#inOrder(rowKey(actor.user, room), decided) };
  }

  /** Ends what is under way. */
  stop(): void {
    this.#hook?.stop();
  }

  /** What one user says in a room stays in its order, however fast each answer is. All are asked about at once. */
  async #inOrder<T>(key: string, decided: Promise<T>): Promise<T> {
    const before = this.#underWay.get(key);
    const done = Promise.allSettled([before, decided]).then(() => {
      if (this.#underWay.get(key) === done) this.#underWay.delete(key);
    });
    this.#underWay.set(key, done);
    await before;
    return decided;
  }

  /** @throws ChatError rejected. */
  #filter(content: Content): Reviewed {
    const { text: said } = content;
    if (said === undefined || !this.#words.matches(said)) return { content };
    switch (this.#options.config.moderation.wordAction) {
      case 'reject':
        throw new ChatError('rejected', 'it contains a word that is not allowed');
      case 'mask':
        return { content: { ...content, text: this.#words.mask(said) } };
      case 'report':
        return { content, report: 'a word of the list' };
    }
  }

  /** @throws ChatError rejected, notChecked. */
  async #decide(question: ModerationQuestion, content: Content): Promise<Content> {
    try {
      const parsed = answerSchema.safeParse(await this.#ask?.(question));
      if (!parsed.success) throw new BadAnswer(problemOf(parsed.error));
      const answer = parsed.data;
      if (answer.action === 'reject') throw new ChatError('rejected', answer.reason);
      if (answer.action === 'accept') return content;
      const changed = {
        ...content,
        ...(answer.text !== undefined && { text: answer.text }),
        ...(answer.data !== undefined && { data: answer.data }),
      };
      try {
        checkContent(changed, this.#options.config);
      } catch (error) {
        throw new BadAnswer(`what it changed cannot be stored: ${(error as Error).message}`);
      }
      return changed;
    } catch (error) {
      if (error instanceof ChatError) throw error;
      this.#log(error);
      if ((this.#options.config.moderation.hook?.onFailure ?? 'accept') === 'accept') return content;
      if (error instanceof BadAnswer)
        throw new ChatError('rejected', 'what checks it gave no valid answer', { cause: error });
      throw new ChatError('notChecked', 'try again later', { cause: error });
    }
  }

  #log(error: unknown): void {
    const { logger } = this.#options;
    if (error instanceof CircuitOpenError || error instanceof OverloadedError) {
      logger.debug({ hook: operation }, `hook not called: ${error.message}`);
    } else {
      this.#failures.error({ hook: operation, problem: (error as Error).message }, 'moderation failed');
    }
  }
}

function problemOf(error: z.ZodError): string {
  return `an answer that cannot be understood: ${error.issues.map(({ path, message }) => [...path, message].join(': ')).join('; ')}`;
}

/** Asks over HTTP: so many at once, within a time, and not at all while the application is down. */
class ModerationHook {
  readonly #url: URL;
  readonly #timeoutMs: number;
  readonly #secret: string | undefined;
  readonly #clock: Clock;
  readonly #http: HttpClient;
  readonly #places: Semaphore;
  readonly #breaker: CircuitBreaker;

  constructor(url: URL, timeoutMs: number, { clock, hooks, logger }: ChatModerationOptions) {
    const { secret, concurrency, queue, breaker } = hooks ?? defaultBounds;
    this.#url = url;
    this.#timeoutMs = timeoutMs;
    this.#secret = secret;
    this.#clock = clock;
    this.#http = new HttpClient(clock);
    this.#places = new Semaphore(concurrency, queue, clock);
    this.#breaker = new CircuitBreaker({
      failures: breaker.failures,
      cooldownMs: breaker.cooldown,
      clock,
      isFailure: (error) =>
        error instanceof NoAnswer ? error.outage : !(error instanceof HttpCallError && error.failure === 'stopped'),
      onChange(state) {
        if (state === 'open') logger.error({ hook: operation }, 'a hook keeps failing: its breaker is open');
        if (state === 'closed') logger.info({ hook: operation }, 'a hook answers again: its breaker is closed');
      },
    });
  }

  async ask(question: ModerationQuestion): Promise<ModerationAnswer> {
    if (this.#breaker.refuses) throw new CircuitOpenError();
    const leave = await this.#places.acquire(this.#timeoutMs);
    try {
      return await this.#breaker.run(() => this.#post(JSON.stringify(question)));
    } finally {
      leave();
    }
  }

  stop(): void {
    this.#places.close();
    this.#http.stop();
  }

  async #post(body: string): Promise<ModerationAnswer> {
    const call = {
      method: 'POST',
      url: this.#url,
      headers: {
        'content-type': 'application/json',
        ...(this.#secret !== undefined && { [signatureHeader]: sign(this.#secret, body, this.#clock.now()) }),
      },
      body,
      timeoutMs: this.#timeoutMs,
      maxResponseBytes: maxAnswerBytes,
    } as const;
    const answer = await this.#http.call(call).catch((error: unknown) => {
      // A kept connection was closed just as it was used: no failure of the application, and asking twice does no harm.
      if (error instanceof HttpCallError && error.reused && error.failure === 'network') return this.#http.call(call);
      throw error;
    });
    if (answer.status !== 200) throw new NoAnswer(`status ${answer.status}`, answer.status >= 500);
    try {
      return JSON.parse(answer.body.toString('utf8')) as ModerationAnswer;
    } catch {
      throw new NoAnswer('an answer that is no JSON');
    }
  }
}
