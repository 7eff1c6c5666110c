/**
 * The Protobuf codec: payloads may be any bytes. In a frame each message is preceded by its length as uvarint; a
 * message of no bytes is a ping from the server and a pong from the client.
 */
import type { Codec } from './codec.ts';
import { DecodeError } from './errors.ts';
import type { Command, EmulationRequest, Push, Reply } from './messages.ts';
import { ProtobufReader } from './protobuf-reader.ts';
import { ProtobufWriter } from './protobuf-writer.ts';
import {
  commandSchema,
  emulationSchema,
  keepFirstMethod,
  pushSchema,
  replySchema,
  type MessageSchema,
  type MessageValue,
} from './schema.ts';

/** What a publication needs beside its payload, mostly. */
const envelopeBytes = 128;

export const protobufCodec: Codec = {
  name: 'protobuf',

  encodeReply(reply: Reply): Uint8Array {
    return encode(replySchema, reply as MessageValue, reply.push?.pub?.data.length);
  },

  encodePush(push: Push): Uint8Array {
    return encode(pushSchema, push as MessageValue, push.pub?.data.length);
  },

  decodeCommands(frame: Uint8Array | string, maxCommands?: number): Command[] {
    return decodeFrame(commandSchema, frame, maxCommands).map(keepFirstMethod);
  },

  encodeCommands(commands: readonly Command[]): Uint8Array {
    const writer = new ProtobufWriter();
    for (const command of commands.toReversed()) writer.delimited(commandSchema, command as MessageValue);
    return writer.finish();
  },

  decodeReplies(frame: Uint8Array | string): Reply[] {
    return decodeFrame(replySchema, frame);
  },

  decodePushes(frame: Uint8Array | string): Push[] {
    return decodeFrame(pushSchema, frame);
  },

  decodeEmulation(body: Uint8Array | string): EmulationRequest {
    return new ProtobufReader(bytesOf(body)).whole(emulationSchema) as EmulationRequest;
  },

  encodeEmulation(request: EmulationRequest): Uint8Array {
    return encode(emulationSchema, request as MessageValue, request.data?.length);
  },
};

function encode(schema: MessageSchema, value: MessageValue, payloadBytes = 0): Uint8Array {
  const writer = new ProtobufWriter(payloadBytes + envelopeBytes);
  writer.message(schema, value);
  return writer.finish();
}

function decodeFrame<T extends MessageValue>(
  schema: MessageSchema,
  frame: Uint8Array | string,
  maxMessages = Infinity,
): T[] {
  const reader = new ProtobufReader(bytesOf(frame));
  if (reader.atEnd) throw new DecodeError('empty frame');
  const messages: T[] = [];
  while (!reader.atEnd) {
    if (messages.length === maxMessages) throw new DecodeError(`more than ${maxMessages} messages in one frame`);
    messages.push(reader.delimited(schema) as T);
  }
  return messages;
}

function bytesOf(frame: Uint8Array | string): Uint8Array {
  if (typeof frame === 'string') throw new DecodeError('text where Protobuf is expected');
  return frame;
}
