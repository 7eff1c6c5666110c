import { expect, test } from 'vitest';
import { chatEventNames } from '../../packages/server/src/modules/chat/chat-writer.ts';
import { createChat } from '../../packages/server/src/modules/chat/testing/chat-fixture.ts';
import { blocksOf, readPage } from '../support/documents.ts';
import { tourEvents } from './event-tour.ts';

interface Body {
  readonly type: string;
  readonly subject: string;
  readonly data: unknown;
}

/** The value with ids and times, which differ, as their types. */
function shape(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shape);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, shape(inner)]));
  }
  if (typeof value === 'string' && /^[0-9a-f]{8}-[0-9a-f-]{27}$/.test(value)) return 'an id';
  return typeof value === 'number' && value > 1e12 ? 'a time' : value;
}

test('docs/chat-events.md shows every event, as it is', async () => {
  const [block] = blocksOf('docs/chat-events.md').filter(({ language }) => language === 'json');
  const shown = JSON.parse(block?.code ?? '') as Body[];
  expect(shown.map(({ type }) => type).toSorted()).toEqual(chatEventNames.map((name) => `chat.${name}`).toSorted());
  const page = readPage('docs/chat-events.md');
  for (const name of chatEventNames) expect(page).toContain(`| \`chat.${name}\``);
  await using chat = await createChat();
  const told = await tourEvents(chat);
  expect(told.map(({ type }) => type).toSorted()).toEqual(shown.map(({ type }) => type).toSorted());
  for (const { type, subject, data } of shown) {
    const found = told.find((event) => event.type === type);
    expect({ type, subject: found?.subject, data: shape(found?.data) }).toEqual({ type, subject, data: shape(data) });
  }
});
