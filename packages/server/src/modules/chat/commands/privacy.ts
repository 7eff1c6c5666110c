/** Commands of back ends for what the law gives to users: everything that is kept of one, and that it goes. */
import { z } from 'zod';
import { ChatError } from '../chat-error.ts';
import { command, type ChatCommand } from '../command.ts';
import { eraseUser } from '../erase-user.ts';
import { exportUser } from '../export-user.ts';
import { id, text } from '../schemas.ts';

export const privacyCommands: readonly ChatCommand[] = [
  command({
    name: 'exportUser',
    summary: 'Everything that is kept of a user, in pages; for back ends only.',
    input: z.strictObject({
      user: id(),
      cursor: text(1_000).optional().describe('`next` of the page before.'),
      limit: z.int().min(1).max(1_000).optional().describe('Records of a page; 500 without it.'),
    }),
    output: z.strictObject({
      records: z.array(z.looseObject({ type: z.string() })),
      next: z.string().optional().describe('For `cursor`; absent on the last page. A page may be empty before.'),
    }),
    example: { user: 'ben' },
    run(chat, actor, input) {
      if (!actor.system) throw new ChatError('forbidden', 'users are exported by back ends');
      return exportUser(chat.db, input);
    },
  }),
  command({
    name: 'eraseUser',
    summary: 'Erases a user, in the background; `chat.user.erased` says when it is done. For back ends only.',
    input: z.strictObject({
      user: id(),
      mode: z.enum(['anonymise', 'delete']).describe('anonymise: what they wrote stays, under a pseudonym.'),
    }),
    output: z.strictObject({ replayed: z.boolean().optional().describe('It was under way already.') }),
    example: { user: 'ben', mode: 'anonymise' },
    run: eraseUser,
  }),
];
