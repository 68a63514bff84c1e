import type { SMTPConnectionEnvelope, SMTPConnectionSendInfo, SMTPEnvelope } from 'nodemailer/lib/smtp-connection';
import type { EnvelopeRecipient } from '../../message/envelope.ts';
import type { ParameterConnection } from './connection.ts';
import { type SmtpStage, SmtpUpstreamError } from './error.ts';
import { MeasuredMessage, type OutgoingContent } from './message-source.ts';
import { dsnMailParameters, dsnParameters, needsSmtpUtf8 } from './parameters.ts';
import { parseSmtpReply, type UpstreamReply } from './reply.ts';
import { runStep } from './step.ts';

/** One message for recipients that fit into one SMTP transaction. */
export interface SmtpTransaction {
  /** Empty for the null reverse-path. */
  readonly reversePath: string;
  /** At least one; no address twice. */
  readonly recipients: readonly [EnvelopeRecipient, ...EnvelopeRecipient[]];
  /** Headers or addresses hold UTF-8 (RFC 6531). */
  readonly smtpUtf8: boolean;
  readonly dsn?: { readonly ret?: 'FULL' | 'HDRS'; readonly envid?: string };
  readonly message: OutgoingContent;
  /**
   * A whole field to stand before the message, made when it is known whom the server takes it for; of the same length
   * for any of them.
   */
  readonly leadingField: (taken: readonly EnvelopeRecipient[]) => Promise<string>;
}

/** How a transaction went that did not fail as a whole. */
export interface SmtpTransactionResult {
  /** By address. */
  readonly refused: ReadonlyMap<string, UpstreamReply>;
  /** The reply to the message; absent if every recipient was refused, for then it was not sent. */
  readonly response?: UpstreamReply;
  /** The Message-ID that the server gave the message, with its angle brackets. */
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
    // Declared whenever it may be: a client that sends 8-bit text often did not say so, and 7-bit text does not suffer.
    use8BitMime: true,
  };
  const message = new MeasuredMessage({
    size,
    open() {
      // Opened when the server asks for the data: the recipients have been answered by then.
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

/** The field goes out with the first octets of the message: a chunk of its own would be a TLS record of its own. */
async function* behind(field: string | Promise<string>, message: OutgoingContent): AsyncGenerator<Buffer> {
  let first: Buffer | undefined = Buffer.from(await field);
  for await (const chunk of message.open()) {
    yield first === undefined ? chunk : Buffer.concat([first, chunk]);
    first = undefined;
  }
  if (first !== undefined) yield first;
}

/** What MAIL FROM and each RCPT TO carry beyond what nodemailer gives them. */
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

/** nodemailer keeps its books in the envelope it was given. */
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
  // Where the server has not seen the final dot, or we have not seen its answer, the next command would be misread.
  if (error.reply === undefined || message.progress === 'partial') connection.close();
  // After a refused MAIL FROM the pipelined recipients are refused as well, and mean nothing.
  if (error.command === 'MAIL FROM') throw error;
  const refused = refusals(envelope);
  // Not after a 421, which nodemailer takes for the end of the connection.
  if (error.command === 'RCPT TO') return { refused };
  throw new SmtpUpstreamError(error.message, { ...error, refused });
}
