import type { Socket } from 'node:net';
import { BridgeError } from '../../../base/errors.ts';
import { ConnectionEnded, LineReader, ReadTimeout } from '../../../base/sockets/line-reader.ts';
import type { ServerPeer } from './peer.ts';

const maxLineBytes = 4096;

/** The dialogue until the server agrees to TLS: each command, and the line that answers it. */
const dialogues: Readonly<Record<'smtp' | 'imap' | 'pop3', readonly { say?: string; until: RegExp; done: RegExp }[]>> =
  {
    // RFC 3207
    smtp: [
      { until: /^\d{3}(?: |$)/, done: /^220/ },
      { say: 'EHLO mailbridge.invalid', until: /^\d{3}(?: |$)/, done: /^250/ },
      { say: 'STARTTLS', until: /^\d{3}(?: |$)/, done: /^220/ },
    ],
    // RFC 9051 section 6.2.1
    imap: [
      { until: /^\* /, done: /^\* OK/i },
      { say: 'a STARTTLS', until: /^a /, done: /^a OK/i },
    ],
    // RFC 2595 section 4
    pop3: [
      { until: /./, done: /^\+OK/i },
      { say: 'STLS', until: /./, done: /^\+OK/i },
    ],
  };

/**
 * Brings a mail server to the point where the TLS handshake follows.
 * @throws BridgeError `upstream-tls-failed` if it does not offer it, `upstream-timeout`, `upstream-connection-lost`
 */
export async function askForTls(socket: Socket, peer: ServerPeer, timeoutMs: number): Promise<void> {
  const { service } = peer;
  if (service === 'authority' || service === 'graph') throw new Error('HTTPS has no STARTTLS');
  const reader = new LineReader(socket, timeoutMs);
  const name = `${peer.host}:${peer.port}`;
  try {
    for (const { say, until, done } of dialogues[service]) {
      if (say !== undefined) socket.write(`${say}\r\n`);
      let line = '';
      do line = (await reader.line(maxLineBytes)).toString();
      while (!until.test(line));
      if (!done.test(line)) {
        throw new BridgeError('upstream-tls-failed', `${name} refuses TLS (STARTTLS): ${line.slice(0, 200)}`);
      }
    }
  } catch (error) {
    if (error instanceof ReadTimeout) throw new BridgeError('upstream-timeout', `${name} did not answer in time.`);
    if (error instanceof ConnectionEnded) {
      throw new BridgeError('upstream-connection-lost', `${name} ended the connection before TLS.`);
    }
    throw error;
  } finally {
    reader.detach();
  }
}
