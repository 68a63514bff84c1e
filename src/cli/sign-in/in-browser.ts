import { hostname } from 'node:os';
import { BridgeError } from '../../base/errors.ts';
import { type LoopbackRedirect, listenForRedirect } from '../../onboarding/loopback-redirect.ts';
import { beginAuthorization, type Prompt } from '../../tokens/grants/authorization-code.ts';
import type { SignedIn } from '../../tokens/sign-ins/user-sign-in.ts';
import { askLine } from '../terminal/ask-line.ts';
import { openBrowser } from './open-browser.ts';
import type { SignInRequest, SignInTerminal } from './terminal.ts';

/** A sign-in in a browser. */
export interface BrowserSignIn extends SignInRequest {
  /** As configured; default `http://localhost` with any free port. */
  readonly redirectUri?: string | undefined;
  readonly prompt: Prompt;
}

const patienceMs = 15 * 60_000;

/**
 * Signs a person in in the browser on this machine, which returns to a port that this process listens on. With a
 * redirect URI elsewhere any browser will do, and the URL where it ends up is pasted.
 * @throws BridgeError see `beginAuthorization` and `AuthorizationRequest`; `sign-in-cancelled` after 15 minutes,
 * `cancelled`, `port-in-use`, `listen-failed`
 */
export function signInInBrowser(signIn: BrowserSignIn, terminal: SignInTerminal): Promise<SignedIn> {
  const { redirectUri } = signIn;
  if (redirectUri === undefined || isLoopbackUri(redirectUri)) return byLoopback(signIn, terminal);
  return byPastedAddress({ ...signIn, redirectUri }, terminal);
}

async function byLoopback(signIn: BrowserSignIn, terminal: SignInTerminal): Promise<SignedIn> {
  const listener = await listenForRedirect(portOf(signIn.redirectUri));
  const patience = new AbortController();
  const endPatience = terminal.clock.after(patienceMs, () =>
    patience.abort(new BridgeError('sign-in-cancelled', 'Nobody signed in in the browser within 15 minutes.')),
  );
  try {
    const redirectUri = listenedOn(signIn.redirectUri, listener);
    const request = await beginAuthorization({ ...signIn, redirectUri });
    terminal.tell(`${signIn.invitation}, in the browser of this machine:\n\n  ${listener.shortUrl}\n`);
    terminal.tell('Waiting for the browser to come back, 15 minutes at most. Ctrl-C ends it.');
    openBrowser(listener.shortUrl, terminal.io);
    return await listener.receive({
      read: (address) => request.redeem(address),
      start: request.url,
      elsewhere: 'sign-in-redirect-invalid',
      thanks: ({ username }) =>
        `${username} has signed in to ${signIn.purpose}, for mailbridge on ${hostname()}. Now ${signIn.next}.`,
      signal: AbortSignal.any([terminal.signal, patience.signal]),
    });
  } finally {
    endPatience();
    await listener.close();
  }
}

async function byPastedAddress(
  signIn: BrowserSignIn & { readonly redirectUri: string },
  { io, signal, tell }: SignInTerminal,
): Promise<SignedIn> {
  const request = await beginAuthorization(signIn);
  tell(`${signIn.invitation}, in any browser:\n\n  ${request.url}\n`);
  tell('The browser ends at a page that may be empty or missing. Copy its address.');
  const line = await askLine(io, 'Paste the whole address here: ', signal);
  const address = URL.parse(line?.trim() ?? '');
  if (address) return await request.redeem(address);
  throw new BridgeError('sign-in-redirect-invalid', 'The pasted text is not an address (https://… or http://…).');
}

function isLoopbackUri(redirectUri: string): boolean {
  const url = URL.parse(redirectUri);
  return url?.protocol === 'http:' && ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname);
}

/** 0, any free one, if none is configured: Entra ID accepts any port of a loopback address. */
function portOf(redirectUri: string | undefined): number {
  return Number(URL.parse(redirectUri ?? '')?.port ?? 0);
}

/** The configured URL, exactly as registered, with the port that is listened on. */
function listenedOn(configured: string | undefined, { redirectUri }: LoopbackRedirect): string {
  if (configured === undefined) return redirectUri;
  const { port } = new URL(redirectUri);
  return configured.replace(/^(http:\/\/(?:\[[^\]]*\]|[^/?#:]*))(?::\d*)?/i, `$1:${port}`);
}
