import { sourceNetwork } from '../accounts/networks.ts';
import type { Clock } from '../base/clock.ts';
import { BridgeError } from '../base/errors.ts';
import type { Log } from '../base/log.ts';
import { logRepeated } from '../base/repeated-lines.ts';
import { isLoopback } from '../base/sockets/loopback.ts';
import { completeAddress, domainOf } from '../message/address/address.ts';
import { TooManyAddressesError } from '../message/address/bounds.ts';
import type { DeliveryReport, OutgoingMessage } from '../message/delivery.ts';
import type { Envelope, EnvelopeRecipient } from '../message/envelope.ts';
import { HeaderTooLargeError } from '../message/header/fields.ts';
import type { ListedHeader } from '../message/header/listed.ts';
import { editHeader } from '../message/header/stream.ts';
import type { QueuedMessage } from '../queue/message.ts';
import type { Spool } from '../queue/store.ts';
import type { SaslCredentials, SaslMechanism } from '../sasl/server-exchange.ts';
import { type MailParameters, type SmtpConnectionInfo, SmtpReply, type SmtpSession } from '../smtp/session.ts';
import { acceptedHeader } from './accepted-header.ts';
import { maySend, type SendingAccount, type SubmissionAccount } from './account.ts';
import { clientGone, directRefusal, undelivered } from './direct-delivery.ts';
import type { DuplicateFilter } from './duplicate-filter.ts';
import { Fingerprint } from './fingerprint.ts';
import { rewrittenEnvelope, rewrittenRecipients, rewrittenSender } from './rewrite/envelope.ts';

/** Connects a submission session to the rest of the bridge. */
export interface SubmissionContext {
  readonly hostname: string;
  readonly allowInsecureAuth: boolean;
  readonly offersStartTls: boolean;
  readonly expireAfterMs: number;
  /** Whether the queue keeps subjects. */
  readonly keepsSubjects: boolean;
  readonly clock: Clock;
  readonly log: Log;
  /** @throws SmtpReply if the login is refused */
  login(credentials: SaslCredentials, remoteAddress: string): Promise<SubmissionAccount>;
  accountByNetwork(remoteAddress: string): SubmissionAccount | undefined;
  /** The largest message that is accepted, in octets, and the reason for that limit. */
  maxMessage(): { readonly bytes: number; readonly reason: string };
  /** @throws BridgeError `queue-full` if a message of this size cannot be accepted, `queue-unreachable` */
  assertRoom(octets: number): Promise<void>;
  spool(): Spool;
  readonly duplicates: DuplicateFilter;
  /** Makes one attempt while the client waits, for accounts with direct delivery. */
  deliverNow(account: SendingAccount, message: OutgoingMessage, clientIsGone: () => boolean): Promise<DeliveryReport>;
}

const maxLoginFailures = 3;

/** A completely received message. */
interface Received {
  /** When it began to arrive. */
  readonly receivedAtMs: number;
  /** The mailbox it is sent as. */
  readonly mailbox: string;
  readonly listed: ListedHeader;
}

/** A legacy client's SMTP session: identifies the client, checks what it may send, and puts that into the queue. */
export class SubmissionSession implements SmtpSession {
  readonly #connection: SmtpConnectionInfo;
  readonly #context: SubmissionContext;
  #account: SubmissionAccount | undefined;
  #loginFailures = 0;
  #closed = false;

  constructor(connection: SmtpConnectionInfo, context: SubmissionContext) {
    this.#connection = connection;
    this.#context = context;
    this.#account = context.accountByNetwork(connection.remoteAddress);
  }

  offersAuth(mechanism: SaslMechanism): boolean {
    const { secure, remoteAddress } = this.#connection;
    // Its answers reveal no password; the listener decides whether it is offered at all.
    return mechanism === 'CRAM-MD5' || secure || isLoopback(remoteAddress) || this.#context.allowInsecureAuth;
  }

  isIdentified(): boolean {
    return this.#account !== undefined;
  }

  secured(): void {
    this.#account = this.#context.accountByNetwork(this.#connection.remoteAddress);
  }

  async authenticate(credentials: SaslCredentials): Promise<void> {
    try {
      this.#account = await this.#context.login(credentials, this.#connection.remoteAddress);
    } catch (error) {
      if (error instanceof SmtpReply && error.status === 535 && ++this.#loginFailures >= maxLoginFailures) {
        throw new SmtpReply(421, error.enhanced, `${error.message}; too many failures on this connection`);
      }
      throw error;
    }
  }

  completeAddress(localPart: string): string {
    // Without an account MAIL is refused anyway, with a better reason than a missing domain.
    return completeAddress(localPart, this.#account ? domainOf(this.#account.mailbox) : 'invalid');
  }

  endOfData(): 'crlf' | 'lf' {
    const here = this.#context.accountByNetwork(this.#connection.remoteAddress);
    return here !== undefined && here.username === this.#account?.username ? (here.endOfData ?? 'crlf') : 'crlf';
  }

  async mailFrom(reversePath: string, parameters: MailParameters): Promise<void> {
    const account = this.#sender();
    this.#assertMaySendAs(account, reversePath);
    const limit = this.#context.maxMessage();
    if (parameters.size !== undefined && parameters.size > limit.bytes) throw tooLarge(limit);
    await this.#assertRoom(account, parameters.size ?? 0);
  }

  /** Directly delivered messages are not stored. */
  async #assertRoom({ delivery }: SubmissionAccount, octets: number): Promise<void> {
    try {
      if (delivery === 'queued') await this.#context.assertRoom(octets);
    } catch (error) {
      throw this.#refusal(error);
    }
  }

  async rcptTo(recipient: EnvelopeRecipient): Promise<void> {
    rewrittenRecipients(this.#sender(), [recipient]);
  }

  async data(given: Envelope, content: AsyncIterable<Buffer>): Promise<string> {
    const account = this.#sender();
    // Checked again: the account that may send now need not be the one that said MAIL FROM.
    this.#assertMaySendAs(account, given.reversePath);
    const said = envelopeOf(account, given);
    const envelope = rewrittenEnvelope(account, said);
    const spool = this.#context.spool();
    try {
      const fingerprint = account.dropDuplicatesMs === undefined ? undefined : new Fingerprint();
      const received = await this.#receive(account, said, content, spool, fingerprint);
      if (envelope !== said) this.#context.log.info(this.#facts(account, said, spool), 'rewritten; the client said');
      const accept = () => this.#accept({ ...account, mailbox: received.mailbox }, envelope, spool, received);
      return await this.#unlessDuplicate(account, spool, fingerprint?.value(account.username, said), accept);
    } catch (error) {
      throw this.#refusal(error);
    } finally {
      await spool.discard();
    }
  }

  #accept(account: SendingAccount, envelope: Envelope, spool: Spool, received: Received): Promise<string> {
    if (account.delivery === 'direct') return this.#deliverDirectly(account, envelope, spool, received);
    return this.#enqueue(account, envelope, spool, received).then(({ id }) => `Queued as ${id}`);
  }

  /** Accepts a message only once, if the account wants that. @returns the reply */
  async #unlessDuplicate(
    account: SendingAccount,
    { id }: Spool,
    fingerprint: string | undefined,
    accept: () => Promise<string>,
  ): Promise<string> {
    if (fingerprint === undefined || account.dropDuplicatesMs === undefined) return accept();
    const claim = await this.#context.duplicates.claim(fingerprint, id, account.dropDuplicatesMs);
    if (claim.duplicateOf !== undefined) {
      const { username } = account;
      const facts = { id: claim.duplicateOf, account: username, client: this.#connection.remoteAddress };
      this.#context.log.info(facts, 'dropped: duplicate message');
      return `Dropped: a duplicate of ${claim.duplicateOf}`;
    }
    try {
      const reply = await accept();
      claim.keep();
      return reply;
    } catch (error) {
      claim.release();
      throw error;
    }
  }

  refused(status: number, text: string): void {
    const client = this.#connection.remoteAddress;
    const { log } = this.#context;
    if (this.#account === undefined) {
      logRepeated(log, 'info', `smtp ${sourceNetwork(client)} refused ${status}`, { client, status, text }, 'refused');
    } else log.info({ client, account: this.#account.username, status, text }, 'refused');
  }

  closed(): void {
    this.#closed = true;
  }

  /** Reads the entire message into the spool. */
  async #receive(
    account: SendingAccount,
    envelope: Envelope,
    content: AsyncIterable<Buffer>,
    spool: Spool,
    fingerprint: Fingerprint | undefined,
  ): Promise<Received> {
    const { clock, hostname } = this.#context;
    const limit = this.#context.maxMessage();
    const receivedAtMs = clock.now();
    let { mailbox } = account;
    let listed: ListedHeader = {};
    const withHeader = editHeader(fingerprint?.watch(content) ?? content, (header) => {
      fingerprint?.header(header);
      const accepted = acceptedHeader(header, {
        account,
        envelope,
        client: this.#connection,
        hostname,
        id: spool.id,
        receivedAtMs,
        refuse: (address) => this.#mayNotSendAs(account, address),
      });
      mailbox = accepted.mailbox;
      listed = this.#kept(accepted.listed);
      return accepted.octets;
    });
    for await (const chunk of withHeader) {
      if (spool.size + chunk.length > limit.bytes) throw tooLarge(limit);
      await spool.write(chunk);
    }
    return { receivedAtMs, mailbox, listed };
  }

  #kept({ subject, ...listed }: ListedHeader): ListedHeader {
    return subject === undefined || !this.#context.keepsSubjects ? listed : { ...listed, subject };
  }

  async #enqueue(
    account: SendingAccount,
    envelope: Envelope,
    spool: Spool,
    { receivedAtMs, listed }: Pick<Received, 'receivedAtMs' | 'listed'>,
    earlier?: Pick<DeliveryReport, 'recipients' | 'courier'>,
  ): Promise<QueuedMessage> {
    const { clock, log, expireAfterMs } = this.#context;
    const { remoteAddress, localPort } = this.#connection;
    const message = await spool.commit({
      account: account.username,
      connection: account.connection,
      mailbox: account.mailbox,
      courier: earlier?.courier ?? account.send[0],
      envelope: { ...envelope, client: { address: remoteAddress, port: localPort } },
      isBounce: false,
      receivedAtMs,
      expiresAtMs: receivedAtMs + expireAfterMs,
      ...listed,
      ...(earlier && { earlier: earlier.recipients }),
    });
    log.info({ ...this.#facts(account, envelope, message), ms: clock.now() - receivedAtMs }, 'accepted');
    return message;
  }

  /**
   * The upstream's verdict becomes the reply, and the client retries on its own. If the upstream took some recipients
   * and deferred others, no single reply would be right: the deferred ones go to the queue.
   */
  async #deliverDirectly(
    account: SendingAccount,
    envelope: Envelope,
    spool: Spool,
    { receivedAtMs, listed }: Received,
  ): Promise<string> {
    const { clock, log } = this.#context;
    const { id, size } = spool;
    const message = { id, mailbox: account.mailbox, envelope, size, open: () => spool.open() };
    const report = await this.#context.deliverNow(account, message, () => this.#closed);
    const facts = { ...this.#facts(account, envelope, spool), ms: clock.now() - receivedAtMs };
    const left = undelivered(envelope, report);
    if (left.length === 0) {
      log.info({ ...facts, courier: report.courier, upstreamId: report.upstreamId }, 'delivered');
      return `Delivered ${spool.id}`;
    }
    if (left.length === envelope.recipients.length) {
      log.warn(facts, 'not delivered; client informed');
      throw directRefusal(report);
    }
    if (this.#closed) throw clientGone();
    // The queue receives it only now: what the attempt has left ambiguous is looked for before it is sent again.
    const queued = { receivedAtMs: clock.now(), listed };
    await this.#enqueue(account, { ...envelope, recipients: left }, spool, queued, report);
    return `Delivered to ${envelope.recipients.length - left.length}; queued for ${left.length} as ${spool.id}`;
  }

  #facts(account: SubmissionAccount, envelope: Envelope, { id, size }: { id: string; size: number }) {
    const { recipients, reversePath } = envelope;
    return {
      id,
      account: account.username,
      client: this.#connection.remoteAddress,
      from: reversePath,
      to: recipients.length === 1 ? recipients[0]?.address : recipients.length,
      size,
    };
  }

  /** The account that sends, or the reply that says why nobody may. */
  #sender(): SendingAccount {
    if (!this.#account) {
      throw this.offersAuth('PLAIN')
        ? new SmtpReply(530, '5.7.0', 'Authentication required')
        : new SmtpReply(530, '5.7.0', `Authentication required; ${this.#howToLogIn()}`);
    }
    if (!maySend(this.#account)) {
      throw new SmtpReply(550, '5.7.1', `Account ${this.#account.username} is not set up to send ("send" is missing)`);
    }
    return this.#account;
  }

  #howToLogIn(): string {
    return this.#context.offersStartTls ? 'use STARTTLS first' : 'this listener accepts no password without TLS';
  }

  #assertMaySendAs(account: SubmissionAccount, reversePath: string): void {
    const isFree = reversePath === '' || account.forceFrom !== undefined;
    const sender = isFree ? '' : rewrittenSender(account, reversePath);
    if (!isFree && !account.maySendAs(sender)) throw this.#mayNotSendAs(account, sender);
  }

  #mayNotSendAs(account: SubmissionAccount, address: string): SmtpReply {
    this.#context.log.warn(
      { account: account.username, client: this.#connection.remoteAddress, from: address },
      'sender refused: add it to "senders" of the account if it may',
    );
    return new SmtpReply(550, '5.7.1', `Account ${account.username} may not send as ${address}`);
  }

  /** The reply to any failure while the message came in. */
  #refusal(error: unknown): unknown {
    if (error instanceof SmtpReply) return error;
    if (error instanceof HeaderTooLargeError || error instanceof TooManyAddressesError)
      return new SmtpReply(552, '5.3.4', error.message, { cause: error });
    if (error instanceof BridgeError && error.code === 'queue-full') {
      return new SmtpReply(452, '4.3.1', 'Out of storage, try again later', { cause: error });
    }
    if (error instanceof BridgeError && error.code === 'queue-unreachable') {
      return new SmtpReply(451, '4.3.0', 'The queue cannot be reached, try again later', { cause: error });
    }
    return error;
  }
}

/**
 * With forceFrom, Exchange would refuse the client's own reverse-path like its From; and nobody reads reports sent to
 * an address that a device made up.
 */
function envelopeOf({ forceFrom }: SubmissionAccount, envelope: Envelope): Envelope {
  return forceFrom === undefined || envelope.reversePath === '' ? envelope : { ...envelope, reversePath: forceFrom };
}

function tooLarge(limit: { readonly bytes: number; readonly reason: string }): SmtpReply {
  return new SmtpReply(552, '5.3.4', `Message is larger than ${limit.bytes} octets: ${limit.reason}`);
}
