import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { issueServerCertificate, makeAuthority } from '../base/certificates.ts';
import { type Clock, systemClock } from '../base/clock.ts';
import { type Log, silentLog } from '../base/log.ts';
import { listenControl } from './control/control-server.ts';
import { SendingLimits } from './delivery/sending-limits.ts';
import { Transport } from './delivery/transport.ts';
import { Violations } from './delivery/violations.ts';
import { TokenSigner } from './entra/access-token.ts';
import { listenEntra } from './entra/entra-server.ts';
import { listenExchangeImap } from './exchange/imap.ts';
import { listenExchangePop3 } from './exchange/pop3.ts';
import { listenExchangeSmtp } from './exchange/smtp.ts';
import { Faults } from './faults.ts';
import { ImportSessions } from './graph/exchange-items/import-sessions.ts';
import { GraphRequests } from './graph/graph-requests.ts';
import { listenGraph } from './graph/graph-server.ts';
import { GraphBehaviour } from './graph/mail/behaviour.ts';
import { Drafts } from './graph/mail/drafts/drafts.ts';
import { UploadSessions } from './graph/mail/drafts/upload-sessions.ts';
import type { Listening } from './http/http-server.ts';
import { MailboxDirectory } from './mailboxes/mailbox-directory.ts';
import { mailboxAccess } from './tenant/exchange-permissions.ts';
import { Tenant } from './tenant/tenant.ts';

export interface SimulatorOptions {
  /** Default `127.0.0.1`. The control endpoint has no password: keep to loopback. */
  readonly host?: string;
  /** First of six ports: Entra, Graph, IMAP, POP3, SMTP, control. 0 or undefined: any free ports. */
  readonly portBase?: number;
  readonly tenantId?: string;
  readonly clientId?: string;
  readonly clientSecret?: string;
  /** Certificate (PEM, RSA) with which the app registration accepts client assertions. */
  readonly clientCertificatePem?: string;
  /** Everybody's initial password; default: generated. */
  readonly userPassword?: string;
  /** Default: reports@, alice@ and bob@contoso.example. The domain of the first is the tenant's. */
  readonly mailboxes?: readonly string[];
  /** Mailboxes of personal accounts, which belong to no organization; default none. */
  readonly personalMailboxes?: readonly string[];
  /** Where ca.pem is written; default: a directory that is removed at the end. */
  readonly directory?: string;
  /** Concurrent Graph requests per app and mailbox; Microsoft documents 4. */
  readonly graphConcurrentPerMailbox?: number;
  /** Size of a Graph request; Microsoft documents 4 MB. */
  readonly graphMaxRequestBytes?: number;
  /** Concurrent SMTP connections per mailbox; Microsoft documents 3. */
  readonly smtpConnectionsPerMailbox?: number;
  /** False keeps a journal of accepted mail but no messages: for more mail than memory. */
  readonly keepContent?: boolean;
  readonly log?: Log;
  /** For the minutes and days of sending limits; default: the system clock. */
  readonly clock?: Clock;
}

/** The endpoint of a mail protocol. */
export interface SimulatorMailEndpoint {
  readonly host: string;
  readonly port: number;
  readonly security: 'tls' | 'starttls';
}

/** Microsoft 365, running. */
export interface Simulator {
  readonly endpoints: {
    /** Entra ID: `https://host:port`. */
    readonly authority: string;
    readonly graph: string;
    readonly imap: SimulatorMailEndpoint;
    readonly pop3: SimulatorMailEndpoint;
    readonly smtp: SimulatorMailEndpoint;
    /** `http://host:port`; see docs/simulator.md. */
    readonly control: string;
    /** PEM certificate of the authority that issued every endpoint's certificate. */
    readonly caFile: string;
  };
  readonly tenantId: string;
  readonly tenantDomain: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** The registered certificate, if any. */
  readonly certificate?: { readonly thumbprintSha256: string };
  readonly mailboxes: readonly string[];
  /** May consent for the tenant and register apps. */
  readonly adminUser: string;
  /** Everybody's initial password. */
  readonly userPassword: string;
  /** The endpoint where code on the same machine gets tokens without a credential, as on an App Service machine. */
  readonly managedIdentity: {
    /** The environment variable `IDENTITY_ENDPOINT`. */
    readonly endpoint: string;
    /** The environment variable `IDENTITY_HEADER`. */
    readonly header: string;
  };
  /** Past events and faults to stage, for callers in the same process. */
  readonly faults: Faults;
  /** How Graph behaves. */
  readonly graph: GraphBehaviour;
  /** The requests that Graph received. */
  readonly graphRequests: GraphRequests;
  readonly tenant: Tenant;
  readonly signer: TokenSigner;
  readonly directory: MailboxDirectory;
  readonly transport: Transport;
  /** The sending limits; initially nothing is limited. */
  readonly limits: SendingLimits;
  /** The limits that clients exceeded. */
  readonly violations: Violations;
  /** Stops everything immediately; connections are cut. */
  close(): Promise<void>;
}

const defaultMailboxes = ['reports@contoso.example', 'alice@contoso.example', 'bob@contoso.example'];

/**
 * Starts Microsoft 365 in this process: Entra ID, Graph and Exchange Online as their documents describe them. Rejects
 * with the system's error if a port is unavailable; nothing is left running then.
 */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const { host = '127.0.0.1', portBase = 0, log = silentLog, mailboxes = defaultMailboxes } = options;
  const domain = mailboxes[0]?.split('@')[1] ?? 'contoso.example';
  const { personalMailboxes = [] } = options;
  const tenant = new Tenant({ ...options, domain, users: mailboxes, personalUsers: personalMailboxes });
  const signer = new TokenSigner(tenant.id);
  const directory = new MailboxDirectory([...mailboxes, ...personalMailboxes]);
  const faults = new Faults();
  const transport = new Transport({ directory, domain, keepContent: options.keepContent ?? true });
  const violations = new Violations();
  const limits = new SendingLimits(violations, () => (options.clock ?? systemClock).now());
  const drafts = new Drafts();
  const uploads = new UploadSessions();
  const imports = new ImportSessions();
  const behaviour = new GraphBehaviour();
  const requests = new GraphRequests();
  const { tls, caFile, removeFiles } = await makeCertificates(host, options.directory);
  const onDefect = (error: unknown) => log.error({ error }, 'unexpected error in the simulator');
  const parts = {
    ...{ host, tls, tenant, signer, directory, transport },
    ...{ limits, violations, uploads, imports, behaviour, requests, faults, onDefect },
  };
  const services: readonly ((port: number) => Promise<Listening>)[] = [
    (port) => listenEntra({ ...parts, port }),
    (port) => listenGraph({ ...parts, ...graphLimits(options), drafts, port }),
    (port) => listenExchangeImap({ ...parts, ...mailboxAccess(tenant, signer, 'imap'), log, port }),
    (port) => listenExchangePop3({ ...parts, ...mailboxAccess(tenant, signer, 'pop3'), log, port }),
    (port) => listenExchangeSmtp({ ...parts, connectionsPerMailbox: options.smtpConnectionsPerMailbox ?? 3, port }),
    (port) => listenControl({ ...parts, port }),
  ];
  const { ports, closeAll } = await listenAll(services, portBase).catch(async (error: unknown) => {
    await removeFiles();
    throw error;
  });
  return {
    endpoints: { ...endpointsAt(host, ports), caFile },
    tenantId: tenant.id,
    tenantDomain: tenant.domain,
    clientId: tenant.app.clientId,
    clientSecret: tenant.app.secrets[0]?.value ?? '',
    ...registeredCertificate(tenant),
    mailboxes,
    adminUser: `admin@${domain}`,
    userPassword: tenant.userPassword,
    managedIdentity: { endpoint: `http://${host}:${ports[5]}/msi/token`, header: tenant.identityHeader },
    faults,
    graph: behaviour,
    graphRequests: requests,
    tenant,
    signer,
    directory,
    transport,
    limits,
    violations,
    async close() {
      await closeAll();
      await removeFiles();
    },
  };
}

type SixPorts = readonly [number, number, number, number, number, number];

function endpointsAt(host: string, [authority, graph, imap, pop3, smtp, control]: SixPorts) {
  return {
    authority: `https://${host}:${authority}`,
    graph: `https://${host}:${graph}`,
    imap: { host, port: imap, security: 'tls' },
    pop3: { host, port: pop3, security: 'tls' },
    smtp: { host, port: smtp, security: 'starttls' },
    control: `http://${host}:${control}`,
  } as const;
}

/** Starts every service, or none. */
async function listenAll(
  services: readonly ((port: number) => Promise<Listening>)[],
  portBase: number,
): Promise<{ ports: SixPorts; closeAll: () => Promise<void> }> {
  const started = await Promise.allSettled(
    services.map((start, index) => start(portBase === 0 ? 0 : portBase + index)),
  );
  const running = started.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const closeAll = async () => {
    await Promise.all(running.map((listening) => listening.close()));
  };
  const failed = started.find((result) => result.status === 'rejected');
  if (failed) {
    await closeAll();
    throw failed.reason;
  }
  const [a = 0, b = 0, c = 0, d = 0, e = 0, f = 0] = running.map(({ port }) => port);
  return { ports: [a, b, c, d, e, f], closeAll };
}

function graphLimits(options: SimulatorOptions) {
  return {
    concurrentPerMailbox: options.graphConcurrentPerMailbox ?? 4,
    maxRequestBytes: options.graphMaxRequestBytes ?? 4 * 1024 * 1024,
  };
}

function registeredCertificate(tenant: Tenant): Pick<Simulator, 'certificate'> {
  const [certificate] = tenant.app.certificates;
  return certificate
    ? { certificate: { thumbprintSha256: certificate.certificate.fingerprint256.replaceAll(':', '') } }
    : {};
}

/** A new certificate authority, and one certificate for every endpoint. */
async function makeCertificates(host: string, directory: string | undefined) {
  const authority = await makeAuthority('Simulated Microsoft 365', 30);
  const names = [...new Set(['localhost', '127.0.0.1', host])] as [string, ...string[]];
  const tls = await issueServerCertificate(authority, names, 30);
  const folder = directory ?? (await mkdtemp(join(tmpdir(), 'mailbridge-simulator-')));
  const caFile = join(folder, 'ca.pem');
  await writeFile(caFile, authority.cert);
  const removeFiles = () => (directory ? rm(caFile, { force: true }) : rm(folder, { recursive: true, force: true }));
  return { tls, caFile, removeFiles };
}
