import type { ShownSession } from '../contract.ts';
import { showError } from '../parts/dialog.ts';
import { empty } from '../parts/trouble.ts';
import { html, render } from '../vendor/lit-html/lit-html.js';
import { ApiError, apiOf } from './api.ts';
import { beforeSetUp } from './before-set-up.ts';
import { pageContext } from './context.ts';
import { frame, menu } from './frame.ts';
import { liveEvents } from './live-events.ts';
import type { OpenPage, Page } from './page.ts';
import { followLinks, placeOf } from './place.ts';
import { listenForSearchKey } from './search-key.ts';
import { signInPage } from './sign-in.ts';
import { chooseTheme, chosenTheme } from './theme.ts';

const nowhere: OpenPage = () => ({
  title: 'There is no such page',
  view: () => empty('The address may be old.', html`<a href="/ui/">Go to the overview</a>`),
});

/** Runs the pages in the window: the session, the open page, and drawing. */
class Shell {
  readonly #pages: Readonly<Record<string, OpenPage>>;
  readonly #api = apiOf(
    () => this.#session?.csrfToken ?? '',
    () => this.#signedOut(),
  );
  readonly #events = liveEvents(
    () => this.#redraw(),
    // A refused stream gives no reason; a request does.
    () => void this.#api.get('session').catch(() => undefined),
  );
  readonly #root: HTMLElement;
  #session: ShownSession | undefined;
  #signInBy: readonly string[] = [];
  #error: unknown;
  #isBusy = true;
  #open: { readonly page: Page; readonly name: string; leave(): void } | undefined;
  #href = '';
  #isMenuOpen = false;
  #isDrawing = false;
  #isLeaving = false;

  constructor(pages: Readonly<Record<string, OpenPage>>, root: HTMLElement) {
    this.#pages = pages;
    this.#root = root;
  }

  async start(): Promise<void> {
    const token = tokenOfLink();
    window.addEventListener('popstate', () => this.#arrive());
    followLinks((href) => this.#go(href));
    if (token) await this.#signIn(token);
    else await this.#resume();
  }

  /** Continues the session of the cookie, if there is one. */
  async #resume(): Promise<void> {
    try {
      this.#session = await this.#api.get<ShownSession>('session');
      this.#signInBy = this.#session.signInBy ?? [];
      this.#error = undefined;
      this.#events.start();
      // Before there is a configuration there is nothing else to see.
      if (!this.#session.setUp) history.replaceState(null, '', '/ui/set-up');
      this.#arrive();
    } catch (error) {
      const { status, signInBy } = error as ApiError;
      if (status !== 401) this.#error = error;
      if (signInBy) this.#signInBy = signInBy;
    }
    this.#isBusy = false;
    this.#redraw();
    if (!this.#session) requestAnimationFrame(() => document.querySelector('input')?.focus());
  }

  async #signIn(token: string): Promise<void> {
    this.#isBusy = true;
    this.#error = undefined;
    this.#redraw();
    try {
      await this.#api.send('POST', 'session', { token });
      await this.#resume();
      this.#focusHeading();
    } catch (error) {
      this.#error = error;
    }
    this.#isBusy = false;
    this.#redraw();
  }

  async #signOut(): Promise<void> {
    this.#isLeaving = true;
    await this.#api.send('DELETE', 'session').catch(showError);
    this.#signedOut();
    this.#isLeaving = false;
  }

  #signedOut(): void {
    const isOver = this.#session !== undefined && !this.#isLeaving;
    this.#error = isOver ? new ApiError(401, 'session-over', 'Your session has ended.', 'Sign in again.') : undefined;
    this.#session = undefined;
    this.#events.stop();
    this.#leave();
    this.#redraw();
  }

  #leave(): void {
    this.#open?.leave();
    this.#open = undefined;
    this.#href = '';
    for (const dialog of document.querySelectorAll('dialog')) dialog.close();
  }

  #go(href: string, { replace = false } = {}): void {
    history[replace ? 'replaceState' : 'pushState'](null, '', href);
    this.#arrive();
    if (replace) return;
    window.scrollTo(0, 0);
    this.#focusHeading();
  }

  /** Opens the page of the URL, unless it is open. */
  #arrive(): void {
    const href = location.pathname + location.search;
    if (!this.#session || href === this.#href) return;
    this.#leave();
    this.#href = href;
    this.#isMenuOpen = false;
    const place = placeOf(location);
    const surroundings = {
      api: this.#api,
      events: this.#events,
      mayOperate: this.#session.role === 'operate',
      redraw: () => this.#redraw(),
      go: (to: string, options?: { readonly replace?: boolean }) => this.#go(to, options),
    };
    const { context, leave } = pageContext(surroundings, place);
    this.#open = { page: this.#opening(place.page)(context), name: place.page, leave };
    this.#draw();
  }

  #opening(name: string): OpenPage {
    const open = this.#pages[name] ?? nowhere;
    const title = menu.find(([path]) => path === name)?.[1];
    if (this.#session?.setUp || title === undefined) return open;
    return beforeSetUp(name, title, open, async () => {
      this.#session = await this.#api.get<ShownSession>('session');
      return this.#session.setUp;
    });
  }

  #redraw(): void {
    if (this.#isDrawing) return;
    this.#isDrawing = true;
    requestAnimationFrame(() => {
      this.#isDrawing = false;
      this.#draw();
    });
  }

  #draw(): void {
    render(this.#view(), this.#root);
    const title = this.#session ? this.#open?.page.title : 'Sign in';
    document.title = title ? `${title} – mailbridge` : 'mailbridge';
  }

  #view() {
    if (this.#session && this.#open) {
      return frame({
        session: this.#session,
        current: this.#open.name,
        page: this.#open.page,
        isLive: this.#events.isOpen,
        isMenuOpen: this.#isMenuOpen,
        toggleMenu: () => {
          this.#isMenuOpen = !this.#isMenuOpen;
          this.#draw();
        },
        signOut: () => void this.#signOut(),
      });
    }
    if (this.#isBusy && this.#error === undefined) return html`<p class="loading" role="status">Loading …</p>`;
    const signIn = (token: string) => void this.#signIn(token);
    return signInPage({ by: this.#signInBy, error: this.#error, isBusy: this.#isBusy, signIn });
  }

  #focusHeading(): void {
    requestAnimationFrame(() => document.querySelector('h1')?.focus());
  }
}

/** The admin token after `#` in a one-time link; it is removed from the address bar and the history at once. */
function tokenOfLink(): string | undefined {
  const token = new URLSearchParams(location.hash.slice(1)).get('token');
  if (token === null) return undefined;
  history.replaceState(null, '', location.pathname + location.search);
  return token;
}

/** @param pages by the first step of their path */
export function startShell(pages: Readonly<Record<string, OpenPage>>): void {
  const root = document.getElementById('app');
  if (!root) throw new Error('index.html has no element for the pages.');
  chooseTheme(chosenTheme());
  listenForSearchKey();
  void new Shell(pages, root).start();
}
