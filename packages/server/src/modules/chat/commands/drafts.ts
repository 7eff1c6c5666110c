/** Commands around drafts. */
import { z } from 'zod';
import { command, type ChatCommand } from '../command.ts';
import { listDrafts, setDraft } from '../drafts.ts';
import { draft, empty, id, seq, text } from '../schemas.ts';

export const draftCommands: readonly ChatCommand[] = [
  command({
    name: 'setDraft',
    summary: 'Keeps what the user has begun to write in a room or thread, for all their devices.',
    input: z.strictObject({
      room: id(),
      threadSeq: seq().optional().describe('In the thread under this message.'),
      text: text(1_000_000).describe('At most `chat.limits.messageSize` bytes; empty: the draft goes.'),
    }),
    output: z.strictObject({ draft }),
    example: { room: 'lobby', text: 'hel' },
    run: setDraft,
  }),
  command({
    name: 'drafts',
    summary: 'All drafts of the user, the latest first; there are at most `chat.limits.drafts`.',
    input: empty,
    output: z.strictObject({ drafts: z.array(draft) }),
    example: {},
    run: async (chat, actor) => ({ drafts: await listDrafts(chat, actor) }),
  }),
];
