import type { Response } from 'undici';
import type { Microsoft365 } from './harness.ts';

/** A page as seen by a person without a mouse. */
export interface Page {
  readonly url: string;
  readonly status: number;
  readonly html: string;
  readonly title: string;
  /** Text of the element with this id, without markup. */
  text(id: string): string | undefined;
}

/** The URL, outside the site, that the browser was redirected to: the app's. */
export type Redirect = URL;

/** The sign-in site, and how to reach it. */
export type SignInSite = Pick<Microsoft365, 'get'> & {
  readonly endpoints: Pick<Microsoft365['endpoints'], 'authority'>;
};

/** A browser for the sign-in site: keeps cookies, fills in forms, and stops when a redirect leaves the site. */
export class FormBrowser {
  readonly #site: SignInSite;
  readonly #cookies = new Map<string, string>();
  #page: Page | undefined;

  constructor(site: SignInSite) {
    this.#site = site;
  }

  get page(): Page {
    if (!this.#page) throw new Error('no page is open');
    return this.#page;
  }

  /** Opens an address of the site. */
  async open(url: string): Promise<Page> {
    const answer = await this.#request(new URL(url, this.#site.endpoints.authority).href);
    if (answer instanceof URL) throw new Error(`left the site: ${answer}`);
    return answer;
  }

  /** Opens an address that immediately redirects to the app. */
  async leave(url: string): Promise<Redirect> {
    const answer = await this.#request(url);
    if (answer instanceof URL) return answer;
    throw new Error(`no redirect but: ${answer.title} ${answer.text('error')}`);
  }

  /** Submits the page's form with these fields (and its hidden ones), and returns the next page. */
  async submit(fields: Record<string, string>): Promise<Page> {
    const answer = await this.#post(fields);
    if (answer instanceof URL) throw new Error(`left the site: ${answer}`);
    return answer;
  }

  /** Submits the page's form; the answer leaves the site. */
  async submitAndLeave(fields: Record<string, string>): Promise<Redirect> {
    const answer = await this.#post(fields);
    if (answer instanceof URL) return answer;
    throw new Error(`no redirect but: ${answer.title} ${answer.text('error')}`);
  }

  /** Submits the page's form; the answer may leave the site. */
  submitOrLeave(fields: Record<string, string>): Promise<Page | Redirect> {
    return this.#post(fields);
  }

  /** Submits the page's form, wherever that leads. */
  #post(fields: Record<string, string>): Promise<Page | Redirect> {
    const { html, url } = this.page;
    const action = /<form method="post" action="([^"]+)"/.exec(html)?.[1];
    if (!action) throw new Error(`no form on: ${this.page.title} ${this.page.text('error')}`);
    const hidden = [...html.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)">/g)].map(
      ([, name, value]) => [name!, value!] as const,
    );
    for (const name of Object.keys(fields)) {
      if (!html.includes(`name="${name}"`)) throw new Error(`no field ${name} on: ${this.page.title}`);
    }
    const body = new URLSearchParams({ ...Object.fromEntries(hidden), ...fields });
    return this.#request(new URL(action, url).href, body);
  }

  async #request(url: string, body?: URLSearchParams): Promise<Page | Redirect> {
    const cookie = [...this.#cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await this.#site.get(url, {
      ...(body ? { method: 'POST', body } : {}),
      headers: cookie ? { cookie } : {},
      redirect: 'manual',
    });
    for (const line of response.headers.getSetCookie()) {
      const [name = '', value = ''] = (line.split(';')[0] ?? '').split('=');
      this.#cookies.set(name, value);
    }
    const location = response.headers.get('location');
    if (location) return new URL(location, url);
    this.#page = await readPage(url, response);
    return this.#page;
  }
}

async function readPage(url: string, response: Response): Promise<Page> {
  const html = await response.text();
  return {
    url,
    status: response.status,
    html,
    title: plain(/<title>([^<]*)<\/title>/.exec(html)?.[1] ?? ''),
    text(id) {
      const found = new RegExp(`<(\\w+)[^>]* id="${id}"[^>]*>([\\s\\S]*?)</\\1>`).exec(html);
      return found ? plain(found[2]!.replace(/<[^>]+>/g, ' ')) : undefined;
    },
  };
}

function plain(text: string): string {
  return text
    .replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)))
    .replace(/\s+/g, ' ')
    .trim();
}

/** Types a device's code, signs in and accepts the requested permissions. Ends on the last page. */
export async function signInAtDevicePage(
  m365: Microsoft365,
  userCode: string,
  username = 'alice@contoso.example',
  browser = new FormBrowser(m365),
): Promise<Page> {
  await browser.open('/deviceauth');
  await browser.submit({ otc: userCode });
  await signIn(m365, browser, username);
  if (browser.page.title.startsWith('Permissions requested')) await browser.submit({ decision: 'accept' });
  return browser.page;
}

/** Enters user name and password, from the page that asks for the name. */
export async function signIn(m365: Microsoft365, browser: FormBrowser, username: string): Promise<Page> {
  await browser.submit({ username });
  return browser.submit({ password: m365.tenant.users.get(username)?.password ?? m365.userPassword });
}

/** The target of a short address on this machine; any other address is its own target. */
export async function behindShortAddress(address: string): Promise<string> {
  if (!address.startsWith('http://localhost:')) return address;
  const answer = await fetch(address, { redirect: 'manual' });
  return answer.headers.get('location') ?? '';
}
