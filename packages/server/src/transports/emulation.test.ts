import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { protobufCodec } from '@tidings/protocol';
import { listen, type HttpListener } from '../testing/http-listener.ts';
import { emulationRoutes } from './emulation.ts';
import { SessionRegistry } from './sessions.ts';

describe('POST /emulation', () => {
  let sessions: SessionRegistry;
  let session: string;
  let delivered: string[];
  let forwarded: [node: string, session: string, frame: string][];
  let forward: (node: string) => Promise<boolean>;
  let listener: HttpListener;

  beforeEach(async () => {
    delivered = [];
    forwarded = [];
    forward = async () => true;
    sessions = new SessionRegistry();
    session = sessions.newSession();
    sessions.open(session, {
      message: (frame) => void delivered.push(textOf(frame)),
      closed: () => {},
    });
    listener = await listen(
      emulationRoutes({
        nodeId: 'here',
        sessions,
        limits: { messageSize: 1024 },
        forward: (node, to, frame) => {
          forwarded.push([node, to, textOf(frame)]);
          return forward(node);
        },
      }),
    );
  });
  afterEach(() => listener.stop());

  async function post(body: string | Uint8Array<ArrayBuffer>, type = 'application/json'): Promise<number> {
    const url = `http://127.0.0.1:${listener.port}/emulation`;
    const response = await fetch(url, { method: 'POST', body, headers: { 'Content-Type': type } });
    await response.text();
    return response.status;
  }

  test('JSON data is a string that holds lines of commands', async () => {
    const commands = '{"id":2,"rpc":{"data":"ünï \\"code\\""}}\n{"id":3,"ping":{}}';
    expect(await post(JSON.stringify({ session, node: 'here', data: commands }))).toBe(204);
    expect(delivered).toEqual([commands]);
  });

  test('Protobuf data is the commands', async () => {
    const data = protobufCodec.encodeCommands([{ id: 2, ping: {} }]);
    const body = new Uint8Array(protobufCodec.encodeEmulation({ session, node: 'here', data }));
    expect(await post(body, 'application/octet-stream')).toBe(204);
    expect(delivered).toEqual([textOf(data)]);
  });

  test('commands of a session on another node are forwarded, whatever the session', async () => {
    expect(await post(JSON.stringify({ session: 'elsewhere', node: 'there', data: '{"id":2}' }))).toBe(204);
    expect(forwarded).toEqual([['there', 'elsewhere', '{"id":2}']]);
    expect(delivered).toEqual([]);
  });

  test('an unknown node or session is 404', async () => {
    forward = async () => false;
    expect(await post(JSON.stringify({ session, node: 'nowhere', data: '{}' }))).toBe(404);
    expect(await post(JSON.stringify({ session: 'unknown', node: 'here', data: '{}' }))).toBe(404);
    sessions.close(session);
    expect(await post(JSON.stringify({ session, node: 'here', data: '{}' }))).toBe(404);
    expect(delivered).toEqual([]);
  });

  test('a forward that fails is 500 and left to the listener', async () => {
    forward = () => Promise.reject(new Error('broker is away'));
    expect(await post(JSON.stringify({ session, node: 'there', data: '{}' }))).toBe(500);
    expect(listener.errors).toHaveLength(1);
  });

  test('malformed requests are 400 and reach nobody', async () => {
    const bodies = [
      '',
      'garbage',
      '[]',
      '{}',
      JSON.stringify({ session, node: 'here' }),
      JSON.stringify({ session, node: 'here', data: '' }),
      JSON.stringify({ session, data: '{}' }),
      JSON.stringify({ node: 'here', data: '{}' }),
      JSON.stringify({ session: 1, node: 'here', data: '{}' }),
    ];
    for (const body of bodies) expect(`${body} ${await post(body)}`).toBe(`${body} 400`);
    expect(await post(Uint8Array.of(0xff, 0xff), 'application/octet-stream')).toBe(400);
    expect(delivered).toEqual([]);
    expect(listener.errors).toEqual([]);
  });

  test('the limit is on the commands, not on how they are escaped', async () => {
    const commands = '"'.repeat(1024);
    expect(await post(JSON.stringify({ session, node: 'here', data: commands }))).toBe(204);
    expect(await post(JSON.stringify({ session, node: 'here', data: 'x'.repeat(1025) }))).toBe(413);
    expect(await post(JSON.stringify({ session, node: 'here', data: 'x'.repeat(100_000) }))).toBe(413);
    expect(delivered).toEqual([commands]);
  });
});

function textOf(frame: string | Uint8Array): string {
  return typeof frame === 'string' ? frame : new TextDecoder().decode(frame);
}
