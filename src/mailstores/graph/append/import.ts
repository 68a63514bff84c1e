import { GraphError, GraphUnansweredError } from '../../../graph/client/error.ts';
import { MailStoreError } from '../../../mailbox/mail-store.ts';
import type { MailboxRequests, RequestOptions } from '../remote/requests.ts';

/** A draft to import as a received message. */
export interface ImportedDraft {
  readonly draftId: string;
  /** The folder the message goes to. */
  readonly folderId: string;
  readonly isRead: boolean;
  /** Milliseconds since 1970. */
  readonly receivedMs: number;
}

/** The type and the ID of a property in a stream ([MS-OXCFXICS] section 2.2.4.1), lowest byte first. */
const messageFlags = Buffer.from([0x03, 0x00, 0x07, 0x0e]);
const deliveryTime = Buffer.from([0x40, 0x00, 0x06, 0x0e]);
/** Bits of PidTagMessageFlags. */
const [read, unsent] = [1, 8];
/** Milliseconds from 1601 (the Windows epoch) to 1970 (the Unix epoch). */
const from1601To1970Ms = 11_644_473_600_000n;

/**
 * Turns drafts into received messages with the same MIME: exports a draft, clears its "unsent" bit, and imports the
 * result (Microsoft: "mailbox: exportItems", "mailbox: createImportSession"). Microsoft calls the stream opaque, so the
 * bridge does this only if its configuration says so.
 */
export class MailboxImport {
  readonly #requests: MailboxRequests;
  #path: string | undefined;
  /** A secret, valid for many messages. */
  #url: string | undefined;

  constructor(requests: MailboxRequests) {
    this.#requests = requests;
  }

  /**
   * @returns the ID of the message
   * @throws MailStoreError if the stream is not as expected; GraphError and related errors
   */
  async asReceived(draft: ImportedDraft, options: RequestOptions): Promise<string> {
    const path = `${await this.#mailboxPath(options)}/exportItems`;
    const exported = await this.#requests.send('POST', path, { itemIds: [draft.draftId] }, { ...options, once: false });
    const { data } = (exported as { value?: readonly { readonly data?: string }[] }).value?.[0] ?? {};
    if (data === undefined) throw notImported('Microsoft Graph exports nothing');
    const stream = asReceived(Buffer.from(data, 'base64'), draft);
    const body = { FolderId: draft.folderId, Mode: 'create', Data: stream.toString('base64') };
    const { itemId } = ((await this.#import(body, options)) ?? {}) as { itemId?: string };
    if (itemId === undefined)
      throw new GraphUnansweredError(true, new Error('Graph does not say what it has imported.'));
    return itemId;
  }

  /** Reopens an expired import session once. */
  async #import(body: Record<string, unknown>, options: RequestOptions): Promise<unknown> {
    const known = this.#url;
    try {
      return await this.#requests.post(known ?? (await this.#open(options)), body, options);
    } catch (error) {
      this.#url = undefined;
      if (known === undefined || !(error instanceof GraphError) || !expired.has(error.status)) throw error;
      return await this.#requests.post(await this.#open(options), body, options);
    }
  }

  async #open(options: RequestOptions): Promise<string> {
    const path = `${await this.#mailboxPath(options)}/createImportSession`;
    const session = await this.#requests.send('POST', path, {}, { ...options, once: false });
    const { importUrl } = session as { importUrl?: string };
    if (importUrl === undefined) throw notImported('Microsoft Graph opens no import');
    this.#url = importUrl;
    return importUrl;
  }

  async #mailboxPath(options: RequestOptions): Promise<string> {
    if (this.#path !== undefined) return this.#path;
    const { primaryMailboxId } = (await this.#requests.get('/settings/exchange', options)) as {
      primaryMailboxId?: string;
    };
    if (primaryMailboxId === undefined) throw notImported('Microsoft Graph does not name the mailbox');
    this.#path = `/v1.0/admin/exchange/mailboxes/${encodeURIComponent(primaryMailboxId)}`;
    return this.#path;
  }
}

const expired = new Set([400, 401, 403, 404, 410]);

/** Changes the stream into that of the same message as received. @throws MailStoreError */
function asReceived(stream: Buffer, { isRead, receivedMs }: ImportedDraft): Buffer {
  const flagsAt = stream.indexOf(messageFlags) + messageFlags.length;
  if (flagsAt < messageFlags.length || flagsAt + 4 > stream.length) throw notImported('The exported item has no flags');
  const flags = stream.readInt32LE(flagsAt);
  if ((flags & unsent) === 0) throw notImported('The exported item is no draft');
  stream.writeInt32LE((flags & ~(unsent | read)) | (isRead ? read : 0), flagsAt);
  const timeAt = stream.indexOf(deliveryTime) + deliveryTime.length;
  if (timeAt >= deliveryTime.length && timeAt + 8 <= stream.length) {
    stream.writeBigInt64LE((BigInt(receivedMs) + from1601To1970Ms) * 10_000n, timeAt);
  }
  return stream;
}

function notImported(why: string): MailStoreError {
  return new MailStoreError('unavailable', `${why}: the message was not stored. Try "mailboxImport": false.`);
}
