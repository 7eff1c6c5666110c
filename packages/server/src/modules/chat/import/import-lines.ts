/** The lines of a file to import: what each says, and how they are read. `docs/chat.md` describes them. */
import { z } from 'zod';
import { emoji, id, json, text, time } from './schemas.ts';
import { roles, roomKinds } from './model.ts';

/** What the file calls a message. */
const messageId = () => text(200).min(1);
const name = () => text(256).optional();

const lineSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('user'),
    id: id(),
    name: name(),
    avatar: text(2_048).optional(),
    data: json().optional(),
    locale: text(35).optional(),
    timeZone: text(64).optional(),
    createdAt: time().optional(),
  }),
  z.strictObject({
    type: z.literal('room'),
    id: id(),
    kind: z.enum(roomKinds),
    /** The two of a direct room. */
    users: z.tuple([id(), id()]).optional(),
    name: name(),
    topic: text(1_024).optional(),
    data: json().optional(),
    createdBy: id().optional(),
    createdAt: time().optional(),
  }),
  z.strictObject({
    type: z.literal('member'),
    room: id(),
    user: id(),
    role: z.enum(roles).optional(),
    joinedAt: time().optional(),
  }),
  z.strictObject({
    type: z.literal('message'),
    room: id(),
    id: messageId(),
    /** Absent: the system. */
    sender: id().optional(),
    at: time(),
    kind: z.enum(['text', 'system']).optional(),
    text: text(1_000_000).optional(),
    data: json().optional(),
    mentions: z.strictObject({ users: z.array(id()) }).optional(),
    replyTo: messageId().optional(),
    /** The message whose thread it belongs to. */
    thread: messageId().optional(),
    silent: z.boolean().optional(),
    editedAt: time().optional(),
    deletedAt: time().optional(),
    pinnedAt: time().optional(),
  }),
  z.strictObject({
    type: z.literal('reaction'),
    room: id(),
    message: messageId(),
    user: id(),
    emoji: emoji(),
    at: time().optional(),
  }),
  z.strictObject({ type: z.literal('read'), room: id(), user: id(), message: messageId() }),
]);

export type ImportLine = z.output<typeof lineSchema>;
export type LineOf<Type extends ImportLine['type']> = Extract<ImportLine, { type: Type }> & { readonly line: number };

/** A line cannot be imported. What stands before its batch is in the database. */
export class ImportError extends Error {
  readonly line: number;

  constructor(line: number, detail: string) {
    super(`line ${line}: ${detail}`);
    this.name = 'ImportError';
    this.line = line;
  }
}

/** @throws ImportError */
export function parseLine(said: string, line: number): ImportLine & { readonly line: number } {
  let value: unknown;
  try {
    value = JSON.parse(said);
  } catch (error) {
    throw new ImportError(line, `no JSON: ${(error as Error).message}`);
  }
  const parsed = lineSchema.safeParse(value);
  if (parsed.success) return { ...parsed.data, line };
  const [issue] = parsed.error.issues;
  const path = issue?.path.join('.') ?? '';
  throw new ImportError(line, path === '' ? (issue?.message ?? 'not understood') : `${path}: ${issue?.message}`);
}
