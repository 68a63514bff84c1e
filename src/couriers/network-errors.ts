import { BridgeError } from '../base/errors.ts';
import { httpFailure } from '../base/http-failure.ts';
import { ownVerdict, refusedLoginPauseMs, type Verdict } from './verdict.ts';

/** nodemailer's names for what Node.js calls otherwise. */
const nodeCodes: Readonly<Record<string, string>> = { ECONNECTION: 'ECONNRESET', EDNS: 'ENOTFOUND', ETLS: 'EPROTO' };

/** The verdict on a request or a connection that failed before anything of the message was taken. */
export function networkFailure(error: BridgeError): Verdict {
  const { code, kind, message: text, remedy } = error;
  if (kind === 'temporary') return { outcome: 'temporary', code, text, remedy };
  // An untrusted server or a barring proxy waits for an administrator, and no mail is to blame for it.
  return { outcome: 'needs-admin', code, text, remedy, pauseMailboxMs: refusedLoginPauseMs };
}

/**
 * The same for a connection that is not HTTP.
 * @param systemCode of Node.js or nodemailer, where there is one
 * @param peer host and port, `host:port`
 */
export function connectionFailure(systemCode: string | undefined, text: string, peer: string): Verdict {
  const code = nodeCodes[systemCode ?? ''] ?? systemCode;
  const failure = httpFailure(Object.assign(new Error(text), { code }), peer);
  return failure instanceof BridgeError
    ? networkFailure(failure)
    : ownVerdict('upstream-unreachable', `${peer}: ${text}`);
}
