/** `GET /metrics` for Prometheus. */
import type { ApiKeys } from './api-keys.ts';
import type { Prometheus } from './prometheus.ts';
import { sendBody } from './respond.ts';
import type { HttpRoute } from './route.ts';

export interface MetricsRoutesOptions {
  readonly prometheus: Prometheus;
  /**
   * `open`: for the internal listener, and for development. `key`: for a public listener in production; scrapers send a
   * key of the server API as `Authorization: Bearer`.
   */
  readonly access: { readonly type: 'open' } | { readonly type: 'key'; readonly keys: ApiKeys };
}

export function metricsRoutes({ prometheus, access }: MetricsRoutesOptions): HttpRoute[] {
  return [
    {
      method: 'GET',
      path: '/metrics',
      audience: 'server',
      handle: async (exchange) => {
        if (access.type === 'key') access.keys.check(exchange);
        const { contentType, text } = await prometheus.text();
        exchange.response.setHeader('Cache-Control', 'no-store');
        sendBody(exchange.response, 200, contentType, text);
      },
    },
  ];
}
