/** The OpenAPI 3.1 document of the server API, made from the table of methods, and the routes that show it. */
import { z } from 'zod';
import { apiDocsPage, apiDocsPolicy } from './api-docs-page.ts';
import { maxBatchCommands } from './api-executor.ts';
import { apiMethods, batchMethodName } from './api-methods.ts';
import { channelRequest } from './api-schema.ts';
import * as results from './api-results.ts';
import { sendBody, setPageHeaders } from './respond.ts';
import type { HttpRoute } from './route.ts';
import type { Command } from '../commands.ts';
import { commandPath } from './command-routes.ts';

/** The part of JSON Schema 2020-12 that our schemas use. */
export interface JsonSchema {
  $ref?: string;
  type?: string;
  description?: string;
  properties?: Record<string, JsonSchema>;
  required?: string[];
  items?: JsonSchema;
  additionalProperties?: boolean | JsonSchema;
  anyOf?: JsonSchema[];
  oneOf?: JsonSchema[];
  [keyword: string]: unknown;
}

interface MediaType {
  schema: JsonSchema;
  example?: unknown;
}
interface Response {
  description: string;
  content: Record<'application/json', MediaType>;
}
export interface Operation {
  operationId: string;
  summary: string;
  requestBody: { required: boolean; content: Record<'application/json', MediaType> };
  responses: Record<string, Response>;
}
export interface OpenApiDocument {
  openapi: '3.1.0';
  info: { title: string; version: string; description: string };
  servers: { url: string }[];
  security: Record<string, string[]>[];
  paths: Record<string, { post: Operation }>;
  components: { securitySchemes: Record<string, Record<string, string>>; schemas: Record<string, JsonSchema> };
}

const description =
  'Every method is a POST with a JSON object. The reply has status 200 and holds either `result` or `error`; with the ' +
  'header `X-Centrifugo-Error-Mode: transport` an error comes alone, with a status code that fits. Payload fields ' +
  '(`data`, `info`, `params`) take any JSON value and keep its exact text. Send a key in the header `X-API-Key`.';

/**
 * @param version of the server.
 * @param commands of modules.
 */
export function openApiDocument(version: string, commands: readonly Command[] = []): OpenApiDocument {
  const schemas = componentSchemas(commands);
  const paths: OpenApiDocument['paths'] = {};
  for (const { name, summary, example } of apiMethods.values()) {
    paths[`/api/${name}`] = { post: operation(name, summary, example) };
  }
  const batchExample = { commands: [{ publish: { channel: 'chat:lobby', data: { text: 'hello' } } }, { info: {} }] };
  paths[`/api/${batchMethodName}`] = {
    post: operation(batchMethodName, 'Runs several methods, in order or in parallel.', batchExample),
  };
  for (const { name, summary, example } of commands) {
    paths[commandPath(name)] = { post: operation(name, summary, example) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Tidings server API', version, description },
    servers: [{ url: '/' }],
    security: [{ apiKey: [] }, { bearer: [] }],
    paths,
    components: {
      securitySchemes: {
        apiKey: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
        bearer: { type: 'http', scheme: 'bearer' },
      },
      schemas,
    },
  };
}

/** `GET /api/openapi.json` and `GET /api/docs`. They tell nothing secret, so they need no key. */
export function openApiRoutes(version: string, commands: readonly Command[] = []): HttpRoute[] {
  const document = openApiDocument(version, commands);
  const json = JSON.stringify(document);
  const page = apiDocsPage(document);
  return [
    {
      method: 'GET',
      path: '/api/openapi.json',
      audience: 'server',
      handle: ({ response }) => sendBody(response, 200, 'application/json; charset=utf-8', json),
    },
    {
      method: 'GET',
      path: '/api/docs',
      audience: 'server',
      handle: ({ response }) => {
        setPageHeaders(response, apiDocsPolicy);
        sendBody(response, 200, 'text/html; charset=utf-8', page);
      },
    },
  ];
}

function operation(name: string, summary: string, example: unknown): Operation {
  const error = (text: string): Response => ({ description: text, content: json(ref('ErrorReply')) });
  return {
    operationId: name,
    summary,
    requestBody: { required: true, content: json(ref(`${pascal(name)}Request`), example) },
    responses: {
      '200': { description: 'The result, or an error.', content: json(ref(`${pascal(name)}Reply`)) },
      '400': error('The body is not JSON.'),
      '401': error('No key, or a wrong one.'),
      '413': error('The body is too large.'),
    },
  };
}

function json(schema: JsonSchema, example?: unknown): Record<'application/json', MediaType> {
  return { 'application/json': example === undefined ? { schema } : { schema, example } };
}

function ref(name: string): JsonSchema {
  return { $ref: `#/components/schemas/${name}` };
}

/** `history_remove` → `HistoryRemove`, `chat.send` → `ChatSend`. */
function pascal(name: string): string {
  return name.replaceAll(/(?:^|[_.])(\w)/g, (_, letter: string) => letter.toUpperCase());
}

function componentSchemas(commands: readonly Command[]): Record<string, JsonSchema> {
  const requests = z.registry<{ id: string }>();
  const shared = z.registry<{ id: string }>();
  shared.add(results.apiError, { id: 'Error' });
  shared.add(results.clientInfo, { id: 'ClientInfo' });
  shared.add(results.publication, { id: 'Publication' });
  shared.add(results.publishResult, { id: 'PublishResult' });
  shared.add(results.emptyResult, { id: 'EmptyResult' });
  requests.add(channelRequest, { id: 'ChannelRequest' });
  const schemas: Record<string, JsonSchema> = {};
  for (const { name, request, result } of apiMethods.values()) {
    // Methods may share a schema, and the registry holds one name for each.
    if (requests.has(request)) schemas[`${pascal(name)}Request`] = ref(requests.get(request)?.id ?? '');
    else requests.add(request, { id: `${pascal(name)}Request` });
    if (shared.has(result)) {
      const id = shared.get(result)?.id ?? '';
      if (id !== `${pascal(name)}Result`) schemas[`${pascal(name)}Result`] = ref(id);
    } else shared.add(result, { id: `${pascal(name)}Result` });
    schemas[`${pascal(name)}Reply`] = replySchema(ref(`${pascal(name)}Result`));
  }
  Object.assign(schemas, jsonSchemas(requests, 'input'), jsonSchemas(shared, 'output'));
  Object.assign(schemas, batchSchemas());
  for (const command of commands) Object.assign(schemas, commandSchemas(command));
  schemas['ErrorReply'] = {
    type: 'object',
    properties: { error: { type: 'object', properties: { message: { type: 'string' } }, required: ['message'] } },
    required: ['error'],
  };
  return Object.fromEntries(Object.entries(schemas).toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

/** Who acts, beside what the command itself takes. */
const actingUser: JsonSchema = {
  type: 'string',
  description: 'Id of the user who acts; without it the back end itself does, which may do everything.',
};

function commandSchemas({ name, input, output }: Command): Record<string, JsonSchema> {
  const id = pascal(name);
  const registries = [z.registry<{ id: string }>(), z.registry<{ id: string }>()] as const;
  registries[0].add(input, { id: `${id}Request` });
  registries[1].add(output, { id: `${id}Result` });
  const schemas = { ...jsonSchemas(registries[0], 'input'), ...jsonSchemas(registries[1], 'output') };
  const request = schemas[`${id}Request`] as JsonSchema;
  request.properties = { ...request.properties, as: actingUser };
  return { ...schemas, [`${id}Reply`]: replySchema(ref(`${id}Result`)) };
}

function jsonSchemas(
  registry: z.core.$ZodRegistry<{ id: string }>,
  io: 'input' | 'output',
): Record<string, JsonSchema> {
  const uri = (id: string): string => `#/components/schemas/${id}`;
  const { schemas } = z.toJSONSchema(registry, {
    io,
    uri,
    unrepresentable: 'any',
    override: ({ jsonSchema }) => {
      // Results may get more fields; the limits of every integer are noise.
      if (io === 'output' && jsonSchema.additionalProperties === false) delete jsonSchema.additionalProperties;
      if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
      if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
    },
  });
  for (const schema of Object.values(schemas) as JsonSchema[]) {
    // The document is one resource; its parts have no identity of their own.
    delete schema['$id'];
    delete schema['$schema'];
  }
  return schemas as Record<string, JsonSchema>;
}

function replySchema(result: JsonSchema): JsonSchema {
  return {
    description: 'Holds `result`, or `error`.',
    oneOf: [
      { type: 'object', properties: { result }, required: ['result'] },
      { type: 'object', properties: { error: ref('Error') }, required: ['error'] },
    ],
  };
}

function batchSchemas(): Record<string, JsonSchema> {
  const names = [...apiMethods.keys()];
  const commands = names.map((name) => [name, ref(`${pascal(name)}Request`)] as const);
  const replies = names.map((name) => [name, ref(`${pascal(name)}Result`)] as const);
  return {
    BatchRequest: {
      type: 'object',
      properties: {
        commands: {
          type: 'array',
          maxItems: maxBatchCommands,
          items: ref('BatchCommand'),
          description: 'What to run.',
        },
        parallel: { type: 'boolean', description: 'Run them at the same time; the order of effects is then open.' },
      },
      required: ['commands'],
    },
    BatchCommand: {
      type: 'object',
      description: 'A request under the name of its method; exactly one.',
      properties: Object.fromEntries(commands),
      minProperties: 1,
      maxProperties: 1,
    },
    BatchResult: {
      type: 'object',
      properties: {
        replies: { type: 'array', items: ref('BatchReplyItem'), description: 'One for each command, in order.' },
      },
      required: ['replies'],
    },
    BatchReplyItem: {
      type: 'object',
      description: 'The result under the name of its method, or `error`.',
      properties: Object.fromEntries([...replies, ['error', ref('Error')]]),
    },
    BatchReply: replySchema(ref('BatchResult')),
  };
}
