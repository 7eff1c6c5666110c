/** Initials of somebody before there is a client that knows them: `Avatar` of `@tidings/react` asks it for a profile. */
import type { ReactNode } from 'react';

const hues = 8;

export function SmallAvatar({ id, name }: { readonly id: string; readonly name: string }): ReactNode {
  let hash = 0;
  for (const letter of id.toLowerCase()) hash = (Math.imul(hash, 31) + (letter.codePointAt(0) ?? 0)) | 0;
  const parts = name.split(/\s+/u).filter((part) => part !== '');
  const letters = [parts[0], parts.length > 1 ? parts.at(-1) : undefined].map((part) =>
    String.fromCodePoint(part?.codePointAt(0) ?? 32).trim(),
  );
  return (
    <span className="tidings-avatar" data-size="small" aria-hidden="true">
      <span className="tidings-avatar-picture" data-hue={Math.abs(hash) % hues}>
        {letters.join('').toLocaleUpperCase()}
      </span>
    </span>
  );
}
