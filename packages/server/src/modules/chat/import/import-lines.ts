/** The lines of a file to import: what each says, and how they are read. `docs/chat.md` describes them. */
import { z } from 'zod';
import { roles, roomKinds } from '../model.ts';
import { emoji, id, json, singleLine, text, time } from '../schemas.ts';

/** What the file calls a message. */
const messageId = () => text(200).min(1);
const name = () => text(256).optional();
/** Where a file lies beside the imported one. Whatever could lead elsewhere is refused before anybody opens it. */
const filePath = () => text(1_024).refine(isInside, 'a relative path with / between its parts, without . and ..');

export const lineSchema = z.discriminatedUnion('type', [
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
    attachments: z
      .array(z.strictObject({ file: filePath(), name: text(255).min(1).optional() }))
      .min(1)
      .optional(),
    /** The message whose thread it belongs to. */
    thread: messageId().optional(),
    silent: z.boolean().optional(),
    editedAt: time().optional(),
    deletedAt: time().optional(),
    pinnedAt: time().optional(),
  }),
  z.strictObject({
    type: z.literal('poll'),
    room: id(),
    id: messageId(),
    /** Absent: the system. */
    sender: id().optional(),
    at: time(),
    question: singleLine(1_000),
    options: z.array(singleLine(500)).min(2).max(1_000),
    multiple: z.boolean().optional(),
    anonymous: z.boolean().optional(),
    closesAt: time().optional(),
    closedAt: time().optional(),
    silent: z.boolean().optional(),
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
  z.strictObject({
    type: z.literal('vote'),
    room: id(),
    message: messageId(),
    user: id(),
    /** All that the user chose, as the poll words them. */
    options: z.array(singleLine(500)).min(1).max(1_000),
    at: time().optional(),
  }),
  z.strictObject({ type: z.literal('block'), user: id(), blocked: id(), at: time().optional() }),
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

function isInside(path: string): boolean {
  const parts = path.split('/');
  return !/[\\:]/.test(path) && parts.every((part) => part !== '' && part !== '.' && part !== '..');
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
