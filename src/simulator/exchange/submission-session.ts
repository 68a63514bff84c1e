import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Envelope, EnvelopeRecipient } from '../../message/envelope.ts';
import type { SaslCredentials } from '../../sasl/server-exchange.ts';
import { type SmtpConnectionInfo, SmtpReply, type SmtpSession } from '../../smtp/session.ts';
import type { Fault, FaultStage } from '../faults.ts';
import { type MailboxAccess, smtpAuthAllowed, submissionAccess } from '../tenant/exchange-permissions.ts';
import { isAudienceOf } from '../tenant/resources.ts';
import { frontEndName } from './front-end.ts';
import { limitReply } from './limit-reply.ts';
import { assertMaySend, type Submitter } from './send-as.ts';
import type { ExchangeSmtpSettings } from './smtp-settings.ts';

/** A login that succeeded. */
interface Login extends Submitter {
  readonly access: Exclude<MailboxAccess, 'refused'>;
}

/**
 * One client submission session as Exchange Online handles it. What it refuses, and when, follows Learn, "Fix issues
 * with printers, scanners, and LOB applications", and the replies that clients report.
 */
export class ExchangeSubmissionSession implements SmtpSession {
  readonly #connection: SmtpConnectionInfo;
  readonly #settings: ExchangeSmtpSettings;
  readonly #sessions: Map<string, Set<ExchangeSubmissionSession>>;
  /** The mailbox logged in to, by whom, and whether it can be opened. */
  #login: Login | undefined;
  /** Recipients of the transaction. */
  readonly #perDomain = new Map<string, number>();

  /** @param sessions the authenticated sessions of each mailbox, in order of arrival */
  constructor(
    connection: SmtpConnectionInfo,
    settings: ExchangeSmtpSettings,
    sessions: Map<string, Set<ExchangeSubmissionSession>>,
  ) {
    this.#connection = connection;
    this.#settings = settings;
    this.#sessions = sessions;
    const fault = settings.faults.take('smtp', undefined, 'connect', 'data');
    if (!fault) return;
    if (fault.kind === 'status' || fault.kind === 'reply') throw stagedReply(fault);
    if (fault.kind !== 'delay') connection.abort();
  }

  offersAuth(): boolean {
    return this.#connection.secure;
  }

  isIdentified(): boolean {
    return this.#login !== undefined;
  }

  async authenticate(credentials: SaslCredentials): Promise<void> {
    const { tenant, signer, directory } = this.#settings;
    const mailbox = credentials.username.toLowerCase();
    await this.#fault('auth', mailbox, async () => {
      if (credentials.mechanism !== 'XOAUTH2') throw refused('basic authentication is disabled.');
      const claims = await signer.verify(credentials.accessToken);
      const unsuccessful = new SmtpReply(535, '5.7.3', `Authentication unsuccessful [${frontEndName}]`);
      if (typeof claims === 'string' || !isAudienceOf('exchange', claims.aud)) throw unsuccessful;
      const access = directory.has(mailbox) ? submissionAccess(tenant, claims, mailbox) : 'refused';
      if (access === 'refused') throw unsuccessful;
      const allowed = smtpAuthAllowed(tenant, mailbox);
      if (allowed !== 'yes') {
        const whose = allowed === 'tenant' ? 'Tenant' : 'Mailbox';
        throw refused(
          `SmtpClientAuthentication is disabled for the ${whose}. Visit https://aka.ms/smtp_auth_disabled for more information.`,
        );
      }
      const clientId = claims.scp === undefined ? claims.appid : undefined;
      this.#enter({ mailbox, clientId, access });
    });
  }

  /** Exchange does not accept addresses without a domain. */
  completeAddress(): undefined {
    return undefined;
  }

  async mailFrom(): Promise<void> {
    if (this.#login === undefined) {
      throw new SmtpReply(530, '5.7.57', 'SMTP; Client was not authenticated to send anonymous mail during MAIL FROM');
    }
    this.#perDomain.clear();
    await this.#fault('mail', this.#login.mailbox, async () => {});
  }

  async rcptTo({ address }: EnvelopeRecipient): Promise<void> {
    await this.#fault('rcpt', this.#login?.mailbox, async () => this.#assertWithinDomain(address));
  }

  async data(envelope: Envelope, content: Readable): Promise<string> {
    if (this.#login === undefined) throw new Error('DATA before MAIL FROM');
    const login = this.#login;
    const { mailbox } = login;
    const fault = this.#settings.faults.take('smtp', mailbox, 'data', 'data');
    if (fault?.kind === 'cut-reading') return this.#cutWithin(content, fault.afterBytes ?? 0);
    // All refusals come after the final dot, as in Exchange, even for the envelope's sender.
    const octets = await readAll(content);
    return this.#under(fault, async () => {
      this.#assertWithinConnections(mailbox);
      if (login.access === 'not-connected') throw logonFailure();
      assertMaySend(this.#settings.tenant, login, envelope.reversePath, octets);
      const addresses = envelope.recipients.map(({ address }) => address);
      this.#assertWithinLimits(mailbox, addresses);
      const unreported = envelope.recipients.filter(({ dsn }) => dsn?.notify && !dsn.notify.includes('FAILURE'));
      this.#settings.transport.submit({
        via: 'smtp',
        mailbox,
        reversePath: envelope.reversePath,
        recipients: addresses,
        unreported: unreported.map(({ address }) => address),
        content: octets,
        saveToSentItems: true,
      });
      return `OK <${randomUUID()}@SIMULATOR.prod.outlook.example> [Hostname=${frontEndName}]`;
    });
  }

  refused(): void {}

  closed(): void {
    this.#leave();
  }

  #enter(login: Login): void {
    this.#leave();
    this.#login = login;
    const sessions = this.#sessions.get(login.mailbox) ?? new Set();
    this.#sessions.set(login.mailbox, sessions.add(this));
  }

  #leave(): void {
    if (this.#login === undefined) return;
    const { mailbox } = this.#login;
    const sessions = this.#sessions.get(mailbox);
    sessions?.delete(this);
    if (sessions?.size === 0) this.#sessions.delete(mailbox);
    this.#login = undefined;
  }

  /** The earliest connections may send; those beyond the limit are refused after DATA. */
  #assertWithinConnections(mailbox: string): void {
    const position = [...(this.#sessions.get(mailbox) ?? [])].indexOf(this);
    if (position < this.#settings.connectionsPerMailbox) return;
    this.#settings.limits.violated('smtpConnections', mailbox);
    const text = `Concurrent connections limit exceeded. Visit https://aka.ms/concurrent_sending for more information. [Hostname=${frontEndName}]`;
    throw new SmtpReply(432, '4.3.2', text);
  }

  #assertWithinDomain(address: string): void {
    const { limits } = this.#settings;
    const most = limits.settings.sameDomainRecipients;
    const domain = address.slice(address.lastIndexOf('@') + 1).toLowerCase();
    const count = (this.#perDomain.get(domain) ?? 0) + 1;
    if (most !== null && count > most) {
      limits.violated('sameDomainRecipients', this.#login?.mailbox ?? '');
      throw new SmtpReply(452, '4.5.3', 'Too many recipients');
    }
    this.#perDomain.set(domain, count);
  }

  #assertWithinLimits(mailbox: string, recipients: readonly string[]): void {
    const { limits, transport } = this.#settings;
    const exceeded = limits.admit(mailbox, recipients.length, transport.external(recipients).length);
    if (exceeded) throw limitReply(exceeded.limit, limits.settings.recipientQuotaCode);
  }

  /** Runs one step under the fault staged for it, if any. */
  async #fault<T>(at: FaultStage, mailbox: string | undefined, step: () => Promise<T>): Promise<T> {
    return this.#under(this.#settings.faults.take('smtp', mailbox, at, 'data'), step);
  }

  async #under<T>(fault: Fault | undefined, step: () => Promise<T>): Promise<T> {
    if (!fault) return step();
    if (fault.delayMs) await sleep(fault.delayMs);
    if (fault.kind === 'cut-before' || fault.kind === 'cut-reading') return this.#cut();
    if (fault.kind === 'status' || fault.kind === 'reply') throw stagedReply(fault);
    const result = await step();
    if (fault.kind === 'cut-after' || fault.kind === 'cut-answering') return this.#cut();
    return result;
  }

  /** Reads this many bytes of a message and destroys the connection. */
  async #cutWithin(content: Readable, bytes: number): Promise<never> {
    let left = bytes;
    if (left > 0) {
      for await (const chunk of content) {
        left -= (chunk as Buffer).length;
        if (left <= 0) break;
      }
    }
    return this.#cut();
  }

  /** Destroys the connection; nobody is left to answer. */
  async #cut(): Promise<never> {
    this.#connection.abort();
    throw new Error('cut by a staged fault');
  }
}

function refused(reason: string): SmtpReply {
  return new SmtpReply(535, '5.7.139', `Authentication unsuccessful, ${reason} [${frontEndName}]`);
}

/** What an app gets if its login is valid but its mailbox does not open. It looks temporary but is not. */
function logonFailure(): SmtpReply {
  const cause = 'STOREDRV.Storage.Exception:ConnectionFailedTransientException.MapiExceptionLogonFailed';
  const text = `STOREDRV; mailbox logon failure; ${cause}; Failed to process message due to a transient exception with message Cannot open mailbox. [Hostname=${frontEndName}]`;
  return new SmtpReply(430, '4.2.0', text);
}

/** Learn, "SMTPSEND.BareLineFeedsAreIllegal NDR received by Exchange Online or EOP users". */
function bareLineEnd(): SmtpReply {
  const text = 'SMTPSEND.BareLinefeedsAreIllegal; message contains bare linefeeds, which cannot be sent via DATA';
  return new SmtpReply(550, '5.6.11', text);
}

function stagedReply(fault: { readonly status?: number; readonly code?: string; readonly text?: string }): SmtpReply {
  const status = fault.status ?? 451;
  return new SmtpReply(status, fault.code ?? `${Math.floor(status / 100)}.0.0`, fault.text ?? 'A staged reply');
}

async function readAll(content: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of content) chunks.push(chunk as Buffer);
  } catch (error) {
    throw error instanceof SmtpReply && error.enhanced === '5.6.11' ? bareLineEnd() : error;
  }
  return Buffer.concat(chunks);
}
