import type { SmtpConnectionInfo, SmtpSession } from './session.ts';

export interface SmtpTlsMaterial {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  readonly minVersion?: 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3';
  readonly ciphers?: string;
}

export interface SmtpServerOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  readonly security: 'none' | 'starttls' | 'tls';
  readonly tls?: SmtpTlsMaterial;
  /** Name in the greeting and at EHLO. */
  readonly name: string;
  /** Text after the name in the greeting. */
  readonly banner?: string;
  readonly maxMessageBytes: number;
  readonly maxRecipients: number;
  readonly maxConnections: number;
  readonly idleTimeoutMs: number;
  openSession(connection: SmtpConnectionInfo): SmtpSession;
}

/** A listening SMTP server. */
export interface SmtpServer {
  readonly port: number;
  updateTls(material: SmtpTlsMaterial): void;
  /** Stops accepting; resolves when every connection has ended or, after `graceMs`, has been cut with a 421. */
  close(graceMs: number): Promise<void>;
}

// (interface only for now; the engine follows)
export declare function listenSmtp(options: SmtpServerOptions): Promise<SmtpServer>;
