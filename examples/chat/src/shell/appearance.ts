/** How the app looks on this device: colours and language. `public/before-paint.js` reads the same before the first paint. */
import { WritableStore, type Store } from '@tidings/client';

export type Theme = 'system' | 'light' | 'dark';
export type Language = 'en' | 'ar';

export interface Appearance {
  readonly theme: Theme;
  readonly language: Language;
}

const storageKey = 'tidings-appearance';
const themes: readonly Theme[] = ['system', 'light', 'dark'];

export class AppearanceStore {
  readonly #store = new WritableStore<Appearance>(read());

  constructor() {
    this.#show();
    // Another tab has changed it.
    addEventListener('storage', ({ key }) => {
      if (key !== storageKey) return;
      this.#store.set(read());
      this.#show();
    });
  }

  get store(): Store<Appearance> {
    return this.#store;
  }

  change(change: Partial<Appearance>): void {
    this.#store.update((before) => ({ ...before, ...change }));
    try {
      localStorage.setItem(storageKey, JSON.stringify(this.#store.get()));
    } catch {
      // It holds until the page is closed.
    }
    this.#show();
  }

  #show(): void {
    const { theme, language } = this.#store.get();
    const root = document.documentElement;
    if (theme === 'system') delete root.dataset['theme'];
    else root.dataset['theme'] = theme;
    root.lang = language;
    root.dir = language === 'ar' ? 'rtl' : 'ltr';
  }
}

function read(): Appearance {
  try {
    const stored = JSON.parse(localStorage.getItem(storageKey) ?? '{}') as Partial<Appearance>;
    const theme = themes.find((one) => one === stored.theme) ?? 'system';
    return { theme, language: stored.language === 'ar' ? 'ar' : 'en' };
  } catch {
    return { theme: 'system', language: 'en' };
  }
}
