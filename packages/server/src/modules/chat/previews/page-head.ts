/**
 * Title and description of a web page, by a scanner that goes through the text once. It builds nothing of the page: it
 * reads `<title>` and `<meta>`, and passes over everything else, however broken.
 */

export interface PageHead {
  readonly title?: string;
  readonly description?: string;
  readonly siteName?: string;
}

const maxTitle = 300;
const maxDescription = 500;
const maxSiteName = 100;
/** Of one attribute or title; a page that has more of it has no more to say. */
const maxValue = 4_096;

/** Elements whose content is no markup. */
const raw = new Set(['script', 'style', 'noscript', 'template', 'textarea', 'svg']);

export function readHead(html: string): PageHead {
  const found = new Map<string, string>();
  const keep = (name: string, value: string): void => {
    if (!found.has(name) && value.trim() !== '') found.set(name, value);
  };
  for (let at = html.indexOf('<'); at >= 0; at = html.indexOf('<', at)) {
    if (html.startsWith('<!--', at)) {
      at = html.indexOf('-->', at + 4);
      if (at < 0) break;
      continue;
    }
    const tag = readTag(html, at);
    if (!tag) {
      at++;
      continue;
    }
    at = tag.end;
    if (tag.name === 'body' || tag.name === '/head') break;
    if (tag.name === 'meta') keepMeta(tag.attributes, keep);
    if (tag.name === 'title' || raw.has(tag.name)) {
      const close = new RegExp(`</${tag.name}`, 'gi');
      close.lastIndex = at;
      const end = close.exec(html)?.index ?? -1;
      if (end < 0) break;
      if (tag.name === 'title') keep('title', decodeEntities(html.slice(at, Math.min(end, at + maxValue))));
      at = end;
    }
  }
  const title = clean(found.get('og:title') ?? found.get('twitter:title') ?? found.get('title'), maxTitle);
  const description = clean(
    found.get('og:description') ?? found.get('description') ?? found.get('twitter:description'),
    maxDescription,
  );
  const siteName = clean(found.get('og:site_name'), maxSiteName);
  return {
    ...(title !== undefined && { title }),
    ...(description !== undefined && { description }),
    ...(siteName !== undefined && { siteName }),
  };
}

const wanted = new Set([
  'og:title',
  'og:description',
  'og:site_name',
  'description',
  'twitter:title',
  'twitter:description',
]);

function keepMeta(attributes: ReadonlyMap<string, string>, keep: (name: string, value: string) => void): void {
  const name = (attributes.get('property') ?? attributes.get('name') ?? '').trim().toLowerCase();
  if (wanted.has(name)) keep(name, decodeEntities(attributes.get('content') ?? ''));
}

interface Tag {
  /** In lower case; `/head` for an end. */
  readonly name: string;
  readonly attributes: ReadonlyMap<string, string>;
  /** Behind its `>`; the end of the text if there is none. */
  readonly end: number;
}

/** @returns undefined if what stands at `start` is no tag. */
function readTag(html: string, start: number): Tag | undefined {
  const namePattern = /\/?[a-z][a-z0-9:-]{0,63}/iy;
  namePattern.lastIndex = start + 1;
  const name = namePattern.exec(html)?.[0].toLowerCase();
  if (name === undefined) return undefined;
  const attributes = new Map<string, string>();
  // One attribute with its value, or one character that is none: whatever comes, it goes on.
  const attribute = /([^\s"'<>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'<>]+)))?|[^>]/gy;
  const isMeta = name === 'meta';
  let at = namePattern.lastIndex;
  while (at < html.length && html[at] !== '>') {
    attribute.lastIndex = at;
    const match = attribute.exec(html);
    if (!match) break;
    at = attribute.lastIndex;
    const [, key, ...values] = match;
    if (!isMeta || key === undefined) continue;
    const value = values.find((one) => one !== undefined) ?? '';
    const known = key.toLowerCase();
    if (!attributes.has(known)) attributes.set(known, value.slice(0, maxValue));
  }
  return { name, attributes, end: Math.min(at + 1, html.length) };
}

const entities: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: ' ',
  ndash: '–',
  mdash: '—',
  hellip: '…',
  lsquo: '‘',
  rsquo: '’',
  ldquo: '“',
  rdquo: '”',
  laquo: '«',
  raquo: '»',
  middot: '·',
  bull: '•',
  copy: '©',
  reg: '®',
  trade: '™',
  auml: 'ä',
  ouml: 'ö',
  uuml: 'ü',
  Auml: 'Ä',
  Ouml: 'Ö',
  Uuml: 'Ü',
  szlig: 'ß',
  eacute: 'é',
  egrave: 'è',
  agrave: 'à',
  ccedil: 'ç',
  ntilde: 'ñ',
};

function decodeEntities(text: string): string {
  return text.replaceAll(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|([a-z]{2,8}));?/gi, (whole, hex, decimal, name) => {
    if (name !== undefined)
      return Object.hasOwn(entities, name as string) ? (entities[name as string] as string) : whole;
    const code = hex === undefined ? Number(decimal) : Number.parseInt(hex as string, 16);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : '';
  });
}

/** One line of well-formed text, cut at a whole character. */
function clean(text: string | undefined, maxLength: number): string | undefined {
  if (text === undefined) return undefined;
  const line = text
    .toWellFormed()
    .replaceAll(/[\s\p{Cc}\u2028\u2029]+/gu, ' ')
    .replaceAll(/[\u202A-\u202E\u2066-\u2069]/g, '')
    .trim();
  if (line === '') return undefined;
  const characters = Array.from(line);
  return characters.length <= maxLength
    ? line
    : `${characters
        .slice(0, maxLength - 1)
        .join('')
        .trimEnd()}…`;
}
