/** POST of a file with progress: by XMLHttpRequest where there is one, since fetch does not say how far it is. */
import { TidingsError } from '../../error.ts';
import type { UploadOptions } from './upload.ts';

export interface PostAnswer {
  readonly status: number;
  readonly text: string;
}

/** Nothing moves for so long: the network is gone, whatever the socket says. */
const stallMs = 60_000;

/** @throws TidingsError `network`, `timeout`, `aborted`. */
export function postFile(url: string, bytes: Blob, options: UploadOptions): Promise<PostAnswer> {
  if (options.signal?.aborted) return Promise.reject(TidingsError.of('aborted'));
  return typeof XMLHttpRequest === 'undefined' ? postByFetch(url, bytes, options) : postByXhr(url, bytes, options);
}

function postByXhr(url: string, bytes: Blob, { signal, onProgress }: UploadOptions): Promise<PostAnswer> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    let stalled: ReturnType<typeof setTimeout> | undefined;
    const moving = (): void => {
      clearTimeout(stalled);
      stalled = setTimeout(() => {
        reject(TidingsError.of('timeout', 'the upload does not move'));
        request.abort();
      }, stallMs);
    };
    const abort = (): void => request.abort();
    request.upload.onprogress = ({ loaded }) => {
      moving();
      onProgress?.(loaded);
    };
    request.onload = () => resolve({ status: request.status, text: request.responseText });
    request.onerror = () => reject(TidingsError.of('network', 'the upload was cut off'));
    request.onabort = () => reject(TidingsError.of('aborted'));
    request.onloadend = () => {
      clearTimeout(stalled);
      signal?.removeEventListener('abort', abort);
    };
    signal?.addEventListener('abort', abort);
    request.open('POST', url);
    moving();
    request.send(bytes);
  });
}

async function postByFetch(url: string, bytes: Blob, { signal }: UploadOptions): Promise<PostAnswer> {
  try {
    const answer = await fetch(url, { method: 'POST', body: bytes, signal: signal ?? null });
    return { status: answer.status, text: await answer.text() };
  } catch (error) {
    if (signal?.aborted) throw TidingsError.of('aborted');
    throw TidingsError.of('network', 'the upload was cut off', { cause: error });
  }
}
