import type { ImapFlow, MailboxObject } from 'imapflow';
import { BridgeError, systemErrorCode } from '../../base/errors.ts';
import { assertProtected, type ExchangeEndpoint } from '../../exchange/endpoint.ts';
import { assertUsable, fetchHeaders, fetchMessage, loginByImap } from '../../exchange/reading/imap-client.ts';
import { HeaderBlock } from '../../message/header/fields.ts';
import type { GetToken } from '../get-token.ts';
import { markerField } from './marker.ts';
import { type CopyQuery, isUnwanted, type Removal, type SentItems, type UnwantedCopy } from './sent-items.ts';

/** How mailboxes are searched over IMAP. */
export interface ImapSentItemsOptions {
  readonly endpoint: ExchangeEndpoint;
  /** PEM certificates trusted in addition to those of the system. */
  readonly extraCa?: string;
  readonly getToken: GetToken;
}

const connectTimeoutMs = 20_000;
const silenceTimeoutMs = 60_000;

/** Sent Items over IMAP, if the connection may read mailboxes that way. */
export class ImapSentItems implements SentItems {
  readonly #options: ImapSentItemsOptions;

  constructor(options: ImapSentItemsOptions) {
    this.#options = options;
  }

  find({ mailbox, messageId }: CopyQuery, signal: AbortSignal): Promise<readonly string[] | undefined> {
    return this.#during(mailbox, signal, (client) => markersIn(client, mailbox, messageId));
  }

  async remove(removal: Removal, signal: AbortSignal): Promise<boolean> {
    const { mailbox } = removal;
    return (await this.#during(mailbox, signal, (client) => removeFrom(client, removal))) ?? false;
  }

  /** @returns the result of `act`; undefined if the bridge has no access to the mailbox */
  async #during<Result>(
    mailbox: string,
    signal: AbortSignal,
    act: (client: ImapFlow) => Promise<Result | undefined>,
  ): Promise<Result | undefined> {
    const client = await this.#login(mailbox, signal);
    if (client === undefined) return undefined;
    const abort = () => client.close();
    signal.addEventListener('abort', abort);
    try {
      return await act(client);
    } catch (error) {
      // A login without permission on the mailbox ("authenticated but not connected") only shows here.
      if (isNotConnected(error)) return undefined;
      throw error;
    } finally {
      signal.removeEventListener('abort', abort);
      await client.logout().catch(() => client.close());
    }
  }

  async #login(mailbox: string, signal: AbortSignal): Promise<ImapFlow | undefined> {
    const { endpoint, extraCa, getToken } = this.#options;
    assertProtected(endpoint);
    signal.throwIfAborted();
    let accessToken: string;
    try {
      accessToken = await getToken({ mailbox });
    } catch (error) {
      if (error instanceof BridgeError && error.kind !== 'temporary') return undefined;
      throw error;
    }
    try {
      const login = { endpoint, extraCa, mailbox, accessToken, connectTimeoutMs, silenceTimeoutMs, signal };
      return await loginByImap(login);
    } catch (error) {
      // A closed port is as good as a missing permission. Any other trouble passes.
      if (isRefusedLogin(error) || systemErrorCode(error) === 'ECONNREFUSED') return undefined;
      throw error;
    }
  }
}

/** @throws Error if the server does not say what is there: then a copy may be */
async function markersIn(client: ImapFlow, mailbox: string, messageId: string): Promise<readonly string[] | undefined> {
  if (!(await openSent(client, { readOnly: true }))) return undefined;
  const markers: string[] = [];
  for (const uid of await search(client, mailbox, [messageId])) {
    const headers = (await fetchMessage(client, uid, 'headers', { headers: [markerField] }))?.headers;
    // NIL, or nothing: the copy has been removed meanwhile.
    if (Buffer.isBuffer(headers)) markers.push(...HeaderBlock.parse(headers).getAll(markerField));
  }
  return markers;
}

/** Copies looked for in one go: what one command names is bounded, and so is what a lost connection leaves undone. */
const atATime = 20;

/** Messages whose headers are fetched in one go. */
const fetchedAtATime = 200;

/**
 * Uses one session for all. Only the copies themselves are expunged: what others have marked stays.
 * @returns undefined if that cannot be done
 */
async function removeFrom(client: ImapFlow, { mailbox, copies, onDone }: Removal): Promise<boolean | undefined> {
  if (!(await openSent(client, { readOnly: false }))) return undefined;
  const { readOnly } = client.mailbox as MailboxObject;
  if (readOnly === true || !client.capabilities.has('UIDPLUS')) return undefined;
  for (let from = 0; from < copies.length; from += atATime) {
    const some = copies.slice(from, from + atATime);
    const found = await ownCopies(client, mailbox, some);
    const going: UnwantedCopy[] = [];
    for (const copy of some) if (await copy.mayGo()) going.push(copy);
    const uids = going.flatMap((copy) => found.get(copy) ?? []);
    await expunge(client, mailbox, uids);
    for (const copy of going) onDone(copy, found.get(copy)?.length ?? 0);
  }
  return true;
}

/** The UIDs of each copy. */
async function ownCopies(
  client: ImapFlow,
  mailbox: string,
  copies: readonly UnwantedCopy[],
): Promise<ReadonlyMap<UnwantedCopy, readonly number[]>> {
  const own = new Map<UnwantedCopy, number[]>();
  const found = await search(client, mailbox, [...new Set(copies.map(({ messageId }) => messageId))]);
  for (let from = 0; from < found.length; from += fetchedAtATime) {
    const uids = found.slice(from, from + fetchedAtATime);
    for (const [uid, header] of await fetchHeaders(client, uids, [markerField, 'Message-ID'])) {
      const copy = copies.find((each) => isUnwanted(HeaderBlock.parse(header), each));
      if (copy) own.set(copy, [...(own.get(copy) ?? []), uid]);
    }
  }
  return own;
}

async function expunge(client: ImapFlow, mailbox: string, uids: readonly number[]): Promise<void> {
  if (uids.length === 0) return;
  const isDone = await client.messageDelete(uids.join(','), { uid: true });
  assertUsable(client);
  if (!isDone) throw new BridgeError('mailbox-store-failed', `Removing sent mail of ${mailbox} failed.`);
}

async function openSent(client: ImapFlow, options: { readonly readOnly: boolean }): Promise<boolean> {
  const sent = (await client.list()).find(({ specialUse }) => specialUse === '\\Sent');
  if (sent === undefined) return false;
  await client.mailboxOpen(sent.path, options);
  return true;
}

/** Messages with one of these Message-IDs, possibly with others: a server matches a substring of the field. */
async function search(client: ImapFlow, mailbox: string, messageIds: readonly string[]): Promise<readonly number[]> {
  const keys = messageIds.map((messageId) => ({ header: { 'Message-ID': messageId } }));
  const [key, ...others] = keys;
  const found = await client.search(others.length > 0 ? { or: keys } : (key ?? {}), { uid: true });
  assertUsable(client);
  if (found) return found;
  // A server may reject so many at once.
  if (others.length > 0) return (await Promise.all(messageIds.map((id) => search(client, mailbox, [id])))).flat();
  throw new BridgeError('mailbox-store-failed', `Searching the sent mail of ${mailbox} failed.`);
}

function isRefusedLogin(error: unknown): boolean {
  return (error as { authenticationFailed?: unknown } | null)?.authenticationFailed === true;
}

function isNotConnected(error: unknown): boolean {
  return /not connected/i.test(String((error as { responseText?: unknown } | null)?.responseText));
}
