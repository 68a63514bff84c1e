import type { SMTPConnectionEnvelope, SMTPConnectionSendInfo, SMTPEnvelope } from 'nodemailer/lib/smtp-connection';
import type { EnvelopeRecipient } from '../../message/envelope.ts';
import type { ParameterConnection } from './connection.ts';
import { type SmtpStage, SmtpUpstreamError } from './error.ts';
import { MeasuredMessage, type OutgoingContent } from './message-source.ts';
import { dsnMailParameters, dsnParameters, needsSmtpUtf8 } from './parameters.ts';
import { parseSmtpReply, type UpstreamReply } from './reply.ts';
import { runStep } from './step.ts';

/** One message for the recipients of one SMTP transaction. */
export interface SmtpTransaction {
  /** Empty for the null reverse-path. */
  readonly reversePath: string;
  /** At least one; no address twice. */
  readonly recipients: readonly [EnvelopeRecipient, ...EnvelopeRecipient[]];
  /** Headers or addresses contain UTF-8 (RFC 6531). */
  readonly smtpUtf8: boolean;
  readonly dsn?: { readonly ret?: 'FULL' | 'HDRS'; readonly envid?: string };
  readonly message: OutgoingContent;
  /**
   * A complete field to put before the message, made once it is known which recipients the server accepts; its length
   * is the same for any of them.
   */
  readonly leadingField: (taken: readonly EnvelopeRecipient[]) => Promise<string>;
}

/** Result of a transaction that did not fail as a whole. */
export interface SmtpTransactionResult {
  /** By address. */
  readonly refused: ReadonlyMap<string, UpstreamReply>;
  /** The reply to the message; absent if every recipient was refused, because then it was not sent. */
  readonly response?: UpstreamReply;
  /** The Message-ID the server assigned to the message, with its angle brackets. */
  readonly serverMessageId?: string;
}

/** @throws SmtpUpstreamError */
export async function runTransaction(
  connection: ParameterConnection,
  extensions: readonly string[],
  transaction: SmtpTransaction,
  signal: AbortSignal,
): Promise<SmtpTransactionResult> {
  const { recipients, leadingField } = transaction;
  const fieldForAll = await leadingField(recipients);
  const size = Buffer.byteLength(fieldForAll) + transaction.message.size;
  const envelope: SMTPEnvelope = {
    from: transaction.reversePath === '' ? false : transaction.reversePath,
    to: recipients.map((recipient) => recipient.address),
    size,
    // Declared whenever permitted: a client that sends 8-bit text often does not declare it, and 7-bit text is
    // unaffected.
    use8BitMime: true,
  };
  const message = new MeasuredMessage({
    size,
    open() {
      // Opened when the server asks for the data: by then the recipients have been answered.
      const refused = refusals(envelope);
      const taken = recipients.filter(({ address }) => !refused.has(address));
      const field = taken.length === recipients.length ? fieldForAll : leadingField(taken);
      return behind(field, transaction.message);
    },
  });
  connection.setParameters(...parameters(transaction, extensions));
  try {
    const info = await runStep<SMTPConnectionSendInfo>(
      connection,
      () => stageOf(message),
      signal,
      (done) => connection.send(envelope, message.stream, done),
    );
    const response = parseSmtpReply(info.response);
    // `250 2.0.0 OK <id@…prod.outlook.com> [Hostname=…]`
    const serverMessageId = response && /^OK (<[^<>\s]+>)/.exec(response.text)?.[1];
    return {
      refused: refusals(envelope),
      ...(response && { response }),
      ...(serverMessageId !== undefined && { serverMessageId }),
    };
  } catch (error) {
    if (!(error instanceof SmtpUpstreamError)) throw error;
    return settleFailure(connection, envelope, message, error);
  } finally {
    message.stream.destroy();
  }
}

/** The field is sent with the first bytes of the message: a separate chunk would be a separate TLS record. */
async function* behind(field: string | Promise<string>, message: OutgoingContent): AsyncGenerator<Buffer> {
  let first: Buffer | undefined = Buffer.from(await field);
  for await (const chunk of message.open()) {
    yield first === undefined ? chunk : Buffer.concat([first, chunk]);
    first = undefined;
  }
  if (first !== undefined) yield first;
}

/** Parameters of MAIL FROM and of each RCPT TO in addition to nodemailer's own. */
function parameters(
  { reversePath, recipients, smtpUtf8, dsn }: SmtpTransaction,
  extensions: readonly string[],
): [mail: string, rcpt: ReadonlyMap<string, string>] {
  const addresses = [reversePath, ...recipients.map((recipient) => recipient.address)];
  const utf8Headers = smtpUtf8 && extensions.includes('SMTPUTF8') && !addresses.some(needsSmtpUtf8);
  const mail = utf8Headers ? ['SMTPUTF8'] : [];
  if (!extensions.includes('DSN')) return [mail.join(' '), new Map()];
  const dsnMail = dsnMailParameters(dsn);
  if (dsnMail !== '') mail.push(dsnMail);
  return [mail.join(' '), new Map(recipients.map((recipient) => [recipient.address, dsnParameters(recipient)]))];
}

function stageOf(message: MeasuredMessage): SmtpStage {
  if (message.progress === 'none') return 'envelope';
  return message.progress === 'partial' ? 'data' : 'end-of-data';
}

/** nodemailer records refusals in the envelope it was given. */
function refusals(envelope: SMTPEnvelope): Map<string, UpstreamReply> {
  const refused = new Map<string, UpstreamReply>();
  for (const error of (envelope as Partial<SMTPConnectionEnvelope>).rejectedErrors ?? []) {
    const reply = parseSmtpReply(String(error.response ?? ''));
    if (reply && error.recipient !== undefined) refused.set(error.recipient, reply);
  }
  return refused;
}

function settleFailure(
  connection: ParameterConnection,
  envelope: SMTPEnvelope,
  message: MeasuredMessage,
  error: SmtpUpstreamError,
): SmtpTransactionResult {
  // If the server has not seen the final dot, or we have not seen its answer, the next command would be misread.
  if (error.reply === undefined || message.progress === 'partial') connection.close();
  // After a refused MAIL FROM, the pipelined recipients are refused as well, which means nothing.
  if (error.command === 'MAIL FROM') throw error;
  const refused = refusals(envelope);
  // Not after a 421, which nodemailer treats as the end of the connection.
  if (error.command === 'RCPT TO') return { refused };
  throw new SmtpUpstreamError(error.message, { ...error, refused });
}
