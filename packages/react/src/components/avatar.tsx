/** Who it is, at a glance: their picture, or their initials on a colour of their own. */
import { useState, type ReactNode } from 'react';
import { classNames } from '../class-names.ts';
import { useUser } from '../hooks/use-chat.ts';
import { Presence } from './presence.tsx';

export interface AvatarProps {
  /** Id of a user. */
  readonly user?: string | undefined;
  /** Instead of the user's name: a room's title. */
  readonly name?: string | undefined;
  /** With a dot that says whether the user is online. */
  readonly showPresence?: boolean;
  readonly size?: 'small' | 'medium' | 'large';
  readonly className?: string;
}

/** It stands beside the name, so that it says nothing to screen readers but the presence. */
export function Avatar({ user, name, showPresence = false, size = 'medium', className }: AvatarProps): ReactNode {
  const profile = useUser(user);
  const [broken, setBroken] = useState<string>();
  const shown = name ?? profile?.name ?? user ?? '';
  const picture = safePicture(profile?.avatar);
  return (
    <span className={classNames('tidings-avatar', className)} data-size={size}>
      <span className="tidings-avatar-picture" data-hue={hueOf(user ?? shown)} aria-hidden="true">
        {picture !== undefined && picture !== broken ? (
          <img src={picture} alt="" loading="lazy" onError={() => setBroken(picture)} />
        ) : (
          initials(shown)
        )}
      </span>
      {showPresence && user !== undefined && <Presence user={user} className="tidings-avatar-presence" />}
    </span>
  );
}

/** Up to two letters, of the first and the last word; of a name without letters what it begins with. */
export function initials(name: string): string {
  const words = name.split(/[\s._-]+/u).filter((word) => /[\p{L}\p{N}]/u.test(word));
  const letters = [words[0], words.length > 1 ? words.at(-1) : undefined].map((word) => {
    const [first = ''] = word?.replace(/^[^\p{L}\p{N}]+/u, '') ?? '';
    return first;
  });
  const [first = ''] = name.trim();
  return letters.join('').toLocaleUpperCase() || first;
}

/** One of eight colours, the same for the same id everywhere. */
export function hueOf(id: string): number {
  let hash = 0;
  for (let i = 0; i < id.length; i++) hash = (Math.imul(hash, 31) + id.charCodeAt(i)) | 0;
  return Math.abs(hash) % 8;
}

/** Avatars are written by users: only what is a picture from the web is shown. */
function safePicture(url: string | undefined): string | undefined {
  return url !== undefined && /^(?:https?:\/\/|\/(?!\/)|data:image\/(?:png|jpeg|webp|gif);)/iu.test(url)
    ? url
    : undefined;
}
