/**
 * Unidirectional transports are opened with a bare ConnectRequest; a connection reads commands. This turns the one into
 * the other without decoding it: payloads stay byte for byte what the client sent.
 */
import { DecodeError, uvarintBytes, writeUvarint, type CodecName } from '@tidings/protocol';

/** Command.id = 1, Command.connect; field numbers 1 and 4 (`client.proto`). */
const protobufHead = Uint8Array.of(0x08, 0x01, 0x22);

/**
 * A frame with the one command `{id: 1, connect: <request>}`.
 * @param request an encoded ConnectRequest; for JSON an empty one and `null` mean a request without fields.
 * @throws DecodeError if a JSON request is not one JSON object. Protobuf is checked by who decodes the frame.
 */
export function connectFrame(codec: CodecName, request: Uint8Array | string): string | Uint8Array {
  return codec === 'protobuf' ? protobufFrame(toBytes(request)) : jsonFrame(toText(request));
}

function jsonFrame(request: string): string {
  if (request.trim() === '') return '{"id":1,"connect":{}}';
  let value: unknown;
  try {
    value = JSON.parse(request);
  } catch {
    throw new DecodeError('the connect request is not valid JSON');
  }
  if (value === null) return '{"id":1,"connect":{}}';
  if (typeof value !== 'object' || Array.isArray(value)) {
    throw new DecodeError('the connect request is not a JSON object');
  }
  // A line break would end the command. In valid JSON it only ever stands between tokens.
  return `{"id":1,"connect":${request.replace(/[\r\n]+/g, ' ')}}`;
}

function protobufFrame(request: Uint8Array): Uint8Array {
  const commandBytes = protobufHead.length + uvarintBytes(request.length) + request.length;
  const out = new Uint8Array(uvarintBytes(commandBytes) + commandBytes);
  let at = writeUvarint(out, 0, commandBytes);
  out.set(protobufHead, at);
  at = writeUvarint(out, at + protobufHead.length, request.length);
  out.set(request, at);
  return out;
}

function toBytes(request: Uint8Array | string): Uint8Array {
  return typeof request === 'string' ? new TextEncoder().encode(request) : request;
}

function toText(request: Uint8Array | string): string {
  if (typeof request === 'string') return request;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(request);
  } catch {
    throw new DecodeError('the connect request is not valid UTF-8');
  }
}
