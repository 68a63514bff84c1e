import { BridgeError, type ErrorCode } from '../../base/errors.ts';

/** Codes that are answered with a status other than 500. */
const statuses: Readonly<Partial<Record<ErrorCode, number>>> = {
  'admin-request-invalid': 400,
  'admin-token-wrong': 401,
  'admin-not-signed-in': 401,
  'admin-role-needed': 403,
  'admin-request-forged': 403,
  'admin-host-unknown': 421,
  'admin-not-found': 404,
  'login-unknown': 404,
  'app-password-unknown': 404,
  'app-password-exists': 409,
  'admin-oidc-failed': 400,
  'admin-oidc-no-role': 403,
  'admin-sign-in-blocked': 429,
  'connect-busy': 429,
  'connect-not-open': 403,
  'connect-invitation-unknown': 404,
  'connect-invitations-full': 409,
  'admin-busy': 503,
};

/** An error as shown to the caller. */
export interface Refusal {
  readonly status: number;
  readonly body: {
    readonly error: { readonly code: string; readonly message: string; readonly remedy?: string };
  };
  /** Unforeseen: to be logged in full. */
  readonly isOurFault: boolean;
}

/** Converts any error to an answer of the API. An unforeseen one is answered in general terms. */
export function refusalOf(error: unknown): Refusal {
  if (error instanceof BridgeError) {
    const { code, message, remedy } = error;
    return { status: statusOf(error), body: { error: { code, message, remedy } }, isOurFault: false };
  }
  const status = (error as { statusCode?: unknown } | undefined)?.statusCode;
  // From fastify: a body that is not JSON, too large, or of another type; a method or path that does not exist.
  if (typeof status === 'number' && status >= 400 && status < 500) {
    const message = status === 413 ? 'The body is too large.' : 'The request cannot be read.';
    return { status, body: { error: { code: 'admin-request-invalid', message } }, isOurFault: false };
  }
  const message = 'The bridge failed to answer; its log says why.';
  return { status: 500, body: { error: { code: 'admin-failed', message } }, isOurFault: true };
}

function statusOf({ code, kind }: BridgeError): number {
  const status = statuses[code];
  if (status !== undefined) return status;
  if (kind === 'usage') return 400;
  return kind === 'temporary' ? 503 : 409;
}

/** @throws always: BridgeError `admin-not-found` */
export function notFound(what: string): never {
  throw new BridgeError('admin-not-found', what);
}
