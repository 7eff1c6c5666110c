import { formats, jsonCodec, protobufCodec } from '@tidings/protocol';
import { describe, expect, test } from 'vitest';
import { settle } from '../lib/clock.ts';
import { createTestEngine, type TestEngine } from '../testing.ts';
import type { MemoryClient } from '../transports/memory.ts';

/** How long the wheel of the heartbeat may be late. */
const tickMs = 250;

async function untilPing(node: TestEngine, client: MemoryClient, maxMs: number): Promise<number> {
  const before = client.pings;
  for (let ms = 0; ms <= maxMs; ms += 50) {
    if (client.pings > before) return ms;
    await node.clock.advance(50);
  }
  throw new Error(`no ping within ${maxMs} ms`);
}

describe('pings', () => {
  test.each([formats.websocketJson, formats.websocketProtobuf])(
    'the first within half to a whole interval, then every interval ($codec)',
    async (format) => {
      await using node = await createTestEngine();
      for (let i = 0; i < 10; i++) {
        const client = await node.connect({ format });
        const first = await untilPing(node, client, 26_000);
        expect(first).toBeGreaterThanOrEqual(12_500);
        expect(first).toBeLessThanOrEqual(25_000 + tickMs + 50);
        const second = await untilPing(node, client, 26_000);
        expect(Math.abs(second - 25_000)).toBeLessThanOrEqual(2 * tickMs);
        client.close();
      }
    },
  );

  test('are spread: clients that come at once are not pinged at once', async () => {
    await using node = await createTestEngine();
    const clients = await Promise.all(Array.from({ length: 100 }, () => node.connect()));
    await node.clock.advance(18_750);
    const pinged = clients.filter(({ pings }) => pings > 0).length;
    // Half of them in the mean; beyond these bounds once in a million runs.
    expect(pinged).toBeGreaterThan(20);
    expect(pinged).toBeLessThan(80);
    await node.clock.advance(6_500);
    expect(clients.every(({ pings }) => pings === 1)).toBe(true);
  });

  test('the interval is told, and may be another', async () => {
    await using node = await createTestEngine({ config: { ping: { interval: '10s', pongTimeout: '3s' } } });
    const client = node.dial();
    expect((await client.request({ connect: {} })).connect).toMatchObject({ ping: 10, pong: true });
    expect(await untilPing(node, client, 11_000)).toBeGreaterThanOrEqual(5_000);
  });

  test('a client that answers stays for ever', async () => {
    await using node = await createTestEngine();
    const client = await node.connect();
    await node.clock.advance(3_600_000);
    expect(client.closeReason).toBeUndefined();
    expect(client.pings).toBeGreaterThan(140);
  });

  test('a pong later than eight seconds closes with 3012', async () => {
    await using node = await createTestEngine();
    const silent = await node.connect({ autoPong: false });
    await untilPing(node, silent, 26_000);
    await node.clock.advance(7_500);
    expect(silent.closeReason).toBeUndefined();
    silent.send({});
    await node.clock.advance(10_000);
    expect(silent.closeReason).toBeUndefined();
    await untilPing(node, silent, 26_000);
    await node.clock.advance(8_000 + 2 * tickMs);
    expect(silent.closeReason).toEqual({ code: 3012, reason: 'no pong' });
  });

  test('other commands are no pong', async () => {
    await using node = await createTestEngine();
    const client = await node.connect({ autoPong: false });
    await untilPing(node, client, 26_000);
    await client.request({ ping: {} });
    await node.clock.advance(9_000);
    expect(client.closeReason?.code).toBe(3012);
  });

  test('a second pong for one ping closes with 3501', async () => {
    await using node = await createTestEngine();
    const client = await node.connect({ autoPong: false });
    await untilPing(node, client, 26_000);
    client.send({});
    await settle();
    expect(client.closeReason).toBeUndefined();
    client.send({});
    await settle();
    expect(client.closeReason?.code).toBe(3501);
  });

  test.each([formats.uniWebsocketJson, formats.uniSse, formats.uniWebsocketProtobuf])(
    'unidirectional clients are pinged and asked for no pong ($codec, $framing)',
    async (format) => {
      await using node = await createTestEngine();
      const client = await node.connect({ format });
      await node.clock.advance(300_000);
      expect(client.closeReason).toBeUndefined();
      expect(client.pings).toBeGreaterThanOrEqual(11);
    },
  );

  test.each([
    [formats.websocketJson, [0x81, 2, 0x7b, 0x7d]],
    [formats.websocketProtobuf, [0x82, 1, 0]],
    [formats.uniHttpStreamJson, [0x7b, 0x7d, 0x0a]],
  ])('are an empty message: $codec, $framing', async (format, expected) => {
    await using node = await createTestEngine();
    const written: Uint8Array[] = [];
    const connection = node.engine.accept({
      handshake: { transport: 'websocket', format, address: '127.0.0.1', headers: undefined },
      bufferedBytes: 0,
      write: (batch) => void written.push(batch.bytes),
      close: () => {},
    });
    const codec = format.codec === 'json' ? jsonCodec : protobufCodec;
    connection.message(codec.encodeCommands([{ id: 1, connect: {} }]));
    await node.clock.advance(26_000);
    expect(written).toHaveLength(2);
    expect([...(written[1] as Uint8Array)]).toEqual(expected);
    connection.closed(1000);
  });

  test('a socket with pings of its own gets none of ours', async () => {
    await using node = await createTestEngine();
    const written: number[] = [];
    const connection = node.engine.accept({
      handshake: { transport: 'websocket', format: formats.websocketJson, address: '127.0.0.1', headers: undefined },
      nativePing: true,
      bufferedBytes: 0,
      write: (batch) => void written.push(batch.length),
      close: () => written.push(-1),
    });
    connection.message('{"id":1,"connect":{}}');
    await node.clock.advance(300_000);
    expect(written).toEqual([1]);
    connection.closed(1000);
  });
});
