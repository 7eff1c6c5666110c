/**
 * What attachments need while the server runs: the storage, the secret of links, places for uploads, and the sweep.
 *
 * Path of an attachment: `chat.upload` → **upload route** → storage → `chat.send` → `chat.attachmentUrls` → download route.
 */
import type { ChatConfig } from '../../../config/chat-schema.ts';
import type { TimerId } from '../../../lib/clock.ts';
import { Semaphore } from '../../../lib/semaphore.ts';
import type { ModuleContext } from '../../module.ts';
import type { AttachmentStorage } from './attachment-storage.ts';
import { attachmentFolders, openStorage } from './open-storage.ts';
import { loadSigner, type UrlSigner } from './signed-urls.ts';
import { sweepAttachments, sweepIncoming } from './sweep-attachments.ts';
import { reopenUploads } from './uploads.ts';

const sweepMs = 600_000;
/** Uploads at once on this node, and those that wait for a place. */
const maxReceiving = 200;
const maxWaiting = 1_000;

export class Attachments {
  readonly storage: AttachmentStorage;
  readonly places: Semaphore;
  /** Where files are received. */
  readonly incomingFolder: string;
  readonly #context: ModuleContext;
  #signer: UrlSigner | undefined;
  #timer: TimerId;
  #stopped = true;
  #sweeping: Promise<unknown> = Promise.resolve();

  /** @param storage instead of that of the configuration. */
  constructor(config: ChatConfig, context: ModuleContext, storage?: AttachmentStorage) {
    this.#context = context;
    this.incomingFolder = attachmentFolders(context.dataDir).incoming;
    this.storage = storage ?? openStorage(config.uploads, context.dataDir, context.clock);
    this.places = new Semaphore(maxReceiving, maxWaiting, context.clock);
  }

  get signer(): UrlSigner {
    if (!this.#signer) throw new Error('attachments were not started');
    return this.#signer;
  }

  async start(): Promise<void> {
    this.#signer = await loadSigner(this.#context.store);
    this.#stopped = false;
    if (this.#context.store.dialect === 'sqlite') {
      // No other process serves an embedded database: nobody is receiving yet.
      await sweepIncoming({ incomingFolder: this.incomingFolder, clock: this.#context.clock }, -Infinity);
      await reopenUploads(this.#context.store);
    }
    this.#sweeping = this.sweep().finally(() => this.#sweepLater());
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#context.clock.clearTimeout(this.#timer);
    this.places.close();
    await this.#sweeping;
    this.storage.stop();
  }

  /** Never throws. @returns how many files were removed. */
  async sweep(): Promise<number> {
    const { store, clock, logger } = this.#context;
    const { storage, incomingFolder } = this;
    const stopped = () => this.#stopped;
    try {
      return await sweepAttachments({ store, clock, logger, storage, incomingFolder, stopped });
    } catch (error) {
      logger.warn({ err: error }, 'attachments could not be swept; it is tried again');
      return 0;
    }
  }

  #sweepLater(): void {
    if (this.#stopped) return;
    this.#timer = this.#context.clock.setTimeout(() => {
      this.#sweeping = this.sweep().finally(() => this.#sweepLater());
    }, sweepMs);
  }
}
