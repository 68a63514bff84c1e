import type { FetchMessageObject, FetchQueryObject, ImapFlow } from 'imapflow';
import { assertProtected, type ExchangeEndpoint, secureContextOf } from '../endpoint.ts';

/** A mailbox to log in to over IMAP, and how long anything may take. */
export interface ImapClientLogin {
  readonly endpoint: ExchangeEndpoint;
  /** PEM certificates trusted besides those of the system. */
  readonly extraCa?: string | undefined;
  /** User principal name. */
  readonly mailbox: string;
  readonly accessToken: string;
  readonly connectTimeoutMs: number;
  /** Silence of either side after which the connection is given up. */
  readonly silenceTimeoutMs: number;
  /** Ends the attempt: nobody wants the connection any more. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Logs in to a mailbox with XOAUTH2 (Microsoft: "Authenticate an IMAP, POP or SMTP connection using OAuth"), for
 * commands of our own.
 * @throws BridgeError `config-invalid` for an unprotected endpoint beyond this machine; what imapflow throws
 */
export async function loginByImap(login: ImapClientLogin): Promise<ImapFlow> {
  const { endpoint, extraCa, mailbox, accessToken, signal } = login;
  assertProtected(endpoint);
  signal?.throwIfAborted();
  // Loaded by those who need it: the library is large.
  const { ImapFlow } = await import('imapflow');
  const client = new ImapFlow({
    host: endpoint.host,
    port: endpoint.port,
    secure: endpoint.security === 'tls',
    doSTARTTLS: endpoint.security === 'starttls',
    tls: { secureContext: secureContextOf(extraCa) },
    auth: { user: mailbox, accessToken },
    connectionTimeout: login.connectTimeoutMs,
    socketTimeout: login.silenceTimeoutMs,
    disableAutoIdle: true,
    disableCompression: true,
    logger: false,
  });
  // The commands under way fail by themselves; without a listener the error would end the process.
  client.on('error', () => {});
  const abort = (): void => client.close();
  signal?.addEventListener('abort', abort);
  try {
    await client.connect();
    signal?.throwIfAborted();
    return client;
  } catch (error) {
    // Not every refusal closes the connection by itself.
    client.close();
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

/**
 * What a server says of one message. Meanwhile it may tell of flags that others have set, of this message or another
 * (RFC 3501 section 7): the answer is the one that has the item asked for.
 * @returns undefined if there is none; the item itself is false where the server says NIL
 * @throws what imapflow throws, also when the connection has ended, of which imapflow says that nothing was found
 */
export async function fetchMessage(
  client: ImapFlow,
  uid: number,
  item: 'source' | 'headers',
  query: FetchQueryObject,
): Promise<FetchMessageObject | undefined> {
  const answers = await client.fetchAll(`${uid}`, query, { uid: true }).catch(noneIfGone);
  assertUsable(client);
  return answers.find((answer) => answer[item] !== undefined && (answer.uid === undefined || answer.uid === uid));
}

/**
 * Header fields of several messages, by UID; without those that somebody has removed meanwhile.
 * @throws as {@link fetchMessage}
 */
export async function fetchHeaders(
  client: ImapFlow,
  uids: readonly number[],
  names: readonly string[],
): Promise<ReadonlyMap<number, Buffer>> {
  const query = { uid: true, headers: [...names] };
  const answers = await client.fetchAll(uids.join(','), query, { uid: true }).catch(noneIfGone);
  assertUsable(client);
  const wanted = new Set(uids);
  return new Map(
    answers.flatMap(({ uid, headers }) => (Buffer.isBuffer(headers) && wanted.has(uid) ? [[uid, headers]] : [])),
  );
}

/** A server may say NO of a message that another session has removed (RFC 2180 section 4.1.2, RFC 5530). */
function noneIfGone(error: unknown): [] {
  const { response } = error as { response?: { attributes?: { section?: { value?: unknown }[] }[] } };
  if (response?.attributes?.[0]?.section?.[0]?.value === 'EXPUNGEISSUED') return [];
  throw error;
}

/** @throws Error as imapflow does for a command on a connection that has ended */
export function assertUsable(client: ImapFlow): void {
  if (!client.usable) throw Object.assign(new Error('Connection not available'), { code: 'NoConnection' });
}
