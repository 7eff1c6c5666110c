/** Whether this node lives, and whether it should get traffic. For load balancers and orchestrators. */
import { sendJson } from './respond.ts';
import type { HttpRoute } from './route.ts';

export interface Readiness {
  /** Started, not draining, and the broker answers; otherwise the reasons, for people. */
  ready(): { ok: boolean; reasons: string[] } | Promise<{ ok: boolean; reasons: string[] }>;
}

/**
 * `GET /health`: 200 as long as the process answers. `GET /ready`: 200, or 503 with reasons; a `ready` that throws is
 * a reason too.
 */
export function healthRoutes(readiness: Readiness): HttpRoute[] {
  return [
    {
      method: 'GET',
      path: '/health',
      audience: 'server',
      handle: ({ response }) => {
        response.setHeader('Cache-Control', 'no-store');
        sendJson(response, 200, {});
      },
    },
    {
      method: 'GET',
      path: '/ready',
      audience: 'server',
      handle: async ({ response }) => {
        response.setHeader('Cache-Control', 'no-store');
        const { ok, reasons } = await ask(readiness);
        sendJson(response, ok ? 200 : 503, ok ? {} : { reasons });
      },
    },
  ];
}

async function ask(readiness: Readiness): Promise<{ ok: boolean; reasons: string[] }> {
  try {
    return await readiness.ready();
  } catch {
    return { ok: false, reasons: ['the check itself failed'] };
  }
}
