import { resolve } from 'node:path';
import { BridgeError } from '../base/errors.ts';
import { systemConfig, systemDataDir } from '../base/system/system-paths.ts';
import { type InitAnswers, networksOf } from './init-questions.ts';

/** Stands for an app registration that does not exist yet; `mailbridge register-app` puts the right one in. */
export const noClientId = '00000000-0000-0000-0000-000000000000';

/** @param connection its name @throws BridgeError `app-not-registered` for {@link noClientId} */
export function assertRegistered(connection: string, clientId: unknown): void {
  if (clientId !== noClientId) return;
  throw new BridgeError('app-not-registered', `Connection ${connection} has no app registration yet.`, {
    remedy: `Run: mailbridge register-app --name ${connection}. Or put the Application (client) ID of an existing registration into clientId.`,
  });
}

/** What the file is built from besides the answers. */
export interface InitParts {
  readonly passwordHash: string;
  readonly ports: Readonly<Record<'smtp' | 'imap' | 'pop3', number>>;
  /** `clientSecret` of the configuration; without it there will be a certificate. */
  readonly clientSecret?: { readonly env: string } | { readonly file: string } | undefined;
  /** Left out for the global one. */
  readonly cloud?: unknown;
  /** Object id of the app registration, needed to renew its certificate. */
  readonly applicationId?: string | undefined;
  /** See {@link dataDirFor}. */
  readonly dataDir: string;
  /** `admin` of the configuration. */
  readonly admin: Readonly<Record<string, unknown>>;
}

/** `dataDir` in a configuration file at this path: a folder beside it, except for the service's. */
export function dataDirFor(path: string): string {
  return resolve(path) === systemConfig ? systemDataDir : 'data';
}

/** The configuration described by the answers. */
export function configOf(answers: InitAnswers, parts: InitParts): Record<string, unknown> {
  const { name = '', username = '', mailbox = '', send, read } = answers;
  const networks = networksOf(answers.networks ?? '');
  return {
    dataDir: parts.dataDir,
    listeners: protocolsOf(answers).map((protocol) => ({
      protocol,
      host: hostOf(answers),
      port: parts.ports[protocol],
      security: 'starttls',
    })),
    connections: { [name]: connectionOf(answers, parts) },
    accounts: [
      {
        username,
        password: parts.passwordHash,
        ...(networks.length > 0 && { networks }),
        connection: name,
        mailbox,
        ...(send !== undefined && { send }),
        ...(read !== undefined && { read }),
      },
    ],
    admin: parts.admin,
  };
}

/** The protocols that the bridge listens for. */
export function protocolsOf({ send, read }: InitAnswers): ('smtp' | 'imap' | 'pop3')[] {
  return [
    ...(send === undefined ? [] : ['smtp' as const]),
    ...(read === 'imap' ? ['imap' as const] : []),
    // POP3 programs are also served from IMAP.
    ...(read === undefined ? [] : ['pop3' as const]),
  ];
}

/** The address to listen on: no wider than needed. */
export function hostOf({ from }: InitAnswers): string {
  return from === 'network' ? '0.0.0.0' : '127.0.0.1';
}

function connectionOf(
  answers: InitAnswers,
  { clientSecret, cloud, dataDir, applicationId }: InitParts,
): Record<string, unknown> {
  const { name = '', tenant = '' } = answers;
  const app = {
    tenantId: tenant,
    clientId: answers['client-id'] || noClientId,
  };
  const place = cloud === undefined ? {} : { cloud };
  if (answers['sign-in'] === 'person') return { ...app, grant: 'device-code', ...place };
  const credential =
    clientSecret === undefined
      ? {
          clientCertificate: { cert: `${dataDir}/${name}.crt`, key: `${dataDir}/${name}.key` },
          ...(applicationId !== undefined && { applicationObjectId: applicationId }),
        }
      : { clientSecret };
  return { ...app, grant: 'client-credentials', ...credential, ...place };
}

/** A command line to run next. */
export interface NextStep {
  readonly args: readonly string[];
  readonly does: string;
}

/**
 * The steps from the configuration to working mail.
 * @param hasCredential the app has a secret or certificate that the configuration names
 */
export function nextSteps(answers: InitAnswers, hasCredential: boolean): NextStep[] {
  const { name = '' } = answers;
  const register: NextStep = {
    args: ['register-app', '--name', name],
    does: 'registers the app in Entra ID; an administrator signs in for it once',
  };
  const hasApp = answers['client-id'] !== '' && answers['client-id'] !== undefined;
  // For personal accounts the command says what to do by hand.
  const first = hasApp ? [] : [register];
  const check: NextStep = { args: ['check', '--wait'], does: 'tries everything, and waits while permissions spread' };
  const start: NextStep = { args: ['start'], does: 'runs the bridge' };
  if (answers['sign-in'] === 'person') {
    const login: NextStep = { args: ['login', name], does: 'signs the person in, with a code' };
    return [...first, login, check, start];
  }
  const script: NextStep = {
    args: ['exchange-script', name],
    does: 'writes what an Exchange administrator has to run in PowerShell',
  };
  return [...(hasCredential ? first : [register]), script, check, start];
}
