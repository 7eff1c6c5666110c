/** Random messages for the tests, made from the table: whatever the table allows, in the form a decoder gives it. */
import fc from 'fast-check';
import {
  commandSchema,
  emptyMap,
  pushSchema,
  replySchema,
  type Field,
  type MessageSchema,
  type MessageValue,
} from './schema.ts';
import type { Command, Push, Reply } from './messages.ts';

/** Names that are special to JavaScript turn up among the others. */
const text = fc.oneof(
  fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }),
  fc.constantFrom('__proto__', 'constructor', '"\\\n\r\u2028', '\u0000', 'é', '👋', '\ufeff'),
);

/** Payloads that a JSON connection can carry. */
export const jsonPayload: fc.Arbitrary<Uint8Array> = fc
  .oneof(
    fc.json(),
    fc.constantFrom(
      'null',
      '0',
      '""',
      '[ 1.0 ,2e400, 12345678901234567890 ]',
      '{"a":1,"a":2}',
      '"\\ud83d"',
      '{"__proto__":1}',
    ),
  )
  .map((json) => new TextEncoder().encode(json));

/** Payloads that a Protobuf connection can carry. */
export const binaryPayload: fc.Arbitrary<Uint8Array> = fc.uint8Array({ minLength: 1, maxLength: 40 });

function scalar(field: Field, payload: fc.Arbitrary<Uint8Array>, depth: number): fc.Arbitrary<unknown> {
  switch (field.type) {
    case 'bool':
      return fc.constant(true);
    case 'string':
      return text;
    case 'bytes':
      return payload;
    case 'uint32':
      return fc.oneof(fc.integer({ min: 1, max: 300 }), fc.constantFrom(1, 2 ** 31, 2 ** 32 - 1));
    case 'int32':
      return fc.oneof(fc.integer().filter(notZero), fc.constantFrom(-1, -(2 ** 31), 2 ** 31 - 1));
    case 'uint64':
      return fc.oneof(
        fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
        fc.constantFrom(127, 128, 2 ** 49, 2 ** 53 - 1),
      );
    case 'int64':
    case 'sint64':
      return fc.oneof(fc.maxSafeInteger().filter(notZero), fc.constantFrom(-1, 1, -(2 ** 53) + 1, 2 ** 53 - 1));
    default:
      return messageOf(field.type, payload, depth - 1);
  }
}

const notZero = (value: number): boolean => value !== 0;

function fieldOf(field: Field, payload: fc.Arbitrary<Uint8Array>, depth: number): fc.Arbitrary<unknown> {
  const value = scalar(field, payload, depth);
  if (field.shape === 'list') return fc.array(value, { minLength: 1, maxLength: 3 });
  if (field.shape === 'map') {
    return fc
      .array(fc.tuple(field.type === 'string' ? fc.oneof(text, fc.constant('')) : text, value), {
        minLength: 1,
        maxLength: 3,
      })
      .map((entries) => Object.assign(emptyMap(), Object.fromEntries(entries)));
  }
  return value;
}

function recordOf(
  fields: readonly Field[],
  payload: fc.Arbitrary<Uint8Array>,
  depth: number,
): fc.Arbitrary<MessageValue> {
  const model: Record<string, fc.Arbitrary<unknown>> = {};
  for (const field of fields) {
    if (depth > 0 || typeof field.type === 'string') model[field.name] = fieldOf(field, payload, depth);
  }
  const required = fields.filter((field) => field.required).map((field) => field.name);
  return fc.record(model, { requiredKeys: required.filter((name) => name in model), noNullPrototype: true });
}

/** A message of the table with any of its fields. */
export function messageOf(
  schema: MessageSchema,
  payload: fc.Arbitrary<Uint8Array>,
  depth = 4,
): fc.Arbitrary<MessageValue> {
  return recordOf(schema.fields, payload, Math.max(depth, schema.required.length > 0 ? 1 : 0));
}

/** An envelope: its plain fields, and one of the messages it can hold. */
function envelopeOf(schema: MessageSchema, payload: fc.Arbitrary<Uint8Array>): fc.Arbitrary<MessageValue> {
  const plain = schema.fields.filter((field) => typeof field.type === 'string');
  const kinds = schema.fields.filter((field) => typeof field.type !== 'string');
  return fc.oneof(
    ...kinds.map((kind) =>
      fc
        .tuple(recordOf(plain, payload, 0), kindOf(kind, payload))
        .map(([rest, value]): MessageValue => ({ ...rest, [kind.name]: value })),
    ),
  );
}

function kindOf(kind: Field, payload: fc.Arbitrary<Uint8Array>): fc.Arbitrary<unknown> {
  return kind.type === pushSchema ? envelopeOf(pushSchema, payload) : fieldOf(kind, payload, 5);
}

export const commandOf = (payload: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Command> =>
  fc.oneof(fc.constant({}), envelopeOf(commandSchema, payload)) as fc.Arbitrary<Command>;

export const replyOf = (payload: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Reply> =>
  fc.oneof(fc.constant({}), envelopeOf(replySchema, payload)) as fc.Arbitrary<Reply>;

export const pushOf = (payload: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Push> =>
  envelopeOf(pushSchema, payload) as fc.Arbitrary<Push>;
