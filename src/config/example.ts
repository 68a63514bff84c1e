import type { ConfigInput } from './schema.ts';

/** `config.example.json`: a starting point for a configuration. Every secret comes from the environment. */
export const exampleConfig: ConfigInput = {
  $schema: './config.schema.json',
  dataDir: 'data',
  log: { level: 'info' },
  listeners: [
    { protocol: 'smtp', host: '127.0.0.1', port: 2525, security: 'starttls' },
    { protocol: 'imap', host: '127.0.0.1', port: 1143, security: 'starttls' },
    { protocol: 'pop3', host: '127.0.0.1', port: 1110, security: 'starttls' },
  ],
  connections: {
    contoso: {
      tenantId: 'contoso.onmicrosoft.com',
      clientId: '00000000-0000-0000-0000-000000000000',
      grant: 'client-credentials',
      clientSecret: { env: 'CONTOSO_CLIENT_SECRET' },
      cloud: 'global',
    },
  },
  accounts: [
    {
      username: 'scanner',
      password: { env: 'SCANNER_PASSWORD' },
      networks: ['192.168.10.0/24'],
      connection: 'contoso',
      mailbox: 'reports@contoso.com',
      send: 'graph',
      read: 'imap',
      delivery: 'queued',
      senders: ['reports@contoso.com'],
    },
  ],
  queue: { store: 'sqlite', expireAfterHours: 48 },
  retry: { mode: 'status-codes', statusCodes: [429, 503], maxAttempts: 5, multiplyWait: true },
  limits: { messagesPerMinute: 30, recipientsPerDay: 10_000, maxMessageMegabytes: 35 },
};
