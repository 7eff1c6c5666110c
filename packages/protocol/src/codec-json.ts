/**
 * The JSON codec. Payload fields are embedded raw JSON: what a client sent as `data` reaches the others byte for byte.
 *
 * On the delivery path `encodeReply` is called once for each publication and format, not once for each subscriber.
 */
import type { Codec } from './codec.ts';
import { DecodeError } from './errors.ts';
import { checkJson, JsonReader, readJson, textOf } from './json-reader.ts';
import { concat, withoutLineBreaks, writeJson } from './json-writer.ts';
import type { ClientInfo, Command, EmulationRequest, Payload, Publication, Push, Reply } from './messages.ts';
import {
  commandSchema,
  emulationSchema,
  keepFirstMethod,
  pushSchema,
  replySchema,
  type MessageSchema,
  type MessageValue,
} from './schema.ts';

const encoder = new TextEncoder();
const newline = encoder.encode('\n');
const quote = 0x22;

export const jsonCodec: Codec = {
  name: 'json',

  encodeReply(reply: Reply): Uint8Array {
    const push = reply.push;
    if (push?.pub && !push.id && isPlain(push.pub) && !reply.id && !reply.error) {
      return encodePublication('{"push":', push.channel, push.pub, '}');
    }
    if (reply.rpc?.data?.length && reply.id && Object.keys(reply).length === 2) {
      return embed(`{"id":${reply.id},"rpc":{"data":`, withoutLineBreaks(reply.rpc.data), '}}');
    }
    return writeJson(replySchema, reply as MessageValue);
  },

  encodePush(push: Push): Uint8Array {
    if (push.pub && !push.id && isPlain(push.pub)) return encodePublication('', push.channel, push.pub, '');
    return writeJson(pushSchema, push as MessageValue);
  },

  decodeCommands(frame: Uint8Array | string, maxCommands?: number): Command[] {
    return readLines(commandSchema, frame, maxCommands).map(keepFirstMethod);
  },

  encodeCommands(commands: readonly Command[]): Uint8Array {
    return concat(
      commands.flatMap((command, index) => {
        const message = writeJson(commandSchema, command as MessageValue);
        return index === 0 ? [message] : [newline, message];
      }),
    );
  },

  decodeReplies(frame: Uint8Array | string): Reply[] {
    return readLines(replySchema, frame);
  },

  decodePushes(frame: Uint8Array | string): Push[] {
    return readLines(pushSchema, frame);
  },

  decodeEmulation(body: Uint8Array | string): EmulationRequest {
    const { data, ...request } = readJson(emulationSchema, textOf(body)) as EmulationRequest;
    if (data === undefined) return request;
    // Commands travel as a JSON string, being lines of text; one command may also stand as it is.
    if (data[0] !== quote) return { ...request, data: withoutLineBreaks(data) };
    const commands = encoder.encode(JSON.parse(textOf(data)) as string);
    return commands.length === 0 ? request : { ...request, data: commands };
  },

  encodeEmulation(request: EmulationRequest): Uint8Array {
    return writeJson(emulationSchema, {
      ...request,
      ...(request.data && { data: quotePayload(request.data) }),
    });
  },
};

/**
 * Whether the bytes are one JSON value in UTF-8, not nested deeper than the decoder takes.
 * What passes may be given to `jsonCodec` as a payload.
 */
export function isJson(bytes: Uint8Array): boolean {
  try {
    const text = textOf(bytes);
    checkJson(text);
    const reader = new JsonReader(text);
    reader.skipSpace();
    reader.skip();
    return true;
  } catch {
    return false;
  }
}

/**
 * Wraps text into a JSON string: how publications travel on a JSON subscription with deltas, full ones and patches.
 * @param text UTF-8.
 * @throws DecodeError if the bytes are not UTF-8.
 */
export function quotePayload(text: Uint8Array): Payload {
  return encoder.encode(JSON.stringify(textOf(text)));
}

function readLines<T extends MessageValue>(schema: MessageSchema, frame: Uint8Array | string, maxLines?: number): T[] {
  const text = textOf(frame);
  const body = text.endsWith('\n') ? text.slice(0, -1) : text;
  if (body === '') throw new DecodeError('empty frame');
  const most = maxLines ?? Infinity;
  const lines = most === Infinity ? body.split('\n') : body.split('\n', most + 1);
  if (lines.length > most) throw new DecodeError(`more than ${most} messages in one frame`);
  return lines.map((line) => readJson(schema, line) as T);
}

/** Whether a publication has only fields that most have. */
function isPlain(pub: Publication): boolean {
  return (
    pub.tags === undefined &&
    pub.channel === undefined &&
    pub.key === undefined &&
    pub.removed === undefined &&
    pub.score === undefined &&
    pub.epoch === undefined &&
    pub.version === undefined
  );
}

// The same bytes as the table gives, without the walk over all its fields.
function encodePublication(head: string, channel: string | undefined, pub: Publication, tail: string): Uint8Array {
  let fields = pub.info ? `,"info":${infoText(pub.info)}` : '';
  if (pub.offset) fields += `,"offset":${pub.offset}`;
  if (pub.delta) fields += ',"delta":true';
  if (pub.time) fields += `,"time":${pub.time}`;
  const start = `${head}{${channel ? `"channel":${JSON.stringify(channel)},` : ''}"pub":{`;
  if (pub.data.length === 0) return encoder.encode(`${start}${fields.slice(1)}}}${tail}`);
  return embed(`${start}"data":`, withoutLineBreaks(pub.data), `${fields}}}${tail}`);
}

function infoText({ user, client, conn_info, chan_info }: ClientInfo): string {
  const connection = conn_info?.length ? `,"conn_info":${textOf(withoutLineBreaks(conn_info))}` : '';
  const channel = chan_info?.length ? `,"chan_info":${textOf(withoutLineBreaks(chan_info))}` : '';
  return `{"user":${JSON.stringify(user)},"client":${JSON.stringify(client)}${connection}${channel}}`;
}

// One allocation where the envelope is ASCII, as nearly always: allocating is what costs most here.
function embed(head: string, payload: Uint8Array, tail: string): Uint8Array {
  const out = new Uint8Array(head.length + payload.length + tail.length);
  if (!writeAscii(out, 0, head) || !writeAscii(out, head.length + payload.length, tail)) {
    return concat([encoder.encode(head), payload, encoder.encode(tail)]);
  }
  out.set(payload, head.length);
  return out;
}

/** Whether all of the text was ASCII and stands in `out` now. */
function writeAscii(out: Uint8Array, at: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f) return false;
    out[at + i] = code;
  }
  return true;
}
