/** Serves one streaming HTTP transport, and the emulation that belongs to it, to `transport-suite.ts`. */
import { pino } from 'pino';
import { expect } from 'vitest';
import type { Format } from '@tidings/protocol';
import type { HttpRoute } from '../http/route.ts';
import { emulationRoutes } from '../transports/emulation.ts';
import { SessionRegistry } from '../transports/sessions.ts';
import type { HttpTransportOptions } from '../transports/streaming-response.ts';
import { eventually } from './conformance.ts';
import { listen } from './http-listener.ts';
import { scriptedNodeId } from './scripted-application.ts';
import { abortPost, dialStream, firstFrame } from './transport-clients.ts';
import type { TransportFactory } from './transport-suite.ts';

export function streamFactory(
  path: string,
  format: Format,
  routes: (options: HttpTransportOptions) => HttpRoute[],
): TransportFactory {
  return {
    async start(accept, { maxMessageBytes, clock }) {
      const sessions = new SessionRegistry();
      const limits = { messageSize: maxMessageBytes };
      const logger = pino({ enabled: false });
      const listener = await listen([
        ...routes({ accept, sessions, limits, clock, logger, forwardHeaders: [] }),
        ...emulationRoutes({ nodeId: scriptedNodeId, sessions, limits, forward: async () => false }),
      ]);
      const target = { port: listener.port, path, format };
      return {
        dial: (connect) => dialStream(target, firstFrame(format, connect)),
        dialRaw: (first) => dialStream(target, first),
        abort: () => abortPost(listener.port, path),
        async stop() {
          await listener.stop();
          if (listener.errors.length > 0) throw listener.errors[0];
          await eventually(() => expect(sessions.size).toBe(0));
        },
      };
    },
  };
}
