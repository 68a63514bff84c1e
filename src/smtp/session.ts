import { safeLine } from '../base/visible.ts';
import type { Envelope, EnvelopeRecipient } from '../message/envelope.ts';
import type { SaslCredentials, SaslMechanism } from '../sasl/server-exchange.ts';
import type { EndOfData } from './data-decoder.ts';

/** Facts about an SMTP connection, as of the moment they are asked for. */
export interface SmtpConnectionInfo {
  /** Short random name of the connection, for logs. */
  readonly id: string;
  /** IPv4 or IPv6 address of the client, canonical, an IPv4-mapped one as IPv4. */
  readonly remoteAddress: string;
  readonly localPort: number;
  /** TLS is active now. */
  readonly secure: boolean;
  /** Argument of HELO or EHLO; empty before. */
  readonly helo: string;
  /** `SMTP`, `ESMTP`, `ESMTPS`, `ESMTPSA` … (RFC 3848), for the Received header. */
  readonly transmissionType: string;
  /** Cuts the connection at once, without a reply. */
  abort(): void;
}

/** What stood in MAIL FROM beside the address. */
export interface MailParameters {
  /** Octets announced by SIZE= (RFC 1870 section 3). */
  readonly size?: number;
}

/**
 * A refusal with the reply the client shall see. Everything else that a session throws is reported to
 * `onDefect` and answered with a generic 451.
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
 * The application's side of one SMTP connection. A method that returns accepts the verb; one that throws an
 * {@link SmtpReply} refuses it. The engine calls one method at a time.
 */
export interface SmtpSession {
  /** Whether a mechanism of the listener may be used at this moment; asked at EHLO and at AUTH. */
  offersAuth(mechanism: SaslMechanism): boolean;
  authenticate(credentials: SaslCredentials): Promise<void>;
  /**
   * TLS has begun: what the client said before, its login included, counts no more (RFC 3207 section 4.2). Called after
   * an implicit handshake, too. May be absent where a session keeps nothing.
   */
  secured?(): void;
  /** Whether the client has logged in or is known by its network; who is not has to be before the time to log in is over. */
  isIdentified(): boolean;
  /** Completes an address without a domain (`scanner`), as old devices send it; undefined refuses it. */
  completeAddress(localPart: string): string | undefined;
  /** What ends a message of this client; `crlf` where left out. Asked at DATA. */
  endOfData?(): EndOfData;
  /** @param reversePath empty for `<>` */
  mailFrom(reversePath: string, parameters: MailParameters): Promise<void>;
  rcptTo(recipient: EnvelopeRecipient): Promise<void>;
  /**
   * The message with dots unstuffed and the final dot removed. Its line ends are proven to be CRLF, whatever the client
   * ended its lines with; where the server is strict, `content` fails with an {@link SmtpReply} at any other (554
   * 5.6.11). It also fails at a NUL (554 5.6.0), beyond the size limit (552 5.3.4), at a wrong end (554
   * 5.6.11), and with another error when the client goes away.
   * @returns the text after `250 2.0.0 `
   */
  data(envelope: Envelope, content: AsyncIterable<Buffer>): Promise<string>;
  /** A command or a message was refused, by the session or by the engine; for the log. */
  refused(status: number, text: string): void;
  /** The connection is gone; nothing is called any more. */
  closed(): void;
}
