import { BridgeError } from '../../base/errors.ts';
import { entraError } from '../entra/errors.ts';
import type { SignIn } from './store.ts';

/**
 * Refusals that an administrator can lift without a new sign-in: consent, assignment to the app, a disabled user,
 * Conditional Access. Entra ID answers `invalid_grant` or `interaction_required` in these cases too.
 */
const liftedElsewhere = new Set([
  50001, 50002, 50005, 50053, 50057, 50097, 50105, 50127, 50129, 50131, 50155, 50187, 53000, 53001, 53002, 53003, 53011,
  65001, 65004, 65005, 90008, 90094, 90095, 90099, 500011, 500014, 500021, 500022, 500212, 500213, 530003, 530004,
  530032, 530034, 530035, 650052, 650053, 650054, 650056, 650057, 1000031, 5000224, 7000112, 7000229, 9002341,
]);
/** RFC 6749 section 5.2, OpenID Connect Core section 3.1.2.6. */
const endingErrors = new Set(['invalid_grant', 'interaction_required', 'login_required']);

/** Tells whether a refused renewal means that only a new sign-in helps. */
export function endsSignIn(error: unknown): error is BridgeError {
  if (!(error instanceof BridgeError) || error.code !== 'token-refused') return false;
  return endingErrors.has(String(error.details.error)) && !liftedElsewhere.has(aadstsNumber(error.details.aadsts));
}

/** Returns what to store of the refusal that ended a sign-in. */
export function endOf(refusal: BridgeError, nowMs: number): NonNullable<SignIn['ended']> {
  const { aadsts } = refusal.details;
  const known = entraError(aadstsNumber(aadsts));
  const cause = known?.cause ?? 'Microsoft Entra ID no longer accepts its refresh token.';
  return { atMs: nowMs, cause, ...(typeof aadsts === 'string' ? { aadsts } : {}) };
}

/** Creates the error of an ended sign-in. @param refusal Entra ID's latest answer, if it was asked */
export function signInEnded(
  connection: string,
  { username }: SignIn,
  { atMs, cause, aadsts }: NonNullable<SignIn['ended']>,
  refusal?: BridgeError,
): BridgeError {
  const code = aadsts === undefined ? '' : ` (${aadsts})`;
  const since = new Date(atMs).toISOString();
  const message = `The sign-in of ${username} for connection "${connection}" ended at ${since}: ${cause}${code}`;
  return new BridgeError('sign-in-ended', message, {
    remedy: remedy(connection, aadsts),
    details: { ...refusal?.details, connection, aadsts },
  });
}

/** Creates the error of a connection for which nobody has signed in. */
export function signInNeeded(connection: string, what = 'nobody has signed in yet'): BridgeError {
  return new BridgeError('sign-in-needed', `Connection "${connection}" could not get a token: ${what}.`, {
    remedy: remedy(connection, undefined),
    details: { connection },
  });
}

function remedy(connection: string, aadsts: string | undefined): string {
  const command = `"mailbridge login ${connection}"`;
  const known = entraError(aadstsNumber(aadsts))?.remedy ?? '';
  const named = known.replace('"mailbridge login"', command);
  return named.includes(command) ? named : `Sign in with ${command}. ${named}`.trim();
}

function aadstsNumber(aadsts: unknown): number {
  return Number(/^AADSTS(\d+)$/.exec(String(aadsts))?.[1]);
}
