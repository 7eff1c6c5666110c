/** The chat app as several people use it at once: what one does, the others see. */
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { ChatApp, waiting } from '../support/chat-app.ts';
import { describeWithChromium, launchChromium } from '../support/chromium.ts';

let browser: Browser;
let app: ChatApp;

describeWithChromium('the chat app', () => {
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    app = await ChatApp.start(browser);
  });
  afterEach(() => app?.close());

  test('who signs in for the first time finds rooms that live', async () => {
    const ann = await app.person('Ann');
    await expect.poll(() => ann.roomLine('general').innerText(), waiting).toContain('Ann');
    expect(await ann.roomLine('general').innerText()).toContain('1 mention');
    await ann.openRoom('general');
    await ann.message('Everybody, say hello to Ann! Ask anything, somebody here has asked it before.').waitFor();
    // A reload is the same person in the same room.
    await ann.page.reload();
    await ann.online();
    await ann.message('Strawberries do not survive this team. I say it with love.').waitFor();
    expect(new URL(ann.page.url()).hash).toBe('#/room/general');
    expect(await ann.page.title()).toContain('General');
  });

  test('sending, editing and deleting is seen by the other, and what was read is told', async () => {
    await app.room('two', ['ann', 'ben'], 'Two');
    const ann = await app.person('Ann', 'two');
    const ben = await app.person('Ben', 'two');
    await ann.send('Hello Ben');
    await ben.expectTexts(['Hello Ben']);
    await expect.poll(() => ann.state('Hello Ben'), waiting).toBe('read');
    await ben.send('Hello Ann');
    await ann.expectTexts(['Hello Ben', 'Hello Ann']);

    await ann.act('Hello Ben', 'Edit');
    await expect.poll(() => ann.field().inputValue(), waiting).toBe('Hello Ben');
    await ann.send('Good morning Ben');
    for (const one of [ann, ben]) {
      await one.expectTexts(['Good morning Ben', 'Hello Ann']);
      expect(await one.message('Good morning Ben').innerText()).toContain('edited');
    }

    await ann.act('Good morning Ben', 'Delete');
    await ann.page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    for (const one of [ann, ben]) {
      await one.expectTexts(['Hello Ann']);
      await one.conversation.getByText('This message was deleted').waitFor();
    }
  });

  test('what is written while the other is elsewhere is unread, and read when they come', async () => {
    await app.room('two', ['ann', 'ben'], 'Two');
    const ann = await app.person('Ann', 'two');
    const ben = await app.person('Ben', 'kitchen');
    await ann.send('one');
    await ann.send('two');
    await expect.poll(() => ben.roomLine('two').innerText(), waiting).toContain('2 unread messages');
    await expect.poll(() => ben.page.title(), waiting).toMatch(/^\(\d+\)/);
    await expect.poll(() => ann.state('two'), waiting).toBe('delivered');
    await ben.openRoom('two');
    await ben.expectTexts(['one', 'two']);
    await expect.poll(() => ann.state('two'), waiting).toBe('read');
    await expect.poll(() => ben.roomLine('two').innerText(), waiting).not.toContain('unread');
  });

  test('reactions are counted on both sides, and taken back', async () => {
    await app.room('two', ['ann', 'ben'], 'Two');
    const ann = await app.person('Ann', 'two');
    const ben = await app.person('Ben', 'two');
    await ann.send('Cake is here');
    const shown = (page: typeof ann) => page.message('Cake is here').locator('.tidings-reaction[aria-pressed]');
    await ben.message('Cake is here').hover();
    await ben.message('Cake is here').getByRole('button', { name: 'More actions' }).click();
    await ben.page.getByRole('button', { name: 'React with 🎉' }).click();
    await expect.poll(() => shown(ann).allInnerTexts(), waiting).toEqual([expect.stringMatching(/🎉\s*1/)]);
    await shown(ann).click();
    await expect.poll(() => shown(ben).allInnerTexts(), waiting).toEqual([expect.stringMatching(/🎉\s*2/)]);
    expect(await shown(ben).getAttribute('aria-pressed')).toBe('true');
    await shown(ben).click();
    await expect.poll(() => shown(ann).allInnerTexts(), waiting).toEqual([expect.stringMatching(/🎉\s*1/)]);
  });

  test('a thread has its own place and its own count', async () => {
    await app.room('two', ['ann', 'ben'], 'Two');
    const ann = await app.person('Ann', 'two');
    const ben = await app.person('Ben', 'two');
    await ann.send('Where do we meet?');
    await ben.act('Where do we meet?', 'Reply in thread');
    await ben.send('At the station', ben.thread);
    await ann.conversation.getByRole('button', { name: /1 reply/ }).click();
    await ann.expectTexts(['At the station'], ann.thread.getByRole('feed'));
    await ann.send('At nine', ann.thread);
    await ben.expectTexts(['At the station', 'At nine'], ben.thread.getByRole('feed'));
    // Not among the messages of the room.
    await ben.expectTexts(['Where do we meet?']);
    await ann.page.reload();
    await ann.expectTexts(['At the station', 'At nine'], ann.thread.getByRole('feed'));
  });

  test('typing is shown while it lasts, and who is there', async () => {
    await app.call('upsertUsers', { users: [{ id: 'ben', name: 'Ben' }] });
    const { room } = await app.call<{ room: { id: string } }>('createRoom', { kind: 'direct', peer: 'ben' }, 'ann');
    const ann = await app.person('Ann', room.id);
    const presence = ann.conversation.locator('.tidings-room-header .tidings-presence');
    await expect.poll(() => presence.innerText(), waiting).not.toBe('Online');
    const ben = await app.person('Ben', room.id);
    await expect.poll(() => presence.innerText(), waiting).toBe('Online');

    await ben.field().pressSequentially('I am wri');
    const typing = ann.conversation.locator('.tidings-typing');
    await expect.poll(() => typing.innerText(), waiting).toContain('Ben is typing');
    expect((await ben.conversation.locator('.tidings-typing').innerText()).trim()).toBe('');
    await ben.field().press('Enter');
    await ann.expectTexts(['I am wri']);
    await expect.poll(async () => (await typing.innerText()).trim(), waiting).toBe('');
  });

  test('a mention finds its person, wherever they are', async () => {
    await app.room('three', ['ann', 'ben'], 'Three');
    const ann = await app.person('Ann', 'three');
    const ben = await app.person('Ben', 'kitchen');
    await ann.field().pressSequentially('Look at this, @Be');
    await ann.page.getByRole('option', { name: /Ben/ }).click();
    await ann.field().press('Enter');
    await ann.message('Look at this, @Ben').waitFor();
    await expect.poll(() => ben.roomLine('three').innerText(), waiting).toContain('1 mention');
    await ben.openRoom('three');
    expect(await ben.conversation.locator('.tidings-mention').getAttribute('data-me')).toBe('true');
  });

  test('a word to somebody in private', async () => {
    const ben = await app.person('Ben', 'kitchen');
    const ann = await app.person('Ann', 'kitchen');
    await ann.page.getByRole('button', { name: 'New conversation' }).click();
    await ann.page.getByRole('button', { name: 'Direct message' }).click();
    await ann.page.getByLabel('Name of a person').fill('ben');
    await ann.page.getByRole('option', { name: 'Ben' }).last().click();
    // The room is made first; until then, the one before is open.
    await ann.conversation.getByRole('heading', { name: 'Ben' }).waitFor();
    await ann.send('Between us');
    await ben.sidebar.locator('[data-room]', { hasText: 'Between us' }).click();
    await ben.expectTexts(['Between us']);
    const mira = await app.person('Mira Lindqvist');
    expect(await mira.sidebar.getByText('Between us').count()).toBe(0);
  });
});
