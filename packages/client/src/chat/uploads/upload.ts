/**
 * One file on its way to the server: `chat.upload` answers where to, then the bytes go there in one plain HTTP request.
 * After a failure it is begun anew; what the server has of the first attempt goes by itself.
 */
import type { Connection } from '../../connection/connection.ts';
import { TidingsError } from '../../error.ts';
import type { ChatOutput } from '../chat.ts';
import type { Attachment } from '../publications.ts';
import { type PostAnswer, postFile } from './post-file.ts';

export interface UploadInput {
  readonly room: string;
  readonly name: string;
  /** What it says it is; the server looks at the bytes. */
  readonly contentType?: string;
  readonly bytes: Blob;
}

export interface UploadOptions {
  readonly signal?: AbortSignal;
  /** Bytes that are on their way so far. Where the runtime does not tell, called once at the end. */
  readonly onProgress?: (sentBytes: number) => void;
}

/**
 * @throws TidingsError of the server: 606 too large, 607 too many, 618 type not allowed, 620 its disk is full …; `network`,
 * `timeout`, `offline` and other temporary ones, after which it can be tried again; `aborted`.
 */
export async function uploadFile(
  connection: Pick<Connection, 'call' | 'httpUrl'>,
  { room, name, contentType, bytes }: UploadInput,
  options: UploadOptions = {},
): Promise<Attachment> {
  const input = { room, name, bytes: bytes.size, ...(contentType && { contentType }) };
  const { url } = await connection.call<ChatOutput<'upload'>>(
    'chat.upload',
    input,
    options.signal ? { signal: options.signal } : {},
  );
  const answer = await postFile(`${connection.httpUrl}${url}`, bytes, options);
  if (answer.status === 200) {
    const { attachment } = JSON.parse(answer.text) as { readonly attachment: Attachment };
    options.onProgress?.(bytes.size);
    return attachment;
  }
  throw failureOf(answer);
}

/** Beside 5xx: nobody waited, the upload expired or is still being received, too many at once. */
const temporaryStatuses: readonly number[] = [404, 408, 409, 429];
const diskFullStatus = 507;

function failureOf({ status, text }: PostAnswer): TidingsError {
  const isTemporary = temporaryStatuses.includes(status) || (status >= 500 && status !== diskFullStatus);
  try {
    const { error } = JSON.parse(text) as { readonly error: { readonly code: number; readonly message: string } };
    if (typeof error.code === 'number') return new TidingsError(error.code, error.message, { isTemporary });
  } catch {
    // Something between us and the server has answered.
  }
  return TidingsError.of('network', `the upload was answered with HTTP ${status}`, { isTemporary });
}
