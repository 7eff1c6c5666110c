/** Files on their way to a real server, over `fetch`, as in Node. Browsers: `tabs.browser.test.ts`. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Engine } from '@tidings/server';
import { createClient, type TidingsClient } from '@tidings/client';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { jwt, portOf, secret, startServer } from '../sdk/support.ts';

let folder: string;
let engine: Engine;
let client: TidingsClient;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidings-uploads-'));
  const config = {
    auth: { jwt: { hmacSecret: secret } },
    dataDir: folder,
    chat: { enabled: true, limits: { uploadSize: '1MB', attachments: 2 } },
  };
  engine = await startServer({ config });
  const url = `http://127.0.0.1:${portOf(engine)}`;
  client = createClient({ url, token: jwt({ sub: 'ann' }) });
  client.connect();
  await vi.waitFor(() => expect(client.connection.state.get().status).toBe('online'), { timeout: 10_000 });
  await client.chat.createRoom({ kind: 'group', id: 'room' });
});

afterAll(async () => {
  await client?.close();
  await engine?.stop();
  await rm(folder, { recursive: true, force: true });
});

const text = (bytes: number): string => 'hello '.repeat(bytes / 6 + 1).slice(0, bytes);
const file = (bytes: number, name = 'hello.txt', type = 'text/plain'): File => new File([text(bytes)], name, { type });

test('a file arrives whole, is told how far it is, and can be read by its link', async () => {
  await using room = client.chat.room('room');
  const states: string[] = [];
  const attachment = await room.upload(file(500_000), { onProgress: ({ state }) => void states.push(state) });
  expect(attachment).toMatchObject({ name: 'hello.txt', bytes: 500_000, contentType: 'text/plain' });
  expect(states.at(-1)).toBe('uploaded');
  room.send({ text: 'with a file', files: [file(300_000, 'second.txt')] });
  await expect.poll(() => room.messages.get().messages.at(-1)?.state).toBe('sent');
  const sent = room.messages.get().messages.at(-1);
  expect(sent?.attachments).toMatchObject([{ name: 'second.txt', bytes: 300_000 }]);
  const [first] = sent?.attachments ?? [];
  const link = await client.chat.attachmentUrl(first!);
  expect(await (await fetch(link)).text()).toBe(text(300_000));
});

test('what the server refuses is told with its code, and the rest goes on', async () => {
  await using room = client.chat.room('room');
  await expect(room.upload(file(1_200_000))).rejects.toMatchObject({ code: 606, isTemporary: false });
  await expect(room.upload(file(10, 'x.exe', 'application/x-msdownload'))).rejects.toMatchObject({ code: 618 });
  // It says text, and its bytes say otherwise: refused by the answer to the bytes.
  const disguised = new File([new Uint8Array([0x4d, 0x5a, 0x90, 0, 3, 0, 0, 0])], 'a.txt', { type: 'text/plain' });
  await expect(room.upload(disguised)).rejects.toMatchObject({ code: 618, isTemporary: false });
  const tooMany = room.send({ text: 'three', files: [file(10), file(10), file(10)] });
  room.send({ text: 'after it' });
  await expect.poll(() => room.messages.get().messages.find((one) => one.text === 'after it')?.state).toBe('sent');
  const refused = room.messages.get().messages.find(({ key }) => key === tooMany);
  expect(refused).toMatchObject({ state: 'failed', failure: { code: 607 } });
  room.discard(tooMany);
});

test('an upload that is given up ends, and nothing is shown of it', async () => {
  await using room = client.chat.room('room');
  const giving = new AbortController();
  const upload = room.upload(file(900_000), { signal: giving.signal });
  giving.abort();
  await expect(upload).rejects.toMatchObject({ code: 4 });
});

test('where nobody answers, it is a temporary failure of the network', async () => {
  const { uploadFile } = await import('../../packages/client/src/chat/uploads/upload.ts');
  const call = () => Promise.resolve({ id: 'x', url: '/chat/attachments/x?upload=y', expiresAt: 0 });
  const upload = uploadFile({ call, httpUrl: 'http://127.0.0.1:1' } as never, {
    room: 'room',
    name: 'a',
    bytes: file(10),
  });
  await expect(upload).rejects.toMatchObject({ code: 6, isTemporary: true });
});
