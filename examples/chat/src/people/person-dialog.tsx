/** Somebody: whether they are there, writing to them, and what their place in the room is. */
import { useEffect, useState, type ReactNode } from 'react';
import { Avatar, Presence, useChat, useMe, useName, useRoomView, useUser } from '@tidings/react';
import type { Member } from '@tidings/client';
import { useApp } from '../shell/app-context.ts';
import { Dialog } from '../shell/dialog.tsx';
import { useWords } from '../words/use-words.ts';

export interface PersonDialogProps {
  readonly user: string;
  readonly room?: string;
}

const givenRoles = ['admin', 'moderator', 'member', 'guest'] as const;

export function PersonDialog({ user, room }: PersonDialogProps): ReactNode {
  const words = useWords();
  const chat = useChat();
  const me = useMe();
  const { router, open, fail } = useApp();
  const name = useName(user);
  const title = (useUser(user)?.data as { title?: string } | undefined)?.title;
  const write = async (): Promise<void> => {
    try {
      const { id } = await chat.direct(user);
      open(undefined);
      router.go({ room: id });
    } catch (error) {
      fail(error);
    }
  };
  return (
    <Dialog title={name} onClose={() => open(undefined)}>
      <div className="app-person">
        <Avatar user={user} size="large" />
        <div>
          {typeof title === 'string' && <p>{title}</p>}
          <Presence user={user} showText />
        </div>
      </div>
      {user !== me && (
        <button type="button" className="app-button app-button-primary" onClick={() => void write()}>
          {words.writeTo(name)}
        </button>
      )}
      {room !== undefined && user !== me && <Place room={room} user={user} />}
    </Dialog>
  );
}

/** The role of a member, to be changed by who may. The server decides; what it would refuse is not offered. */
function Place({ room, user }: { readonly room: string; readonly user: string }): ReactNode {
  const words = useWords();
  const chat = useChat();
  const { open, fail } = useApp();
  const own = useRoomView(room)?.membership?.role;
  const kind = useRoomView(room)?.kind;
  const [member, setMember] = useState<Member>();
  useEffect(() => {
    let isWanted = true;
    chat.call('member', { room, user }).then(
      (answer) => isWanted && setMember(answer.member),
      () => {},
    );
    return () => void (isWanted = false);
  }, [chat, room, user]);

  if (member === undefined || kind === 'direct') return null;
  const isAbove =
    own === 'owner' ? member.role !== 'owner' : own === 'admin' && !['owner', 'admin'].includes(member.role);
  const mayKick = isAbove || (own === 'moderator' && ['member', 'guest'].includes(member.role));
  const change = async (role: Member['role']): Promise<void> => {
    try {
      setMember((await chat.call('changeRole', { room, user, role })).member);
    } catch (error) {
      fail(error);
    }
  };
  const kick = async (): Promise<void> => {
    try {
      await chat.call('kick', { room, user });
      open(undefined);
    } catch (error) {
      fail(error);
    }
  };
  return (
    <>
      <label className="app-field">
        {words.changeRole}
        <select
          className="app-input"
          value={member.role}
          disabled={!isAbove}
          onChange={(event) => void change(event.target.value as Member['role'])}
        >
          {[...(givenRoles.some((role) => role === member.role) ? [] : [member.role]), ...givenRoles]
            .filter((role) => role !== 'admin' || own === 'owner' || member.role === 'admin')
            .map((role) => (
              <option key={role} value={role}>
                {words.roles[role]}
              </option>
            ))}
        </select>
      </label>
      {mayKick && (
        <button type="button" className="app-button app-button-danger" onClick={() => void kick()}>
          {words.removeFromRoom}
        </button>
      )}
    </>
  );
}
