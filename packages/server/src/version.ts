/** The version of this server, as clients and operators see it. */
import manifest from '../package.json' with { type: 'json' };

export const version: string = manifest.version;
