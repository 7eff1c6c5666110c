/** The law of `AttachmentStorage`. */
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  AttachmentMissingError,
  type AttachmentStorage,
  type ReceivedFile,
} from '../attachments/attachment-storage.ts';

export interface StorageUnderTest {
  readonly storage: AttachmentStorage;
  remove(): Promise<void>;
}

/** @param make a storage for files that are received in `folder`. */
export function testAttachmentStorage(name: string, make: (folder: string) => Promise<StorageUnderTest>): void {
  describe(name, () => {
    const key = 'ab/0000-ab';

    async function within(work: (storage: AttachmentStorage, receive: Receive) => Promise<void>): Promise<void> {
      const folder = await mkdtemp(join(tmpdir(), 'tidings-storage-'));
      const { storage, remove } = await make(folder);
      try {
        await work(storage, async (content) => {
          const path = join(folder, 'received');
          await writeFile(path, content);
          const sha256 = createHash('sha256').update(content).digest('hex');
          return { path, bytes: content.length, sha256 };
        });
      } finally {
        storage.stop();
        await remove();
        await rm(folder, { recursive: true, force: true });
      }
    }

    test('gives back what was put, whole and in parts', () =>
      within(async (storage, receive) => {
        const content = Buffer.from(Array.from({ length: 300_000 }, (_, n) => n % 251));
        await storage.put(key, await receive(content));
        expect(await readAll(storage, 0, content.length - 1)).toEqual(content);
        expect(await readAll(storage, 5, 9)).toEqual(content.subarray(5, 10));
        expect(await readAll(storage, content.length - 1, content.length - 1)).toEqual(content.subarray(-1));
      }));

    test('putting the same again changes nothing', () =>
      within(async (storage, receive) => {
        const file = await receive(Buffer.from('hello'));
        await storage.put(key, file);
        await storage.put(key, file);
        expect((await readAll(storage, 0, 4)).toString()).toBe('hello');
      }));

    test('what is not there is said so, and may be deleted', () =>
      within(async (storage, receive) => {
        await expect(storage.read(key, { first: 0, last: 0 })).rejects.toThrow(AttachmentMissingError);
        await storage.delete(key);
        await storage.put(key, await receive(Buffer.from('hello')));
        await storage.delete(key);
        await storage.delete(key);
        await expect(storage.read(key, { first: 0, last: 0 })).rejects.toThrow(AttachmentMissingError);
      }));

    test('a key that could lead elsewhere is refused', () =>
      within(async (storage, receive) => {
        const file = await receive(Buffer.from('hello'));
        for (const bad of ['../x', '/x', 'a//b', '', 'a/..', 'A', 'a\\b', 'a?b']) {
          await expect(storage.put(bad, file), bad).rejects.toThrow('a key of a storage');
          await expect(storage.read(bad, { first: 0, last: 0 }), bad).rejects.toThrow('a key of a storage');
          await expect(storage.delete(bad), bad).rejects.toThrow('a key of a storage');
        }
      }));

    async function readAll(storage: AttachmentStorage, first: number, last: number): Promise<Buffer> {
      const chunks: Buffer[] = [];
      for await (const chunk of await storage.read(key, { first, last })) chunks.push(chunk as Buffer);
      return Buffer.concat(chunks);
    }
  });
}

type Receive = (content: Buffer) => Promise<ReceivedFile>;
