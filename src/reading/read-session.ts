import type { Presence } from '../base/sockets/presence.ts';
import type { OpenUpstream } from '../exchange/reading/connect.ts';
import type { LineProtocolOptions } from '../line-protocol/options.ts';
import type { HandOver } from '../line-protocol/session.ts';
import type { Client } from '../listeners/listener.ts';
import type { SaslCredentials, SaslMechanism } from '../sasl/server-exchange.ts';
import {
  type LoggedIn,
  logIn,
  mechanismsOffered,
  openForClient,
  ReadLoginError,
  type ReadRefusal,
  type ReadSessionOptions,
} from './login.ts';
import { passThrough } from './pass-through.ts';

const maxFailedLogins = 5;

/** Sent to a client that is rejected because there are too many. */
export const rejected = 'Too many connections, try again later.';

/** Options of both protocols' engines for a client; greeting, session and engine limits are added to them. */
export function engineOptions(protocol: 'imap' | 'pop3', options: ReadSessionOptions, client: Client) {
  return {
    secure: client.secure,
    ...(client.startTls && { startTls: client.startTls }),
    limits: { ...options.limits, loginTimeoutMs: client.loginMsLeft(), maxFailedLogins },
    log: options.log.child({ protocol, session: client.id, client: client.remoteAddress }),
    signal: client.closing,
  } satisfies Partial<LineProtocolOptions>;
}

/** The login of a reading client. */
export abstract class ReadSession<Login> {
  protected readonly options: ReadSessionOptions;
  protected readonly client: Client;

  constructor(options: ReadSessionOptions, client: Client) {
    this.options = options;
    this.client = client;
  }

  protected abstract readonly protocol: 'imap' | 'pop3';
  /** Opens the mailbox of an authenticated client. @throws ReadLoginError */
  protected abstract open(loggedIn: LoggedIn, presence: Presence): Promise<Login>;
  /** Translates a refused login to a reply of the protocol; returns any other error unchanged. */
  protected abstract replyOf(error: unknown): unknown;

  mechanisms(secure: boolean): readonly SaslMechanism[] {
    return mechanismsOffered(this.client, secure, this.options);
  }

  async authenticate(credentials: SaslCredentials, _: string, presence: Presence): Promise<Login> {
    try {
      return await this.open(await logIn(this.options, this.client, this.protocol, credentials), presence);
    } catch (error) {
      throw this.replyOf(error);
    }
  }

  closed(): void {}

  /** Whether STARTTLS or STLS is among the capabilities. */
  protected offersTls(secure: boolean): boolean {
    return this.client.startTls !== undefined && !secure;
  }

  /** Opens the mailbox upstream, to pass everything through. @throws ReadLoginError */
  protected async passThrough(
    loggedIn: LoggedIn,
    presence: Presence,
  ): Promise<HandOver & Pick<OpenUpstream, 'capabilities'>> {
    const { options, client } = this;
    const upstream = await openForClient(options, presence, loggedIn, (gone) =>
      options.openUpstream(loggedIn.account, gone),
    );
    return { ...passThrough(options, client, loggedIn, upstream), capabilities: upstream.capabilities };
  }
}

/** Translates a refused login to a reply with a protocol's codes. */
export function refusalReply<Code>(
  error: unknown,
  codes: Readonly<Record<ReadRefusal, Code>>,
  reply: (text: string, options: { readonly code: Code; readonly cause: Error; readonly bye: boolean }) => Error,
): unknown {
  if (!(error instanceof ReadLoginError)) return error;
  return reply(error.message, { code: codes[error.refusal], cause: error, bye: error.refusal === 'blocked' });
}
