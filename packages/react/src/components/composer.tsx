/** Where one writes: new messages, answers and edits, with mentions, emoji and files. What is begun is kept as a draft. */
import { useEffect, useRef, useState, type ClipboardEvent, type KeyboardEvent, type ReactNode } from 'react';
import { classNames } from '../class-names.ts';
import { useLabels } from '../context.ts';
import { useConversation, type Composing } from '../conversation.ts';
import { useChat } from '../hooks/use-chat.ts';
import { useFileDrop } from '../hooks/use-file-drop.ts';
import { useFiles } from '../hooks/use-files.ts';
import { useBrowserLayoutEffect } from '../hooks/use-layout-effect.ts';
import { useMentionSuggestions, type Suggestion } from '../hooks/use-mention-suggestions.ts';
import { useDraft, useOpenRoomView } from '../hooks/use-room.ts';
import { useSlowMode } from '../hooks/use-slow-mode.ts';
import { canMentionEverybody, messagePermissions, writeObstacle } from '../permissions.ts';
import { mentionsIn } from '../text/mentions.ts';
import { ComposerBar } from './composer-bar.tsx';
import { EmojiButton } from './emoji-button.tsx';
import { FileButton } from './file-button.tsx';
import { Icon } from './icon.tsx';
import { MentionListbox, optionId } from './mention-listbox.tsx';
import { PickedFiles } from './picked-files.tsx';

export interface ComposerProps {
  readonly placeholder?: string;
  /** How many files go with one message. */
  readonly maxFiles?: number;
  /** Of one file. */
  readonly maxFileBytes?: number;
  /** Shows an emoji picker. */
  readonly showEmoji?: boolean;
  /** Shows a button to attach files. */
  readonly showFiles?: boolean;
  /** Puts the keyboard into it when it appears. */
  readonly autoFocus?: boolean;
  /** Beside the buttons. */
  readonly renderActions?: () => ReactNode;
  readonly className?: string;
}

/** Where nobody may write it says why. */
export function Composer(props: ComposerProps): ReactNode {
  const labels = useLabels();
  const chat = useChat();
  const { room, attempt } = useConversation();
  const obstacle = writeObstacle(useOpenRoomView(room));
  if (obstacle === undefined) return <WritableComposer {...props} />;
  return (
    <div className={classNames('tidings-composer', 'tidings-composer-closed', props.className)}>
      <p>{labels[obstacle]}</p>
      {obstacle === 'notMember' && (
        <button
          type="button"
          className="tidings-button tidings-button-primary"
          onClick={() => attempt(chat.join(room.id))}
        >
          {labels.join}
        </button>
      )}
    </div>
  );
}

function WritableComposer(props: ComposerProps): ReactNode {
  const { placeholder, maxFiles = 10, maxFileBytes = 25_000_000, showEmoji = true, showFiles = true } = props;
  const labels = useLabels();
  const { timeline, room, thread, composing, compose, attempt } = useConversation();
  const view = useOpenRoomView(room);
  const [draft, setDraft] = useDraft(timeline);
  const isEditing = composing.kind === 'edit';
  const [edited, setEdited] = useState<{ readonly of: Composing; readonly text: string }>();
  const text = !isEditing ? draft : edited?.of === composing ? edited.text : composing.message.text;
  const picked = useFiles(maxFiles, maxFileBytes);
  const mentions = useMentionSuggestions();
  const waitSeconds = useSlowMode();
  const form = useRef<HTMLFormElement>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  const isOver = useFileDrop(form, showFiles && !isEditing, picked.add);

  const canSend = isEditing
    ? text.trim() !== '' && text !== composing.message.text
    : (text.trim() !== '' || picked.files.length > 0) && waitSeconds === 0;

  useEffect(() => {
    if (composing.kind !== 'new') field.current?.focus();
  }, [composing]);
  useEffect(() => {
    if (props.autoFocus) field.current?.focus();
  }, [props.autoFocus]);
  // Whoever closes a conversation has stopped typing.
  useEffect(() => () => timeline.setTyping(''), [timeline]);

  useBrowserLayoutEffect(() => {
    const area = field.current;
    if (area === null) return;
    area.style.blockSize = 'auto';
    // The style sheet says where it ends.
    area.style.blockSize = `${area.scrollHeight}px`;
  }, [text]);

  const write = (next: string, caret: number): void => {
    if (isEditing) setEdited({ of: composing, text: next });
    else {
      setDraft(next);
      timeline.setTyping(next);
    }
    mentions.look(next, caret);
  };

  /** Puts something where the caret is, and the caret behind it. */
  const insert = (said: string, start?: number, end?: number): void => {
    const area = field.current;
    if (area === null) return;
    area.focus();
    area.setRangeText(said, start ?? area.selectionStart, end ?? area.selectionEnd, 'end');
    write(area.value, area.selectionEnd);
  };

  const choose = ({ name }: Suggestion): void => {
    const { query } = mentions;
    if (query !== undefined) insert(`@${name} `, query.start, query.end);
    mentions.dismiss();
  };

  const submit = (): void => {
    if (!canSend) return;
    mentions.dismiss();
    if (isEditing) {
      const { seq } = composing.message;
      if (seq !== undefined) attempt(timeline.edit(seq, text.trim()));
      compose({ kind: 'new' });
      return;
    }
    const named = mentionsIn(text, mentions.people(), canMentionEverybody(view));
    const replySeq = composing.kind === 'reply' ? composing.message.seq : undefined;
    const files = picked.files.map(({ file }) => file);
    timeline.send({
      ...(text.trim() !== '' && { text: text.trim() }),
      ...(named !== undefined && { mentions: named }),
      ...(replySeq !== undefined && { replySeq }),
      ...(files.length > 0 && { files }),
    });
    setDraft('');
    timeline.setTyping('');
    picked.clear();
    compose({ kind: 'new' });
    field.current?.focus();
  };

  const editLast = (): void => {
    const last = timeline.messages.get().messages.findLast((message) => messagePermissions(message, view).canEdit);
    if (last !== undefined) compose({ kind: 'edit', message: last });
  };

  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>): void => {
    // Enter and Escape are the input method's while it is composing a character.
    if (event.nativeEvent.isComposing) return;
    if (mentions.onKeyDown(event, choose)) return;
    if (event.key === 'Enter' && !event.shiftKey && !event.altKey) {
      event.preventDefault();
      submit();
    } else if (event.key === 'Escape' && composing.kind !== 'new') {
      event.preventDefault();
      // What else listens to it, a panel that closes, is not meant.
      event.stopPropagation();
      compose({ kind: 'new' });
    } else if (event.key === 'ArrowUp' && text === '' && !isEditing) {
      event.preventDefault();
      editLast();
    }
  };

  const onPaste = (event: ClipboardEvent): void => {
    const files = [...event.clipboardData.files];
    if (files.length === 0 || !showFiles || isEditing) return;
    event.preventDefault();
    picked.add(files);
  };

  const title = view?.title ?? '';
  const hint = thread !== undefined ? labels.writeReply : title === '' ? labels.writeMessage : labels.writeTo(title);
  const listId = `${optionId(room.id)}-${thread?.threadSeq ?? 'room'}`;
  const hasList = mentions.suggestions.length > 0;
  return (
    <form
      className={classNames('tidings-composer', props.className)}
      ref={form}
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <ComposerBar composing={composing} onCancel={() => compose({ kind: 'new' })} />
      <PickedFiles files={picked.files} onRemove={picked.remove} />
      {picked.problem !== undefined && (
        <p className="tidings-composer-problem" role="alert">
          {picked.problem}
        </p>
      )}
      <div className="tidings-composer-box">
        {hasList && (
          <MentionListbox
            id={listId}
            suggestions={mentions.suggestions}
            selected={mentions.selected}
            onChoose={choose}
          />
        )}
        {showFiles && !isEditing && <FileButton onFiles={picked.add} />}
        <textarea
          ref={field}
          className="tidings-composer-field"
          rows={1}
          // Without words yet, it is the page that says from which side.
          dir={text === '' ? undefined : 'auto'}
          value={text}
          placeholder={placeholder ?? hint}
          aria-label={isEditing ? labels.editing : (placeholder ?? hint)}
          aria-autocomplete="list"
          aria-haspopup="listbox"
          aria-controls={hasList ? listId : undefined}
          aria-activedescendant={hasList ? optionId(listId, mentions.selected) : undefined}
          enterKeyHint="send"
          onChange={(event) => write(event.target.value, event.target.selectionEnd)}
          onSelect={(event) => mentions.look(event.currentTarget.value, event.currentTarget.selectionEnd)}
          onBlur={mentions.dismiss}
          onKeyDown={onKeyDown}
          onPaste={onPaste}
        />
        {props.renderActions?.()}
        {showEmoji && (
          <EmojiButton
            label={labels.insertEmoji}
            className="tidings-icon-button tidings-composer-button"
            onSelect={(emoji) => insert(emoji)}
          />
        )}
        <button
          type="submit"
          className="tidings-send"
          aria-label={isEditing ? labels.save : labels.send}
          // It stays reachable: what is disabled loses the keyboard.
          aria-disabled={!canSend}
        >
          <Icon name={isEditing ? 'check' : 'send'} isDirectional={!isEditing} />
        </button>
      </div>
      {waitSeconds > 0 && (
        <p className="tidings-composer-note" role="timer">
          {labels.slowMode(waitSeconds)}
        </p>
      )}
      {isOver && <div className="tidings-drop">{labels.dropFiles}</div>}
    </form>
  );
}
