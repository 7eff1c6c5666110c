/** The few pictures that the components use, as outlines in the colour of the text. They say nothing to screen readers. */
import type { ReactNode } from 'react';

const paths = {
  attach: 'M20.5 11.5 12 20a5.7 5.7 0 0 1-8-8l8.6-8.6a3.8 3.8 0 0 1 5.4 5.4l-8.5 8.5a1.9 1.9 0 0 1-2.7-2.7l7.8-7.8',
  back: 'M15 5l-7 7 7 7',
  bellOff:
    'M4 4l16 16M9.5 19a2.7 2.7 0 0 0 5 0M6.6 8.2C6 11.6 5 14 4 16h12M18 13.500C17.4 12 17.2 10.5 17 9A5 5 0 0 0 9.2 4.9',
  check: 'M5 12.500l4.5 4.500L19 7.5',
  checks: 'M2.5 12.5 7 17l9.5-9.500M11.5 16l1 1L22 7.5',
  chevronDown: 'M6 9l6 6 6-6',
  chevronUp: 'M6 15l6-6 6 6',
  clock: 'M12 7v5l3 2M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0Z',
  close: 'M6 6l12 12M18 6 6 18',
  copy: 'M9 9h10a1 1 0 0 1 1 1v10a1 1 0 0 1-1 1H9a1 1 0 0 1-1-1V10a1 1 0 0 1 1-1ZM5 15H4a1 1 0 0 1-1-1V4a1 1 0 0 1 1-1h10a1 1 0 0 1 1 1v1',
  download: 'M12 4v11m0 0 4.5-4.500M12 15l-4.5-4.500M4 20h16',
  edit: 'M4 20l1-4L16.5 4.500a2.1 2.1 0 0 1 3 3L8 19l-4 1Z',
  file: 'M13 3H7a2 2 0 0 0-2 2v14a2 2 0 0 0 2 2h10a2 2 0 0 0 2-2V9l-6-6Zm0 0v6h6',
  more: 'M5 12h.01M12 12h.01M19 12h.01',
  people:
    'M15.5 20v-1.500a3.5 3.5 0 0 0-3.5-3.500H6a3.5 3.5 0 0 0-3.5 3.500V20M9 11.500a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM21.5 20v-1.500a3.5 3.5 0 0 0-2.6-3.400M15.5 4.700a3.5 3.5 0 0 1 0 6.6',
  pin: 'M9 4h6l-.7 5.5 3.2 3.500h-11l3.2-3.500L9 4Zm3 9v7',
  poll: 'M5 20v-8M12 20V4M19 20v-5',
  plus: 'M12 5v14M5 12h14',
  reply: 'M9 7 4 12l5 5M4 12h9a7 7 0 0 1 7 7',
  search: 'M20 20l-4.3-4.300M18 10.500a7.5 7.5 0 1 1-15 0 7.5 7.5 0 0 1 15 0Z',
  send: 'M5 12h14m0 0-6-6m6 6-6 6',
  smile: 'M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0ZM8.5 14.500c1.8 2.3 5.2 2.3 7 0M9 9.500h.01M15 9.500h.01',
  thread: 'M4 5h16v11H11l-4.5 4v-4H4V5Zm4 4h8M8 12h5',
  trash: 'M4 7h16M10 11v6M14 11v6M6 7l1 13h10l1-13M9 7V4h6v3',
  unread: 'M4 6h16v12H4V6Zm0 1 8 6 8-6',
  warning: 'M12 8v5M12 16.500h.01M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0Z',
} as const;

/** Name of an icon. */
export type IconName = keyof typeof paths;

export interface IconProps {
  readonly name: IconName;
  /** Points to where one reads, so that it is turned round in languages from right to left. */
  readonly isDirectional?: boolean;
}

/** One of the icons of the components. */
export function Icon({ name, isDirectional = false }: IconProps): ReactNode {
  return (
    <svg
      className={isDirectional ? 'tidings-icon tidings-icon-directional' : 'tidings-icon'}
      viewBox="0 0 24 24"
      aria-hidden="true"
    >
      <path d={paths[name]} />
    </svg>
  );
}
