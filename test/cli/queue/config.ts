/** A configuration for `mailbridge queue`, which reads none of its secrets. */
export const queueConfig = {
  listeners: [{ protocol: 'smtp', port: 0 }],
  connections: {
    contoso: {
      tenantId: 'contoso.example',
      clientId: '00000000-0000-0000-0000-000000000001',
      grant: 'client-credentials',
      clientSecret: { env: 'NOT_SET_HERE' },
    },
  },
  accounts: [
    { username: 'scanner', password: 'x', connection: 'contoso', mailbox: 'reports@contoso.example', send: 'graph' },
  ],
};
