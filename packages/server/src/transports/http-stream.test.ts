import { request } from 'node:http';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { formats } from '@tidings/protocol';
import { FakeClock } from '../lib/clock.ts';
import { listen, type HttpListener } from '../testing/http-listener.ts';
import { ScriptedApplication } from '../testing/scripted-application.ts';
import { streamFactory } from '../testing/stream-factory.ts';
import { testTransport } from '../testing/transport-suite.ts';
import { httpStreamRoutes, uniHttpStreamRoutes } from './http-stream.ts';
import { SessionRegistry } from './sessions.ts';

const path = '/connection/http_stream';
const uniPath = '/connection/uni_http_stream';

for (const format of [formats.httpStreamJson, formats.httpStreamProtobuf]) {
  const expected = { transport: 'http_stream', format } as const;
  testTransport(`http_stream ${format.codec}`, streamFactory(path, format, httpStreamRoutes), { expected });
}
for (const format of [formats.uniHttpStreamJson, formats.uniHttpStreamProtobuf]) {
  const expected = { transport: 'uni_http_stream', format } as const;
  testTransport(`uni_http_stream ${format.codec}`, streamFactory(uniPath, format, uniHttpStreamRoutes), { expected });
}

describe('http stream', () => {
  let application: ScriptedApplication;
  let listener: HttpListener;

  beforeEach(async () => {
    application = new ScriptedApplication();
    const options = {
      accept: application.accept,
      sessions: new SessionRegistry(),
      limits: { messageSize: 1024 },
      clock: new FakeClock(),
      logger: pino({ enabled: false }),
      forwardHeaders: ['x-tenant'],
    };
    listener = await listen([...httpStreamRoutes(options), ...uniHttpStreamRoutes(options)]);
  });
  afterEach(() => listener.stop());

  test('answers with headers that keep proxies from gathering, and keeps only the headers listed', async () => {
    const stop = new AbortController();
    const response = await fetch(`http://127.0.0.1:${listener.port}${path}`, {
      method: 'POST',
      body: '{"id":1,"connect":{}}',
      headers: { 'X-Tenant': 'acme', Cookie: 'secret=1' },
      signal: stop.signal,
    });
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'cache-control': expect.stringContaining('no-cache'),
      'x-accel-buffering': 'no',
      connection: 'keep-alive',
      'content-type': 'application/json; charset=utf-8',
    });
    const connection = await application.arrival();
    expect(connection.socket.handshake.headers).toEqual({ 'x-tenant': 'acme' });
    stop.abort();
  });

  test('content type decides on the codec, parameters and case do not matter', async () => {
    for (const [type, codec] of [
      ['application/octet-stream', 'protobuf'],
      ['Application/Octet-Stream; x=1', 'protobuf'],
      ['text/plain', 'json'],
    ]) {
      const stop = new AbortController();
      const url = `http://127.0.0.1:${listener.port}${path}`;
      const headers = { 'Content-Type': type ?? '' };
      await fetch(url, { method: 'POST', body: 'x', headers, signal: stop.signal });
      expect((await application.arrival()).socket.handshake.format.codec).toBe(codec);
      stop.abort();
    }
  });

  test('a pretty-printed connect request is one command', async () => {
    const stop = new AbortController();
    const body = JSON.stringify({ token: 'a\nb', data: { a: [1] } }, null, 2);
    await fetch(`http://127.0.0.1:${listener.port}${uniPath}`, { method: 'POST', body, signal: stop.signal });
    const connection = await application.arrival();
    const commands = await connection.commands();
    expect(commands).toHaveLength(1);
    expect(commands[0]?.connect?.token).toBe('a\nb');
    stop.abort();
  });

  test('an empty connect request means one without fields', async () => {
    const stop = new AbortController();
    for (const body of ['', 'null', '{}']) {
      await fetch(`http://127.0.0.1:${listener.port}${uniPath}`, { method: 'POST', body, signal: stop.signal });
      const connection = await application.arrival();
      expect(await connection.commands()).toEqual([{ id: 1, connect: {} }]);
    }
    stop.abort();
  });

  test('a stream ends so that the HTTP connection can be used again', async () => {
    const url = `http://127.0.0.1:${listener.port}${path}`;
    for (let i = 0; i < 3; i++) {
      const response = await fetch(url, { method: 'POST', body: '{}' });
      const connection = await application.arrival();
      connection.close({ code: 3001, reason: 'shutdown' });
      expect(await response.text()).toBe('{"push":{"disconnect":{"code":3001,"reason":"shutdown"}}}\n');
    }
  });

  test('accept that throws ends the exchange', async () => {
    const broken = httpStreamRoutes({
      accept: () => {
        throw new Error('accept failed');
      },
      sessions: new SessionRegistry(),
      limits: { messageSize: 1024 },
      clock: new FakeClock(),
      logger: pino({ enabled: false }),
      forwardHeaders: [],
    });
    const other = await listen(broken);
    const ended = new Promise((resolve) => {
      const sent = request({ host: '127.0.0.1', port: other.port, path, method: 'POST', agent: false }, (response) => {
        response.on('error', () => {});
        response.on('close', () => resolve('closed'));
        response.resume();
      });
      sent.on('error', () => resolve('error'));
      sent.end('{}');
    });
    await ended;
    expect(other.errors).toHaveLength(1);
    await other.stop();
  });
});
