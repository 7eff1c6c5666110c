/**
 * Chat for React: hooks and components.
 * @module @tidings/react
 */
export * from '../../../packages/react/src/index.ts';
