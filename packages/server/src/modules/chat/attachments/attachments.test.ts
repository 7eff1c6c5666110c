import { once } from 'node:events';
import { readdir, utimes, writeFile, mkdir } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { startTestServer, type TestServer } from '../../../http/http-test-server.ts';
import { StoreUnavailableError } from '../../../stores/store.ts';
import { S3Peer } from '../testing/s3-peer.ts';
import { createChat, type ChatFixture, type ChatFixtureOptions } from '../testing/chat-fixture.ts';
import { jpegPicture } from '../testing/pictures.ts';

const png = Buffer.concat([Buffer.from('\x89PNG\r\n\x1A\n', 'latin1'), Buffer.alloc(20_000, 7)]);
const hour = 3_600_000;

interface Site extends AsyncDisposable {
  readonly chat: ChatFixture;
  readonly server: TestServer;
  /** Asks for an upload as a user and sends the bytes. */
  send(user: string, content: Buffer, input?: object): Promise<Response>;
  /** Uploads as a user. @returns the id. */
  upload(user: string, content?: Buffer, input?: object): Promise<string>;
  /** A link for the user. */
  link(user: string, id: string): Promise<string>;
  /** Files in the storage and under way. */
  files(): Promise<string[]>;
}

async function openSite(options: ChatFixtureOptions = {}, handshakeTimeoutMs = 10_000): Promise<Site> {
  const chat = await createChat(options);
  const server = await startTestServer({
    routes: chat.module.routes ?? [],
    handshakeTimeoutMs,
    origins: ['https://app.test'],
  });
  await chat.room({ members: ['anna', 'ben'] });
  const site: Site = {
    chat,
    server,
    async send(user, content, input = {}) {
      const grant = await chat.as(user)('upload', { room: 'room', name: 'a.png', bytes: content.length, ...input });
      return fetch(server.url + grant.url, { method: 'POST', body: Uint8Array.from(content) });
    },
    async upload(user, content = png, input = {}) {
      const response = await site.send(user, content, input);
      const answer = (await response.json()) as { attachment: { id: string } };
      expect(response.status, JSON.stringify(answer)).toBe(200);
      return answer.attachment.id;
    },
    async link(user, id) {
      const { urls } = await chat.as(user)('attachmentUrls', { ids: [id] });
      return server.url + urls[0].url;
    },
    async files() {
      const found = await readdir(join(chat.context.dataDir, 'attachments'), { recursive: true, withFileTypes: true });
      return found.filter((one) => one.isFile()).map(({ name }) => name);
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await chat[Symbol.asyncDispose]();
    },
  };
  return site;
}

async function uploadRows({ chat }: Site): Promise<{ state: string }[]> {
  return chat.chat.db.selectFrom('chat_uploads').select('state').execute();
}

describe('an upload', () => {
  test('becomes an attachment of a message, and its bytes come back for who may read the room', async () => {
    await using site = await openSite();
    const id = await site.upload('anna', png, { name: 'C:\\fake\\sun\u202Egnp.png' });
    const { message } = await site.chat.as('anna')('send', { room: 'room', attachments: [id] });
    expect(message.attachments).toEqual([
      { id, name: 'sungnp.png', contentType: 'image/png', bytes: png.length, url: `/chat/attachments/${id}` },
    ]);
    const response = await fetch(await site.link('ben', id));
    expect(response.status).toBe(200);
    expect(Buffer.from(await response.arrayBuffer()).equals(png)).toBe(true);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'image/png',
      'content-length': String(png.length),
      'x-content-type-options': 'nosniff',
      'content-security-policy': "sandbox; default-src 'none'",
      'content-disposition': `inline; filename="sungnp.png"; filename*=UTF-8''sungnp.png`,
      'cache-control': expect.stringMatching(/^private, max-age=\d+$/),
      etag: `"${id}"`,
      'accept-ranges': 'bytes',
    });
    expect(await uploadRows(site)).toEqual([]);
  });

  test.each(['disk', 's3'] as const)('of a picture says how large it is shown, kept on %s', async (storage) => {
    const account = { accessKeyId: 'AKID', secretAccessKey: 'secret', region: 'us-east-1', bucket: 'files' };
    await using peer = await new S3Peer(account).start();
    const s3 = { ...account, endpoint: peer.endpoint };
    await using site = await openSite({ config: { enabled: true, uploads: { storage, s3 } } });
    const photograph = jpegPicture({ width: 300, height: 200, orientation: 6, before: 500_000 });
    const shown = { width: 200, height: 300 };
    const { attachment } = (await (await site.send('anna', photograph)).json()) as { attachment: { id: string } };
    expect(attachment).toMatchObject({ contentType: 'image/jpeg', ...shown });
    const { message } = await site.chat.as('anna')('send', { room: 'room', attachments: [attachment.id] });
    expect(message.attachments).toEqual([attachment]);
    const { messages } = await site.chat.as('ben')('messages', { room: 'room' });
    expect(messages[0].attachments).toEqual([attachment]);
    const { records } = await site.chat.system('exportUser', { user: 'anna' });
    const exported = records.filter(({ type }: { type: string }) => type === 'attachment');
    expect(exported).toMatchObject([{ id: attachment.id, ...shown }]);
    const link = await site.link('ben', attachment.id);
    expect(Buffer.from(await (await fetch(link)).arrayBuffer()).equals(photograph)).toBe(true);
  });

  test('whose transaction may have been written or not, keeps its file', async () => {
    await using site = await openSite();
    const { store } = site.chat;
    const transaction = store.transaction.bind(store);
    const grant = await site.chat.as('anna')('upload', { room: 'room', name: 'a.png', bytes: png.length });
    Object.assign(store, {
      async transaction(work: Parameters<typeof transaction>[0]) {
        await transaction(work);
        throw new StoreUnavailableError('the connection broke');
      },
    });
    const response = await fetch(site.server.url + grant.url, { method: 'POST', body: Uint8Array.from(png) });
    expect(response.status).toBe(503);
    Object.assign(store, { transaction });
    expect(await uploadRows(site)).toEqual([]);
    const { message } = await site.chat.as('anna')('send', { room: 'room', attachments: [grant.id] });
    const { id } = message.attachments[0];
    expect(Buffer.from(await (await fetch(await site.link('ben', id))).arrayBuffer()).equals(png)).toBe(true);
  });

  test('by a back end for a user is that user’s', async () => {
    await using site = await openSite();
    const id = await site.upload('anna');
    await expect(site.chat.as('ben')('send', { room: 'room', attachments: [id] })).rejects.toMatchObject({ code: 617 });
    await expect(site.chat.as('anna')('send', { room: 'room', attachments: [id] })).resolves.toBeDefined();
    await expect(site.chat.as('anna')('send', { room: 'room', attachments: [id] })).rejects.toMatchObject({
      code: 617,
    });
  });

  test.each([
    ['larger than allowed', { bytes: 1_001 }, 606],
    ['of a type that is not allowed', { contentType: 'text/html' }, 618],
    ['to a room that is not there', { room: 'none' }, 600],
  ])('%s is refused before a byte is sent', async (_, input, code) => {
    await using site = await openSite({ config: { enabled: true, limits: { uploadSize: 1_000 } } });
    const call = site.chat.as('anna')('upload', { room: 'room', name: 'a', bytes: 10, ...input });
    await expect(call).rejects.toMatchObject({ code });
  });

  test('is for who may upload, and not for who is muted', async () => {
    await using site = await openSite();
    await site.chat.room({ id: 'other', members: ['carl'] });
    const input = { room: 'other', name: 'a', bytes: 1 };
    await expect(site.chat.as('anna')('upload', input)).rejects.toMatchObject({ code: 600 });
    await site.chat.chat.db
      .insertInto('chat_restrictions')
      .values({ scope: '*', user_id: 'carl', kind: 'mute', reason: null, until: null, created_by: '', created_at: 0 })
      .execute();
    await expect(site.chat.as('carl')('upload', input)).rejects.toMatchObject({ code: 612 });
  });

  test('counts against the user’s limit until it is sent or expires', async () => {
    await using site = await openSite({ config: { enabled: true, limits: { uploadsPerUser: 2 } } });
    const ask = () => site.chat.as('anna')('upload', { room: 'room', name: 'a', bytes: 1 });
    const id = await site.upload('anna');
    await ask();
    await expect(ask()).rejects.toMatchObject({ code: 607 });
    await expect(site.chat.as('ben')('upload', { room: 'room', name: 'a', bytes: 1 })).resolves.toBeDefined();
    await site.chat.as('anna')('send', { room: 'room', attachments: [id] });
    await ask();
    await expect(ask()).rejects.toMatchObject({ code: 607 });
    await site.chat.clock.advance(600_000);
    await ask();
  });

  test('counts against it for as long as its bytes take to come', async () => {
    await using site = await openSite({ config: { enabled: true, limits: { uploadsPerUser: 1 } } });
    const ask = () => site.chat.as('anna')('upload', { room: 'room', name: 'a', bytes: png.length });
    const { url } = await ask();
    await site.chat.clock.advance(599_999);
    const options = { method: 'POST', headers: { 'content-length': png.length } };
    const slow = httpRequest(site.server.url + url, options);
    slow.on('error', () => {});
    slow.write(png.subarray(0, 100));
    await expect.poll(() => uploadRows(site)).toEqual([{ state: 'receiving' }]);
    await site.chat.clock.advance(1);
    await expect(ask()).rejects.toMatchObject({ code: 607 });
    slow.destroy();
    await expect.poll(() => uploadRows(site)).toEqual([{ state: 'open' }]);
    await ask();
  });

  test('at once in many requests never goes beyond the limit', async () => {
    await using site = await openSite({ config: { enabled: true, limits: { uploadsPerUser: 3 } } });
    const ask = () => site.chat.as('anna')('upload', { room: 'room', name: 'a', bytes: 1 });
    const outcomes = await Promise.allSettled(Array.from({ length: 10 }, ask));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
  });

  test('of other bytes than its type allows leaves nothing, and the refusal arrives', async () => {
    await using site = await openSite();
    for (const content of ['MZ\x90\0 program', '<html><script>1</script>', '\0']) {
      const response = await site.send('anna', Buffer.from(content, 'latin1'));
      expect(response.status).toBe(415);
      expect(await response.json()).toMatchObject({ error: { code: 618 } });
    }
    // Text that turns out to be none behind its first bytes.
    const late = await site.send('anna', Buffer.concat([Buffer.alloc(100_000, 'a'), Buffer.from([0])]));
    expect(late.status).toBe(415);
    expect(await site.files()).toEqual([]);
  });

  test('of another length than announced leaves nothing, and can be tried again with the same URL', async () => {
    await using site = await openSite();
    const { url } = await site.chat.as('anna')('upload', { room: 'room', name: 'a.png', bytes: png.length });
    const post = (body: BodyInit, init: object = {}) => fetch(site.server.url + url, { method: 'POST', body, ...init });
    const stream = (content: Buffer) => new Blob([Uint8Array.from(content)]).stream();
    const chunked = { duplex: 'half' };
    expect((await post(png.subarray(0, -1))).status).toBe(400);
    expect((await post(stream(png.subarray(0, -1)), chunked)).status).toBe(400);
    expect((await post(stream(Buffer.concat([png, png])), chunked)).status).toBe(413);
    expect(await site.files()).toEqual([]);
    expect((await post(png)).status).toBe(200);
    expect((await post(png)).status).toBe(404);
  });

  test('with a wrong or old secret is refused, whatever is wrong in the same words', async () => {
    await using site = await openSite();
    const { url } = await site.chat.as('anna')('upload', { room: 'room', name: 'a.png', bytes: png.length });
    const post = async (path: string) => {
      const response = await fetch(site.server.url + path, { method: 'POST', body: png });
      return [response.status, await response.text()];
    };
    const wrong = await post(`${url.split('=')[0]}=wrong`);
    expect(wrong[0]).toBe(404);
    expect(await post('/chat/attachments/none?upload=wrong')).toEqual(wrong);
    expect((await post(url.split('?')[0]))[0]).toBe(400);
    await site.chat.clock.advance(600_000);
    expect((await post(url))[0]).toBe(404);
  });

  test('that breaks off leaves nothing, and goes on by being sent again', async () => {
    await using site = await openSite();
    const { url } = await site.chat.as('anna')('upload', { room: 'room', name: 'a.png', bytes: png.length });
    const request = httpRequest(site.server.url + url, { method: 'POST', headers: { 'content-length': png.length } });
    request.on('error', () => {});
    request.write(png.subarray(0, 5_000));
    await expect.poll(() => site.files()).toHaveLength(1);
    // Nobody else sends to it meanwhile.
    expect((await fetch(site.server.url + url, { method: 'POST', body: png })).status).toBe(409);
    request.destroy();
    await expect.poll(() => uploadRows(site)).toEqual([{ state: 'open' }]);
    expect(await site.files()).toEqual([]);
    expect((await fetch(site.server.url + url, { method: 'POST', body: png })).status).toBe(200);
  });

  test('may take longer than other requests, but not stand still', async () => {
    await using site = await openSite({}, 100);
    const { url } = await site.chat.as('anna')('upload', { room: 'room', name: 'a.png', bytes: png.length });
    const request = httpRequest(site.server.url + url, { method: 'POST', headers: { 'content-length': png.length } });
    const answered = once(request, 'response');
    request.write(png.subarray(0, 100));
    await sleep(600);
    request.end(png.subarray(100));
    const [response] = await answered;
    expect(response.statusCode).toBe(200);
    response.resume();

    const other = await site.chat.as('anna')('upload', { room: 'room', name: 'a.png', bytes: png.length });
    const slow = httpRequest(site.server.url + other.url, {
      method: 'POST',
      headers: { 'content-length': png.length },
    });
    const ended = once(slow, 'error');
    slow.write(png.subarray(0, 100));
    await expect.poll(() => site.files()).toHaveLength(2);
    await site.chat.clock.advance(30_000);
    await site.chat.clock.advance(30_000);
    await ended;
    await expect.poll(() => site.files()).toHaveLength(1);
  });

  test('who sends on after a refusal is cut off', async () => {
    await using site = await openSite();
    const request = httpRequest(`${site.server.url}/chat/attachments/x?upload=y`, {
      method: 'POST',
      headers: { 'content-length': 1_000_000 },
    });
    const [response] = await (request.write('a'), once(request, 'response'));
    expect(response.statusCode).toBe(404);
    response.resume();
    const closed = once(request, 'close');
    request.on('error', () => {});
    await site.chat.clock.advance(5_000);
    await closed;
  });

  test('a page of an allowed origin may send it', async () => {
    await using site = await openSite();
    const { url } = await site.chat.as('anna')('upload', { room: 'room', name: 'a.png', bytes: png.length });
    const ask = (origin: string) => fetch(site.server.url + url, { method: 'OPTIONS', headers: { origin } });
    expect((await ask('https://evil.test')).status).toBe(403);
    const preflight = await ask('https://app.test');
    expect(preflight.headers.get('access-control-allow-methods')).toContain('POST');
  });
});

describe('a link to an attachment', () => {
  test('is given to who may read the room, and for what was not sent, to who uploaded it', async () => {
    await using site = await openSite();
    const id = await site.upload('anna');
    const missing = async (user: string) => (await site.chat.as(user)('attachmentUrls', { ids: [id, 'none'] })).missing;
    expect(await missing('anna')).toEqual(['none']);
    expect(await missing('ben')).toEqual([id, 'none']);
    await site.chat.as('anna')('send', { room: 'room', attachments: [id] });
    expect(await missing('ben')).toEqual(['none']);
    expect(await missing('carl')).toEqual([id, 'none']);
    expect((await site.chat.system('attachmentUrls', { ids: [id] })).missing).toEqual([]);
  });

  test('ends with its time, with its message, and works for nothing else', async () => {
    await using site = await openSite();
    const id = await site.upload('anna');
    const other = await site.upload('anna');
    await site.chat.as('anna')('send', { room: 'room', attachments: [id] });
    const link = await site.link('anna', id);
    const status = async (url: string) => (await fetch(url)).status;
    expect(await status(link)).toBe(200);
    expect(await status(link.replace(id, other))).toBe(403);
    expect(await status(link.replace(/expires=\d/, 'expires=9'))).toBe(403);
    expect(await status(link.slice(0, -2))).toBe(403);
    expect(await status(`${site.server.url}/chat/attachments/${id}`)).toBe(403);
    await site.chat.clock.advance(1.25 * hour);
    expect(await status(link)).toBe(403);
    const fresh = await site.link('anna', id);
    expect(await status(fresh)).toBe(200);
    await site.chat.as('anna')('delete', { room: 'room', seq: 1 });
    expect(await status(fresh)).toBe(404);
  });

  test('stays the same for a while, so that browsers keep what they have', async () => {
    await using site = await openSite();
    const id = await site.upload('anna');
    const first = await site.link('anna', id);
    const etag = { 'if-none-match': `"${id}"` };
    expect(await site.link('anna', id)).toBe(first);
    expect((await fetch(first, { headers: etag })).status).toBe(304);
  });

  test('works on every node of a database', async () => {
    await using site = await openSite();
    await using second = await createChat({ store: site.chat.store, clock: site.chat.clock });
    const { url } = second.chat.attachments.signer.sign('x', site.chat.clock.now());
    expect(site.chat.chat.attachments.signer.sign('x', site.chat.clock.now()).url).toBe(url);
  });

  test.each([
    ['bytes=0-9', 206, [0, 10]],
    ['bytes=19000-', 206, [19_000, png.length]],
    ['bytes=-5', 206, [png.length - 5, png.length]],
    ['bytes=5-999999', 206, [5, png.length]],
    ['bytes=999999-', 416, undefined],
    ['bytes=9-5', 200, [0, png.length]],
    ['bytes=0-1,5-6', 200, [0, png.length]],
    ['items=0-1', 200, [0, png.length]],
  ])('with Range: %s', async (range, status, part) => {
    await using site = await openSite();
    const response = await fetch(await site.link('anna', await site.upload('anna')), { headers: { range } });
    expect(response.status).toBe(status);
    const body = Buffer.from(await response.arrayBuffer());
    if (part === undefined) {
      expect(response.headers.get('content-range')).toBe(`bytes */${png.length}`);
      return;
    }
    const [from = 0, to = 0] = part;
    expect(body.equals(png.subarray(from, to))).toBe(true);
    if (status === 206) expect(response.headers.get('content-range')).toBe(`bytes ${from}-${to - 1}/${png.length}`);
  });

  test('answers HEAD, and a range only of the file that is meant', async () => {
    await using site = await openSite();
    const link = await site.link('anna', await site.upload('anna'));
    const head = await fetch(link, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length')]).toEqual([200, String(png.length)]);
    const other = await fetch(link, { headers: { range: 'bytes=0-0', 'if-range': '"other"' } });
    expect([other.status, (await other.arrayBuffer()).byteLength]).toEqual([200, png.length]);
  });

  test('what could hold a script is never shown in place, and no name breaks the header', async () => {
    await using site = await openSite();
    const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>1</script></svg>');
    const id = await site.upload('anna', svg, { name: '"\r\nX: y; ünï 世.svg' });
    const { headers } = await fetch(await site.link('anna', id));
    expect(headers.get('content-type')).toBe('image/svg+xml');
    expect(headers.get('content-disposition')).toBe(
      `attachment; filename="_X: y; _n_ _.svg"; filename*=UTF-8''%22X%3A%20y%3B%20%C3%BCn%C3%AF%20%E4%B8%96.svg`,
    );
    expect(headers.get('x')).toBeNull();
  });

  test('to a file that the storage lost is not found, and the log says so', async () => {
    await using site = await openSite();
    const id = await site.upload('anna');
    const link = await site.link('anna', id);
    await site.chat.chat.attachments.storage.delete(`${id.slice(-2)}/${id}`);
    expect((await fetch(link)).status).toBe(404);
  });
});

test('with an S3-compatible store, files go there, come back in parts, and are removed', async () => {
  const account = { accessKeyId: 'AKID', secretAccessKey: 'secret', region: 'us-east-1', bucket: 'files' };
  await using peer = await new S3Peer(account).start();
  const s3 = { ...account, endpoint: peer.endpoint };
  await using site = await openSite({ config: { enabled: true, uploads: { storage: 's3', s3 } } });
  const id = await site.upload('anna');
  expect([...peer.objects.keys()]).toEqual([`${id.slice(-2)}/${id}`]);
  expect(await site.files()).toEqual([]);
  const link = await site.link('anna', id);
  const part = await fetch(link, { headers: { range: 'bytes=100-199' } });
  expect(Buffer.from(await part.arrayBuffer()).equals(png.subarray(100, 200))).toBe(true);
  await site.chat.as('anna')('send', { room: 'room', attachments: [id] });
  await site.chat.as('anna')('delete', { room: 'room', seq: 1 });
  await site.chat.chat.attachments.sweep();
  expect(peer.objects.size).toBe(0);
});

describe('the sweep', () => {
  test('removes what was not sent within a day, and what belongs to deleted messages', async () => {
    await using site = await openSite();
    const [kept, deleted, unsent] = [await site.upload('anna'), await site.upload('anna'), await site.upload('anna')];
    await site.chat.as('anna')('send', { room: 'room', attachments: [kept] });
    await site.chat.as('anna')('send', { room: 'room', attachments: [deleted] });
    await site.chat.as('anna')('delete', { room: 'room', seq: 2 });
    const { attachments } = site.chat.chat;
    expect(await attachments.sweep()).toBe(1);
    expect((await site.files()).toSorted()).toEqual([kept, unsent].toSorted());
    await site.chat.clock.advance(24 * hour);
    await attachments.sweep();
    expect(await site.files()).toEqual([kept]);
    await expect(site.chat.as('anna')('send', { room: 'room', attachments: [unsent] })).rejects.toMatchObject({
      code: 617,
    });
  });

  test('finds files of messages that were deleted outright', async () => {
    await using site = await openSite();
    const id = await site.upload('anna');
    await site.chat.as('anna')('send', { room: 'room', attachments: [id] });
    await site.chat.store.database<{ chat_messages: object }>().deleteFrom('chat_messages').execute();
    expect(await site.chat.chat.attachments.sweep()).toBe(1);
    expect(await site.files()).toEqual([]);
  });

  test('removes what a process left behind that died while it received, or before it had written down', async () => {
    await using site = await openSite();
    const { id } = await site.chat.as('anna')('upload', { room: 'room', name: 'a.png', bytes: png.length });
    const { attachments, db } = site.chat.chat;
    await db.updateTable('chat_uploads').set({ state: 'receiving', claim: 'x' }).execute();
    await mkdir(attachments.incomingFolder, { recursive: true });
    const path = join(attachments.incomingFolder, `${id}.x`);
    await writeFile(path, png);
    const began = site.chat.clock.now() / 1_000;
    await utimes(path, began, began);
    await writeFile(join(attachments.incomingFolder, 'stored'), png);
    await attachments.storage.put(`${id.slice(-2)}/${id}`, {
      path: join(attachments.incomingFolder, 'stored'),
      bytes: png.length,
      sha256: '',
    });
    await attachments.sweep();
    expect(await site.files()).toHaveLength(2);
    await site.chat.clock.advance(2 * hour);
    await expect.poll(() => site.files()).toEqual([]);
    expect(await uploadRows(site)).toEqual([]);
  });

  test('at a start, what was being received goes, and may be sent again', async () => {
    await using site = await openSite();
    const { url } = await site.chat.as('anna')('upload', { room: 'room', name: 'a.png', bytes: png.length });
    const { attachments, db } = site.chat.chat;
    await db.updateTable('chat_uploads').set({ state: 'receiving', claim: 'x' }).execute();
    await mkdir(attachments.incomingFolder, { recursive: true });
    await writeFile(join(attachments.incomingFolder, 'x.x'), png);
    await attachments.stop();
    await attachments.start();
    expect(await site.files()).toEqual([]);
    expect(await uploadRows(site)).toEqual([{ state: 'open' }]);
    expect(url).toContain('?upload=');
  });

  test('tries again what the storage could not remove', async () => {
    let broken = true;
    const deleted: string[] = [];
    const storage = {
      put: async () => {},
      read: () => Promise.reject(new Error('unused')),
      async delete(key: string) {
        if (broken) throw new Error('the storage is away');
        deleted.push(key);
      },
      stop() {},
    };
    await using site = await openSite({ parts: { storage: () => storage } });
    const id = await site.upload('anna');
    await site.chat.as('anna')('send', { room: 'room', attachments: [id] });
    await site.chat.as('anna')('delete', { room: 'room', seq: 1 });
    expect(await site.chat.chat.attachments.sweep()).toBe(0);
    broken = false;
    expect(await site.chat.chat.attachments.sweep()).toBe(1);
    expect(deleted).toEqual([`${id.slice(-2)}/${id}`]);
    expect(await site.chat.chat.attachments.sweep()).toBe(0);
  });
});
