import type { ImapFlow } from 'imapflow';
import { BridgeError, systemErrorCode } from '../../base/errors.ts';
import { assertProtected, type ExchangeEndpoint } from '../../exchange/endpoint.ts';
import { assertUsable, fetchMessage, loginByImap } from '../../exchange/reading/imap-client.ts';
import { HeaderBlock } from '../../message/header/fields.ts';
import type { GetToken } from '../get-token.ts';
import { markerField } from './marker.ts';
import type { SentItems, SentQuery } from './sent-items.ts';

/** How mailboxes are looked into by IMAP. */
export interface ImapSentItemsOptions {
  readonly endpoint: ExchangeEndpoint;
  /** PEM certificates trusted besides those of the system. */
  readonly extraCa?: string;
  readonly getToken: GetToken;
}

const connectTimeoutMs = 20_000;
const silenceTimeoutMs = 60_000;

/** Sent Items by IMAP, where the connection may read mailboxes that way. */
export class ImapSentItems implements SentItems {
  readonly #options: ImapSentItemsOptions;

  constructor(options: ImapSentItemsOptions) {
    this.#options = options;
  }

  async find({ mailbox, messageId }: SentQuery, signal: AbortSignal): Promise<readonly string[] | undefined> {
    const client = await this.#login(mailbox, signal);
    if (client === undefined) return undefined;
    const abort = () => client.close();
    signal.addEventListener('abort', abort);
    try {
      return await markersIn(client, mailbox, messageId);
    } catch (error) {
      // A login without a permission at the mailbox ("authenticated but not connected") is noticed only here.
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
      // A port that is closed is as good as a permission that is missing. Any other trouble passes.
      if (isRefusedLogin(error) || systemErrorCode(error) === 'ECONNREFUSED') return undefined;
      throw error;
    }
  }
}

/** @throws Error where the server does not say what is there: then a copy may be */
async function markersIn(client: ImapFlow, mailbox: string, messageId: string): Promise<readonly string[] | undefined> {
  const sent = (await client.list()).find(({ specialUse }) => specialUse === '\\Sent');
  if (sent === undefined) return undefined;
  await client.mailboxOpen(sent.path, { readOnly: true });
  const found = await client.search({ header: { 'Message-ID': messageId } }, { uid: true });
  assertUsable(client);
  if (!found) throw new BridgeError('mailbox-store-failed', `Searching the sent mail of ${mailbox} failed.`);
  const markers: string[] = [];
  for (const uid of found) {
    const headers = (await fetchMessage(client, uid, 'headers', { headers: [markerField] }))?.headers;
    // NIL, or nothing: the copy has been removed meanwhile.
    if (Buffer.isBuffer(headers)) markers.push(...HeaderBlock.parse(headers).getAll(markerField));
  }
  return markers;
}

function isRefusedLogin(error: unknown): boolean {
  return (error as { authenticationFailed?: unknown } | null)?.authenticationFailed === true;
}

function isNotConnected(error: unknown): boolean {
  return /not connected/i.test(String((error as { responseText?: unknown } | null)?.responseText));
}
