import { type EntraError, temporary } from './error.ts';
import { appErrors } from './errors-app.ts';
import { personErrors, personNeeded } from './errors-person.ts';
import { adminConsent, tenantErrors } from './errors-tenant.ts';

export type { EntraError } from './error.ts';

const busy = temporary(
  'Microsoft Entra ID is overloaded or has a temporary problem.',
  'No action is needed: the bridge tries again. If it lasts, look at https://status.cloud.microsoft.',
);

/** Failures of Entra ID itself. */
const serviceErrors: Readonly<Record<number, EntraError>> = {
  50196: temporary(
    'Microsoft Entra ID has seen the same request too often and blocks it for a while.',
    'Wait a few minutes. Stop other programs that ask for tokens with the same client id in a loop.',
  ),
  50000: busy,
  50033: busy,
  50166: busy,
  70012: busy,
  90006: busy,
  90012: busy,
  90024: busy,
  90033: busy,
  90036: busy,
  90055: busy,
  90090: busy,
  90091: busy,
};

/**
 * Every AADSTS number with its own entry. Sources: Microsoft Entra documentation, "Microsoft Entra authentication and
 * authorization error codes", and public reports where that page says nothing.
 */
export const entraErrors: ReadonlyMap<number, EntraError> = new Map(
  Object.entries({ ...appErrors, ...tenantErrors, ...personErrors, ...serviceErrors }).map(([number, entry]) => [
    Number(number),
    entry,
  ]),
);

/**
 * Looks up the meaning of an AADSTS number (without the prefix) in the catalogue.
 * @param said Microsoft's text, which distinguishes the meanings of some numbers
 */
export function entraError(aadsts: number, said = ''): EntraError | undefined {
  const entry = entraErrors.get(aadsts);
  const words = said.toLowerCase();
  return entry?.variants?.find((each) => words.includes(each.said)) ?? entry;
}

/** OAuth errors that are clear on their own: OpenID Connect Core section 3.1.2.6. */
const named: Readonly<Record<string, EntraError>> = {
  consent_required: adminConsent,
  interaction_required: personNeeded,
  login_required: personNeeded,
};

/** Looks up the meaning of an OAuth error without an AADSTS number in the catalogue. */
export function oauthError(error: string | undefined): EntraError | undefined {
  return error === undefined || !Object.hasOwn(named, error) ? undefined : named[error];
}
