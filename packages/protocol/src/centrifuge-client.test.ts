/**
 * Our codecs and deltas against the JavaScript SDK that most clients use: it talks to a socket that is answered by the
 * codec directly, so what is checked is what goes over the wire.
 */
import { Centrifuge as JsonClient, type Options, type PublicationContext } from 'centrifuge';
import { Centrifuge as ProtobufClient } from 'centrifuge/build/protobuf';
import { afterEach, describe, expect, test } from 'vitest';
import type { Codec } from './codec.ts';
import { jsonCodec, quotePayload } from './codec-json.ts';
import { protobufCodec } from './codec-protobuf.ts';
import { createDelta } from './delta.ts';
import { frame, type Framing } from './frames.ts';
import type { Command, Payload, Publication, Reply } from './messages.ts';

const encoder = new TextEncoder();

/** A WebSocket that answers each frame of the client at once. */
function socketClass(codec: Codec, framing: Framing, answer: (command: Command) => readonly Reply[]) {
  return class FakeWebSocket {
    binaryType = 'blob';
    onopen: (() => void) | undefined;
    onmessage: ((event: { data: string | ArrayBuffer }) => void) | undefined;
    onclose: ((event: { code: number; reason: string }) => void) | undefined;

    constructor() {
      queueMicrotask(() => this.onopen?.());
    }

    send(data: string | Uint8Array): void {
      const replies = codec.decodeCommands(data).flatMap(answer);
      if (replies.length === 0) return;
      const bytes = frame(
        framing,
        replies.map((reply) => codec.encodeReply(reply)),
      );
      queueMicrotask(() =>
        this.onmessage?.({
          data: framing === 'lines' ? new TextDecoder().decode(bytes) : (bytes.buffer as ArrayBuffer),
        }),
      );
    }

    close(): void {
      queueMicrotask(() => this.onclose?.({ code: 1000, reason: '' }));
    }
  };
}

interface Side {
  readonly name: string;
  readonly codec: Codec;
  readonly framing: Framing;
  createClient(options: Partial<Options>): JsonClient;
  /** What a payload looks like on a subscription with deltas. */
  onDeltaSubscription(payload: Payload): Payload;
}

const sides: Side[] = [
  {
    name: 'json',
    codec: jsonCodec,
    framing: 'lines',
    createClient: (options) => new JsonClient('ws://localhost/unused', options),
    onDeltaSubscription: quotePayload,
  },
  {
    name: 'protobuf',
    codec: protobufCodec,
    framing: 'delimited',
    // The same class but for the codec; its private fields make it another type.
    createClient: (options) => new ProtobufClient('ws://localhost/unused', options) as unknown as JsonClient,
    onDeltaSubscription: (payload) => payload,
  },
];

const values = [
  { symbol: 'AAPL', exchange: 'NASDAQ', note: 'Grüße an alle 👋', price: 187.25, volume: 1000 },
  { symbol: 'AAPL', exchange: 'NASDAQ', note: 'Größe für alle 👌', price: 187.5, volume: 1000 },
  { symbol: 'AAPL', exchange: 'NASDAQ', note: 'Größe für alle 👌', price: 187.5, volume: 1000 },
  { symbol: 'AAPL', exchange: 'NASDAQ', note: '世界', price: 9, volume: 1000, more: ['a', 'b'] },
];

let client: JsonClient | undefined;
afterEach(() => client?.disconnect());

describe.each(sides)('$name', ({ codec, framing, createClient, onDeltaSubscription }) => {
  /** Resolves with what the client publishes to the application: JSON values, or text decoded from bytes. */
  const valueOf = (data: unknown): unknown =>
    data instanceof Uint8Array ? (JSON.parse(new TextDecoder().decode(data)) as unknown) : data;

  const connect: Reply = { connect: { client: 'c1', version: 'test', ping: 25, pong: true } };

  test('a subscription with deltas receives the values, recovered ones too', async () => {
    const payloads = values.map((value) => encoder.encode(JSON.stringify(value)));
    const publications = payloads.map((payload, index): Publication => {
      const before = payloads[index - 1];
      const data = before ? createDelta(before, payload) : payload;
      return { data: onDeltaSubscription(data), offset: index + 1, ...(before && { delta: true }) };
    });
    const answer = ({ id, ...command }: Command): Reply[] => {
      const reply = id === undefined ? {} : { id };
      if (command.connect) return [{ ...reply, ...connect }];
      if (!command.subscribe) return [];
      expect(command.subscribe).toMatchObject({ channel: 'prices', delta: 'fossil' });
      return [
        {
          ...reply,
          subscribe: {
            recoverable: true,
            epoch: 'e',
            delta: true,
            positioned: true,
            recovered: true,
            was_recovering: true,
            publications: publications.slice(0, 2),
          },
        },
        ...publications.slice(2).map((pub) => ({ push: { channel: 'prices', pub } })),
      ];
    };

    client = createClient({ websocket: socketClass(codec, framing, answer) });
    const subscription = client.newSubscription('prices', { delta: 'fossil', since: { offset: 0, epoch: 'e' } });
    const received = await new Promise<PublicationContext[]>((resolve, reject) => {
      const contexts: PublicationContext[] = [];
      subscription.on('publication', (context) => {
        contexts.push(context);
        if (contexts.length === values.length) resolve(contexts);
      });
      subscription.on('error', (context) => reject(new Error(context.error.message)));
      subscription.subscribe();
      client?.connect();
    });
    expect(received.map(({ data }) => valueOf(data))).toEqual(values);
    expect(received.map(({ offset }) => offset)).toEqual([1, 2, 3, 4]);
  });

  test('presence, history, rpc and errors come through', async () => {
    const info = { user: '42', client: 'c1', conn_info: encoder.encode('{"name":"Ann"}') };
    const answer = ({ id, ...command }: Command): Reply[] => {
      const reply = id === undefined ? {} : { id };
      if (command.connect) return [{ ...reply, ...connect }];
      if (command.presence) return [{ ...reply, presence: { presence: { c1: info } } }];
      if (command.history) {
        const publications = [{ data: encoder.encode('[1]'), offset: 2 ** 53 - 1, tags: { a: 'b' }, info }];
        return [{ ...reply, history: { publications, epoch: 'e', offset: 2 ** 53 - 1 } }];
      }
      if (command.rpc?.method === 'fail') return [{ ...reply, error: { code: 103, message: 'permission denied' } }];
      if (command.rpc) return [{ ...reply, rpc: { data: command.rpc.data ?? encoder.encode('0') } }];
      return [];
    };
    client = createClient({ websocket: socketClass(codec, framing, answer) });
    client.connect();
    await client.ready();

    const { clients } = await client.presence('room');
    expect(clients['c1']).toMatchObject({ user: '42', client: 'c1' });
    expect(valueOf(clients['c1']?.connInfo)).toEqual({ name: 'Ann' });

    const history = await client.history('room', { limit: -1 });
    expect(history).toMatchObject({ epoch: 'e', offset: 2 ** 53 - 1 });
    expect(history.publications[0]).toMatchObject({ offset: 2 ** 53 - 1, tags: { a: 'b' }, info: { user: '42' } });

    const sent = codec.name === 'json' ? { text: 'é👋' } : encoder.encode('{"text":"é👋"}');
    expect(valueOf((await client.rpc('echo', sent)).data)).toEqual({ text: 'é👋' });
    await expect(client.rpc('fail', sent)).rejects.toMatchObject({ code: 103, message: 'permission denied' });
  });
});
