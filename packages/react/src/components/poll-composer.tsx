/** Writes a poll. */
import { newClientId, type TidingsError } from '@tidings/client';
import { useId, useState, type FormEvent, type ReactNode } from 'react';
import { classNames } from '../class-names.ts';
import { useLabels } from '../context.ts';
import { useConversation } from '../conversation.ts';
import { useChat } from '../hooks/use-chat.ts';
import { Icon } from './icon.tsx';

export interface PollComposerProps {
  /** After it was sent, and when it is cancelled. */
  readonly onDone: () => void;
  readonly maxOptions?: number;
  readonly className?: string;
}

interface Option {
  readonly key: number;
  readonly text: string;
}

/** A form for a new poll. */
export function PollComposer({ onDone, maxOptions = 20, className }: PollComposerProps): ReactNode {
  const labels = useLabels();
  const chat = useChat();
  const { room } = useConversation();
  const title = useId();
  // The same through retries, so that a poll whose answer was lost is not there twice.
  const [clientId] = useState(newClientId);
  const [question, setQuestion] = useState('');
  const [options, setOptions] = useState<readonly Option[]>([
    { key: 0, text: '' },
    { key: 1, text: '' },
  ]);
  const [isMultiple, setMultiple] = useState(false);
  const [isAnonymous, setAnonymous] = useState(false);
  const [isSending, setSending] = useState(false);
  const [failure, setFailure] = useState<TidingsError>();

  const texts = options.map(({ text }) => text.trim()).filter((text) => text !== '');
  const isComplete = question.trim() !== '' && new Set(texts).size >= 2;

  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    if (!isComplete || isSending) return;
    setSending(true);
    setFailure(undefined);
    try {
      await chat.call('createPoll', {
        room: room.id,
        clientId,
        question: question.trim(),
        options: [...new Set(texts)],
        multiple: isMultiple,
        anonymous: isAnonymous,
      });
      onDone();
    } catch (error) {
      setFailure(error as TidingsError);
      setSending(false);
    }
  };

  return (
    <form
      className={classNames('tidings-poll-composer', className)}
      aria-labelledby={title}
      onSubmit={(event) => void submit(event)}
    >
      <h2 className="tidings-panel-title" id={title}>
        {labels.createPoll}
      </h2>
      <label className="tidings-field">
        <span>{labels.question}</span>
        <input
          className="tidings-input"
          value={question}
          dir="auto"
          autoFocus
          required
          onChange={(event) => setQuestion(event.target.value)}
        />
      </label>
      {options.map(({ key, text }, i) => (
        <div className="tidings-field-row" key={key}>
          <input
            className="tidings-input"
            value={text}
            dir="auto"
            aria-label={labels.option(i + 1)}
            placeholder={labels.option(i + 1)}
            onChange={(event) =>
              setOptions(options.map((option) => (option.key === key ? { key, text: event.target.value } : option)))
            }
          />
          {options.length > 2 && (
            <button
              type="button"
              className="tidings-icon-button"
              aria-label={labels.removeOption(i + 1)}
              onClick={() => setOptions(options.filter((option) => option.key !== key))}
            >
              <Icon name="close" />
            </button>
          )}
        </div>
      ))}
      {options.length < maxOptions && (
        <button
          type="button"
          className="tidings-link-button"
          onClick={() => setOptions([...options, { key: Math.max(...options.map(({ key }) => key)) + 1, text: '' }])}
        >
          {labels.addOption}
        </button>
      )}
      <label className="tidings-check">
        <input type="checkbox" checked={isMultiple} onChange={(event) => setMultiple(event.target.checked)} />
        {labels.multipleChoice}
      </label>
      <label className="tidings-check">
        <input type="checkbox" checked={isAnonymous} onChange={(event) => setAnonymous(event.target.checked)} />
        {labels.anonymousPoll}
      </label>
      {failure !== undefined && (
        <p className="tidings-failure" role="alert">
          {labels.actionFailed(failure)}
        </p>
      )}
      <div className="tidings-dialog-buttons">
        <button type="button" className="tidings-button" onClick={onDone}>
          {labels.cancel}
        </button>
        <button type="submit" className="tidings-button tidings-button-primary" disabled={!isComplete || isSending}>
          {labels.send}
        </button>
      </div>
    </form>
  );
}
