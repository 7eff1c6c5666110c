import { FakeClock } from '@tidings/server/testing';
import { expect, test } from 'vitest';
import { TidingsError } from '../../error.ts';
import { AttachmentUrls } from './attachment-urls.ts';

function setUp() {
  const clock = new FakeClock();
  const calls: string[][] = [];
  let failure: TidingsError | undefined;
  const call = async (_method: string, { ids }: { readonly ids: string[] }): Promise<unknown> => {
    calls.push(ids);
    if (failure) throw failure;
    const there = ids.filter((id) => !id.startsWith('gone'));
    const urls = there.map((id) => ({ id, url: `/files/${id}?n=${calls.length}`, expiresAt: clock.now() + 3_600_000 }));
    return { urls, missing: ids.filter((id) => id.startsWith('gone')) };
  };
  const urls = new AttachmentUrls({ call, httpUrl: 'https://x/base' } as never, clock);
  /** With the time that gathering takes. */
  const get = async (...ids: string[]) => {
    const wanted = Promise.allSettled(ids.map((id) => urls.url({ id })));
    await clock.advance(20);
    return (await wanted).map((one) => (one.status === 'fulfilled' ? one.value : (one.reason as TidingsError).code));
  };
  return { clock, calls, get, fail: (error: TidingsError | undefined) => void (failure = error) };
}

test('many wishes are one call, and each link is asked for once', async () => {
  const { calls, get } = setUp();
  expect(await get('a', 'b', 'a')).toEqual([1, 1, 1].map((n, at) => `https://x/base/files/${'aba'[at]}?n=${n}`));
  expect(await get('b', 'c')).toEqual(['https://x/base/files/b?n=1', 'https://x/base/files/c?n=2']);
  expect(calls).toEqual([['a', 'b'], ['c']]);
});

test('more than one call takes are several', async () => {
  const { calls, get } = setUp();
  const ids = Array.from({ length: 250 }, (_, at) => `f${at}`);
  expect((await get(...ids)).every((url) => typeof url === 'string')).toBe(true);
  expect(calls.map(({ length }) => length)).toEqual([100, 100, 50]);
});

test('a link is asked for anew before it expires', async () => {
  const { clock, calls, get } = setUp();
  await get('a');
  await clock.advance(50 * 60_000);
  await get('a');
  expect(calls).toHaveLength(1);
  await clock.advance(6 * 60_000);
  expect(await get('a')).toEqual(['https://x/base/files/a?n=2']);
});

test('what is missing is told and does not harm the others; what failed is tried again by the next one', async () => {
  const { calls, get, fail } = setUp();
  expect(await get('a', 'gone')).toEqual(['https://x/base/files/a?n=1', 617]);
  fail(TidingsError.of('offline'));
  expect(await get('b', 'c')).toEqual([1, 1]);
  fail(undefined);
  expect(await get('b', 'gone')).toEqual(['https://x/base/files/b?n=3', 617]);
  expect(calls).toHaveLength(3);
});
