/** The tables of docs/chat.md as the program has them. */
import { chatActions, chatSchema, type ChatAction } from '../../packages/server/src/config/chat-schema.ts';
import { FakeClock } from '../../packages/server/src/lib/clock.ts';
import type { MemberRow, MessageRow, RoomRow } from '../../packages/server/src/modules/chat/chat-writer.ts';
import { roles, roomKinds, type Role, type RoomKind } from '../../packages/server/src/modules/chat/model.ts';
import { compilePermissions, RulePermissions } from '../../packages/server/src/modules/chat/permissions.ts';
import {
  createChat,
  emptyMember,
  emptyRoom,
  userActor,
} from '../../packages/server/src/modules/chat/testing/chat-fixture.ts';
import { types } from '../../packages/server/src/rules/types.ts';

/** Actions that are about no room, or said in words on the page. */
const apart: ReadonlySet<ChatAction> = new Set(['createRoom', 'seePresence', 'findUsers']);

const { compiled } = compilePermissions(chatSchema.parse({}).permissions, types.record('auth', { uid: types.string }));
const permissions = new RulePermissions(compiled, new FakeClock());

function room(kind: RoomKind): RoomRow {
  return {
    ...emptyRoom,
    id: 'r',
    epoch: 'e',
    kind,
    dm_key: null,
    created_by: 'x',
    created_at: 0,
    last_at: 0,
    member_count: 9,
  };
}

function member(user_id: string, role: Role): MemberRow {
  return { ...emptyMember, room_id: 'r', user_id, role, joined_at: 0, updated_at: 0 };
}

const messageOfAnother = { sender_id: 'other', seq: 1, kind: 'text', created_at: 0, thread_seq: null } as MessageRow;

/** Who may at least, by the default rules: what is done to others is done to a plain member. */
function leastOf(action: ChatAction, kind: RoomKind): string {
  const subject = {
    room: room(kind),
    message: messageOfAnother,
    target: action === 'invite' ? undefined : member('other', 'member'),
    targetUser: 'other',
    value: 'member',
  };
  const actor = userActor('anna');
  if (permissions.allows(action, actor, subject)) return 'anybody';
  // Both users of a direct room are plain members.
  const possible = kind === 'direct' ? (['member'] as const) : roles.toReversed();
  return (
    possible.find((role) => permissions.allows(action, actor, { ...subject, member: member('anna', role) })) ?? '–'
  );
}

export const matrixHeader: readonly string[] = ['', ...roomKinds];

/** One row for each action: who may at least, by kind of room. */
export function permissionMatrix(): string[][] {
  return chatActions
    .filter((action) => !apart.has(action))
    .map((action) => [`\`${action}\``, ...roomKinds.map((kind) => leastOf(action, kind))]);
}

/** Name and summary of every command. */
export async function commandRows(): Promise<string[][]> {
  await using chat = await createChat();
  return chat.module.commands.map(({ name, summary }) => [`\`chat.${name}\``, summary]);
}

/** Name, default and meaning of every limit. */
export function limitRows(): string[][] {
  const { limits } = chatSchema.parse({});
  const described = chatSchema.unwrap().shape.limits.unwrap().shape;
  return Object.entries(described).map(([name, schema]) => [
    `\`${name}\``,
    shortSize(name, limits[name as keyof typeof limits]),
    (schema as { description?: string }).description ?? '',
  ]);
}

function shortSize(name: string, value: number): string {
  if (!name.endsWith('Size')) return String(value);
  return value % 1024 ** 2 === 0 ? `${value / 1024 ** 2} MB` : `${value / 1024} KB`;
}

/** Rows of all tables of a text whose first cell is code. */
export function tableRows(text: string): string[][] {
  return text
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .slice(1, -1)
        .split(/(?<!\\)\|/)
        .map((cell) => cell.trim().replaceAll(String.raw`\|`, '|')),
    );
}

/** The part of a page under a heading, up to the next of the same level or above. */
export function sectionOf(text: string, heading: string): string {
  const level = heading.slice(0, heading.indexOf(' '));
  const begin = text.indexOf(`\n${heading}\n`);
  if (begin < 0) throw new Error(`there is no ${heading}`);
  const rest = text.slice(begin + heading.length + 2);
  const end = rest.search(new RegExp(`^#{1,${level.length}} `, 'm'));
  return end < 0 ? rest : rest.slice(0, end);
}
