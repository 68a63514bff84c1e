import { BridgeError } from '../base/errors.ts';
import { httpFailure } from '../base/http/failure.ts';
import type { ConnectionPart } from '../message/delivery.ts';
import { type CourierVerdict, inTrouble, ownVerdict, refusedLoginPauseMs } from './verdict.ts';

/** nodemailer's names for what Node.js names differently. */
const nodeCodes: Readonly<Record<string, string>> = { ECONNECTION: 'ECONNRESET', EDNS: 'ENOTFOUND', ETLS: 'EPROTO' };

/** Network failures, which may happen before a request is sent. */
const networkCodes: readonly string[] = [
  'upstream-name-unknown',
  'upstream-unreachable',
  'upstream-timeout',
  'upstream-connection-lost',
  'upstream-certificate-untrusted',
  'upstream-tls-failed',
  'upstream-answer-invalid',
  'proxy-refused',
];

/** The verdict on a request or a connection that failed before any of the message was accepted. */
export function networkFailure(error: BridgeError, part: ConnectionPart): CourierVerdict {
  const verdict = ofNetwork(error);
  // A failure that names no peer is not a network failure.
  if (!networkCodes.includes(error.code) || error.details.peer === undefined) return verdict;
  return inTrouble(verdict, part, error.details.mayHaveArrived === false);
}

function ofNetwork({ code, kind, message: text, remedy }: BridgeError): CourierVerdict {
  if (kind === 'temporary') return { outcome: 'temporary', code, text, remedy };
  // An untrusted server or a blocking proxy needs an administrator, and no message is to blame.
  return { outcome: 'needs-admin', code, text, remedy, pauseMailboxMs: refusedLoginPauseMs };
}

/**
 * The same for a connection other than HTTP.
 * @param systemCode of Node.js or nodemailer, if there is one
 * @param peer host and port, `host:port`
 */
export function connectionFailure(systemCode: string | undefined, text: string, peer: string): CourierVerdict {
  const code = nodeCodes[systemCode ?? ''] ?? systemCode;
  const failure = httpFailure(Object.assign(new Error(text), { code }), peer);
  return failure instanceof BridgeError ? ofNetwork(failure) : ownVerdict('upstream-unreachable', `${peer}: ${text}`);
}
