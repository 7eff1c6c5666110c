import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import { createChat, type ChatFixture } from '../testing/chat-fixture.ts';

interface Site extends AsyncDisposable {
  readonly url: string;
  readonly requests: string[];
}

async function serve(listener: RequestListener): Promise<Site> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(request.url ?? '');
    listener(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const page = (title: string) => (response: ServerResponse) =>
  response.writeHead(200, { 'content-type': 'text/html' }).end(`<title>${title}</title>`);

async function openChat(previews: object = {}): Promise<ChatFixture> {
  const chat = await createChat({
    parts: { previewNetwork: { resolve: async () => ['127.0.0.1'] } },
    config: { enabled: true, previews: { enabled: true, allowPrivateAddresses: true, ...previews } },
  });
  await chat.room({ members: ['anna', 'ben'] });
  return chat;
}

async function read(
  chat: ChatFixture,
  seq = 1,
): Promise<{ text?: string; previews?: unknown; rev: number; version: number }> {
  return (await chat.as('anna')('message', { room: 'room', seq })).message;
}

test('a message with links shows, a moment later, what is behind them', async () => {
  await using site = await serve(({ url }, response) => page(`Page ${url}`)(response));
  await using chat = await openChat();
  const text = `look: ${site.url}/a and ${site.url}/b, ${site.url}/c, ${site.url}/d`;
  await chat.as('anna')('send', { room: 'room', text });
  const message = await read(chat);
  expect(message.previews).toEqual(
    ['a', 'b', 'c'].map((name) => ({ url: `${site.url}/${name}`, title: `Page /${name}` })),
  );
  expect(message.version).toBe(1);
  expect(chat.published('chat:room:room')).toMatchObject([
    { type: 'message', message: { rev: 1 } },
    { type: 'message', message: { rev: 2, previews: [{}, {}, {}] } },
  ]);
  expect(chat.eventTypes).toEqual(['chat.message.sent', 'chat.message.changed']);
});

test('links that lead nowhere change nothing', async () => {
  await using site = await serve((_, response) => response.writeHead(500).end());
  await using chat = await openChat();
  await chat.as('anna')('send', { room: 'room', text: `${site.url} and no link` });
  expect(await read(chat)).toMatchObject({ rev: 1 });
  expect(chat.eventTypes).toEqual(['chat.message.sent']);
});

test('without the option nothing is fetched', async () => {
  await using site = await serve((_, response) => page('x')(response));
  await using chat = await openChat({ enabled: false });
  await chat.as('anna')('send', { room: 'room', text: site.url });
  expect(site.requests).toEqual([]);
});

test('private addresses are left alone unless they are allowed', async () => {
  await using site = await serve((_, response) => page('x')(response));
  await using chat = await openChat({ allowPrivateAddresses: false });
  await chat.as('anna')('send', { room: 'room', text: `${site.url} http://localhost/ http://127.0.0.1/` });
  expect(site.requests).toEqual([]);
  expect(await read(chat)).toMatchObject({ rev: 1 });
});

test.each(['edited', 'deleted'])('a message that was %s meanwhile gets no preview of what it said', async (change) => {
  const waiting: ServerResponse[] = [];
  await using site = await serve(({ url }, response) => {
    if (url === '/new') page('new')(response);
    else waiting.push(response);
  });
  await using chat = await openChat();
  const sent = chat.as('anna')('send', { room: 'room', text: `${site.url}/old` });
  await expect.poll(() => waiting).toHaveLength(1);
  const changed =
    change === 'edited'
      ? chat.as('anna')('edit', { room: 'room', seq: 1, text: `${site.url}/new` })
      : chat.as('anna')('delete', { room: 'room', seq: 1 });
  await expect.poll(() => chat.eventTypes.length).toBeGreaterThan(1);
  for (const response of waiting) page('old')(response);
  await Promise.all([sent, changed]);
  const titles = change === 'edited' ? [{ url: `${site.url}/new`, title: 'new' }] : undefined;
  expect((await read(chat)).previews).toEqual(titles);
});

test('an edit that keeps the text keeps its previews, one that changes it drops them', async () => {
  await using site = await serve((_, response) => page('x')(response));
  await using chat = await openChat();
  await chat.as('anna')('send', { room: 'room', text: site.url });
  await chat.as('anna')('edit', { room: 'room', seq: 1, data: { a: 1 } });
  expect((await read(chat)).previews).toHaveLength(1);
  await chat.as('anna')('edit', { room: 'room', seq: 1, text: 'no link' });
  expect((await read(chat)).previews).toBeUndefined();
});

test('a link that many send is fetched once', async () => {
  await using site = await serve((_, response) => page('x')(response));
  await using chat = await openChat();
  await Promise.all(Array.from({ length: 20 }, () => chat.as('anna')('send', { room: 'room', text: site.url })));
  expect(site.requests).toHaveLength(1);
  expect((await read(chat, 20)).previews).toHaveLength(1);
});

test('never more than eight are fetched at once', async () => {
  const waiting: ServerResponse[] = [];
  let most = 0;
  await using site = await serve((_, response) => {
    waiting.push(response);
    most = Math.max(most, waiting.length);
    setTimeout(() => page('x')(waiting.shift() as ServerResponse), 5);
  });
  await using chat = await openChat();
  const send = (n: number) => chat.as('anna')('send', { room: 'room', text: `${site.url}/${n}` });
  await Promise.all(Array.from({ length: 40 }, (_, n) => send(n)));
  expect(site.requests).toHaveLength(40);
  expect(most).toBeLessThanOrEqual(8);
});

test('a server that stops does not wait for links', async () => {
  await using site = await serve(() => {});
  const chat = await openChat();
  void chat
    .as('anna')('send', { room: 'room', text: site.url })
    .catch(() => {});
  await expect.poll(() => site.requests).toHaveLength(1);
  await chat[Symbol.asyncDispose]();
});
