import { get as getPlain } from 'node:http';
import { get as getByTls } from 'node:https';
import { text } from 'node:stream/consumers';
import type { AdminConfig } from '../../config/schema.ts';

/** URL of `/health` on an admin server. @param host where it is reached */
export function healthUrl({ port, security }: Pick<AdminConfig, 'port' | 'security'>, host: string): string {
  const authority = host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
  return `${security === 'tls' ? 'https' : 'http'}://${authority}/health`;
}

/** The JSON answer from there. Rejects with the system's error, or a SyntaxError. */
export async function askHealth(url: string, timeoutMs: number): Promise<unknown> {
  const get = url.startsWith('https:') ? getByTls : getPlain;
  // The machine asks itself and sends no secrets: the certificate may be for another name.
  const options = { rejectUnauthorized: false, agent: false, signal: AbortSignal.timeout(timeoutMs) };
  const body = await new Promise<string>((resolve, reject) => {
    get(url, options, (response) => void text(response).then(resolve, reject)).once('error', reject);
  });
  return JSON.parse(body);
}
