/**
 * Shows what is behind links: after a message was told, the node that told it fetches them and changes the message. A
 * preview is a kindness: nothing waits for it, too much work is dropped, and what fails leaves the message as it is.
 *
 * Path of a preview: outbox → **link previews** → guarded fetch → writer → channel of the room.
 */
import { Semaphore } from '../../../lib/semaphore.ts';
import type { Chat } from '../chat.ts';
import type { MessageBody } from '../mappers.ts';
import { changeMessage } from '../message-access.ts';
import type { LinkPreview, RoomPublication } from '../model.ts';
import { findLinks } from './find-links.ts';
import { allTargets, guardedFetch, publicTargets, type GuardedFetchOptions } from './guarded-fetch.ts';
import { readHead } from './page-head.ts';

const maxLinks = 3;
/** Pages fetched at once, and messages that wait. */
const maxFetches = 8;
const maxWaiting = 500;
/** What was found, or not, is known for so long: a link that many send is fetched once. */
const knownMs = 600_000;
const maxKnown = 1_000;

/** How pages are reached, where it is not the usual way. */
export type PreviewNetwork = Partial<Pick<GuardedFetchOptions, 'resolve' | 'targets' | 'ca'>>;

interface Known {
  readonly preview: Promise<LinkPreview | undefined>;
  readonly until: number;
}

export class LinkPreviews {
  readonly #chat: Chat;
  readonly #network: PreviewNetwork;
  readonly #places: Semaphore;
  readonly #known = new Map<string, Known>();
  readonly #running = new Set<Promise<void>>();
  readonly #stop = new AbortController();

  /** @param network for tests. */
  constructor(chat: Chat, network: PreviewNetwork = {}) {
    this.#chat = chat;
    this.#network = network;
    this.#places = new Semaphore(maxFetches, maxWaiting * maxLinks, chat.context.clock);
  }

  /** A change in a room was told. Never throws; returns at once. */
  note(json: string, event: string): void {
    if (event !== 'message.sent' && event !== 'message.edited') return;
    // Most messages have no link, and need not be parsed to know it.
    if (!/https?:\/\//i.test(json) || this.#running.size >= maxWaiting || this.#stop.signal.aborted) return;
    const publication = JSON.parse(json) as RoomPublication;
    if (publication.type !== 'message') return;
    const { room, seq, version, text = '', previews, kind } = publication.message;
    if (previews !== undefined || kind === 'hidden') return;
    const links = findLinks(text, maxLinks);
    if (links.length === 0) return;
    const run = this.#preview(room, seq, version, links)
      .catch((error: unknown) => {
        this.#chat.context.logger.debug({ err: error }, 'a message has no link preview');
      })
      .finally(() => this.#running.delete(run));
    this.#running.add(run);
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  /** Breaks off what is under way. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#places.close();
    await this.idle();
  }

  async #preview(room: string, seq: number, version: number, links: readonly string[]): Promise<void> {
    const found = await Promise.all(links.map((link) => this.#find(link)));
    const previews = found.filter((preview) => preview !== undefined);
    if (previews.length === 0 || this.#stop.signal.aborted) return;
    await this.#chat.writer.run({ rooms: [room], messages: [[room, seq]] }, async (tx) => {
      const row = await tx.message(room, seq);
      // It says something else now, or somebody was faster.
      if (!row || row.deleted_at !== null || row.version !== version) return;
      if ((await tx.findRoom(room))?.deleted_at !== null) return;
      const body = JSON.parse(row.body) as MessageBody;
      if (body.previews) return;
      changeMessage(tx, row, { body: JSON.stringify({ ...body, previews }) }, 'message.changed', '');
    });
  }

  #find(link: string): Promise<LinkPreview | undefined> {
    const now = this.#chat.context.clock.now();
    const known = this.#known.get(link);
    if (known && known.until > now) return known.preview;
    const preview = this.#fetchPreview(link);
    this.#known.delete(link);
    this.#known.set(link, { preview, until: now + knownMs });
    const [oldest] = this.#known.keys();
    if (this.#known.size > maxKnown && oldest !== undefined) this.#known.delete(oldest);
    return preview;
  }

  async #fetchPreview(link: string): Promise<LinkPreview | undefined> {
    const { config, context } = this.#chat;
    const { timeout, maxBytes, allowPrivateAddresses } = config.previews;
    try {
      const leave = await this.#places.acquire(maxWaiting * timeout);
      try {
        const { clock } = context;
        const targets = allowPrivateAddresses ? allTargets : publicTargets;
        const options = { timeoutMs: timeout, maxBytes, targets, clock, signal: this.#stop.signal };
        const { html } = await guardedFetch(link, { ...options, ...this.#network });
        const head = readHead(html);
        return head.title === undefined && head.description === undefined ? undefined : { url: link, ...head };
      } finally {
        leave();
      }
    } catch (error) {
      context.logger.debug({ err: error }, 'a link could not be looked at');
      return undefined;
    }
  }
}
