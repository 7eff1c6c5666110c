/** Does once whatever the application is told of: each event of chat, as the pages show it. */
import type { ChatFixture, ReportedEvent } from '../../packages/server/src/modules/chat/testing/chat-fixture.ts';

/** @returns the first event of each type, in the order of the tour. */
export async function tourEvents(chat: ChatFixture): Promise<ReportedEvent[]> {
  const { system } = chat;
  const [anna, ben, cleo] = ['anna', 'ben', 'cleo'].map((user) => chat.as(user)) as [
    RunCommand,
    RunCommand,
    RunCommand,
  ];
  await anna('setProfile', { name: 'Anna' });
  await anna('createRoom', { id: 'weekend', kind: 'group', name: 'Weekend', members: ['ben'] });
  await anna('invite', { room: 'weekend', users: ['cleo'], ask: true });
  await cleo('acceptInvite', { room: 'weekend' });
  await anna('changeRole', { room: 'weekend', user: 'cleo', role: 'moderator' });
  await anna('changeRoom', { room: 'weekend', topic: 'The lake' });
  await ben('send', { room: 'weekend', clientId: 'c-1', text: 'Who comes?' });
  await ben('edit', { room: 'weekend', seq: 1, text: 'Who comes along?' });
  await anna('react', { room: 'weekend', seq: 1, emoji: '👍' });
  await anna('pin', { room: 'weekend', seq: 1 });
  await cleo('send', { room: 'weekend', clientId: 'c-2', text: 'I do', threadSeq: 1 });
  const { message } = (await anna('createPoll', {
    room: 'weekend',
    question: 'When?',
    options: ['Saturday', 'Sunday'],
  })) as {
    message: { seq: number; poll: { options: { id: string }[] } };
  };
  await ben('vote', { room: 'weekend', seq: message.seq, options: [message.poll.options[0]?.id] });
  await ben('report', { room: 'weekend', seq: 2, reason: 'spam' });
  const { reports } = (await system('reports', {})) as { reports: { id: string }[] };
  await system('resolveReport', { id: reports[0]?.id, resolution: 'no spam' });
  await anna('mute', { room: 'weekend', user: 'ben', reason: 'too loud' });
  await anna('unmute', { room: 'weekend', user: 'ben' });
  await ben('delete', { room: 'weekend', seq: 1 });
  await anna('kick', { room: 'weekend', user: 'cleo' });
  await ben('leave', { room: 'weekend' });
  await anna('deleteRoom', { room: 'weekend' });
  await system('eraseUser', { user: 'ben', mode: 'anonymise' });
  await chat.module.jobs.run('erasures');
  await chat.module.idle();
  return [...new Map(chat.events.toReversed().map((event) => [event.type, event])).values()].toReversed();
}

type RunCommand = ReturnType<ChatFixture['as']>;
