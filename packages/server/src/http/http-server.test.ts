import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as tlsConnect } from 'node:tls';
import { afterAll, describe, expect, test } from 'vitest';
import { HttpError } from './http-error.ts';
import { rawRequest, rawSocket, readToEnd, startTestServer } from './http-test-server.ts';
import { sendBody, sendJson } from './respond.ts';
import type { HttpRoute, UpgradeRoute } from './route.ts';

const hello: HttpRoute = {
  method: 'GET',
  path: '/hello',
  audience: 'server',
  handle: ({ response, address, url }) => sendJson(response, 200, { hello: url.searchParams.get('name'), address }),
};
const forClients: HttpRoute = {
  method: 'POST',
  path: '/connection/stream',
  audience: 'client',
  handle: ({ response }) => sendBody(response, 200, 'text/plain', 'stream'),
};
const echo: UpgradeRoute = {
  path: '/socket',
  upgrade: (_request, socket, head) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n');
    if (head.length > 0) socket.write(head);
    socket.pipe(socket);
  },
};
const upgradeHead = (path: string, extra = ''): string =>
  `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${extra}\r\n`;

describe('routing', () => {
  test('serves exact paths and query, with an id and security headers', async () => {
    await using http = await startTestServer({ routes: [hello] });
    const response = await fetch(`${http.url}/hello?name=a%20b`);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ hello: 'a b', address: '127.0.0.1' });
    expect(response.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  });

  test('prefers exact paths, then the longest prefix', async () => {
    const named = (path: string): HttpRoute => ({
      ...hello,
      path,
      handle: ({ response }) => sendJson(response, 200, path),
    });
    await using http = await startTestServer({ routes: ['/*', '/a/*', '/a/b/*', '/a/b/exact'].map(named) });
    const get = async (path: string): Promise<unknown> => (await fetch(http.url + path)).json();
    expect(await get('/a/b/exact')).toBe('/a/b/exact');
    expect(await get('/a/b/exact/more')).toBe('/a/b/*');
    expect(await get('/a/c')).toBe('/a/*');
    expect(await get('/a/')).toBe('/a/*');
    expect(await get('/a')).toBe('/*');
  });

  test('answers 404 and 405 in JSON', async () => {
    await using http = await startTestServer({ routes: [hello, { ...hello, method: 'POST', path: '/post' }] });
    const missing = await fetch(`${http.url}/nothing`);
    expect(missing.status).toBe(404);
    expect(await missing.json()).toEqual({ error: { message: 'there is nothing at /nothing' } });
    const wrong = await fetch(`${http.url}/post`);
    expect(wrong.status).toBe(405);
    expect(wrong.headers.get('allow')).toBe('POST');
    expect(await wrong.json()).toEqual({ error: { message: '/post takes POST' } });
  });

  test('answers HEAD where GET is, but not for clients', async () => {
    await using http = await startTestServer({ routes: [hello, { ...forClients, method: 'GET' }] });
    const head = await fetch(`${http.url}/hello`, { method: 'HEAD' });
    expect(head.status).toBe(200);
    expect(Number(head.headers.get('content-length'))).toBeGreaterThan(0);
    expect(await head.text()).toBe('');
    expect((await fetch(`${http.url}/connection/stream`, { method: 'HEAD' })).status).toBe(405);
  });

  test('refuses two routes for one method and path', async () => {
    await expect(startTestServer({ routes: [hello, hello] })).rejects.toThrow('two routes for GET /hello');
  });

  test('takes an absolute target, refuses other forms', async () => {
    await using http = await startTestServer({ routes: [hello] });
    const ask = (target: string): Promise<string> =>
      rawRequest(http.port, `GET ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    expect(await ask('http://example.com/hello')).toMatch(/^HTTP\/1.1 200/);
    expect(await ask('//hello')).toMatch(/^HTTP\/1.1 404/);
    expect(await rawRequest(http.port, 'OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')).toMatch(
      /^HTTP\/1.1 400/,
    );
  });
});

describe('failures of handlers', () => {
  const failing = (handle: HttpRoute['handle']): HttpRoute => ({ ...hello, path: '/fail', handle });

  test('a throw is 500 with the id that is in the log', async () => {
    const routes = [
      failing(() => {
        throw new Error('secret detail');
      }),
      { ...hello, path: '/reject', handle: () => Promise.reject(new Error('later')) },
    ];
    await using http = await startTestServer({ routes });
    const response = await fetch(`${http.url}/fail`);
    const text = await response.text();
    expect(response.status).toBe(500);
    expect(text).not.toContain('secret detail');
    const requestId = response.headers.get('x-request-id');
    expect(text).toContain(requestId);
    expect(http.log).toContainEqual(expect.objectContaining({ level: 'error', requestId, path: '/fail' }));
    expect((await fetch(`${http.url}/reject`)).status).toBe(500);
  });

  test('an HttpError is answered as it says, and one line in the log', async () => {
    const routes = [
      failing(() => {
        throw new HttpError(418, 'short and stout', { headers: { 'X-Pot': 'tea' } });
      }),
    ];
    await using http = await startTestServer({ routes });
    const response = await fetch(`${http.url}/fail`);
    expect(response.status).toBe(418);
    expect(response.headers.get('x-pot')).toBe('tea');
    expect(await response.json()).toEqual({ error: { message: 'short and stout' } });
    const requestId = response.headers.get('x-request-id');
    expect(http.log).toEqual([
      expect.objectContaining({ level: 'info', requestId, status: 418, msg: 'request refused: short and stout' }),
    ]);
  });

  test('a throw behind the headers cuts the response', async () => {
    const routes = [
      failing(({ response }) => {
        response.writeHead(200, { 'Content-Length': 100 });
        response.write('begin');
        throw new Error('midway');
      }),
    ];
    await using http = await startTestServer({ routes: [...routes, hello] });
    await expect(fetch(`${http.url}/fail`).then((response) => response.text())).rejects.toThrow();
    expect((await fetch(`${http.url}/hello`)).status).toBe(200);
  });
});

describe('origins', () => {
  const routes = [forClients, hello];
  const origins = ['https://app.example.com', 'https://*.example.org'];
  const post = (url: string, origin?: string): Promise<Response> =>
    fetch(`${url}/connection/stream`, { method: 'POST', headers: origin ? { origin } : {} });

  test('no Origin passes, a listed one gets CORS headers, another is refused', async () => {
    await using http = await startTestServer({ routes, origins });
    const none = await post(http.url);
    expect(none.status).toBe(200);
    expect(none.headers.get('access-control-allow-origin')).toBeNull();
    const listed = await post(http.url, 'https://a.b.example.org');
    expect(listed.status).toBe(200);
    expect(listed.headers.get('access-control-allow-origin')).toBe('https://a.b.example.org');
    expect(listed.headers.get('access-control-allow-credentials')).toBe('true');
    expect(listed.headers.get('vary')).toBe('Origin');
    const refused = await post(http.url, 'https://evil.example');
    expect(refused.status).toBe(403);
    expect(refused.headers.get('access-control-allow-origin')).toBeNull();
  });

  test('refusals are one log line with the origin, the rest is counted', async () => {
    await using http = await startTestServer({ routes, origins });
    for (let i = 0; i < 5; i++) await post(http.url, 'https://evil.example');
    const lines = http.log.filter((line) => line['origin'] === 'https://evil.example');
    expect(lines).toHaveLength(1);
    expect(http.metrics.denials.counts.get('origin')).toBe(5);
  });

  test('* allows everybody, but without credentials', async () => {
    await using http = await startTestServer({ routes, origins: ['*', 'https://app.example.com'] });
    const anybody = await post(http.url, 'https://other.example');
    expect(anybody.headers.get('access-control-allow-origin')).toBe('*');
    expect(anybody.headers.get('access-control-allow-credentials')).toBeNull();
    const listed = await post(http.url, 'https://app.example.com');
    expect(listed.headers.get('access-control-allow-origin')).toBe('https://app.example.com');
    expect(listed.headers.get('access-control-allow-credentials')).toBe('true');
  });

  test('answers preflight for clients, not for servers', async () => {
    await using http = await startTestServer({ routes, origins });
    const preflight = (path: string, origin: string): Promise<Response> =>
      fetch(http.url + path, {
        method: 'OPTIONS',
        headers: {
          origin,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'content-type, x-own',
        },
      });
    const allowed = await preflight('/connection/stream', 'https://app.example.com');
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get('access-control-allow-origin')).toBe('https://app.example.com');
    expect(allowed.headers.get('access-control-allow-methods')).toBe('POST, OPTIONS');
    expect(allowed.headers.get('access-control-allow-headers')).toBe('content-type, x-own');
    expect((await preflight('/connection/stream', 'https://evil.example')).status).toBe(403);
    const server = await preflight('/hello', 'https://app.example.com');
    expect(server.status).toBe(405);
    expect(server.headers.get('access-control-allow-origin')).toBeNull();
  });

  test('the own origin is allowed in development only', async () => {
    await using development = await startTestServer({ routes, development: true });
    expect((await post(development.url, development.url)).status).toBe(200);
    expect((await post(development.url, 'https://evil.example')).status).toBe(403);
    await using production = await startTestServer({ routes });
    expect((await post(production.url, production.url)).status).toBe(403);
  });

  test('the list can be replaced; a wrong one leaves the old', async () => {
    await using http = await startTestServer({ routes, origins });
    http.server.setOrigins(['https://new.example']);
    expect((await post(http.url, 'https://new.example')).status).toBe(200);
    expect((await post(http.url, 'https://app.example.com')).status).toBe(403);
    expect(() => http.server.setOrigins(['app.example.com'])).toThrow('"app.example.com" is not an origin');
    expect((await post(http.url, 'https://new.example')).status).toBe(200);
  });
});

describe('client address', () => {
  const ask = async (url: string, forwarded: string): Promise<unknown> => {
    const response = await fetch(`${url}/hello`, { headers: { 'x-forwarded-for': forwarded } });
    return ((await response.json()) as { address: unknown }).address;
  };

  test('is the last entry of X-Forwarded-For only behind a trusted proxy', async () => {
    await using direct = await startTestServer({ routes: [hello] });
    expect(await ask(direct.url, '1.2.3.4')).toBe('127.0.0.1');
    await using proxied = await startTestServer({ routes: [hello], trustProxy: true });
    expect(await ask(proxied.url, '6.6.6.6, 1.2.3.4')).toBe('1.2.3.4');
    expect(await ask(proxied.url, '1.2.3.4:5678')).toBe('1.2.3.4');
    expect(await ask(proxied.url, '[2001:db8::1]:80')).toBe('2001:db8::1');
    expect(await ask(proxied.url, '::ffff:1.2.3.4')).toBe('1.2.3.4');
    expect(await ask(proxied.url, 'unknown')).toBe('127.0.0.1');
  });
});

describe('upgrades', () => {
  test('hands over the socket, and closes it at stop', async () => {
    await using http = await startTestServer({ upgrades: [echo] });
    const socket = await rawSocket(http.port);
    socket.write(`${upgradeHead('/socket')}ahead`);
    let received = '';
    socket.on('data', (chunk: Buffer) => (received += chunk.toString()));
    await expect.poll(() => received).toMatch(/^HTTP\/1.1 101[\s\S]*ahead$/);
    socket.write(' and more');
    await expect.poll(() => received).toMatch(/ahead and more$/);
    await Promise.all([once(socket, 'close'), http.server.stop()]);
  });

  test('refuses unknown paths and foreign origins on the raw socket', async () => {
    await using http = await startTestServer({ upgrades: [echo], origins: ['https://app.example.com'] });
    expect(await rawRequest(http.port, upgradeHead('/other'))).toMatch(/^HTTP\/1.1 404/);
    const evil = await rawRequest(http.port, upgradeHead('/socket', 'Origin: https://evil.example\r\n'));
    expect(evil).toMatch(/^HTTP\/1.1 403 [\s\S]*origin https:\/\/evil.example is not allowed/);
    const socket = await rawSocket(http.port);
    socket.write(upgradeHead('/socket', 'Origin: https://app.example.com\r\n'));
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    expect(chunk.toString()).toMatch(/^HTTP\/1.1 101/);
    socket.destroy();
  });

  test('an upgrade to anything but WebSocket is a plain request', async () => {
    await using http = await startTestServer({ routes: [hello], upgrades: [echo] });
    const answer = await rawRequest(
      http.port,
      'GET /hello HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n',
    );
    expect(answer).toMatch(/^HTTP\/1.1 200/);
  });

  test('a throw in upgrade closes that socket only', async () => {
    const broken: UpgradeRoute = {
      path: '/broken',
      upgrade: () => {
        throw new Error('broken');
      },
    };
    await using http = await startTestServer({ upgrades: [broken], routes: [hello] });
    expect(await rawRequest(http.port, upgradeHead('/broken'))).toBe('');
    expect(http.log).toContainEqual(expect.objectContaining({ msg: 'upgrade failed' }));
    expect((await fetch(`${http.url}/hello`)).status).toBe(200);
  });

  test('a peer that resets during an upgrade harms nobody', async () => {
    const silent: UpgradeRoute = { path: '/silent', upgrade: () => {} };
    await using http = await startTestServer({ upgrades: [silent, echo], routes: [hello] });
    for (const path of ['/silent', '/socket', '/other']) {
      const socket = await rawSocket(http.port);
      socket.write(upgradeHead(path));
      socket.resetAndDestroy();
    }
    expect((await fetch(`${http.url}/hello`)).status).toBe(200);
  });
});

describe('slow and malformed requests', () => {
  const timeouts = { handshakeTimeoutMs: 150, routes: [hello] };

  test.each([
    ['nothing at all', ''],
    ['a header that never ends', 'GET /hello HTTP/1.1\r\nHost: x\r\nX-Slow: '],
    ['a body that never comes', 'POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc'],
  ])('%s is closed', async (_name, text) => {
    const slow: HttpRoute = { ...hello, method: 'POST', path: '/slow', handle: () => new Promise(() => {}) };
    await using http = await startTestServer({ ...timeouts, routes: [hello, slow] });
    const answer = await rawRequest(http.port, text);
    expect(answer === '' || answer.startsWith('HTTP/1.1 408')).toBe(true);
  });

  test('a header that drips is closed too', async () => {
    await using http = await startTestServer(timeouts);
    const socket = await rawSocket(http.port);
    const drip = setInterval(() => socket.write('x'), 20);
    socket.write('GET /hello HTTP/1.1\r\nHost: x\r\nX-Slow: ');
    await readToEnd(socket);
    clearInterval(drip);
  });

  test('what is not HTTP gets 400, too large headers 431', async () => {
    await using http = await startTestServer({ routes: [hello] });
    expect(await rawRequest(http.port, 'this is not http\r\n\r\n')).toMatch(/^HTTP\/1.1 400/);
    expect(await rawRequest(http.port, `GET /hello HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`)).toMatch(
      /^HTTP\/1.1 431/,
    );
    expect(await rawRequest(http.port, 'GET /hello HTTP/1.1\r\n\r\n')).toMatch(/^HTTP\/1.1 400/);
    expect((await fetch(`${http.url}/hello`)).status).toBe(200);
    expect(http.log.map(({ status }) => status)).toEqual([400, 431]);
  });
});

describe('life', () => {
  test('a port in use is an error that names it', async () => {
    await using http = await startTestServer({});
    await expect(startTestServer({ port: http.port })).rejects.toThrow(`cannot listen on 127.0.0.1:${http.port}`);
  });

  test('has an address while it runs; stop works twice and without start', async () => {
    const http = await startTestServer({ routes: [hello] });
    expect(http.server.address).toEqual({ host: '127.0.0.1', port: http.port });
    await http.server.stop();
    await http.server.stop();
    expect(http.server.address).toBeUndefined();
    await http.server.start();
    expect((await fetch(`http://127.0.0.1:${http.server.address?.port}/hello`)).status).toBe(200);
    await http.server.stop();
  });

  test('drain closes idle connections, finishes calls, and takes no new ones', async () => {
    let finish: (() => void) | undefined;
    const slow: HttpRoute = {
      ...hello,
      path: '/slow',
      handle: async ({ response }) => {
        await new Promise<void>((resolve) => (finish = resolve));
        sendJson(response, 200, 'done');
      },
    };
    await using http = await startTestServer({ routes: [slow, hello] });
    const idle = await rawSocket(http.port);
    idle.write('GET /hello HTTP/1.1\r\nHost: x\r\n\r\n');
    await once(idle, 'data');
    const call = fetch(`${http.url}/slow`);
    await expect.poll(() => finish).toBeDefined();
    let drained = false;
    const draining = http.server.drain(new AbortController().signal).then(() => (drained = true));
    await once(idle, 'close');
    await expect(fetch(`${http.url}/hello`)).rejects.toThrow();
    expect(drained).toBe(false);
    finish?.();
    await draining;
    expect(await (await call).json()).toBe('done');
  });

  test('drain ends when the signal aborts; stop cuts the rest', async () => {
    const stuck: HttpRoute = { ...hello, path: '/stuck', handle: () => new Promise(() => {}) };
    const streaming: HttpRoute = { ...forClients, handle: ({ response }) => void response.writeHead(200).write('x') };
    const http = await startTestServer({ routes: [stuck, streaming] });
    const call = fetch(`${http.url}/stuck`).catch(() => 'cut');
    const stream = await fetch(`${http.url}/connection/stream`, { method: 'POST' });
    await http.server.drain(AbortSignal.timeout(50));
    await http.server.stop();
    expect(await call).toBe('cut');
    await expect(stream.text()).rejects.toThrow();
  });
});

describe('TLS', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tidings-tls-'));
  afterAll(() => rmSync(directory, { recursive: true }));

  function certificate(name: string): { certFile: string; keyFile: string } {
    const files = { certFile: join(directory, `${name}.crt`), keyFile: join(directory, `${name}.key`) };
    const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1'];
    execFileSync('openssl', [...args, '-subj', `/CN=${name}`, '-keyout', files.keyFile, '-out', files.certFile], {
      stdio: 'ignore',
    });
    return files;
  }

  async function commonName(port: number): Promise<unknown> {
    const socket = tlsConnect({ port, host: '127.0.0.1', rejectUnauthorized: false });
    await once(socket, 'secureConnect');
    const name = socket.getPeerCertificate().subject.CN;
    socket.destroy();
    return name;
  }

  test('serves HTTPS, and a new certificate after a reload, without cutting anybody', async () => {
    const tls = certificate('first');
    await using http = await startTestServer({ tls, routes: [hello], upgrades: [echo] });
    const body = await new Promise<string>((resolve, reject) => {
      httpsRequest(`${http.url}/hello?name=x`, { rejectUnauthorized: false }, (response) => {
        response.setEncoding('utf8').once('data', resolve);
      })
        .on('error', reject)
        .end();
    });
    expect(JSON.parse(body)).toEqual({ hello: 'x', address: '127.0.0.1' });
    expect(await commonName(http.port)).toBe('first');

    const open = tlsConnect({ port: http.port, host: '127.0.0.1', rejectUnauthorized: false });
    await once(open, 'secureConnect');
    open.write(upgradeHead('/socket'));
    await once(open, 'data');
    const second = certificate('second');
    for (const file of ['certFile', 'keyFile'] as const) execFileSync('cp', [second[file], tls[file]]);
    await http.server.reloadTls();
    expect(await commonName(http.port)).toBe('second');
    open.write('still here');
    expect(String((await once(open, 'data'))[0])).toBe('still here');
    // Upgraded TLS connections end at stop as well.
    await Promise.all([once(open, 'close'), http.server.stop()]);
  });

  test('a reload that fails keeps the certificate', async () => {
    const tls = certificate('good');
    await using http = await startTestServer({ tls, routes: [hello] });
    writeFileSync(tls.keyFile, 'garbage');
    await expect(http.server.reloadTls()).rejects.toThrow('cannot be used');
    expect(await commonName(http.port)).toBe('good');
  });

  test('start names what is missing or does not fit', async () => {
    const tls = certificate('one');
    const other = certificate('other');
    const missing = { ...tls, keyFile: join(directory, 'none.key') };
    await expect(startTestServer({ tls: missing })).rejects.toThrow('tls.keyFile: cannot read');
    await expect(startTestServer({ tls: { ...tls, keyFile: other.keyFile } })).rejects.toThrow('cannot be used');
  });

  test('plain HTTP on the TLS port, and a handshake that never comes, are closed', async () => {
    await using http = await startTestServer({ tls: certificate('plain'), routes: [hello], handshakeTimeoutMs: 150 });
    expect(await rawRequest(http.port, 'GET /hello HTTP/1.1\r\nHost: x\r\n\r\n')).not.toContain('200');
    expect(await rawRequest(http.port, '')).toBe('');
  });
});
