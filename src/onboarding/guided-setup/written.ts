import { relative, sep } from 'node:path';
import type { ConfigChange } from '../config-edit.ts';
import { connectionChanges } from '../connection-entry.ts';
import { freePorts, usualPorts } from '../free-ports.ts';
import { configOf, dataDirFor, hostOf, protocolsOf } from '../init-config.ts';
import { knownConnection } from './known-connection.ts';
import type { PresentConfig } from './ports.ts';
import type { SetupProgress } from './progress.ts';

/** The parts of the progress that become configuration. */
interface Wanted {
  readonly answers: SetupProgress['answers'];
  readonly app: NonNullable<SetupProgress['app']>;
  readonly cloud?: unknown;
}

/** What is written in addition to the progress. */
export interface WrittenParts {
  readonly passwordHash: string;
  readonly admin: Readonly<Record<string, unknown>>;
}

/** The configuration described by the progress, if there is none yet. */
export async function newConfig(
  { answers, app, cloud }: Wanted,
  { path, folder }: PresentConfig,
  { passwordHash, admin }: WrittenParts,
): Promise<Record<string, unknown>> {
  const secret = app.credential && 'secret' in app.credential ? app.credential.secret : undefined;
  return configOf(
    { ...answers, tenant: app.tenantId, 'client-id': app.clientId },
    {
      passwordHash,
      ports: await freePorts(hostOf(answers), protocolsOf(answers)),
      clientSecret: secret === undefined ? undefined : { file: fromFolder(secret, folder) },
      cloud,
      dataDir: dataDirFor(path),
      applicationId: app.applicationId,
      admin,
    },
  );
}

/** A listener that this set-up has written. */
export interface WrittenListener {
  readonly protocol: keyof typeof usualPorts;
  readonly port: number;
  /** Differs from {@link port} if another program had it. */
  readonly usualPort: number;
}

/** @param listeners as stored in the progress */
export function writtenListeners(listeners: SetupProgress['listeners'] = []): WrittenListener[] {
  return listeners.map(({ protocol, port }) => ({ protocol, port, usualPort: usualPorts[protocol] }));
}

/** The listeners in a configuration, or in the changes to one, as stored in the progress. */
export function listenersOf(values: readonly unknown[]): NonNullable<SetupProgress['listeners']> {
  return (values as NonNullable<SetupProgress['listeners']>).map(({ protocol, port }) => ({ protocol, port }));
}

/** The changes that bring connection, account and listeners into the existing configuration. */
export async function configChanges(
  { answers, app, cloud }: Wanted,
  present: PresentConfig,
  passwordHash: string,
): Promise<ConfigChange[]> {
  const { name = '' } = answers;
  const before = knownConnection(present, name);
  const grant = before?.grant ?? (answers['sign-in'] === 'person' ? 'device-code' : 'client-credentials');
  const { clientId, applicationId, credential } = app;
  // A connection that accepts people of any tenant continues to do so.
  const tenantId = typeof before?.tenantId === 'string' ? before.tenantId : app.tenantId;
  const entry = { name, grant: String(grant), tenantId, clientId, applicationId, cloud: undefined, credential };
  const made = await newConfig({ answers, app, cloud }, present, { passwordHash, admin: {} });
  const connection = connectionChanges(entry, before, present.folder).map((change) =>
    before === undefined && cloud !== undefined ? { ...change, value: { ...(change.value as object), cloud } } : change,
  );
  const has = new Set(present.listeners.map(({ protocol }) => protocol));
  const listeners = (made.listeners as { readonly protocol: string }[]).filter(({ protocol }) => !has.has(protocol));
  // -1 appends.
  return [
    ...connection,
    ...listeners.map((value) => ({ path: ['listeners', -1], value })),
    { path: ['accounts', -1], value: (made.accounts as unknown[])[0] },
  ];
}

function fromFolder(file: string, folder: string): string {
  const path = relative(folder, file);
  return path.startsWith('..') || path === '' ? file : path.replaceAll(sep, '/');
}
