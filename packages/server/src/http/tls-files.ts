/** Certificate and key from files, with errors that name the file. */
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';

export interface TlsFiles {
  /** Certificate chain in PEM. */
  readonly certFile: string;
  /** Private key in PEM. */
  readonly keyFile: string;
}

/** @throws Error naming the setting and the file that cannot be read, or saying why the two do not serve together. */
export async function readTlsFiles(files: TlsFiles): Promise<{ cert: Buffer; key: Buffer }> {
  const [cert, key] = await Promise.all([
    readNamed('tls.certFile', files.certFile),
    readNamed('tls.keyFile', files.keyFile),
  ]);
  try {
    createSecureContext({ cert, key });
  } catch (error) {
    throw new Error(`tls: ${files.certFile} and ${files.keyFile} cannot be used: ${(error as Error).message}`, {
      cause: error,
    });
  }
  return { cert, key };
}

async function readNamed(setting: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw new Error(`${setting}: cannot read ${path}: ${(error as Error).message}`, { cause: error });
  }
}
