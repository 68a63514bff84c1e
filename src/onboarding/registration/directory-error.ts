import { BridgeError } from '../../base/errors.ts';
import type { GraphError } from '../../graph/client/error.ts';

const appPolicyRemedy =
  'An app management policy of the tenant forbids it (Entra admin center > Enterprise applications > Application policies). Use a certificate (leave out --secret), or fewer days (--secret-days).';

const remedies: Readonly<Record<string, string>> = {
  Authorization_RequestDenied:
    'Sign in as somebody who may: Cloud Application Administrator or Application Administrator registers apps and grants permissions of Office 365 Exchange Online; granting permissions of Microsoft Graph (--tenant-wide, --delegated) takes Privileged Role Administrator or Global Administrator.',
  InvalidAuthenticationToken: 'Run the command again and sign in once more.',
  Directory_QuotaExceeded:
    'The tenant, or the person who signed in, has reached its limit of objects. Delete app registrations that nobody uses, or sign in as an administrator.',
  CredentialTypeNotAllowedAsPerAppPolicy: appPolicyRemedy,
  CredentialInvalidLifetimeAsPerAppPolicy: appPolicyRemedy,
  CredentialInvalidLifetimeAsPerAppMgmtPolicy: appPolicyRemedy,
};

/**
 * Converts Graph's refusal of a directory request. `details`: `status`, `code` from Graph, `requestId`.
 * @param request method and path, for the message
 */
export function directoryError(request: string, error: GraphError): BridgeError {
  const { status, code, requestId } = error;
  const temporary = status === 429 || status >= 500;
  const remedy = temporary ? 'Run the command again in a few minutes: it continues where it stopped.' : remedies[code];
  const said = /[.!?]$/.test(error.message) ? error.message : `${error.message}.`;
  return new BridgeError('directory-refused', `Microsoft Graph refuses ${request} (${status} ${code}): ${said}`, {
    ...(temporary ? { kind: 'temporary' } : {}),
    ...(remedy === undefined ? {} : { remedy }),
    cause: error,
    details: { status, code, requestId },
  });
}

/** Whether Graph does not know an object (yet): a new object may be missing for a while. */
export function isNotFound(error: unknown): boolean {
  if (!(error instanceof BridgeError) || error.code !== 'directory-refused') return false;
  const { status, code } = error.details;
  // A service principal for an application that another server of the directory does not know yet.
  return status === 404 || code === 'NoBackingApplicationObject' || /does not reference a valid/.test(error.message);
}
