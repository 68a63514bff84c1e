import { X509Certificate } from 'node:crypto';
import { giveToFolderOwner } from '../../base/files/ownership.ts';
import { makeClientCertificate } from '../client-certificate-maker.ts';
import { appName } from '../names.ts';
import { assertCanWrite, writeWholeFile } from '../whole-file.ts';
import {
  type CertificateFiles,
  certificateFiles,
  readCertificateFiles,
  secretFile,
  writeCertificateFiles,
} from './credential-files.ts';
import {
  type AppCredential,
  addCertificate,
  addSecret,
  type Credentials,
  isCertificate,
  readCredentials,
  shows,
} from './credentials.ts';
import type { Directory } from './directory.ts';
import type { ReplicationOptions } from './replication.ts';

/** The requested credential. */
export interface WantedCredential {
  readonly kind: 'certificate' | 'secret';
  /** Whole days until it expires. */
  readonly validDays: number;
  /** The name in the Entra admin center. */
  readonly displayName: string;
  /** Absolute; the files go here. */
  readonly folder: string;
  readonly connection: string;
  /** The credential that the configuration names, if it is of this kind. */
  readonly present: AppCredential | undefined;
  /** Creates another one beside the existing one, in files of another name. */
  readonly rotate: boolean;
  /** Writes no file and creates no key. */
  readonly dryRun: boolean;
}

/** The current credential of the app. */
export interface SettledCredential {
  readonly credential: AppCredential;
  /** What the configuration has to name; undefined if it already names the right thing. */
  readonly files:
    | { readonly certificate: CertificateFiles }
    | { readonly secret: string; readonly expiresAtMs?: number }
    | undefined;
  readonly added: boolean;
  /** Milliseconds since 1970; undefined if unknown. */
  readonly expiresAtMs: number | undefined;
  /** Number of other credentials of the app. */
  readonly others: number;
}

const dayMs = 24 * 60 * 60 * 1000;

/**
 * Gives the app a credential, unless it has the one that the configuration names. The private key is created here and
 * stays here; a secret is written to its file as soon as it is received.
 * @throws BridgeError `directory-refused`, `registration-not-visible`, `file-not-written`
 */
export async function settleCredential(
  directory: Directory,
  applicationId: string,
  wanted: WantedCredential,
  replication: ReplicationOptions,
): Promise<SettledCredential> {
  const has = await readCredentials(directory, applicationId, replication);
  const nowMs = replication.clock.now();
  const app = { directory, applicationId, has, nowMs };
  const kept = wanted.rotate ? undefined : await keepPresent(app, wanted);
  return kept ?? (wanted.kind === 'secret' ? makeSecret(app, wanted) : makeCertificate(app, wanted));
}

/**
 * Checks that the files of a credential can be written, before anybody signs in.
 * @throws BridgeError `file-not-written`
 */
export async function assertCanKeep({ kind, folder, connection, rotate }: WantedCredential): Promise<void> {
  // For files with the time in their names, only the folder can be checked.
  const nowMs = rotate ? 0 : undefined;
  const { cert, key } = certificateFiles(folder, connection, nowMs);
  const files = kind === 'secret' ? [secretFile(folder, connection, nowMs)] : [key, cert];
  for (const file of files) await assertCanWrite(file);
}

/** The registration, and what was found in it. */
interface App {
  readonly directory: Directory;
  readonly applicationId: string;
  readonly has: Credentials;
  readonly nowMs: number;
}

/** The credential that the configuration names; undefined if it is no longer useful. */
async function keepPresent(
  app: App,
  { present, displayName }: WantedCredential,
): Promise<SettledCredential | undefined> {
  const { directory, applicationId, has, nowMs } = app;
  if (present === undefined) return undefined;
  // What cannot be seen about a secret, the token requested next will show.
  const known = shows(unexpired(has, nowMs), present);
  if (!known && present.kind === 'secret') return undefined;
  const expiresAtMs = present.kind === 'certificate' ? expiryOf(present.certPem) : undefined;
  if (expiresAtMs !== undefined && expiresAtMs <= nowMs) return undefined;
  if (!known && present.kind === 'certificate') {
    await addCertificate(directory, applicationId, has.certificates, present.certPem, displayName);
  }
  const others = countOf(has) - (known ? 1 : 0);
  return { credential: present, files: undefined, added: !known, expiresAtMs, others };
}

async function makeSecret({ directory, applicationId, has, nowMs }: App, wanted: WantedCredential) {
  const expiresAtMs = nowMs + wanted.validDays * dayMs;
  const value = await addSecret(directory, applicationId, wanted.displayName, expiresAtMs);
  const file = secretFile(wanted.folder, wanted.connection, wanted.rotate ? nowMs : undefined);
  if (!wanted.dryRun) await writeWholeFile(file, `${value}\n`, 0o600);
  const credential: AppCredential = { kind: 'secret', value };
  return { credential, files: { secret: file, expiresAtMs }, added: true, expiresAtMs, others: othersOf(has, wanted) };
}

async function makeCertificate({ directory, applicationId, has, nowMs }: App, wanted: WantedCredential) {
  const files = certificateFiles(wanted.folder, wanted.connection, wanted.rotate ? nowMs : undefined);
  const made = await certificateAt(files, wanted, nowMs);
  const known = has.certificates.some((each) => isCertificate(each, made.cert));
  if (!known) await addCertificate(directory, applicationId, has.certificates, made.cert, wanted.displayName);
  const credential: AppCredential = { kind: 'certificate', certPem: made.cert, keyPem: made.key };
  const others = othersOf(has, wanted) - (known ? 1 : 0);
  return { credential, files: { certificate: files }, added: !known, expiresAtMs: expiryOf(made.cert), others };
}

/** Number of credentials besides the new one; one that it replaces does not count. */
function othersOf(has: Credentials, { present, rotate }: WantedCredential): number {
  return countOf(has) - (rotate && present && shows(has, present) ? 1 : 0);
}

function countOf({ certificates, secrets }: Credentials): number {
  return certificates.length + secrets.length;
}

function unexpired({ certificates, secrets }: Credentials, nowMs: number): Credentials {
  const lasts = ({ endDateTime }: { readonly endDateTime?: string | null | undefined }) =>
    !endDateTime || Date.parse(endDateTime) > nowMs;
  return { certificates: certificates.filter(lasts), secrets: secrets.filter(lasts) };
}

/** Milliseconds since 1970. */
function expiryOf(certPem: string): number {
  return Date.parse(new X509Certificate(certPem).validTo);
}

/** The certificate in the files, which an interrupted run may have left, or a new one. */
async function certificateAt(files: CertificateFiles, wanted: WantedCredential, nowMs: number) {
  const left = await readCertificateFiles(files);
  if (left && expiryOf(left.cert) > nowMs + dayMs) {
    if (!wanted.dryRun) for (const file of [files.key, files.cert]) giveToFolderOwner(file);
    return left;
  }
  const made = await makeClientCertificate(appName(wanted.connection), nowMs, wanted.validDays);
  if (!wanted.dryRun) await writeCertificateFiles(files, made);
  return made;
}
