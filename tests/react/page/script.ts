/** What the page shows: a room where everything that a message can be happens, and one with very many messages. */
import type { Member, Message, MessageView } from '@tidings/client';
import { TidingsError } from '@tidings/client';
import { roomView, ScriptedChat, type ScriptedRoom } from '../../../packages/react/src/testing/scripted-chat.ts';
import { messageView } from '../../../packages/react/src/testing/scripted-timeline.ts';

const minute = 60_000;
const users = [
  { id: 'me', name: 'Mia Hartmann' },
  { id: 'ann', name: 'Ann Okafor' },
  { id: 'ben', name: 'Ben Sørensen' },
  { id: 'chen', name: 'Chen Wei' },
  { id: 'noor', name: 'نور الدين' },
];

export interface PageScript {
  readonly chat: ScriptedChat;
  readonly long: ScriptedRoom;
  readonly weekend: ScriptedRoom;
  messageView: typeof messageView;
}

export interface PageOptions {
  /** Messages of the long room. */
  readonly count: number;
  /** How many of them are loaded at once. */
  readonly pageSize: number;
}

export function createScript({ count, pageSize }: PageOptions): PageScript {
  const chat = new ScriptedChat({ me: 'me', users });
  const now = Date.now();
  const said = weekendMessages(now);
  const members: Member[] = users.map(({ id }, i) => ({
    room: 'weekend',
    user: id,
    role: i === 1 ? 'owner' : i === 2 ? 'moderator' : 'member',
    joinedAt: 0,
    state: 'member',
  }));
  const last = said.at(-1)?.message;
  const weekend = chat.addRoom(
    roomView({ id: 'weekend', title: 'Weekend trip', lastAt: now, ...(last && { lastMessage: last }), isPinned: true }),
    { messages: said, firstUnreadSeq: 19 },
    members,
  );
  const others = [
    roomView({
      id: 'ann-me',
      kind: 'direct',
      peer: 'ann',
      title: 'Ann Okafor',
      lastAt: now - 4 * minute,
      unread: 3,
      lastMessage: line('ann-me', 'ann', 'Can you look at the **draft** before lunch?'),
    }),
    roomView({
      id: 'design',
      title: 'Design reviews',
      lastAt: now - 60 * minute,
      unread: 12,
      mentions: 1,
      lastMessage: line('design', 'chen', 'The new empty states are up'),
    }),
    roomView({
      id: 'ben-me',
      kind: 'direct',
      peer: 'ben',
      title: 'Ben Sørensen',
      lastAt: now - 26 * 60 * minute,
      draft: { room: 'ben-me', text: 'About the lighting', updatedAt: 0 },
      lastMessage: line('ben-me', 'ben', 'See you'),
    }),
    roomView({
      id: 'all',
      kind: 'public',
      title: 'Everybody at the office and those who work from home',
      isMuted: true,
      unread: 120,
      lastAt: now - 80 * 60 * minute,
      lastMessage: line('all', 'noor', 'صباح الخير'),
    }),
  ];
  for (const view of others) chat.addRoom(view, { messages: [] });
  chat.presence('ann').set({ user: 'ann', status: 'online' });
  chat.presence('ben').set({ user: 'ben', status: 'offline', lastSeenAt: now - 30 * minute });
  const long = chat.addRoom(
    roomView({ id: 'long', title: 'A long room' }),
    { messages: manyMessages(count, now), delayMs: 5, pageSize },
    members,
  );
  weekend.addThread(
    { room: 'weekend', threadSeq: 3, unread: 0, isFollowing: true, ...(said[2] && { root: said[2] }) },
    {
      messages: [
        messageView({ key: 't1', seq: 101, sender: 'chen', text: 'Count me in', createdAt: now - 50 * minute }),
        own({ key: 't2', seq: 102, text: 'I will book the train', createdAt: now - 49 * minute, state: 'read' }),
      ],
    },
  );
  chat.answers.search = ({ query }) => ({
    results: [
      {
        message: line('design', 'chen', `The ${query} is in the corner`),
        snippet: { text: `The ${query} is in the corner`, matches: [{ start: 4, length: query.length }] },
      },
    ],
  });
  weekend.typing.set(['ben']);
  return { chat, long, weekend, messageView };
}

function own(parts: Parameters<typeof messageView>[0]): MessageView {
  return messageView({ sender: 'me', isOwn: true, state: 'sent', ...parts });
}

function line(room: string, sender: string, text: string): Message {
  return { room, seq: 1, id: `${room}-1`, sender, kind: 'text', text, version: 1, createdAt: Date.now(), rev: 1 };
}

function withMessage(view: MessageView, change: Partial<Message>): MessageView {
  return view.message === undefined ? view : { ...view, message: { ...view.message, ...change } };
}

const picture = `data:image/svg+xml,${encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" width="640" height="480"><linearGradient id="g" x2="0" y2="1"><stop stop-color="#f6b98a"/><stop offset="1" stop-color="#5a6fc0"/></linearGradient><rect width="640" height="480" fill="url(#g)"/><circle cx="450" cy="170" r="60" fill="#fff3d6"/><path d="M0 380 160 210 300 350 420 240 640 400V480H0Z" fill="#27324f"/></svg>',
)}`;

function weekendMessages(now: number): readonly MessageView[] {
  const day = now - 24 * 60 * minute;
  const today = now - 90 * minute;
  const image = { id: 'a1', name: 'ridge.png', contentType: 'image/png', bytes: 183_000, url: picture };
  const file = { id: 'a2', name: 'packing-list.pdf', contentType: 'application/pdf', bytes: 48_211, url: '#' };
  return [
    messageView({
      key: '1',
      seq: 1,
      sender: 'ann',
      text: 'Morning! Who is in for the **ridge hike** on Saturday?',
      createdAt: day,
    }),
    messageView({
      key: '2',
      seq: 2,
      sender: 'ann',
      text: 'Weather looks fine: https://example.org/forecast?place=ridge',
      createdAt: day + minute,
    }),
    withMessage(
      messageView({
        key: '3',
        seq: 3,
        sender: 'ben',
        text: 'Me, if we take the early train',
        createdAt: day + 3 * minute,
        reactions: [
          { emoji: '👍', count: 3, isOwn: true },
          { emoji: '🎉', count: 1, isOwn: false },
        ],
      }),
      { thread: { count: 2, lastSeq: 102, lastAt: now - 49 * minute } },
    ),
    own({ key: '4', seq: 4, text: 'Same here', createdAt: day + 4 * minute, state: 'read' }),
    own({
      key: '5',
      seq: 5,
      text: 'I can bring the stove. @Ann Okafor do you have the map?',
      createdAt: day + 4 * minute,
      state: 'read',
    }),
    messageView({
      key: '6',
      seq: 6,
      sender: 'ann',
      replySeq: 5,
      text: 'I do! And a *second* one, `1:25 000`',
      createdAt: day + 6 * minute,
      isEdited: true,
    }),
    messageView({ key: '7', seq: 7, sender: 'chen', text: '', isDeleted: true, createdAt: today }),
    messageView({
      key: '8',
      seq: 8,
      sender: 'chen',
      text: 'From last year',
      attachments: [image],
      createdAt: today + minute,
    }),
    messageView({
      key: '9',
      seq: 9,
      sender: 'noor',
      text: 'مرحبا، سأنضم إليكم في المحطة',
      createdAt: today + 2 * minute,
    }),
    own({ key: '10', seq: 10, text: '🎉🏔️', createdAt: today + 3 * minute, state: 'delivered' }),
    own({ key: '11', seq: 11, text: '', attachments: [file], createdAt: today + 4 * minute, state: 'delivered' }),
    messageView({
      key: '12',
      seq: 12,
      sender: 'ben',
      text: '> early train\n\nThat is the one at 6:52. Tickets:\n```\nzone A–D  12.40\nbicycle    6.00\n```',
      createdAt: today + 20 * minute,
    }),
    withMessage(
      messageView({ key: '13', seq: 13, sender: 'ann', createdAt: today + 30 * minute, ownVotes: ['o2'], text: '' }),
      {
        kind: 'poll',
        poll: {
          question: 'Where do we eat afterwards?',
          options: [
            { id: 'o1', text: 'The hut', votes: 2 },
            { id: 'o2', text: 'The noodle place', votes: 3 },
            { id: 'o3', text: 'At home', votes: 0 },
          ],
          voters: 5,
        },
      },
    ),
    withMessage(
      messageView({
        key: '14',
        seq: 14,
        sender: 'chen',
        text: 'https://example.org/huts',
        createdAt: today + 31 * minute,
      }),
      {
        previews: [
          {
            url: 'https://example.org/huts',
            title: 'Huts on the ridge',
            siteName: 'Example',
            description: 'Where to eat and to sleep, with the times they are open.',
          },
        ],
      },
    ),
    ...[15, 16, 17, 18].map((seq) =>
      messageView({
        key: `${seq}`,
        seq,
        sender: 'ann',
        text: ['Then I book for five', 'Window seats', 'Done ✅', 'Tickets come by mail'][seq - 15] ?? '',
        createdAt: today + (40 + seq) * minute,
      }),
    ),
    withMessage(
      messageView({
        key: '19',
        seq: 19,
        sender: 'ben',
        text: '@Mia Hartmann you are the best',
        createdAt: now - 5 * minute,
      }),
      { mentions: { users: ['me'] } },
    ),
    own({ key: '20', seq: 20, text: 'Thanks for booking!', createdAt: now - 3 * minute, state: 'sent' }),
    own({
      key: '21',
      text: 'I am in the tunnel right now',
      createdAt: now - 2 * minute,
      state: 'failed',
      failure: new TidingsError(603, 'you write too fast'),
    }),
    own({ key: '22', text: 'See you all on Saturday', createdAt: now - minute, state: 'sending' }),
  ];
}

const words =
  'we could take the early train and then walk along the river until noon because the weather will be fine and nobody has to be back before it gets dark'.split(
    ' ',
  );

/** Long and short, of several people, over weeks; always the same. */
function manyMessages(count: number, now: number): readonly MessageView[] {
  const senders = ['ann', 'ann', 'ben', 'me', 'chen', 'ben', 'noor'];
  return Array.from({ length: count }, (_, i) => {
    const seq = i + 1;
    const sender = senders[Math.floor(i / 2) % senders.length] ?? 'ann';
    const length = 3 + ((i * 7919) % 40) + (i % 97 === 0 ? 120 : 0);
    const text = Array.from({ length }, (__, at) => words[(at + i) % words.length]).join(' ');
    const createdAt = now - (count - i) * 4 * minute;
    const isOwn = sender === 'me';
    const reactions = i % 11 === 0 ? [{ emoji: '👍', count: 2, isOwn: false }] : [];
    return messageView({
      key: `m${seq}`,
      room: 'long',
      seq,
      sender,
      isOwn,
      text: `${seq}: ${text}`,
      createdAt,
      reactions,
      state: isOwn ? 'read' : 'received',
    });
  });
}
