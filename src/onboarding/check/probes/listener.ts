import type { X509Certificate } from 'node:crypto';
import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { BridgeError, errorText } from '../../../base/errors.ts';
import { LineReader } from '../../../base/sockets/line-reader.ts';
import { type ProxyProtocol, sendLocalHeader } from '../../../listeners/proxy-protocol/balancers.ts';
import type { Finding } from '../hops/hop.ts';
import { askForTls } from './ask-for-tls.ts';
import { untilEvent } from './socket.ts';

/** A listener of the bridge, as seen by a client on this machine. */
export interface ListenerPeer {
  readonly service: 'smtp' | 'imap' | 'pop3';
  /** An address of this machine. */
  readonly host: string;
  readonly port: number;
  readonly security: 'none' | 'starttls' | 'tls';
  /** The names that clients use; a certificate should contain the first. */
  readonly names: readonly string[];
  /** Load balancers in front of it; this machine may be one. */
  readonly proxyProtocol?: ProxyProtocol;
}

const dayMs = 24 * 60 * 60 * 1000;
const warningDays = 30;
const maxLineBytes = 4096;
const greetings = { smtp: /^220/, imap: /^\* OK/i, pop3: /^\+OK/i } as const;

/**
 * Connects like a client, up to TLS, and examines the certificate.
 * @param nowMs milliseconds since 1970
 * @throws BridgeError `listener-unanswered`, `listener-certificate-expired`
 */
export async function tryListener(peer: ListenerPeer, timeoutMs: number, nowMs: number): Promise<Finding> {
  const name = `${peer.host}:${peer.port}`;
  try {
    const socket = await untilEvent(connectPlain({ host: peer.host, port: peer.port }), 'connect', name, timeoutMs);
    try {
      sendLocalHeader(socket, peer.proxyProtocol);
      if (peer.security === 'starttls') await askForTls(socket, peer, timeoutMs);
      const secured = peer.security === 'none' ? undefined : await handshake(socket, peer, timeoutMs);
      if (peer.security !== 'starttls') await greeting(secured ?? socket, peer, timeoutMs);
      if (!secured) return { detail: `answers at ${peer.host}, without TLS, as configured` };
      const seen = `answers at ${peer.host}, ${secured.getProtocol() ?? 'TLS'}`;
      const certificate = secured.getPeerX509Certificate();
      secured.destroy();
      return judged(peer, certificate, seen, nowMs);
    } finally {
      socket.destroy();
    }
  } catch (error) {
    if (error instanceof BridgeError && error.code === 'listener-certificate-expired') throw error;
    const why = error instanceof BridgeError ? error.message : errorText(error);
    throw new BridgeError('listener-unanswered', `The bridge runs, but its listener does not answer: ${why}`, {
      cause: error,
    });
  }
}

/** Its settings may only be for old devices. */
function handshake(socket: Socket, peer: ListenerPeer, timeoutMs: number): Promise<TLSSocket> {
  const secured = connectTls({
    socket,
    minVersion: 'TLSv1',
    ciphers: 'DEFAULT:@SECLEVEL=0',
    // The issuer is a matter between the clients and the administrator.
    rejectUnauthorized: false,
    ...(isIP(peer.names[0] ?? '') === 0 && { servername: peer.names[0] }),
  });
  return untilEvent(secured, 'secureConnect', `${peer.host}:${peer.port}`, timeoutMs);
}

async function greeting(socket: Socket, { service }: ListenerPeer, timeoutMs: number): Promise<void> {
  const reader = new LineReader(socket, timeoutMs);
  try {
    const line = (await reader.line(maxLineBytes)).toString();
    if (!greetings[service].test(line)) throw new Error(`it says "${line.slice(0, 200)}"`);
  } finally {
    reader.detach();
  }
}

function judged(peer: ListenerPeer, certificate: X509Certificate | undefined, seen: string, nowMs: number): Finding {
  if (!certificate) return { detail: seen };
  const endsAtMs = Date.parse(certificate.validTo);
  const day = new Date(endsAtMs).toISOString().slice(0, 10);
  if (endsAtMs <= nowMs) {
    throw new BridgeError('listener-certificate-expired', `The certificate of the listener expired on ${day}.`);
  }
  const detail = `${seen}, certificate until ${day}`;
  const bears = (name: string) => (isIP(name) ? certificate.checkIP(name) : certificate.checkHost(name)) !== undefined;
  if (!peer.names.some(bears)) {
    const borne = namesOf(certificate);
    return {
      detail,
      warning: `The certificate has none of the names of this machine (${peer.names.join(', ')}). Clients that check it must use ${borne}; set hostname to that name to end this warning.`,
    };
  }
  if (endsAtMs - nowMs >= warningDays * dayMs) return { detail };
  return { detail, warning: `The certificate of the listener expires on ${day}. Renew its file, then send SIGHUP.` };
}

function namesOf({ subjectAltName, subject }: X509Certificate): string {
  const names = [...(subjectAltName ?? '').matchAll(/(?:DNS|IP Address):([^\s,"]+)/g)].map(([, name]) => name);
  return (names.length > 0 ? names.slice(0, 3).join(' or ') : subject).replace(/[\p{Cc}\s]+/gu, ' ');
}
