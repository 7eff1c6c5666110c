/** Nobody wants to know: the event sink when none is configured. */
import type { EventSink } from './event-sink.ts';

export const noEvents: EventSink = {
  name: 'events',
  start: async () => {},
  stop: async () => {},
  emit: () => {},
  wants: () => false,
  report: async () => {},
};
