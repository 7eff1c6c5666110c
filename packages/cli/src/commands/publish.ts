/** `tidings publish`: publishes through the server API. */
import { apiOptions, callApi } from '../api-call.ts';
import { UsageError, type Command } from '../command.ts';

export const publish: Command = {
  name: 'publish',
  summary: 'Publish to a channel through the server API.',
  usage: '<channel> <json> [options]',
  options: {
    ...apiOptions,
  },
  details: `With - for the JSON it is read from standard input.

  tidings publish news '{"text":"Hello"}'
  echo '"Hello"' | tidings publish news -`,

  async run({ values, positionals, terminal }) {
    const [channel, written, ...more] = positionals;
    if (channel === undefined || channel === '' || written === undefined || more.length > 0) {
      throw new UsageError('give a channel and JSON, in quotes: tidings publish news \'{"text":"Hello"}\'');
    }
    const data = parseData(written === '-' ? await terminal.readInput() : written);
    // The JSON as it was written: parsing it could change its numbers.
    const result = await callApi('publish', `{"channel":${JSON.stringify(channel)},"data":${data}}`, values, terminal);
    terminal.print(describeResult(result));
    return 0;
  },
};

/** @returns the JSON as it was written. */
function parseData(written: string): string {
  try {
    JSON.parse(written);
    return written;
  } catch {
    throw new UsageError(`the data is no JSON; a text needs quotes of its own: '"Hello"'`);
  }
}

function describeResult({ offset, epoch }: { offset?: number; epoch?: string }): string {
  return offset === undefined ? 'published' : `published at offset ${offset} of epoch ${epoch ?? ''}`;
}
