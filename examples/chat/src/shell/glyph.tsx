/** Pictures that the app needs beside those of `@tidings/react`, in the same manner: outlines that say nothing to screen readers. */
import type { ReactNode } from 'react';

const paths = {
  archive: 'M4 4h16v4H4V4Zm1.5 4v12h13V8M10 12h4',
  globe: 'M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0ZM3.5 9h17M3.5 15h17M12 3c5 5.5 5 12.5 0 18-5-5.5-5-12.5 0-18Z',
  bell: 'M9.5 19a2.7 2.7 0 0 0 5 0M18 9a6 6 0 0 0-12 0c0 4-1 6-2 7h16c-1-1-2-3-2-7Z',
  keyboard: 'M3 6h18v12H3V6Zm4 4h.01M11 10h.01M15 10h.01M7 14h10',
  leave: 'M14 4H5v16h9M10 12h11m0 0-4-4m4 4-4 4',
  logo: 'M4 9q4-4 8 0t8 0M4 15q4-4 8 0t8 0',
  person: 'M19 20v-1a4 4 0 0 0-4-4H9a4 4 0 0 0-4 4v1M12 11.5a3.75 3.75 0 1 0 0-7.5 3.75 3.75 0 0 0 0 7.5Z',
  switch: 'M4 8h14m0 0-4-4m4 4-4 4M20 16H6m0 0 4-4m-4 4 4 4',
  window: 'M4 5h16v14H4V5Zm0 4h16M14 14h3',
  theme: 'M12 3a9 9 0 1 0 0 18V3Zm0 0a9 9 0 0 1 0 18',
  mail: 'M4 6h16v12H4V6Zm0 1 8 6 8-6',
  wave: 'M3 12c3-5 6-5 9 0s6 5 9 0',
} as const;

export type GlyphName = keyof typeof paths;

export function Glyph({ name }: { readonly name: GlyphName }): ReactNode {
  return (
    <svg className="tidings-icon" viewBox="0 0 24 24" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}
