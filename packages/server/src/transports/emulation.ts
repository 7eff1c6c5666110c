/**
 * `POST /emulation`: the way in for connections whose own transport only goes from server to client. The request may
 * reach any node; the node that holds the connection is named in it, so no sticky sessions are needed.
 *
 * `{"session","node","data"}` in JSON, where `data` is a JSON *string* that holds the commands (so the SDKs send it), or
 * an `EmulationRequest` in Protobuf (`application/octet-stream`), where `data` holds the commands themselves.
 */
import { DecodeError, jsonCodec, protobufCodec, type CodecName } from '@tidings/protocol';
import type { Config } from '../config/schema.ts';
import { readBody } from '../http/body.ts';
import { HttpError } from '../http/http-error.ts';
import type { HttpExchange, HttpRoute } from '../http/route.ts';
import { codecOf, decodeRequest } from './http-request.ts';
import type { SessionRegistry } from './sessions.ts';

export interface EmulationOptions {
  /** Id of this node. */
  readonly nodeId: string;
  readonly sessions: SessionRegistry;
  readonly limits: Pick<Config['limits'], 'messageSize'>;
  /**
   * Sends the commands to the node that holds the session, which calls `sessions.deliver`.
   * @returns false if it is known that there is no such node. A rejection is answered 500.
   */
  readonly forward: (nodeId: string, session: string, frame: Uint8Array) => Promise<boolean>;
}

/** Room for ids, and for the escapes of commands inside a JSON string. */
const overheadBytes = 1024;
const escapeFactor = 2;

/** Answers 204 when the commands are delivered or on their way, 400, 404 for an unknown node or session, or 413. */
export function emulationRoutes(options: EmulationOptions): HttpRoute[] {
  const { messageSize } = options.limits;
  async function handle({ request, response }: HttpExchange): Promise<void> {
    const codec = codecOf(request);
    const body = await readBody(request, messageSize * (codec === 'json' ? escapeFactor : 1) + overheadBytes);
    const { session, node, frame } = decodeRequest(() => decode(codec, body));
    if (frame.length > messageSize) throw new HttpError(413, `the commands are larger than ${messageSize} bytes`);
    const delivered =
      node === options.nodeId ? options.sessions.deliver(session, frame) : await options.forward(node, session, frame);
    if (!delivered) throw new HttpError(404, 'unknown session: connect again');
    response.writeHead(204).end();
  }
  return [{ method: 'POST', path: '/emulation', audience: 'client', handle }];
}

/** @throws DecodeError */
function decode(codec: CodecName, body: Uint8Array): { session: string; node: string; frame: Uint8Array } {
  const { session, node, data } = (codec === 'json' ? jsonCodec : protobufCodec).decodeEmulation(body);
  if (!session || !node) throw new DecodeError('session and node must be set');
  if (!data || data.length === 0) throw new DecodeError('data must hold commands');
  return { session, node, frame: data };
}
