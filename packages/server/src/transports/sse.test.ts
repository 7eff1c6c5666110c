import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { formats } from '@tidings/protocol';
import { FakeClock } from '../lib/clock.ts';
import { listen, type HttpListener } from '../testing/http-listener.ts';
import { ScriptedApplication } from '../testing/scripted-application.ts';
import { streamFactory } from '../testing/stream-factory.ts';
import { testTransport } from '../testing/transport-suite.ts';
import { SessionRegistry } from './sessions.ts';
import { sseRoutes, uniSseRoutes } from './sse.ts';

testTransport('sse', streamFactory('/connection/sse', formats.sse, sseRoutes), {
  expected: { transport: 'sse', format: formats.sse },
});
testTransport('uni_sse', streamFactory('/connection/uni_sse', formats.uniSse, uniSseRoutes), {
  expected: { transport: 'uni_sse', format: formats.uniSse },
});

describe('server-sent events', () => {
  let application: ScriptedApplication;
  let listener: HttpListener;
  let url: string;

  beforeEach(async () => {
    application = new ScriptedApplication();
    const options = {
      accept: application.accept,
      sessions: new SessionRegistry(),
      limits: { messageSize: 1024 },
      clock: new FakeClock(),
      logger: pino({ enabled: false }),
      forwardHeaders: [],
    };
    listener = await listen([...sseRoutes(options), ...uniSseRoutes(options)]);
    url = `http://127.0.0.1:${listener.port}/connection`;
  });
  afterEach(() => listener.stop());

  test('the stream starts with an empty line, before any message', async () => {
    const stop = new AbortController();
    const response = await fetch(`${url}/sse?cf_connect=${encodeURIComponent('{"id":1,"connect":{}}')}`, {
      signal: stop.signal,
    });
    expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    expect(response.headers.get('x-accel-buffering')).toBe('no');
    const { value } = (await response.body?.getReader().read()) ?? {};
    expect(new TextDecoder().decode(value)).toBe('\r\n');
    stop.abort();
  });

  test('every message is one event', async () => {
    const response = await fetch(`${url}/uni_sse`);
    const connection = await application.arrival();
    connection.push(
      { message: { data: new TextEncoder().encode('1') } },
      { message: { data: new TextEncoder().encode('2') } },
    );
    connection.close({ code: 3503, reason: 'force disconnect' });
    expect(await response.text()).toBe(
      '\r\ndata: {"message":{"data":1}}\n\ndata: {"message":{"data":2}}\n\n' +
        'data: {"disconnect":{"code":3503,"reason":"force disconnect"}}\n\n',
    );
  });

  test('a request without connect command is refused', async () => {
    expect((await fetch(`${url}/sse`)).status).toBe(400);
    expect((await fetch(`${url}/sse`, { method: 'POST', body: '' })).status).toBe(400);
    expect(application.connections).toHaveLength(0);
  });

  test('without cf_connect a unidirectional request has no fields', async () => {
    const stop = new AbortController();
    await fetch(`${url}/uni_sse?other=1`, { signal: stop.signal });
    expect(await (await application.arrival()).commands()).toEqual([{ id: 1, connect: {} }]);
    stop.abort();
  });
});
