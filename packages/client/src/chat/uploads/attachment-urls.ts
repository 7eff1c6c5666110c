/** Links to attachments that work without a token: asked for many at once, kept until shortly before they expire. */
import type { Clock } from '../../clock.ts';
import type { Connection } from '../../connection/connection.ts';
import { deferred } from '../../deferred.ts';
import { TidingsError } from '../../error.ts';
import type { ChatOutput } from '../chat.ts';
import type { Attachment } from '../publications.ts';

/** What is asked for within one moment goes in one call. */
const gatherMs = 10;
/** As many as the server takes. */
const maxIds = 100;
/** A link works for an hour at least. Counted by this device’s clock, which may be another than the server’s. */
const keptMs = 3_300_000;
/** Links that are kept, those asked for last. */
const maxKept = 1_000;

interface Link {
  readonly url: Promise<string>;
  /** Unix milliseconds; unlimited while it is on its way. */
  keptUntil: number;
}

interface Wish {
  readonly link: Link;
  resolve(url: string): void;
  reject(error: unknown): void;
}

export class AttachmentUrls {
  readonly #connection: Pick<Connection, 'call' | 'httpUrl'>;
  readonly #clock: Clock;
  readonly #links = new Map<string, Link>();
  #wishes = new Map<string, Wish>();

  constructor(connection: Pick<Connection, 'call' | 'httpUrl'>, clock: Clock) {
    this.#connection = connection;
    this.#clock = clock;
  }

  /** @throws TidingsError 617 for one that is not there or may not be seen, and those of calls. */
  url({ id }: Pick<Attachment, 'id'>): Promise<string> {
    const known = this.#links.get(id);
    this.#links.delete(id);
    const link = known && known.keptUntil > this.#clock.now() ? known : this.#wish(id);
    this.#links.set(id, link);
    for (const oldest of this.#links.keys()) {
      if (this.#links.size <= maxKept) break;
      this.#links.delete(oldest);
    }
    return link.url;
  }

  #wish(id: string): Link {
    const waiting = this.#wishes.get(id);
    if (waiting) return waiting.link;
    const { promise, resolve, reject } = deferred<string>();
    const link: Link = { url: promise, keptUntil: Infinity };
    if (this.#wishes.size === 0) this.#clock.setTimeout(() => void this.#ask(), gatherMs);
    this.#wishes.set(id, { link, resolve, reject });
    if (this.#wishes.size >= maxIds) void this.#ask();
    return link;
  }

  async #ask(): Promise<void> {
    const wishes = this.#wishes;
    if (wishes.size === 0) return;
    this.#wishes = new Map();
    try {
      const ids = [...wishes.keys()];
      const { urls } = await this.#connection.call<ChatOutput<'attachmentUrls'>>('chat.attachmentUrls', { ids });
      for (const { id, url } of urls) {
        const wish = wishes.get(id);
        if (!wish) continue;
        wish.link.keptUntil = this.#clock.now() + keptMs;
        wish.resolve(`${this.#connection.httpUrl}${url}`);
        wishes.delete(id);
      }
      this.#refuse(wishes, (id) => new TidingsError(617, `no such attachment: ${id}`));
    } catch (error) {
      this.#refuse(wishes, () => error);
    }
  }

  /** The next one who asks is not given the failure, but another try. */
  #refuse(wishes: ReadonlyMap<string, Wish>, errorOf: (id: string) => unknown): void {
    for (const [id, { link, reject }] of wishes) {
      if (this.#links.get(id) === link) this.#links.delete(id);
      reject(errorOf(id));
    }
  }
}
