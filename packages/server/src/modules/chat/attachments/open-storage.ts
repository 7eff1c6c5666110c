/** Where attachments lie: the storage that the configuration names, and the folder of files on their way to it. */
import { join } from 'node:path';
import type { ChatConfig } from '../../../config/chat-schema.ts';
import type { Clock } from '../../../lib/clock.ts';
import type { AttachmentStorage } from './attachment-storage.ts';
import { DiskStorage } from './disk-storage.ts';
import { S3Storage } from './s3-storage.ts';

/** End of the names of files that an import receives, in a process of its own. */
export const importSuffix = '.import';

export interface AttachmentFolders {
  /** Files are received here: on the same file system, so that they can be moved. */
  readonly incoming: string;
  readonly files: string;
}

/** @param dataDir of the configuration. */
export function attachmentFolders(dataDir: string): AttachmentFolders {
  const folder = join(dataDir, 'attachments');
  return { incoming: join(folder, 'incoming'), files: join(folder, 'files') };
}

/** @throws Error for `s3` without a store; checking the configuration says so earlier and better. */
export function openStorage({ storage, s3 }: ChatConfig['uploads'], dataDir: string, clock: Clock): AttachmentStorage {
  if (storage === 'disk') return new DiskStorage(attachmentFolders(dataDir).files);
  if (!s3) throw new Error('chat.uploads.storage is s3, and chat.uploads.s3 is missing');
  return new S3Storage({ ...s3, clock });
}
