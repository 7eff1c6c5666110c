/** How dates and times are written: in the language of the app, as the country of the person does. */
import type { Language } from '../shell/appearance.ts';

/**
 * @param preferred of the device, the most wanted first. Of English the person's own kind is taken: 14:05 or 2:05 PM. Of
 *   Arabic it is not, for some kinds write other digits than the words of the app do.
 */
export function localeFor(language: Language, preferred: readonly string[]): string {
  if (language !== 'en') return language;
  return preferred.find((locale) => locale === 'en' || locale.startsWith('en-')) ?? language;
}
