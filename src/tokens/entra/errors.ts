import { type EntraError, temporary } from './error.ts';
import { appErrors } from './errors-app.ts';
import { personErrors, personNeeded } from './errors-person.ts';
import { adminConsent, tenantErrors } from './errors-tenant.ts';

export type { EntraError } from './error.ts';

const busy = temporary(
  'Microsoft Entra ID is overloaded or has a temporary problem.',
  'No action is needed: the bridge tries again. If it lasts, look at https://status.cloud.microsoft.',
);

/** Trouble of Entra ID itself. */
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
 * Every AADSTS number with an entry of its own, by what it means: Microsoft Entra documentation, "Microsoft Entra
 * authentication and authorization error codes", and what people quote in public where that page is silent.
 */
export const entraErrors: ReadonlyMap<number, EntraError> = new Map(
  Object.entries({ ...appErrors, ...tenantErrors, ...personErrors, ...serviceErrors }).map(([number, entry]) => [
    Number(number),
    entry,
  ]),
);

/**
 * What an AADSTS number (without the prefix) means, if it is in the catalogue.
 * @param said Microsoft's words, which tell the meanings of some numbers apart
 */
export function entraError(aadsts: number, said = ''): EntraError | undefined {
  const entry = entraErrors.get(aadsts);
  const words = said.toLowerCase();
  return entry?.variants?.find((each) => words.includes(each.said)) ?? entry;
}

/** OAuth errors that say enough by themselves: OpenID Connect Core section 3.1.2.6. */
const named: Readonly<Record<string, EntraError>> = {
  consent_required: adminConsent,
  interaction_required: personNeeded,
  login_required: personNeeded,
};

/** What an OAuth error means that came without an AADSTS number of the catalogue. */
export function oauthError(error: string | undefined): EntraError | undefined {
  return error === undefined || !Object.hasOwn(named, error) ? undefined : named[error];
}
