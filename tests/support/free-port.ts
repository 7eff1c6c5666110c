/** A port nobody listens on, for a server under test. */
import { createServer, type AddressInfo } from 'node:net';

/** @returns a free port of 127.0.0.1. Somebody else could take it before it is used; nobody does in practice. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
