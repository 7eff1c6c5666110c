/**
 * Chat for Vue: composables.
 * @module @tidings/vue
 */
export * from '../../../packages/vue/src/index.ts';
