/**
 * Something small that floats beside what opened it: in the top layer of the browser, so that no scrolling box cuts it
 * off. Escape and a click elsewhere close it, and the keyboard goes back to where it was.
 */
import { useEffect, useRef, type ReactNode, type RefObject } from 'react';
import { classNames } from '../class-names.ts';
import { useBrowserLayoutEffect } from '../hooks/use-layout-effect.ts';

export interface PopupProps {
  readonly anchor: RefObject<HTMLElement | null>;
  readonly onClose: () => void;
  readonly children: ReactNode;
  readonly className?: string;
}

const gap = 6;

export function Popup({ anchor, onClose, children, className }: PopupProps): ReactNode {
  const root = useRef<HTMLDivElement>(null);
  const close = useRef(onClose);
  useEffect(() => {
    close.current = onClose;
  });

  useBrowserLayoutEffect(() => {
    const popup = root.current;
    if (popup === null) return undefined;
    // Older browsers show it in its place in the page.
    popup.showPopover?.();
    place(popup, anchor.current);
    // Only who still has the keyboard in here is sent back: a click elsewhere has moved it on purpose.
    return () => {
      const { activeElement } = document;
      if (popup.contains(activeElement) || activeElement === document.body) {
        anchor.current?.focus({ preventScroll: true });
      }
    };
  }, [anchor]);

  useEffect(() => {
    const leave = (event: Event): void => {
      const target = event.target as Node;
      if (root.current?.contains(target) || anchor.current?.contains(target)) return;
      close.current();
    };
    const escape = (event: KeyboardEvent): void => {
      if (event.key !== 'Escape') return;
      event.stopPropagation();
      close.current();
    };
    // The list behind it may scroll by itself when a message comes.
    const follow = (event: Event): void => {
      if (root.current !== null && !(event.target instanceof Node && root.current.contains(event.target)))
        place(root.current, anchor.current);
    };
    document.addEventListener('pointerdown', leave, true);
    document.addEventListener('scroll', follow, true);
    document.addEventListener('keydown', escape, true);
    window.addEventListener('resize', follow);
    return () => {
      document.removeEventListener('pointerdown', leave, true);
      document.removeEventListener('scroll', follow, true);
      document.removeEventListener('keydown', escape, true);
      window.removeEventListener('resize', follow);
    };
  }, [anchor]);

  return (
    <div className={classNames('tidings-popup', className)} popover="manual" ref={root}>
      {children}
    </div>
  );
}

/** Below the anchor if it fits, else above; its end with the anchor's end, and never beyond the window. */
function place(popup: HTMLElement, anchor: HTMLElement | null): void {
  if (anchor === null) return;
  const to = anchor.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = popup;
  const isBelow = to.bottom + gap + height <= window.innerHeight || to.top - gap - height < 0;
  const top = isBelow ? to.bottom + gap : to.top - gap - height;
  const isRtl = getComputedStyle(anchor).direction === 'rtl';
  const left = isRtl ? to.left : to.right - width;
  popup.style.top = `${Math.max(gap, Math.min(top, window.innerHeight - height - gap))}px`;
  popup.style.left = `${Math.max(gap, Math.min(left, window.innerWidth - width - gap))}px`;
}
