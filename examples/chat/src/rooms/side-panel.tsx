/** The third column; on small screens it lies over the messages. */
import { useId, type ReactNode } from 'react';
import { CloseButton } from '../shell/close-button.tsx';

export interface SidePanelProps {
  readonly label: string;
  readonly onClose?: () => void;
  /** What is in it brings its own heading. */
  readonly isBare?: boolean;
  readonly children: ReactNode;
}

export function SidePanel({ label, onClose, isBare = false, children }: SidePanelProps): ReactNode {
  const id = useId();
  if (isBare) return <div className="app-panel">{children}</div>;
  return (
    <aside className="app-panel" aria-labelledby={id}>
      <header className="app-panel-head">
        <h2 id={id}>{label}</h2>
        <CloseButton onClose={onClose} />
      </header>
      <div className="app-panel-body">{children}</div>
    </aside>
  );
}
