import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { issueServerCertificate, makeAuthority } from '../../src/base/certificates.ts';
import { runProgram } from './external.ts';
import { freePorts } from './ports.ts';
import { Maildir, type Owner } from './read-clients-maildir.ts';

export interface DovecotOptions {
  /** Asked about each token (RFC 7662); its answer says whom the token belongs to. */
  readonly introspectionUrl: string;
  /** The authority of its certificate, PEM. */
  readonly introspectionCa: string;
}

/** A Dovecot that accepts only XOAUTH2: IMAP with TLS from the first byte, POP3 with STLS. */
export interface Dovecot {
  readonly imapPort: number;
  readonly pop3Port: number;
  /** The authority of its certificate, PEM. */
  readonly ca: string;
  /** The Maildir of every user. */
  readonly maildir: Maildir;
  /** Its own folder; removed with it. */
  readonly folder: string;
  /** Removes all messages from INBOX. */
  clear(): Promise<void>;
  /** Its log. */
  log(): string;
  stop(): Promise<void>;
}

/** Starts a Dovecot with its own configuration, in a folder that is removed with it. */
export async function startDovecot(options: DovecotOptions): Promise<Dovecot> {
  const folder = await mkdtemp(join(tmpdir(), 'mailbridge-dovecot-'));
  // Its processes drop root's privileges and still need access to their folders.
  await chmod(folder, 0o755);
  const owner = await ownerOfMail();
  const maildir = await Maildir.make(join(folder, 'mail'), owner);
  const authority = await makeAuthority('Dovecot', 10, 'rsa');
  const { cert, key } = await issueServerCertificate(authority, ['localhost', '127.0.0.1'], 10);
  await writeFile(join(folder, 'server.crt'), cert);
  await writeFile(join(folder, 'server.key'), key, { mode: 0o600 });
  await writeFile(join(folder, 'introspection-ca.crt'), options.introspectionCa);
  await writeFile(join(folder, 'oauth2.conf'), oauth2Settings(folder, options.introspectionUrl), { mode: 0o600 });
  const imapPort = await freePorts(2);
  const pop3Port = imapPort + 1;
  await writeFile(join(folder, 'dovecot.conf'), settings(folder, maildir.path, owner, { imapPort, pop3Port }));
  const { child, log } = await run(join(folder, 'dovecot.conf'));
  return {
    ...{ imapPort, pop3Port, ca: authority.cert, maildir, folder, log },
    async clear() {
      await maildir.clear();
      // Otherwise a session that is just ending may leave the removed messages in the index: Dovecot compares times.
      await resync(join(folder, 'dovecot.conf'));
    },
    async stop() {
      if (child.exitCode === null) {
        child.kill('SIGTERM');
        await once(child, 'exit');
      }
      endGroup(child);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** For processes that have not noticed by then that the master is gone: no process outlives its test. */
function endGroup(child: ChildProcess): void {
  try {
    process.kill(-(child.pid ?? Number.NaN), 'SIGKILL');
  } catch {
    // No process was left.
  }
}

const runsAsRoot = process.getuid?.() === 0;

/** The owner of the mail: Dovecot gives none to root. Under root it is Dovecot's own user, otherwise ours. */
async function ownerOfMail(): Promise<Owner & { readonly groupName: string }> {
  const user = runsAsRoot ? ['dovecot'] : [];
  const id = async (what: string) => (await runProgram('id', [what, ...user])).output.trim();
  return { uid: Number(await id('-u')), gid: Number(await id('-g')), groupName: await id('-gn') };
}

function oauth2Settings(folder: string, introspectionUrl: string): string {
  return `
introspection_mode = post
introspection_url = ${introspectionUrl}
username_attribute = username
active_attribute = active
active_value = true
tls_ca_cert_file = ${folder}/introspection-ca.crt
`;
}

function settings(
  folder: string,
  maildir: string,
  owner: Awaited<ReturnType<typeof ownerOfMail>>,
  { imapPort, pop3Port }: Pick<Dovecot, 'imapPort' | 'pop3Port'>,
): string {
  const [internal, login] = runsAsRoot ? ['dovecot', 'dovenull'] : [userInfo().username, userInfo().username];
  return `
protocols = imap pop3
listen = 127.0.0.1
base_dir = ${folder}/run
state_dir = ${folder}/state
log_path = /dev/stderr
default_internal_user = ${internal}
default_internal_group = ${owner.groupName}
default_login_user = ${login}
first_valid_uid = 1
first_valid_gid = 1
ssl = required
ssl_cert = <${folder}/server.crt
ssl_key = <${folder}/server.key
auth_mechanisms = xoauth2
auth_failure_delay = 0
mail_location = maildir:${maildir}
passdb {
  driver = oauth2
  mechanisms = xoauth2
  args = ${folder}/oauth2.conf
}
userdb {
  driver = static
  args = uid=${owner.uid} gid=${owner.gid} home=${folder} allow_all_users=yes
}
namespace inbox {
  inbox = yes
  separator = /
}
service anvil {
  chroot =
  # No waiting after failed logins.
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service imap-login {
  chroot =
  inet_listener imap {
    port = 0
  }
  inet_listener imaps {
    port = ${imapPort}
  }
}
service pop3-login {
  chroot =
  inet_listener pop3 {
    port = ${pop3Port}
  }
  inet_listener pop3s {
    port = 0
  }
}
`;
}

/** Makes Dovecot compare its index of INBOX with the files. @throws Error with its output */
async function resync(configFile: string): Promise<void> {
  const { code, output } = await runProgram('doveadm', ['-c', configFile, 'force-resync', '-u', 'anybody', 'INBOX']);
  if (code !== 0) throw new Error(`doveadm force-resync: ${output}`);
}

/** Runs Dovecot until it listens. @throws Error with its output if it does not */
async function run(configFile: string): Promise<{ child: ChildProcess; log: () => string }> {
  // Debian installs it outside an ordinary user's search path.
  const path = `${process.env.PATH ?? ''}:/usr/sbin`;
  const env = { ...process.env, PATH: path };
  // A separate process group, so that all of it can be ended.
  const child = spawn('dovecot', ['-F', '-c', configFile], { stdio: 'pipe', env, detached: true });
  let output = '';
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => reject(new Error(`Dovecot ended: ${output}`)));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (output.includes('starting up')) resolve();
    });
  });
  return { child, log: () => output };
}
