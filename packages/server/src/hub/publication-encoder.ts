/**
 * One publication as the bytes of its push, made at most once per form however many subscribers there are.
 *
 * A form is codec × direction (bidirectional reply or bare push) × variant: plain data; full data as a delta
 * subscription wants it; a patch against the previous publication.
 */
import {
  createDelta,
  jsonCodec,
  protobufCodec,
  quotePayload,
  type CodecName,
  type Format,
  type Payload,
  type Publication,
  type Push,
} from '@tidings/protocol';
import type { ChannelOptions } from '../config/schema.ts';

export type Variant = 0 | 1 | 2;
export const variants = { plain: 0, deltaFull: 1, deltaPatch: 2 } as const satisfies Record<string, Variant>;

const bytesOf = new TextEncoder();

/** Binary payloads for JSON clients: a JSON string of base64. */
function asBase64(payload: Payload): Payload {
  return bytesOf.encode(`"${Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('base64')}"`);
}

/** A publication as a client of this codec can take it when it stands in a result. */
export function dataFor(
  codec: CodecName,
  { payload }: Pick<ChannelOptions, 'payload'>,
  publication: Publication,
): Publication {
  return payload === 'binary' && codec === 'json' ? { ...publication, data: asBase64(publication.data) } : publication;
}

/** Encodes a push for one kind of connection. */
export function encodePush(format: Format, push: Push): Uint8Array {
  const codec = format.codec === 'json' ? jsonCodec : protobufCodec;
  return format.unidirectional ? codec.encodePush(push) : codec.encodeReply({ push });
}

export class PublicationEncoder {
  readonly #channel: string;
  readonly #publication: Publication;
  readonly #previous: Payload | undefined;
  readonly #binary: boolean;
  readonly #forms: (Uint8Array | undefined)[] = [];
  #patch: Payload | undefined;

  /**
   * @param previous data of the publication before, the base of a patch; undefined: no patch can be made.
   * @param binary payloads of this channel are any bytes, not JSON.
   */
  constructor(channel: string, publication: Publication, previous: Payload | undefined, binary: boolean) {
    this.#channel = channel;
    this.#publication = publication;
    this.#previous = previous;
    this.#binary = binary;
  }

  /** The encoded push. `deltaPatch` falls back to full data where a patch would not be smaller. */
  encode(format: Format, variant: Variant): Uint8Array {
    const slot = ((format.codec === 'json' ? 0 : 1) + (format.unidirectional ? 2 : 0)) * 3 + variant;
    return (this.#forms[slot] ??= encodePush(format, {
      channel: this.#channel,
      pub: this.#shape(format.codec === 'json', variant),
    }));
  }

  #shape(json: boolean, variant: Variant): Publication {
    const publication = this.#publication;
    if (this.#binary) return json ? { ...publication, data: asBase64(publication.data) } : publication;
    if (variant === variants.plain) return publication;
    if (variant === variants.deltaPatch && this.#previous) {
      this.#patch ??= createDelta(this.#previous, publication.data);
      if (this.#patch.length < publication.data.length) {
        return { ...publication, data: json ? quotePayload(this.#patch) : this.#patch, delta: true };
      }
    }
    return json ? { ...publication, data: quotePayload(publication.data) } : publication;
  }
}
