import type { HttpAnswer, IncomingHttpRequest } from '../../http/http-server.ts';
import { AadstsError } from '../aadsts.ts';
import { consentNeeded } from '../consent.ts';
import { parseDelegatedScopes } from '../delegated-scopes.ts';
import type { PendingDeviceCode } from '../people/device-codes.ts';
import type { EntraServices } from '../services.ts';
import { assertAccountServed } from '../tenant-segment.ts';
import { deviceCodePage, deviceDeclinedPage, deviceDonePage, errorPage } from './pages.ts';
import type { SignInGoal, SignInPages } from './sign-in.ts';

/** The page where people type the code that a device shows. */
export const devicePath = '/deviceauth';

/** The page that takes the code; `?otc=` prefills it. */
export function showDevicePage({ url }: IncomingHttpRequest): HttpAnswer {
  return deviceCodePage(devicePath, undefined, url.searchParams.get('otc') ?? '');
}

/** Takes a code and continues to the sign-in. */
export function answerDevicePage(
  entra: EntraServices,
  pages: SignInPages,
  request: IncomingHttpRequest,
  form: URLSearchParams,
): HttpAnswer {
  const typed = form.get('otc') ?? '';
  try {
    return pages.begin(request, goalOf(entra, entra.deviceCodes.byUserCode(typed)));
  } catch (error) {
    if (!(error instanceof AadstsError)) throw error;
    const problem =
      error.code === '70019'
        ? 'That code has expired. Go back to your device and get a new one. (AADSTS70019)'
        : "That code didn't work. Check the code and try again. (AADSTS70018)";
    return deviceCodePage(devicePath, problem, typed);
  }
}

function goalOf({ tenant }: EntraServices, code: PendingDeviceCode): SignInGoal {
  const { app } = code;
  const scopes = parseDelegatedScopes(tenant, app, code.scope, 'token');
  return {
    app,
    // Another user of the browser must not sign a device in by accident.
    prompt: 'select_account',
    consentFor: (user) => {
      assertAccountServed(code.tenantName, app, user);
      return consentNeeded(tenant, app, user, scopes, false);
    },
    finish: (signedIn) => {
      code.outcome = signedIn;
      return deviceDonePage(app);
    },
    fail: (error) => {
      const isDeclined = error.error === 'access_denied';
      code.outcome = isDeclined ? error.as('authorization_declined') : error;
      return isDeclined ? deviceDeclinedPage(app) : errorPage(error);
    },
  };
}
