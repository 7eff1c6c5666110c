/** Names of files, as people gave them: made safe to keep, and to put into a header. */

/**
 * The last part of a path, without control characters and marks that turn the direction of writing (which make
 * `exe.pdf` of `fdp.exe`).
 */
export function cleanFileName(name: string): string {
  const last = name.split(/[/\\]/).findLast((part) => part.trim() !== '') ?? '';
  const clean = last.replaceAll(/[\p{Cc}\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069\uFEFF]/gu, '').trim();
  return clean === '' || /^\.+$/.test(clean) ? 'file' : clean;
}

/** Value of Content-Disposition: RFC 6266, with the name twice, for those who do not know RFC 8187. */
export function contentDisposition(kind: 'inline' | 'attachment', name: string): string {
  const plain = name.replaceAll(/[^\x20-\x7E]|["\\%]/g, '_');
  const encoded = encodeURIComponent(name.toWellFormed()).replaceAll(
    /['()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `${kind}; filename="${plain}"; filename*=UTF-8''${encoded}`;
}
