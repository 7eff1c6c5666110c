import { describe, expect, test } from 'vitest';
import { isAllowed, isInline, sniff, TextCheck } from './sniff.ts';

const bytes = (text: string) => Buffer.from(text, 'latin1');
const zip = (name: string, more = '') => bytes(`PK\x03\x04${'\0'.repeat(26)}${name}${more}`);

describe('a file is', () => {
  test.each<[string, Uint8Array]>([
    ['image/png', bytes('\x89PNG\r\n\x1A\n\0\0\0\rIHDR')],
    ['image/jpeg', bytes('\xFF\xD8\xFF\xE0\0\x10JFIF')],
    ['image/gif', bytes('GIF89a')],
    ['image/webp', bytes('RIFF\x10\0\0\0WEBPVP8 ')],
    ['image/avif', bytes('\0\0\0\x20ftypavif\0\0\0\0')],
    ['image/heic', bytes('\0\0\0\x20ftypheic\0\0\0\0')],
    ['image/heic', bytes('\0\0\0\x20ftypmif1\0\0\0\0mif1heic')],
    ['video/mp4', bytes('\0\0\0\x20ftypisom\0\0\x02\0isomiso2mp41')],
    ['video/quicktime', bytes('\0\0\0\x14ftypqt  \0\0\x02\0')],
    ['audio/mp4', bytes('\0\0\0\x20ftypM4A \0\0\x02\0')],
    ['video/webm', bytes('\x1A\x45\xDF\xA3\x9FB\x86\x81\x01B\x82\x84webm')],
    ['video/x-matroska', bytes('\x1A\x45\xDF\xA3\x9FB\x82\x88matroska')],
    ['audio/mpeg', bytes('ID3\x03\0\0\0')],
    ['audio/mpeg', bytes('\xFF\xFB\x90\x64\0')],
    ['audio/ogg', bytes('OggS\0\x02\0\0OpusHead')],
    ['video/ogg', bytes('OggS\0\x02\0\0\x80theora')],
    ['audio/wav', bytes('RIFF\x10\0\0\0WAVEfmt ')],
    ['audio/flac', bytes('fLaC\0')],
    ['application/pdf', bytes('%PDF-1.7\n%\xE2\xE3\xCF\xD3')],
    ['application/zip', zip('holiday/a.txt')],
    [
      'application/vnd.openxmlformats-officedocument.wordprocessingml.document',
      zip('[Content_Types].xml', '<xml/>PK\x03\x04word/document.xml'),
    ],
    ['application/vnd.oasis.opendocument.text', zip('mimetypeapplication/vnd.oasis.opendocument.text', 'PK\x03\x04')],
    ['text/plain', Buffer.from('Grüße, 世界 👋\n')],
    ['text/plain', bytes('{"a": 1 < 2}')],
    ['text/html', bytes('  <!-- hi --><!DOCTYPE html>')],
    ['text/html', bytes('\n<SCRIPT>alert(1)</SCRIPT>')],
    ['text/html', Buffer.from('\uFEFF<html >')],
    ['text/html', bytes('<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml">')],
    ['image/svg+xml', bytes('<svg xmlns="http://www.w3.org/2000/svg">')],
    ['image/svg+xml', bytes('<?xml version="1.0"?><!-- x --><svg>')],
    ['application/xml', bytes('<?xml version="1.0"?><feed>')],
    ['application/octet-stream', bytes('MZ\x90\0')],
    ['application/octet-stream', bytes('\x7FELF')],
    ['application/octet-stream', bytes('text with a \0')],
    ['application/octet-stream', bytes('caf\xE9 of another encoding')],
    ['application/octet-stream', bytes('\xFF\xFE\x41\0')],
    ['application/octet-stream', bytes('\0')],
  ])('%s, by its first bytes', (contentType, head) => {
    expect(sniff(head)).toBe(contentType);
  });
});

test('text is followed to its end, over characters that are cut', () => {
  const check = new TextCheck();
  const text = Buffer.from('añ世');
  for (const byte of text) expect(check.add(Uint8Array.of(byte))).toBe(true);
  expect(check.end()).toBe(true);
  expect(check.add(Uint8Array.of(0xe4))).toBe(true);
  expect(check.end()).toBe(false);
  expect(new TextCheck().add(Uint8Array.of(7))).toBe(false);
});

test('what is allowed: types, families, and documents in zip format where zip is', () => {
  const docx = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document';
  expect(isAllowed('image/png', ['image/*'])).toBe(true);
  expect(isAllowed('image/png', ['image/gif', 'text/*'])).toBe(false);
  expect(isAllowed(docx, ['application/zip'])).toBe(true);
  expect(isAllowed(docx, ['text/plain'])).toBe(false);
  expect(isAllowed('application/zip', [docx])).toBe(false);
  expect(isAllowed('application/octet-stream', ['*/*'])).toBe(true);
});

test('what may run scripts is never shown in place', () => {
  for (const type of ['text/html', 'image/svg+xml', 'application/xml', 'text/plain', 'application/zip']) {
    expect(isInline(type), type).toBe(false);
  }
  for (const type of ['image/png', 'video/mp4', 'audio/ogg', 'application/pdf'])
    expect(isInline(type), type).toBe(true);
});
