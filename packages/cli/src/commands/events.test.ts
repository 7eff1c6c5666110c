import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEngine } from '@tidings/server';
import { expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { runInProcess } from '../testing/run-command.ts';

test('what the back end did not take is listed, tried again and dropped', async () => {
  let status = 500;
  const taken: string[] = [];
  const backEnd = createServer((request, response) => {
    request.on('data', (body: Buffer) => {
      if (status === 200) taken.push((JSON.parse(body.toString()) as { type: string }).type);
    });
    request.on('end', () => response.writeHead(status).end());
  });
  await new Promise<void>((resolve) => backEnd.listen(0, '127.0.0.1', resolve));
  const dataDir = await mkdtemp(join(tmpdir(), 'tidings-events-'));
  await using engine = createEngine({
    config: {
      mode: 'development',
      listen: { port: 0 },
      log: { level: 'silent' },
      dataDir,
      auth: { anonymous: true },
      events: {
        url: `http://127.0.0.1:${(backEnd.address() as AddressInfo).port}`,
        maxAttempts: 1,
        types: ['connected', 'disconnected'],
      },
    },
  });
  try {
    await engine.start();
    const port = engine.address?.port;
    const events = (...args: string[]) => runInProcess(['events', ...args, '--url', `http://127.0.0.1:${port}`]);
    expect(await events()).toMatchObject({ code: 0, stdout: 'no dead letters' });

    const socket = new WebSocket(`ws://127.0.0.1:${port}/connection/websocket`);
    await new Promise((resolve) => socket.once('open', resolve));
    socket.send('{"id":1,"connect":{}}');
    await expect
      .poll(async () => (await events('list')).stdout)
      .toMatch(/connected {2}client:\S+ {2}1 attempts: status 500$/);
    socket.close();
    await expect.poll(async () => (await events()).stdout.split('\n')).toHaveLength(2);
    const first = await events('list', '--limit', '1');
    expect(first.stdout.split('\n')).toHaveLength(1);
    expect(first.stderr).toContain('there are more');

    const letters = (await events('list', '--json')).stdout
      .split('\n')
      .map((line) => JSON.parse(line) as { id: string; event: { type: string; node: string } });
    expect(letters.map(({ event }) => event.type).toSorted()).toEqual(['connected', 'disconnected']);
    expect(letters[0]?.event.node).toBe(engine.nodeId);

    status = 200;
    const connected = letters.find(({ event }) => event.type === 'connected')?.id ?? '';
    expect(await events('retry', connected)).toMatchObject({ code: 0, stdout: 'tried again: 1' });
    await expect.poll(() => taken).toEqual(['connected']);
    expect(await events('drop', '--all')).toMatchObject({ code: 0, stdout: 'dropped: 1' });
    expect((await events()).stdout).toBe('no dead letters');
  } finally {
    backEnd.closeAllConnections();
    backEnd.close();
    await rm(dataDir, { recursive: true });
  }
});
