import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import {
  type CertificateAndKey,
  certificateCovers,
  certificateExpiry,
  issueServerCertificate,
  makeAuthority,
} from '../base/certificates.ts';
import { BridgeError, errorText, systemErrorCode } from '../base/errors.ts';
import { readOwnFile } from '../base/files/own-file.ts';
import { makeOwnFolder } from '../base/files/own-folder.ts';
import { writeOwnFile } from '../base/files/private-file.ts';

/** The parts of `tls` in the configuration that name files. */
export interface TlsFiles {
  readonly cert: string;
  readonly key: string;
}

/**
 * Reads certificate and key and proves that they belong together.
 * @throws BridgeError `tls-material-unreadable` naming the file
 */
export async function readTlsFiles(files: TlsFiles): Promise<CertificateAndKey> {
  const read = async (file: string) => {
    try {
      return await readFile(file, 'utf8');
    } catch (cause) {
      const reason = systemErrorCode(cause) === 'ENOENT' ? 'it does not exist' : errorText(cause);
      throw new BridgeError('tls-material-unreadable', `${file} cannot be read: ${reason}.`, { cause });
    }
  };
  const material = { cert: await read(files.cert), key: await read(files.key) };
  try {
    createSecureContext(material);
  } catch (cause) {
    throw new BridgeError('tls-material-unreadable', pairProblem(files, material, cause), { cause });
  }
  return material;
}

/** What is wrong with a pair that OpenSSL refuses, and in which file; OpenSSL's message names neither. */
function pairProblem(files: TlsFiles, { cert, key }: CertificateAndKey, cause: unknown): string {
  if (!succeeds(() => new X509Certificate(cert))) return `${files.cert} contains no certificate in PEM form.`;
  if (/ENCRYPTED/.test(key)) return `The private key in ${files.key} is encrypted; give it without a passphrase.`;
  if (!succeeds(() => createPrivateKey(key))) return `${files.key} contains no private key in PEM form.`;
  if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) {
    return `The private key in ${files.key} does not belong to the certificate in ${files.cert}.`;
  }
  return `${files.cert} and ${files.key} are not a usable certificate and key: ${errorText(cause)}.`;
}

function succeeds(attempt: () => unknown): boolean {
  try {
    attempt();
    return true;
  } catch {
    return false;
  }
}

/** A locally made certificate, and the file of the authority that clients have to trust. */
export interface LocalCertificate extends CertificateAndKey {
  readonly authorityFile: string;
  /** Whether the authority was just created. */
  readonly isNew: boolean;
}

const authorityValidDays = 3650;
/** Apple's programs refuse server certificates that are valid for more than 825 days. */
const serverValidDays = 800;
const renewBeforeMs = 60 * 24 * 60 * 60 * 1000;

/**
 * The certificate for a bridge that was given none: an authority and a server certificate in `tls/` of the data folder,
 * created on first use. The server certificate is renewed before it expires and when the machine's names change; the
 * authority stays. RSA, which devices of any age support.
 * @param names the bridge's own host name and the names given to programs; `localhost` and the machine's names and
 * addresses are added
 * @param nowMs milliseconds since 1970
 */
export async function localCertificate(
  dataFolder: string,
  names: readonly [string, ...string[]],
  nowMs: number,
): Promise<LocalCertificate> {
  const folder = join(dataFolder, 'tls');
  makeOwnFolder(folder);
  const authority = readPair(folder, 'ca');
  const signing = authority ?? (await makeAuthority(`mailbridge on ${hostname()}`, authorityValidDays, 'rsa'));
  if (!authority) await writePair(folder, 'ca', signing);
  const existing = authority && readPair(folder, 'server');
  const all = serverNames(names);
  const usable =
    existing && certificateExpiry(existing.cert) - nowMs > renewBeforeMs && certificateCovers(existing.cert, all);
  const server = usable ? existing : await issueServerCertificate(signing, all, serverValidDays);
  if (!usable) await writePair(folder, 'server', server);
  return { ...server, authorityFile: join(folder, 'ca.crt'), isNew: !authority };
}

function serverNames(names: readonly [string, ...string[]]): [string, ...string[]] {
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const usable = addresses.filter((each) => !each.address.startsWith('fe80')).map((each) => each.address);
  return [...new Set([...names, hostname(), 'localhost', '127.0.0.1', '::1', ...usable])] as [string, ...string[]];
}

function readPair(folder: string, name: string): CertificateAndKey | undefined {
  try {
    const [cert, key] = ['crt', 'key'].map((suffix) => readOwnFile(join(folder, `${name}.${suffix}`))?.toString());
    return cert === undefined || key === undefined ? undefined : { cert, key };
  } catch (cause) {
    if (cause instanceof BridgeError) throw cause;
    throw new BridgeError('tls-material-unreadable', `The certificate in ${folder} cannot be read.`, { cause });
  }
}

/** The certificate is written last: if it exists, so does its key. */
async function writePair(folder: string, name: string, pair: CertificateAndKey): Promise<void> {
  for (const [suffix, content, mode] of [
    ['key', pair.key, 0o600],
    ['crt', pair.cert, 0o644],
  ] as const) {
    await writeOwnFile(join(folder, `${name}.${suffix}`), Buffer.from(content), mode);
  }
}
