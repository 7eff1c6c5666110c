/** Commands around rooms: making, finding, changing and deleting them. */
import { z } from 'zod';
import { changeRoom, deleteRoom } from '../change-room.ts';
import { command, type ChatCommand } from '../command.ts';
import { createRoom } from '../create-room.ts';
import { findRooms, readRoom } from '../find-rooms.ts';
import { roomKinds } from '../model.ts';
import { empty, id, json, membership, room, roomListItem, text, time } from '../schemas.ts';

/** Users in one call. */
const maxUsers = 100;
const dayMs = 86_400_000;

const name = () => text(256).min(1);
const topic = () => text(2048);

export const roomCommands: readonly ChatCommand[] = [
  command({
    name: 'createRoom',
    summary:
      'Makes a room. The same `id` by the same user, and a direct room of the same two users, give the room that is there.',
    input: z.strictObject({
      kind: z.enum(roomKinds),
      id: id().optional().describe('Chosen by who makes it; else made by the server.'),
      name: name().optional(),
      topic: topic().optional(),
      data: json().optional().describe('Whatever the application keeps with the room.'),
      members: z.array(id()).max(maxUsers).optional().describe('Members from the beginning.'),
      peer: id().optional().describe('The other user of a direct room; oneself for notes.'),
      owner: id().optional().describe('For back ends without `as`; else who asks owns the room.'),
    }),
    output: z.strictObject({
      room,
      item: roomListItem.optional().describe('As the owner has it in their list.'),
      replayed: z.boolean().optional().describe('The room was there already.'),
    }),
    example: { kind: 'group', name: 'Weekend', members: ['ben', 'cleo'] },
    run: createRoom,
  }),
  command({
    name: 'room',
    summary: 'A room, and what the user has with it.',
    input: z.strictObject({ room: id() }),
    output: z.strictObject({ room, membership: membership.optional() }),
    example: { room: 'lobby' },
    anonymous: true,
    run: readRoom,
  }),
  command({
    name: 'findRooms',
    summary: 'Rooms that anybody may find: public ones, broadcasts and livestreams, the latest active first.',
    input: z.strictObject({
      kind: z.enum(['public', 'broadcast', 'livestream']).optional(),
      query: text(256).min(1).optional().describe('Part of the name; A to Z without case.'),
      before: z.strictObject({ lastAt: time(), id: id() }).optional().describe('`next` of the page before.'),
      limit: z.int().min(1).optional().describe('50 without it; at most `chat.limits.page`.'),
    }),
    output: z.strictObject({
      rooms: z.array(room),
      next: z
        .strictObject({ lastAt: z.int(), id: z.string() })
        .optional()
        .describe('There may be more behind it, even if this page is not full.'),
    }),
    example: { query: 'chess', limit: 20 },
    anonymous: true,
    run: findRooms,
  }),
  command({
    name: 'changeRoom',
    summary: 'Changes a room; what is left out stays.',
    input: z.strictObject({
      room: id(),
      name: name().nullable().optional().describe('Null: it has none.'),
      topic: topic().nullable().optional(),
      data: json().optional().describe('Null: it has none.'),
      slowMs: z.int().min(0).max(dayMs).optional().describe('Between two messages of one member; 0: no slow mode.'),
      retentionMs: z
        .int()
        .min(1000)
        .max(36_500 * dayMs)
        .nullable()
        .optional()
        .describe('How long messages are kept; null: as the configuration says.'),
      frozen: z.boolean().optional().describe('Only who moderates can write.'),
    }),
    output: z.strictObject({ room }),
    example: { room: 'lobby', topic: 'Be kind', slowMs: 5000 },
    run: changeRoom,
  }),
  command({
    name: 'deleteRoom',
    summary: 'Deletes a room and everything in it, for all.',
    input: z.strictObject({ room: id() }),
    output: empty,
    example: { room: 'lobby' },
    run: deleteRoom,
  }),
];
