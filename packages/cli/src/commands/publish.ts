/** `tidings publish`: publishes through the server API. */
import { text, UsageError, type Command } from '../command.ts';

/** An answer that takes longer will not come. */
const timeoutMs = 10_000;

export const publish: Command = {
  name: 'publish',
  summary: 'Publish to a channel through the server API.',
  usage: '<channel> <json> [options]',
  options: {
    url: { type: 'string', value: 'url', default: 'http://127.0.0.1:8000', description: 'address of the server' },
    key: {
      type: 'string',
      short: 'k',
      value: 'key',
      description: 'key of the server API; default: the first of TIDINGS_API_KEYS; none is needed in development mode',
    },
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
    const url = endpoint(text(values, 'url') ?? '');
    const key = text(values, 'key') ?? terminal.env['TIDINGS_API_KEYS']?.split(',')[0]?.trim();
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', ...(key && { 'X-API-Key': key }) },
      // The JSON as it was written: parsing it could change its numbers.
      body: `{"channel":${JSON.stringify(channel)},"data":${data}}`,
      signal: AbortSignal.timeout(timeoutMs),
    }).catch((error: unknown) => {
      throw new Error(
        `cannot reach ${url.origin}: ${reasonOf(error)}. Is the server running? (tidings dev, tidings serve, --url)`,
      );
    });
    terminal.print(describeResult(await response.text(), response.status));
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

function endpoint(url: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || !/^https?:$/.test(parsed.protocol)) {
    throw new UsageError(`--url is ${JSON.stringify(url)}; valid is http://… or https://…`);
  }
  return new URL(`${parsed.pathname.replace(/\/+$/, '').replace(/\/api$/, '')}/api/publish`, parsed);
}

function reasonOf(error: unknown): string {
  const cause = (error as { cause?: { code?: string; message?: string } }).cause;
  return cause?.code ?? cause?.message ?? (error as Error).message;
}

/** @throws Error with what the server said, if it refused. */
function describeResult(body: string, status: number): string {
  let answer: { result?: { offset?: number; epoch?: string }; error?: { code?: number; message?: string } };
  try {
    answer = JSON.parse(body) as typeof answer;
  } catch {
    throw new Error(`this is no Tidings server: HTTP status ${status}`);
  }
  if (status === 401 || status === 403) throw new Error('the server wants a key of its API: give --key (api.keys)');
  if (answer.error !== undefined || status !== 200) {
    throw new Error(
      `refused: ${answer.error?.code ?? `HTTP status ${status}`} ${answer.error?.message ?? ''}`.trimEnd(),
    );
  }
  const { offset, epoch } = answer.result ?? {};
  return offset === undefined ? 'published' : `published at offset ${offset} of epoch ${epoch ?? ''}`;
}
