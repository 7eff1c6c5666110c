/** Values and types of the cel-spec test data as the rule engine has them; undefined for what it does not have. */
import { getTestRegistry } from '@bufbuild/cel-spec/testdata/registry.js';
import { Type_PrimitiveType, Type_WellKnownType, type Type } from '@bufbuild/cel-spec/cel/expr/checked_pb.js';
import type { Value as SpecValue } from '@bufbuild/cel-spec/cel/expr/value_pb.js';
import { toJson, type Message } from '@bufbuild/protobuf';
import {
  anyUnpack,
  ListValueSchema,
  StructSchema,
  ValueSchema,
  type BoolValue,
  type DoubleValue,
  type Duration as DurationMessage,
  type Int32Value,
  type Int64Value,
  type ListValue,
  type StringValue,
  type Struct,
  type Timestamp as TimestampMessage,
  type Value as JsonMessage,
} from '@bufbuild/protobuf/wkt';
import { types, type RuleType } from '../../packages/server/src/rules/types.ts';
import { Duration, Timestamp, type Value } from '../../packages/server/src/rules/value.ts';

const registry = getTestRegistry();

export function valueOf({ kind }: SpecValue): Value | undefined {
  switch (kind.case) {
    case 'nullValue':
      return null;
    case 'boolValue':
    case 'int64Value':
    case 'doubleValue':
    case 'stringValue':
      return kind.value;
    case 'listValue': {
      const elements = kind.value.values.map(valueOf);
      return elements.every((element) => element !== undefined) ? elements : undefined;
    }
    case 'mapValue': {
      const map: Record<string, Value> = {};
      for (const entry of kind.value.entries) {
        const value = entry.value && valueOf(entry.value);
        if (entry.key?.kind.case !== 'stringValue' || value === undefined) return undefined;
        map[entry.key.kind.value] = value;
      }
      return map;
    }
    case 'objectValue': {
      const message = anyUnpack(kind.value, registry);
      return message && wellKnownValues.get(message.$typeName)?.(message);
    }
    default:
      return undefined;
  }
}

const nanosOf = ({ seconds, nanos }: { seconds: bigint; nanos: number }) => seconds * 1_000_000_000n + BigInt(nanos);

/** Messages that stand for a value of the language: points in time, wrappers (which may be null), and JSON. */
const wellKnownValues = new Map<string, (message: Message) => Value>([
  ['google.protobuf.Timestamp', (message) => new Timestamp(nanosOf(message as TimestampMessage))],
  ['google.protobuf.Duration', (message) => new Duration(nanosOf(message as DurationMessage))],
  ['google.protobuf.Int32Value', (message) => BigInt((message as Int32Value).value)],
  ...['Bool', 'Int64', 'Float', 'Double', 'String'].map(
    (name) => [`google.protobuf.${name}Value`, (message: Message) => (message as WrapperMessage).value] as const,
  ),
  ['google.protobuf.Value', (message) => toJson(ValueSchema, message as JsonMessage) as Value],
  ['google.protobuf.Struct', (message) => toJson(StructSchema, message as Struct) as Value],
  ['google.protobuf.ListValue', (message) => toJson(ListValueSchema, message as ListValue) as Value],
]);

type WrapperMessage = BoolValue | Int64Value | DoubleValue | StringValue;

export function typeOf({ typeKind }: Type): RuleType | undefined {
  switch (typeKind.case) {
    case 'dyn':
      return types.dyn;
    case 'null':
      return types.null;
    case 'primitive':
      return primitives.get(typeKind.value);
    case 'wrapper': {
      const of = primitives.get(typeKind.value);
      return of && types.nullable(of);
    }
    case 'wellKnown':
      return wellKnown.get(typeKind.value);
    case 'messageType':
      return messages.get(typeKind.value);
    case 'listType': {
      const element = typeKind.value.elemType && typeOf(typeKind.value.elemType);
      return element && types.list(element);
    }
    case 'mapType': {
      const { keyType, valueType } = typeKind.value;
      const value = valueType && typeOf(valueType);
      const key = keyType && typeOf(keyType);
      return value && (key === types.string || key === types.dyn) ? types.map(value) : undefined;
    }
    default:
      return undefined;
  }
}

const primitives = new Map<Type_PrimitiveType, RuleType>([
  [Type_PrimitiveType.BOOL, types.bool],
  [Type_PrimitiveType.INT64, types.int],
  [Type_PrimitiveType.DOUBLE, types.double],
  [Type_PrimitiveType.STRING, types.string],
]);

const wellKnown = new Map<Type_WellKnownType, RuleType>([
  [Type_WellKnownType.TIMESTAMP, types.timestamp],
  [Type_WellKnownType.DURATION, types.duration],
]);

/** The messages that stand for a type of the language. Numbers of JSON are doubles, in both. */
const messages = new Map<string, RuleType>([
  ['google.protobuf.Timestamp', types.timestamp],
  ['google.protobuf.Duration', types.duration],
  ['google.protobuf.BoolValue', types.nullable(types.bool)],
  ['google.protobuf.Int32Value', types.nullable(types.int)],
  ['google.protobuf.Int64Value', types.nullable(types.int)],
  ['google.protobuf.FloatValue', types.nullable(types.double)],
  ['google.protobuf.DoubleValue', types.nullable(types.double)],
  ['google.protobuf.StringValue', types.nullable(types.string)],
  ['google.protobuf.Value', types.dyn],
  ['google.protobuf.Struct', types.map(types.dyn)],
  ['google.protobuf.ListValue', types.list(types.dyn)],
]);
