/** The version of this server, as clients and operators see it. */
import { readFileSync } from 'node:fs';

// Read, not imported: the manifest stands beside both `src` and the built `dist`.
const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };

export const version: string = manifest.version;
