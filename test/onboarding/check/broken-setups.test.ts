import { randomUUID, X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { HopResult } from '../../../src/app/connections/check.ts';
import { makeClientCertificate } from '../../simulator/client-certificate.ts';
import { freePorts } from '../../support/ports.ts';
import { firstFailure, type Setup, workingSetup } from './setup.ts';

/** One way to break a set-up, and what the check must report. */
interface Breakage {
  readonly what: string;
  /** Breaks it. @returns what repairs it */
  breaks(setup: Setup): Promise<() => unknown> | (() => unknown);
  /** Sends a test message too. */
  readonly sendTestTo?: readonly string[];
  /** The first hop that fails. */
  readonly hop: string;
  readonly code: string;
  readonly aadsts?: string;
  readonly cause: RegExp;
  readonly remedy: RegExp;
}

const alice = 'alice@contoso.example';
const reports = 'reports@contoso.example';

/** Changes keys of an object. @returns a function that restores them */
function change<T extends object>(target: T, changes: Partial<T>): () => void {
  const before = Object.fromEntries(Object.keys(changes).map((key) => [key, target[key as keyof T]]));
  Object.assign(target, changes);
  return () => {
    for (const [key, value] of Object.entries(before)) {
      if (value === undefined) delete target[key as keyof T];
      else Object.assign(target, { [key]: value });
    }
  };
}

const connectionOf = (setup: Setup) => setup.config.connections.contoso;
const cloudOf = (setup: Setup) => connectionOf(setup).cloud;
const appOf = (setup: Setup) => setup.simulator.tenant.app;
const inExchange = (setup: Setup) => setup.simulator.tenant.exchangeApp(setup.simulator.clientId);
const exchangeOf = (setup: Setup) => setup.simulator.tenant.exchange;

/** Replaces the connection's secret with a certificate that the registration does not contain. */
async function useCertificate(setup: Setup, validity: { notBefore?: Date; notAfter?: Date } = {}) {
  const made = await makeClientCertificate(validity);
  const files = { cert: join(setup.folder, 'app.crt'), key: join(setup.folder, 'app.key') };
  writeFileSync(files.cert, made.cert);
  writeFileSync(files.key, made.key, { mode: 0o600 });
  const { clientSecret: _, ...rest } = connectionOf(setup);
  setup.config.connections.contoso = { ...rest, clientCertificate: files };
  const upload = () =>
    appOf(setup).certificates.push({ id: randomUUID(), certificate: new X509Certificate(made.cert) });
  return { files, upload };
}

/** An HTTP proxy that requires a user and password. @param ways ports that only it can reach */
async function proxy(ways: Readonly<Record<string, string>> = {}): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    sockets.add(client);
    client.on('error', () => {});
    client.once('data', (head) => {
      const [request = ''] = head.toString().split('\r\n');
      const [, host = '', port = ''] = /^CONNECT (.+):(\d+) /.exec(request) ?? [];
      if (!/proxy-authorization: basic dXNlcjpwYXNz/i.test(head.toString())) {
        client.end('HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n');
        return;
      }
      const upstream = connect(Number(ways[port] ?? port), host, () => {
        client.write('HTTP/1.1 200 OK\r\n\r\n');
        client.pipe(upstream).pipe(client);
      });
      sockets.add(upstream);
      upstream.on('error', () => client.destroy());
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `127.0.0.1:${(server.address() as { port: number }).port}`;
}

const breakages: readonly Breakage[] = [
  // the configuration and the network
  {
    what: 'no app registration yet, as init leaves it',
    breaks: (setup) => change(connectionOf(setup), { clientId: '00000000-0000-0000-0000-000000000000' }),
    hop: 'configuration',
    code: 'app-not-registered',
    cause: /contoso has no app registration yet/,
    remedy: /mailbridge register-app --name contoso/,
  },
  {
    what: 'a caFile that is not there',
    breaks: (setup) => change(cloudOf(setup), { caFile: join(setup.folder, 'none.pem') }),
    hop: 'configuration',
    code: 'tls-material-unreadable',
    cause: /none\.pem cannot be read/,
    remedy: /Check that the file exists/,
  },
  {
    what: 'a name that DNS does not know',
    breaks: (setup) => change(cloudOf(setup), { imap: { host: 'outlook.invalid', port: 993, security: 'tls' } }),
    hop: 'reach IMAP outlook.invalid:993',
    code: 'upstream-name-unknown',
    cause: /outlook\.invalid cannot be resolved/,
    remedy: /DNS/,
  },
  {
    what: 'a port that nobody listens on',
    breaks: async (setup) => {
      const { smtp } = setup.simulator.endpoints;
      return change(cloudOf(setup), { smtp: { ...smtp, port: await freePorts() } });
    },
    hop: 'reach SMTP',
    code: 'upstream-unreachable',
    cause: /refused the connection/,
    remedy: /firewall/,
  },
  {
    what: 'the wrong port: TLS where there is STARTTLS',
    breaks: (setup) => {
      const { imap, smtp } = setup.simulator.endpoints;
      return change(cloudOf(setup), { imap: { ...imap, port: smtp.port } });
    },
    hop: 'tls IMAP',
    code: 'upstream-tls-failed',
    cause: /No TLS with/,
    remedy: /Check host and port/,
  },
  {
    what: 'TLS intercepted: the certificate of another authority',
    breaks: (setup) => change(cloudOf(setup), { caFile: undefined }),
    hop: 'tls Entra ID',
    code: 'upstream-certificate-untrusted',
    cause: /not trusted.*issued by Simulated Microsoft 365/,
    remedy: /"Simulated Microsoft 365" is a proxy or a virus scanner.*caFile/,
  },
  {
    what: 'a proxy that wants a password',
    breaks: async (setup) => {
      const address = await proxy();
      setup.config.proxy = `http://${address}`;
      return () => {
        setup.config.proxy = `http://user:pass@${address}`;
      };
    },
    hop: 'reach Entra ID',
    code: 'proxy-refused',
    cause: /needs a user and password/,
    remedy: /http:\/\/user:password@host:port/,
  },
  {
    what: 'no way out but through a proxy, and none configured',
    breaks: async (setup) => {
      const blocked = await freePorts();
      const way = await proxy({ [blocked]: new URL(setup.simulator.endpoints.graph).port });
      Object.assign(cloudOf(setup), { graph: `https://localhost:${blocked}` });
      return () => {
        setup.config.proxy = `http://user:pass@${way}`;
      };
    },
    hop: 'reach Graph localhost',
    code: 'upstream-unreachable',
    cause: /refused the connection/,
    remedy: /If only a proxy reaches the internet, set proxy or HTTPS_PROXY/,
  },
  {
    what: 'a proxy that is not there',
    breaks: async (setup) => {
      setup.config.proxy = `http://127.0.0.1:${await freePorts()}`;
      return () => {
        delete setup.config.proxy;
      };
    },
    hop: 'reach Entra ID',
    code: 'upstream-unreachable',
    cause: /the proxy 127\.0\.0\.1:\d+ cannot be reached/,
    remedy: /proxy/,
  },
  {
    what: 'the clock an hour ahead',
    breaks: (setup) => change(setup, { clockAheadMs: 3_600_000 }),
    hop: 'clock',
    code: 'clock-wrong',
    cause: /60 minutes ahead of/,
    remedy: /Set the clock/,
  },
  {
    what: 'the clock an hour behind',
    breaks: (setup) => change(setup, { clockAheadMs: -3_600_000 }),
    hop: 'clock',
    code: 'clock-wrong',
    cause: /60 minutes behind/,
    remedy: /NTP/,
  },

  // Entra ID
  {
    what: 'a tenant that does not exist',
    breaks: (setup) => change(connectionOf(setup), { tenantId: randomUUID() }),
    hop: 'discovery tenant',
    code: 'tenant-unknown',
    aadsts: 'AADSTS90002',
    cause: /no such tenant/,
    remedy: /tenantId/,
  },
  {
    what: 'an unknown client id',
    breaks: (setup) => change(connectionOf(setup), { clientId: randomUUID() }),
    hop: 'token',
    code: 'token-refused',
    aadsts: 'AADSTS700016',
    cause: /no app with this client id/,
    remedy: /clientId and tenantId/,
  },
  {
    what: 'a disabled app',
    breaks: (setup) => change(appOf(setup), { disabled: true }),
    hop: 'token',
    code: 'token-refused',
    aadsts: 'AADSTS7000112',
    cause: /The app is disabled/,
    remedy: /Enabled for users to sign-in/,
  },
  {
    what: 'a wrong secret',
    breaks: (setup) => change(connectionOf(setup), { clientSecret: 'wrong~secret' }),
    hop: 'token',
    code: 'token-refused',
    aadsts: 'AADSTS7000215',
    cause: /client secret is wrong/,
    remedy: /Value of the secret/,
  },
  {
    what: "the secret's id in place of its value",
    breaks: (setup) => change(connectionOf(setup), { clientSecret: appOf(setup).secrets[0]!.id }),
    hop: 'token',
    code: 'token-refused',
    aadsts: 'AADSTS7000215',
    cause: /client secret is wrong/,
    remedy: /not its Secret ID/,
  },
  {
    what: 'a secret that has expired',
    breaks: (setup) => change(appOf(setup).secrets[0]!, { expiresAt: Date.now() - 1000 }),
    hop: 'token',
    code: 'token-refused',
    aadsts: 'AADSTS7000222',
    cause: /client secret has expired/,
    remedy: /run mailbridge register-app --name contoso --rotate, .* By hand: make a new secret/,
  },
  {
    what: 'a certificate that is not registered',
    breaks: async (setup) => (await useCertificate(setup)).upload,
    hop: 'token',
    code: 'token-refused',
    aadsts: 'AADSTS700027',
    cause: /not registered with the app/,
    remedy: /Upload this certificate/,
  },
  {
    what: 'a certificate and the key of another',
    breaks: async (setup) => {
      const { files, upload } = await useCertificate(setup);
      upload();
      const right = files.key;
      writeFileSync(join(setup.folder, 'other.key'), (await makeClientCertificate()).key);
      Object.assign(files, { key: join(setup.folder, 'other.key') });
      return () => Object.assign(files, { key: right });
    },
    hop: 'configuration',
    code: 'client-certificate-invalid',
    cause: /contoso/,
    remedy: /upload the same certificate/,
  },
  {
    what: 'a certificate that has expired',
    breaks: async (setup) => {
      const past = { notBefore: new Date(Date.now() - 86_400_000 * 3), notAfter: new Date(Date.now() - 86_400_000) };
      (await useCertificate(setup, past)).upload();
      return async () => (await useCertificate(setup)).upload();
    },
    hop: 'credential',
    code: 'credential-expired',
    cause: /certificate ended on/,
    remedy: /Make a new certificate/,
  },
  {
    what: 'no consent: the tokens hold no roles',
    breaks: (setup) => change(appOf(setup).roles, { graph: [], exchange: [] }),
    hop: 'permission IMAP.AccessAsApp',
    code: 'permission-missing',
    cause: /lacks IMAP\.AccessAsApp/,
    remedy: /IMAP\.AccessAsApp \(Office 365 Exchange Online\).*mailbridge consent contoso/,
  },
  {
    what: 'the permission to read by IMAP missing',
    breaks: (setup) => change(appOf(setup).roles, { exchange: ['POP.AccessAsApp', 'SMTP.SendAsApp'] }),
    hop: 'permission IMAP.AccessAsApp',
    code: 'permission-missing',
    cause: /lacks IMAP\.AccessAsApp/,
    remedy: /^Run mailbridge register-app --name contoso: .* by hand: Add the application permission IMAP\.AccessAsApp/,
  },
  {
    what: 'the permission to read by POP3 missing',
    breaks: (setup) => change(appOf(setup).roles, { exchange: ['IMAP.AccessAsApp', 'SMTP.SendAsApp'] }),
    hop: 'permission POP.AccessAsApp',
    code: 'permission-missing',
    cause: /lacks POP\.AccessAsApp/,
    remedy: /^Run mailbridge register-app --name contoso: .* by hand: Add the application permission POP\.AccessAsApp/,
  },
  {
    what: 'the scope of Graph where that of Exchange belongs',
    breaks: (setup) => change(cloudOf(setup), { exchangeScope: 'https://graph.microsoft.com/.default' }),
    hop: 'token Exchange Online',
    code: 'token-unfit',
    cause: /token is for https:\/\/graph\.microsoft\.com, not for Exchange Online/,
    remedy: /exchangeScope/,
  },
  {
    what: 'a scope that names no API of the tenant',
    breaks: (setup) => change(connectionOf(setup), { scopes: ['https://outlook.office.invalid/.default'] }),
    hop: 'token Exchange Online',
    code: 'token-refused',
    aadsts: 'AADSTS500011',
    cause: /tenant does not know the resource/,
    remedy: /scopes you set yourself/,
  },
  {
    what: 'Entra ID overloaded',
    breaks: ({ simulator }) => {
      simulator.faults.add({ target: 'entra', kind: 'status', status: 503 }, 100);
      return () => simulator.faults.clear();
    },
    hop: 'token',
    code: 'token-temporarily-unavailable',
    aadsts: 'AADSTS90033',
    cause: /no token .* just now \(HTTP 503\)/,
    remedy: /status\.cloud\.microsoft/,
  },

  // Exchange Online
  {
    what: 'the service principal never made in Exchange',
    breaks: (setup) => change(inExchange(setup), { servicePrincipalObjectId: undefined }),
    hop: 'mailbox reports@contoso.example by SMTP',
    code: 'submission-refused',
    cause: /does not know the app by its right object id/,
    remedy: /New-ServicePrincipal -AppId [-\da-f]{36} -ObjectId [-\da-f]{36} .*mailbridge exchange-script contoso/,
  },
  {
    what: "the registration's object id given to Exchange",
    breaks: (setup) => {
      setup.config.accounts = setup.config.accounts.filter(({ read }) => read === 'imap');
      return change(inExchange(setup), { servicePrincipalObjectId: appOf(setup).objectId });
    },
    hop: 'mailbox alice@contoso.example by IMAP',
    code: 'mailbox-login-refused',
    cause:
      /does not open alice@contoso\.example by IMAP.*\(1\) Exchange does not know the app by its right object id; \(2\)/,
    remedy: /Get-ServicePrincipal must show AppId/,
  },
  {
    what: 'no permission on one mailbox of two',
    breaks: (setup) => {
      setup.config.accounts = [
        { username: 'reports', password: 'x', connection: 'contoso', mailbox: reports, read: 'imap' },
        { username: 'alice', password: 'x', connection: 'contoso', mailbox: alice, read: 'imap' },
      ];
      return change(inExchange(setup), { mailboxPermissions: [reports] });
    },
    hop: 'mailbox alice@contoso.example by IMAP',
    code: 'mailbox-not-connected',
    cause: /\(1\) the app has no permission on the mailbox; \(2\) IMAP is switched off/,
    remedy: /Add-MailboxPermission -Identity alice@contoso\.example -User [-\da-f]{36} -AccessRights FullAccess/,
  },
  {
    what: 'no permission on the only mailbox',
    breaks: (setup) => {
      setup.config.accounts = setup.config.accounts.filter(({ read }) => read === 'pop3');
      return change(inExchange(setup), { mailboxPermissions: [] });
    },
    hop: 'mailbox bob@contoso.example by POP3',
    code: 'mailbox-login-refused',
    cause: /\(1\) the app has no permission on the mailbox; \(2\) POP3 is switched off/,
    remedy: /^\(1\) Add-MailboxPermission -Identity bob@contoso\.example/,
  },
  {
    what: 'no permission on the mailbox, which SMTP shows with a message alone',
    breaks: (setup) => {
      setup.config.accounts = setup.config.accounts.filter(({ send }) => send === 'smtp');
      return change(inExchange(setup), { mailboxPermissions: [] });
    },
    sendTestTo: ['bob@contoso.example'],
    hop: 'test-message erp to bob@contoso.example',
    code: 'test-message-refused',
    cause: /did not accept the test message: 430 4\.2\.0 STOREDRV; mailbox logon failure/,
    remedy: /Add-MailboxPermission/,
  },
  {
    what: 'IMAP switched off for the mailbox',
    breaks: (setup) => change(exchangeOf(setup), { imapDisabledFor: [alice] }),
    hop: 'mailbox alice@contoso.example by IMAP',
    code: 'mailbox-not-connected',
    cause: /The cause: IMAP is switched off for the mailbox/,
    remedy: /^Set-CASMailbox alice@contoso\.example -ImapEnabled \$true$/,
  },
  {
    what: 'POP3 switched off for the mailbox',
    breaks: (setup) => change(exchangeOf(setup), { popDisabledFor: ['bob@contoso.example'] }),
    hop: 'mailbox bob@contoso.example by POP3',
    code: 'mailbox-login-refused',
    cause: /The cause: POP3 is switched off for the mailbox/,
    remedy: /^Set-CASMailbox bob@contoso\.example -PopEnabled \$true$/,
  },
  {
    what: 'SMTP AUTH switched off for the tenant',
    breaks: (setup) => change(exchangeOf(setup), { smtpAuthDisabled: true }),
    hop: 'mailbox reports@contoso.example by SMTP',
    code: 'smtp-auth-disabled',
    cause: /switched off for the whole tenant/,
    remedy:
      /Set-CASMailbox reports@contoso\.example -SmtpClientAuthenticationDisabled \$false.*send of the account to graph/,
  },
  {
    what: 'SMTP AUTH switched off for the mailbox',
    breaks: (setup) => change(exchangeOf(setup), { smtpAuthDisabledFor: [reports] }),
    hop: 'mailbox reports@contoso.example by SMTP',
    code: 'smtp-auth-disabled',
    cause: /switched off for the mailbox reports@contoso\.example/,
    remedy: /SmtpClientAuthenticationDisabled \$false/,
  },
  {
    what: 'neither SMTP.SendAsApp nor a role for it',
    breaks: (setup) => change(appOf(setup).roles, { exchange: ['IMAP.AccessAsApp', 'POP.AccessAsApp'] }),
    hop: 'mailbox reports@contoso.example by SMTP',
    code: 'submission-refused',
    cause: /lacks SMTP\.SendAsApp, so an Exchange role would have to permit it/,
    remedy: /"Application SMTP\.SendAsApp".*Test-ServicePrincipalAuthorization/,
  },
  {
    what: 'a mailbox that does not exist, read by IMAP',
    breaks: (setup) => change(setup.config.accounts[2]!, { mailbox: 'nobody@contoso.example' }),
    hop: 'mailbox nobody@contoso.example by IMAP',
    code: 'mailbox-not-connected',
    cause: /The cause: there is no such mailbox/,
    remedy: /Get-EXOMailbox nobody@contoso\.example/,
  },
  {
    what: 'too many connections to the mailbox',
    breaks: ({ simulator }) => {
      const text = 'BAD Request is throttled. Suggested Backoff Time: 92415 milliseconds';
      simulator.faults.add({ target: 'imap', kind: 'reply', text, mailbox: alice, at: 'auth' }, 10);
      return () => simulator.faults.clear();
    },
    hop: 'mailbox alice@contoso.example by IMAP',
    code: 'mailbox-connections-exceeded',
    cause: /throttled/,
    remedy: /fewer programs/,
  },

  // Graph
  {
    what: 'a mailbox that does not exist, sent as through Graph',
    breaks: (setup) => change(setup.config.accounts[0]!, { mailbox: 'nobody@contoso.example' }),
    hop: 'mailbox nobody@contoso.example by Graph',
    code: 'graph-mailbox-unknown',
    cause: /does not know the mailbox nobody@contoso\.example/,
    remedy: /user principal name/,
  },
  {
    what: 'an application access policy that leaves the mailbox out',
    breaks: (setup) => change(inExchange(setup), { graphMailboxes: [alice] }),
    hop: 'mailbox reports@contoso.example by Graph',
    code: 'graph-mailbox-refused',
    cause: /holds Mail\.Send, but an application access policy/,
    remedy: /Test-ApplicationAccessPolicy/,
  },
  {
    what: 'a role to send through Graph with another mailbox in its scope',
    breaks: (setup) => {
      change(appOf(setup).roles, { graph: [] });
      Object.assign(inExchange(setup), { graphRbac: { 'Application Mail.Send': [alice] } });
      return () => Object.assign(inExchange(setup), { graphRbac: { 'Application Mail.Send': [alice, reports] } });
    },
    hop: 'mailbox reports@contoso.example by Graph',
    code: 'graph-mailbox-refused',
    cause: /no Exchange role with reports@contoso\.example in its scope/,
    remedy: /mailbridge exchange-script contoso/,
  },
  {
    what: 'neither Mail.Send nor a role for it',
    breaks: (setup) => change(appOf(setup).roles, { graph: [] }),
    hop: 'mailbox reports@contoso.example by Graph',
    code: 'graph-mailbox-refused',
    cause: /lacks Mail\.Send, and no Exchange role/,
    remedy: /"Application Mail\.Send": mailbridge exchange-script contoso.*[\s\S]*mailbridge consent contoso/,
  },
  {
    what: 'Graph throttling the app',
    breaks: ({ simulator }) => {
      simulator.faults.add({ target: 'graph', kind: 'status', status: 429, retryAfterSeconds: 30 }, 10);
      return () => simulator.faults.clear();
    },
    hop: 'mailbox reports@contoso.example by Graph',
    code: 'graph-unavailable',
    cause: /throttles the app or the mailbox\. It asks to wait 30 s/,
    remedy: /Wait and try again/,
  },
];

test.each(breakages)('$what: named, mended, and then everything works', async (breakage) => {
  const setup = await workingSetup();
  const mend = await breakage.breaks(setup);

  const hops = await setup.check({ sendTestTo: breakage.sendTestTo ?? [] });
  const failed = firstFailure(hops);
  expect(failed, 'nothing failed').toBeDefined();
  const { hop, target, code, aadsts, cause, remedy } = failed as HopResult;
  expect(`${hop} ${target}`.trim()).toContain(breakage.hop);
  expect({ code, aadsts }).toEqual({ code: breakage.code, aadsts: breakage.aadsts });
  expect(cause).toMatch(breakage.cause);
  expect(remedy).toMatch(breakage.remedy);
  const told = JSON.stringify(hops);
  for (const secret of [setup.simulator.clientSecret, 'user:pass@', 'eyJ']) expect(told).not.toContain(secret);

  await mend();
  expect(firstFailure(await setup.check({ sendTestTo: breakage.sendTestTo ?? [] }))).toBeUndefined();
});
