import type { Clock } from '../base/clock.ts';
import type { HttpClient } from '../base/http/client.ts';
import type { SignedIn } from '../tokens/sign-ins/user-sign-in.ts';
import { signInWithCode } from './sign-in/by-device-code.ts';
import { signInInBrowser } from './sign-in/in-browser.ts';
import { pointedToBrowser } from './sign-in/terminal.ts';
import type { CliIo } from './terminal/io.ts';

/** How an administrator signs in. */
export interface AdministratorSignIn {
  /** Name of the connection being set up. */
  readonly name: string;
  readonly tenantId: string;
  /** The app they sign in to: a public client that may be granted the scopes. */
  readonly clientId: string;
  readonly authority: string;
  /** Scopes of Graph. */
  readonly scopes: readonly string[];
  readonly browser: boolean;
  readonly http: HttpClient;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/**
 * Signs an administrator in: by device code on any device, or in the browser on this machine. Nothing of it is stored.
 * @param tell shows a line, or several
 * @throws BridgeError see `signInWithCode` and `signInInBrowser`
 */
export async function signInAdministrator(
  options: AdministratorSignIn,
  io: CliIo,
  tell: (text: string) => void,
): Promise<SignedIn> {
  const { clock, signal, browser } = options;
  const terminal = { io, clock, signal, tell };
  const request = {
    ...options,
    invitation: 'Sign in as an administrator',
    purpose: `register the app of connection ${options.name}`,
    next: 'the terminal registers it',
  };
  if (browser) return await signInInBrowser({ ...request, prompt: 'select_account' }, terminal);
  return await signInWithCode(request, terminal).catch((error: unknown) => {
    throw pointedToBrowser(error, 'it with --browser');
  });
}
