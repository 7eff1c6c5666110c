/** Colours and direction before the first paint, or the page would flash. `src/shell/appearance.ts` writes what is read here. */
(() => {
  let stored;
  try {
    stored = JSON.parse(localStorage.getItem('tidings-appearance') ?? '{}');
  } catch {
    stored = {};
  }
  const root = document.documentElement;
  if (stored?.theme === 'light' || stored?.theme === 'dark') root.dataset.theme = stored.theme;
  if (stored?.language === 'ar') {
    root.lang = 'ar';
    root.dir = 'rtl';
  }
})();
