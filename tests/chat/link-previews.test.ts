/**
 * Link previews as they are in the world: names that a name server answers for, over UDP, and pages over TLS. Only what
 * counts as public is another here: 127.0.0.1, at the port of the test's server.
 */
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../packages/server/src/lib/clock.ts';
import {
  FetchRefusedError,
  guardedFetch,
  nameResolver,
  publicTargets,
  type GuardedFetchOptions,
  type Targets,
} from '../../packages/server/src/modules/chat/previews/guarded-fetch.ts';
import { createChat } from '../../packages/server/src/modules/chat/testing/chat-fixture.ts';
import { NameServer } from '../../packages/server/src/modules/chat/testing/name-server.ts';

const html = { 'content-type': 'text/html' };
const here = '127.0.0.1';

interface Certificate {
  readonly cert: string;
  readonly key: string;
}

let folder: string;
let page: Certificate;
let expired: Certificate;
let names: NameServer;
let site: Server;
let port: number;
/** `name path` of each request that arrived. */
let requests: string[];
let answer: (request: IncomingMessage, response: ServerResponse) => void;

/** Signed by itself, for these names. */
async function makeCertificate(file: string, altNames: string, days: number): Promise<Certificate> {
  const [cert, key] = [join(folder, `${file}.crt`), join(folder, `${file}.key`)];
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { stdio: 'ignore' });
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const about = ['-subj', '/CN=a test', '-addext', `subjectAltName=${altNames}`];
  openssl('req', '-x509', ...kind, ...about, '-keyout', key, '-out', cert);
  // Only what signs again makes certificates whose time has passed.
  openssl('x509', '-in', cert, '-signkey', key, '-days', String(days), '-out', cert);
  return { cert: await readFile(cert, 'utf8'), key: await readFile(key, 'utf8') };
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidings-previews-'));
  page = await makeCertificate('page', 'DNS:page.test,DNS:turning.test,DNS:*.pages.test', 2);
  expired = await makeCertificate('expired', 'DNS:page.test', -1);
});

afterAll(() => rm(folder, { recursive: true, force: true }));

beforeEach(async () => {
  names = await new NameServer().start();
  names.names.set('page.test', [here]);
  requests = [];
  answer = (_, response) => response.writeHead(200, html).end('<title>A page</title>');
  site = createServer(page, (request, response) => {
    requests.push(`${request.headers.host?.split(':')[0]} ${request.url}`);
    answer(request, response);
  });
  await new Promise<void>((resolve) => site.listen(0, here, resolve));
  ({ port } = site.address() as AddressInfo);
});

afterEach(async () => {
  site.closeAllConnections();
  await new Promise((resolve) => site.close(resolve));
  await names[Symbol.asyncDispose]();
});

/** What counts as public; everything else is as it is. */
const targets: Targets = {
  isPort: (asked) => asked === port || publicTargets.isPort(asked),
  isAddress: (address) => address === here || publicTargets.isAddress(address),
};

async function fetchPage(url: string, options: Partial<GuardedFetchOptions> = {}): Promise<string> {
  const resolve = nameResolver([names.address]);
  const limits = { timeoutMs: 5_000, maxBytes: 10_000, clock: systemClock };
  return (await guardedFetch(url, { ...limits, targets, resolve, ca: page.cert, ...options })).html;
}

const at = (name: string, path = '/'): string => `https://${name}:${port}${path}`;

describe('a page over TLS', () => {
  test('is read where the certificate has the name and somebody who is trusted has signed it', async () => {
    names.names.set('a.pages.test', [here]);
    expect(await fetchPage(at('page.test', '/a?b'))).toBe('<title>A page</title>');
    expect(await fetchPage(at('A.pages.test'))).toBe('<title>A page</title>');
    expect(requests).toEqual(['page.test /a?b', 'a.pages.test /']);
  });

  test('is not read under another name', async () => {
    names.names.set('other.test', [here]);
    names.names.set('alias.test', ['=page.test']);
    for (const name of ['other.test', 'alias.test', here]) {
      await expect(fetchPage(at(name)), name).rejects.toMatchObject({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
    }
    expect(requests).toEqual([]);
  });

  test('is not read where nobody who is trusted has signed, nor after its time', async () => {
    const stranger = fetchPage(at('page.test'), { ca: expired.cert });
    await expect(stranger).rejects.toMatchObject({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
    site.setSecureContext(expired);
    const late = fetchPage(at('page.test'), { ca: expired.cert });
    await expect(late).rejects.toMatchObject({ code: 'CERT_HAS_EXPIRED' });
    expect(requests).toEqual([]);
  });

  test('without an end is read up to the limit, and one that dawdles is given up', async () => {
    answer = (_, response) => {
      response.writeHead(200, html);
      const write = (): void => {
        while (response.write('x'.repeat(10_000)));
        response.once('drain', write);
      };
      write();
    };
    expect(await fetchPage(at('page.test'))).toHaveLength(10_000);
    const timers: NodeJS.Timeout[] = [];
    answer = (_, response) => {
      response.writeHead(200, html);
      timers.push(setInterval(() => response.write('x'), 10));
    };
    await expect(fetchPage(at('page.test'), { timeoutMs: 300 })).rejects.toThrow('no page within 300 ms');
    for (const timer of timers) clearInterval(timer);
  });

  test('of who never shakes hands is given up', async () => {
    const silent = createTcpServer((socket) => socket.on('error', () => {}).resume());
    await new Promise<void>((resolve) => silent.listen(0, here, resolve));
    const { port: silentPort } = silent.address() as AddressInfo;
    const all = { isPort: () => true, isAddress: targets.isAddress };
    const waiting = fetchPage(`https://page.test:${silentPort}/`, { timeoutMs: 200, targets: all });
    await expect(waiting).rejects.toThrow('no page within 200 ms');
    // Nobody is left on the line.
    await new Promise((resolve) => silent.close(resolve));
  });
});

describe('a name', () => {
  test.each([
    ['127.0.0.2'],
    ['10.0.0.1'],
    ['169.254.169.254'],
    ['::1'],
    ['fd00:ec2::254'],
    ['::ffff:127.0.0.1'],
    ['64:ff9b::7f00:1'],
    [here, '10.0.0.1'],
    [here, '::1'],
    ['=inner.test'],
    ['=page.test', '192.168.0.1'],
  ])('that stands for %s is not asked', async (...addresses) => {
    names.names.set('inner.test', ['10.1.2.3']);
    names.names.set('evil.test', addresses);
    await expect(fetchPage(at('evil.test'))).rejects.toThrow('an address that is not public');
    expect(names.asked.toSorted()).toEqual(['A evil.test', 'AAAA evil.test']);
    expect(requests).toEqual([]);
  });

  test('that does not exist, or that nobody answers for, has no page', async () => {
    await expect(fetchPage(at('nowhere.test'))).rejects.toThrow('the name has no address');
    names.names.set('silent.test', 'silence');
    await expect(fetchPage(at('silent.test'), { timeoutMs: 300 })).rejects.toThrow('no page within 300 ms');
  });

  test('that turns to a private address meanwhile leads to the one that was looked at', async () => {
    const turning = [[here], [], ['127.0.0.2'], ['127.0.0.2']];
    names.names.set('turning.test', () => turning.shift() ?? ['127.0.0.2']);
    // Both kinds are asked for at once: the first two answers are of the first look.
    expect(await fetchPage(at('turning.test'))).toBe('<title>A page</title>');
    expect(names.asked).toHaveLength(2);
    await expect(fetchPage(at('turning.test'))).rejects.toThrow('an address that is not public');
    expect(requests).toEqual(['turning.test /']);
  });

  test('that turns between two steps of a redirect is looked at again', async () => {
    let looks = 0;
    names.names.set('turning.test', () => (looks++ < 2 ? [here] : ['127.0.0.2']));
    answer = (_, response) => response.writeHead(302, { location: '/again' }).end();
    await expect(fetchPage(at('turning.test'))).rejects.toThrow('an address that is not public');
    expect(requests).toEqual(['turning.test /']);
  });
});

describe('a redirect', () => {
  test('to another page over TLS is followed', async () => {
    names.names.set('a.pages.test', [here]);
    answer = ({ url }, response) =>
      url === '/'
        ? response.writeHead(301, { location: at('a.pages.test', '/end') }).end()
        : response.writeHead(200, html).end('the end');
    expect(await fetchPage(at('page.test'))).toBe('the end');
    expect(requests).toEqual(['page.test /', 'a.pages.test /end']);
  });

  test.each([
    ['http://page.test/', 'a redirect from HTTPS to HTTP'],
    ['https://10.0.0.1/', 'an address that is not public'],
    ['https://inner.test/', 'an address that is not public'],
    ['https://[::1]/', 'an address that is not public'],
    ['//127.0.0.2/', 'an address that is not public'],
    ['https://page.test:22/', 'a link to port 22'],
    ['file:///etc/passwd', 'a link with file:'],
    ['https://user:word@page.test/', 'a link with credentials'],
  ])('to %s is not', async (location, reason) => {
    names.names.set('inner.test', ['10.0.0.1']);
    answer = (_, response) => response.writeHead(307, { location }).end();
    const refused = fetchPage(at('page.test'));
    await expect(refused).rejects.toThrow(FetchRefusedError);
    await expect(refused).rejects.toThrow(reason);
    expect(requests).toEqual(['page.test /']);
  });
});

test('a message shows what is behind its link, and nothing of what must not be fetched', async () => {
  names.names.set('evil.test', ['127.0.0.2']);
  names.names.set('other.test', [here]);
  await using chat = await createChat({
    config: { enabled: true, previews: { enabled: true } },
    parts: { previewNetwork: { targets, resolve: nameResolver([names.address]), ca: page.cert } },
  });
  const room = await chat.room({ members: ['anna'] });
  const text = `${at('page.test', '/x')} ${at('evil.test')} ${at('other.test')}`;
  await chat.as('anna')('send', { room, text });
  await chat.module.idle();
  const { message } = await chat.as('anna')('message', { room, seq: 1 });
  expect(message.previews).toEqual([{ url: at('page.test', '/x'), title: 'A page' }]);
  expect(requests).toEqual(['page.test /x']);
});
