import { type QuickRetry, withQuickRetry } from '../../base/http/quick-retry.ts';
import type { KeyedSemaphore } from '../../base/semaphore.ts';
import { assertProtected } from '../../exchange/endpoint.ts';
import { SmtpUpstreamError } from '../../exchange/smtp/error.ts';
import { needsSmtpUtf8 } from '../../exchange/smtp/parameters.ts';
import { SmtpPool } from '../../exchange/smtp/pool.ts';
import { formatSmtpReply, type UpstreamReply } from '../../exchange/smtp/reply.ts';
import { type SmtpSessionOptions, UpstreamSmtpSession } from '../../exchange/smtp/session.ts';
import type { SmtpTransactionResult } from '../../exchange/smtp/transaction.ts';
import type { DeliveryReport, OutgoingMessage } from '../../message/delivery.ts';
import { type Batch, planBatches } from '../batches.ts';
import type { GetToken } from '../get-token.ts';
import { Ledger } from '../ledger.ts';
import type { LoginOf } from '../login-of.ts';
import type { CopyNotes } from '../sent-items/copy-notes.ts';
import type { Marker } from '../sent-items/marker.ts';
import { type CourierVerdict, nothingSent, ownVerdict, tokenFailure } from '../verdict.ts';
import { batchLimits } from './batch-limits.ts';
import { transactionRefusal, upstreamFailure } from './errors.ts';
import { openingVerdict } from './quick-retry.ts';

/** Settings of the courier to Exchange Online over SMTP submission. */
export interface ExchangeSmtpCourierOptions extends SmtpSessionOptions {
  readonly getToken: GetToken;
  /**
   * The login for a mailbox. Default: the mailbox itself, as the token of an application requires. The token of a
   * person requires that person, whatever mailbox MAIL FROM names.
   */
  readonly loginOf?: LoginOf;
  readonly marker: Marker;
  readonly copies: CopyNotes;
  /** For opening connections; default: none. */
  readonly retry?: QuickRetry;
  /** Shared with everything else that connects to the same mailboxes. */
  readonly permits: KeyedSemaphore;
  /** A connection is closed after this many messages; default 100. */
  readonly maxMessagesPerConnection?: number;
  /** An unused connection is closed after this time; default 30,000. */
  readonly idleTimeoutMs?: number;
}

const noRetry: QuickRetry = { mode: 'none', statusCodes: [], maxAttempts: 1, waitMs: 0, multiplyWait: false };

/** No token could be had: distinguished from what the server says. */
class TokenError extends Error {
  readonly failure: unknown;

  constructor(failure: unknown) {
    super('No access token.');
    this.failure = failure;
  }
}

/** Sends messages to Exchange Online over SMTP submission with XOAUTH2, under their true envelope. */
export class ExchangeSmtpCourier {
  readonly #options: ExchangeSmtpCourierOptions;
  readonly #pool: SmtpPool;
  readonly #peer: string;

  /** @throws BridgeError `config-invalid` for an unprotected endpoint beyond this machine */
  constructor(options: ExchangeSmtpCourierOptions) {
    assertProtected(options.endpoint);
    this.#options = options;
    this.#peer = `${options.endpoint.host}:${options.endpoint.port}`;
    this.#pool = new SmtpPool({ ...options, open: (login, signal) => this.#open(login, signal) });
  }

  /**
   * Makes one delivery attempt, in as many transactions as Exchange Online's limits require. What has been delivered
   * stays delivered if a later transaction fails.
   */
  async deliver(message: OutgoingMessage, signal: AbortSignal): Promise<DeliveryReport> {
    const ledger = new Ledger();
    const pending = planBatches(message.envelope.recipients, batchLimits);
    for (let batch = pending.shift(); batch !== undefined; batch = pending.shift()) {
      try {
        const postponed = await this.#transact(message, batch, signal, ledger);
        if (postponed === undefined) continue;
        await this.#options.copies.note(message.id, postponed);
        pending.push(postponed);
      } catch (error) {
        ledger.record(batch, failureOf(error, this.#peer));
        if (error instanceof SmtpUpstreamError) recordRefusals(ledger, error.refused);
        // What ended this transaction as a whole would end the next one as well.
        ledger.record(pending.splice(0).flat(), failureOfUnsent(error, this.#peer));
      }
    }
    return ledger.report(message);
  }

  /**
   * Logs in, unless a connection is already open.
   * @returns why no mail can be sent as this mailbox now; undefined if it can
   */
  async unusable(mailbox: string, signal: AbortSignal): Promise<CourierVerdict | undefined> {
    try {
      await this.#pool.use(await this.#login(mailbox), signal, false, async () => {});
      return undefined;
    } catch (error) {
      return failureOf(error, this.#peer);
    }
  }

  /** Closes idle connections, and from now on every used one after its transaction. */
  close(): Promise<void> {
    return this.#pool.close();
  }

  /**
   * Runs one transaction. Only now does it show if the server has closed an idle connection: as long as the message has
   * not been started, a new connection is used at once.
   * @returns recipients that the server wants in a transaction of their own
   */
  async #transact(
    message: OutgoingMessage,
    batch: Batch,
    signal: AbortSignal,
    ledger: Ledger,
  ): Promise<Batch | undefined> {
    let reused = false;
    const login = await this.#login(message.mailbox);
    const attempt = (fresh: boolean) =>
      this.#pool.use(login, signal, fresh, (session) => {
        reused = session.transactions > 0;
        return sendBatch(session, { ...this.#options, message, batch }, signal, ledger);
      });
    try {
      return await attempt(false);
    } catch (error) {
      if (!reused || !foundClosed(error)) throw error;
      return await attempt(true);
    }
  }

  #open(login: string, signal: AbortSignal): Promise<UpstreamSmtpSession> {
    const { retry = noRetry } = this.#options;
    return withQuickRetry(
      retry,
      signal,
      () => this.#openOnce(login, signal),
      (error) => openingVerdict(retry, error, this.#peer),
    );
  }

  /** Opens a session; a refused token is renewed once. */
  async #openOnce(login: string, signal: AbortSignal): Promise<UpstreamSmtpSession> {
    const token = await this.#token({ mailbox: login });
    try {
      return await UpstreamSmtpSession.open(this.#options, { mailbox: login, token }, signal);
    } catch (error) {
      if (!(error instanceof SmtpUpstreamError) || error.stage !== 'login' || error.reply?.code !== 535) throw error;
      const renewed = await this.#token({ mailbox: login, refused: token });
      if (renewed === token) throw error;
      return await UpstreamSmtpSession.open(this.#options, { mailbox: login, token: renewed }, signal);
    }
  }

  async #login(mailbox: string): Promise<string> {
    try {
      return (await this.#options.loginOf?.(mailbox)) ?? mailbox;
    } catch (error) {
      throw new TokenError(error);
    }
  }

  async #token(options: Parameters<GetToken>[0]): Promise<string> {
    try {
      return await this.#options.getToken(options);
    } catch (error) {
      throw new TokenError(error);
    }
  }
}

/** What one transaction needs. */
interface Sending extends Pick<ExchangeSmtpCourierOptions, 'marker' | 'copies'> {
  readonly message: OutgoingMessage;
  readonly batch: Batch;
}

/** Sends to those recipients of a batch that the server accepts. */
async function sendBatch(
  session: UpstreamSmtpSession,
  { message, batch, marker, copies }: Sending,
  signal: AbortSignal,
  ledger: Ledger,
): Promise<Batch | undefined> {
  const { reversePath, smtpUtf8, dsn } = message.envelope;
  const sendable = (address: string) =>
    !/[\r\n<>]/.test(address) && (session.offers('SMTPUTF8') || !needsSmtpUtf8(address));
  const unsendable = sendable(reversePath)
    ? batch.filter(({ address }) => address === '' || !sendable(address))
    : batch;
  ledger.record(
    unsendable,
    ownVerdict('address-not-sendable', 'The SMTP server does not accept this form of address.'),
  );
  const [first, ...rest] = batch.filter((recipient) => !unsendable.includes(recipient));
  if (first === undefined) return undefined;
  message.assertMaySend?.();
  const recipients: Batch = [first, ...rest];
  const result = await session.send(
    {
      reversePath,
      recipients,
      smtpUtf8,
      ...(dsn !== undefined && { dsn }),
      message: { size: message.size, open: () => opened(message) },
      async leadingField(taken) {
        if (taken.length < batch.length) await copies.note(message.id, taken);
        return marker.line(message.id, taken);
      },
    },
    signal,
  );
  recordResult(ledger, recipients, result);
  if (result.response === undefined) return undefined;
  // RFC 5321 section 4.5.3.1.10: "too many recipients" only concerns this transaction.
  const [next, ...others] = recipients.filter(({ address }) => isTooMany(result.refused.get(address)));
  return next === undefined ? undefined : [next, ...others];
}

/** Opened when the server asks for the message. */
function opened(message: OutgoingMessage): AsyncIterable<Buffer> {
  message.assertMaySend?.();
  return message.open();
}

function recordResult(ledger: Ledger, recipients: Batch, result: SmtpTransactionResult): void {
  const { response, serverMessageId: upstreamId } = result;
  if (response !== undefined) {
    const { code, enhanced = String(code) } = response;
    const text = formatSmtpReply(response);
    ledger.record(recipients, {
      outcome: 'delivered',
      code: enhanced,
      text,
      ...(upstreamId !== undefined && { upstreamId }),
    });
  }
  recordRefusals(ledger, result.refused);
}

function recordRefusals(ledger: Ledger, refused: ReadonlyMap<string, UpstreamReply>): void {
  for (const [address, reply] of refused) ledger.record([{ address }], transactionRefusal(reply));
}

function isTooMany(reply: UpstreamReply | undefined): boolean {
  return reply?.code === 452 && (reply.enhanced === '4.5.3' || /too many recipients/i.test(reply.text));
}

function foundClosed(error: unknown): boolean {
  if (!(error instanceof SmtpUpstreamError) || error.stage !== 'envelope' || error.aborted) return false;
  if (error.reply !== undefined) return error.reply.code === 421;
  return error.systemCode !== 'EMESSAGE';
}

function failureOf(error: unknown, peer: string): CourierVerdict {
  const unsent = nothingSent(error);
  if (unsent) return unsent;
  if (error instanceof TokenError) return tokenFailure(error.failure, 'exchange-token');
  if (error instanceof SmtpUpstreamError) return upstreamFailure(error, peer);
  throw error;
}

/** The verdict for recipients whose transaction had not begun when an earlier one failed. */
function failureOfUnsent(error: unknown, peer: string): CourierVerdict {
  const verdict = failureOf(error, peer);
  if (verdict.code !== 'upstream-ambiguous') return verdict;
  return ownVerdict('upstream-unreachable', 'The connection broke in the previous transaction.');
}
