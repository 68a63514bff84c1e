import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { hashPassword } from '../../accounts/passwords.ts';
import type { Clock } from '../../base/clock.ts';
import { BridgeError } from '../../base/errors.ts';
import { answerRules } from '../../config/answer-rules.ts';
import { customCloud } from '../../config/blocks/connections.ts';
import { cloudNames, resolveCloud } from '../../config/clouds.ts';
import { loadConfig } from '../../config/load.ts';
import type { Environment } from '../../config/secrets.ts';
import type { ClientSetting, PresentConfig, SetupPorts } from '../../onboarding/guided-setup/ports.ts';
import type { Bridge } from '../bridge.ts';
import { checkConnections } from '../connections/check.ts';
import { hasOwnSignIns } from '../connections/tokens.ts';
import { openHttp } from './cloud-access.ts';
import { changeConfigFile, createConfigFile } from './config-file.ts';
import { readLooseConfig } from './loose-config.ts';
import { signedInPerson, signInPerson } from './person-sign-in.ts';
import { presentCredential } from './present-credential.ts';

/** What the set-up of a bridge needs besides its configuration file. */
export interface SetupPlace {
  /** Path of the configuration, whether it exists yet or not. */
  readonly path: string;
  readonly env: Environment;
  readonly clock: Clock;
  /** `admin` for a newly written configuration. */
  admin(): Readonly<Record<string, unknown>>;
  /** Undefined if none runs yet. */
  bridge(): Bridge | undefined;
  /** Starts the bridge, or reloads it. @throws BridgeError */
  apply(): Promise<void>;
}

/** What a guided set-up needs from the bridge. */
export function setupPorts(place: SetupPlace): SetupPorts {
  const { path, env, clock } = place;
  const loaded = async () => (await loadConfig(path, { env })).config;
  /** What a sign-in needs besides the connection. */
  const ownerOf = async (name: string, mailbox: string) => {
    const config = await loaded();
    const owner = hasOwnSignIns(config.connections[name]) && { owner: mailbox };
    return { config, shared: place.bridge()?.shared, clock, ...owner };
  };
  return {
    rules: answerRules,
    cloudNames,
    admin: () => place.admin(),
    cloudOf: (cloud, tenantId) => cloudOf(cloud, tenantId, dirname(resolve(path))),
    openHttp: async (cloud) => await openHttp(cloud, await readLooseConfig(path, env)),
    hashPassword,
    config: () => presentConfig(path, env),
    create: (config) => createConfigFile(path, config, false),
    change: (changes) => changeConfigFile(path, changes, env, clock.now()),
    apply: () => place.apply(),
    needsRestart: () => place.bridge()?.needsRestart ?? false,
    clientSettings: () => clientSettings(place.bridge()),
    async authority() {
      const file = place.bridge()?.authorityFile;
      return file === undefined ? undefined : await readFile(file, 'utf8');
    },
    async signedInUser(name, mailbox) {
      return await signedInPerson({ name, ...(await ownerOf(name, mailbox)) });
    },
    async signIn(name, mailbox, watcher) {
      return await signInPerson({ name, ...(await ownerOf(name, mailbox)) }, watcher);
    },
    async *check(name, onBegin) {
      const config = await loaded();
      yield* checkConnections(config, { name, clock, env: { ...env }, shared: place.bridge()?.shared, onBegin });
    },
    async sendTest(username, to) {
      const bridge = place.bridge();
      if (!bridge) throw new BridgeError('set-up-step-missing', 'The bridge does not run yet.');
      return await bridge.sendTest(username, to);
    },
  };
}

/**
 * @param folder where a relative `caFile` starts: that of the configuration file @throws BridgeError `config-invalid`
 */
function cloudOf(given: unknown, tenantId: string, folder: string) {
  if (given === undefined) return resolveCloud('global', tenantId);
  const named = cloudNames.find((name) => name === given);
  if (named) return resolveCloud(named, tenantId);
  const read = customCloud({
    path: (file) => resolve(folder, file),
    secret: () => ({ problem: 'no secret belongs here' }),
  });
  const described = read.safeParse(given);
  if (described.success) return resolveCloud(described.data, tenantId);
  const [issue] = described.error.issues;
  const where = issue?.path.length ? ` at ${issue.path.join('.')}` : '';
  throw new BridgeError('config-invalid', `The description of the cloud is wrong${where}: ${issue?.message ?? ''}.`, {
    remedy: `Give one of ${cloudNames.join(', ')}, or an object such as mailbridge simulate --write makes.`,
  });
}

async function presentConfig(path: string, env: Environment): Promise<PresentConfig> {
  const config = await readLooseConfig(path, env);
  return {
    ...config,
    async credentialOf(name) {
      const connection = Object.hasOwn(config.connections, name) ? config.connections[name] : undefined;
      return connection && (await presentCredential(config, connection));
    },
  };
}

function clientSettings(bridge: Bridge | undefined): ClientSetting[] {
  return (bridge?.listeners ?? []).map(({ protocol, host, port, security }) => ({
    protocol,
    hosts: bridge?.clientHosts(host) ?? [host],
    port,
    security,
  }));
}
