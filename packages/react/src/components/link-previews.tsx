/** What is behind the links of a message, as the server found it. */
import type { Message } from '@tidings/client';
import type { ReactNode } from 'react';

export interface LinkPreviewsProps {
  readonly previews: NonNullable<Message['previews']>;
  readonly tabIndex: number;
}

export function LinkPreviews({ previews, tabIndex }: LinkPreviewsProps): ReactNode {
  return previews
    .filter(({ url, title }) => title !== undefined && /^https?:\/\//iu.test(url))
    .map(({ url, title, description, siteName }) => (
      <a
        key={url}
        className="tidings-link-preview"
        href={url}
        target="_blank"
        rel="noopener noreferrer nofollow ugc"
        tabIndex={tabIndex}
      >
        <span className="tidings-link-preview-site">{siteName ?? hostOf(url)}</span>
        <span className="tidings-link-preview-title" dir="auto">
          {title}
        </span>
        {description !== undefined && (
          <span className="tidings-link-preview-text" dir="auto">
            {description}
          </span>
        )}
      </a>
    ));
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : url;
}
