/**
 * Signing in to the demo by picking a name: `POST /dev/sign-in` and `POST /dev/token`. Anybody can be anybody here, so
 * there are these routes in development mode only, and for this machine only.
 */
import { HttpError, isLocalRequest, readBody, type HttpExchange, type HttpRoute } from '@tidings/server';
import type { DemoPeople } from './demo-people.ts';

const maxBodyBytes = 4_096;
const bodyTimeoutMs = 5_000;

/** @param people resolves when the demo is ready. */
export function demoRoutes(people: () => Promise<DemoPeople>): HttpRoute[] {
  return [
    post('/dev/sign-in', async (body) => (await people()).signIn(textOf(body, 'name'))),
    post('/dev/token', async (body) => (await people()).renew(textOf(body, 'user'))),
  ];
}

function post(path: string, answer: (body: Readonly<Record<string, unknown>>) => Promise<unknown>): HttpRoute {
  return {
    method: 'POST',
    path,
    audience: 'server',
    async handle(exchange) {
      if (!isLocalRequest(exchange)) {
        exchange.request.resume();
        throw new HttpError(403, 'only pages of this server and programs on this machine may sign in, under localhost');
      }
      const text = JSON.stringify(await answer(await readObject(exchange)));
      exchange.response.writeHead(200, {
        'Content-Type': 'application/json; charset=utf-8',
        'Content-Length': Buffer.byteLength(text),
        'Cache-Control': 'no-store',
      });
      exchange.response.end(text);
    },
  };
}

/** @throws HttpError 400 for what is no JSON object. */
async function readObject({ request }: HttpExchange): Promise<Readonly<Record<string, unknown>>> {
  const bytes = await readBody(request, maxBodyBytes, bodyTimeoutMs);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new HttpError(400, 'the body is not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new HttpError(400, 'the body is not a JSON object');
  }
  return value as Readonly<Record<string, unknown>>;
}

function textOf(body: Readonly<Record<string, unknown>>, name: string): string {
  const value = body[name];
  if (typeof value === 'string' && value.isWellFormed()) return value;
  throw new HttpError(400, `${name}: expected a text`);
}
