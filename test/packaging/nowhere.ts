const host = { host: '127.0.0.1', port: 9, security: 'tls' };

/** A connection to a Microsoft that does not answer. */
export const nowhere = {
  tenantId: 'contoso.onmicrosoft.com',
  clientId: '00000000-0000-0000-0000-000000000000',
  grant: 'client-credentials',
  clientSecret: 'nobody-knows-this-one',
  cloud: {
    authority: 'https://127.0.0.1:9',
    graph: 'https://127.0.0.1:9',
    imap: host,
    pop3: host,
    smtp: { ...host, security: 'starttls' },
  },
} as const;

/** Its mail stays in the queue. */
export const cronAccount = {
  username: 'cron',
  networks: ['127.0.0.1'],
  connection: 'nowhere',
  mailbox: 'cron@contoso.com',
  send: 'graph',
};

/** An SMTP listener for this machine only. */
export function smtpListener(port: number): object {
  return { protocol: 'smtp', host: '127.0.0.1', port, security: 'starttls' };
}
