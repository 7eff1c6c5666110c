import { formats, jsonCodec, protobufCodec } from '@tidings/protocol';
import { describe, expect, test } from 'vitest';
import { json } from '../testing/engine-fixture.ts';
import { PublicationEncoder, variants } from './publication-encoder.ts';

const previous = json({ filler: 'x'.repeat(100), n: 1 });
const publication = { data: json({ filler: 'x'.repeat(100), n: 2 }), offset: 2 };

describe('PublicationEncoder', () => {
  test('each form is made once, and each is its own', () => {
    const encoder = new PublicationEncoder('c', publication, previous, false);
    const forms = [
      formats.websocketJson,
      formats.websocketProtobuf,
      formats.uniWebsocketJson,
      formats.uniWebsocketProtobuf,
    ].flatMap((format) =>
      Object.values(variants).map((variant) => ({ format, variant, bytes: encoder.encode(format, variant) })),
    );
    for (const { format, variant, bytes } of forms) expect(encoder.encode(format, variant)).toBe(bytes);
    expect(new Set(forms.map(({ bytes }) => bytes)).size).toBe(forms.length);
    // Framing makes no other form.
    expect(encoder.encode(formats.sse, variants.plain)).toBe(encoder.encode(formats.websocketJson, variants.plain));
  });

  test('a unidirectional client gets the bare push', () => {
    const encoder = new PublicationEncoder('c', publication, undefined, false);
    const push = { channel: 'c', pub: publication };
    expect(jsonCodec.decodeReplies(encoder.encode(formats.websocketJson, variants.plain))).toEqual([{ push }]);
    expect(jsonCodec.decodePushes(encoder.encode(formats.uniWebsocketJson, variants.plain))).toEqual([push]);
    expect(encoder.encode(formats.uniWebsocketProtobuf, variants.plain)).toEqual(protobufCodec.encodePush(push));
  });

  test('without a publication before there is no patch', () => {
    const encoder = new PublicationEncoder('c', publication, undefined, false);
    const [reply] = jsonCodec.decodeReplies(encoder.encode(formats.websocketJson, variants.deltaPatch));
    expect(reply?.push?.pub).not.toHaveProperty('delta');
  });
});
