import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, statSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { TestContext } from 'vitest';
import { issueServerCertificate, makeAuthority } from '../../src/base/certificates.ts';
import { isInstalled, needProgram, runProgram } from './external.ts';
import { freePorts } from './ports.ts';
import { noteSecret } from './secret-search/record.ts';

export const baseDn = 'dc=contoso,dc=example';
export const adminDn = `cn=admin,${baseDn}`;
export const adminPassword = 'directory-manager-73';
export const searcherDn = `uid=searcher,${baseDn}`;
export const searcherPassword = 'looks-people-up-19';

/** A person in the directory. */
export interface Person {
  readonly uid: string;
  readonly password: string;
  readonly mail?: string;
  /** In the group {@link groupDn}. */
  readonly isInGroup?: boolean;
  /** Instead of `uid=…,ou=people`. */
  readonly rdn?: string;
}

export const peopleDn = `ou=people,${baseDn}`;
export const groupDn = `cn=mail users,${baseDn}`;

/** Debian installs it in root's search path only. */
const path = `${process.env.PATH}:/usr/sbin`;

export function hasSlapd(): boolean {
  process.env.PATH = path;
  return isInstalled('slapd') && isInstalled('ldapmodify');
}

export function needSlapd(context: TestContext): void {
  process.env.PATH = path;
  needProgram(context, 'slapd');
  needProgram(context, 'ldapmodify');
}

/** OpenLDAP's server, with people in it. It listens on 127.0.0.1 in the clear (StartTLS) and over TLS. */
export class Slapd {
  readonly folder: string;
  /** Of the authority of its certificate. */
  readonly ca: string;
  readonly caFile: string;
  readonly port: number;
  #child: ChildProcess | undefined;
  /** Where the log begins for readers. */
  #logFrom = 0;

  private constructor(folder: string, ca: string, port: number) {
    this.folder = folder;
    this.ca = ca;
    this.caFile = join(folder, 'ca.crt');
    this.port = port;
  }

  static async start(people: readonly Person[]): Promise<Slapd> {
    const folder = await mkdtemp(join(tmpdir(), 'mailbridge-slapd-'));
    const authority = await makeAuthority('Directory', 10, 'rsa');
    const { cert, key } = await issueServerCertificate(authority, ['localhost', '127.0.0.1'], 10);
    const slapd = new Slapd(folder, authority.cert, await freePorts(2));
    await mkdir(join(folder, 'db'));
    await writeFile(join(folder, 'server.crt'), cert);
    await writeFile(join(folder, 'server.key'), key, { mode: 0o600 });
    await writeFile(slapd.caFile, authority.cert);
    await writeFile(join(folder, 'slapd.conf'), settings(folder));
    const ldif = join(folder, 'people.ldif');
    await writeFile(ldif, ldifOf(people));
    for (const { password } of people) noteSecret('user password', password);
    for (const password of [adminPassword, searcherPassword]) noteSecret('user password', password);
    const { code, output } = await runProgram('slapadd', ['-f', join(folder, 'slapd.conf'), '-l', ldif]);
    if (code !== 0) throw new Error(`slapadd: ${output}`);
    await slapd.run();
    // The overlay records group membership when it sees the group change.
    const members = people.filter(({ isInGroup }) => isInGroup).map((person) => `member: ${dnOf(person)}\n`);
    if (members.length > 0) {
      await slapd.modify(`dn: ${groupDn}\nchangetype: modify\nadd: member\n${members.join('')}`);
    }
    return slapd;
  }

  get ldapUrl(): string {
    return `ldap://localhost:${this.port}`;
  }

  get ldapsUrl(): string {
    return `ldaps://localhost:${this.port + 1}`;
  }

  /** Its requests since {@link clearLog}: `BIND dn="…"`, `SRCH base="…"`, in order. */
  operations(kind: 'BIND' | 'SRCH'): string[] {
    return [...this.log().matchAll(new RegExp(`^.* ${kind} (dn|base)=.*$`, 'gm'))]
      .map(([line]) => line)
      .filter((line) => kind === 'SRCH' || line.includes('method='));
  }

  clearLog(): void {
    this.#logFrom = statSync(this.#logFile).size;
  }

  /** A line is written before the answer it describes is sent: directly to a file. */
  log(): string {
    return readFileSync(this.#logFile).subarray(this.#logFrom).toString();
  }

  get #logFile(): string {
    return join(this.folder, 'log');
  }

  /** Starts it, or restarts it after {@link kill}. */
  async run(): Promise<void> {
    const urls = `ldap://127.0.0.1:${this.port} ldaps://127.0.0.1:${this.port + 1}`;
    const log = openSync(this.#logFile, 'a');
    this.clearLog();
    const args = ['-f', join(this.folder, 'slapd.conf'), '-h', urls, '-d', '256'];
    const child = spawn('slapd', args, { stdio: ['ignore', log, log] });
    closeSync(log);
    this.#child = child;
    for (let tries = 0; !this.log().includes('slapd starting'); tries++) {
      if (tries === 400 || child.exitCode !== null) throw new Error(`slapd did not start: ${this.log()}`);
      await delay(25);
    }
  }

  /** Still accepts connections (the system does), but answers nothing. */
  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  /** Ends it and removes its folder. */
  async stop(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }

  /** Changes entries with LDIF. */
  async modify(ldif: string): Promise<void> {
    const args = ['-x', '-H', `ldap://127.0.0.1:${this.port}`, '-D', adminDn, '-w', adminPassword];
    const { code, output } = await runProgram('ldapmodify', args, ldif);
    if (code !== 0) throw new Error(`ldapmodify: ${output}`);
  }

  async setPassword(uid: string, password: string): Promise<void> {
    noteSecret('user password', password);
    await this.modify(
      `dn: uid=${uid},${peopleDn}\nchangetype: modify\nreplace: userPassword\nuserPassword: ${password}\n`,
    );
  }
}

function settings(folder: string): string {
  return `
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
attributetype ( 1.2.840.113556.1.4.656 NAME 'userPrincipalName' EQUALITY caseIgnoreMatch
  SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE )
objectclass ( 1.2.840.113556.1.5.9999 NAME 'windowsPerson' AUXILIARY MAY userPrincipalName )
modulepath /usr/lib/ldap
moduleload back_mdb
moduleload memberof
pidfile ${folder}/slapd.pid
TLSCACertificateFile ${folder}/ca.crt
TLSCertificateFile ${folder}/server.crt
TLSCertificateKeyFile ${folder}/server.key
threads 8
database mdb
directory ${folder}/db
maxsize 16777216
suffix "${baseDn}"
rootdn "${adminDn}"
rootpw ${adminPassword}
index objectClass,uid,mail,userPrincipalName eq
overlay memberof
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="${searcherDn}" read by * none
`;
}

function ldifOf(people: readonly Person[]): string {
  const base = `dn: ${baseDn}\nobjectClass: dcObject\nobjectClass: organization\no: Contoso\ndc: contoso\n`;
  const unit = `dn: ${peopleDn}\nobjectClass: organizationalUnit\nou: people\n`;
  const searcher = personText(searcherDn, { uid: 'searcher', password: searcherPassword });
  const group = `dn: ${groupDn}\nobjectClass: groupOfNames\ncn: mail users\nmember: ${adminDn}\n`;
  return [base, unit, searcher, ...people.map((person) => personText(dnOf(person), person)), group].join('\n');
}

function dnOf({ uid, rdn }: Person): string {
  return `${rdn ?? `uid=${uid}`},${peopleDn}`;
}

function personText(dn: string, { uid, password, mail }: Person): string {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  return `dn:: ${base64(dn)}
objectClass: inetOrgPerson
objectClass: windowsPerson
uid:: ${base64(uid)}
cn:: ${base64(uid)}
sn: Person
userPassword:: ${base64(password)}
${mail === undefined ? '' : `mail: ${mail}\nuserPrincipalName: ${mail}\n`}`;
}
