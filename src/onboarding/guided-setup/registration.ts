import type { Clock } from '../../base/clock.ts';
import { BridgeError } from '../../base/errors.ts';
import type { HttpClient } from '../../base/http/client.ts';
import { beginAuthorization } from '../../tokens/grants/authorization-code.ts';
import { type DeviceCode, signInByDeviceCode } from '../../tokens/grants/device-code.ts';
import type { SignedIn, UserClientOptions } from '../../tokens/sign-ins/user-sign-in.ts';
import { certificateDays } from '../client-certificate-maker.ts';
import type { ScriptAccount } from '../exchange-script/input.ts';
import type { InitAnswers } from '../init-questions.ts';
import { listenForRedirect } from '../loopback-redirect.ts';
import { appName } from '../names.ts';
import { applicationPermissions, delegatedPermissions, usesOf } from '../permissions.ts';
import { administratorScopes, graphCommandLineTools } from '../registration/administrator.ts';
import type { AppCredential } from '../registration/credentials.ts';
import { graphDirectory } from '../registration/graph-directory.ts';
import { proveRegistration } from '../registration/prove-registration.ts';
import {
  type Registered,
  type Registration,
  type RegistrationStep,
  registerApp,
} from '../registration/register-app.ts';
import type { AdministratorWay, SetupCloud } from './ports.ts';
import type { SetupProgress } from './progress.ts';
import type { TaskWork } from './task.ts';

/** What is shown while the app is registered. */
export interface RegistrationShown {
  /** For an administrator to enter. */
  readonly code?: { readonly userCode: string; readonly verificationUri: string; readonly expiresAt: string };
  /** For an administrator to open, in a browser on the bridge's machine. */
  readonly link?: string;
  readonly signedInAs?: string;
  readonly steps: readonly RegistrationStep[];
  /** What it is waiting for. */
  readonly waiting?: string;
}

/** What is to be registered. */
export interface WantedApp {
  /** Name of the connection. */
  readonly name: string;
  /** A name or id; `organizations` if none is known. */
  readonly tenantId: string;
  readonly isPerson: boolean;
  readonly clientId: string | undefined;
  /** What the accounts of the connection do, including the new one. */
  readonly accounts: readonly ScriptAccount[];
  readonly present: AppCredential | undefined;
  /** Absolute. */
  readonly dataDir: string;
}

type RegistrationWork = TaskWork<RegistrationShown>;

const browserPatienceMs = 15 * 60_000;

/** The parts that go to the directory. */
export function registrationOf({ name, isPerson, clientId, accounts, present, dataDir }: WantedApp): Registration {
  const uses = usesOf(accounts);
  return {
    displayName: appName(name),
    clientId,
    roles: isPerson ? [] : applicationPermissions(uses, { classic: false, tenantWide: false }),
    scopes: isPerson ? delegatedPermissions(uses, { shared: false }) : [],
    publicClient: isPerson,
    redirectUris: ['http://localhost'],
    credential: isPerson
      ? undefined
      : {
          kind: present?.kind ?? 'certificate',
          validDays: certificateDays,
          displayName: appName(name),
          folder: dataDir,
          connection: name,
          present,
          rotate: false,
          dryRun: false,
        },
  };
}

/** The account described by the answers, for permissions and the Exchange script. */
export function scriptAccountOf({ mailbox = '', send, read }: InitAnswers): ScriptAccount {
  return {
    mailbox,
    senders: [],
    ...(send && { send: [send as NonNullable<ScriptAccount['send']>[number]] }),
    ...(read && { read: read as NonNullable<ScriptAccount['read']> }),
  };
}

/**
 * Signs an administrator in, registers the app, and gets a token with it. It can be interrupted anywhere and repeated.
 * @returns the app, for the progress
 * @throws BridgeError as the sign-in, {@link registerApp} and {@link proveRegistration}
 */
export async function registerGuided(
  wanted: WantedApp,
  cloud: SetupCloud,
  { way, http, clock }: { readonly way: AdministratorWay; readonly http: HttpClient; readonly clock: Clock },
  work: RegistrationWork,
): Promise<NonNullable<SetupProgress['app']>> {
  const { signal, show } = work;
  const registration = registrationOf(wanted);
  const { name, tenantId } = wanted;
  const client = { name, tenantId, clientId: graphCommandLineTools, authority: cloud.authority, http, clock };
  const scopes = administratorScopes(registration, cloud.graphScope);
  const administrator = await signIn(way, { ...client, scopes }, work);
  show(({ code: _c, link: _l, ...shown }) => ({ ...shown, signedInAs: administrator.username }));
  const waits = (text: string) => show((shown) => ({ ...shown, waiting: text }));
  const step = (done: RegistrationStep) =>
    show(({ waiting: _, ...shown }) => ({ ...shown, steps: [...shown.steps, done] }));
  const accessToken = administrator.accessToken.value;
  const directory = graphDirectory({ http, clock, origin: cloud.graph, accessToken, signal, onWait: waits });
  const replication = { clock, signal, tell: waits };
  const registered = await registerApp(directory, registration, replication, step);
  const home = isNamed(tenantId) ? tenantId : administrator.homeTenantId;
  const proven = await proveRegistration(
    { ...cloud, name, tenantId: home, http },
    registration,
    registered,
    replication,
  );
  if (proven !== undefined) step({ outcome: 'found', text: proven });
  return appOf(registered, home);
}

function isNamed(tenantId: string): boolean {
  return tenantId !== 'common' && tenantId !== 'organizations';
}

function appOf({ clientId, applicationId, servicePrincipalId, credential }: Registered, tenantId: string) {
  return {
    tenantId,
    clientId,
    ...(credential?.credential.kind === 'certificate' && { applicationId }),
    objectId: servicePrincipalId,
    ...(credential?.files && { credential: credential.files }),
  };
}

type AdministratorClient = UserClientOptions & { readonly scopes: readonly string[] };

function signIn(way: AdministratorWay, client: AdministratorClient, work: RegistrationWork): Promise<SignedIn> {
  return way === 'browser' ? signInInBrowser(client, work) : signInWithCode(client, work);
}

/** An administrator who takes too long gets a new code. */
async function signInWithCode(client: AdministratorClient, { signal, show }: RegistrationWork): Promise<SignedIn> {
  const onCode = ({ userCode, verificationUri, expiresAtMs }: DeviceCode) =>
    show((shown) => ({
      ...shown,
      code: { userCode, verificationUri, expiresAt: new Date(expiresAtMs).toISOString() },
    }));
  for (;;) {
    try {
      return await signInByDeviceCode({ ...client, signal, onCode });
    } catch (error) {
      if (!(error instanceof BridgeError) || error.code !== 'device-code-expired') throw error;
    }
  }
}

/** The browser returns to a port on this machine. */
async function signInInBrowser(client: AdministratorClient, { signal, show }: RegistrationWork): Promise<SignedIn> {
  const listener = await listenForRedirect(0);
  const patience = new AbortController();
  const expired = new BridgeError('sign-in-cancelled', 'Nobody signed in in the browser within 15 minutes.');
  const endPatience = client.clock.after(browserPatienceMs, () => patience.abort(expired));
  try {
    const { redirectUri } = listener;
    const request = await beginAuthorization({ ...client, redirectUri, prompt: 'select_account' });
    show((shown) => ({ ...shown, link: listener.shortUrl }));
    return await listener.receive({
      read: (address) => request.redeem(address),
      start: request.url,
      elsewhere: 'sign-in-redirect-invalid',
      thanks: ({ username }) => `${username} has signed in. The set-up page continues.`,
      signal: AbortSignal.any([signal, patience.signal]),
    });
  } finally {
    endPatience();
    await listener.close();
  }
}
