import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { systemClock, type Clock } from '../../../lib/clock.ts';
import { testAttachmentStorage } from '../testing/attachment-storage-suite.ts';
import { S3Peer } from '../testing/s3-peer.ts';
import { emptyHash, encodePath, signRequest } from './aws-signature.ts';
import { DiskStorage } from './disk-storage.ts';
import { S3Error, S3Storage } from './s3-storage.ts';

const account = { accessKeyId: 'AKID', secretAccessKey: 'very secret', region: 'eu-central-1', bucket: 'files' };
/** Waits as the real one does, only shorter. */
const hurried: Clock = { ...systemClock, setTimeout: (fn, ms) => systemClock.setTimeout(fn, ms / 100) };

function storageAt(peer: S3Peer, options: Partial<typeof account> = {}): S3Storage {
  return new S3Storage({ ...account, ...options, endpoint: peer.endpoint, prefix: 'chat (1)/', clock: hurried });
}

testAttachmentStorage('DiskStorage', async (folder) => ({
  storage: new DiskStorage(join(folder, 'files')),
  remove: async () => {},
}));

testAttachmentStorage('S3Storage', async () => {
  const peer = await new S3Peer(account).start();
  return { storage: storageAt(peer), remove: () => peer[Symbol.asyncDispose]() };
});

describe('S3Storage', () => {
  const bytes = 'hello';
  const sha256 = '2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824';

  async function file(): Promise<{ path: string; bytes: number; sha256: string } & AsyncDisposable> {
    const folder = await mkdtemp(join(tmpdir(), 'tidings-s3-'));
    const path = join(folder, 'file');
    await writeFile(path, bytes);
    const remove = () => rm(folder, { recursive: true, force: true });
    return { path, bytes: bytes.length, sha256, [Symbol.asyncDispose]: remove };
  }

  test('puts the prefix in front of keys', async () => {
    await using peer = await new S3Peer(account).start();
    await using received = await file();
    await storageAt(peer).put('ab/x', received);
    expect([...peer.objects.keys()]).toEqual(['chat (1)/ab/x']);
  });

  test.each(['status', 'cut'] as const)('tries again what failed (%s), and gives up in the end', async (how) => {
    await using peer = await new S3Peer(account).start();
    await using received = await file();
    peer.failing = { times: 2, how };
    await storageAt(peer).put('ab/x', received);
    expect(peer.objects.get('chat (1)/ab/x')?.toString()).toBe(bytes);
    peer.failing = { times: 100, how };
    await expect(storageAt(peer).delete('ab/x')).rejects.toThrow();
    expect(peer.failing.times).toBe(96);
  });

  test('is refused at once with a wrong key, and says why', async () => {
    await using peer = await new S3Peer(account).start();
    await using received = await file();
    await expect(storageAt(peer, { secretAccessKey: 'wrong' }).put('ab/x', received)).rejects.toThrow(
      new S3Error(403, 'SignatureDoesNotMatch'),
    );
    await expect(storageAt(peer, { bucket: 'other' }).delete('ab/x')).rejects.toThrow('404 NoSuchBucket');
  });
});

/** The examples of the S3 API reference, "Authenticating Requests: Using the Authorization Header". */
describe('the signature', () => {
  const credentials = {
    accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
    secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
    region: 'us-east-1',
  };
  const nowMs = Date.UTC(2013, 4, 24);
  const host = 'https://examplebucket.s3.amazonaws.com';

  test.each([
    [
      'GET',
      '/test.txt',
      { range: 'bytes=0-9' },
      emptyHash,
      'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
    ],
    [
      'PUT',
      '/test%24file.text',
      { date: 'Fri, 24 May 2013 00:00:00 GMT', 'x-amz-storage-class': 'REDUCED_REDUNDANCY' },
      '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072',
      '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
    ],
    ['GET', '/?lifecycle', {}, emptyHash, 'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543'],
    ['GET', '/?max-keys=2&prefix=J', {}, emptyHash, '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7'],
  ])('is that of the examples: %s %s', (method, path, headers, payloadHash, signature) => {
    const signed = signRequest({ method, url: new URL(path, host), headers, payloadHash, nowMs }, credentials);
    expect(signed['authorization']).toContain(`Signature=${signature}`);
  });

  test('every character of a path but the unreserved ones is encoded', () => {
    expect(encodePath("a b/c$d!'()*é")).toBe('a%20b/c%24d%21%27%28%29%2A%C3%A9');
  });
});
