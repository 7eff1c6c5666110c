/**
 * Whom one may write to or invite: everybody who is in one of the user's rooms, at once, and behind them whom the server
 * finds by name. Where it does not permit that, still whoever is called exactly so.
 */
import { useEffect, useMemo, useState } from 'react';
import { useChat, useFindUsers, useMe, useRooms, useUsers } from '@tidings/react';
import { matches } from '../rooms/match-names.ts';

export interface KnownPerson {
  readonly id: string;
  readonly name: string;
}

/** Rooms that are asked for their members, the latest active. */
const maxRooms = 12;
const maxMembers = 100;
/** People whom the server finds. */
const maxFound = 20;

export function usePeople(query: string): readonly KnownPerson[] {
  const chat = useChat();
  const me = useMe();
  const { rooms } = useRooms();
  const [found, setFound] = useState<ReadonlySet<string>>(new Set());
  const peers = useMemo(() => rooms.flatMap(({ peer }) => (peer === undefined ? [] : [peer])), [rooms]);
  const shared = rooms.filter(({ kind }) => kind === 'public' || kind === 'group').slice(0, maxRooms);
  const key = shared.map(({ id }) => id).join(' ');

  useEffect(() => {
    let isWanted = true;
    const add = (ids: readonly string[]): void => {
      if (isWanted) setFound((before) => new Set([...before, ...ids]));
    };
    for (const room of key.split(' ').filter((id) => id !== '')) {
      chat.call('members', { room, limit: maxMembers }).then(
        ({ members }) => add(members.map(({ user }) => user)),
        // Who may not see them finds others.
        () => {},
      );
    }
    return () => void (isWanted = false);
  }, [chat, key]);

  // Somebody whom no room is shared with.
  const exact = idOf(query);
  useEffect(() => {
    if (exact === '') return undefined;
    let isWanted = true;
    chat.call('users', { ids: [exact] }).then(
      ({ users }) => isWanted && users.length > 0 && setFound((before) => new Set([...before, exact])),
      () => {},
    );
    return () => void (isWanted = false);
  }, [chat, exact]);

  const ids = useMemo(() => [...new Set([...peers, ...found])].filter((id) => id !== me), [peers, found, me]);
  const users = useUsers(ids);
  const known = useMemo(
    () =>
      ids
        .map((id, i) => ({ id, name: users[i]?.name ?? id }))
        .filter(({ id, name }) => matches(name, query) || id === exact)
        .toSorted((a, b) => a.name.localeCompare(b.name)),
    [ids, users, query, exact],
  );
  const { status, users: called } = useFindUsers(query, { limit: maxFound });
  return useMemo(() => {
    const isKnown = new Set(known.map(({ id }) => id));
    const others = called
      .filter(({ id }) => id !== me && !isKnown.has(id))
      .map(({ id, name = id }) => ({ id, name }))
      // Until the answer is there, of those who were found before.
      .filter(({ name }) => status === 'done' || matches(name, query));
    return [...known, ...others];
  }, [known, called, status, query, me]);
}

/** How `tidings dev` makes an id of a name. */
function idOf(name: string): string {
  return name
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\p{M}]+/gu, '-')
    .replace(/^-+|-+$/g, '');
}
