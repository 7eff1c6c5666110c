/**
 * `npm run generate`: the commands of chat as types for the client SDK, out of the schemas that the server checks with,
 * into `packages/client/src/chat/api.gen.ts`. A test fails while that file is not what this makes.
 *
 * The client ships without the schemas: a server checks what it is given, and what it answers is its own.
 */
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import type { Chat } from '../packages/server/src/modules/chat/chat.ts';
import { chatCommands } from '../packages/server/src/modules/chat/chat-module.ts';
import * as schemas from '../packages/server/src/modules/chat/schemas.ts';

export const apiFile: string = fileURLToPath(new URL('../packages/client/src/chat/api.gen.ts', import.meta.url));

/** The part of JSON Schema that the schemas of chat use. */
interface JsonSchema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly description?: string;
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
}

interface NamedSchema {
  readonly schema: z.ZodType;
  /** What the type is, in a sentence. */
  readonly about: string;
}

/** What stands in answers under a name of its own. */
const named: Readonly<Record<string, NamedSchema>> = {
  Room: { schema: schemas.room, about: 'A room, as everybody in it sees it.' },
  Member: { schema: schemas.member, about: 'Somebody in a room, or who was.' },
  Membership: { schema: schemas.membership, about: 'What a user has with a room: role, read mark, settings.' },
  Mentions: { schema: schemas.mentions, about: 'Whom a message names.' },
  Attachment: { schema: schemas.attachment, about: 'A file of a message.' },
  Poll: { schema: schemas.poll, about: 'A poll, with the votes so far.' },
  Message: { schema: schemas.message, about: 'A message as the server has it.' },
  RoomListItem: { schema: schemas.roomListItem, about: 'A line of the list of rooms of a user.' },
  Draft: { schema: schemas.draft, about: 'What a user has begun to write.' },
};

const registry = z.registry<{ id: string }>();
for (const [id, { schema }] of Object.entries(named)) registry.add(schema, { id });

const jsonSchemaOf = (schema: z.ZodType, io: 'input' | 'output'): JsonSchema =>
  // `json()` and refinements have no JSON Schema; what they hold is any JSON.
  z.toJSONSchema(schema, { metadata: registry, io, unrepresentable: 'any' }) as JsonSchema;

/** @returns the text of the file, not yet formatted. */
export function clientApi(): string {
  const lines = [
    '/** Made by `npm run generate` from the schemas of the server. Do not edit. Times are Unix milliseconds. */',
    '',
  ];
  for (const [name, { schema, about }] of Object.entries(named)) {
    const { $defs, $ref, ...own } = jsonSchemaOf(schema, 'output');
    lines.push(
      `/** ${about} */`,
      `export interface ${name} ${typeOf($ref === undefined ? own : ($defs?.[name] ?? own))}`,
      '',
    );
  }
  lines.push(
    '/** Every command of chat by its name: what it takes, and what it answers. */',
    'export interface ChatApi {',
  );
  // They are described, not run: what they work on is not there.
  for (const command of chatCommands.map((make) => make(undefined as unknown as Chat))) {
    const input = typeOf(jsonSchemaOf(command.input, 'input'));
    const output = typeOf(jsonSchemaOf(command.output, 'output'));
    lines.push(`/** ${command.summary} */`, `${command.name}: { input: ${input}; output: ${output} };`);
  }
  lines.push('}', '');
  return lines.join('\n');
}

function typeOf(schema: JsonSchema): string {
  if (schema.$ref !== undefined) return schema.$ref.slice(schema.$ref.lastIndexOf('/') + 1);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  if (schema.anyOf) return [...new Set(schema.anyOf.map(typeOf))].join(' | ');
  if (Array.isArray(schema.type)) {
    return (schema.type as readonly string[]).map((type) => typeOf({ ...schema, type })).join(' | ');
  }
  switch (schema.type) {
    case 'array':
      return `readonly (${typeOf(schema.items ?? {})})[]`;
    case 'object':
      return objectOf(schema);
    case 'integer':
    case 'number':
      return 'number';
    case 'string':
    case 'boolean':
    case 'null':
      return schema.type;
    default:
      return 'unknown';
  }
}

function objectOf({ properties = {}, required = [], additionalProperties }: JsonSchema): string {
  const fields = Object.entries(properties).map(([name, schema]) => {
    const comment = schema.description === undefined ? '' : `/** ${schema.description} */\n`;
    const optional = required.includes(name) ? '' : '?';
    const type = typeOf(schema);
    const absent = optional === '' || type === 'unknown' ? '' : ' | undefined';
    return `${comment}readonly ${name}${optional}: ${type}${absent};`;
  });
  if (typeof additionalProperties === 'object' && fields.length === 0) {
    return `Readonly<Record<string, ${typeOf(additionalProperties)}>>`;
  }
  return fields.length === 0 ? 'Readonly<Record<string, never>>' : `{\n${fields.join('\n')}\n}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(apiFile, clientApi());
