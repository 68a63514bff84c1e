import { safeLine } from '../../base/visible.ts';
import { formatSmtpReply, type UpstreamReply } from './reply.ts';

/**
 * How far an upstream session or transaction had got: `connect`, up to the end of EHLO and STARTTLS; `login`, AUTH;
 * `envelope`, MAIL FROM up to the reply to DATA; `data`, the message; `end-of-data`, after the final dot.
 */
export type SmtpStage = 'connect' | 'login' | 'envelope' | 'data' | 'end-of-data';

/** What an {@link SmtpUpstreamError} carries besides its message. */
export interface SmtpUpstreamErrorFacts {
  readonly stage: SmtpStage;
  /** The server's refusal; absent if the connection failed without one. */
  readonly reply?: UpstreamReply | undefined;
  /** A code of Node.js (`ECONNREFUSED`, `CERT_HAS_EXPIRED`) or nodemailer (`EAUTH`, `EMESSAGE`, `ESTREAM`). */
  readonly systemCode?: string | undefined;
  /** The caller's signal aborted it. */
  readonly aborted?: boolean | undefined;
  /** The command that failed, such as `MAIL FROM`. */
  readonly command?: string | undefined;
  /** Recipients that had been refused before the transaction as a whole failed. */
  readonly refused?: ReadonlyMap<string, UpstreamReply> | undefined;
}

/** An upstream SMTP session or transaction failed. Contains no token and nothing of the message. */
export class SmtpUpstreamError extends Error {
  override readonly name = 'SmtpUpstreamError';
  readonly stage: SmtpStage;
  readonly reply: UpstreamReply | undefined;
  readonly systemCode: string | undefined;
  readonly aborted: boolean;
  readonly command: string | undefined;
  readonly refused: ReadonlyMap<string, UpstreamReply>;

  constructor(message: string, facts: SmtpUpstreamErrorFacts) {
    super(facts.reply ? formatSmtpReply(facts.reply) : safeLine(message));
    this.stage = facts.stage;
    this.reply = facts.reply;
    this.systemCode = facts.systemCode;
    this.aborted = facts.aborted ?? false;
    this.command = facts.command;
    this.refused = facts.refused ?? new Map();
  }
}
