/**
 * The engine: to run it inside a program of your own.
 * @module @tidings/server
 */
export * from '../../../packages/server/src/index.ts';
