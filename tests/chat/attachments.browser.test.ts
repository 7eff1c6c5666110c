/**
 * What links to attachments do in a real browser: pictures, sound and PDF open, the rest is downloaded, and nothing that
 * somebody sent runs as a page of this server.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { crc32, deflateSync } from 'node:zlib';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../packages/server/src/http/http-test-server.ts';
import { createChat, type ChatFixture } from '../../packages/server/src/modules/chat/testing/chat-fixture.ts';
import {
  avifPicture,
  bmpPicture,
  gifPicture,
  jpegPicture,
  pngPicture,
  webpPicture,
} from '../../packages/server/src/modules/chat/testing/pictures.ts';
import { describeWithChromium, launchChromium } from '../support/chromium.ts';

/** One red page. */
function redPdf(): Buffer {
  const drawing = '1 0 0 rg 0 0 400 400 re f';
  const objects = [
    '<</Type/Catalog/Pages 2 0 R>>',
    '<</Type/Pages/Kids[3 0 R]/Count 1>>',
    '<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 400]/Contents 4 0 R>>',
    `<</Length ${drawing.length}>>stream\n${drawing}\nendstream`,
  ];
  let file = '%PDF-1.4\n';
  const offsets = objects.map((object, at) => {
    const offset = file.length;
    file += `${at + 1} 0 obj${object}endobj\n`;
    return `${String(offset).padStart(10, '0')} 00000 n \n`;
  });
  const table = `xref\n0 5\n0000000000 65535 f \n${offsets.join('')}`;
  return Buffer.from(`${file}${table}trailer<</Size 5/Root 1 0 R>>\nstartxref\n${file.length}\n%%EOF`);
}

/** A red square of 64 pixels (PNG, RFC 2083). */
function redPng(): Buffer {
  const row = Buffer.concat([Buffer.from([0]), Buffer.from(Array(64).fill([255, 0, 0]).flat() as number[])]);
  const chunk = (type: string, data: Buffer): Buffer => {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
    const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
    length.writeUInt32BE(data.length);
    sum.writeUInt32BE(crc32(body));
    return Buffer.concat([length, body, sum]);
  };
  const header = Buffer.from([0, 0, 0, 64, 0, 0, 0, 64, 8, 2, 0, 0, 0]);
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1A\n', 'latin1'),
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(Buffer.concat(Array<Buffer>(64).fill(row)))),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** A tenth of a second of silence (WAVE, PCM). */
function silentWav(): Buffer {
  const header = Buffer.alloc(44);
  header.write('RIFF\0\0\0\0WAVEfmt ', 'latin1');
  header.writeUInt32LE(36 + 800, 4);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(8_000, 24);
  header.writeUInt32LE(8_000, 28);
  header.writeUInt16LE(1, 32);
  header.writeUInt16LE(8, 34);
  header.write('data', 36, 'latin1');
  header.writeUInt32LE(800, 40);
  return Buffer.concat([header, Buffer.alloc(800, 128)]);
}

const script = `fetch('/ran/fetch');new Image().src='/ran/image';document.title='ran'`;
const files = {
  'red.pdf': redPdf(),
  'red.png': redPng(),
  'silence.wav': silentWav(),
  'notes.txt': Buffer.from(`<notes> ${'<script>'}${script}</script>`),
  'page.html': Buffer.from(`<!doctype html><script>${script}</script><img src=x onerror="${script}">`),
  'drawing.svg': Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" onload="${script}"><script>${script}</script></svg>`,
  ),
  'page.xml': Buffer.from(
    `<?xml version="1.0"?><x xmlns="http://www.w3.org/1999/xhtml"><script>${script}</script></x>`,
  ),
  // What a browser that looked at the bytes would take for a page.
  'page.pdf': Buffer.from(`%PDF-1.4\n<html><script>${script}</script></html>`),
  'page.png': Buffer.concat([redPng(), Buffer.from(`<html><script>${script}</script></html>`)]),
} as const;
type Name = keyof typeof files;
const names = Object.keys(files) as Name[];

describeWithChromium('a link to an attachment, in Chromium', () => {
  let browser: Browser;
  let chat: ChatFixture;
  let server: TestServer;
  /** The application: a page of another origin. */
  let app: Server;
  let appUrl = '';
  const links = new Map<string, string>();
  /** Requests that only a script of an attachment makes. */
  const ran: string[] = [];

  beforeAll(async () => {
    browser = await launchChromium();
    chat = await createChat({ config: { enabled: true, uploads: { contentTypes: ['*/*'] } } });
    const canary = (path: string) => ({
      method: 'GET' as const,
      path,
      audience: 'client' as const,
      handle: async ({ url, response }: { url: URL; response: { end(): void } }) => {
        ran.push(url.pathname);
        response.end();
      },
    });
    server = await startTestServer({ routes: [...(chat.module.routes ?? []), canary('/ran/*')] });
    await chat.room({ members: ['anna'] });
    for (const name of names) links.set(name, (await send(name, files[name])).url);
    app = createServer((request, response) => {
      response.setHeader('Content-Type', 'text/html');
      response.end(decodeURIComponent((request.url ?? '').slice(2)));
    });
    await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve));
    appUrl = `http://localhost:${(app.address() as AddressInfo).port}`;
  });

  afterEach(() => {
    ran.length = 0;
  });

  afterAll(async () => {
    await browser?.close();
    app?.closeAllConnections();
    await new Promise((resolve) => app.close(resolve));
    await server?.[Symbol.asyncDispose]();
    await chat?.[Symbol.asyncDispose]();
  });

  interface Sent {
    readonly attachment: { readonly width?: number; readonly height?: number };
    readonly url: string;
  }

  async function send(name: string, file: Buffer): Promise<Sent> {
    const grant = await chat.as('anna')('upload', { room: 'room', name, bytes: file.length });
    const sent = await fetch(server.url + grant.url, { method: 'POST', body: Uint8Array.from(file) });
    expect(sent.status, name).toBe(200);
    const { message } = await chat.as('anna')('send', { room: 'room', attachments: [grant.id] });
    const { urls } = await chat.as('anna')('attachmentUrls', { ids: [grant.id] });
    return { attachment: message.attachments[0], url: server.url + urls[0].url };
  }

  const linkTo = (name: Name): string => links.get(name) ?? '';

  /** Opens the application's page with this in its body. */
  async function openApp(body: string): Promise<Page> {
    const page = await (await browser.newContext()).newPage();
    await page.goto(`${appUrl}/?${encodeURIComponent(`<!doctype html><body>${body}</body>`)}`);
    return page;
  }

  /** Follows a link of the application, as a user does. @returns the page it leads to, or what was downloaded. */
  async function follow(name: Name): Promise<{ page?: Page; download?: { name: string; content: Buffer } }> {
    const page = await openApp(`<a href="${linkTo(name).replaceAll('&', '&amp;')}">open</a>`);
    const download = page.waitForEvent('download', { timeout: 10_000 }).catch(() => undefined);
    const shown = page.waitForURL(linkTo(name), { timeout: 10_000 }).then(
      () => undefined,
      // A download begins no page.
      () => download,
    );
    await page.getByText('open').click();
    const got = await Promise.race([download, shown]);
    if (!got) return { page };
    const chunks: Buffer[] = [];
    for await (const chunk of await got.createReadStream()) chunks.push(chunk as Buffer);
    return { download: { name: got.suggestedFilename(), content: Buffer.concat(chunks) } };
  }

  /** Red pixels of what a page shows. */
  async function redOf(page: Page): Promise<number> {
    const picture = (await page.screenshot()).toString('base64');
    const reader = await (await browser.newContext()).newPage();
    const count = await reader.evaluate(async (base64) => {
      const image = new Image();
      image.src = `data:image/png;base64,${base64}`;
      await image.decode();
      const canvas = new OffscreenCanvas(image.width, image.height);
      const context = canvas.getContext('2d') as OffscreenCanvasRenderingContext2D;
      context.drawImage(image, 0, 0);
      const { data } = context.getImageData(0, 0, image.width, image.height);
      let red = 0;
      for (let at = 0; at < data.length; at += 4) {
        if ((data[at] ?? 0) > 240 && (data[at + 1] ?? 255) < 15 && (data[at + 2] ?? 255) < 15) red++;
      }
      return red;
    }, picture);
    await reader.context().close();
    return count;
  }

  test('a PDF is shown, and not an empty page', async () => {
    const { page } = await follow('red.pdf');
    await expect.poll(() => redOf(page as Page), { timeout: 20_000 }).toBeGreaterThan(40_000);
  });

  test('a PDF is shown in a frame of the application too', async () => {
    const page = await openApp(
      `<iframe width=800 height=600 src="${linkTo('red.pdf').replaceAll('&', '&amp;')}"></iframe>`,
    );
    await expect.poll(() => redOf(page), { timeout: 20_000 }).toBeGreaterThan(40_000);
  });

  test('a picture is shown', async () => {
    const { page } = await follow('red.png');
    await expect.poll(() => redOf(page as Page)).toBe(64 * 64);
  });

  const size = { width: 30, height: 17 };
  test.each<[string, Buffer]>([
    ['PNG', pngPicture(size)],
    ['PNG, turned', pngPicture({ ...size, orientation: 6 })],
    ...[1, 2, 3, 4, 5, 6, 7, 8].map((orientation): [string, Buffer] => [
      `JPEG, held in orientation ${orientation}`,
      jpegPicture({ ...size, orientation, order: orientation % 2 === 0 ? 'big' : 'little' }),
    ]),
    ['GIF', gifPicture(size)],
    ['WebP', webpPicture(size)],
    ['WebP with a canvas', webpPicture(size, true)],
    ['bitmap', bmpPicture(size)],
    ['AVIF', avifPicture()],
    ['AVIF, turned', avifPicture({ quarters: 1 })],
    ['AVIF with large numbers', avifPicture({ quarters: 3, isLarge: true })],
  ])('a picture is shown as large as its attachment says: %s', async (name, file) => {
    const { attachment, url } = await send(name, file);
    const page = await openApp(`<img src="${url.replaceAll('&', '&amp;')}">`);
    await page.waitForLoadState('load');
    const { width = 0, height = 0 } = attachment;
    expect(width + height).toBeGreaterThan(0);
    expect(await page.evaluate(() => [document.images[0]?.naturalWidth, document.images[0]?.naturalHeight])).toEqual([
      width,
      height,
    ]);
    await page.context().close();
  });

  test('sound can be played', async () => {
    const { page } = await follow('silence.wav');
    const duration = () => (page as Page).evaluate(() => document.querySelector('video')?.duration ?? 0);
    await expect.poll(duration).toBeCloseTo(0.1);
  });

  test('the application shows pictures and plays sound in its own pages', async () => {
    const page = await openApp(
      `<img src="${linkTo('red.png').replaceAll('&', '&amp;')}"><audio controls src="${linkTo('silence.wav').replaceAll('&', '&amp;')}"></audio>`,
    );
    await expect.poll(() => page.evaluate(() => document.querySelector('img')?.naturalWidth)).toBe(64);
    await expect.poll(() => page.evaluate(() => document.querySelector('audio')?.duration)).toBeCloseTo(0.1);
  });

  test.each(['notes.txt', 'page.html', 'drawing.svg', 'page.xml'] as const)(
    '%s is downloaded as it is',
    async (name) => {
      const { download } = await follow(name);
      expect(download?.name).toBe(name);
      expect(download?.content.equals(files[name])).toBe(true);
      expect(ran).toEqual([]);
    },
  );

  test.each(names)('%s runs nothing, however a page brings it in', async (name) => {
    const url = linkTo(name).replaceAll('&', '&amp;');
    const page = await openApp(
      `<iframe src="${url}"></iframe><object data="${url}"></object><embed src="${url}"><img src="${url}">
       <script src="${url}"></script><link rel=stylesheet href="${url}">`,
    );
    const { page: followed } = await follow(name);
    // Until everything on both is loaded, and what could run has.
    await page.waitForLoadState('load');
    await followed?.waitForLoadState('load');
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
    expect(ran).toEqual([]);
    expect(await page.title()).toBe('');
    expect((await followed?.title()) ?? '').not.toBe('ran');
  });

  test('a page of this server that is no attachment would have run it: the canary sings', async () => {
    const page = await openApp(files['page.html'].toString());
    await expect.poll(() => page.title()).toBe('ran');
    await page.goto(`${server.url}/ran/fetch`);
    expect(ran).toContain('/ran/fetch');
  });
});
