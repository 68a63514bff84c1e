import { decodeText, maxIdentityBytes, maxTokenBytes } from './octets.ts';
import { SaslSyntaxError } from './sasl-error.ts';

/** The message of SASL XOAUTH2 (Microsoft: "Authenticate an IMAP, POP or SMTP connection using OAuth"). */
export interface Xoauth2Message {
  /** The mailbox to open. */
  readonly username: string;
  readonly accessToken: string;
}

/** Why a server refuses a token: the JSON of its error challenge. */
export interface Xoauth2Failure {
  /** An HTTP status, `400` or `401`. */
  readonly status: string;
  readonly schemes?: string;
  readonly scope?: string;
}

const separator = '\x01';

/** @throws SaslSyntaxError if a part contains the separator */
export function encodeXoauth2({ username, accessToken }: Xoauth2Message): Buffer {
  if ((username + accessToken).includes(separator)) throw new SaslSyntaxError('XOAUTH2 cannot carry a Control-A.');
  return Buffer.from(`user=${username}${separator}auth=Bearer ${accessToken}${separator}${separator}`);
}

/** @throws SaslSyntaxError */
export function decodeXoauth2(octets: Buffer): Xoauth2Message {
  const text = decodeText(octets, 'XOAUTH2 message', maxIdentityBytes + maxTokenBytes);
  const [user, auth, ...end] = text.split(separator);
  const username = /^user=(.+)$/is.exec(user ?? '')?.[1];
  const accessToken = /^auth=bearer +([!-~]+)$/i.exec(auth ?? '')?.[1];
  if (username === undefined || accessToken === undefined || end.length !== 2 || end.join('') !== '') {
    throw new SaslSyntaxError('Invalid XOAUTH2 auth data');
  }
  return { username, accessToken };
}

export function encodeXoauth2Failure(failure: Xoauth2Failure): Buffer {
  return Buffer.from(JSON.stringify(failure));
}

/** Decodes the reason in an error challenge of XOAUTH2 or OAUTHBEARER; undefined if it is not one. */
export function decodeXoauth2Failure(octets: Buffer): Xoauth2Failure | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(octets.toString());
  } catch {
    return undefined;
  }
  if (typeof parsed !== 'object' || parsed === null) return undefined;
  const { status, schemes, scope } = parsed as Record<string, unknown>;
  if (typeof status !== 'string' && typeof status !== 'number') return undefined;
  return {
    status: String(status),
    ...(typeof schemes === 'string' && { schemes }),
    ...(typeof scope === 'string' && { scope }),
  };
}
