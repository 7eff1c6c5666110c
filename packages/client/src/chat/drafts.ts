/**
 * What was begun and not sent, the same on all devices of the user. Shown at once, kept on the device and saved after a
 * pause; while there is something to save, what other devices say does not replace it.
 */
import { WritableStore, type Store } from '../store.ts';
import type { ChatContext } from './chat-context.ts';
import { Coalesced } from './coalesced.ts';
import type { Draft } from './publications.ts';
import type { CachedDraft } from './cache/chat-cache.ts';

const saveMs = 1_000;
const retryMs = 5_000;

interface Place {
  readonly store: WritableStore<string>;
  draft: CachedDraft;
  /** Of another device, or our own coming back, while there was something to save. */
  heard?: Draft | undefined;
  readonly save: Coalesced;
  isSaving: boolean;
}

export class Drafts {
  readonly #context: ChatContext;
  readonly #places = new Map<string, Place>();
  readonly #onChange: (room: string) => void;

  /** @param onChange the draft of a room, outside of threads, became another one. */
  constructor(context: ChatContext, onChange: (room: string) => void) {
    this.#context = context;
    this.#onChange = onChange;
  }

  in(room: string, threadSeq?: number): Store<string> {
    return this.#place(room, threadSeq).store;
  }

  /** For the line of the room. */
  of(room: string): Draft | undefined {
    const draft = this.#places.get(keyOf(room, undefined))?.draft;
    return draft && draft.text !== '' ? draft : undefined;
  }

  set(room: string, threadSeq: number | undefined, text: string): void {
    const place = this.#place(room, threadSeq);
    if (text === place.store.get()) return;
    const { refused: _, ...draft } = place.draft;
    // Behind what is there on any clock.
    this.#show(place, { ...draft, text, updatedAt: draft.updatedAt + 1, unsaved: true });
    if (text === '') place.save.now();
    else place.save.want();
  }

  /** Saves now what waits for a pause. */
  flush(room: string, threadSeq?: number): void {
    this.#places.get(keyOf(room, threadSeq))?.save.flush();
  }

  flushAll(): void {
    for (const { save } of this.#places.values()) save.flush();
  }

  recall(drafts: readonly CachedDraft[]): void {
    for (const draft of drafts) {
      const place = this.#place(draft.room, draft.threadSeq);
      if (place.draft.updatedAt === 0) this.#show(place, draft);
      // The connection may have been faster than this device.
      if (place.draft.unsaved) place.save.want();
    }
  }

  /** All that the server has. @param isAll false: there are more. */
  synced(drafts: readonly Draft[], isAll: boolean): void {
    const there = new Set(drafts.map(({ room, threadSeq }) => keyOf(room, threadSeq)));
    for (const draft of drafts) this.heard(draft);
    for (const [key, place] of this.#places) {
      const { unsaved, refused, text } = place.draft;
      const isKept = !isAll || there.has(key) || unsaved || refused || text === '';
      if (!isKept) this.#show(place, { ...place.draft, text: '' });
    }
  }

  /** The user is no longer in the room: nothing of it is left on the server either. */
  gone(room: string): void {
    for (const place of this.#places.values()) {
      if (place.draft.room !== room) continue;
      place.save.cancel();
      const { unsaved: _, refused: __, ...draft } = place.draft;
      this.#show(place, { ...draft, text: '' });
    }
  }

  /** What could not be saved without a connection. */
  online(): void {
    for (const { draft, save } of this.#places.values()) if (draft.unsaved) save.want();
  }

  heard(draft: Draft): void {
    const place = this.#place(draft.room, draft.threadSeq);
    if (place.draft.unsaved || place.isSaving) {
      if (draft.updatedAt >= (place.heard?.updatedAt ?? 0)) place.heard = draft;
    } else if (draft.updatedAt >= place.draft.updatedAt) this.#show(place, draft);
  }

  #show(place: Place, draft: CachedDraft): void {
    place.draft = draft;
    place.store.set(draft.text);
    if (draft.threadSeq === undefined) this.#onChange(draft.room);
    this.#context.remember((cache) => cache.putDraft(draft));
  }

  #place(room: string, threadSeq: number | undefined): Place {
    const key = keyOf(room, threadSeq);
    let place = this.#places.get(key);
    if (!place) {
      const draft = { room, ...(threadSeq !== undefined && { threadSeq }), text: '', updatedAt: 0 };
      const save = new Coalesced(this.#context.clock, saveMs, () => void this.#save(key));
      this.#places.set(key, (place = { store: new WritableStore(''), draft, save, isSaving: false }));
    }
    return place;
  }

  async #save(key: string): Promise<void> {
    const place = this.#places.get(key);
    if (!place?.draft.unsaved || place.isSaving) return;
    const { unsaved: _, updatedAt: __, ...input } = place.draft;
    place.isSaving = true;
    try {
      const { draft } = await this.#context.call('setDraft', input);
      const { heard } = place;
      place.heard = undefined;
      // Whoever wrote last on the server.
      if (place.draft.text !== input.text) place.save.want();
      else this.#show(place, heard && heard.updatedAt > draft.updatedAt ? heard : draft);
    } catch (error) {
      // Without a connection, `online` comes back to it.
      if (this.#context.connection.state.get().status !== 'online') return;
      if ((error as { isTemporary?: boolean }).isTemporary) {
        this.#context.clock.setTimeout(() => place.save.want(), retryMs);
      } else if (place.draft.text !== input.text) place.save.want();
      else this.#show(place, { ...input, updatedAt: place.draft.updatedAt, refused: true });
    } finally {
      place.isSaving = false;
    }
  }
}

function keyOf(room: string, threadSeq: number | undefined): string {
  return `${room}:${threadSeq ?? ''}`;
}
