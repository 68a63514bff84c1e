import { randomUUID } from 'node:crypto';
import type { MailboxDirectory } from '../mailboxes/mailbox-directory.ts';
import type { ItemFacts } from '../mailboxes/stored-message.ts';
import { type JournalEntry, NumberedList, type OutboxEntry } from './journal.ts';
import { headerFields, type StampedField, withoutField } from './message-headers.ts';
import { nonDeliveryReport } from './non-delivery-report.ts';
import { SentItemsFolder } from './sent-items.ts';

/** A message that one of the services accepted. */
export interface Submission {
  readonly via: 'graph' | 'smtp';
  /** The mailbox it is sent as. */
  readonly mailbox: string;
  /** Where failure reports go; empty for nowhere. */
  readonly reversePath: string;
  readonly recipients: readonly string[];
  /** Recipients whose failure must not be reported (RFC 3461 NOTIFY). */
  readonly unreported?: readonly string[];
  readonly content: Buffer;
  readonly saveToSentItems: boolean;
  /** For the copy in Sent Items. */
  readonly facts?: ItemFacts;
}

export interface TransportSettings {
  readonly directory: MailboxDirectory;
  /** Domain of reports and of generated Message-IDs. */
  readonly domain: string;
  /** False keeps only the journal: for tests with more mail than memory. */
  readonly keepContent: boolean;
}

const maxEntries = 200_000;

/** Exchange's transport: delivers accepted mail to mailboxes, out of the tenant, or back to its sender. */
export class Transport {
  readonly journal = new NumberedList<JournalEntry>(maxEntries);
  readonly outbox = new NumberedList<OutboxEntry & { readonly content: Buffer }>(maxEntries);
  readonly sentItems: SentItemsFolder;
  readonly #settings: TransportSettings;
  readonly #domains: ReadonlySet<string>;

  constructor(settings: TransportSettings) {
    this.#settings = settings;
    this.sentItems = new SentItemsFolder(settings.directory);
    this.#domains = new Set(
      [settings.domain, ...settings.directory.addresses().map(domainOf)].map((d) => d.toLowerCase()),
    );
  }

  /** Delivers a submission immediately. @returns its Message-ID */
  submit(submission: Submission): string {
    const { directory, keepContent } = this.#settings;
    const { mailbox, via } = submission;
    // Exchange delivers once to a recipient named twice.
    const recipients = unique(submission.recipients);
    const { content, fields, messageId } = this.#completed(submission);
    const at = new Date().toISOString();
    this.journal.add({ via, mailbox, messageId, recipients, size: submission.content.length, at });
    const outgoing = withoutField(content, fields, 'bcc');
    const known = recipients.filter((address) => directory.has(address));
    const foreign = this.external(recipients);
    const unknown = recipients.filter((address) => !known.includes(address) && !foreign.includes(address));
    if (foreign.length > 0) {
      const { reversePath } = submission;
      const kept = keepContent ? outgoing : Buffer.alloc(0);
      this.outbox.add({ via, reversePath, recipients: foreign, messageId, size: outgoing.length, at, content: kept });
    }
    if (keepContent) {
      for (const address of known) directory.deliver(address, 'INBOX', outgoing);
      // The sender's copy keeps the Bcc recipients.
      if (submission.saveToSentItems) this.sentItems.keep(mailbox, content, submission.facts ?? {});
    }
    this.#report(submission, unknown, content);
    return messageId;
  }

  /** The addresses that are outside the tenant. */
  external(addresses: readonly string[]): readonly string[] {
    return addresses.filter((address) => !this.#domains.has(domainOf(address).toLowerCase()));
  }

  #report(submission: Submission, unknown: readonly string[], content: Buffer): void {
    const { directory, domain } = this.#settings;
    const { reversePath, unreported = [] } = submission;
    const reported = unknown.filter((address) => !unreported.includes(address));
    if (reported.length === 0 || !directory.has(reversePath)) return;
    directory.deliver(reversePath, 'INBOX', nonDeliveryReport(domain, reversePath, reported, content));
  }

  /** Adds the fields that Exchange adds if a client omitted them; everything else stays unchanged. */
  #completed(submission: Submission): { content: Buffer; fields: readonly StampedField[]; messageId: string } {
    const { content, mailbox } = submission;
    const fields = headerFields(content);
    const given = (name: string) => fields.find((field) => field.name === name)?.value;
    const messageId = given('message-id') || `<${randomUUID()}@${this.#settings.domain}>`;
    const missing = [
      ...(given('from') === undefined ? [`From: <${mailbox}>`] : []),
      ...(given('date') === undefined ? [`Date: ${new Date().toUTCString().replace('GMT', '+0000')}`] : []),
      ...(given('message-id') ? [] : [`Message-ID: ${messageId}`]),
    ];
    if (missing.length === 0) return { content, fields, messageId };
    // Text without a header gets the empty line that makes it a body.
    const separator = fields.length === 0 && !content.subarray(0, 2).equals(Buffer.from('\r\n')) ? '\r\n' : '';
    const completed = Buffer.concat([Buffer.from(missing.map((line) => `${line}\r\n`).join('') + separator), content]);
    return { content: completed, fields: headerFields(completed), messageId };
  }
}

function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1);
}

/** Each address once, compared case-insensitively, in its first spelling. */
function unique(addresses: readonly string[]): readonly string[] {
  const seen = new Set<string>();
  return addresses.filter((address) => {
    const key = address.toLowerCase();
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
