import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FakeClock, systemClock } from '../../../lib/clock.ts';
import {
  allTargets,
  FetchRefusedError,
  guardedFetch,
  publicTargets,
  type GuardedFetchOptions,
} from './guarded-fetch.ts';
import { isPublicAddress } from './public-address.ts';

const limits = { timeoutMs: 5_000, maxBytes: 10_000, targets: allTargets, clock: systemClock };
const html = { 'content-type': 'text/html; charset=utf-8' };

interface Site extends AsyncDisposable {
  readonly url: string;
  readonly requests: string[];
  fetch(path: string, options?: Partial<GuardedFetchOptions>): Promise<string>;
}

async function serve(listener: RequestListener): Promise<Site> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(request.url ?? '');
    listener(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    url,
    requests,
    fetch: async (path, options) => (await guardedFetch(url + path, { ...limits, ...options })).html,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** No network is there: whoever gets as far as to connect fails the test. */
function refused(url: string, addresses: readonly string[] = []): Promise<unknown> {
  const clock = new FakeClock();
  const options = { ...limits, clock, targets: publicTargets, resolve: async () => addresses };
  return guardedFetch(url, options);
}

describe('is never fetched:', () => {
  test.each([
    'file:///etc/passwd',
    'ftp://example.com/',
    'gopher://example.com/',
    'javascript:alert(1)',
    'http://user@example.com/',
    'http://user:password@example.com/',
    'http://example.com:22/',
    'https://example.com:8443/',
    'http://127.0.0.1/',
    'http://127.1/',
    'http://2130706433/',
    'http://0x7f000001/',
    'http://0177.0.0.1/',
    'http://0/',
    'http://10.0.0.1/',
    'http://172.16.0.1/',
    'http://192.168.1.1/',
    'http://100.64.0.1/',
    'http://169.254.169.254/latest/meta-data/',
    'http://224.0.0.1/',
    'http://255.255.255.255/',
    'http://198.18.0.1/',
    'http://[::]/',
    'http://[::1]/',
    'http://[::ffff:127.0.0.1]/',
    'http://[::ffff:8.8.8.8]/',
    'http://[::127.0.0.1]/',
    'http://[64:ff9b::7f00:1]/',
    'http://[64:ff9b:1::7f00:1]/',
    'http://[fe80::1]/',
    'http://[fc00::1]/',
    'http://[fd00:ec2::254]/',
    'http://[fec0::1]/',
    'http://[ff02::1]/',
    'http://[2002:7f00:1::]/',
    'http://[2001::1]/',
    'http://[2001:db8::1]/',
    'http://[100::1]/',
    'http://１２７.0.0.1/',
    'http://127。0。0。1/',
    'no link',
  ])('%s', async (url) => {
    await expect(refused(url)).rejects.toThrow(FetchRefusedError);
  });

  test.each([
    [['127.0.0.1']],
    [['93.184.215.14', '10.0.0.1']],
    [['2606:2800:220:1::1', '::1']],
    [['::ffff:10.0.0.1']],
    [['169.254.169.254']],
    [['fe80::1%eth0']],
    [['nonsense']],
    [[]],
  ])('a name with the addresses %j', async (addresses) => {
    await expect(refused('http://example.com/', addresses)).rejects.toThrow(FetchRefusedError);
    await expect(refused('http://localhost./', addresses)).rejects.toThrow(FetchRefusedError);
  });

  test('a name whose look-up takes longer than the limit, or fails', async () => {
    const clock = new FakeClock();
    const options = { ...limits, clock, targets: publicTargets };
    const slow = guardedFetch('http://example.com/', {
      ...options,
      resolve: (_, signal) =>
        new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
    });
    const outcome = expect(slow).rejects.toThrow('no page within 5000 ms');
    await clock.advance(5_000);
    await outcome;
    const failing = { ...options, resolve: () => Promise.reject(new Error('no such name')) };
    await expect(guardedFetch('http://example.com/', failing)).rejects.toThrow('no such name');
  });
});

test('no IPv4 address within IPv6 makes a private one public', () => {
  fc.assert(
    fc.property(fc.ipV4(), (address) => {
      for (const prefix of ['::', '::ffff:', '::ffff:0:', '64:ff9b::', '64:ff9b:1::']) {
        expect(isPublicAddress(prefix + address)).toBe(false);
      }
    }),
  );
  for (const address of ['8.8.8.8', '172.15.0.1', '172.32.0.1', '100.128.0.1', '2606:4700::1111', '2a00:1450::1']) {
    expect(isPublicAddress(address), address).toBe(true);
  }
});

describe('a page', () => {
  test('is read, with the host that was asked for, at the address that was looked at', async () => {
    await using site = await serve((request, response) =>
      response.writeHead(200, html).end(`<p>${request.headers.host}`),
    );
    const { port } = new URL(site.url);
    const { html: page } = await guardedFetch(`http://example.com:${port}/`, {
      ...limits,
      resolve: async () => ['127.0.0.1'],
    });
    expect(page).toBe(`<p>example.com:${port}`);
  });

  test('is looked up once for each step: a name cannot turn meanwhile', async () => {
    await using site = await serve((_, response) => response.writeHead(200, html).end('page'));
    const asked: string[] = [];
    const answers = [['127.0.0.1'], ['10.0.0.1']];
    await guardedFetch(`http://rebind.test:${new URL(site.url).port}/`, {
      ...limits,
      resolve: async (host) => (asked.push(host), answers.shift() ?? []),
    });
    expect(asked).toEqual(['rebind.test']);
  });

  test('is found behind up to three redirects', async () => {
    await using site = await serve(({ url = '' }, response) => {
      const step = Number(url.slice(1));
      if (step > 0) response.writeHead(302, { location: `/${step - 1}` }).end();
      else response.writeHead(200, html).end('found');
    });
    expect(await site.fetch('/3')).toBe('found');
    await expect(site.fetch('/4')).rejects.toThrow('more than 3 redirects');
  });

  test.each(['file:///etc/passwd', 'http://user:pw@example.com/', 'http://['])(
    'is not looked for at %s by a redirect',
    async (location) => {
      await using site = await serve((_, response) => response.writeHead(301, { location }).end());
      await expect(site.fetch('/')).rejects.toThrow(FetchRefusedError);
    },
  );

  test('behind a redirect is looked at like the first', async () => {
    const looked: string[] = [];
    await using site = await serve((_, response) => response.writeHead(301, { location: 'http://inner.test/' }).end());
    const resolve = async (host: string) => (looked.push(host), []);
    await expect(site.fetch('/', { resolve })).rejects.toThrow('the name has no address');
    expect(looked).toEqual(['inner.test']);
  });

  test.each([
    ['another status', 404, html],
    ['no HTML', 200, { 'content-type': 'application/json' }],
    ['a file that says nothing', 200, {}],
    ['an unknown encoding', 200, { ...html, 'content-encoding': 'zstd2' }],
  ])('is not read: %s', async (_, status, headers) => {
    await using site = await serve((_request, response) => response.writeHead(status, headers).end('page'));
    await expect(site.fetch('/')).rejects.toThrow(FetchRefusedError);
  });

  test.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ])('in %s is unpacked, up to the limit', async (encoding, pack) => {
    const bomb = pack(Buffer.alloc(50_000_000, 'a'));
    await using site = await serve(({ url }, response) => {
      response.writeHead(200, { ...html, 'content-encoding': encoding });
      response.end(url === '/bomb' ? bomb : pack(Buffer.from('packed')));
    });
    expect(await site.fetch('/page')).toBe('packed');
    expect((await site.fetch('/bomb')).length).toBeLessThanOrEqual(limits.maxBytes);
  });

  test('without an end is read up to the limit, and left', async () => {
    let closed: (() => void) | undefined;
    const left = new Promise<void>((resolve) => (closed = resolve));
    await using site = await serve((_, response) => {
      response.writeHead(200, html);
      const write = (): void => {
        while (response.write('x'.repeat(1_000)));
        response.once('drain', write);
      };
      write();
      response.on('close', () => closed?.());
    });
    expect(await site.fetch('/')).toHaveLength(limits.maxBytes);
    await left;
  });

  test.each(['/silent', '/slow'])('that takes too long (%s) is given up', async (path) => {
    await using site = await serve(({ url }, response) => {
      if (url === '/slow') response.writeHead(200, html).write('a');
    });
    await expect(site.fetch(path, { timeoutMs: 100 })).rejects.toThrow('no page within 100 ms');
  });

  test('is given up when the server stops', async () => {
    await using site = await serve(() => {});
    const stop = new AbortController();
    const outcome = expect(site.fetch('/', { signal: stop.signal })).rejects.toThrow('stopped');
    await expect.poll(() => site.requests).toHaveLength(1);
    stop.abort();
    await outcome;
  });

  test.each([
    ['header', { 'content-type': 'text/html; charset="iso-8859-1"' }, 'caf\xE9'],
    ['page', { 'content-type': 'text/html' }, '<meta charset=windows-1252>caf\xE9'],
    ['unknown', { 'content-type': 'text/html; charset=klingon' }, 'cafÃ©'],
  ])('is read in the encoding of the %s', async (_, headers, text) => {
    await using site = await serve((_request, response) =>
      response.writeHead(200, headers).end(Buffer.from(text, 'latin1')),
    );
    expect(await site.fetch('/')).toContain('café');
  });
});
