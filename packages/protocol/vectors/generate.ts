/**
 * Writes what follows from the rest into the vectors: `protobufHex` from `json`, `delta` from `source` and `target`.
 * Run it after adding a vector: `node --conditions=tidings-source packages/protocol/vectors/generate.ts`. Whether the result is
 * right is decided by `src/vectors.test.ts` with an implementation that is not ours.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createDelta, jsonCodec, protobufCodec } from '../src/index.ts';

const hexByMessage: Record<string, (json: string) => string> = {
  // A frame precedes each command by its length; the vectors have the bare message.
  Command: (json) => hex(withoutLength(protobufCodec.encodeCommands(jsonCodec.decodeCommands(json)))),
  Reply: (json) =>
    jsonCodec
      .decodeReplies(json)
      .map((reply) => hex(protobufCodec.encodeReply(reply)))
      .join(''),
  Push: (json) =>
    jsonCodec
      .decodePushes(json)
      .map((push) => hex(protobufCodec.encodePush(push)))
      .join(''),
};

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

function withoutLength(delimited: Uint8Array): Uint8Array {
  let at = 0;
  while ((delimited[at++] ?? 0) >= 0x80);
  return delimited.subarray(at);
}

function rewrite<T>(file: string, complete: (vector: T) => T): void {
  const url = new URL(file, import.meta.url);
  const vectors = (JSON.parse(readFileSync(url, 'utf8')) as T[]).map(complete);
  writeFileSync(url, `[\n${vectors.map((vector) => `  ${JSON.stringify(vector)}`).join(',\n')}\n]\n`);
}

for (const file of ['commands.json', 'replies.json', 'pushes.json']) {
  rewrite<{ name: string; message: string; json: string; protobufHex: string }>(file, (vector) => ({
    ...vector,
    protobufHex: hexByMessage[vector.message]?.(vector.json) ?? '',
  }));
}

const encoder = new TextEncoder();
rewrite<{ name: string; source: string; target: string; delta: string }>('deltas.json', (vector) => ({
  ...vector,
  delta: new TextDecoder().decode(createDelta(encoder.encode(vector.source), encoder.encode(vector.target))),
}));
