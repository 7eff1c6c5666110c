/**
 * The client SDK: a connection, and chat with a cache and an outbox.
 * @module @tidings/client
 */
export * from '../../../packages/client/src/index.ts';
