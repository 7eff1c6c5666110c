/**
 * The pages of documentation as tests read them: code blocks with a name, links, headings. A block is named behind its
 * language (```` ```sh name=publish ````); `output=publish` marks what it prints, `exchange` what goes over a WebSocket.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Block {
  readonly page: string;
  readonly line: number;
  readonly language: string;
  readonly name: string | undefined;
  readonly output: string | undefined;
  readonly exchange: boolean;
  readonly code: string;
}

/** Paths of all pages, relative to the root. */
export const pages: readonly string[] = [
  ...readdirSync(root).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
  'bench/README.md',
  'packages/protocol/vectors/README.md',
  'packages/client/README.md',
  'packages/react/README.md',
  'packages/vue/README.md',
];

/** Pages whose blocks are run by the tests in `tests/docs/`, the others by `tests/readme.test.ts`. */
export const sdkPages: readonly string[] = [
  'docs/add-chat.md',
  'docs/client.md',
  'docs/quick-start.md',
  'docs/react.md',
  'docs/vue.md',
];

export function readPage(page: string): string {
  return readFileSync(join(root, page), 'utf8');
}

/** Every fenced block of a page, also those within lists, without their indentation. */
export function blocksOf(page: string): Block[] {
  const found: Block[] = [];
  const lines = readPage(page).split('\n');
  for (let at = 0; at < lines.length; at++) {
    const open = /^( *)(`{3,})(\S*) ?(.*)$/.exec(lines[at] ?? '');
    if (!open) continue;
    const [, indent = '', fence = '', language = '', info = ''] = open;
    const first = at + 1;
    while (++at < lines.length && (lines[at] ?? '').trim() !== fence);
    const code = lines
      .slice(first, at)
      .map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line))
      .join('\n');
    found.push({
      page,
      line: first,
      language,
      name: /name=(\S+)/.exec(info)?.[1],
      output: /output=(\S+)/.exec(info)?.[1],
      exchange: info.split(' ').includes('exchange'),
      code,
    });
  }
  return found;
}

/** Text without code, for links and headings. */
export function proseOf(page: string): string {
  return readPage(page)
    .replaceAll(/^( *)(`{3,})[^\n]*\n[^]*?^ *\2$/gm, '')
    .replaceAll(/`[^`\n]*`/g, (code) => code.replaceAll(/[[\]()]/g, ''));
}

/** Targets of links and images: `file#anchor`. */
export function linksOf(page: string): string[] {
  const prose = proseOf(page);
  return [
    ...[...prose.matchAll(/\]\(([^()\s]+)\)/g)].map(([, target]) => target ?? ''),
    ...[...prose.matchAll(/(?:src|srcset)="([^"]+)"/g)].map(([, target]) => target ?? ''),
  ];
}

/** Anchors of headings, as GitHub makes them. */
export function anchorsOf(page: string): string[] {
  const text = readPage(page).replaceAll(/^( *)(`{3,})[^\n]*\n[^]*?^ *\2$/gm, '');
  return [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

/** Named and marked blocks of pages; remembers which were taken, so that none is left unchecked. */
export class Examples {
  readonly #blocks: readonly Block[];
  readonly #taken = new Set<Block>();

  constructor(of: readonly string[] = pages) {
    this.#blocks = of.flatMap(blocksOf);
  }

  /** The code of a named block. @throws Error if there is none. */
  code(name: string): string {
    return this.#take((block) => block.name === name, `a block with name=${name}`).code;
  }

  /** What a named block prints. */
  output(name: string): string {
    return this.#take((block) => block.output === name, `a block with output=${name}`).code;
  }

  /** Blocks of exchanges, in order. */
  exchanges(): Block[] {
    const found = this.#blocks.filter((block) => block.exchange);
    for (const block of found) this.#taken.add(block);
    return found;
  }

  /** Every block of a language, named or not; takes none. */
  ofLanguage(language: string): Block[] {
    return this.#blocks.filter((block) => block.language === language);
  }

  /** Marks that were never taken. */
  get left(): string[] {
    return this.#blocks
      .filter((block) => (block.name ?? block.output ?? block.exchange) && !this.#taken.has(block))
      .map(({ page, line, name, output }) => `${page}:${line} ${name ?? output ?? 'exchange'}`);
  }

  #take(matches: (block: Block) => boolean, what: string): Block {
    const found = this.#blocks.filter(matches);
    const [block] = found;
    if (!block || found.length > 1)
      throw new Error(`there must be one ${what} in the documentation, not ${found.length}`);
    this.#taken.add(block);
    return block;
  }
}

/** Ids, epochs and such differ from run to run: each becomes the name of its kind. */
export function normalised(text: string): string {
  return text
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '(id)')
    .replaceAll(/("epoch": ?)"[\w-]{8}"/g, '$1"(epoch)"')
    .replaceAll(/("session": ?)"[\w-]{32}"/g, '$1"(session)"')
    .replaceAll(/("cursor": ?)"[\w-]+"/g, '$1"(cursor)"')
    .replaceAll(/("ttl": ?)\d+/g, '$1"(seconds)"')
    .replaceAll(/("time": ?)\d{13}/g, '$1"(time)"');
}
