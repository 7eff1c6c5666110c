/** Calls of clients: commands of modules, and whatever else to the application. */
import { errors, isJson, ProtocolError, type Payload, type RpcRequest, type RpcResult } from '@tidings/protocol';
import type { Client } from './client.ts';
import { invalidInput, type Caller } from './commands.ts';
import { hookClient, type Core } from './core.ts';

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * A client calls `chat.send` of a module, or anything of the application.
 * @throws ProtocolError 104 for an unknown command of a module, 108 for anything else without a handler, 100 for an
 * answer that is no answer, or what the command or the handler answers.
 */
export function rpcFromClient(core: Core, client: Client, request: RpcRequest): Promise<RpcResult> {
  const method = request.method ?? '';
  return core.commands.owns(method)
    ? runCommand(core, client, method, request.data)
    : callApplication(core, client, method, request.data);
}

async function callApplication(
  core: Core,
  client: Client,
  method: string,
  data: Payload | undefined,
): Promise<RpcResult> {
  if (!core.hooks.rpc) {
    throw new ProtocolError(errors.notAvailable, { detail: 'rpc needs hooks.rpc, or hooks of an embedded engine' });
  }
  const answer = await core.hooks.rpc({ ...hookClient(client), method, data });
  if (!answer?.data) return {};
  if (client.handshake.format.codec === 'json' && !isJson(answer.data)) {
    throw new ProtocolError(errors.internal, {
      detail: 'the rpc hook answered a JSON client with data that is not JSON',
    });
  }
  return { data: answer.data };
}

function runCommand({ commands }: Core, client: Client, method: string, data: Payload | undefined): Promise<RpcResult> {
  const hasData = data !== undefined && data.length > 0;
  // JSON clients send nothing else; those with Protobuf may send anything.
  if (hasData && client.handshake.format.codec !== 'json' && !isJson(data)) {
    const group = commands.groups.find(({ module }) => method.startsWith(`${module}.`));
    if (group) throw invalidInput(group, 'the data is not JSON');
  }
  const input: unknown = hasData ? JSON.parse(decoder.decode(data)) : undefined;
  return commands.run(method, new ClientCaller(client), input).then(toResult);
}

function toResult(output: unknown): RpcResult {
  return { data: Buffer.from(JSON.stringify(output ?? {})) };
}

class ClientCaller implements Caller {
  readonly user: string;
  readonly system = false;
  readonly client: string;
  readonly #client: Client;

  constructor(client: Client) {
    this.user = client.user;
    this.client = client.id;
    this.#client = client;
  }

  /** Made when a permission first asks. */
  get auth(): Client['auth'] {
    return this.#client.auth;
  }
}
