import { access, readFile, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { BridgeError } from '../../base/errors.ts';
import { ownerToKeep } from '../../base/files/ownership.ts';
import { loadConfig, readConfigText } from '../../config/load.ts';
import type { Environment } from '../../config/secrets.ts';
import { type ConfigChange, editConfigFile, editJson } from '../../onboarding/config-edit.ts';
import { ownerOfDataFolder, writeWholeFile } from '../../onboarding/whole-file.ts';

/** @param force an existing configuration may be replaced @throws BridgeError `config-exists` */
export async function assertNoConfig(path: string, force: boolean): Promise<void> {
  if (force) return;
  const isThere = await access(path).then(
    () => true,
    () => false,
  );
  if (isThere) throw new BridgeError('config-exists', `${path} already exists.`);
}

/**
 * Writes a configuration completely or not at all, once the loader has accepted it.
 * @param beforehand done before the file is in its place
 * @throws BridgeError `config-exists`, `config-invalid`, `file-not-written`
 */
export async function createConfigFile(
  path: string,
  config: Readonly<Record<string, unknown>>,
  force: boolean,
  beforehand: () => Promise<void> = async () => {},
): Promise<void> {
  const candidate = `${path}.new`;
  const owner = ownerOfDataFolder(resolve(dirname(path), String(config.dataDir)));
  try {
    await writeWholeFile(candidate, `${JSON.stringify(config, null, 2)}\n`, 0o600, ownerToKeep(path, owner));
    await loadConfig(candidate, { env: {}, secrets: [] }).catch((error: unknown) => {
      throw error instanceof BridgeError ? aboutFile(error, candidate, path) : error;
    });
    await beforehand();
    await assertNoConfig(path, force);
    await rename(candidate, path);
  } finally {
    await rm(candidate, { force: true });
  }
}

/** The candidate file is gone by the time this is read. */
function aboutFile({ code, message, remedy, details }: BridgeError, candidate: string, path: string): BridgeError {
  return new BridgeError(code, message.replaceAll(candidate, path), { remedy, details });
}

/**
 * Changes a configuration, once the loader has accepted the change. The previous file is kept beside it.
 * @throws BridgeError `config-not-found`, `config-invalid`, `secret-unavailable`, `file-not-written`
 */
export async function changeConfigFile(
  path: string,
  changes: readonly ConfigChange[],
  env: Environment,
  nowMs: number,
): Promise<void> {
  const edited = editJson(await readFile(path, 'utf8'), changes);
  readConfigText(edited, path, { env, secrets: [], folder: dirname(resolve(path)), mode: 0o600 });
  await editConfigFile(path, changes, nowMs);
}
