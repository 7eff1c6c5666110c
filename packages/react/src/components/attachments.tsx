/** What goes along with a message: pictures in a place that is kept free for them, files as a line to download. */
import type { Attachment, MessageView, UploadView } from '@tidings/client';
import { useRef, useState, type CSSProperties, type ReactNode } from 'react';
import { useFormats, useLabels } from '../context.ts';
import { useAttachmentUrl } from '../hooks/use-attachment-url.ts';
import { isPicture, pictureShape } from '../picture-shape.ts';
import { Icon } from './icon.tsx';

export interface AttachmentsProps {
  readonly message: MessageView;
  readonly tabIndex: number;
}

export function Attachments({ message, tabIndex }: AttachmentsProps): ReactNode {
  const { attachments, uploads } = message;
  if (attachments.length === 0 && uploads.length === 0) return null;
  const pictures = attachments.filter(({ contentType }) => isPicture(contentType));
  const files = attachments.filter(({ contentType }) => !isPicture(contentType));
  // Once the server has them they are attachments.
  const waiting = attachments.length === 0 ? uploads : [];
  const waitingPictures = waiting.filter((upload) => upload.localUrl !== undefined && isPicture(upload.contentType));
  const pictureCount = pictures.length + waitingPictures.length;
  const isAlone = pictureCount === 1;
  return (
    <div className="tidings-attachments">
      {pictureCount > 0 && (
        <div className="tidings-pictures" data-count={Math.min(pictureCount, 4)}>
          {pictures.map((attachment) => (
            <Picture key={attachment.id} attachment={attachment} tabIndex={tabIndex} isAlone={isAlone} />
          ))}
          {waitingPictures.map((upload) => (
            <WaitingPicture key={upload.key} upload={upload} isAlone={isAlone} />
          ))}
        </div>
      )}
      {files.map((attachment) => (
        <File key={attachment.id} attachment={attachment} tabIndex={tabIndex} />
      ))}
      {waiting
        .filter((upload) => !waitingPictures.includes(upload))
        .map((upload) => (
          <span className="tidings-file" key={upload.key}>
            <FileLine name={upload.name} bytes={upload.totalBytes} />
            <Progress upload={upload} />
          </span>
        ))}
    </div>
  );
}

interface OneProps {
  readonly attachment: Attachment;
  readonly tabIndex: number;
}

interface PictureProps extends OneProps {
  /** Then it has its own shape. Several have the same, or they would not stand in rows. */
  readonly isAlone: boolean;
}

function Picture({ attachment, tabIndex, isAlone }: PictureProps): ReactNode {
  const labels = useLabels();
  const url = useAttachmentUrl(attachment);
  const dialog = useRef<HTMLDialogElement>(null);
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <button
        type="button"
        className="tidings-picture"
        aria-label={labels.openImage(attachment.name)}
        style={isAlone ? pictureShape(attachment) : undefined}
        tabIndex={tabIndex}
        onClick={() => {
          setOpen(true);
          dialog.current?.showModal();
        }}
      >
        {url !== undefined && <img src={url} alt="" decoding="async" draggable={false} />}
      </button>
      <dialog
        ref={dialog}
        className="tidings-lightbox"
        aria-label={labels.image(attachment.name)}
        onClose={() => setOpen(false)}
        onClick={() => dialog.current?.close()}
        onKeyDown={(event) => event.stopPropagation()}
      >
        {isOpen && url !== undefined && (
          <>
            <img src={url} alt={attachment.name} />
            <span className="tidings-lightbox-bar">
              <span dir="auto">{attachment.name}</span>
              <a href={url} download={attachment.name} className="tidings-icon-button" aria-label={labels.download}>
                <Icon name="download" />
              </a>
              <button type="button" className="tidings-icon-button" aria-label={labels.close}>
                <Icon name="close" />
              </button>
            </span>
          </>
        )}
      </dialog>
    </>
  );
}

/** From the device itself, which takes a moment: then it has the shape that it keeps when it is sent. */
function WaitingPicture({ upload, isAlone }: { readonly upload: UploadView; readonly isAlone: boolean }): ReactNode {
  const [shape, setShape] = useState<CSSProperties>();
  return (
    <span className="tidings-picture" style={isAlone ? shape : undefined}>
      <img
        src={upload.localUrl}
        alt={upload.name}
        onLoad={({ currentTarget: { naturalWidth: width, naturalHeight: height } }) =>
          setShape(pictureShape({ width, height }))
        }
      />
      <Progress upload={upload} />
    </span>
  );
}

function File({ attachment, tabIndex }: OneProps): ReactNode {
  const labels = useLabels();
  const url = useAttachmentUrl(attachment);
  return (
    <a
      className="tidings-file"
      href={url}
      download={attachment.name}
      // Without a link yet it would be no stop for the Tab key.
      {...(url === undefined && { role: 'link', 'aria-disabled': true })}
      tabIndex={tabIndex}
    >
      <span className="tidings-sr-only">{labels.download} </span>
      <FileLine name={attachment.name} bytes={attachment.bytes} />
      <Icon name="download" />
    </a>
  );
}

function FileLine({ name, bytes }: { readonly name: string; readonly bytes: number }): ReactNode {
  const formats = useFormats();
  return (
    <>
      <span className="tidings-file-icon">
        <Icon name="file" />
      </span>
      <span className="tidings-file-text">
        <span className="tidings-file-name">
          <bdi>{name}</bdi>
        </span>
        <span className="tidings-file-size">{formats.bytes(bytes)}</span>
      </span>
    </>
  );
}

/** How far an upload has got. */
export function Progress({ upload }: { readonly upload: UploadView }): ReactNode {
  const labels = useLabels();
  if (upload.state === 'uploaded') return null;
  if (upload.state === 'failed') {
    return (
      <span className="tidings-upload-failed">
        {upload.failure === undefined ? labels.failed : labels.failure(upload.failure)}
      </span>
    );
  }
  return (
    <progress
      className="tidings-progress"
      aria-label={labels.uploading(upload.name)}
      max={upload.totalBytes}
      value={upload.state === 'waiting' ? 0 : upload.sentBytes}
    />
  );
}
