import { openHttp } from '../../app/set-up/cloud-access.ts';
import { type LooseConfig, readLooseConfig } from '../../app/set-up/loose-config.ts';
import { type Clock, systemClock } from '../../base/clock.ts';
import type { HttpClient } from '../../base/http/client.ts';
import { type CloudEndpoints, resolveCloud } from '../../config/clouds.ts';
import { assertCanEdit, editConfigFile } from '../../onboarding/config-edit.ts';
import { type ConnectionEntry, connectionBlock, connectionChanges } from '../../onboarding/connection-entry.ts';
import type { ExchangeScriptInput } from '../../onboarding/exchange-script/input.ts';
import { exchangeScript, needsExchangeScript } from '../../onboarding/exchange-script/script.ts';
import { type ScriptFile, writeScriptFile } from '../../onboarding/exchange-script/script-file.ts';
import { administratorScopes } from '../../onboarding/registration/administrator.ts';
import { removeCredential } from '../../onboarding/registration/credentials.ts';
import type { Directory } from '../../onboarding/registration/directory.ts';
import { graphDirectory } from '../../onboarding/registration/graph-directory.ts';
import { settleOrphans } from '../../onboarding/registration/orphans.ts';
import { planningDirectory } from '../../onboarding/registration/planning-directory.ts';
import { proveRegistration } from '../../onboarding/registration/prove-registration.ts';
import { type Registered, registerApp } from '../../onboarding/registration/register-app.ts';
import type { ReplicationOptions } from '../../onboarding/registration/replication.ts';
import { assertCanKeep } from '../../onboarding/registration/settle-credential.ts';
import { signInAdministrator } from '../administrator.ts';
import { configPath } from '../config-path.ts';
import { assertHasTenant } from '../named-connection.ts';
import { nextLogin } from '../next-login.ts';
import { askLine } from '../terminal/ask-line.ts';
import { showHelp } from '../terminal/help.ts';
import { interruptible } from '../terminal/interruptible.ts';
import type { CliIo } from '../terminal/io.ts';
import { type Intent, intentOf } from './intent.ts';
import { type RegisterAppOptions, readRegisterAppOptions } from './options.ts';
import { type ConfigOutcome, RegisterAppReport } from './report.ts';
import { registerAppUsage } from './usage.ts';

/** What every part of the command works with. */
interface Work {
  readonly options: RegisterAppOptions;
  readonly config: LooseConfig;
  readonly intent: Intent;
  readonly endpoints: CloudEndpoints;
  readonly http: HttpClient;
  readonly report: RegisterAppReport;
  readonly replication: ReplicationOptions & { readonly signal: AbortSignal };
  readonly io: CliIo;
}

/** `mailbridge register-app` */
export async function runRegisterApp(args: string[], io: CliIo, clock: Clock = systemClock): Promise<number> {
  const options = readRegisterAppOptions(args);
  if (options.help) return showHelp(io, registerAppUsage);
  const config = await readLooseConfig(configPath(options.config, io.env), io.env);
  const intent = await intentOf(options, config);
  assertHasTenant(
    intent.name,
    config.connections[intent.name] ?? {},
    'Register the app by hand in any tenant, for "Accounts in any organizational directory and personal Microsoft accounts", with public client flows allowed, and put its client id into the configuration; mailbridge help onboarding personal says how.',
  );
  const endpoints = options.cloud === undefined ? config.endpointsOf(intent.name) : resolveCloud(options.cloud);
  const report = new RegisterAppReport(io, options.json);
  const http = await openHttp(endpoints, config);
  try {
    await interruptible(async (signal) => {
      const replication = { clock, signal, tell: (text: string) => report.waiting(text) };
      const work: Work = { options, config, intent, endpoints, http, report, replication, io };
      await (options.dryRun ? plan(work) : register(work));
    });
    return 0;
  } finally {
    await http.close();
  }
}

async function plan(work: Work): Promise<void> {
  const { registration } = work.intent;
  // For an existing registration, only looking shows what is missing.
  const real = registration.clientId === undefined ? undefined : await signIn(work);
  const directory = planningDirectory([...registration.roles, ...registration.scopes], real?.directory);
  const registered = await registerApp(directory, registration, work.replication, () => {});
  const tenantId = work.intent.tenantId ?? real?.administrator.homeTenantId ?? work.options.tenant ?? '<tenant id>';
  const entry = entryOf(work, registered, tenantId);
  work.report.plan(directory.requests, real === undefined, {
    [entry.name]: connectionBlock(entry, work.config.folder),
  });
}

async function register(work: Work): Promise<void> {
  const { intent, report, options, replication } = work;
  await assertCanWriteAll(work);
  const { directory, administrator } = await signIn(work);
  report.done(`signed in as ${administrator.username}`);
  const registered = await registerApp(directory, intent.registration, replication, (step) => report.step(step));
  const tenantId = intent.tenantId ?? administrator.homeTenantId;
  const proof = () => (options.wait ? prove(work, registered, tenantId) : undefined);
  const { replaced } = intent;
  const current = registered.credential?.credential;
  // A credential that replaces a working one is proven first: the configuration never names one that does not work.
  const provenFirst = replaced && (await proof());
  const config = await writeConfig(work, entryOf(work, registered, tenantId));
  const failure = replaced
    ? undefined
    : await proof()?.then(
        () => undefined,
        (error: unknown) => ({ error }),
      );
  const oldRemoved =
    provenFirst && current
      ? await removeCredential(directory, registered.applicationId, replaced, current, replication)
      : undefined;
  await offerToRemoveOrphans(work, directory, registered);
  const script = scriptOf(work, registered, tenantId);
  report.conclude({
    connection: intent.name,
    tenantId,
    delegated: intent.registration.publicClient,
    nextLogin: nextLogin(intent.name, work.config.connections[intent.name]),
    registered,
    config,
    proven: options.wait && current ? failure === undefined : undefined,
    oldRemoved,
    exchangeScript: script && exchangeScript(script, { undo: false }),
    scriptFile: options.json ? undefined : await writeScript(work, script),
  });
  if (failure) throw failure.error;
}

/** A failure now costs nothing; after the sign-in it would leave a certificate behind whose key nobody has. */
async function assertCanWriteAll({ config, intent }: Work): Promise<void> {
  if (config.exists) await assertCanEdit(config.path);
  const { credential } = intent.registration;
  if (credential) await assertCanKeep(credential);
}

/** Each try whose files were lost has left a certificate, which authenticates anybody who has its key. */
async function offerToRemoveOrphans(work: Work, directory: Directory, registered: Registered): Promise<void> {
  const { io, intent, options, replication, report } = work;
  const current = registered.credential?.credential;
  const displayName = intent.registration.credential?.displayName;
  if (current === undefined || displayName === undefined || registered.credential?.others === 0) return;
  const isAsked = io.stdin.isTTY === true && !options.json;
  const search = { applicationId: registered.applicationId, displayName, current };
  const { count, removed } = await settleOrphans(directory, search, replication, async (found) => {
    if (options.removeOrphans || !isAsked) return options.removeOrphans;
    const question = `\n${orphanText(found)} Another machine with this connection may use ${found === 1 ? 'it' : 'one'}.\nRemove ${found === 1 ? 'it' : 'them'}? [y/N] `;
    return /^y(es)?$/i.test((await askLine(io, question, replication.signal))?.trim() ?? '');
  });
  if (removed) report.done(`removed ${count === 1 ? 'a certificate' : `${count} certificates`} of earlier tries`);
  else if (count > 0)
    report.say(`  ${orphanText(count)} If no other machine uses them: register-app --remove-orphans.`);
}

function orphanText(count: number): string {
  const what = count === 1 ? 'certificate of an earlier try is' : 'certificates of earlier tries are';
  return `${count} more ${what} in the app registration.`;
}

async function signIn({ options, intent, endpoints, http, report, replication, io }: Work) {
  const { clock, signal } = replication;
  const administrator = await signInAdministrator(
    {
      name: intent.name,
      tenantId: options.tenant ?? intent.tenantId ?? 'organizations',
      clientId: options.signInClientId,
      authority: endpoints.authority,
      scopes: administratorScopes(intent.registration, endpoints.graphScope),
      browser: options.browser,
      http,
      clock,
      signal,
    },
    io,
    (text) => report.say(text),
  );
  const directory = graphDirectory({
    http,
    clock,
    origin: endpoints.graph,
    accessToken: administrator.accessToken.value,
    signal,
    onWait: (text) => report.waiting(text),
  });
  return { directory, administrator };
}

function entryOf({ intent, options }: Work, registered: Registered, tenantId: string): ConnectionEntry {
  return {
    name: intent.name,
    grant: intent.grant,
    tenantId,
    clientId: registered.clientId,
    applicationId: registered.credential?.credential.kind === 'certificate' ? registered.applicationId : undefined,
    cloud: options.cloud === 'global' ? undefined : options.cloud,
    credential: registered.credential?.files,
  };
}

async function writeConfig({ config, replication }: Work, entry: ConnectionEntry): Promise<ConfigOutcome> {
  const { path, folder } = config;
  if (!config.exists) return { written: false, path, connections: { [entry.name]: connectionBlock(entry, folder) } };
  const present = Object.hasOwn(config.connections, entry.name) ? config.connections[entry.name] : undefined;
  const changes = connectionChanges(entry, present, folder);
  return { written: true, path, backup: await editConfigFile(path, changes, replication.clock.now()) };
}

/** Requests tokens with the credential until they name every permission granted. @returns whether there is one */
async function prove(work: Work, registered: Registered, tenantId: string): Promise<boolean> {
  const { intent, endpoints, http, report, replication } = work;
  const app = { ...endpoints, name: intent.name, tenantId, http };
  const proven = await proveRegistration(app, intent.registration, registered, replication);
  if (proven !== undefined) report.done(proven);
  return proven !== undefined;
}

/**
 * What has to be set in Exchange; undefined if no mailbox is known. If a person signs in, that is usually nothing, and
 * their identity only shows when they do.
 */
function scriptOf(
  { intent, options }: Work,
  registered: Registered,
  tenantId: string,
): ExchangeScriptInput | undefined {
  const { accounts, name, registration } = intent;
  if (accounts.length === 0 || registration.publicClient) return undefined;
  const principal = {
    kind: 'app',
    clientId: registered.clientId,
    objectId: registered.servicePrincipalId,
    classic: options.classic,
    tenantWide: options.tenantWide,
  } as const;
  return { connection: name, organization: tenantId, principal, accounts };
}

/** @returns undefined if there is nothing to write */
async function writeScript({ config }: Work, input: ExchangeScriptInput | undefined): Promise<ScriptFile | undefined> {
  if (input === undefined || !needsExchangeScript(input)) return undefined;
  const script = exchangeScript(input, { undo: false });
  return await writeScriptFile(config.folder, { name: input.connection, script, undo: false, force: false });
}
