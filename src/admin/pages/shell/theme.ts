export const themes = ['auto', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

const key = 'mailbridge-theme';

/** The colours chosen on this machine; `auto` follows the system. */
export function chosenTheme(): Theme {
  try {
    const kept = localStorage.getItem(key);
    return themes.find((each) => each === kept) ?? 'auto';
  } catch {
    return 'auto';
  }
}

/** Applies and saves a choice. */
export function chooseTheme(theme: Theme): void {
  if (theme === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem(key, theme);
  } catch {
    // A browser that saves nothing shows it until the page is reloaded.
  }
  window.dispatchEvent(new Event('themechange'));
}
