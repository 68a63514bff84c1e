import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls, type PeerCertificate, type TLSSocket } from 'node:tls';
import { BridgeError } from '../../../base/errors.ts';
import { httpFailure } from '../../../base/http/failure.ts';
import { secureContextOf } from '../../../exchange/endpoint.ts';
import { askForTls } from './ask-for-tls.ts';
import type { ServerPeer } from './peer.ts';
import { tunnelThrough } from './proxy.ts';
import { type ProbeOptions, untilEvent } from './socket.ts';

/**
 * Resolves a server's name and connects to it, through the proxy if there is one.
 * @returns the address reached
 * @throws BridgeError `upstream-name-unknown`, `upstream-unreachable`, `upstream-timeout`, `proxy-refused` …
 */
export async function reachServer(peer: ServerPeer, options: ProbeOptions): Promise<string> {
  const socket = await openSocket(peer, options);
  const { remoteAddress } = socket;
  socket.destroy();
  return peer.proxy === undefined ? `${remoteAddress}` : `through the proxy ${new URL(peer.proxy).host}`;
}

/**
 * Does a TLS handshake as the bridge would, and examines the certificate. Nothing is sent over it.
 * @returns its issuer and until when it is valid
 * @throws BridgeError `upstream-certificate-untrusted`, which names the issuer; `upstream-tls-failed` …
 */
export async function secureServer(peer: ServerPeer, options: ProbeOptions): Promise<string> {
  const plain = await openSocket(peer, options);
  try {
    if (peer.security === 'starttls') await askForTls(plain, peer, options.timeoutMs);
    const secured = await handshake(plain, peer, options);
    const certificate = secured.getPeerCertificate();
    const flaw = secured.authorized ? undefined : String(secured.authorizationError ?? 'unknown');
    const version = secured.getProtocol();
    secured.destroy();
    if (flaw !== undefined) throw untrusted(peer, certificate, flaw);
    return `${version}, certificate by ${issuerOf(certificate)} until ${dayOf(certificate.valid_to)}`;
  } finally {
    plain.destroy();
  }
}

/** Opens a TCP connection to the server, or a tunnel to it. */
async function openSocket(peer: ServerPeer, options: ProbeOptions): Promise<Socket> {
  if (peer.proxy !== undefined) return tunnelThrough(peer.proxy, peer, options);
  const socket = connectPlain({ host: peer.host, port: peer.port });
  return untilEvent(socket, 'connect', `${peer.host}:${peer.port}`, options.timeoutMs);
}

function handshake(socket: Socket, peer: ServerPeer, { ca, timeoutMs }: ProbeOptions): Promise<TLSSocket> {
  const secured = connectTls({
    socket,
    secureContext: secureContextOf(ca),
    host: peer.host,
    ...(isIP(peer.host) === 0 && { servername: peer.host }),
    // The certificate is wanted even if it is invalid: its issuer shows who is in between.
    rejectUnauthorized: false,
  });
  return untilEvent(secured, 'secureConnect', `${peer.host}:${peer.port}`, timeoutMs);
}

function untrusted(peer: ServerPeer, certificate: PeerCertificate, flaw: string): BridgeError {
  const failure = httpFailure(Object.assign(new Error(flaw), { code: flaw }), `${peer.host}:${peer.port}`);
  const text = failure instanceof BridgeError ? failure.message : `The certificate is refused: ${flaw}.`;
  const issuer = issuerOf(certificate);
  return new BridgeError('upstream-certificate-untrusted', `${text} It was issued by ${issuer}.`, {
    remedy: `If "${issuer}" is a proxy or a virus scanner of yours that inspects TLS, exempt ${peer.host} from it, or set caFile of the connection's cloud to its CA certificate (PEM). If the certificate has expired or is not valid yet, check the clock of this machine.`,
    details: { peer: `${peer.host}:${peer.port}`, systemCode: flaw, issuer },
  });
}

function issuerOf({ issuer }: PeerCertificate): string {
  const name = issuer?.CN ?? issuer?.O;
  const text = Array.isArray(name) ? name.join(', ') : (name ?? 'an unnamed issuer');
  return text.replace(/[\p{Cc}\s]+/gu, ' ').slice(0, 100);
}

function dayOf(date: string): string {
  const ms = Date.parse(date);
  return Number.isNaN(ms) ? date : new Date(ms).toISOString().slice(0, 10);
}
