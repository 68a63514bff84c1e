import { safeLine } from '../base/visible.ts';
import type { Envelope, EnvelopeRecipient } from '../message/envelope.ts';
import type { SaslCredentials, SaslMechanism } from '../sasl/server-exchange.ts';
import type { EndOfData } from './data-decoder.ts';

/** Facts about an SMTP connection at the time of the call. */
export interface SmtpConnectionInfo {
  /** Short random name of the connection, for logs. */
  readonly id: string;
  /** IPv4 or IPv6 address of the client, canonical, an IPv4-mapped one as IPv4. */
  readonly remoteAddress: string;
  readonly localPort: number;
  /** Whether TLS is active now. */
  readonly secure: boolean;
  /** Argument of HELO or EHLO; empty before. */
  readonly helo: string;
  /** `SMTP`, `ESMTP`, `ESMTPS`, `ESMTPSA` … (RFC 3848), for the Received header. */
  readonly transmissionType: string;
  /** Cuts the connection at once, without a reply. */
  abort(): void;
}

/** What MAIL FROM contained besides the address. */
export interface MailParameters {
  /** Octets announced by SIZE= (RFC 1870 section 3). */
  readonly size?: number;
}

/**
 * A refusal with the reply for the client. Everything else that a session throws is reported to `onDefect` and answered
 * with a generic 451.
 */
export class SmtpReply extends Error {
  override readonly name = 'SmtpReply';
  /** 400 to 599. 421 closes the connection after the reply. */
  readonly status: number;
  /** RFC 3463 enhanced status, `5.7.1`. */
  readonly enhanced: string;

  constructor(status: number, enhanced: string, text: string, options?: ErrorOptions) {
    super(safeLine(text), options);
    this.status = status;
    this.enhanced = enhanced;
  }
}

/**
 * The application's side of one SMTP connection. A method that returns accepts the verb; a method that throws an {@link
 * SmtpReply} refuses it. The engine calls one method at a time.
 */
export interface SmtpSession {
  /** Whether a mechanism of the listener may be used at this moment; called at EHLO and at AUTH. */
  offersAuth(mechanism: SaslMechanism): boolean;
  authenticate(credentials: SaslCredentials): Promise<void>;
  /**
   * TLS has begun: what the client said before, including its login, no longer counts (RFC 3207 section 4.2). Also
   * called after an implicit handshake. May be absent if a session keeps nothing.
   */
  secured?(): void;
  /** Whether the client has logged in or is known by its network; it has to be within the time for the login. */
  isIdentified(): boolean;
  /** Completes an address without a domain (`scanner`), as old devices send it; undefined refuses it. */
  completeAddress(localPart: string): string | undefined;
  /** What ends a message of this client; default `crlf`. Called at DATA. */
  endOfData?(): EndOfData;
  /** @param reversePath empty for `<>` */
  mailFrom(reversePath: string, parameters: MailParameters): Promise<void>;
  rcptTo(recipient: EnvelopeRecipient): Promise<void>;
  /**
   * The message without dot stuffing and without the final dot. All its line ends are CRLF, whatever the client used;
   * if the server is strict, `content` fails with an {@link SmtpReply} at any other (554 5.6.11). It also fails at a
   * NUL (554 5.6.0), beyond the size limit (552 5.3.4), at a wrong end (554 5.6.11), and with another error when the
   * client leaves.
   * @returns the text after `250 2.0.0 `
   */
  data(envelope: Envelope, content: AsyncIterable<Buffer>): Promise<string>;
  /** A command or a message was refused, by the session or by the engine; for the log. */
  refused(status: number, text: string): void;
  /** The connection is gone; no further calls follow. */
  closed(): void;
}
