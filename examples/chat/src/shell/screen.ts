/** What kind of screen it is, where the style sheet alone cannot tell. */

/** Whether there is a mouse: where fingers point, putting the keyboard somewhere would cover half of the screen. */
export const hasFinePointer = (): boolean => matchMedia('(pointer: fine)').matches;

/** Whether a panel lies over the messages instead of beside them; the same number as in `styles/layout.css`. */
export const isNarrow = (): boolean => matchMedia('(max-width: 1079px)').matches;

/** Whether there is one column; the same number as in `styles/layout.css`. */
export const isPhone = (): boolean => matchMedia('(max-width: 719px)').matches;
