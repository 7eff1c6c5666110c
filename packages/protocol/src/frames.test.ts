import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatCount, formats, frame, uvarintBytes, websocketFrame, writeUvarint } from './frames.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Reads a server's WebSocket frame by hand (RFC 6455 §5.2). */
function readWebsocketFrame(bytes: Uint8Array) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const short = view.getUint8(1) & 0x7f;
  const headerBytes = short < 126 ? 2 : short === 126 ? 4 : 10;
  const length = short < 126 ? short : short === 126 ? view.getUint16(2) : Number(view.getBigUint64(2));
  expect(bytes.length).toBe(headerBytes + length);
  return {
    final: (view.getUint8(0) & 0x80) !== 0,
    compressed: (view.getUint8(0) & 0x40) !== 0,
    reserved: view.getUint8(0) & 0x30,
    opcode: view.getUint8(0) & 0x0f,
    masked: (view.getUint8(1) & 0x80) !== 0,
    headerBytes,
    payload: bytes.subarray(headerBytes),
  };
}

function readDelimited(bytes: Uint8Array): Uint8Array[] {
  const messages: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    let length = 0;
    let factor = 1;
    for (;;) {
      const byte = bytes[at++] as number;
      length += (byte & 0x7f) * factor;
      factor *= 128;
      if (byte < 0x80) break;
    }
    messages.push(bytes.subarray(at, at + length));
    at += length;
  }
  return messages;
}

const plain = { final: true, compressed: false, reserved: 0, masked: false };

describe('WebSocket frames', () => {
  // The three lengths of a header and their borders.
  test.each([
    [0, 2],
    [1, 2],
    [125, 2],
    [126, 4],
    [127, 4],
    [65_535, 4],
    [65_536, 10],
    [200_000, 10],
  ])('a text of %i bytes has a header of %i', (size, headerBytes) => {
    const message = new Uint8Array(size).fill(0x61);
    const read = readWebsocketFrame(frame('websocket-text', [message]));
    expect(read).toEqual({ ...plain, opcode: 1, headerBytes, payload: message });
  });

  test('text messages are joined by line breaks', () => {
    const read = readWebsocketFrame(
      frame(
        'websocket-text',
        ['{}', '{"id":1}', '{}'].map((text) => encoder.encode(text)),
      ),
    );
    expect(decoder.decode(read.payload)).toBe('{}\n{"id":1}\n{}');
  });

  test('binary messages are preceded by their length; an empty one is a ping', () => {
    expect(frame('websocket-binary', [new Uint8Array(0)])).toEqual(Uint8Array.of(0x82, 1, 0));
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 300, size: 'max' }), { minLength: 1, maxLength: 5 }),
        (messages) => {
          const read = readWebsocketFrame(frame('websocket-binary', messages));
          expect(read).toMatchObject({ ...plain, opcode: 2 });
          expect(readDelimited(read.payload)).toEqual(messages);
        },
      ),
    );
  });

  test('a compressed payload is marked', () => {
    for (const size of [3, 126, 70_000]) {
      const payload = new Uint8Array(size).fill(1);
      expect(readWebsocketFrame(websocketFrame('websocket-text', payload, true))).toMatchObject({
        ...plain,
        compressed: true,
        opcode: 1,
        payload,
      });
      expect(readWebsocketFrame(websocketFrame('websocket-binary', payload, false))).toMatchObject({
        ...plain,
        opcode: 2,
        payload,
      });
    }
  });
});

describe('streams', () => {
  const messages = ['{"id":1}', '{}'].map((text) => encoder.encode(text));

  test('lines end each message', () => {
    expect(decoder.decode(frame('lines', messages))).toBe('{"id":1}\n{}\n');
  });

  test('an event is a data line and a blank line', () => {
    expect(decoder.decode(frame('sse', messages))).toBe('data: {"id":1}\n\ndata: {}\n\n');
  });

  test('delimited messages are read back', () => {
    const long = [new Uint8Array(0), new Uint8Array(127), new Uint8Array(128), new Uint8Array(20_000).fill(9)];
    expect(readDelimited(frame('delimited', long))).toEqual(long);
  });
});

test('uvarint takes as many bytes as it says', () => {
  fc.assert(
    fc.property(fc.nat({ max: Number.MAX_SAFE_INTEGER }), (value) => {
      const out = new Uint8Array(10);
      const end = writeUvarint(out, 0, value);
      expect(end).toBe(uvarintBytes(value));
      let read = 0n;
      for (let i = end - 1; i >= 0; i--) read = (read << 7n) | BigInt((out[i] as number) & 0x7f);
      expect(Number(read)).toBe(value);
      expect(out.subarray(0, end - 1).every((byte) => byte >= 0x80)).toBe(true);
      expect(out[end - 1]).toBeLessThan(0x80);
    }),
  );
});

test('formats have dense indexes', () => {
  const indexes = Object.values(formats).map((format) => format.index);
  expect(indexes.toSorted((a, b) => a - b)).toEqual(Array.from({ length: formatCount }, (_, index) => index));
});
