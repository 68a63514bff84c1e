import { decodeText, maxIdentityBytes, maxTokenBytes } from './octets.ts';
import { SaslSyntaxError } from './sasl-error.ts';

/** The message of SASL OAUTHBEARER (RFC 7628 section 3.1). */
export interface OauthbearerMessage {
  /** The mailbox to open; empty if only the token names it. */
  readonly username: string;
  readonly accessToken: string;
  /** The host the client believes it is connected to. */
  readonly host?: string;
  readonly port?: number;
}

const separator = '\x01';

/** @throws SaslSyntaxError if a part contains the separator */
export function encodeOauthbearer({ username, accessToken, host, port }: OauthbearerMessage): Buffer {
  const pairs = [host && `host=${host}`, port && `port=${port}`, `auth=Bearer ${accessToken}`].filter(Boolean);
  if ([username, ...pairs].some((part) => String(part).includes(separator))) {
    throw new SaslSyntaxError('OAUTHBEARER cannot carry a Control-A.');
  }
  const identity = username === '' ? '' : `a=${username.replaceAll('=', '=3D').replaceAll(',', '=2C')}`;
  return Buffer.from(`n,${identity},${separator}${pairs.join(separator)}${separator}${separator}`);
}

/** @throws SaslSyntaxError */
export function decodeOauthbearer(octets: Buffer): OauthbearerMessage {
  const text = decodeText(octets, 'OAUTHBEARER message', 2 * maxIdentityBytes + maxTokenBytes);
  const [header, ...rest] = text.split(separator);
  const identity = /^[ny],(?:a=([^,]*))?,$/.exec(header ?? '');
  if (identity === null || rest.splice(-2).join('|') !== '|')
    throw new SaslSyntaxError('Invalid OAUTHBEARER auth data');
  const pairs = new Map(
    rest.map((pair) => {
      const equals = pair.indexOf('=');
      return [pair.slice(0, equals).toLowerCase(), pair.slice(equals + 1)] as const;
    }),
  );
  const accessToken = /^bearer +([!-~]+)$/i.exec(pairs.get('auth') ?? '')?.[1];
  if (accessToken === undefined) throw new SaslSyntaxError('OAUTHBEARER without a bearer token');
  const host = pairs.get('host');
  const port = Number(pairs.get('port'));
  return {
    username: decodeIdentity(identity[1] ?? ''),
    accessToken,
    ...(host !== undefined && host !== '' && { host }),
    ...(Number.isInteger(port) && port > 0 && port < 65536 && { port }),
  };
}

/** Decodes a saslname (RFC 5801 section 4): `,` and `=` are written as hexadecimal. */
function decodeIdentity(text: string): string {
  if (/=(?!2C|3D)/i.test(text)) throw new SaslSyntaxError('The identity has a stray equals sign.');
  return text.replace(/=2C/gi, ',').replace(/=3D/gi, '=');
}
