import { formats } from '@tidings/protocol';
import { listen } from '../testing/http-listener.ts';
import { abortWebsocket, dialWebsocket, firstFrame } from '../testing/transport-clients.ts';
import { testTransport } from '../testing/transport-suite.ts';
import { WebsocketTransport } from './websocket.ts';

const variants = [
  ['websocket', formats.websocketJson],
  ['websocket', formats.websocketProtobuf],
  ['uni_websocket', formats.uniWebsocketJson],
  ['uni_websocket', formats.uniWebsocketProtobuf],
] as const;

for (const compression of [false, true]) {
  for (const [transport, format] of compression ? variants.slice(0, 2) : variants) {
    testTransport(
      `${transport} ${format.codec}${compression ? ' compressed' : ''}`,
      {
        async start(accept, { maxMessageBytes, clock }) {
          const { upgrades } = new WebsocketTransport({
            accept,
            maxMessageBytes,
            compression: { enabled: compression, minBytes: 100 },
            forwardHeaders: [],
            clock,
            pingIntervalMs: 25_000,
            pongTimeoutMs: 8_000,
            bidirectional: true,
            unidirectional: true,
          });
          const listener = await listen([], upgrades);
          const path = `/connection/${transport}`;
          const target = { port: listener.port, path, format };
          return {
            dial: (connect) => dialWebsocket(target, firstFrame(format, connect)),
            dialRaw: (first) => dialWebsocket(target, first),
            abort: () => abortWebsocket(listener.port, path),
            stop: () => listener.stop(),
          };
        },
      },
      { expected: { transport, format } },
    );
  }
}
