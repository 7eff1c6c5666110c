/**
 * Chat as a module of the engine: puts together what writes, tells, permits and looks, the channels of rooms and users,
 * and the commands. What it is made of stands in the files it imports.
 */
import type { ChatConfig } from '../../config/chat-schema.ts';
import { types, type RecordType } from '../../rules/types.ts';
import type { Module, ModuleContext } from '../module.ts';
import { RoomActivity } from './activity.ts';
import { chatErrors } from './chat-error.ts';
import type { ChatEventName } from './chat-writer.ts';
import type { Chat, Moderation, Permissions } from './chat.ts';
import { chatChannels } from './chat-channels.ts';
import type { AttachmentStorage } from './attachments/attachment-storage.ts';
import { Attachments } from './attachments/attachments.ts';
import { downloadRoutes } from './attachments/download-route.ts';
import { uploadRoute } from './attachments/upload-route.ts';
import { ChatJobs } from './chat-jobs.ts';
import type { ChatCommand } from './command.ts';
import { attachmentCommands } from './commands/attachments.ts';
import { draftCommands } from './commands/drafts.ts';
import { memberCommands } from './commands/members.ts';
import { messageCommands } from './commands/messages.ts';
import { moderationCommands } from './commands/moderation.ts';
import { pollCommands } from './commands/polls.ts';
import { privacyCommands } from './commands/privacy.ts';
import { roomCommands } from './commands/rooms.ts';
import { scheduledCommands } from './commands/scheduled.ts';
import { stateCommands } from './commands/state.ts';
import { syncCommands } from './commands/sync.ts';
import { searchCommands } from './commands/search.ts';
import { threadCommands } from './commands/threads.ts';
import { userCommands } from './commands/users.ts';
import { chatHttpStatus } from './http-status.ts';
import { GroupedWriter } from './grouped-writer.ts';
import { MemberCounts } from './member-counts.ts';
import { chatMigrations } from './migrations/chat-migrations.ts';
import { ChatModeration, type ChatModerationOptions, type ReviewMessage } from './moderation-hook.ts';
import { OutboxRelay } from './outbox-relay.ts';
import { LinkPreviews, type PreviewNetwork } from './previews/link-previews.ts';
import { SearchIndex } from './search/search-index.ts';
import { periodicWork } from './periodic-work.ts';
import { compilePermissions, RulePermissions } from './permissions.ts';
import { Presences } from './presence.ts';
import { LiveReceipts } from './receipts.ts';
import type { ChatTables } from './tables.ts';
import { LiveTyping } from './typing.ts';

export const chatCommands: readonly ChatCommand[] = [
  // One line per theme, sorted.
  ...attachmentCommands,
  ...draftCommands,
  ...memberCommands,
  ...messageCommands,
  ...moderationCommands,
  ...pollCommands,
  ...privacyCommands,
  ...roomCommands,
  ...scheduledCommands,
  ...stateCommands,
  ...syncCommands,
  ...searchCommands,
  ...threadCommands,
  ...userCommands,
];

/** What a part is made of, or what stands in for it; each has a default. */
export interface ChatParts {
  /** Type of `auth` in the rules of the configuration. */
  readonly auth?: RecordType;
  readonly permissions?: (context: ModuleContext) => Permissions;
  readonly moderation?: (context: ModuleContext) => Moderation;
  /** Asked before a message is stored, instead of the hook of the configuration. */
  readonly reviewMessage?: ReviewMessage;
  /** Whether this node does periodic work, such as sending scheduled messages; true without it. */
  readonly periodicWork?: boolean;
  /** How hooks are signed and bounded. */
  readonly hooks?: ChatModerationOptions['hooks'];
  /** Instead of that of the configuration. */
  readonly storage?: (context: ModuleContext) => AttachmentStorage;
  /** How pages behind links are reached. */
  readonly previewNetwork?: PreviewNetwork;
}

export interface ChatModule extends Module {
  /** What the commands work with; for tests. */
  readonly chat: Chat;
  /** Periodic work; for tests. */
  readonly jobs: ChatJobs;
  /** Resolves when everything begun was written, and told or left to be tried again. */
  idle(): Promise<void>;
}

/**
 * @returns the factory the engine calls with what it gives to modules.
 * @throws Error for a permission that is no rule; checking the configuration says so earlier and better.
 */
export function createChatModule(config: ChatConfig, parts: ChatParts = {}): (context: ModuleContext) => ChatModule {
  const { compiled, problems } = compilePermissions(
    config.permissions,
    parts.auth ?? types.record('auth', { uid: types.string }),
  );
  const [problem] = problems;
  if (problem) throw new Error(`chat.permissions.${problem.action}: found ${problem.found}; valid: ${problem.valid}`);
  return (context) => {
    const relay = new OutboxRelay({
      context,
      onRoomEntry(room, json, { event, by }) {
        activity.noticed(room, json, event, by);
        if (isOfMessage(event)) search.note(room);
        previews?.note(json, event);
        if (event !== 'message.sent') return;
        typing.ended(room, by);
        receipts.sent(room, by, json);
      },
    });
    const moderation = new ChatModeration({
      config,
      clock: context.clock,
      logger: context.logger,
      review: parts.reviewMessage,
      hooks: parts.hooks,
    });
    const writer = new GroupedWriter({ store: context.store, clock: context.clock, outbox: relay });
    const memberCounts = new MemberCounts(context);
    const attachments = new Attachments(config, context, parts.storage?.(context));
    const search = new SearchIndex(context, () => writer.isBusy);
    const base = {
      config,
      context,
      writer,
      permissions: parts.permissions?.(context) ?? new RulePermissions(compiled, context.clock),
      moderation: parts.moderation?.(context) ?? moderation,
      memberCounts,
      attachments,
      search,
      db: context.store.database<ChatTables>(),
    };
    const activity = new RoomActivity(base);
    const receipts = new LiveReceipts(base);
    const typing = new LiveTyping();
    const presence = new Presences(base);
    const chat: Chat = { ...base, receipts, typing, presence };
    const previews = config.previews.enabled ? new LinkPreviews(chat, parts.previewNetwork) : undefined;
    const jobs = new ChatJobs({ ...context, jobs: periodicWork(chat) });
    const idle = async () => {
      await jobs.idle();
      await writer.idle();
      await previews?.idle();
      await writer.idle();
      await relay.idle();
      await Promise.all([activity.idle(), receipts.idle(), presence.idle()]);
    };
    return {
      name: 'chat',
      chat,
      jobs,
      migrations: chatMigrations,
      channels: chatChannels(chat),
      commands: chatCommands.map((make) => make(chat)),
      invalidInput: chatErrors.invalid,
      httpStatus: chatHttpStatus,
      routes: [uploadRoute(chat), ...downloadRoutes(chat)],
      idle,
      async start() {
        await attachments.start();
        await relay.start();
        search.start();
        presence.start();
        if (parts.periodicWork !== false) jobs.start();
      },
      async drain(until) {
        const aborted = new Promise<void>((resolve) => {
          if (until.aborted) resolve();
          else until.addEventListener('abort', () => resolve(), { once: true });
        });
        // Links can wait; who is here cannot.
        await Promise.race([(previews?.stop() ?? Promise.resolve()).then(idle), aborted]);
      },
      async stop() {
        await previews?.stop();
        await attachments.stop();
        await jobs.stop();
        moderation.stop();
        memberCounts.stop();
        await presence.stop();
        await relay.stop();
        await search.stop();
        await Promise.all([activity.stop(), receipts.stop()]);
      },
    };
  };
}

/** Whether messages of the room may have changed. */
function isOfMessage(event: ChatEventName): boolean {
  return event.startsWith('message.');
}
