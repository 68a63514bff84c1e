/** A server to try. */
export interface ServerPeer {
  readonly service: 'authority' | 'graph' | 'imap' | 'pop3' | 'smtp';
  readonly host: string;
  readonly port: number;
  readonly security: 'none' | 'starttls' | 'tls';
  /** URL of the HTTP proxy on the way, if there is one. */
  readonly proxy?: string | undefined;
}
