import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { rawRequest, startTestServer } from './http-test-server.ts';
import { staticRoutes } from './static-routes.ts';

const parent = mkdtempSync(join(tmpdir(), 'tidings-static-'));
const directory = join(parent, 'site');
mkdirSync(join(directory, 'sub'), { recursive: true });
mkdirSync(join(parent, 'site-two'));
writeFileSync(join(parent, 'outside.txt'), 'OUTSIDE');
writeFileSync(join(parent, 'site-two', 'x.txt'), 'OUTSIDE');
writeFileSync(join(directory, 'index.html'), '<h1>demo</h1>');
writeFileSync(join(directory, 'app.js'), 'export {};');
writeFileSync(join(directory, 'ein käse.txt'), 'käse');
writeFileSync(join(directory, 'empty.css'), '');
writeFileSync(join(directory, '.env'), 'SECRET=1');
writeFileSync(join(directory, 'data.unknown'), 'data');
symlinkSync(join(parent, 'outside.txt'), join(directory, 'link.txt'));
symlinkSync(join(parent, 'site-two'), join(directory, 'linked'));
afterAll(() => rmSync(parent, { recursive: true }));

const routes = staticRoutes({ prefix: '/demo', directory });

describe('static files', () => {
  test.each([
    ['/demo/', '<h1>demo</h1>', 'text/html; charset=utf-8'],
    ['/demo/index.html', '<h1>demo</h1>', 'text/html; charset=utf-8'],
    ['/demo/app.js', 'export {};', 'text/javascript; charset=utf-8'],
    ['/demo/ein%20k%C3%A4se.txt', 'käse', 'text/plain; charset=utf-8'],
    ['/demo/empty.css', '', 'text/css; charset=utf-8'],
    ['/demo/data.unknown', 'data', 'application/octet-stream'],
  ])('%s', async (path, body, contentType) => {
    await using http = await startTestServer({ routes });
    const response = await fetch(http.url + path);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe(contentType);
    expect(response.headers.get('content-security-policy')).toContain("default-src 'self'");
    expect(await response.text()).toBe(body);
  });

  test('answers HEAD, conditional requests, and the prefix without its slash', async () => {
    await using http = await startTestServer({ routes });
    const first = await fetch(`${http.url}/demo/app.js`);
    const etag = first.headers.get('etag') ?? '';
    const again = await fetch(`${http.url}/demo/app.js`, { headers: { 'if-none-match': etag } });
    expect(again.status).toBe(304);
    expect(await again.text()).toBe('');
    writeFileSync(join(directory, 'app.js'), 'export const changed = 1;');
    expect((await fetch(`${http.url}/demo/app.js`, { headers: { 'if-none-match': etag } })).status).toBe(200);
    const head = await fetch(`${http.url}/demo/app.js`, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length')]).toEqual([200, '25']);
    const redirect = await fetch(`${http.url}/demo?x=1`, { redirect: 'manual' });
    expect([redirect.status, redirect.headers.get('location')]).toEqual([308, '/demo/?x=1']);
  });

  test.each([
    '/demo/../outside.txt',
    '/demo/..%2foutside.txt',
    '/demo/%2e%2e/outside.txt',
    '/demo/%2e%2e%2foutside.txt',
    '/demo/sub/../../outside.txt',
    '/demo/sub/%2e%2e%2f%2e%2e%2foutside.txt',
    '/demo/..%5coutside.txt',
    '/demo/....//outside.txt',
    '/demo//outside.txt',
    '/demo/../site-two/x.txt',
    '/demo/..%2fsite-two/x.txt',
    '/demo/link.txt',
    '/demo/linked/x.txt',
    '/demo/.env',
    '/demo/%2eenv',
    '/demo/app.js%00.txt',
    '/demo/%',
    '/demo/%ff',
    '/demo/sub',
    '/demo/sub/',
    '/demo/app.js/',
    '/demo/none',
    `/demo/${'a'.repeat(5_000)}`,
  ])('%s is not found', async (path) => {
    await using http = await startTestServer({ routes });
    // Raw, because fetch would tidy the path up.
    const answer = await rawRequest(http.port, `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1.1 404/);
    expect(answer).not.toContain('OUTSIDE');
    expect(http.log).toEqual([]);
  });

  test('serves from the root too', async () => {
    await using http = await startTestServer({ routes: staticRoutes({ prefix: '', directory }) });
    expect(await (await fetch(http.url)).text()).toBe('<h1>demo</h1>');
  });
});
