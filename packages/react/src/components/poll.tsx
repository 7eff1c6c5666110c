/** A question with answers to choose from, and how many chose which. */
import type { MessageView } from '@tidings/client';
import { useId, type ReactNode } from 'react';
import { classNames } from '../class-names.ts';
import { useFormats, useLabels } from '../context.ts';
import { useConversation } from '../conversation.ts';
import { useChat, useMe } from '../hooks/use-chat.ts';
import { useNow } from '../hooks/use-now.ts';
import { useOpenRoomView } from '../hooks/use-room.ts';
import { isModerator } from '../permissions.ts';

export interface PollProps {
  /** A message of the kind `poll`. */
  readonly message: MessageView;
  readonly tabIndex?: number;
  readonly className?: string;
}

/** A poll: the options, who has voted, and a way to vote. */
export function Poll({ message, tabIndex, className }: PollProps): ReactNode {
  const labels = useLabels();
  const formats = useFormats();
  const chat = useChat();
  const me = useMe();
  const now = useNow();
  const name = useId();
  const { room, attempt } = useConversation();
  const view = useOpenRoomView(room);
  const poll = message.message?.poll;
  const { seq } = message;
  if (poll === undefined || seq === undefined) return null;

  const isClosed = poll.closedAt !== undefined || (poll.closesAt !== undefined && poll.closesAt <= now);
  const canVote = !isClosed && view?.membership?.state === 'member';
  const canClose = !isClosed && (message.sender === me || isModerator(view));
  const choose = (id: string): void => {
    const without = message.ownVotes.filter((chosen) => chosen !== id);
    const isTakenBack = without.length < message.ownVotes.length;
    attempt(room.vote(seq, isTakenBack ? without : poll.multiple === true ? [...without, id] : [id]));
  };

  return (
    <fieldset className={classNames('tidings-poll', className)} disabled={!canVote}>
      <legend className="tidings-poll-question" dir="auto">
        {poll.question}
      </legend>
      {poll.options.map(({ id, text, votes }) => {
        const share = poll.voters === 0 ? 0 : votes / poll.voters;
        const isChosen = message.ownVotes.includes(id);
        return (
          <label key={id} className="tidings-poll-option" data-chosen={isChosen || undefined}>
            <span className="tidings-poll-bar" style={{ inlineSize: `${Math.min(100, share * 100)}%` }} />
            <input
              type={poll.multiple === true ? 'checkbox' : 'radio'}
              name={name}
              checked={isChosen}
              tabIndex={tabIndex}
              onChange={() => choose(id)}
              // A second click on a radio takes the vote back, which is no change to the browser.
              onClick={() => isChosen && poll.multiple !== true && choose(id)}
            />
            <span className="tidings-poll-text">
              <bdi>{text}</bdi>
            </span>
            <span className="tidings-poll-votes">
              <span aria-hidden="true">{formats.number(votes)}</span>
              <span className="tidings-sr-only">{labels.votes(votes)}</span>
            </span>
          </label>
        );
      })}
      <div className="tidings-poll-footer">
        <span>{labels.voters(poll.voters)}</span>
        {poll.anonymous === true && <span>{labels.anonymousPoll}</span>}
        {poll.multiple === true && !isClosed && <span>{labels.multipleChoice}</span>}
        {isClosed && <span>{labels.pollClosed}</span>}
        {!isClosed && poll.closesAt !== undefined && (
          <span>{labels.pollCloses(`${formats.day(poll.closesAt, now)}, ${formats.time(poll.closesAt)}`)}</span>
        )}
        {canClose && (
          <button
            type="button"
            className="tidings-link-button"
            tabIndex={tabIndex}
            onClick={() => attempt(chat.call('closePoll', { room: room.id, seq }))}
          >
            {labels.closePoll}
          </button>
        )}
      </div>
    </fieldset>
  );
}
