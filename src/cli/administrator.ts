import type { Clock } from '../base/clock.ts';
import { BridgeError } from '../base/errors.ts';
import type { HttpClient } from '../base/http.ts';
import { listenForRedirect } from '../onboarding/loopback-redirect.ts';
import { beginAuthorization } from '../tokens/authorization-code.ts';
import { signInByDeviceCode } from '../tokens/device-code.ts';
import type { SignedIn } from '../tokens/user-sign-in.ts';
import type { CliIo } from './io.ts';
import { openBrowser } from './open-browser.ts';

/** Microsoft Graph Command Line Tools: the public client that Microsoft's own tools sign administrators in with. */
export const graphCommandLineTools = '14d82eec-204b-4c2f-b7e8-296a70dab67e';

/** How an administrator signs in. */
export interface AdministratorSignIn {
  /** Of the connection being set up. */
  readonly name: string;
  readonly tenantId: string;
  /** Of the app they sign in to: a public client that may be granted the scopes. */
  readonly clientId: string;
  readonly authority: string;
  /** Of Graph. */
  readonly scopes: readonly string[];
  readonly browser: boolean;
  readonly http: HttpClient;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const browserPatienceMs = 15 * 60_000;

/**
 * Signs an administrator in: by device code on any device, or in the browser of this machine. Nothing of it is kept.
 * @param tell shows a line, or several
 * @throws BridgeError see `signInByDeviceCode`, and `cancelled`
 */
export async function signInAdministrator(
  options: AdministratorSignIn,
  io: CliIo,
  tell: (text: string) => void,
): Promise<SignedIn> {
  if (options.browser) return inBrowser(options, io, tell);
  return signInByDeviceCode({
    ...options,
    onCode: ({ verificationUri, userCode }) => {
      tell(`Sign in as an administrator: open ${verificationUri} on any device and enter the code\n\n  ${userCode}\n`);
    },
  }).catch((error: unknown) => {
    throw blockedByPolicy(error) ?? error;
  });
}

async function inBrowser(options: AdministratorSignIn, io: CliIo, tell: (text: string) => void): Promise<SignedIn> {
  const listener = await listenForRedirect(0);
  try {
    const { redirectUri } = listener;
    const request = await beginAuthorization({ ...options, redirectUri, prompt: 'select_account' });
    tell(`Sign in as an administrator, in the browser of this machine:\n\n  ${request.url}\n`);
    openBrowser(request.url, io);
    return await listener.receive({
      read: (address) => request.redeem(address),
      elsewhere: 'sign-in-redirect-invalid',
      thanks: 'You are signed in.',
      signal: AbortSignal.any([options.signal, AbortSignal.timeout(browserPatienceMs)]),
    });
  } finally {
    await listener.close();
  }
}

/** Many tenants forbid the device code flow; the browser is the way around. */
function blockedByPolicy(error: unknown): BridgeError | undefined {
  if (!(error instanceof BridgeError) || !/^AADSTS530/.test(String(error.details.aadsts))) return undefined;
  return new BridgeError(error.code, error.message, {
    kind: error.kind,
    remedy: 'The tenant blocks signing in by device code: use --browser on a machine with a browser.',
    cause: error.cause,
    details: error.details,
  });
}
