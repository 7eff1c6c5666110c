/** What runs in each tab of `tabs.browser.test.ts`: a client, and what the test may ask of it. */
import { createClient, type ChatRoom, type TidingsClient } from '@tidings/client';
import { openDB } from 'idb';

export interface TabApi {
  /** Signs in and shows the room; `undefined`: none. */
  start(options: { readonly url: string; readonly token: string; readonly user: string; readonly room?: string }): void;
  /** Shown messages with their state, oldest first. */
  shown(): readonly string[];
  rooms(): readonly string[];
  send(texts: readonly string[]): void;
  sendFile(text: string, name: string, type: string, bytes: number): void;
  /** Of files that wait: name, state, whether bytes have gone, and what was refused. */
  uploads(): readonly {
    readonly name: string;
    readonly state: string;
    readonly sentBytes: number;
    readonly code?: number;
  }[];
  failures(): readonly { readonly text: string; readonly code: number }[];
  discardFailed(): void;
  waiting(): number;
  /** Messages of the room that this device remembers. */
  stored(): Promise<number>;
  /** Messages that would still wait to be sent after a reload. */
  kept(): Promise<number>;
  /** Of the connection, and of the list of rooms. */
  status(): string;
  look(isLooking: boolean): void;
  /** Signs out of this tab. */
  signOut(): Promise<void>;
  /** Keys of what the person was told. */
  readonly notices: readonly string[];
  /** Most bytes that were said to be on their way while the upload went on. */
  readonly progress: readonly number[];
}

let client: TidingsClient | undefined;
let room: ChatRoom | undefined;
const notices: string[] = [];
const progress: number[] = [];

const messages = () => room?.messages.get().messages ?? [];

const api: TabApi = {
  start({ url, token, user, room: id }) {
    client = createClient({ url, token, user });
    client.chat.onNotice(({ message }) => void notices.push(message?.text ?? ''));
    client.connect();
    if (id === undefined) return;
    room = client.chat.room(id);
    room.messages.subscribe(() => {
      for (const upload of messages().flatMap(({ uploads }) => uploads)) progress.push(upload.sentBytes);
    });
  },
  shown: () => messages().map(({ text, state }) => `${text} ${state}`),
  rooms: () => client?.chat.rooms.get().rooms.map(({ id }) => id) ?? [],
  send: (texts) => texts.forEach((text) => void room?.send({ text })),
  sendFile: (text, name, type, bytes) => void room?.send({ text, files: [new File([pngOf(bytes)], name, { type })] }),
  uploads: () =>
    messages().flatMap(({ uploads }) =>
      uploads.map(({ name, state, sentBytes, failure }) => ({
        name,
        state,
        sentBytes,
        ...(failure && { code: failure.code }),
      })),
    ),
  failures: () => messages().flatMap(({ text, failure }) => (failure ? [{ text, code: failure.code }] : [])),
  discardFailed() {
    for (const { key, failure } of messages()) if (failure) room?.discard(key);
  },
  waiting: () => client?.chat.outgoing.get() ?? 0,
  async stored() {
    const { name = '' } = (await indexedDB.databases()).find((database) => database.name?.endsWith('cache')) ?? {};
    const database = await openDB(name);
    const timeline = (await database.get('timelines', room?.id ?? '')) as { messages: unknown[] } | undefined;
    database.close();
    return timeline?.messages.length ?? 0;
  },
  async kept() {
    const { name = '' } = (await indexedDB.databases()).find((database) => database.name?.endsWith('outbox')) ?? {};
    const database = await openDB(name);
    const count = await database.count('records');
    database.close();
    return count;
  },
  status: () => `${client?.connection.state.get().status} ${client?.chat.rooms.get().status}`,
  look: (isLooking) => room?.setVisible(isLooking),
  signOut: async () => client?.signOut(),
  notices,
  progress,
};

/** So many bytes that begin like a PNG. */
function pngOf(bytes: number): Uint8Array<ArrayBuffer> {
  const file = new Uint8Array(bytes);
  file.set([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a].slice(0, bytes));
  return file;
}

Object.assign(globalThis, { tab: api });
