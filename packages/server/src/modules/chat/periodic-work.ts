/** What chat does from time to time. `chat-jobs.ts` sees to it that one node does. */
import type { Chat } from './chat.ts';
import type { ChatJob } from './chat-jobs.ts';
import { clearDeletedRooms } from './deleted-rooms.ts';
import { eraseSlice, isErasureDue } from './erase-user.ts';
import { closePolls } from './polls.ts';
import { RetentionSweep } from './retention.ts';
import { isScheduledDue, sendDue } from './scheduled.ts';

const minuteMs = 60_000;

export function periodicWork(chat: Chat): readonly ChatJob[] {
  const now = () => chat.context.clock.now();
  const retention = new RetentionSweep(chat);
  return [
    { name: 'scheduled', everyMs: 1_000, isDue: () => isScheduledDue(chat), slice: () => sendDue(chat) },
    {
      name: 'polls',
      everyMs: 5_000,
      async isDue() {
        const due = await chat.db
          .selectFrom('chat_poll_closings')
          .select('seq')
          .where('closes_at', '<=', now())
          .limit(1)
          .executeTakeFirst();
        return due !== undefined;
      },
      slice: () => closePolls(chat),
    },
    { name: 'retention', everyMs: 10 * minuteMs, slice: () => retention.slice() },
    { name: 'deletedRooms', everyMs: minuteMs, slice: () => clearDeletedRooms(chat) },
    { name: 'erasures', everyMs: 2_000, isDue: () => isErasureDue(chat), slice: () => eraseSlice(chat) },
    {
      name: 'restrictions',
      everyMs: 60 * minuteMs,
      async slice() {
        await chat.db.deleteFrom('chat_restrictions').where('until', '<=', now()).execute();
        return false;
      },
    },
  ];
}
