import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readSourceFile } from './source-file.ts';

let cwd: string;
beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), 'tidings-place-'));
});
afterAll(async () => {
  await rm(cwd, { recursive: true });
});

async function read(name: string, source: string) {
  await writeFile(join(cwd, name), source);
  const file = await readSourceFile(name, cwd);
  const text = (file.value as { rule: string }).rule;
  const lines = source.split('\n');
  return {
    text,
    /** What stands in the file where the character at an offset of the text is said to stand. */
    at(offset: number, of = text): string | undefined {
      const place = file.locate(['rule'], 'value', { text: of, offset });
      const [, line, column] = /:(\d+):(\d+)$/.exec(place ?? '') ?? [];
      return place === undefined ? undefined : lines[Number(line) - 1]?.slice(Number(column) - 1);
    },
  };
}

describe('a character of a text is found in the file', () => {
  test.each([
    ['plain', 'x: 1\nrule: a == b && c\n'],
    ['plain, over lines', 'rule: a ==\n  b\n  && c # the rule\n'],
    ['in single quotes', "rule: 'a == ''b'' && c'\n"],
    ['in double quotes', 'rule: "a == \\"b\\" && c"\n'],
    ['in double quotes over lines', 'rule: "a == \\\n  b\n  && c"\n'],
    ['as a block', 'rule: |-\n  a == b\n    && c\n'],
    ['as a folded block with a comment', 'rule: >- # comment\n\n  a == b\n\n  && c\n'],
    ['as an anchor', 'other: &r a == b && c\nrule: *r\n'],
  ])('%s', async (_, source) => {
    const { text, at } = await read('c.yaml', source);
    expect(at(text.indexOf('a'))).toMatch(/^a ==/);
    expect(at(text.indexOf('b'))).toMatch(/^b/);
    expect(at(text.indexOf('&&'))).toMatch(/^&& c/);
    expect(at(text.lastIndexOf('c'))).toMatch(/^c/);
  });

  test.each([
    ['c.json', '{ "x": 1,\n  "rule": "\\u0061 == \\"\\ud83d\\ude00\\" \\t&& c" }'],
    ['c.yaml', 'rule: "\\x61 == \\"\\U0001F600\\" \\t&& c"\n'],
  ])('behind escapes in %s', async (name, source) => {
    const { text, at } = await read(name, source);
    expect(text).toBe('a == "😀" \t&& c');
    expect(at(text.indexOf('=='))).toMatch(/^==/);
    expect(at(text.indexOf('&&'))).toMatch(/^&& c/);
  });

  test('the end is behind the last character', async () => {
    const { text, at } = await read('c.yaml', 'rule: a == \n');
    expect(at(text.length)).toBe(' ');
  });

  test('white space around the text does not count', async () => {
    const { text, at } = await read('c.yaml', 'rule: "  a == b"\n');
    expect(at(5, text.trim())).toMatch(/^b/);
  });

  test('a text that is not the one in the file has no place', async () => {
    const { at } = await read('c.yaml', 'rule: a == ${B}\n');
    expect(at(1, 'a == c')).toBeUndefined();
  });
});
