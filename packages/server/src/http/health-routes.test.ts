import { expect, test } from 'vitest';
import { healthRoutes } from './health-routes.ts';
import { startTestServer } from './http-test-server.ts';

test('health answers always, readiness with reasons', async () => {
  let state = { ok: true, reasons: [] as string[] };
  await using http = await startTestServer({ routes: healthRoutes({ ready: () => state }) });
  const get = async (path: string): Promise<unknown> => {
    const response = await fetch(http.url + path);
    return [response.status, await response.json()];
  };
  expect(await get('/health')).toEqual([200, {}]);
  expect(await get('/ready')).toEqual([200, {}]);
  state = { ok: false, reasons: ['draining'] };
  expect(await get('/ready')).toEqual([503, { reasons: ['draining'] }]);
  expect(await get('/health')).toEqual([200, {}]);
});

test('a check that fails is not ready', async () => {
  const ready = (): Promise<never> => Promise.reject(new Error('secret'));
  await using http = await startTestServer({ routes: healthRoutes({ ready }) });
  const response = await fetch(`${http.url}/ready`);
  expect(response.status).toBe(503);
  expect(await response.text()).not.toContain('secret');
});
