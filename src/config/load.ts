import { readFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { BridgeError } from '../base/errors.ts';
import { connectionKeys } from './blocks/connections.ts';
import { crossChecks } from './cross-checks.ts';
import type { SecretUse, Sources } from './fields.ts';
import { JsonSyntaxError, parseJson } from './json.ts';
import { type Problem, problemLine, problemsOf } from './problems.ts';
import { type Config, configSchema } from './schema.ts';
import { type Environment, fetchSecret } from './secrets.ts';
import { unreadableConfig } from './unreadable.ts';
import { configWarnings } from './warnings.ts';

/** A valid configuration, and warnings about it. */
export interface LoadedConfig {
  readonly config: Config;
  readonly warnings: string[];
  readonly references: ConfigReferences;
}

/** What a configuration refers to. */
export interface ConfigReferences {
  /** Files that it names, except the data folder: as written, and absolute. */
  readonly files: ReadonlyMap<string, string>;
  /** Environment variables that contain secrets. */
  readonly variables: ReadonlySet<string>;
}

/**
 * Reads, checks and completes a configuration file.
 * @param path relative paths in the file start at its folder
 * @throws BridgeError `config-not-found`, `config-not-json`, `config-invalid`, or `secret-unavailable` if the only
 * problem is secrets that are not where the file says. Its `details.problems` has a line for every problem.
 */
export async function loadConfig(path: string, options: LoadOptions): Promise<LoadedConfig> {
  const { text, mode } = await readConfigFile(path);
  return readConfigText(text, path, { ...options, folder: dirname(resolve(path)), mode });
}

/** How a configuration is read. */
export interface LoadOptions {
  readonly env: Environment;
  /** Which of the secrets stored elsewhere are fetched; the others are left alone. Default: all are fetched. */
  readonly secrets?: readonly SecretUse[];
}

/**
 * As {@link loadConfig}, for a text that is not in its file yet.
 * @param path where it comes from, for errors
 * @param options.folder where relative paths start
 * @param options.mode of the file; secrets in it should not be open to others
 */
export function readConfigText(
  text: string,
  path: string,
  { folder, mode, ...options }: LoadOptions & { readonly folder: string; readonly mode: number },
): LoadedConfig {
  const { value, duplicates } = parseConfigText(text, path);
  const resolvePath = (relative: string) => resolve(folder, relative);
  const files = new Map<string, string>();
  const variables = new Set<string>();
  let holdsSecrets = false;
  const sources: Sources = {
    path(relative) {
      files.set(relative, resolvePath(relative));
      return resolvePath(relative);
    },
    secret(source, use) {
      if (typeof source === 'object' && 'file' in source) files.set(source.file, resolvePath(source.file));
      if (typeof source === 'object' && 'env' in source) variables.add(source.env);
      // Others may read a hash; everything else is the secret itself.
      if (typeof source === 'string' && !source.startsWith('$scrypt$')) holdsSecrets = true;
      const isWanted = options.secrets === undefined || (use !== undefined && options.secrets.includes(use));
      if (!isWanted && typeof source !== 'string') return { unfetched: true };
      return fetchSecret(source, options.env, resolvePath);
    },
  };
  const result = configSchema(sources).safeParse(value);
  const problems: Problem[] = [
    ...duplicates.map((duplicate) => ({ path: duplicate, text: 'is in the file twice' })),
    ...(result.error?.issues ?? []).flatMap((issue) => problemsOf(issue, value)),
    ...crossChecks(value, connectionKeys(sources)),
  ];
  if (!result.success || problems.length > 0) throw invalid(path, problems);
  const config: Config = deepFreeze(result.data);
  for (const [written, file] of files) if (file === config.dataDir) files.delete(written);
  return { config, warnings: configWarnings(config, { mode, holdsSecrets }), references: { files, variables } };
}

async function readConfigFile(path: string): Promise<{ text: string; mode: number }> {
  try {
    const { mode } = await stat(path);
    return { text: await readFile(path, 'utf8'), mode };
  } catch (error) {
    throw await unreadableConfig(path, error);
  }
}

function parseConfigText(text: string, path: string) {
  try {
    return parseJson(text);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    const where = `line ${error.line}, column ${error.column}`;
    const problem = `${where}: ${error.message}`;
    throw new BridgeError('config-not-json', `${path} is not valid JSON: ${problem}.`, {
      details: { path, line: error.line, column: error.column, problems: [problem] },
    });
  }
}

function invalid(path: string, problems: readonly Problem[]): BridgeError {
  const lines = [...new Set(problems.map(problemLine))];
  const code = problems.every((problem) => problem.secretUnavailable) ? 'secret-unavailable' : 'config-invalid';
  const count = lines.length === 1 ? '1 problem' : `${lines.length} problems`;
  return new BridgeError(code, `${path} has ${count}:\n${lines.join('\n')}`, { details: { path, problems: lines } });
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}
