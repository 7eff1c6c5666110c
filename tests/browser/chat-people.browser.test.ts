/** Beginning a conversation with somebody by name, whether one shares a room with them or not. */
import type { ConfigInput } from '@tidings/server';
import type { Browser, Locator } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { ChatApp, waiting } from '../support/chat-app.ts';
import type { ChatPage } from '../support/chat-page.ts';
import { describeWithChromium, launchChromium } from '../support/chromium.ts';

let browser: Browser;
let app: ChatApp | undefined;

/** The app, with somebody who is in no room. */
async function start(config: ConfigInput = {}): Promise<ChatApp> {
  app = await ChatApp.start(browser, { config });
  await app.call('upsertUsers', { users: [{ id: 'u-77', name: 'Zoë Ångström' }] });
  return app;
}

async function beginDirect(person: ChatPage): Promise<Locator> {
  await person.page.getByRole('button', { name: 'New conversation' }).click();
  await person.page.getByRole('button', { name: 'Direct message' }).click();
  return person.page.getByRole('combobox', { name: 'Name of a person' });
}

describeWithChromium('people', () => {
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser?.close());
  afterEach(async () => {
    await app?.close();
    app = undefined;
  });

  test('somebody with whom one shares no room is found by name, and written to, by the keyboard alone', async () => {
    await start();
    const ann = await app!.person('Ann');
    const field = await beginDirect(ann);
    await field.pressSequentially('angs');
    const zoe = ann.page.getByRole('option', { name: 'Zoë Ångström' });
    await zoe.waitFor();
    expect(await ann.page.getByRole('option').count()).toBe(1);
    expect(await zoe.getAttribute('aria-selected')).toBe('true');
    expect(await field.getAttribute('aria-activedescendant')).toBe(await zoe.getAttribute('id'));
    await field.press('Enter');
    await ann.conversation.getByRole('heading', { name: 'Zoë Ångström' }).waitFor();
    await ann.send('We have not met');
    await ann.message('We have not met').waitFor();
    const lastMessages = async (): Promise<unknown> => {
      const { rooms } = await app!.call<{ rooms: { lastMessage?: { text: string } }[] }>('rooms', {}, 'u-77');
      return rooms.map(({ lastMessage }) => lastMessage?.text);
    };
    await expect.poll(lastMessages, waiting).toEqual(['We have not met']);
  });

  test('and invited into a room, and jumped to', async () => {
    await start();
    const ann = await app!.person('Ann');
    await ann.page.getByRole('button', { name: 'New conversation' }).click();
    await ann.page.getByRole('button', { name: 'New room' }).click();
    await ann.page.getByLabel('Name', { exact: true }).fill('Chess');
    await ann.page.getByRole('combobox', { name: 'Add people' }).fill('zoe');
    await ann.page.getByRole('option', { name: 'Zoë Ångström' }).click();
    await ann.page.getByRole('button', { name: 'Create', exact: true }).click();
    await ann.conversation.getByRole('heading', { name: 'Chess' }).waitFor();
    const { rooms } = await app!.call<{ rooms: { room: { name?: string } }[] }>('rooms', {}, 'u-77');
    expect(rooms.map(({ room }) => room.name)).toEqual(['Chess']);
    await ann.page.keyboard.press('ControlOrMeta+k');
    await ann.page.getByRole('combobox').fill('angstrom zo');
    await ann.page.getByRole('option', { name: 'Zoë Ångström' }).waitFor();
    await ann.page.keyboard.press('Enter');
    await ann.conversation.getByRole('heading', { name: 'Zoë Ångström' }).waitFor();
  });

  test('where the server does not permit it, people of one’s rooms are found as before, and nothing is said', async () => {
    await start({ chat: { permissions: { findUsers: 'false' } } });
    const ann = await app!.person('Ann');
    const field = await beginDirect(ann);
    await field.fill('zoe');
    await ann.page.getByRole('status').filter({ hasText: 'Nobody of that name' }).waitFor();
    await field.fill('lindq');
    await ann.page.getByRole('option', { name: 'Mira Lindqvist' }).click();
    await ann.conversation.getByRole('heading', { name: 'Mira Lindqvist' }).waitFor();
    expect((await ann.page.getByRole('alert').allInnerTexts()).join('')).toBe('');
  });
});
