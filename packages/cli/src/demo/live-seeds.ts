/**
 * Seeds that an import does not know, brought in by the commands of the running server as people would: polls with their
 * votes, messages with pictures, and what is said after them. Each may be repeated: its id is the message's client id.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Engine } from '@tidings/server';

interface Said {
  readonly room: string;
  readonly id: string;
  readonly sender: string;
  /** Emoji by who reacted. */
  readonly reactions?: Readonly<Record<string, readonly string[]>>;
}

type LiveSeed =
  | (Said & { readonly type: 'message'; readonly text: string; readonly mentions?: readonly string[] })
  | (Said & { readonly type: 'picture'; readonly text?: string; readonly file: string; readonly name: string })
  | (Said & {
      readonly type: 'poll';
      readonly question: string;
      readonly options: readonly string[];
      readonly multiple?: boolean;
      /** Numbers of the options that somebody chose, from 0. */
      readonly votes?: Readonly<Record<string, readonly number[]>>;
    });

interface SentMessage {
  readonly seq: number;
  readonly poll?: { readonly options: readonly { readonly id: string }[] };
}

type SeedEngine = Pick<Engine, 'call' | 'address'>;

/**
 * @param directory of the seeds.
 * @throws ProtocolError of a command that is refused.
 */
export async function sendLiveSeeds(engine: SeedEngine, directory: string): Promise<void> {
  const lines = (await readFile(join(directory, 'live.jsonl'), 'utf8')).split('\n');
  for (const line of lines.filter((text) => text.trim() !== '')) {
    const seed = JSON.parse(line) as LiveSeed;
    const message = await send(engine, directory, seed);
    for (const [emoji, users] of Object.entries(seed.reactions ?? {})) {
      for (const as of users) await engine.call('chat.react', { room: seed.room, seq: message.seq, emoji }, { as });
    }
  }
}

async function send(engine: SeedEngine, directory: string, seed: LiveSeed): Promise<SentMessage> {
  const { room, id: clientId, sender: as } = seed;
  switch (seed.type) {
    case 'message': {
      const mentions = seed.mentions && { users: seed.mentions };
      return sent(await engine.call('chat.send', { room, clientId, text: seed.text, mentions }, { as }));
    }
    case 'picture': {
      const attachment = await upload(engine, join(directory, seed.file), seed);
      return sent(
        await engine.call('chat.send', { room, clientId, text: seed.text, attachments: [attachment] }, { as }),
      );
    }
    case 'poll': {
      const { question, options, multiple, votes = {} } = seed;
      const made = sent(await engine.call('chat.createPoll', { room, clientId, question, options, multiple }, { as }));
      for (const [user, chosen] of Object.entries(votes)) {
        const ids = chosen.map((index) => made.poll?.options[index]?.id);
        await engine.call('chat.vote', { room, seq: made.seq, options: ids }, { as: user });
      }
      return made;
    }
  }
}

function sent(answer: unknown): SentMessage {
  return (answer as { readonly message: SentMessage }).message;
}

/** @returns the id of the attachment. */
async function upload(engine: SeedEngine, file: string, { room, name, sender: as }: Said & { readonly name: string }) {
  const bytes = await readFile(file);
  const grant = (await engine.call('chat.upload', { room, name, bytes: bytes.length }, { as })) as {
    readonly id: string;
    readonly url: string;
  };
  const { host = '127.0.0.1', port = 0, tls = false } = engine.address ?? {};
  const base = `${tls ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
  const response = await fetch(new URL(grant.url, base), { method: 'POST', body: new Uint8Array(bytes) });
  if (!response.ok) throw new Error(`the picture ${name} was not taken: ${response.status}`);
  return grant.id;
}
