/** Public exports of `@tidings/protocol`. */
export * from './channel-name.ts';
export * from './channel-pattern.ts';
export * from './close-codes.ts';
export * from './codec.ts';
export { isJson, jsonCodec, quotePayload } from './codec-json.ts';
export { protobufCodec } from './codec-protobuf.ts';
export { applyDelta, createDelta } from './delta.ts';
export * from './errors.ts';
export * from './frames.ts';
export type * from './messages.ts';
export * from './position.ts';
export { compileTagsFilter, type TagsFilter } from './tags-filter.ts';
