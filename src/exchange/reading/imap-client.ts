import type { FetchMessageObject, FetchQueryObject, ImapFlow } from 'imapflow';
import { assertProtected, type ExchangeEndpoint, secureContextOf } from '../endpoint.ts';

/** A mailbox to log in to over IMAP, and timeouts. */
export interface ImapClientLogin {
  readonly endpoint: ExchangeEndpoint;
  /** PEM certificates trusted in addition to the system's. */
  readonly extraCa?: string | undefined;
  /** User principal name. */
  readonly mailbox: string;
  readonly accessToken: string;
  readonly connectTimeoutMs: number;
  /** Silence of either side after which the connection is closed. */
  readonly silenceTimeoutMs: number;
  /** Aborts the attempt when nobody wants the connection any more. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Logs in to a mailbox with XOAUTH2 (Microsoft: "Authenticate an IMAP, POP or SMTP connection using OAuth"), to run the
 * bridge's own commands.
 * @throws BridgeError `config-invalid` for an unprotected endpoint on another machine; what imapflow throws
 */
export async function loginByImap(login: ImapClientLogin): Promise<ImapFlow> {
  const { endpoint, extraCa, mailbox, accessToken, signal } = login;
  assertProtected(endpoint);
  signal?.throwIfAborted();
  // Loaded only where needed: the library is large.
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
  // Commands in progress fail on their own; without a listener, the error would end the process.
  client.on('error', () => {});
  const abort = (): void => client.close();
  signal?.addEventListener('abort', abort);
  try {
    await client.connect();
    signal?.throwIfAborted();
    return client;
  } catch (error) {
    // Not every refusal closes the connection.
    client.close();
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

/**
 * Fetches an item of one message. The server may meanwhile report flags set by others, on this message or another (RFC
 * 3501 section 7): the answer is the response that has the requested item.
 * @returns undefined if there is none; the item itself is false if the server answers NIL
 * @throws what imapflow throws, also if the connection has ended, which imapflow reports as nothing found
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
 * Fetches header fields of several messages, by UID; without messages removed meanwhile.
 * @throws like {@link fetchMessage}
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

/** A server may answer NO for a message that another session has removed (RFC 2180 section 4.1.2, RFC 5530). */
function noneIfGone(error: unknown): [] {
  const { response } = error as { response?: { attributes?: { section?: { value?: unknown }[] }[] } };
  if (response?.attributes?.[0]?.section?.[0]?.value === 'EXPUNGEISSUED') return [];
  throw error;
}

/** @throws Error like imapflow for a command on a connection that has ended */
export function assertUsable(client: ImapFlow): void {
  if (!client.usable) throw Object.assign(new Error('Connection not available'), { code: 'NoConnection' });
}
