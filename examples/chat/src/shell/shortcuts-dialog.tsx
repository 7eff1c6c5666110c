/** Which keys there are. */
import type { ReactNode } from 'react';
import { useWords } from '../words/use-words.ts';
import { useApp } from './app-context.ts';
import { Dialog } from './dialog.tsx';
import { keyNames } from './shortcuts.ts';

export function ShortcutsDialog(): ReactNode {
  const words = useWords();
  const { open } = useApp();
  const names = Object.keys(keyNames) as (keyof typeof keyNames)[];
  return (
    <Dialog title={words.shortcuts} onClose={() => open(undefined)}>
      <dl className="app-keys">
        {names.map((name) => (
          <div key={name}>
            <dt>{words.keys[name]}</dt>
            <dd dir="ltr">
              {keyNames[name].split(' ').map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
