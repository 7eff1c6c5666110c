/** Calls of clients to the application. */
import { errors, isJson, ProtocolError, type RpcRequest, type RpcResult } from '@tidings/protocol';
import type { Client } from './client.ts';
import { hookClient, type Core } from './core.ts';

/** @throws ProtocolError 108 without a handler, 100 for an answer that is no answer, or what the handler answers. */
export async function rpcFromClient(core: Core, client: Client, request: RpcRequest): Promise<RpcResult> {
  if (!core.hooks.rpc) {
    throw new ProtocolError(errors.notAvailable, { detail: 'rpc needs hooks.rpc, or hooks of an embedded engine' });
  }
  const answer = await core.hooks.rpc({ ...hookClient(client), method: request.method ?? '', data: request.data });
  if (!answer?.data) return {};
  if (client.handshake.format.codec === 'json' && !isJson(answer.data)) {
    throw new ProtocolError(errors.internal, {
      detail: 'the rpc hook answered a JSON client with data that is not JSON',
    });
  }
  return { data: answer.data };
}
