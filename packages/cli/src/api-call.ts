/** Calls the server API of a running server, for commands that ask it something. */
import { text, UsageError, type Command, type OptionValues } from './command.ts';
import type { Terminal } from './terminal.ts';

/** An answer that takes longer will not come. */
const timeoutMs = 10_000;

/** Where the server is, and its key. */
export const apiOptions: Command['options'] = {
  url: { type: 'string', value: 'url', default: 'http://127.0.0.1:8000', description: 'address of the server' },
  key: {
    type: 'string',
    short: 'k',
    value: 'key',
    description: 'key of the server API; default: the first of TIDINGS_API_KEYS; none is needed in development mode',
  },
};

/**
 * @param body the request: JSON text.
 * @param values options given, among them `apiOptions`.
 * @returns the result.
 * @throws Error with what the server said, if it refused; UsageError for an address that is none.
 */
export async function callApi<Result extends object>(
  method: string,
  body: string,
  values: OptionValues,
  terminal: Terminal,
): Promise<Result> {
  const url = endpoint(text(values, 'url') ?? '', method);
  const key = text(values, 'key') ?? terminal.env['TIDINGS_API_KEYS']?.split(',')[0]?.trim();
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...(key && { 'X-API-Key': key }) },
    body,
    signal: AbortSignal.timeout(timeoutMs),
  }).catch((error: unknown) => {
    throw new Error(
      `cannot reach ${url.origin}: ${reasonOf(error)}. Is the server running? (tidings dev, tidings serve, --url)`,
    );
  });
  return resultOf(await response.text(), response.status);
}

function endpoint(url: string, method: string): URL {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || !/^https?:$/.test(parsed.protocol)) {
    throw new UsageError(`--url is ${JSON.stringify(url)}; valid is http://… or https://…`);
  }
  return new URL(`${parsed.pathname.replace(/\/+$/, '').replace(/\/api$/, '')}/api/${method}`, parsed);
}

function reasonOf(error: unknown): string {
  const cause = (error as { cause?: { code?: string; message?: string } }).cause;
  return cause?.code ?? cause?.message ?? (error as Error).message;
}

function resultOf<Result extends object>(body: string, status: number): Result {
  let answer: { result?: Result; error?: { code?: number; message?: string } };
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
  return answer.result ?? ({} as Result);
}
