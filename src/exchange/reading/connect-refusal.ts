import { BridgeError, type ErrorCode } from '../../base/errors.ts';
import { safeLine } from '../../base/visible.ts';
import { decodeXoauth2Failure } from '../../sasl/xoauth2.ts';

/** A server's refusal of a connection or login. */
export interface LoginRefusal {
  /** Host and port, if known. */
  readonly peer?: string;
  readonly mailbox: string;
  /** The server's text, without tag and status. */
  readonly said: string;
  /** Its error challenge, in base64, if there was one. */
  readonly challenge?: string;
  /** True if a login with a token was refused; otherwise the connection was. */
  readonly atLogin: boolean;
}

const notConnected = /authenticated but not connected/i;
const exceeded = /too many|concurrent|connection limit|connection count|throttled|backoff/i;
const passing =
  /\[(UNAVAILABLE|SYS\/TEMP|LIMIT|INUSE|IN-USE|LOGIN-DELAY)|temporar|unavailable|try again|server busy|\bBYE\b/i;

/** Translates a refusal for the reader of the mailbox. */
export function refusalError(refusal: LoginRefusal): BridgeError {
  const said = safeLine(refusal.said).slice(0, 200);
  const challenge = challengeText(refusal.challenge);
  const code = codeOf(refusal);
  return new BridgeError(code, textOf(code, refusal.mailbox, said), {
    details: {
      ...(refusal.peer !== undefined && { peer: refusal.peer }),
      mailbox: refusal.mailbox,
      said,
      ...(challenge !== undefined && { challenge }),
    },
  });
}

function codeOf({ said, atLogin }: LoginRefusal): ErrorCode {
  if (notConnected.test(said)) return 'mailbox-not-connected';
  if (exceeded.test(said)) return 'mailbox-connections-exceeded';
  return !atLogin || passing.test(said) ? 'mailbox-login-unavailable' : 'mailbox-login-refused';
}

function textOf(code: ErrorCode, mailbox: string, said: string): string {
  if (code === 'mailbox-not-connected') return `Microsoft 365 accepted the token but did not open ${mailbox}: ${said}`;
  if (code === 'mailbox-connections-exceeded')
    return `Microsoft 365 refuses further connections to ${mailbox}: ${said}`;
  if (code === 'mailbox-login-unavailable') return `Microsoft 365 does not serve ${mailbox} now: ${said}`;
  return `Microsoft 365 does not let the bridge into ${mailbox}: ${said}`;
}

function challengeText(base64: string | undefined): string | undefined {
  if (base64 === undefined) return undefined;
  const failure = decodeXoauth2Failure(Buffer.from(base64, 'base64'));
  return failure && [failure.status, failure.schemes, failure.scope].filter(Boolean).join(' ').slice(0, 200);
}
