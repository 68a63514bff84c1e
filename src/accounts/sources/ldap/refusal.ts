import { BusyError, InvalidCredentialsError, ResultCodeError, TimeLimitExceededError, UnavailableError } from 'ldapts';
import { BridgeError, errorText, systemErrorCode } from '../../../base/errors.ts';

/*
 * The meaning of LDAP servers' answers (RFC 4511 appendix A). Answers to a bind as the person who logs in concern that
 * person; all others concern the server or the configuration.
 */

/** Bind results that are plain refusals: see {@link isAboutThePerson}. */
const personal = new Set([
  /* constraintViolation: locked by a password policy */ 19, /* noSuchObject */ 32,
  /* invalidDNSyntax: a name that the attribute cannot hold */ 34,
  /* inappropriateAuthentication: an entry without a password */ 48, /* invalidCredentials */ 49,
  /* insufficientAccessRights */ 50, /* unwillingToPerform: a locked account, in some servers */ 53,
]);

/** Tells whether a bind was refused because of its name or password. */
export function isAboutThePerson(error: unknown): boolean {
  return error instanceof ResultCodeError && personal.has(error.code);
}

/** Active Directory's own reasons, in its text after `data`. */
const reasons: Readonly<Record<string, string>> = {
  '530': 'may not log in at this time',
  '531': 'may not log in from here',
  '532': 'has an expired password',
  '533': 'is disabled',
  '701': 'has expired',
  '773': 'must change the password first',
  '775': 'is locked',
};

/** Returns why a person with the right password might be refused, as reported by Active Directory; only for the log. */
export function reasonOf(error: unknown): string | undefined {
  if (!(error instanceof InvalidCredentialsError)) return undefined;
  const [, data = ''] = /\bdata ([0-9a-f]{3}),/.exec(error.message) ?? [];
  return reasons[data];
}

/** Translates a server failure for the log and `mailbridge check`. @param url of the server */
export function ldapFailure(url: string, doing: string, error: unknown): BridgeError {
  if (error instanceof BridgeError) return error;
  const options = { cause: error, details: { url } };
  const isPassing =
    error instanceof BusyError || error instanceof UnavailableError || error instanceof TimeLimitExceededError;
  if (error instanceof ResultCodeError && !isPassing) {
    const said = `${error.name.replace(/Error$/, '')} (${error.code})`;
    return new BridgeError('ldap-refused', `${url} refuses ${doing}: ${said}.`, options);
  }
  const code = systemErrorCode(error);
  if (code !== undefined && isCertificateFault(code)) {
    return new BridgeError('ldap-refused', `The certificate of ${url} is not accepted: ${errorText(error)}.`, {
      ...options,
      remedy: certificateRemedy(code),
    });
  }
  const text = errorText(error).replace(/[.]$/, '');
  return new BridgeError('ldap-unavailable', `${url} does not answer: ${text}.`, options);
}

function isCertificateFault(code: string): boolean {
  return /CERT|^ERR_TLS|^(?:UNABLE_TO|SELF_SIGNED|DEPTH_ZERO|HOSTNAME)/.test(code);
}

function certificateRemedy(code: string): string {
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return 'Use a name in url that the certificate is valid for.';
  if (code === 'CERT_HAS_EXPIRED') return 'Renew the certificate of the LDAP server.';
  return 'Set caFile to the file with the certificate of its authority.';
}
