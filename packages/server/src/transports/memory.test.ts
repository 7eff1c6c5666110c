import { describe, expect, test } from 'vitest';
import { closeCodes, formats } from '@tidings/protocol';
import { settle } from '../lib/clock.ts';
import { ScriptedApplication } from '../testing/scripted-application.ts';
import { dialMemory, firstFrame } from '../testing/transport-clients.ts';
import { testTransport } from '../testing/transport-suite.ts';
import { MemoryTransport } from './memory.ts';

const reason = 'frames in process are neither limited nor checked';
const limitTest = 'a frame above the limit is refused and reaches nobody';
const connectTests = [
  'a connect request as large as the limit arrives, a larger one does not',
  'a connect request that is no JSON object is refused',
];

for (const [name, format] of Object.entries(formats)) {
  const uniTests = format.codec === 'json' ? connectTests : connectTests.slice(0, 1);
  testTransport(
    `memory ${name}`,
    {
      start: async (accept) => ({
        // In process a unidirectional client sends its connect request as a command too.
        dial: async (connect) => dialMemory(accept, format, firstFrame({ ...format, unidirectional: false }, connect)),
        dialRaw: async (first) => dialMemory(accept, format, first),
        stop: async () => {},
      }),
    },
    {
      expected: { transport: 'memory', format },
      skip: [{ reason, tests: format.unidirectional ? uniTests : [limitTest] }],
    },
  );
}

describe('memory client', () => {
  function connect(options = {}) {
    const application = new ScriptedApplication();
    const client = new MemoryTransport({ accept: application.accept }).connect(options);
    const connection = application.connections[0];
    if (!connection) throw new Error('no connection');
    return { application, client, connection };
  }

  test('takes replies by id and pushes by channel, whatever came between', async () => {
    const { client, connection } = connect();
    const first = client.request({ rpc: { method: 'a' } });
    const second = client.request({ rpc: { method: 'b' } });
    connection.push({ channel: 'x', message: {} }, { channel: 'y', message: {} });
    connection.reply({ id: 2, rpc: {} }, { id: 1, rpc: {} });
    expect((await second).id).toBe(2);
    expect((await first).id).toBe(1);
    expect((await client.nextPush(({ channel }) => channel === 'y')).channel).toBe('y');
    expect(client.inbox).toEqual([{ push: { channel: 'x', message: {} } }]);
  });

  test('a unidirectional request takes the connect push', async () => {
    const { client, connection } = connect({ format: formats.uniHttpStreamProtobuf });
    const request = client.request({ connect: {} });
    connection.push({ channel: 'x', message: {} }, { connect: { client: 'c' } });
    expect((await request).push?.connect?.client).toBe('c');
    expect(client.inbox).toHaveLength(1);
  });

  test('iterations end when the connection ends', async () => {
    const { client, connection } = connect({ format: formats.uniSse });
    connection.push({ channel: 'x', message: {} }, { channel: 'y', message: {} });
    connection.close(closeCodes.shutdown);
    const channels: unknown[] = [];
    for await (const push of client.pushes) channels.push(push.channel);
    for await (const reply of client.replies) channels.push(reply);
    expect(channels).toEqual(['x', 'y']);
    expect(client.closeReason).toEqual(closeCodes.shutdown);
    await expect(client.next()).rejects.toThrow('3001');
  });

  test('answers pings exactly when the server asked for it', async () => {
    for (const [options, pong, answers] of [
      [{}, true, 1],
      [{}, false, 0],
      [{ autoPong: false }, true, 0],
      [{ format: formats.websocketProtobuf }, true, 1],
    ] as const) {
      const { client, connection, application } = connect(options);
      connection.reply({ id: 1, connect: { ping: 25, ...(pong && { pong }) } }, {});
      expect(client.pings).toBe(1);
      await settle();
      expect(connection.frames.items).toHaveLength(answers);
      expect(application.violations).toEqual([]);
    }
  });

  test('what is held is lost when the connection ends', async () => {
    const { client, connection } = connect();
    client.hold();
    connection.push({ channel: 'x', message: {} });
    expect(connection.socket.bufferedBytes).toBeGreaterThan(0);
    client.close();
    client.release();
    expect(connection.socket.bufferedBytes).toBe(0);
    expect(client.inbox).toEqual([]);
    client.sendFrame('after the end');
    expect(connection.frames.items).toEqual([]);
  });

  test('nothing waits for a reader that reads', () => {
    const { client, connection } = connect();
    client.hold();
    client.release();
    connection.push({ channel: 'x', message: {} });
    expect(connection.socket.bufferedBytes).toBe(0);
    expect(client.inbox).toHaveLength(1);
  });
});
