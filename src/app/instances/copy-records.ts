import { openAppPasswords } from '../../accounts/sources/app-passwords/open.ts';
import type { Clock } from '../../base/clock.ts';
import { BridgeError } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { RecordTable } from '../../base/record-table.ts';
import { resolveCloud } from '../../config/clouds.ts';
import type { Config } from '../../config/schema.ts';
import { ownConnection } from '../../message/own-connection.ts';
import type { SignIn, SignInStore } from '../../tokens/sign-ins/store.ts';
import {
  type DelegatedConnection,
  hasOwnSignIns,
  isDelegated,
  openConnectionStore,
  signInOwners,
} from '../connections/tokens.ts';

export interface CopyOptions {
  readonly records: RecordTable;
  /** `to-records`: from the data folder into the store; `to-files`: back. */
  readonly direction: 'to-records' | 'to-files';
  readonly clock: Clock;
  readonly log: Log;
  readonly env: NodeJS.ProcessEnv;
}

/** The result for a sign-in. `absent`: there is none; `kept`: the target's is as new, and stays. */
export interface CopiedSignIn {
  readonly connection: string;
  readonly outcome: 'copied' | 'absent' | 'kept' | 'failed';
  /** Why it failed: usually it cannot be opened. */
  readonly error?: BridgeError;
}

export interface CopiedRecords {
  readonly signIns: readonly CopiedSignIn[];
  readonly appPasswords: {
    readonly copied: number;
    /** The target already has one of the same login and name, which stays. */
    readonly kept: number;
  };
  /** Ids of the app passwords found in the source, copied or not. */
  readonly passwordIds: ReadonlySet<string>;
}

/**
 * Copies what instances share, sign-ins and app passwords, between the data folder and a store. Nothing is removed from
 * the source. It can be repeated; what was copied before stays.
 * @throws BridgeError `app-passwords-unusable`, `shared-store-unavailable`, and of the key: see `openConnectionStore`
 */
export async function copyRecords(config: Config, options: CopyOptions): Promise<CopiedRecords> {
  const signIns: CopiedSignIn[] = [];
  for (const [name, connection] of Object.entries(config.connections)) {
    if (!isDelegated(connection)) continue;
    for (const each of await signInNames(name, connection, config, options)) {
      signIns.push(await copySignIn(each, connection, config, options));
    }
  }
  const stores = [undefined, options.records].map((shared) => openAppPasswords(config.dataDir, shared));
  const [from, to] = options.direction === 'to-records' ? stores : stores.toReversed();
  const all = (await from?.all()) ?? [];
  const copied = (await to?.take(all))?.length ?? 0;
  const passwordIds = new Set(all.map(({ entry }) => entry.id));
  return { signIns, appPasswords: { copied, kept: all.length - copied }, passwordIds };
}

/** The connection itself; if each mailbox has its own sign-in, those in the source. */
async function signInNames(
  name: string,
  connection: DelegatedConnection,
  config: Config,
  { records, direction, clock }: CopyOptions,
): Promise<string[]> {
  if (!hasOwnSignIns(connection)) return [name];
  const from = direction === 'to-files' ? records : undefined;
  const owners = await signInOwners(name, config, from, clock.now());
  return owners.map((owner) => ownConnection(name, owner));
}

async function copySignIn(
  connection: string,
  of: DelegatedConnection,
  config: Config,
  { records, direction, clock, log, env }: CopyOptions,
): Promise<CopiedSignIn> {
  const parts = { endpoints: resolveCloud(of.cloud, of.tenantId), clock, log, env };
  const inRecords = await openConnectionStore(connection, of, config, { ...parts, shared: records });
  const inFile = await openConnectionStore(connection, of, config, parts);
  try {
    if (direction === 'to-files') return { connection, outcome: await copied(await inRecords.read(), inFile) };
    const { tokenKey: _, ...withoutKey } = config;
    const byFormerKey = await openConnectionStore(connection, of, withoutKey, parts);
    return { connection, outcome: await copied(await firstReadable(inFile, byFormerKey), inRecords) };
  } catch (error) {
    if (error instanceof BridgeError) return { connection, outcome: 'failed', error };
    throw error;
  }
}

async function copied(signIn: SignIn | undefined, to: SignInStore): Promise<CopiedSignIn['outcome']> {
  if (!signIn) return 'absent';
  const there = await to.read();
  if (there && there.ended === undefined && there.renewedAtMs >= signIn.renewedAtMs) return 'kept';
  await to.replace(signIn);
  return 'copied';
}

/** Before there were instances, the key may have been the one created in the data folder. */
async function firstReadable(store: SignInStore, byFormerKey: SignInStore): Promise<SignIn | undefined> {
  try {
    return await store.read();
  } catch (error) {
    if (!(error instanceof BridgeError) || error.code !== 'sign-in-file-key-wrong') throw error;
    return await byFormerKey.read().catch(() => Promise.reject(error));
  }
}
