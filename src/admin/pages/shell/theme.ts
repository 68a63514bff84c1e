export const themes = ['auto', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

const key = 'mailbridge-theme';

/** The colours that somebody chose on this machine; `auto` are those of the system. */
export function chosenTheme(): Theme {
  try {
    const kept = localStorage.getItem(key);
    return themes.find((each) => each === kept) ?? 'auto';
  } catch {
    return 'auto';
  }
}

/** Shows and keeps a choice. */
export function chooseTheme(theme: Theme): void {
  if (theme === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    localStorage.setItem(key, theme);
  } catch {
    // A browser that keeps nothing shows it until the page is loaded anew.
  }
  window.dispatchEvent(new Event('themechange'));
}
