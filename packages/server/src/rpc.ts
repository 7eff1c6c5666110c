/** Calls of clients to the application. */
import { errors, ProtocolError, type RpcRequest, type RpcResult } from '@tidings/protocol';
import type { Client } from './client.ts';
import { hookClient, type Core } from './core.ts';

/** @throws ProtocolError 108 without a handler, or what the handler answers. */
export async function rpcFromClient(core: Core, client: Client, request: RpcRequest): Promise<RpcResult> {
  if (!core.hooks.rpc) {
    throw new ProtocolError(errors.notAvailable, { detail: 'rpc needs hooks.rpc, or hooks of an embedded engine' });
  }
  const answer = await core.hooks.rpc({ ...hookClient(client), method: request.method ?? '', data: request.data });
  return answer?.data ? { data: answer.data } : {};
}
