/** `tidings gen-config`: a configuration to start from, or the reference page. */
import { randomBytes } from 'node:crypto';
import { flag, text, UsageError, type Command } from '../command.ts';
import { configurationPage } from '../configuration-page.ts';
import { configFormats, generateConfig } from '../generate-config.ts';

export const genConfig: Command = {
  name: 'gen-config',
  summary: 'Write a complete configuration with comments and random secrets.',
  usage: '[--format yaml|json|ts] [--docs]',
  options: {
    format: {
      type: 'string',
      short: 'f',
      value: configFormats.join('|'),
      default: 'yaml',
      description: 'format of the file',
    },
    docs: { type: 'boolean', description: 'write the reference page docs/configuration.md instead' },
  },
  details: `  tidings gen-config > tidings.config.yaml
  tidings check-config`,

  async run({ values, positionals, terminal }) {
    if (positionals.length > 0) {
      throw new UsageError(`unexpected argument ${JSON.stringify(positionals[0])}; redirect the output into a file`);
    }
    const format = configFormats.find((name) => name === text(values, 'format'));
    if (format === undefined) {
      throw new UsageError(`--format is ${JSON.stringify(values['format'])}; valid: ${configFormats.join(', ')}`);
    }
    const written = flag(values, 'docs') ? configurationPage() : generateConfig(format, randomSecret);
    terminal.print(written.trimEnd());
    return 0;
  },
};

/** 256 random bits: what RFC 7518 §3.2 asks of a key for HS256. */
function randomSecret(): string {
  return randomBytes(32).toString('base64url');
}
