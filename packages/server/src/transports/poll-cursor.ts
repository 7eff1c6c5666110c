/**
 * The cursor of a long-polling client: how far it has read each channel. It holds everything, the server nothing, so that
 * any node may serve the next poll. A client only hands it back; its form may change with its version.
 */
import { DecodeError } from '@tidings/protocol';

export interface PollPosition {
  /** Empty if the channel keeps no history: nothing can be resumed. */
  readonly epoch: string;
  readonly offset: number;
  /** The server subscribed the client to it; the client did not ask. */
  readonly serverSide: boolean;
}

const version = 1;
const maxIdLength = 255;

/** Base64url of `[1, [[channel, epoch, offset], …]]`; a fourth element 1 marks what the server subscribed to. */
export function encodeCursor(positions: ReadonlyMap<string, PollPosition>): string {
  const entries = [...positions].map(([channel, { epoch, offset, serverSide }]) =>
    serverSide ? [channel, epoch, offset, 1] : [channel, epoch, offset],
  );
  return Buffer.from(JSON.stringify([version, entries])).toString('base64url');
}

/** @throws DecodeError if the text is not a cursor of this version. */
export function decodeCursor(cursor: string): Map<string, PollPosition> {
  const invalid = (why: string) => new DecodeError(`cursor: ${why}; leave it out to start over`);
  if (!/^[A-Za-z0-9_-]+$/.test(cursor)) throw invalid('not base64url');
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(cursor, 'base64url')));
  } catch {
    throw invalid('damaged');
  }
  if (!Array.isArray(value) || value.length !== 2 || !Array.isArray(value[1])) throw invalid('damaged');
  if (value[0] !== version) throw invalid('of an unknown version');
  const positions = new Map<string, PollPosition>();
  for (const entry of value[1] as unknown[]) {
    if (!isEntry(entry)) throw invalid('damaged');
    const [channel, epoch, offset, mark] = entry;
    if (positions.has(channel)) throw invalid('a channel stands in it twice');
    positions.set(channel, { epoch, offset, serverSide: mark === 1 });
  }
  return positions;
}

function isEntry(entry: unknown): entry is [channel: string, epoch: string, offset: number, mark?: 1] {
  if (!Array.isArray(entry) || entry.length < 3 || entry.length > 4) return false;
  const [channel, epoch, offset, mark] = entry as unknown[];
  if (!isId(channel) || channel === '' || !isId(epoch)) return false;
  return Number.isSafeInteger(offset) && (offset as number) >= 0 && (entry.length === 3 || mark === 1);
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && value.length <= maxIdLength;
}
