import { connect as connectPlain, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { BridgeError } from '../../../base/errors.ts';
import type { ProxySettings } from '../../../base/http/proxy.ts';
import { ConnectionEnded, LineReader, ReadTimeout } from '../../../base/sockets/line-reader.ts';
import { secureContextOf } from '../../../exchange/endpoint.ts';
import { type ProbeOptions, untilEvent } from './socket.ts';

const maxLineBytes = 8192;
const maxHeaderLines = 100;

/** The proxy for a request to an https:// origin, by the rules of the HTTP client; undefined for none. */
export function proxyFor(origin: string, settings: ProxySettings | undefined): string | undefined {
  if (settings === undefined || settings.httpsProxy === '') return undefined;
  const { hostname, port } = new URL(origin);
  const exempt = settings.noProxy
    .split(/[,\s]+/)
    .filter((entry) => entry !== '')
    .some((entry) => isExempt(entry.toLowerCase(), hostname, port || '443'));
  return exempt ? undefined : settings.httpsProxy;
}

/** Whether an entry of `NO_PROXY` matches: `*`, a name, `.suffix` or `*.suffix`, each optionally with a port. */
function isExempt(entry: string, hostname: string, port: string): boolean {
  if (entry === '*') return true;
  const [, name = entry, wantedPort] = /^(.+):(\d+)$/.exec(entry) ?? [];
  if (wantedPort !== undefined && wantedPort !== port) return false;
  return /^[.*]/.test(name) ? hostname.endsWith(name.replace(/^\*/, '')) : hostname === name;
}

/**
 * Opens a tunnel to a server through an HTTP proxy (RFC 9110 section 9.3.6, CONNECT).
 * @throws BridgeError `proxy-refused`, or what prevents a connection to the proxy itself
 */
export async function tunnelThrough(
  proxy: string,
  { host, port }: { readonly host: string; readonly port: number },
  { ca, timeoutMs }: ProbeOptions,
): Promise<Socket> {
  const url = new URL(proxy);
  const target = `${host.includes(':') ? `[${host}]` : host}:${port}`;
  const socket = await connectToProxy(url, ca, timeoutMs);
  const reader = new LineReader(socket, timeoutMs);
  try {
    socket.write(`CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n${authorization(url)}\r\n`);
    const status = /^HTTP\/1\.[01] (\d{3})/.exec(await nextLine(reader))?.[1];
    for (let lines = 0; (await nextLine(reader)) !== ''; lines++) {
      if (lines > maxHeaderLines) throw refused(url, target, 'it does not answer like a proxy');
    }
    if (status === '407') throw refused(url, target, 'it needs a user and password (407)');
    if (status?.[0] !== '2') throw refused(url, target, `it answered ${status ?? 'with something that is not HTTP'}`);
    return socket;
  } catch (error) {
    socket.destroy();
    if (error instanceof ReadTimeout) throw refused(url, target, 'it did not answer in time');
    if (error instanceof ConnectionEnded) throw refused(url, target, 'it ended the connection');
    throw error;
  } finally {
    reader.detach();
  }
}

async function connectToProxy(url: URL, ca: string | undefined, timeoutMs: number): Promise<Socket> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const secure = url.protocol === 'https:';
  const port = Number(url.port || (secure ? 443 : 80));
  const peer = `the proxy ${url.host}`;
  if (!secure) return untilEvent(connectPlain({ host, port }), 'connect', peer, timeoutMs);
  const socket = connectTls({ host, port, servername: host, secureContext: secureContextOf(ca) });
  return untilEvent(socket, 'secureConnect', peer, timeoutMs);
}

function authorization({ username, password }: URL): string {
  if (username === '' && password === '') return '';
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return `Proxy-Authorization: Basic ${Buffer.from(pair).toString('base64')}\r\n`;
}

async function nextLine(reader: LineReader): Promise<string> {
  return (await reader.line(maxLineBytes)).toString();
}

function refused(url: URL, target: string, why: string): BridgeError {
  return new BridgeError('proxy-refused', `The HTTP proxy ${url.host} refused to connect to ${target}: ${why}.`);
}
