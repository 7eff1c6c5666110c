import { formats, type CloseReason, type Format } from '@tidings/protocol';
import { describe, expect, test } from 'vitest';
import type { Batch } from '../hub/batch.ts';
import { settle } from '../lib/clock.ts';
import { Metrics } from '../lib/metrics.ts';
import { createTestEngine } from '../testing.ts';
import { open, publications, subscribe, values } from '../testing/engine-fixture.ts';
import type { Handshake, Socket } from '../transports/transport.ts';
import { Flusher, Outbox } from './outbox.ts';

/** A socket that keeps what is written. */
class RecordingSocket implements Socket {
  readonly handshake: Handshake;
  readonly written: Batch[] = [];
  bufferedBytes = 0;
  closedWith: CloseReason | undefined;

  constructor(format: Format) {
    this.handshake = { transport: 'memory', format, address: '127.0.0.1', headers: undefined };
  }
  write(batch: Batch): void {
    this.written.push(batch);
  }
  close(reason: CloseReason): void {
    this.closedWith = reason;
  }
  texts(): string[][] {
    return this.written.map((batch) => batch.messages().map((message) => new TextDecoder().decode(message)));
  }
}

const message = (text: string): Uint8Array => new TextEncoder().encode(text);

function setUp(...list: Format[]) {
  const metrics = new Metrics();
  const flusher = new Flusher(metrics);
  const slow: number[] = [];
  const sockets = list.map((format) => new RecordingSocket(format));
  const outboxes = sockets.map((socket, i) => new Outbox(flusher, socket, 1_000, () => slow.push(i)));
  return { metrics, flusher, sockets, outboxes: outboxes as [Outbox, Outbox, ...Outbox[]], slow };
}

describe('Outbox', () => {
  test('one write a turn, whatever was given in it', async () => {
    const { sockets, outboxes, metrics } = setUp(formats.websocketJson);
    outboxes[0].push(message('a'));
    outboxes[0].push(message('b'));
    expect(sockets[0]?.written).toEqual([]);
    await settle();
    outboxes[0].push(message('c'));
    await settle();
    expect(sockets[0]?.texts()).toEqual([['a', 'b'], ['c']]);
    expect(metrics).toMatchObject({ framesSent: 2, messagesSent: 3 });
  });

  test('those of one format that are given the same share the bytes; other formats do not', async () => {
    const { sockets, outboxes } = setUp(formats.websocketJson, formats.websocketJson, formats.sse);
    for (const text of ['a', 'b']) {
      const shared = message(text);
      for (const outbox of outboxes) outbox.push(shared);
    }
    await settle();
    const [first, second, third] = sockets.map(({ written }) => written[0]);
    expect(first).toBe(second);
    expect(third).not.toBe(first);
    expect(third?.bytes).toEqual(Buffer.from('data: a\n\ndata: b\n\n'));
  });

  test('many are written before the turn ends', async () => {
    const { sockets, outboxes } = setUp(formats.websocketJson);
    for (let i = 0; i < 600; i++) {
      outboxes[0].push(message(`${i}`));
      // As when publishing waits for the broker.
      await Promise.resolve();
    }
    await settle();
    expect((sockets[0]?.written.length ?? 0) > 1).toBe(true);
    expect(sockets[0]?.texts().flat()).toEqual(Array.from({ length: 600 }, (_, i) => `${i}`));
  });

  test('a slow reader is told of once, after everybody was written to', async () => {
    const { sockets, outboxes, slow } = setUp(formats.websocketJson, formats.websocketJson);
    for (const outbox of outboxes) outbox.push(message('a'));
    await settle();
    (sockets[0] as RecordingSocket).bufferedBytes = 1_000;
    for (const outbox of outboxes) outbox.push(message('b'));
    await settle();
    expect(slow).toEqual([]);
    (sockets[0] as RecordingSocket).bufferedBytes = 1_001;
    for (const outbox of outboxes) outbox.push(message('c'));
    await settle();
    expect(slow).toEqual([0]);
    expect(sockets[1]?.texts()).toEqual([['a'], ['b'], ['c']]);
  });

  test('close writes what was gathered first', () => {
    const { sockets, outboxes, metrics } = setUp(formats.websocketJson);
    outboxes[0].push(message('last words'));
    outboxes[0].close(metrics, { code: 3001, reason: 'shutdown' });
    expect(sockets[0]?.texts()).toEqual([['last words']]);
    expect(sockets[0]?.closedWith).toEqual({ code: 3001, reason: 'shutdown' });
  });
});

describe('a slow reader', () => {
  const config = { channels: { room: open }, limits: { bufferedBytesPerConnection: 1_000 } } as const;

  test('is closed with 3008; the others miss nothing', async () => {
    await using node = await createTestEngine({ config });
    const [slow, quick] = [await node.connect(), await node.connect()];
    for (const client of [slow, quick]) await subscribe(client, 'room');
    slow.hold();
    for (let i = 0; i < 20; i++) {
      await node.engine.publish('room', 'x'.repeat(100));
      await settle();
    }
    expect(slow.closeReason).toEqual({ code: 3008, reason: 'slow' });
    expect(await publications(quick)).toHaveLength(20);
    expect((await node.engine.api.channels({})).channels).toEqual({ room: { clients: 1 } });
  });

  test('that catches up in time stays, and has everything', async () => {
    await using node = await createTestEngine({ config });
    const client = await node.connect();
    await subscribe(client, 'room');
    for (let round = 0; round < 5; round++) {
      client.hold();
      for (let i = 0; i < 4; i++) {
        await node.engine.publish('room', `${round}.${i}${'x'.repeat(100)}`);
        await settle();
      }
      client.release();
      expect(values(await publications(client))).toHaveLength(4);
    }
    expect(client.closeReason).toBeUndefined();
  });
});
