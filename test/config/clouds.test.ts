import { expect, test } from 'vitest';
import { clouds, resolveCloud } from '../../src/config/clouds.ts';

test('a named cloud is just its endpoints', () => {
  for (const name of ['global', 'us-gov-high', 'us-gov-dod', 'china'] as const)
    expect(resolveCloud(name)).toEqual(clouds[name]);
  expect(clouds.global).toEqual({
    authority: 'https://login.microsoftonline.com',
    graph: 'https://graph.microsoft.com',
    imap: { host: 'outlook.office365.com', port: 993, security: 'tls' },
    pop3: { host: 'outlook.office365.com', port: 995, security: 'tls' },
    smtp: { host: 'smtp.office365.com', port: 587, security: 'starttls' },
    exchangeScope: 'https://outlook.office365.com/.default',
    graphScope: 'https://graph.microsoft.com/.default',
  });
});

test("what a cloud of one's own leaves out, down to a port, is as in the global one", () => {
  const own = { authority: 'https://127.0.0.1:8443', imap: { port: 1993 }, caFile: '/ca.crt' };
  expect(resolveCloud(own)).toEqual({
    ...clouds.global,
    authority: 'https://127.0.0.1:8443',
    imap: { host: 'outlook.office365.com', port: 1993, security: 'tls' },
    caFile: '/ca.crt',
  });
});

test.each(['consumers', '9188040d-6c67-4c5b-b112-36a304b66dad'])(
  'personal accounts (%s) submit at a host of their own, unless the configuration names another',
  (tenantId) => {
    const smtp = { host: 'smtp-mail.outlook.com', port: 587, security: 'starttls' };
    expect(resolveCloud('global', tenantId)).toEqual({ ...clouds.global, smtp });
    expect(resolveCloud({ smtp: { port: 25 } }, tenantId).smtp).toEqual({ ...smtp, port: 25 });
    expect(resolveCloud({ smtp: { host: 'localhost' } }, tenantId).smtp.host).toBe('localhost');
  },
);
