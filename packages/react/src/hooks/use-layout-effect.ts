/** `useLayoutEffect` where there is a screen, and without a warning where there is none. */
import { useEffect, useLayoutEffect } from 'react';

export const useBrowserLayoutEffect = typeof document === 'undefined' ? useEffect : useLayoutEffect;
