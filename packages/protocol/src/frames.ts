/**
 * Framing: how encoded messages become the bytes of a transport.
 *
 * A *format* names the codec, the framing and the direction of a connection. All connections of one format receive
 * identical bytes for identical messages, so the hub encodes once per format and frames once per batch.
 */
import type { CodecName } from './codec.ts';

export type Framing =
  /** A WebSocket text frame, messages joined by `\n`. */
  | 'websocket-text'
  /** A WebSocket binary frame, each message preceded by its length as uvarint. */
  | 'websocket-binary'
  /** HTTP stream of JSON: each message followed by `\n`. */
  | 'lines'
  /** HTTP stream of Protobuf: each message preceded by its length as uvarint. */
  | 'delimited'
  /** Server-sent events: `data: <message>\n\n`. */
  | 'sse';

export interface Format {
  /** Small dense integer, for tables indexed by format. */
  readonly index: number;
  readonly codec: CodecName;
  readonly framing: Framing;
  /** Unidirectional: bare pushes instead of replies. */
  readonly unidirectional: boolean;
}

function format(index: number, codec: CodecName, framing: Framing, unidirectional: boolean): Format {
  return { index, codec, framing, unidirectional };
}

export const formats = {
  websocketJson: format(0, 'json', 'websocket-text', false),
  websocketProtobuf: format(1, 'protobuf', 'websocket-binary', false),
  httpStreamJson: format(2, 'json', 'lines', false),
  httpStreamProtobuf: format(3, 'protobuf', 'delimited', false),
  sse: format(4, 'json', 'sse', false),
  uniWebsocketJson: format(5, 'json', 'websocket-text', true),
  uniWebsocketProtobuf: format(6, 'protobuf', 'websocket-binary', true),
  uniHttpStreamJson: format(7, 'json', 'lines', true),
  uniHttpStreamProtobuf: format(8, 'protobuf', 'delimited', true),
  uniSse: format(9, 'json', 'sse', true),
} as const satisfies Record<string, Format>;

export const formatCount = 10;

const newline = 0x0a;
const sseHead = new TextEncoder().encode('data: ');

/**
 * Joins encoded messages into the bytes that go to the transport in one write.
 * @param messages at least one encoded message, all of the framing's codec.
 * @returns the bytes, WebSocket frame header included (server frames are not masked, RFC 6455 §5.1).
 */
export function frame(framing: Framing, messages: readonly Uint8Array[]): Uint8Array {
  switch (framing) {
    case 'websocket-text':
      return joinLines(messages, websocketOpcodeText, false);
    case 'websocket-binary':
      return joinDelimited(messages, websocketOpcodeBinary);
    case 'lines':
      return joinLines(messages, 0, true);
    case 'delimited':
      return joinDelimited(messages, 0);
    case 'sse':
      return joinEvents(messages);
  }
}

const websocketOpcodeText = 1;
const websocketOpcodeBinary = 2;

/** Bytes of a WebSocket frame header for a payload of this size. */
function websocketHeaderBytes(payloadBytes: number): number {
  return payloadBytes < 126 ? 2 : payloadBytes < 65_536 ? 4 : 10;
}

/**
 * Writes the header of a final, unmasked frame (RFC 6455 §5.2).
 * @param flags `0x40` (RSV1) marks a payload compressed by permessage-deflate.
 * @returns the offset behind the header.
 */
function writeWebsocketHeader(out: Uint8Array, opcode: number, payloadBytes: number, flags = 0): number {
  out[0] = 0x80 | flags | opcode;
  if (payloadBytes < 126) {
    out[1] = payloadBytes;
    return 2;
  }
  const view = new DataView(out.buffer, out.byteOffset);
  if (payloadBytes < 65_536) {
    out[1] = 126;
    view.setUint16(2, payloadBytes);
    return 4;
  }
  out[1] = 127;
  view.setBigUint64(2, BigInt(payloadBytes));
  return 10;
}

/** Wraps a payload that is ready (for example compressed) into one WebSocket frame. */
export function websocketFrame(framing: Framing, payload: Uint8Array, compressed: boolean): Uint8Array {
  const opcode = framing === 'websocket-text' ? websocketOpcodeText : websocketOpcodeBinary;
  const out = new Uint8Array(websocketHeaderBytes(payload.length) + payload.length);
  out.set(payload, writeWebsocketHeader(out, opcode, payload.length, compressed ? 0x40 : 0));
  return out;
}

function joinLines(messages: readonly Uint8Array[], opcode: number, trailing: boolean): Uint8Array {
  let payloadBytes = messages.length - (trailing ? 0 : 1);
  for (const message of messages) payloadBytes += message.length;
  const out = new Uint8Array((opcode ? websocketHeaderBytes(payloadBytes) : 0) + payloadBytes);
  let at = opcode ? writeWebsocketHeader(out, opcode, payloadBytes) : 0;
  for (const message of messages) {
    out.set(message, at);
    at += message.length;
    if (at < out.length) out[at++] = newline;
  }
  return out;
}

function joinDelimited(messages: readonly Uint8Array[], opcode: number): Uint8Array {
  let payloadBytes = 0;
  for (const message of messages) payloadBytes += uvarintBytes(message.length) + message.length;
  const out = new Uint8Array((opcode ? websocketHeaderBytes(payloadBytes) : 0) + payloadBytes);
  let at = opcode ? writeWebsocketHeader(out, opcode, payloadBytes) : 0;
  for (const message of messages) {
    at = writeUvarint(out, at, message.length);
    out.set(message, at);
    at += message.length;
  }
  return out;
}

function joinEvents(messages: readonly Uint8Array[]): Uint8Array {
  let bytes = 0;
  for (const message of messages) bytes += sseHead.length + message.length + 2;
  const out = new Uint8Array(bytes);
  let at = 0;
  for (const message of messages) {
    out.set(sseHead, at);
    at += sseHead.length;
    out.set(message, at);
    at += message.length;
    out[at++] = newline;
    out[at++] = newline;
  }
  return out;
}

/** Bytes that `value` takes as an unsigned LEB128 integer. */
export function uvarintBytes(value: number): number {
  let bytes = 1;
  while (value >= 0x80) {
    value = Math.floor(value / 0x80);
    bytes++;
  }
  return bytes;
}

/** Writes `value` as an unsigned LEB128 integer; returns the offset behind it. */
export function writeUvarint(out: Uint8Array, at: number, value: number): number {
  while (value >= 0x80) {
    out[at++] = (value % 0x80) | 0x80;
    value = Math.floor(value / 0x80);
  }
  out[at++] = value;
  return at;
}
