import { randomBytes, scrypt } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BridgeError } from '../../base/errors.ts';
import { FileLock } from '../../base/files/file-lock.ts';
import { fileErrorText, readPrivateFile, writePrivateFile } from '../../base/files/private-file.ts';
import type { Log } from '../../base/log.ts';

/** Possible sources of the key that encrypts sign-ins. */
export interface TokenKeyOptions {
  /** `tokenKey` of the configuration. */
  readonly secret?: string | undefined;
  /** Environment with `CREDENTIALS_DIRECTORY`, which systemd sets: systemd.exec(5), "Credentials". */
  readonly env: NodeJS.ProcessEnv;
  readonly dataDir: string;
  /** A file with the credential that systemd passes to the service, if there is one. */
  readonly serviceKey?: string | undefined;
  /** Other instances open the same sign-ins: a key generated on this machine would be of no use to them. */
  readonly isShared?: boolean;
  readonly log: Log;
}

const keyBytes = 32;
const shortestPassphrase = 20;
const credentialName = 'mailbridge-token-key';
const maxKeyFileBytes = 4096;
/** Reading and writing a file of a few bytes takes no longer unless the disk is dead. */
const lockTimeoutMs = 10_000;

/**
 * Returns the key that encrypts sign-ins, from the first of these that exists: `secret`; the systemd credential
 * `mailbridge-token-key`; the file from which this credential is made; the file `token.key` in the data folder, created
 * on first use, except for shared sign-ins. The key is fetched when first needed, and then kept.
 *
 * A secret or credential is 32 bytes in base64 or hex, or a passphrase of at least 20 characters. `token.key` is a line
 * of base64, which can be moved elsewhere and set as `tokenKey` instead.
 * @returns a function that returns 32 bytes, or throws BridgeError `token-key-invalid`, `token-key-unusable`,
 * `token-key-needed`
 */
export function tokenKey(options: TokenKeyOptions): () => Promise<Buffer> {
  let key: Promise<Buffer> | undefined;
  return () => {
    key ??= fetchKey(options).catch((error: unknown) => {
      // A problem with a file can be fixed while the bridge runs.
      key = undefined;
      throw error;
    });
    return key;
  };
}

async function fetchKey({ secret, env, dataDir, serviceKey, isShared, log }: TokenKeyOptions): Promise<Buffer> {
  if (secret !== undefined) return await keyOfSecret(secret, 'tokenKey');
  const folder = env.CREDENTIALS_DIRECTORY;
  const credential =
    (folder && (await keyText(join(folder, credentialName)))) || (serviceKey && (await keyText(serviceKey)));
  if (credential) return await keyOfSecret(credential.text, credential.file);
  if (isShared) {
    throw new BridgeError(
      'token-key-needed',
      'The sign-ins are in the store that the instances share, and the configuration has no tokenKey to encrypt them.',
    );
  }
  const file = join(dataDir, 'token.key');
  try {
    return (await readKeyFile(file, log)) ?? (await makeKeyFile(file, log));
  } catch (cause) {
    if (cause instanceof BridgeError) throw cause;
    throw unusable(file, cause);
  }
}

/** Decodes the key in a secret, or derives it from a passphrase. */
async function keyOfSecret(secret: string, source: string): Promise<Buffer> {
  const key = decodeKey(secret);
  if (key) return key;
  if (secret.length < shortestPassphrase) {
    throw invalid(`${source} has ${secret.length} characters, fewer than ${shortestPassphrase}`);
  }
  return await deriveKey(secret);
}

/** Decodes 32 bytes in hex or in either base64 alphabet; undefined for any other text. */
function decodeKey(text: string): Buffer | undefined {
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex');
  return /^[\w+/-]{43}=?$/.test(text) ? Buffer.from(text, 'base64') : undefined;
}

/**
 * The salt is fixed because there is nowhere to store another one: the passphrase itself has to give the same key on
 * every machine. scrypt (RFC 7914) with 32 MiB still makes guessing expensive.
 */
function deriveKey(passphrase: string): Promise<Buffer> {
  const cost = { N: 2 ** 15, r: 8, p: 1, maxmem: 64 * 1024 * 1024 };
  return new Promise((resolve, reject) => {
    scrypt(passphrase.normalize('NFC'), 'mailbridge token key v1', keyBytes, cost, (error, key) => {
      if (error) reject(error);
      else resolve(key);
    });
  });
}

/** Reads a file provided by an administrator; undefined if there is none. */
async function keyText(file: string): Promise<{ text: string; file: string } | undefined> {
  let content: Buffer;
  try {
    content = await readFile(file);
  } catch (cause) {
    if (fileErrorText(cause) === 'ENOENT') return undefined;
    throw unusable(file, cause);
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(content);
    return { text: text.replace(/(\r?\n)+$/, ''), file };
  } catch {
    throw invalid(`${file} is not text; write the key in base64 or hex`);
  }
}

async function readKeyFile(file: string, log: Log): Promise<Buffer | undefined> {
  const found = await readPrivateFile(file, maxKeyFileBytes);
  if (found === undefined) return undefined;
  if (found.wasOpenToOthers)
    log.warn({ file }, 'the key of the sign-ins was readable by other users: permissions corrected');
  const key = decodeKey(found.content.toString('latin1').trim());
  if (!key) throw invalid(`${file} does not hold a key of ${keyBytes} bytes`);
  return key;
}

/** Two processes that start at the same time end up with the same key: the second finds what the first wrote. */
async function makeKeyFile(file: string, log: Log): Promise<Buffer> {
  const release = await new FileLock(`${file}.lock`, lockTimeoutMs).take();
  try {
    const other = await readKeyFile(file, log);
    if (other) return other;
    const key = randomBytes(keyBytes);
    await writePrivateFile(file, Buffer.from(`${key.toString('base64')}\n`));
    log.info({ file }, 'made a key for sign-ins; keep a copy of it with your backups');
    return key;
  } finally {
    release();
  }
}

function invalid(what: string): BridgeError {
  return new BridgeError('token-key-invalid', `The key that encrypts sign-ins cannot be used: ${what}.`);
}

function unusable(file: string, cause: unknown): BridgeError {
  const message = `The key that encrypts sign-ins, ${file}, cannot be read or created (${fileErrorText(cause)}).`;
  return new BridgeError('token-key-unusable', message, { cause, details: { file } });
}
