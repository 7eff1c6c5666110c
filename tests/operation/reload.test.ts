/** SIGHUP: what is in force changes, and nobody who is connected notices. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { makeToken, Peer, within, type Json } from '../bad-input/peers.ts';
import { openConfig, secrets, Serve } from './serve.ts';

async function stays(peer: Peer): Promise<void> {
  expect(await peer.request({ ping: {} })).toHaveProperty('ping');
}

describe('SIGHUP', () => {
  test('channels, secrets, keys, origins and limits change; connected clients stay', async () => {
    const serve = await Serve.start({ origins: ['https://old.example.com'] });
    const [oldToken, newToken] = [secrets.hmac, 'the-next-secret-of-the-application-x'].map((secret) =>
      makeToken({ sub: '42' }, secret),
    );
    const client = await Peer.dial(serve.websocketUrl);
    expect(await client.request({ connect: { token: oldToken } })).toHaveProperty('connect');
    expect(await client.request({ subscribe: { channel: 'open:a' } })).toHaveProperty('subscribe');
    expect(await client.request({ subscribe: { channel: 'later:a' } })).toHaveProperty('error.code', 102);

    const nextKey = 'next-api-key-of-the-application';
    await serve.configure({
      origins: ['https://new.example.com'],
      auth: { anonymous: true, jwt: { hmacSecret: 'the-next-secret-of-the-application-x' } },
      api: { keys: [nextKey] },
      channels: { ...openConfig.channels, 'later:{name}': { allow: { subscribe: 'anyone' } } },
      limits: { connectionsPerUser: 2 },
    });
    expect(await serve.reload()).toMatchObject({ level: 'info', msg: 'configuration reloaded' });

    await stays(client);
    expect(await client.request({ subscribe: { channel: 'later:a' } })).toHaveProperty('subscribe');

    const withOld = await Peer.dial(serve.websocketUrl);
    withOld.send(JSON.stringify({ id: 1, connect: { token: oldToken } }));
    expect((await withOld.end()).code).toBe(3500);
    const withNew = await Peer.dial(serve.websocketUrl);
    expect(await withNew.request({ connect: { token: newToken } })).toHaveProperty('connect');
    // The limit counts those who were there before it.
    const third = await Peer.dial(serve.websocketUrl);
    third.send(JSON.stringify({ id: 1, connect: { token: newToken } }));
    expect((await third.end()).code).toBe(3504);

    expect((await serve.api('publish', { channel: 'open:a', data: 1 })).status).toBe(401);
    expect((await serve.api('publish', { channel: 'open:a', data: 2 }, { key: nextKey })).status).toBe(200);
    await client.next((message) => JSON.stringify(message).includes('"data":2'), 'a publication after the reload');

    await expect(Peer.dial(serve.websocketUrl, { origin: 'https://old.example.com' })).rejects.toThrow();
    await Peer.dial(serve.websocketUrl, { origin: 'https://new.example.com' });
    for (const secret of [...Object.values(secrets), nextKey, newToken as string])
      expect(serve.stdout).not.toContain(secret);
  });

  test('a configuration with a problem is not used, and the log says where it is', async () => {
    const serve = await Serve.start();
    const client = await Peer.dial(serve.websocketUrl);
    await client.request({ connect: {} });

    await serve.write('{ "channels": { "open:{name}": { "alow": {} } } }');
    const line = await serve.reload();
    expect(line).toMatchObject({ level: 'error', msg: 'configuration not reloaded: the old one stays in force' });
    expect(line['problems']).toEqual([
      expect.stringMatching(/tidings\.json:1:\d+ channels\.open:\{name\}\.alow .*allow/),
    ]);

    await serve.write('{ "channels": ');
    expect(await serve.reload()).toMatchObject({ level: 'error', problems: [expect.stringMatching(/tidings\.json/)] });

    await stays(client);
    expect(await client.request({ subscribe: { channel: 'open:a' } })).toHaveProperty('subscribe');
    expect((await serve.api('publish', { channel: 'open:a', data: 1 })).status).toBe(200);
    await client.next((message) => JSON.stringify(message).includes('"data":1'), 'a publication');
  });

  test('what needs a restart is named, the rest is in force', async () => {
    const serve = await Serve.start();
    await serve.configure({ transports: { sse: false }, log: { level: 'debug' } });
    await serve.reload();
    expect(await serve.line(({ sections }) => sections !== undefined, 'a warning')).toMatchObject({
      level: 'warn',
      sections: ['transports'],
    });
    const client = await Peer.dial(serve.websocketUrl);
    await client.request({ connect: {} });
    await serve.line(({ level, msg }) => level === 'debug' && msg === 'connected', 'a line of level debug');
  });

  test('TLS: a renewed certificate is shown to newcomers, and nobody is dropped', async () => {
    const serve = await Serve.prepare();
    const file = (name: string) => join(serve.folder, name);
    for (const name of ['first', 'second']) makeCertificate(name, file(`${name}.crt`), file(`${name}.key`));
    const use = async (name: string) => {
      await copyFile(file(`${name}.crt`), file('server.crt'));
      await copyFile(file(`${name}.key`), file('server.key'));
    };
    await use('first');
    await serve.configure({ listen: { port: 0, tls: { certFile: file('server.crt'), keyFile: file('server.key') } } });
    await serve.run();
    const url = `wss://127.0.0.1:${serve.port}/connection/websocket`;
    const client = await Peer.dial(url, { rejectUnauthorized: false });
    expect(await client.request({ connect: {} })).toHaveProperty('connect');
    expect(await commonName(serve.port)).toBe('first');

    // Half of a renewal: the key is of another certificate.
    await copyFile(file('second.crt'), file('server.crt'));
    expect(await serve.reload()).toMatchObject({ level: 'error', problems: [expect.stringMatching(/server\.crt/)] });
    expect(await commonName(serve.port)).toBe('first');

    await use('second');
    expect(await serve.reload()).toMatchObject({ level: 'info' });
    expect(await commonName(serve.port)).toBe('second');
    await stays(client);
    const newcomer = await Peer.dial(url, { rejectUnauthorized: false });
    expect(await newcomer.request({ connect: {} })).toHaveProperty('connect');
  });
});

function makeCertificate(name: string, certFile: string, keyFile: string): void {
  const kind = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'];
  execFileSync('openssl', [...kind, '-subj', `/CN=${name}`, '-keyout', keyFile, '-out', certFile], { stdio: 'ignore' });
}

async function commonName(port: number): Promise<unknown> {
  const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
  await within(once(socket, 'secureConnect'), 'the TLS handshake');
  const { CN } = socket.getPeerCertificate().subject as unknown as Json;
  socket.destroy();
  return CN;
}
