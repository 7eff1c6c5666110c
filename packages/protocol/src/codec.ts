/**
 * A codec turns messages into bytes and back. It knows nothing of sockets or frames: `frames.ts` joins and wraps
 * what a codec made. There are two, `codec-json.ts` and `codec-protobuf.ts`, and one conformance suite for both.
 *
 * Law:
 * - Any bytes in → a value, or `DecodeError`. Never another exception, never unbounded time or memory.
 * - `decodeX(encodeX(value))` equals `value`, up to fields that are zero.
 * - An encoded message carries no delimiter: framing adds it.
 */
import type { Command, EmulationRequest, Push, Reply } from './messages.ts';

export type CodecName = 'json' | 'protobuf';

export interface Codec {
  readonly name: CodecName;
  /** Encodes one reply for a bidirectional connection. */
  encodeReply(reply: Reply): Uint8Array;
  /** Encodes one bare push for a unidirectional connection. */
  encodePush(push: Push): Uint8Array;
  /**
   * Decodes a frame of one or more commands.
   * @param maxCommands more commands than this in one frame is a `DecodeError`.
   * @throws DecodeError on an empty frame, malformed bytes, wrong types, or a number out of range.
   */
  decodeCommands(frame: Uint8Array | string, maxCommands?: number): Command[];
  /** Encodes commands as one frame; what a client does. */
  encodeCommands(commands: readonly Command[]): Uint8Array;
  /** Decodes a frame of one or more replies; what a client does. */
  decodeReplies(frame: Uint8Array | string): Reply[];
  /** Decodes one or more bare pushes of a unidirectional connection; what a client does. */
  decodePushes(frame: Uint8Array | string): Push[];
  /** @throws DecodeError */
  decodeEmulation(body: Uint8Array | string): EmulationRequest;
  encodeEmulation(request: EmulationRequest): Uint8Array;
}
