/** The third column; on small screens it lies over the messages. */
import { useId, type ReactNode } from 'react';
import { Icon } from '@tidings/react';
import { useWords } from '../words/use-words.ts';

export interface SidePanelProps {
  readonly label: string;
  readonly onClose?: () => void;
  /** What is in it brings its own heading. */
  readonly isBare?: boolean;
  readonly children: ReactNode;
}

export function SidePanel({ label, onClose, isBare = false, children }: SidePanelProps): ReactNode {
  const words = useWords();
  const id = useId();
  if (isBare) return <div className="app-panel">{children}</div>;
  return (
    <aside className="app-panel" aria-labelledby={id}>
      <header className="app-panel-head">
        <h2 id={id}>{label}</h2>
        <button
          type="button"
          className="app-icon-button"
          aria-label={words.close}
          title={words.close}
          onClick={onClose}
        >
          <Icon name="close" />
        </button>
      </header>
      <div className="app-panel-body">{children}</div>
    </aside>
  );
}
