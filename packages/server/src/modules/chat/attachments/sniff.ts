/**
 * What a file is, by its first bytes: what a client claims is believed nowhere. Facts from the formats' specifications
 * and the WHATWG MIME Sniffing standard.
 */
/* oxlint-disable no-control-regex -- formats begin with such characters, so that no text does */

/** So many first bytes decide. */
export const sniffBytes = 4_100;

export const unknownType = 'application/octet-stream';

/** Bytes as text of one byte each; `.` stands for any byte. */
const signatures: readonly (readonly [contentType: string, bytes: RegExp])[] = [
  ['image/png', /^\x89PNG\r\n\x1A\n/],
  ['image/jpeg', /^\xFF\xD8\xFF/],
  ['image/gif', /^GIF8[79]a/],
  ['image/webp', /^RIFF[^]{4}WEBP/],
  ['audio/wav', /^RIFF[^]{4}WAVE/],
  ['video/x-msvideo', /^RIFF[^]{4}AVI /],
  ['image/bmp', /^BM[^]{4}\0\0\0\0/],
  ['image/tiff', /^(?:II\*\0|MM\0\*)/],
  ['application/pdf', /^%PDF-/],
  ['audio/flac', /^fLaC/],
  ['audio/mpeg', /^ID3[\x02-\x04][^]/],
  // A frame of MPEG audio layer III: version not reserved, bit rate and sampling rate valid.
  ['audio/mpeg', /^\xFF[\xE2\xE3\xF2\xF3\xFA\xFB][\x10-\xEB]/],
  ['audio/aac', /^\xFF[\xF1\xF9][\x00-\x7F]/],
  ['application/gzip', /^\x1F\x8B\x08/],
  ['application/x-7z-compressed', /^7z\xBC\xAF\x27\x1C/],
  ['application/vnd.rar', /^Rar!\x1A\x07/],
  // Office files of before 2007.
  ['application/x-ole-storage', /^\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1/],
];

/** Major brands of the ISO base media format (ISO/IEC 14496-12). */
const brands: Readonly<Record<string, string>> = {
  avif: 'image/avif',
  avis: 'image/avif',
  heic: 'image/heic',
  heix: 'image/heic',
  heim: 'image/heic',
  heis: 'image/heic',
  hevc: 'image/heic',
  hevx: 'image/heic',
  mif1: 'image/heif',
  msf1: 'image/heif',
  'qt  ': 'video/quicktime',
  'M4A ': 'audio/mp4',
  'M4B ': 'audio/mp4',
  'M4P ': 'audio/mp4',
};

const office = 'application/vnd.openxmlformats-officedocument';

/** @param head the first `sniffBytes` bytes, or all of a shorter file. */
export function sniff(head: Uint8Array): string {
  const text = Buffer.from(head.buffer, head.byteOffset, head.byteLength).toString('latin1');
  for (const [contentType, bytes] of signatures) {
    if (bytes.test(text)) return contentType;
  }
  if (text.slice(4, 8) === 'ftyp') return isoMedia(text);
  if (text.startsWith('OggS')) return /theora|\x01video/.test(text.slice(0, 512)) ? 'video/ogg' : 'audio/ogg';
  if (text.startsWith('\x1A\x45\xDF\xA3')) {
    return text.slice(0, 256).includes('webm') ? 'video/webm' : 'video/x-matroska';
  }
  if (/^PK(?:\x03\x04|\x05\x06)/.test(text)) return zip(text);
  return new TextCheck().add(head) ? markup(head) : unknownType;
}

/** Follows a file that began as text: text is UTF-8 without control characters, to its end. */
export class TextCheck {
  readonly #decoder = new TextDecoder('utf-8', { fatal: true });

  /** @returns whether it is text so far. */
  add(chunk: Uint8Array): boolean {
    return this.#isText(() => this.#decoder.decode(chunk, { stream: true }));
  }

  /** @returns whether it does not end within a character. */
  end(): boolean {
    return this.#isText(() => this.#decoder.decode());
  }

  #isText(decode: () => string): boolean {
    try {
      return !/[\x00-\x08\x0E-\x1A\x1C-\x1F\x7F]/.test(decode());
    } catch {
      return false;
    }
  }
}

/** What is text, and so must be text to its end. */
export function isText(contentType: string): boolean {
  return contentType.startsWith('text/') || contentType === 'image/svg+xml' || contentType === 'application/xml';
}

/** Whether a browser may show it in place: formats that hold no scripts of ours to run. */
export function isInline(contentType: string): boolean {
  return /^(?:image\/(?!svg)|video\/|audio\/|application\/pdf$)/.test(contentType);
}

/**
 * @param allowed types and `image/*`; documents of an office in zip format are allowed where zip is.
 */
export function isAllowed(contentType: string, allowed: readonly string[]): boolean {
  const names = [contentType, ...(isZip(contentType) ? ['application/zip'] : [])];
  return names.some((name) =>
    allowed.some((one) => one === name || one === '*/*' || one === `${name.slice(0, name.indexOf('/'))}/*`),
  );
}

function isZip(contentType: string): boolean {
  return contentType.startsWith(office) || contentType.startsWith('application/vnd.oasis.opendocument.');
}

function isoMedia(text: string): string {
  const major = text.slice(8, 12);
  const known = brands[major];
  if (known !== undefined && known !== 'image/heif') return known;
  // The major brand says little; what it is compatible with says more.
  const length = Math.min(text.length, 64);
  for (let at = 16; at + 4 <= length; at += 4) {
    const brand = text.slice(at, at + 4);
    if (brand === 'avif' || brand === 'heic') return brands[brand] as string;
  }
  return known ?? 'video/mp4';
}

function zip(text: string): string {
  const opendocument = /mimetype(application\/vnd\.oasis\.opendocument\.[a-z]{1,32})/.exec(text.slice(30, 160))?.[1];
  if (opendocument !== undefined) return opendocument;
  if (!text.includes('[Content_Types].xml')) return 'application/zip';
  if (text.includes('word/')) return `${office}.wordprocessingml.document`;
  if (text.includes('xl/')) return `${office}.spreadsheetml.sheet`;
  if (text.includes('ppt/')) return `${office}.presentationml.presentation`;
  return 'application/zip';
}

/** Text that a browser would take for a page or a drawing, both of which can hold scripts. */
function markup(head: Uint8Array): string {
  const text = new TextDecoder().decode(head).trimStart().toLowerCase();
  if (text.startsWith('<?xml') || text.startsWith('<!doctype svg')) {
    if (/<html[\s>]/.test(text)) return 'text/html';
    return /<(?:\w+:)?svg[\s>]/.test(text) ? 'image/svg+xml' : 'application/xml';
  }
  if (/^<(?:\w+:)?svg[\s>]/.test(text)) return 'image/svg+xml';
  // What comes first is often a comment, so all of the head is looked at.
  if (
    text.startsWith('<') &&
    /<(?:!doctype html|html|head|body|script|iframe|style|title|img|table|div|h1|a|b|br|p|font)[\s>/]/.test(text)
  ) {
    return 'text/html';
  }
  if (/^<!--[^]*<(?:\w+:)?svg[\s>]/.test(text)) return 'image/svg+xml';
  return 'text/plain';
}
