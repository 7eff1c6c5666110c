/**
 * The law of `Socket` and `SocketEvents` as tests: every transport runs the same. Behind the transport stands a scripted
 * application, so that nothing of the engine is needed.
 */
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { closeCodes, type CloseReason, type ConnectRequest, type Push, type Reply } from '@tidings/protocol';
import { FakeClock, settle } from '../lib/clock.ts';
import type { Inbox } from '../transports/inbox.ts';
import type { Accept, Handshake } from '../transports/transport.ts';
import { eventually, SkippableTests, type SuiteOptions } from './conformance.ts';
import { ScriptedApplication, scriptedEpoch, type ScriptedConnection } from './scripted-application.ts';

export interface TransportFactory {
  /** Serves sockets on `accept` until `stop`. */
  start(
    accept: Accept,
    options: { readonly maxMessageBytes: number; readonly clock: FakeClock },
  ): Promise<TransportServer>;
}

export interface TransportServer {
  /** Connects a client that sends a connect request at once. Rejects with `RefusedError`. */
  dial(connect: ConnectRequest): Promise<TransportClient>;
  /** Connects a client whose first frame is this. */
  dialRaw(first: string | Uint8Array): Promise<TransportClient>;
  /** Sends half of a first frame and vanishes; absent where there is no network. */
  abort?(): Promise<void>;
  stop(): Promise<void>;
}

/** A client, the same for every transport. */
export interface TransportClient {
  /** Resolves when the answer to the connect request arrived; it is not in `received`. */
  readonly connected: Promise<void>;
  /** What arrived; pushes of unidirectional transports as `{push}`. */
  readonly received: Inbox<Reply>;
  /** Resolves when the connection ended. */
  readonly closed: Promise<CloseReason>;
  /** Sends a frame of commands. Rejects with `RefusedError`. */
  send(frame: string | Uint8Array): Promise<void>;
  /** Sends for another session; only with emulation. */
  sendAs?(session: string, frame: string | Uint8Array): Promise<void>;
  /** Stops reading from the network. */
  pause(): void;
  resume(): void;
  /** Vanishes. */
  close(): void;
}

/** An HTTP status instead of what was asked for. */
export class RefusedError extends Error {
  readonly status: number;

  constructor(status: number, body: string) {
    super(`refused with ${status}: ${body}`);
    this.name = 'RefusedError';
    this.status = status;
  }
}

export interface TransportSuiteOptions extends SuiteOptions {
  /** What the handshake must say. */
  readonly expected: Pick<Handshake, 'transport' | 'format'>;
}

/** The one channel of all tests. */
export const suiteChannel = 'news';
/** A client of a resumable transport starts here. */
export const suitePosition = { epoch: scriptedEpoch, offset: 0 };

const maxMessageBytes = 16_384;
const tooLargeCodes = [413, 1009];

export function testTransport(name: string, factory: TransportFactory, options: TransportSuiteOptions): void {
  const { format, transport } = options.expected;
  const tests = new SkippableTests(options);

  describe(`transport ${name}`, () => {
    let application: ScriptedApplication;
    let clock: FakeClock;
    let server: TransportServer;
    let clients: TransportClient[];

    beforeEach(async () => {
      application = new ScriptedApplication();
      clock = new FakeClock();
      clients = [];
      server = await factory.start(application.accept, { maxMessageBytes, clock });
    });
    afterEach(async () => {
      for (const client of clients) client.close();
      await server.stop();
      expect(application.violations).toEqual([]);
    });

    async function dial(connect: ConnectRequest = {}): Promise<TransportClient> {
      const client = await server.dial(connect);
      clients.push(client);
      return client;
    }

    async function open(): Promise<{ client: TransportClient; connection: ScriptedConnection }> {
      const client = await dial();
      const connection = await application.arrival();
      await connection.connect();
      await client.connected;
      return { client, connection };
    }

    async function expectOffsets(client: TransportClient, from: number, to: number): Promise<void> {
      const offsets: unknown[] = [];
      for (let i = from; i <= to; i++) offsets.push((await client.received.next()).push?.pub?.offset);
      expect(offsets).toEqual(Array.from({ length: to - from + 1 }, (_, i) => from + i));
    }

    tests.test('the handshake names transport, format and address', async () => {
      const { connection } = await open();
      expect(connection.socket.handshake).toEqual({ transport, format, address: '127.0.0.1', headers: undefined });
    });

    tests.test('the connect request arrives with its payload', async () => {
      await dial({ token: 'a token', data: json({ big: 12_345, text: 'ünï\ncode' }) });
      const connection = await application.arrival();
      const connect = await connection.connect();
      expect(connect.token).toBe('a token');
      expect(JSON.parse(text(connect.data))).toEqual({ big: 12_345, text: 'ünï\ncode' });
    });

    tests.test('batches arrive in order', async () => {
      const { client, connection } = await open();
      for (let i = 1; i <= 100; i++) {
        connection.push(publication(i));
        if (i % 10 === 0) await settle();
      }
      await expectOffsets(client, 1, 100);
    });

    tests.test('the messages of one batch arrive in order', async () => {
      const { client, connection } = await open();
      connection.push(...Array.from({ length: 1_000 }, (_, i) => publication(i + 1)));
      await expectOffsets(client, 1, 1_000);
    });

    tests.test('a message of a megabyte arrives whole', async () => {
      const { client, connection } = await open();
      const long = 'x'.repeat(1024 * 1024);
      connection.push(publication(1, long));
      const reply = await client.received.next();
      expect(JSON.parse(text(reply.push?.pub?.data))).toBe(long);
    });

    if (format.codec === 'protobuf') {
      tests.test('payloads may be any bytes', async () => {
        const { client, connection } = await open();
        const data = Uint8Array.from({ length: 256 }, (_, i) => i);
        connection.push({ channel: suiteChannel, pub: { data, offset: 1 } });
        const reply = await client.received.next();
        expect([...(reply.push?.pub?.data ?? [])]).toEqual([...data]);
      });
    }

    tests.test('connections are apart', async () => {
      const a = await open();
      const b = await open();
      b.connection.push(publication(2));
      a.connection.push(publication(1));
      await expectOffsets(a.client, 1, 1);
      await expectOffsets(b.client, 2, 2);
      expect(a.client.received.items.length + b.client.received.items.length).toBe(0);
    });

    tests.test('code and reason of a close arrive, and the close is reported once', async () => {
      const { client, connection } = await open();
      connection.close(closeCodes.permissionDenied);
      connection.close(closeCodes.shutdown);
      expect(await client.closed).toEqual(closeCodes.permissionDenied);
      await eventually(() => expect(connection.closedCodes).toEqual([closeCodes.permissionDenied.code]));
    });

    tests.test('a close from inside accept arrives', async () => {
      application.refuseWith = closeCodes.connectionLimit;
      const client = await dial().catch((error: unknown) => {
        throw new Error('dial must not fail', { cause: error });
      });
      expect(await client.closed).toEqual(closeCodes.connectionLimit);
      const connection = await application.arrival();
      await eventually(() => expect(connection.closedCodes).toEqual([closeCodes.connectionLimit.code]));
      expect(connection.frames.items).toEqual([]);
    });

    tests.test('what was written before a close arrives before it', async () => {
      const { client, connection } = await open();
      for (let i = 1; i <= 50; i++) connection.push(publication(i, 'x'.repeat(10_000)));
      connection.close(closeCodes.forceReconnect);
      await expectOffsets(client, 1, 50);
      expect(await client.closed).toEqual(closeCodes.forceReconnect);
    });

    tests.test('nothing is written after a close', async () => {
      const { client, connection } = await open();
      connection.close(closeCodes.forceNoReconnect);
      connection.push(publication(1));
      await client.closed;
      connection.push(publication(2));
      await eventually(() => expect(connection.closedCodes).toHaveLength(1));
      connection.push(publication(3));
      expect(client.received.items).toEqual([]);
      expect(connection.socket.bufferedBytes).toBe(0);
    });

    tests.test('a peer that leaves is reported once, and may be written to', async () => {
      const { client, connection } = await open();
      client.close();
      for (let i = 1; i <= 5; i++) connection.push(publication(i));
      await eventually(() => expect(connection.closedCodes).toHaveLength(1));
      connection.push(publication(6));
      connection.close(closeCodes.shutdown);
      await settle();
      expect(connection.closedCodes).toHaveLength(1);
    });

    tests.test('a slow reader shows in bufferedBytes, and misses nothing', async () => {
      const { client, connection } = await open();
      client.pause();
      const count = await fill(connection);
      client.resume();
      await expectOffsets(client, 1, count);
      await eventually(() => expect(connection.socket.bufferedBytes).toBe(0));
    });

    tests.test('a peer that does not read is cut off a while after a close', async () => {
      const { client, connection } = await open();
      client.pause();
      await fill(connection);
      connection.close(closeCodes.slow);
      await clock.advance(60_000);
      await eventually(() => expect(connection.closedCodes).toHaveLength(1));
    });

    tests.test('a request cut off in the middle harms nobody', async () => {
      await server.abort?.();
      const others = [...application.connections];
      for (let i = 0; i < others.length; i++) await application.arrival();
      await open();
      await eventually(() => expect(others.map(({ closedCodes }) => closedCodes.length)).toEqual(others.map(() => 1)));
      expect(others.flatMap(({ frames }) => frames.items)).toEqual([]);
    });

    if (format.unidirectional) {
      tests.test('a connect request as large as the limit arrives, a larger one does not', async () => {
        await dial({ token: 'x'.repeat(maxMessageBytes - 1_000) });
        const connection = await application.arrival();
        expect((await connection.connect()).token).toHaveLength(maxMessageBytes - 1_000);
        const code = await dial({ token: 'x'.repeat(maxMessageBytes * 4) }).then(
          async ({ closed }) => (await closed).code,
          (error: RefusedError) => error.status,
        );
        expect(tooLargeCodes).toContain(code);
        expect(application.connections.flatMap(({ frames }) => frames.items)).toEqual([]);
      });

      if (format.codec === 'json') {
        tests.test('a connect request that is no JSON object is refused', async () => {
          for (const garbage of ['{"token":', '[]', '"text"', '{}},{"rpc":{}']) {
            const code = await server.dialRaw(garbage).then(
              async (client) => {
                clients.push(client);
                return (await client.closed).code;
              },
              (error: RefusedError) => error.status,
            );
            expect([400, closeCodes.badRequest.code]).toContain(code);
          }
          expect(application.connections.flatMap(({ frames }) => frames.items)).toEqual([]);
        });
      }
    } else {
      tests.test('commands arrive in order', async () => {
        const { client, connection } = await open();
        for (let id = 2; id <= 50; id++) await client.send(connection.codec.encodeCommands([{ id, ping: {} }]));
        const ids: unknown[] = [];
        for (let id = 2; id <= 50; id++) ids.push((await connection.commands())[0]?.id);
        expect(ids).toEqual(Array.from({ length: 49 }, (_, i) => i + 2));
      });

      tests.test('many commands in one frame arrive as one frame', async () => {
        const { client, connection } = await open();
        await client.send(connection.codec.encodeCommands([{ id: 2, ping: {} }, {}, { id: 3, rpc: { method: 'm' } }]));
        expect((await connection.commands()).map(({ id }) => id ?? 0)).toEqual([2, 0, 3]);
      });

      tests.test('a frame as large as the limit arrives', async () => {
        const { client, connection } = await open();
        const frame = frameOfSize(connection, maxMessageBytes);
        await client.send(frame);
        const [command] = await connection.commands();
        expect(command?.rpc?.method).toBe('m');
        expect(frame.length).toBeGreaterThan(maxMessageBytes - 8);
      });

      tests.test('a frame above the limit is refused and reaches nobody', async () => {
        const { client, connection } = await open();
        const code = await client.send(frameOfSize(connection, maxMessageBytes * 3)).then(
          async () => (await client.closed).code,
          (error: RefusedError) => error.status,
        );
        expect(tooLargeCodes).toContain(code);
        expect(connection.frames.items).toEqual([]);
      });

      tests.test('garbage reaches the connection as it is', async () => {
        const { client, connection } = await open();
        await client.send(format.codec === 'json' ? '{"id":' : Uint8Array.of(0xff, 0xff, 0xff));
        await expect(connection.commands()).rejects.toThrow();
        connection.close(closeCodes.badRequest);
        expect(await client.closed).toEqual(closeCodes.badRequest);
      });

      tests.test('a garbage first frame reaches the connection as it is', async () => {
        const client = await server.dialRaw(format.codec === 'json' ? 'garbage' : Uint8Array.of(0xff));
        clients.push(client);
        const connection = await application.arrival();
        await expect(connection.commands()).rejects.toThrow();
        connection.close(closeCodes.badRequest);
        expect(await client.closed).toEqual(closeCodes.badRequest);
      });
    }

    if (transport === 'http_stream' || transport === 'sse') {
      tests.test('commands for an unknown session are refused', async () => {
        const { client, connection } = await open();
        const frame = connection.codec.encodeCommands([{ id: 2, ping: {} }]);
        await expect(client.sendAs?.('unknown', frame)).rejects.toMatchObject({ status: 404 });
        expect(connection.frames.items).toEqual([]);
      });

      tests.test('a session ends with its connection', async () => {
        const { client, connection } = await open();
        const other = await open();
        const { session } = connection.socket;
        expect(session).toMatch(/^[\w-]{32,}$/);
        expect(other.connection.socket.session).not.toBe(session);
        client.close();
        await eventually(() => expect(connection.closedCodes).toHaveLength(1));
        const frame = connection.codec.encodeCommands([{ id: 2, ping: {} }]);
        await expect(other.client.sendAs?.(session ?? '', frame)).rejects.toMatchObject({ status: 404 });
      });
    } else {
      test('no session is announced', async () => {
        const { connection } = await open();
        expect(connection.socket.session).toBeUndefined();
      });
    }

    tests.check();
  });
}

/** Writes until bytes stay with us; returns how many publications that took. */
async function fill(connection: ScriptedConnection): Promise<number> {
  // Random: compression must not make it small.
  const chunk = randomBytes(192 * 1024).toString('base64');
  let count = 0;
  let before = 0;
  do {
    before = connection.socket.bufferedBytes;
    connection.push(publication(++count, chunk));
    await settle();
    if (count > 1_000) throw new Error('250 MB were written, and nobody reads');
  } while (before === 0 || connection.socket.bufferedBytes <= before);
  return count;
}

/** The largest frame of one command that is not larger than this. */
function frameOfSize(connection: ScriptedConnection, bytes: number): Uint8Array {
  const encode = (payload: number) =>
    connection.codec.encodeCommands([{ id: 2, rpc: { method: 'm', data: json('x'.repeat(payload)) } }]);
  let payload = bytes;
  for (;;) {
    const frame = encode(payload);
    if (frame.length <= bytes) return frame;
    payload -= frame.length - bytes;
  }
}

function publication(offset: number, value: unknown = { n: offset }): Push {
  return { channel: suiteChannel, pub: { data: json(value), offset } };
}

function json(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

function text(payload: Uint8Array | undefined): string {
  return new TextDecoder().decode(payload);
}
