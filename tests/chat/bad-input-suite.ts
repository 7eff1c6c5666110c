/**
 * Chat under attack, on any store: nothing a client or a back end sends makes an internal error, or reaches what it may
 * not. Commands and their fields come from the schemas, so that a new command is attacked too.
 */
import { readFile } from 'node:fs/promises';
import type { Store } from '@tidings/server';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { createChat } from '../../packages/server/src/modules/chat/testing/chat-fixture.ts';
import type { Json, Peer } from '../bad-input/peers.ts';
import { attack, type Target } from '../bad-input/target.ts';

const config = {
  chat: { enabled: true },
  // What is tested here is what lies behind the limits of connections.
  limits: { commandsPerSecondPerConnection: 0, errorsPerConnection: 0, messageSize: '4MB' },
} as const;

interface CommandTable {
  readonly name: string;
  readonly example: Json;
  /** Names of fields, with what they are in the JSON schema. */
  readonly fields: readonly string[];
}

const page = await readFile(new URL('../../ERRORS.md', import.meta.url), 'utf8');
/** Every code of an error reply on the page. */
const knownCodes = new Set([...page.matchAll(/^\| (\d{3}) /gm)].map(([, code]) => Number(code)));

const commands: CommandTable[] = [];

{
  await using chat = await createChat();
  for (const { name, example, input } of chat.module.commands) {
    const schema = z.toJSONSchema(input, { unrepresentable: 'any', io: 'input' }) as { properties?: Json };
    commands.push({ name, example: example as Json, fields: Object.keys(schema.properties ?? {}) });
  }
}

/** Attacks a server with chat, on a store of its own that is not started. */
export async function attackChat(store: Store, act: (target: Target) => Promise<void>): Promise<void> {
  await attack({ config, store }, async (target) => {
    // Refusals are lines of level info; nothing here may be a warning or an error.
    target.ignoresLines(({ level }) => level === 'info');
    await act(target);
  });
}

/** What a call was answered: its result, or its error. */
export interface Answer {
  // What commands answer is looked at, not typed.
  // eslint-disable-next-line typescript/no-explicit-any
  readonly result?: any;
  readonly error?: { readonly code: number; readonly message: string };
}

export async function rpc(peer: Peer, name: string, data: unknown): Promise<Answer> {
  const reply = await peer.request({ rpc: { method: `chat.${name}`, data } });
  return 'error' in reply
    ? { error: reply['error'] as NonNullable<Answer['error']> }
    : { result: (reply['rpc'] as Json)['data'] };
}

export async function http(target: Target, name: string, input: unknown): Promise<Answer> {
  return (await target.api(`chat/${name}`, JSON.stringify(input))) as Answer;
}

export function as(target: Target, user: string): Promise<Peer> {
  return target.connect({ token: target.token({ sub: user }) });
}

/** A room with a few messages, a poll and a thread. */
export async function furnish(target: Target): Promise<void> {
  for (const user of ['anna', 'ben']) await http(target, 'upsertUsers', { users: [{ id: user, name: user }] });
  await http(target, 'createRoom', { kind: 'group', id: 'lobby', members: ['ben', 'cleo'], as: 'anna' });
  for (let at = 1; at <= 9; at++) await http(target, 'send', { room: 'lobby', text: `message ${at}`, as: 'anna' });
  await http(target, 'createPoll', { room: 'lobby', question: '?', options: ['yes', 'no'], as: 'anna' });
  await http(target, 'send', { room: 'lobby', text: 'reply', threadSeq: 7, as: 'ben' });
}

export const nested = (levels: number): unknown => JSON.parse(`${'['.repeat(levels)}${']'.repeat(levels)}`);

const nonsense: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e308,
  -1e308,
  Number.MAX_SAFE_INTEGER,
  2 ** 53,
  '',
  ' ',
  'lobby',
  'not-there',
  'x'.repeat(300),
  'x'.repeat(200_000),
  'a\u0000b',
  '0.5.a\u0000b',
  '\ud800',
  'x\udc00y',
  '*',
  '#',
  ':',
  'a:b',
  '__proto__',
  'constructor',
  "'; drop table chat_rooms; --",
  '%_\\',
  '\u202eevil\u202c\u200b',
  '👩‍👩‍👧‍👦'.repeat(20),
  '<script>alert(1)</script>',
  [],
  [null],
  ['anna', 'anna'],
  Array.from({ length: 2_000 }, (_, at) => `user-${at}`),
  Array.from({ length: 2_000 }, () => 'x'),
  {},
  { room: true },
  { lastAt: -1, id: '' },
  { users: ['\ud800'] },
  JSON.parse('{"__proto__": {"polluted": true}}'),
  nested(40),
  { a: '\u0000' },
  { '\ud800': 1 },
];

function mutationsOf({ example, fields }: CommandTable): unknown[] {
  const whole: unknown[] = [null, 1, 'x', [], [example], { ...example, unknownField: 1 }, { ...example, as: 'ben' }];
  const inputs: unknown[] = [{}, example, ...whole];
  for (const field of fields) {
    const { [field]: _left, ...rest } = example;
    inputs.push(rest, ...nonsense.map((value) => ({ ...example, [field]: value })));
  }
  return inputs;
}

/** Every command with every kind of nonsense, and text of every kind. @param newStore on an empty database. */
export function testBadInput(newStore: () => Promise<Store> | Store): void {
  describe('every command', () => {
    test('answers nonsense with a code of its own, never with an internal error', { timeout: 120_000 }, async () =>
      attackChat(await newStore(), async (target) => {
        expect(commands.length).toBeGreaterThan(50);
        await furnish(target);
        const peer = await as(target, 'anna');
        const seen = new Map<number, number>();
        const internal: string[] = [];
        for (const table of commands) {
          // What ends the room is tried on one that is not there.
          const shielded = ['deleteRoom', 'leave', 'erase', 'eraseUser', 'transfer'].includes(table.name);
          const inputs = mutationsOf(table).map((input) =>
            shielded && (input as Json | null)?.['room'] === 'lobby' ? { ...(input as Json), room: 'gone' } : input,
          );
          const answers = await Promise.all([
            ...inputs.map((input) => rpc(peer, table.name, input)),
            ...inputs.filter((_, at) => at % 4 === 0).map((input) => http(target, table.name, input)),
            ...inputs
              .filter((input, at) => at % 4 === 1 && isObject(input))
              .map((input) => http(target, table.name, { ...(input as Json), as: 'ben' })),
          ]);
          for (const [at, { error }] of answers.entries()) {
            if (!error) continue;
            seen.set(error.code, (seen.get(error.code) ?? 0) + 1);
            if (error.code === 100 || !knownCodes.has(error.code)) {
              internal.push(
                `${table.name} ${JSON.stringify(inputs[at])?.slice(0, 200)}: ${error.code} ${error.message}`,
              );
            }
            expect(error.message.length, `${table.name}: ${error.message.slice(0, 100)}`).toBeLessThan(2_000);
          }
        }
        expect(internal).toEqual([]);
        expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
        expect(seen.get(605)).toBeGreaterThan(commands.length);
        // The room is what it was, and goes on.
        expect((await rpc(peer, 'send', { room: 'lobby', text: 'still here' })).error).toBeUndefined();
      }),
    );

    test('a room one may not find is answered like one that is not there', { timeout: 60_000 }, async () =>
      attackChat(await newStore(), async (target) => {
        await furnish(target);
        await http(target, 'createRoom', { kind: 'direct', id: 'pair', peer: 'ben', as: 'anna' });
        const mallory = await as(target, 'mallory');
        const neutral = (answer: Answer, room: string): string =>
          JSON.stringify(answer)
            .replaceAll(room, '(room)')
            .replaceAll(/("at"|expiresAt"):\d+/g, '$1:0');
        const told: string[] = [];
        let asked = 0;
        for (const { name, example, fields } of commands) {
          if (name === 'createRoom') continue;
          const inputs: Json[] = [];
          const variants: Json[] = [
            {},
            { user: 'anna' },
            { user: 'mallory' },
            { users: ['mallory'] },
            { seq: 1 },
            { seq: 999 },
          ];
          for (const variant of variants) {
            if (Object.keys(variant).every((field) => fields.includes(field))) inputs.push({ ...example, ...variant });
          }
          for (const input of inputs) {
            const text = JSON.stringify(input);
            if (!text.includes('"lobby"')) continue;
            const [foreign, other, none] = await Promise.all(
              ['lobby', 'pair', 'nope'].map(async (room) =>
                neutral(await rpc(mallory, name, JSON.parse(text.replaceAll('"lobby"', `"${room}"`))), room),
              ),
            );
            asked++;
            if (foreign !== none || other !== none) told.push(`${name} ${text}: ${foreign} / ${other} / ${none}`);
          }
        }
        expect(told).toEqual([]);
        expect(asked).toBeGreaterThan(40);
        const subscribed = await mallory.request({ subscribe: { channel: 'chat:room:lobby' } });
        const nothing = await mallory.request({ subscribe: { channel: 'chat:room:nope' } });
        expect(subscribed['error']).toEqual(nothing['error']);
        expect(subscribed['error']).toMatchObject({ code: 103 });
      }),
    );
  });

  describe('text', () => {
    const texts = [
      '<script>alert("1")</script><img src=x onerror=alert(1)>',
      '&lt;b&gt; &amp;amp; </textarea>',
      "'; drop table chat_messages; --",
      '\u202Eevol\u202C \u200F\u061Cعربي עברית',
      '👩‍👩‍👧‍👦 🏳️‍🌈 👍🏽 e\u0301 é \uFEFF \u2028 \u2029',
      '\u0001\u0008\u001b[31m\u007f\u0085',
      '\\u0000 \\n %00 ${x} {{x}} \t\r\n\n',
      'Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A̴̵̜̰͔ͫ͗͢L̠ͨͧͩ͘G̴̻͈͍͔̹̑͗̎̅͛́Ǫ̵̹̻̝̳͂̌̌͘!͖̬̰̙̗̿̋ͥͥ̂ͣ̐́́͜͞',
      ' \u{10FFFF}\u{E000}\uFFFD\uFFFE',
    ];

    test('is stored as text and given back to the byte, in messages, names and data', async () =>
      attackChat(await newStore(), async (target) => {
        await furnish(target);
        const anna = await as(target, 'anna');
        for (const text of texts) {
          const sent = await rpc(anna, 'send', { room: 'lobby', text, data: { [text]: text } });
          expect(sent.error, text).toBeUndefined();
          const { seq } = sent.result.message;
          const { result } = await rpc(anna, 'message', { room: 'lobby', seq });
          expect(result.message.text).toBe(text);
          expect(result.message.data).toEqual({ [text]: text });
          const changed = await rpc(anna, 'changeRoom', { room: 'lobby', name: text.slice(0, 100), topic: text });
          expect(changed.result.room).toMatchObject({ name: text.slice(0, 100), topic: text });
          const reacted = await rpc(anna, 'react', { room: 'lobby', seq, emoji: text.slice(0, 20).toWellFormed() });
          expect(reacted.error, text).toBeUndefined();
          const raw = await target.post('/api/chat/message', JSON.stringify({ room: 'lobby', seq }), {
            'x-api-key': 'api-key-that-no-log-line-may-show',
          });
          expect(raw.headers.get('content-type')).toContain('application/json');
        }
      }));

    test('that no database holds is refused by name, wherever it stands', async () =>
      attackChat(await newStore(), async (target) => {
        await furnish(target);
        const anna = await as(target, 'anna');
        for (const bad of ['a\u0000b', '\ud800', 'x\udfff', '\udc00\ud800']) {
          for (const [name, input] of [
            ['send', { text: bad }],
            ['send', { data: { a: [bad] } }],
            ['send', { data: { [bad]: 1 } }],
            ['send', { text: 'x', clientId: bad }],
            ['edit', { seq: 1, text: bad }],
            ['react', { seq: 1, emoji: bad }],
            ['changeRoom', { name: bad }],
            ['changeRoom', { topic: bad }],
            ['changeRoom', { data: bad }],
            ['setDraft', { text: bad }],
            ['report', { seq: 1, reason: bad }],
            ['createPoll', { question: bad, options: ['a', 'b'] }],
            ['createPoll', { question: 'x', options: ['a', bad] }],
          ] as const) {
            const { error } = await rpc(anna, name, { room: 'lobby', ...input });
            expect(error, `${name} ${JSON.stringify(input)}`).toMatchObject({ code: 605 });
          }
          const { error } = await rpc(anna, 'setProfile', { name: bad });
          expect(error).toMatchObject({ code: 605 });
        }
      }));
  });
}

function isObject(input: unknown): boolean {
  return typeof input === 'object' && input !== null && !Array.isArray(input);
}
