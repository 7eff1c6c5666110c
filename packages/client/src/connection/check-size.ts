/**
 * The largest call that goes out. More would be beyond what the server takes in one frame (`limits.messageSize`), which
 * ends the connection for good. It is far beyond what commands take unless set otherwise, so that the server is who says no.
 */
import { TidingsError } from '../error.ts';

const maxCallBytes = 250_000;
/** Of UTF-8, for one unit of UTF-16. */
const maxBytesPerUnit = 3;
/** The server's code for what is too large. */
const tooLargeCode = 606;

/** @throws TidingsError 606; `invalid` for what is not JSON. */
export function checkSize(data: unknown): void {
  const text = toJson(data);
  // Most are so small that no bytes need to be counted.
  if (maxBytesPerUnit * text.length <= maxCallBytes) return;
  const bytes = new Blob([text]).size;
  if (bytes > maxCallBytes) throw new TidingsError(tooLargeCode, `too large: ${bytes} bytes; at most ${maxCallBytes}`);
}

function toJson(data: unknown): string {
  try {
    return JSON.stringify(data ?? null);
  } catch (error) {
    throw TidingsError.of('invalid', 'what is not JSON cannot be sent', { cause: error });
  }
}
