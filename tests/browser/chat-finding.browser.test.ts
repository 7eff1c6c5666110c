/** Finding again what was said: files, search, what is unread, what is pinned. And rooms of one's own. */
import type { Browser } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { ChatApp, waiting } from '../support/chat-app.ts';
import { describeWithChromium, launchChromium } from '../support/chromium.ts';

/** A picture of one red point. */
const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==',
  'base64',
);

let browser: Browser;
let app: ChatApp;

describeWithChromium('finding', () => {
  beforeAll(async () => {
    browser = await launchChromium();
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    app = await ChatApp.start(browser);
  });
  afterEach(() => app?.close());

  test('a picture and a file go along, and the other opens them', async () => {
    await app.room('two', ['ann', 'ben'], 'Two');
    const ann = await app.person('Ann', 'two');
    const ben = await app.person('Ben', 'two');
    await ann.page.locator('input[type="file"]').setInputFiles([
      { name: 'point.png', mimeType: 'image/png', buffer: png },
      { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('what was said') },
    ]);
    await ann.send('Have a look');
    await ben.message('Have a look').waitFor();
    const picture = ben.message('Have a look').getByRole('button', { name: 'Open image point.png' });
    await expect
      .poll(() => picture.locator('img').evaluate((img) => (img as HTMLImageElement).naturalWidth), waiting)
      .toBe(1);
    await picture.click();
    await ben.page.getByRole('dialog', { name: 'Image point.png' }).waitFor();
    await ben.page.keyboard.press('Escape');
    const [download] = await Promise.all([
      ben.page.waitForEvent('download'),
      ben
        .message('Have a look')
        .getByRole('link', { name: /notes\.txt/ })
        .click(),
    ]);
    expect(download.suggestedFilename()).toBe('notes.txt');
    expect(await app.texts('two')).toEqual(['Have a look']);
    await expect.poll(() => ann.state('Have a look'), waiting).toBe('read');
  });

  test('search finds a word in any room, and goes to where it was said', async () => {
    const ann = await app.person('Ann');
    await ann.page.getByRole('button', { name: 'Search everywhere' }).click();
    await ann.page.getByRole('searchbox', { name: 'Search messages' }).fill('thirtieth of february');
    await ann.page
      .getByRole('dialog')
      .getByText(/thirtieth/)
      .first()
      .click();
    await expect.poll(() => new URL(ann.page.url()).hash, waiting).toMatch(/^#\/room\/general\?message=\d+$/);
    const found = ann.conversation.locator('[data-highlighted]', { hasText: 'thirtieth of February' });
    await expect.poll(() => found.count(), waiting).toBe(1);
  });

  test('in a room it jumps far back, and from there to the latest', async () => {
    const ann = await app.person('Ann', 'notes');
    await expect.poll(async () => (await ann.texts()).length, waiting).toBeGreaterThan(1);
    const before = await ann.texts();
    await ann.conversation.getByRole('button', { name: 'Search here' }).click();
    await ann.page.getByRole('searchbox', { name: 'Search messages' }).fill('moon phases');
    const panel = ann.page.getByRole('complementary', { name: 'Search' });
    const results = panel.locator('button', { hasText: /moon phases/ });
    await expect.poll(() => results.count(), waiting).toBeGreaterThan(1);
    await results.last().click();
    await expect.poll(() => ann.conversation.locator('[data-highlighted]').count(), waiting).toBe(1);
    expect(await ann.texts()).not.toEqual(before);
    await ann.page.getByRole('button', { name: 'Jump to the latest message' }).click();
    await expect.poll(async () => (await ann.texts()).at(-1), waiting).toBe(before.at(-1));
  });

  test('what is unread begins with a line, and a button leads there', async () => {
    await app.room('two', ['ann', 'ben'], 'Two');
    for (let i = 1; i <= 40; i++) await app.call('send', { room: 'two', text: `number ${i}` }, 'ben');
    await app.call('markUnread', { room: 'two', seq: 6 }, 'ann');
    const ann = await app.person('Ann');
    await expect.poll(() => ann.roomLine('two').innerText(), waiting).toContain('35 unread messages');
    await ann.openRoom('two');
    await ann.page.getByRole('button', { name: /Jump to the first unread message/ }).click();
    await expect.poll(() => ann.texts(), waiting).toContain('number 6');
    expect(await ann.conversation.locator('.tidings-new').count()).toBe(1);
  });

  test('a pinned message is found by everybody', async () => {
    await app.room('two', ['ann', 'ben'], 'Two');
    const ann = await app.person('Ann', 'two');
    const ben = await app.person('Ben', 'two');
    await ann.send('The key is below the flowers');
    await ann.send('Nothing else');
    await ann.act('The key is below the flowers', 'Pin');
    await ben.message('Nothing else').waitFor();
    await ben.conversation.getByRole('button', { name: 'More about this conversation' }).click();
    await ben.page.getByRole('menuitem', { name: 'Pinned messages' }).click();
    const pins = ben.page.getByRole('complementary', { name: 'Pinned messages' });
    await expect.poll(() => pins.innerText(), waiting).toContain('The key is below the flowers');
    expect(await pins.innerText()).not.toContain('Nothing else');
  });

  test('a question to everybody, and what they answer', async () => {
    await app.room('two', ['ann', 'ben'], 'Two');
    const ann = await app.person('Ann', 'two');
    const ben = await app.person('Ben', 'two');
    await ann.field().fill('kept while the question is asked');
    await ann.conversation.getByRole('button', { name: 'Create a poll' }).click();
    const dialog = ann.page.getByRole('dialog');
    await dialog.getByLabel('Question').fill('Tea or coffee?');
    await dialog.getByLabel('Option 1').fill('Tea');
    await dialog.getByLabel('Option 2').fill('Coffee');
    await dialog.getByRole('button', { name: 'Send' }).click();
    await ben.conversation.getByText('Tea or coffee?', { exact: true }).waitFor();
    await ben.conversation.getByLabel(/Coffee/).check();
    await expect.poll(() => ann.conversation.locator('.tidings-poll').innerText(), waiting).toContain('1 person voted');
    expect(await ann.field().inputValue()).toBe('kept while the question is asked');
    expect(await app.texts('two')).toEqual(['Tea or coffee?']);
  });

  test('who owns a room gives others a role in it', async () => {
    await app.room('two', ['ann', 'ben'], 'Two');
    const ann = await app.person('Ann', 'two');
    const ben = await app.person('Ben', 'two');
    await ann.conversation.getByRole('button', { name: 'Members' }).click();
    await ann.page.getByRole('complementary').getByRole('button', { name: /Ben/ }).click();
    await ann.page.getByRole('dialog').getByLabel('Role').selectOption('moderator');
    await ben.conversation.getByRole('button', { name: 'Members' }).click();
    const members = ben.page.getByRole('complementary', { name: 'Members' });
    await expect.poll(() => members.getByRole('button', { name: /Ben/ }).innerText(), waiting).toContain('Moderator');
  });

  test('a room of one’s own: made, found, joined, put aside and left', async () => {
    const ann = await app.person('Ann');
    await ann.page.getByRole('button', { name: 'New conversation' }).click();
    await ann.page.getByRole('button', { name: 'New room' }).click();
    await ann.page.getByLabel('Name', { exact: true }).fill('Chess');
    await ann.page.getByLabel('Everybody may find and join it').check();
    await ann.page.getByRole('button', { name: 'Create', exact: true }).click();
    await ann.send('Who plays?');

    const ben = await app.person('Ben');
    await ben.page.getByRole('button', { name: 'New conversation' }).click();
    await ben.page.getByLabel('Rooms that everybody may join').fill('che');
    await ben.page.getByRole('button', { name: 'Join: Chess' }).click();
    await ben.expectTexts(['Who plays?']);
    await ben.send('I do');
    await ann.expectTexts(['Who plays?', 'I do']);

    const menu = async (action: string): Promise<void> => {
      await ben.conversation.getByRole('button', { name: 'More about this conversation' }).click();
      await ben.page.getByRole('menuitem', { name: action, exact: true }).click();
    };
    const line = ben.sidebar.locator('[data-room]', { hasText: 'Chess' });
    await menu('Mute');
    await expect.poll(() => line.innerText(), waiting).toContain('Muted');
    await menu('Archive');
    await expect.poll(() => line.count(), waiting).toBe(0);
    await ben.page.getByRole('button', { name: 'Show archived' }).click();
    await expect.poll(() => line.count(), waiting).toBe(1);
    await menu('Leave');
    await ben.page.getByRole('dialog').getByRole('button', { name: 'Leave' }).click();
    await expect.poll(() => line.count(), waiting).toBe(0);
    expect(new URL(ben.page.url()).hash).toBe('#/');
  });
});
