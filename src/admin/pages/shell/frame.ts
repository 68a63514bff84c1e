import type { ShownSession } from '../contract.ts';
import { html, nothing, type TemplateResult } from '../vendor/lit-html/lit-html.js';
import type { Page } from './page.ts';
import { chooseTheme, chosenTheme, type Theme, themes } from './theme.ts';

export interface Frame {
  readonly session: ShownSession;
  /** First step of the path. */
  readonly current: string;
  readonly page: Page;
  readonly isLive: boolean;
  readonly isMenuOpen: boolean;
  toggleMenu(): void;
  signOut(): void;
}

/** The pages with their names in the menu. */
export const menu: readonly (readonly [path: string, title: string])[] = [
  ['', 'Overview'],
  ['messages', 'Messages'],
  ['connections', 'Connections'],
  ['accounts', 'Accounts'],
  ['log', 'Log'],
  ['set-up', 'Set up'],
];

/** The frame around every page. */
export function frame({ session, current, page, isLive, isMenuOpen, toggleMenu, signOut }: Frame): TemplateResult {
  return html`<a class="skip" href="#main">Skip to the content</a>
    <header class="bar">
      <a class="brand" href="/ui/"><img src="/ui/icon.svg" alt="" width="24" height="24">mailbridge</a>
      <span class="instance" title="Instance">${session.instance}</span>
      <span class="live" role="status"><span class="mark ${isLive ? 'good' : 'none'}">${isLive ? 'Live' : 'Connecting …'}</span></span>
      <button type="button" class="menu" aria-expanded=${isMenuOpen} aria-controls="menu" @click=${toggleMenu}>Menu</button>
    </header>
    <div id="menu" class=${isMenuOpen ? 'side open' : 'side'}>
      <nav aria-label="Pages">
        ${menu.map(
          ([path, title]) =>
            html`<a href="/ui/${path}" aria-current=${path === current ? 'page' : nothing}>${title}</a>`,
        )}
      </nav>
      <section class="who" aria-label="Session">
        ${themeSwitch()}
        <p>${session.user}${session.role === 'view' ? html` <span class="hint">(view only)</span>` : nothing}</p>
        <button type="button" @click=${signOut}>Sign out</button>
        <p class="hint">mailbridge ${session.version}</p>
      </section>
    </div>
    <main id="main" tabindex="-1">
      <h1 tabindex="-1">${page.title}</h1>
      ${page.view()}
    </main>`;
}

const themeNames: Readonly<Record<Theme, string>> = { auto: 'System', light: 'Light', dark: 'Dark' };

function themeSwitch(): TemplateResult {
  const change = (event: Event) => chooseTheme((event.target as HTMLSelectElement).value as Theme);
  return html`<label class="theme"><span>Colours</span>
    <select @change=${change}>
      ${themes.map((each) => html`<option value=${each} ?selected=${each === chosenTheme()}>${themeNames[each]}</option>`)}
    </select>
  </label>`;
}
